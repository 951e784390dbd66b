/* Scaling and rounding of the numbers in tables. */
#include "harness/numbers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct prefix {
    const char *base;
    struct sn_scale scales[7]; /* falling factors, ended by unit NULL */
};

static const struct prefix prefixes[] = {
    {"s", {{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}, {1e-9, "ns"}, {0, NULL}}},
    {"B/s", {{1e12, "TB/s"}, {1e9, "GB/s"}, {1e6, "MB/s"}, {1e3, "kB/s"}, {1, "B/s"}, {0, NULL}}},
    {"op/s",
     {{1e12, "Top/s"}, {1e9, "Gop/s"}, {1e6, "Mop/s"}, {1e3, "kop/s"}, {1, "op/s"}, {0, NULL}}},
    {"msg/s", {{1e9, "Gmsg/s"}, {1e6, "Mmsg/s"}, {1e3, "kmsg/s"}, {1, "msg/s"}, {0, NULL}}},
    {"B",
     {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1, "B"}, {0, NULL}}},
    {"Hz", {{1e9, "GHz"}, {1e6, "MHz"}, {1e3, "kHz"}, {1, "Hz"}, {0, NULL}}},
};

struct sn_scale sn_scale_choose(const char *unit, const double *values, size_t n)
{
    double logs = 0, middle;
    size_t used = 0;

    if (!unit || strcmp(unit, "1") == 0)
        return (struct sn_scale){1, ""};
    for (size_t i = 0; i < n; i++) {
        if (isfinite(values[i]) && values[i] > 0) {
            logs += log(values[i]);
            used++;
        }
    }
    middle = used ? exp(logs / (double)used) : 1;
    for (size_t p = 0; p < sizeof prefixes / sizeof prefixes[0]; p++) {
        const struct sn_scale *s = prefixes[p].scales;
        if (strcmp(prefixes[p].base, unit) != 0)
            continue;
        while (s[1].unit && middle < s->factor * 0.9995) /* 999.6 ns rounds to 1.000 us */
            s++;
        return *s;
    }
    return (struct sn_scale){1, unit};
}

/* Decimals that show `value` with `digits` significant digits; negative for tens, hundreds. */
static int decimals_of(double value, int digits)
{
    char e[48];
    int exponent;

    snprintf(e, sizeof e, "%.*e", digits - 1, value); /* after rounding: 9.9996 is 10.00 */
    sscanf(strchr(e, 'e') + 1, "%d", &exponent);
    return digits - 1 - exponent;
}

char *sn_num_sig(char buf[SN_NUM_SIZE], double value)
{
    double size = fabs(value);
    int d;

    if (!isfinite(value))
        strcpy(buf, "-");
    else if (value == 0)
        strcpy(buf, "0");
    else if (size < 1e-4 || size >= 1e7)
        snprintf(buf, SN_NUM_SIZE, "%.3e", value);
    else {
        d = decimals_of(value, 4);
        snprintf(buf, SN_NUM_SIZE, "%.*f", d > 0 ? d : 0, value);
    }
    return buf;
}

static double outwards(double value, double step, int direction)
{
    double steps = value / step, near = rint(steps);

    /* A value that is a multiple of the step up to rounding of the division stays where it is. */
    if (fabs(steps - near) < 1e-9 * fmax(1, fabs(steps)))
        return near * step;
    return (direction < 0 ? floor(steps) : ceil(steps)) * step;
}

char *sn_num_interval(char buf[SN_NUM_SIZE], double median, double lo, double hi)
{
    double half = (hi - lo) / 2, step;
    int d, of_half;

    if (!isfinite(lo) || !isfinite(hi) || !isfinite(median))
        return strcpy(buf, "-");
    if (fabs(hi) >= 1e7 || (fabs(hi) < 1e-4 && hi != 0)) {
        snprintf(buf, SN_NUM_SIZE, "[%.3e, %.3e]", lo, hi);
        return buf;
    }
    d = median == 0 ? 4 : decimals_of(median, 4);
    of_half = half > 0 ? decimals_of(half, 2) : d;
    if (lo > 0 && decimals_of(lo, 2) > of_half)
        of_half = decimals_of(lo, 2); /* a small lower end must not become 0 */
    d = of_half < d ? of_half : d;
    d = d > 0 ? d : 0;
    step = pow(10, -d);
    snprintf(buf, SN_NUM_SIZE, "[%.*f, %.*f]", d, outwards(lo, step, -1) + 0.0, d,
             outwards(hi, step, 1) + 0.0);
    return buf;
}

char *sn_num_raw(char buf[SN_NUM_SIZE], double value)
{
    if (isfinite(value))
        snprintf(buf, SN_NUM_SIZE, "%.12g", value == 0 ? 0.0 : value);
    else
        buf[0] = '\0';
    return buf;
}

char *sn_num_percent(char buf[SN_NUM_SIZE], double fraction)
{
    double p = 100 * fraction;

    if (!isfinite(p))
        return strcpy(buf, "-");
    if (p > 0 && p < 0.01)
        return strcpy(buf, "<0.01");
    snprintf(buf, SN_NUM_SIZE, "%.*f", fabs(p) >= 9.95 ? 1 : 2, p);
    return buf;
}

char *sn_num_count(char buf[SN_NUM_SIZE], unsigned long long n)
{
    char digits[32];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%llu", n), at = 0;

    if (len < 5)
        return strcpy(buf, digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            memcpy(buf + at, "\xc2\xa0", 2);
            at += 2;
        }
        buf[at++] = digits[i];
    }
    buf[at] = '\0';
    return buf;
}

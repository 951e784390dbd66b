/* Numbers with units, read exactly and written for people.
 *
 * A number is digits [. digits] [e exponent]; its value is kept as a 128-bit integer times a power
 * of ten, so that 1.5K is 1536 and 0.3K is an error, with nothing rounded on the way. */
#include "harness/base/units.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

/* A word after a number multiplies it by num / den. */
struct word {
    const char *text;
    int64_t num, den;
};

#define K 1000ll
#define I 1024ll

static const struct word counts[] = {{"K", I, 1}, {"M", I *I, 1}, {"G", I *I *I, 1},
                                     {"k", K, 1}, {"m", K *K, 1}, {"g", K *K *K, 1},
                                     {NULL, 0, 0}};
static const struct word none[] = {{NULL, 0, 0}};
static const struct word bytes[] = {
    {"B", 1, 1},         {"KiB", I, 1},          {"MiB", I *I, 1},
    {"GiB", I *I *I, 1}, {"TiB", I *I *I *I, 1}, {"kB", K, 1},
    {"MB", K *K, 1},     {"GB", K *K *K, 1},     {"TB", K *K *K *K, 1},
    {NULL, 0, 0},
};
static const struct word seconds[] = {
    {"s", 1, 1},    {"ms", 1, K},   {"us", 1, K *K}, {"ns", 1, K *K *K},
    {"min", 60, 1}, {"h", 3600, 1}, {NULL, 0, 0},
};
static const struct word rates[] = {
    {"B/s", 1, 1},        {"kB/s", K, 1},          {"MB/s", K *K, 1},
    {"GB/s", K *K *K, 1}, {"TB/s", K *K *K *K, 1}, {"KiB/s", I, 1},
    {"MiB/s", I *I, 1},   {"GiB/s", I *I *I, 1},   {NULL, 0, 0},
};
static const struct word ops[] = {
    {"op/s", 1, 1},        {"kop/s", K, 1},          {"Mop/s", K *K, 1},
    {"Gop/s", K *K *K, 1}, {"Top/s", K *K *K *K, 1}, {NULL, 0, 0},
};
static const struct word fractions[] = {{"%", 1, 100}, {NULL, 0, 0}};
static const struct word hertz[] = {
    {"Hz", 1, 1}, {"kHz", K, 1}, {"MHz", K *K, 1}, {"GHz", K *K *K, 1}, {NULL, 0, 0},
};

/* `scales`: words for writing, ascending, each used from `from` base units on. */
struct scale {
    const char *text;
    double unit, from;
};

static const struct scale write_bytes[] = {{"B", 1, 0},      {"kB", 1e3, 1e3},   {"MB", 1e6, 1e6},
                                           {"GB", 1e9, 1e9}, {"TB", 1e12, 1e12}, {0}};
static const struct scale write_seconds[] = {{"ns", 1e-9, 0},
                                             {"us", 1e-6, 1e-6},
                                             {"ms", 1e-3, 1e-3},
                                             {"s", 1, 1},
                                             {"min", 60, 120},
                                             {"h", 3600, 7200},
                                             {0}};
static const struct scale write_rates[] = {{"B/s", 1, 0},        {"kB/s", 1e3, 1e3},
                                           {"MB/s", 1e6, 1e6},   {"GB/s", 1e9, 1e9},
                                           {"TB/s", 1e12, 1e12}, {0}};
static const struct scale write_ops[] = {{"op/s", 1, 0},        {"kop/s", 1e3, 1e3},
                                         {"Mop/s", 1e6, 1e6},   {"Gop/s", 1e9, 1e9},
                                         {"Top/s", 1e12, 1e12}, {0}};
static const struct scale write_hertz[] = {
    {"Hz", 1, 0}, {"kHz", 1e3, 1e3}, {"MHz", 1e6, 1e6}, {"GHz", 1e9, 1e9}, {0}};

static const struct {
    const char *name, *what, *examples;
    const struct word *words;
    bool suffixes; /* K M G k m g; not for times, where 5m would be read as minutes */
    const struct scale *scales;
} units[] = {
    [SN_UNIT_COUNT] = {"1", "a number", "8, 4K, 2.5m", none, true, NULL},
    [SN_UNIT_BYTES] = {"B", "an amount of bytes", "512, 4K, 1MiB, 2.5GB", bytes, true, write_bytes},
    [SN_UNIT_SECONDS] = {"s", "a time", "30s, 1.5ms, 3us, 2min", seconds, false, write_seconds},
    [SN_UNIT_BYTES_PER_S] = {"B/s", "a rate", "12.5GB/s, 100MiB/s", rates, true, write_rates},
    [SN_UNIT_OPS_PER_S] = {"op/s", "a rate of operations", "1e9, 2.5Gop/s", ops, true, write_ops},
    [SN_UNIT_FRACTION] = {"1", "a fraction", "0.025, 2.5%", fractions, false, NULL},
    [SN_UNIT_HERTZ] = {"Hz", "a frequency", "2.6GHz, 900MHz", hertz, true, write_hertz},
};

const char *sn_units_name(enum sn_unit unit)
{
    return units[unit].name;
}

static int not_a_value(const char *text, enum sn_unit unit)
{
    return SN_FAIL(SN_EINVAL, "'%.64s' is not %s; right are for example %s", text, units[unit].what,
                   units[unit].examples);
}

/* digits * 10^exp10 * num / den, negated when `negative`; the number without its word stands in
 * text[0..len). */
struct number {
    bool negative;
    bool exact; /* false: more digits than fit, `digits` cut; exp10 still right */
    unsigned __int128 digits;
    int exp10;
    size_t len;
    struct word word;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool find_word(const struct word *w, const char *text, struct word *out)
{
    for (; w->text; w++)
        if (!strcmp(w->text, text)) {
            *out = *w;
            return true;
        }
    return false;
}

/* Exponents beyond this are no quantity of anything; keeps every sum of exponents small. */
enum { EXPONENT_MAX = 400, DIGITS_MAX = 36 };

static bool scan(const char *text, enum sn_unit unit, struct number *out)
{
    struct number v = {.exact = true};
    const char *p = text;
    int digits = 0, significant = 0;
    v.negative = *p == '-';
    p += *p == '-' || *p == '+';
    for (bool fraction = false; is_digit(*p) || (*p == '.' && !fraction); p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        digits++;
        if (significant < DIGITS_MAX) {
            v.digits = v.digits * 10 + (unsigned)(*p - '0');
            significant += v.digits != 0;
            v.exp10 -= fraction;
        } else {
            v.exact = v.exact && *p == '0';
            v.exp10 += !fraction;
        }
    }
    if (!digits || digits > EXPONENT_MAX)
        return false;
    if (*p == 'e' && (is_digit(p[1]) || ((p[1] == '-' || p[1] == '+') && is_digit(p[2])))) {
        char *end;
        long e = strtol(p + 1, &end, 10);
        if (e < -EXPONENT_MAX || e > EXPONENT_MAX)
            return false;
        v.exp10 += (int)e;
        p = end;
    }
    v.len = (size_t)(p - text);
    v.word = (struct word){"", 1, 1};
    if (*p) {
        p += *p == ' ' && p[1]; /* "1.5 ms", as it is written */
        if (!find_word(units[unit].words, p, &v.word) &&
            !(units[unit].suffixes && find_word(counts, p, &v.word)))
            return false;
    }
    *out = v;
    return true;
}

int sn_units_parse_int(const char *text, enum sn_unit unit, int64_t *out)
{
    struct number v;
    if (!scan(text, unit, &v))
        return not_a_value(text, unit);
    unsigned __int128 x = v.digits;
    bool whole = v.exact, fits = true;
    if (x) {
        /* Common factors go before the product, so that only a result that is too large overflows:
         * the digits have at most 36 places (120 bits), the words at most 40 bits after it. */
        int64_t num = v.word.num;
        for (; v.exp10 < 0 && x % 10 == 0; v.exp10++)
            x /= 10;
        for (; v.exp10 < 0 && x % 5 == 0 && num % 2 == 0; v.exp10++) {
            x /= 5;
            num /= 2;
        }
        for (; v.exp10 < 0 && x % 2 == 0 && num % 5 == 0; v.exp10++) {
            x /= 2;
            num /= 5;
        }
        for (; v.exp10 < 0 && num % 10 == 0; v.exp10++)
            num /= 10;
        whole = whole && v.exp10 >= 0;
        for (; fits && v.exp10 > 0; v.exp10--)
            fits = !__builtin_mul_overflow(x, (unsigned __int128)10, &x);
        fits = fits && !__builtin_mul_overflow(x, (unsigned __int128)num, &x);
        whole = whole && x % (unsigned __int128)v.word.den == 0;
        x /= (unsigned __int128)v.word.den;
    }
    if (!fits || x > (unsigned __int128)INT64_MAX)
        return SN_FAIL(SN_EINVAL, "'%.64s' is too large for a whole number", text);
    if (!whole)
        return SN_FAIL(SN_EINVAL, "'%.64s' is not a whole number", text);
    *out = v.negative ? -(int64_t)x : (int64_t)x;
    return SN_OK;
}

int sn_units_parse_real(const char *text, enum sn_unit unit, double *out)
{
    struct number v;
    if (!scan(text, unit, &v))
        return not_a_value(text, unit);
    /* The word is applied to the decimal text ("3us" is read as 3e-6, the nearest double of it)
     * where it is a power of ten, by a product elsewhere. */
    char number[EXPONENT_MAX + 64];
    int shift = 0;
    double factor = (double)v.word.num;
    int64_t num = v.word.num, den = v.word.den;
    for (; num % 10 == 0; num /= 10)
        shift++;
    for (; den % 10 == 0; den /= 10)
        shift--;
    if (num == 1 && den == 1)
        factor = 1;
    else
        shift = 0;
    const char *e = memchr(text, 'e', v.len);
    size_t mantissa = e ? (size_t)(e - text) : v.len;
    long exponent = (e ? strtol(e + 1, NULL, 10) : 0) + shift;
    snprintf(number, sizeof number, "%.*se%ld", (int)mantissa, text, exponent);
    double x = strtod(number, NULL) * factor;
    if (!isfinite(x))
        return SN_FAIL(SN_EINVAL, "'%.64s' is too large", text);
    *out = x;
    return SN_OK;
}

/* `value` rounded to 4 significant digits: 999.96 ns must become 1 us, not 1000 ns. */
static double round4(double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.3e", value);
    return strtod(text, NULL);
}

/* "1.234", "5121", "0.0125": 4 significant digits without trailing zeros, no exponent where a
 * reader does not need one. */
static int put4(char *buf, size_t size, double value)
{
    double a = fabs(value);
    return snprintf(buf, size, a >= 1e4 && a < 1e7 ? "%.0f" : "%.4g", value);
}

char *sn_units_format(char *buf, size_t size, double value, enum sn_unit unit)
{
    static const char *const binary[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    const struct scale *s = units[unit].scales;
    if (isnan(value)) {
        snprintf(buf, size, "-");
        return buf;
    }
    if (unit == SN_UNIT_COUNT && fabs(value) < 1e15 && value == floor(value)) {
        snprintf(buf, size, "%.0f", value == 0 ? 0 : value);
        return buf;
    }
    if (unit == SN_UNIT_BYTES && value >= 1024 && value < 0x1p60 && fmod(value, 1024) == 0) {
        int k = 0;
        double x = value;
        for (; k < 4 && fmod(x, 1024) == 0; k++)
            x /= 1024;
        if (x < 1e4) {
            snprintf(buf, size, "%.0f %s", x, binary[k]);
            return buf;
        }
    }
    double x = unit == SN_UNIT_FRACTION ? round4(value * 100) : round4(value);
    const char *text = unit == SN_UNIT_FRACTION ? "%" : NULL;
    if (s && isfinite(x)) {
        const struct scale *use = s;
        for (; s->text; s++)
            if (fabs(x) >= s->from)
                use = s;
        text = x == 0 ? units[unit].name : use->text;
        x = x == 0 ? 0 : value / use->unit; /* not of x: rounded once, in the written unit */
    } else if (s) {
        text = units[unit].name;
    }
    char number[40];
    put4(number, sizeof number, x);
    snprintf(buf, size, text ? "%s %s" : "%s", number, text);
    return buf;
}

char *sn_units_format_named(char *buf, size_t size, double value, const char *unit)
{
    if (!strcmp(unit, "1"))
        return sn_units_format(buf, size, value, SN_UNIT_COUNT);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++)
        if (!strcmp(unit, units[u].name))
            return sn_units_format(buf, size, value, (enum sn_unit)u);
    char number[40];
    sn_units_format(number, sizeof number, value, SN_UNIT_COUNT);
    snprintf(buf, size, isnan(value) ? "%s" : "%s %s", number, unit);
    return buf;
}

double sn_units_snap(double value)
{
    if (!isfinite(value))
        return value;
    char text[40];
    snprintf(text, sizeof text, "%.11e", value);
    return strtod(text, NULL) + 0.0; /* -0 becomes 0 */
}

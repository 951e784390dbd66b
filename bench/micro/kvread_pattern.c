/* Patterns of block reads (bench/micro/kvread_pattern.h). */
#include "bench/micro/kvread_pattern.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

static const char *const kinds[] = {
    [SN_KVREAD_UNIFORM] = "uniform", [SN_KVREAD_ZIPF] = "zipf", [SN_KVREAD_TRACE] = "trace"};
enum { KINDS = sizeof kinds / sizeof *kinds };
static const double steepest = 10;

static int parse_zipf(const char *term, const char *inside, struct sn_kvread_pattern *out)
{
    double s;
    int status = sn_units_parse_real(inside, SN_UNIT_COUNT, &s);
    if (status != SN_OK)
        return status;
    if (!(s >= 0 && s <= steepest))
        return SN_FAIL(SN_EINVAL, "'%s': the exponent must be 0 to %g", term, steepest);
    *out = (struct sn_kvread_pattern){.kind = SN_KVREAD_ZIPF, .s = s};
    return SN_OK;
}

int sn_kvread_pattern_parse(const char *term, struct sn_kvread_pattern *out)
{
    static const char *const right[] = {"uniform", "zipf(1.0)", "trace(FILE)"};
    const size_t word = strcspn(term, "("), n = strlen(term);
    size_t kind = 0;
    while (kind < KINDS && (strlen(kinds[kind]) != word || strncmp(kinds[kind], term, word)))
        kind++;
    if (kind == KINDS) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)(word < 31 ? word : 31), term);
        const char *near = sn_nearest(name, kinds, KINDS);
        return SN_FAIL(SN_EINVAL,
                       "'%s': no such pattern; one of uniform, zipf(1.0), trace(FILE)%s%s%s", term,
                       near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (kind == SN_KVREAD_UNIFORM && word == n) {
        *out = (struct sn_kvread_pattern){.kind = SN_KVREAD_UNIFORM};
        return SN_OK;
    }
    if (kind == SN_KVREAD_UNIFORM || n < word + 3 || term[n - 1] != ')')
        return SN_FAIL(SN_EINVAL, "'%s': right would be %s", term, right[kind]);
    char *inside = sn_strdupf("%.*s", (int)(n - word - 2), term + word + 1);
    int status = SN_OK;
    if (kind == SN_KVREAD_TRACE)
        *out = (struct sn_kvread_pattern){.kind = SN_KVREAD_TRACE, .file = sn_strdup(inside)};
    else
        status = parse_zipf(term, inside, out);
    free(inside);
    return status;
}

void sn_kvread_pattern_free(struct sn_kvread_pattern *p)
{
    free(p->file);
    *p = (struct sn_kvread_pattern){0};
}

int sn_kvread_pattern_check(const char *term)
{
    struct sn_kvread_pattern p;
    int status = sn_kvread_pattern_parse(term, &p);
    if (status == SN_OK)
        sn_kvread_pattern_free(&p);
    return status;
}

void sn_kvread_popularity_open(struct sn_kvread_popularity *p, size_t n, double s)
{
    *p = (struct sn_kvread_popularity){.n = n, .sum = sn_calloc(n + 1, sizeof *p->sum)};
    for (size_t i = 0; i < n; i++)
        p->sum[i + 1] = p->sum[i] + pow((double)(i + 1), -s);
}

void sn_kvread_popularity_close(struct sn_kvread_popularity *p)
{
    free(p->sum);
    *p = (struct sn_kvread_popularity){0};
}

size_t sn_kvread_popularity_draw(const struct sn_kvread_popularity *p, size_t of,
                                 struct sn_rng *rng)
{
    const double x = sn_rng_uniform(rng) * p->sum[of];
    size_t low = 0, high = of; /* sum[low] <= x; x < sum[high], or high is `of` */
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (p->sum[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    return low;
}

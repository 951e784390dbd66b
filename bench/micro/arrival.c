/* Arrival skew (bench/micro/arrival.h). */
#include "bench/micro/arrival.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

enum { STREAM_DELAY = 0x61727231, STREAM_WHO = 0x61727232 };

static const char *const kinds[] = {[SN_ARRIVAL_NONE] = "none",
                                    [SN_ARRIVAL_UNIFORM] = "uniform",
                                    [SN_ARRIVAL_EXP] = "exp",
                                    [SN_ARRIVAL_LATE] = "late"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const double longest_s = 10;

int sn_arrival_parse(const char *spec, struct sn_arrival *out)
{
    size_t word = strcspn(spec, "("), n = strlen(spec), kind = 0;
    while (kind < KINDS && (strlen(kinds[kind]) != word || strncmp(kinds[kind], spec, word)))
        kind++;
    if (kind == KINDS) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)(word < 31 ? word : 31), spec);
        const char *near = sn_nearest(name, kinds, KINDS);
        return SN_FAIL(SN_EINVAL,
                       "'%s': no such arrival; one of none, uniform(50us), exp(50us), "
                       "late(50us)%s%s%s",
                       spec, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    struct sn_arrival a = {.kind = (int)kind};
    if (kind == SN_ARRIVAL_NONE) {
        if (word != n)
            return SN_FAIL(SN_EINVAL, "'%s': none takes no time", spec);
        *out = a;
        return SN_OK;
    }
    char text[64];
    size_t inside = n > word + 2 ? n - word - 2 : 0;
    if (spec[word] != '(' || spec[n - 1] != ')' || !inside || inside >= sizeof text)
        return SN_FAIL(SN_EINVAL, "'%s': right would be %s(50us)", spec, kinds[kind]);
    memcpy(text, spec + word + 1, inside);
    text[inside] = 0;
    int status = sn_units_parse_real(text, SN_UNIT_SECONDS, &a.t_s);
    if (status != SN_OK)
        return status;
    if (!(a.t_s > 0 && a.t_s <= longest_s))
        return SN_FAIL(SN_EINVAL, "'%s': the time must be above 0 and at most 10 s", spec);
    *out = a;
    return SN_OK;
}

int sn_arrival_check(const char *spec)
{
    struct sn_arrival a;
    return sn_arrival_parse(spec, &a);
}

double sn_arrival_delay_s(const struct sn_arrival *a, uint64_t seed, uint64_t rep, int rank,
                          int ranks)
{
    uint64_t bits = sn_rng_at(seed ^ STREAM_DELAY, rep, (uint64_t)rank);
    double u = (double)(bits >> 11) * 0x1p-53;
    switch (a->kind) {
    case SN_ARRIVAL_UNIFORM:
        return u * a->t_s;
    case SN_ARRIVAL_EXP:
        return fmin(-log1p(-u), 20) * a->t_s;
    case SN_ARRIVAL_LATE:
        return (uint64_t)rank == sn_rng_at(seed ^ STREAM_WHO, rep, 0) % (uint64_t)ranks ? a->t_s
                                                                                        : 0;
    default:
        return 0;
    }
}

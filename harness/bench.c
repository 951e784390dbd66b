/* Look-ups in the tables of benchmarks, and the values of a case by name. */
#include "harness/bench.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct sn_bench *sn_bench_find(const struct sn_app *app, const char *name)
{
    for (const struct sn_bench *const *b = app->benches; *b; b++)
        if (!strcmp((*b)->name, name))
            return *b;
    return NULL;
}

size_t sn_bench_axis_count(const struct sn_bench *b)
{
    size_t n = 0;
    while (b->axes[n].name)
        n++;
    return n;
}

int sn_bench_axis_find(const struct sn_bench *b, const char *axis)
{
    for (int i = 0; b->axes[i].name; i++)
        if (!strcmp(b->axes[i].name, axis))
            return i;
    return -1;
}

static const struct sn_value *value_of(const struct sn_case *c, const char *axis,
                                       enum sn_axis_type type)
{
    int i = sn_bench_axis_find(c->bench, axis);
    assert(i >= 0 && "the benchmark has no such axis");
    assert(c->bench->axes[i].type == type && "the axis is of another type");
    return &c->values[i];
}

int64_t sn_case_int(const struct sn_case *c, const char *axis)
{
    return value_of(c, axis, SN_AXIS_INT)->i;
}

double sn_case_real(const struct sn_case *c, const char *axis)
{
    return value_of(c, axis, SN_AXIS_REAL)->r;
}

const char *sn_case_text(const struct sn_case *c, const char *axis)
{
    int i = sn_bench_axis_find(c->bench, axis);
    assert(i >= 0 && "the benchmark has no such axis");
    return c->values[i].text;
}

unsigned sn_case_word(const struct sn_case *c, const char *axis)
{
    return (unsigned)value_of(c, axis, SN_AXIS_WORD)->i;
}

void sn_check_fail(struct sn_check *k, const char *fmt, ...)
{
    if (k->errors++)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(k->first, sizeof k->first, fmt, ap);
    va_end(ap);
}

int sn_bench_axis_compares(const struct sn_bench *b)
{
    for (int i = 0; b->axes && b->axes[i].name; i++)
        if (b->axes[i].compares)
            return i;
    return -1;
}

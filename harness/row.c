/* Building a row: its arena, the adders, its identity and its statistics.
 *
 * The arena is a list of growing blocks, freed together; arrays grow by doubling inside it and
 * leave the old copy behind, which is cheap for the dozen entries an array of a row has.
 */
#include "harness/row.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/hash.h"
#include "harness/base/units.h"
#include "harness/stats.h"

enum { FIRST_BLOCK = 1024 };

struct sn_row_arena {
    struct sn_row_arena *next; /* older blocks */
    size_t used, size;
    alignas(16) char data[];
};

static const struct sn_row_stats no_stats = {NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};

void sn_row_init(struct sn_row *r)
{
    *r = (struct sn_row){
        .ranks = -1,
        .endpoints = -1,
        .batch = 1,
        .stats = no_stats,
        .limit_s = NAN,
        .efficiency = NAN,
    };
}

void sn_row_free(struct sn_row *r)
{
    for (struct sn_row_arena *a = r->arena, *next; a; a = next) {
        next = a->next;
        free(a);
    }
    sn_row_init(r);
}

void *sn_row_alloc(struct sn_row *r, size_t bytes)
{
    assert(bytes < SIZE_MAX / 2);
    bytes = (bytes + 15) & ~(size_t)15;
    struct sn_row_arena *a = r->arena;
    if (!a || a->size - a->used < bytes) {
        size_t size = a ? 2 * a->size : FIRST_BLOCK;
        while (size < bytes)
            size *= 2;
        struct sn_row_arena *block = sn_realloc(NULL, 1, sizeof *block + size);
        *block = (struct sn_row_arena){.next = a, .size = size};
        r->arena = a = block;
    }
    void *p = a->data + a->used;
    a->used += bytes;
    return p;
}

/* Length of the UTF-8 sequence at s (RFC 3629: no overlong forms, no surrogates, nothing above
 * U+10FFFF), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < n; i++) /* ends at the NUL, which is no continuation byte */
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] > 0x9f, beyond = s[0] == 0xf4 && s[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

static void make_utf8(char *text)
{
    for (unsigned char *s = (unsigned char *)text; *s;) {
        size_t n = utf8_sequence(s);
        if (!n)
            *s = '?';
        s += n ? n : 1;
    }
}

const char *sn_row_str(struct sn_row *r, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    char small[256];
    int n = vsnprintf(small, sizeof small, fmt, ap);
    assert(n >= 0);
    char *text = sn_row_alloc(r, (size_t)n + 1);
    if ((size_t)n < sizeof small)
        memcpy(text, small, (size_t)n + 1);
    else
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    va_end(ap);
    make_utf8(text);
    return text;
}

static const char *copy(struct sn_row *r, const char *text)
{
    return text ? sn_row_str(r, "%s", text) : NULL;
}

static double real(double value)
{
    assert(!isinf(value));
    return sn_units_snap(value);
}

/* The array of n items with room for one more; full when n is 0 or a power of two from 4 on. */
static void *grow(struct sn_row *r, void *items, size_t n, size_t size)
{
    if (n && (n < 4 || (n & (n - 1))))
        return items;
    void *more = sn_row_alloc(r, (n ? 2 * n : 4) * size);
    if (n)
        memcpy(more, items, n * size);
    return more;
}

static struct sn_param *add_param(struct sn_row *r, const char *name)
{
    assert(!sn_row_param(r, name));
    r->params = grow(r, r->params, r->n_params, sizeof *r->params);
    struct sn_param *p = &r->params[r->n_params++];
    *p = (struct sn_param){.name = copy(r, name)};
    return p;
}

void sn_row_add_param_int(struct sn_row *r, const char *name, int64_t value)
{
    struct sn_param *p = add_param(r, name);
    p->type = SN_PARAM_INT;
    p->i = value;
    p->r = (double)value;
    p->text = sn_row_str(r, "%" PRId64, value);
}

void sn_row_add_param_real(struct sn_row *r, const char *name, double value)
{
    assert(isfinite(value));
    struct sn_param *p = add_param(r, name);
    p->type = SN_PARAM_REAL;
    p->r = real(value);
    p->text = sn_row_str(r, "%.12g", p->r);
}

void sn_row_add_param_text(struct sn_row *r, const char *name, const char *value)
{
    assert(value);
    struct sn_param *p = add_param(r, name);
    p->type = SN_PARAM_TEXT;
    p->text = copy(r, value);
}

void sn_row_add_metric(struct sn_row *r, const struct sn_metric_doc *docs, const char *name,
                       double value)
{
    while (docs->name && strcmp(docs->name, name))
        docs++;
    assert(docs->name && docs->unit && docs->formula);
    assert(!sn_row_metric(r, name));
    r->metrics = grow(r, r->metrics, r->n_metrics, sizeof *r->metrics);
    r->metrics[r->n_metrics++] = (struct sn_metric){
        .name = copy(r, name),
        .value = real(value),
        .unit = copy(r, docs->unit),
        .higher_is_better = docs->higher_is_better,
        .formula = copy(r, docs->formula),
    };
}

void sn_row_add_part(struct sn_row *r, const char *part, double seconds)
{
    assert(part && isfinite(seconds) && seconds >= 0);
    r->breakdown = grow(r, r->breakdown, r->n_breakdown, sizeof *r->breakdown);
    r->breakdown[r->n_breakdown++] = (struct sn_part){copy(r, part), real(seconds)};
}

void sn_row_add_span(struct sn_row *r, const char *lane, const char *name, double start_s, double s)
{
    assert(isfinite(start_s) && start_s >= 0 && isfinite(s) && s >= 0);
    r->timeline = grow(r, r->timeline, r->n_timeline, sizeof *r->timeline);
    r->timeline[r->n_timeline++] =
        (struct sn_row_span){copy(r, lane), copy(r, name), real(start_s), real(s)};
}

void sn_row_add_sensitivity(struct sn_row *r, const char *name, double minus, double plus)
{
    assert(isfinite(minus) && isfinite(plus));
    r->sensitivity = grow(r, r->sensitivity, r->n_sensitivity, sizeof *r->sensitivity);
    r->sensitivity[r->n_sensitivity++] =
        (struct sn_row_change){copy(r, name), real(minus), real(plus)};
}

void sn_row_add_counter(struct sn_row *r, const char *name, double value, const char *reason)
{
    assert(!isnan(value) || reason);
    for (size_t i = 0; i < r->n_counters; i++)
        assert(strcmp(r->counters[i].name, name));
    r->counters = grow(r, r->counters, r->n_counters, sizeof *r->counters);
    r->counters[r->n_counters++] = (struct sn_counter){
        .name = copy(r, name),
        .value = real(value),
        .reason = isnan(value) ? copy(r, reason) : NULL,
    };
}

bool sn_row_is_cut(const struct sn_row *r)
{
    return r->status == SN_ROW_SKIPPED && r->reason && strstr(r->reason, " is cut");
}

bool sn_row_has_flag(const struct sn_row *r, const char *flag)
{
    for (size_t i = 0; i < r->n_flags; i++)
        if (!strcmp(r->flags[i], flag))
            return true;
    return false;
}

void sn_row_add_flag(struct sn_row *r, const char *flag)
{
    if (sn_row_has_flag(r, flag))
        return;
    r->flags = grow(r, r->flags, r->n_flags, sizeof *r->flags);
    r->flags[r->n_flags++] = copy(r, flag);
}

void sn_row_set_samples(struct sn_row *r, const double *samples_s, size_t n)
{
    r->samples_s = n ? sn_row_alloc(r, n * sizeof *samples_s) : NULL;
    r->n = n;
    for (size_t i = 0; i < n; i++) {
        assert(isfinite(samples_s[i]) && samples_s[i] >= 0);
        r->samples_s[i] = sn_units_snap(samples_s[i]);
    }
}

/* Every field ends with a NUL, so that no two rows have one text. */
void sn_row_set_id(struct sn_row *r)
{
    assert(r->bench);
    struct sn_buf b = {0};
    sn_buf_addf(&b, "%s%c%s%c%" PRIu64 "%c", SN_ROW_SCHEMA, 0, r->bench, 0, r->seed, 0);
    for (size_t i = 0; i < r->n_params; i++)
        sn_buf_addf(&b, "%s=%s%c", r->params[i].name, r->params[i].text, 0);
    r->id = sn_row_str(r, "%016" PRIx64, sn_hash_bytes(SN_HASH_START, b.data, b.len));
    sn_buf_free(&b);
}

const struct sn_metric *sn_row_metric(const struct sn_row *r, const char *name)
{
    for (size_t i = 0; i < r->n_metrics; i++)
        if (!strcmp(r->metrics[i].name, name))
            return &r->metrics[i];
    return NULL;
}

const struct sn_param *sn_row_param(const struct sn_row *r, const char *name)
{
    for (size_t i = 0; i < r->n_params; i++)
        if (!strcmp(r->params[i].name, name))
            return &r->params[i];
    return NULL;
}

/* A sum of foreign samples may overflow: then there is no such figure. */
static double finite_or_nan(double value)
{
    return isfinite(value) ? sn_units_snap(value) : NAN;
}

void sn_row_compute(struct sn_row *r)
{
    r->stats = no_stats;
    r->efficiency = NAN;
    if (!r->n)
        return;
    struct sn_row_stats *s = &r->stats;
    sn_stats_row(r->samples_s, r->n, s);
    double *values[] = {&s->min, &s->median, &s->ci95_lo, &s->ci95_hi, &s->p95,
                        &s->p99, &s->max,    &s->mean,    &s->stddev};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        *values[i] = finite_or_nan(*values[i]);
    r->limit_s = real(r->limit_s);
    if (!isnan(r->limit_s) && s->median > 0)
        r->efficiency = finite_or_nan(r->limit_s / s->median);
    if (r->efficiency > 1)
        sn_row_add_flag(r, "suspect");
}

/* A row as one line of JSON: fixed order of keys, reals with 12 significant digits, so that
 * encode(decode(line)) is the same line. */
#include <assert.h>
#include <math.h>

#include <jansson.h>

#include "harness/row_fields.h"

static json_t *put_real(double x)
{
    assert(!isinf(x));
    return isnan(x) ? json_null() : json_real(x);
}

/* Text that was set past sn_row_str() may not be UTF-8: a copy through it then. */
static json_t *put_text(const char *text)
{
    json_t *j = json_string(text);
    if (j)
        return j;
    struct sn_row scratch;
    sn_row_init(&scratch);
    j = json_string(sn_row_str(&scratch, "%s", text));
    sn_row_free(&scratch);
    return j;
}

static json_t *put_count(uint64_t n)
{
    assert(n <= INT64_MAX);
    return json_integer((json_int_t)n);
}

static json_t *put_object(const struct sn_row_field *fields, const void *base);

static json_t *put_params(const struct sn_row *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < r->n_params; i++) {
        const struct sn_param *p = &r->params[i];
        json_object_set_new(o, p->name,
                            p->type == SN_PARAM_INT    ? json_integer(p->i)
                            : p->type == SN_PARAM_REAL ? put_real(p->r)
                                                       : put_text(p->text));
    }
    return o;
}

static json_t *put_samples(const struct sn_row *r)
{
    json_t *a = json_array();
    for (uint64_t i = 0; i < r->n; i++)
        json_array_append_new(a, json_real(r->samples_s[i]));
    return a;
}

static json_t *put_metrics(const struct sn_row *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < r->n_metrics; i++)
        json_object_set_new(o, r->metrics[i].name,
                            put_object(sn_row_metric_fields, &r->metrics[i]));
    return o;
}

static json_t *put_list(const struct sn_row_field *fields, const void *items, size_t n, size_t size)
{
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, put_object(fields, (const char *)items + i * size));
    return a;
}

static json_t *put_counters(const struct sn_row *r)
{
    json_t *o = json_object();
    for (size_t i = 0; i < r->n_counters; i++) {
        const struct sn_counter *c = &r->counters[i];
        json_t *value = put_real(c->value);
        if (isnan(c->value)) {
            json_decref(value);
            value = json_object();
            json_object_set_new(value, "unavailable", put_text(c->reason));
        }
        json_object_set_new(o, c->name, value);
    }
    return o;
}

static json_t *put_flags(const struct sn_row *r)
{
    json_t *a = json_array();
    for (size_t i = 0; i < r->n_flags; i++)
        json_array_append_new(a, put_text(r->flags[i]));
    return a;
}

static json_t *put_field(const struct sn_row_field *f, const void *base)
{
    const void *p = (const char *)base + f->at;
    const struct sn_row *r = base; /* of the lists, which are of the row itself */
    switch (f->kind) {
    case SN_FIELD_TEXT:
    case SN_FIELD_WORD: {
        const char *text = *(const char *const *)p;
        bool none = !text || !*text;
        assert(!none || f->null);
        return none ? json_null() : put_text(text);
    }
    case SN_FIELD_CHOICE: {
        const char *word = f->words[*(const unsigned *)p];
        return word ? json_string(word) : json_null();
    }
    case SN_FIELD_COUNT:
        return put_count(*(const uint64_t *)p);
    case SN_FIELD_INTEGER: {
        int i = *(const int *)p;
        assert(i >= f->low || f->null);
        return i >= f->low ? json_integer(i) : json_null();
    }
    case SN_FIELD_BATCH:
        return json_integer(*(const unsigned *)p);
    case SN_FIELD_BOOL:
        return f->words ? json_string(f->words[*(const bool *)p]) : json_boolean(*(const bool *)p);
    case SN_FIELD_REAL:
        assert(isnan(*(const double *)p) ? f->null : *(const double *)p >= f->low);
        return put_real(*(const double *)p);
    case SN_FIELD_PAIR: {
        const double *x = p;
        json_t *pair = json_array();
        json_array_append_new(pair, put_real(x[0]));
        json_array_append_new(pair, put_real(x[1]));
        return pair;
    }
    case SN_FIELD_OBJECT:
        return put_object(f->fields, base);
    case SN_FIELD_SCHEMA:
        return json_string(SN_ROW_SCHEMA);
    case SN_FIELD_PARAMS:
        return put_params(base);
    case SN_FIELD_SAMPLES:
        return put_samples(base);
    case SN_FIELD_METRICS:
        return put_metrics(base);
    case SN_FIELD_BREAKDOWN:
        return put_list(sn_row_part_fields, r->breakdown, r->n_breakdown, sizeof *r->breakdown);
    case SN_FIELD_TIMELINE:
        return put_list(sn_row_span_fields, r->timeline, r->n_timeline, sizeof *r->timeline);
    case SN_FIELD_SENSITIVITY:
        return put_list(sn_row_change_fields, r->sensitivity, r->n_sensitivity,
                        sizeof *r->sensitivity);
    case SN_FIELD_COUNTERS:
        return put_counters(base);
    case SN_FIELD_FLAGS:
        return put_flags(base);
    }
    return NULL;
}

static json_t *put_object(const struct sn_row_field *fields, const void *base)
{
    json_t *o = json_object();
    for (const struct sn_row_field *f = fields; f->key; f++) {
        bool text = f->kind == SN_FIELD_TEXT;
        if (f->optional && text && !*(const char *const *)((const char *)base + f->at))
            continue;
        json_t *value = put_field(f, base);
        if (f->optional && !text && !json_array_size(value))
            json_decref(value);
        else
            json_object_set_new(o, f->key, value);
    }
    return o;
}

static int add_to_buf(const char *bytes, size_t n, void *buf)
{
    sn_buf_addn(buf, bytes, n);
    return 0;
}

void sn_row_encode(const struct sn_row *r, struct sn_buf *out)
{
    assert(r->status != SN_ROW_OK || !r->reason);
    json_t *o = put_object(sn_row_fields, r);
    if (r->status != SN_ROW_OK && (!r->reason || !*r->reason)) /* worth no crash of the run */
        json_object_set_new(o, "reason", json_string("no reason was recorded"));
    json_dump_callback(o, add_to_buf, out,
                       JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(12));
    sn_buf_addn(out, "\n", 1);
    json_decref(o);
}

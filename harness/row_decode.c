/* Rows from JSON, strictly: every key of the table there and no other, each with its type and in
 * its range. The first thing that is wrong is named by its path ("stats.ci95"). Any bytes may come
 * in. */
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness/base/status.h"
#include "harness/row_fields.h"

/* Where in the row: built on the way down, written only when something is wrong. */
struct path {
    const struct path *up; /* NULL: of the row itself */
    const char *key;       /* NULL: an entry of an array */
    size_t index;
};

enum { SHOWN = 60 }; /* bytes of a foreign name or value in a message */

static void add_path(struct sn_buf *b, const struct path *p)
{
    if (!p) {
        sn_buf_add(b, "the line");
        return;
    }
    if (p->up)
        add_path(b, p->up);
    if (p->key)
        sn_buf_addf(b, "%s%.*s", p->up ? "." : "", SHOWN, p->key);
    else
        sn_buf_addf(b, "[%zu]", p->index);
}

#define KEY(up, key) (&(struct path){(up), (key), 0})
#define ENTRY(up, i) (&(struct path){(up), NULL, (i)})

/* SN_EINVAL "KEY: WHATMORE". */
static int fail_at(const struct path *path, const char *what, const char *more)
{
    struct sn_buf where = {0};
    add_path(&where, path);
    int status = SN_FAIL(SN_EINVAL, "%s: %s%s", where.data, what, more);
    sn_buf_free(&where);
    return status;
}

/* SN_EINVAL "KEY: must be WANT, is VALUE", a long value cut. */
static int wrong(const json_t *j, const struct path *path, const char *want)
{
    struct sn_buf what = {0};
    char *is = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    sn_buf_addf(&what, "must be %s, is %.*s%s", want, SHOWN, is ? is : "nothing",
                is && strlen(is) > SHOWN ? "..." : "");
    int status = fail_at(path, what.data, "");
    free(is);
    sn_buf_free(&what);
    return status;
}

static bool is_text(const json_t *j)
{
    return json_is_string(j) && json_string_length(j) > 0;
}

/* The index of a string in words[0..n); n when it is not there. */
static size_t find_word(const json_t *j, const char *const *words, size_t n)
{
    size_t i = 0;
    while (i < n && !(words[i] && json_is_string(j) && !strcmp(words[i], json_string_value(j))))
        i++;
    return i;
}

static int wrong_word(const json_t *j, const struct sn_row_field *f, size_t n,
                      const struct path *path)
{
    struct sn_buf want = {0};
    for (size_t i = 0; i < n; i++)
        if (f->words[i])
            sn_buf_addf(&want, "%s\"%s\"", want.len ? ", " : "one of ", f->words[i]);
    if (f->null)
        sn_buf_add(&want, " or null");
    int status = wrong(j, path, want.data);
    sn_buf_free(&want);
    return status;
}

/* False for what is no finite number or below `low`. */
static bool get_real(const json_t *j, bool null, double low, double *out)
{
    if (null && json_is_null(j)) {
        *out = NAN;
        return true;
    }
    double x = json_number_value(j); /* 0 for what is no number */
    if (!json_is_number(j) || !isfinite(x) || x < low)
        return false;
    *out = x;
    return true;
}

static const char *real_wanted(const struct sn_row_field *f)
{
    if (isinf(f->low))
        return f->null ? "a finite number or null" : "a finite number";
    return f->null ? "a number of at least 0 or null" : "a number of at least 0";
}

static int get_object(struct sn_row *r, const struct sn_row_field *fields, void *base,
                      const struct path *path, const json_t *j);

static int get_integer(const struct sn_row_field *f, const json_t *j, const struct path *path,
                       void *out)
{
    json_int_t low = f->kind == SN_FIELD_INTEGER ? (json_int_t)f->low : 0;
    json_int_t high = f->kind == SN_FIELD_INTEGER ? INT_MAX
                      : f->kind == SN_FIELD_BATCH ? UINT_MAX
                                                  : INT64_MAX;
    json_int_t i = json_integer_value(j);
    if (f->null && json_is_null(j))
        i = -1;
    else if (!json_is_integer(j) || i < low || i > high) {
        char want[80];
        snprintf(want, sizeof want, "an integer of %lld to %lld%s", (long long)low, (long long)high,
                 f->null ? " or null" : "");
        return wrong(j, path, want);
    }
    if (f->kind == SN_FIELD_INTEGER)
        *(int *)out = (int)i;
    else if (f->kind == SN_FIELD_BATCH)
        *(unsigned *)out = (unsigned)i;
    else
        *(uint64_t *)out = (uint64_t)i;
    return SN_OK;
}

static int get_words(struct sn_row *r, const struct sn_row_field *f, const json_t *j,
                     const struct path *path, void *out)
{
    size_t n = f->n_words;
    if (f->kind == SN_FIELD_WORD)
        while (f->words[n])
            n++;
    if (f->kind == SN_FIELD_BOOL)
        n = 2;
    size_t i = find_word(j, f->words, n);
    if (f->null && json_is_null(j)) /* of a CHOICE: the word that is NULL, the first */
        i = 0;
    else if (i == n)
        return wrong_word(j, f, n, path);
    if (f->kind == SN_FIELD_CHOICE)
        *(unsigned *)out = (unsigned)i;
    else if (f->kind == SN_FIELD_BOOL)
        *(bool *)out = i == 1;
    else
        *(const char **)out = json_is_null(j) ? NULL : f->words[i];
    return SN_OK;
}

static int get_schema(struct sn_row *r, const struct path *path, const json_t *j)
{
    if (!json_is_string(j) || strcmp(json_string_value(j), SN_ROW_SCHEMA))
        return wrong(j, path, "\"" SN_ROW_SCHEMA "\"");
    return SN_OK;
}

static int get_params(struct sn_row *r, const struct path *path, const json_t *j)
{
    const char *name;
    json_t *v;
    if (!json_is_object(j))
        return wrong(j, path, "an object");
    json_object_foreach ((json_t *)j, name, v) {
        if (json_is_integer(v))
            sn_row_add_param_int(r, name, json_integer_value(v));
        else if (json_is_real(v))
            sn_row_add_param_real(r, name, json_real_value(v));
        else if (json_is_string(v))
            sn_row_add_param_text(r, name, json_string_value(v));
        else
            return wrong(v, KEY(path, name), "a number or a text");
    }
    return SN_OK;
}

static int get_samples(struct sn_row *r, const struct path *path, const json_t *j)
{
    size_t n = json_array_size(j);
    if (!json_is_array(j))
        return wrong(j, path, "an array");
    if (n != r->n) /* n stands before the samples */
        return SN_FAIL(SN_EINVAL, "n: is %" PRIu64 ", but samples_s has %zu", r->n, n);
    r->samples_s = n ? sn_row_alloc(r, n * sizeof *r->samples_s) : NULL;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(j, i);
        if (!get_real(v, false, 0, &r->samples_s[i]))
            return wrong(v, ENTRY(path, i), "a number of at least 0");
    }
    return SN_OK;
}

static int get_metrics(struct sn_row *r, const struct path *path, const json_t *j)
{
    const char *name;
    json_t *v;
    if (!json_is_object(j))
        return wrong(j, path, "an object");
    json_object_foreach ((json_t *)j, name, v) {
        struct sn_metric m;
        int status = get_object(r, sn_row_metric_fields, &m, KEY(path, name), v);
        if (status)
            return status;
        struct sn_metric_doc docs[] = {{name, m.unit, m.higher_is_better, m.formula}, {0}};
        sn_row_add_metric(r, docs, name, m.value);
    }
    return SN_OK;
}

/* The lists of objects. */
static int get_list(struct sn_row *r, const struct sn_row_field *f, const struct path *path,
                    const json_t *j)
{
    if (!json_is_array(j) || (f->optional && !json_array_size(j)))
        return wrong(j, path, f->optional ? "an array that is not empty" : "an array");
    for (size_t i = 0; i < json_array_size(j); i++) {
        struct sn_part part;
        struct sn_row_span span;
        struct sn_row_change change;
        const json_t *v = json_array_get(j, i);
        int status;
        if (f->kind == SN_FIELD_BREAKDOWN)
            status = get_object(r, sn_row_part_fields, &part, ENTRY(path, i), v);
        else if (f->kind == SN_FIELD_TIMELINE)
            status = get_object(r, sn_row_span_fields, &span, ENTRY(path, i), v);
        else
            status = get_object(r, sn_row_change_fields, &change, ENTRY(path, i), v);
        if (status)
            return status;
        if (f->kind == SN_FIELD_BREAKDOWN)
            sn_row_add_part(r, part.part, part.s);
        else if (f->kind == SN_FIELD_TIMELINE)
            sn_row_add_span(r, span.lane, span.name, span.start_s, span.s);
        else
            sn_row_add_sensitivity(r, change.name, change.minus, change.plus);
    }
    return SN_OK;
}

static int get_counters(struct sn_row *r, const struct path *path, const json_t *j)
{
    const char *name;
    json_t *v;
    if (!json_is_object(j))
        return wrong(j, path, "an object");
    json_object_foreach ((json_t *)j, name, v) {
        const json_t *reason = json_object_get(v, "unavailable");
        if (json_is_number(v))
            sn_row_add_counter(r, name, json_number_value(v), NULL);
        else if (is_text(reason) && json_object_size(v) == 1)
            sn_row_add_counter(r, name, NAN, json_string_value(reason));
        else
            return wrong(v, KEY(path, name), "a number or {\"unavailable\":\"why\"}");
    }
    return SN_OK;
}

static int get_flags(struct sn_row *r, const struct path *path, const json_t *j)
{
    if (!json_is_array(j))
        return wrong(j, path, "an array");
    for (size_t i = 0; i < json_array_size(j); i++) {
        const json_t *v = json_array_get(j, i);
        if (!is_text(v))
            return wrong(v, ENTRY(path, i), "a text");
        if (sn_row_has_flag(r, json_string_value(v)))
            return wrong(v, ENTRY(path, i), "a flag that was not there before");
        sn_row_add_flag(r, json_string_value(v));
    }
    return SN_OK;
}

static int get_field(struct sn_row *r, const struct sn_row_field *f, void *base,
                     const struct path *path, const json_t *j)
{
    void *p = (char *)base + f->at;
    switch (f->kind) {
    case SN_FIELD_TEXT:
        if (!is_text(j) && !(f->null && json_is_null(j)))
            return wrong(j, path, f->null ? "a text or null" : "a text");
        *(const char **)p = json_is_null(j) ? NULL : sn_row_str(r, "%s", json_string_value(j));
        return SN_OK;
    case SN_FIELD_WORD:
    case SN_FIELD_CHOICE:
        return get_words(r, f, j, path, p);
    case SN_FIELD_COUNT:
    case SN_FIELD_INTEGER:
    case SN_FIELD_BATCH:
        return get_integer(f, j, path, p);
    case SN_FIELD_BOOL:
        if (f->words)
            return get_words(r, f, j, path, p);
        if (!json_is_boolean(j))
            return wrong(j, path, "true or false");
        *(bool *)p = json_is_true(j);
        return SN_OK;
    case SN_FIELD_REAL:
        if (!get_real(j, f->null, f->low, p))
            return wrong(j, path, real_wanted(f));
        return SN_OK;
    case SN_FIELD_PAIR:
        if (json_array_size(j) != 2 ||
            !get_real(json_array_get(j, 0), f->null, f->low, (double *)p) ||
            !get_real(json_array_get(j, 1), f->null, f->low, (double *)p + 1))
            return wrong(j, path, "an array of two numbers of at least 0 or null");
        return SN_OK;
    case SN_FIELD_OBJECT:
        return get_object(r, f->fields, base, path, j);
    case SN_FIELD_SCHEMA:
        return get_schema(r, path, j);
    case SN_FIELD_PARAMS:
        return get_params(r, path, j);
    case SN_FIELD_SAMPLES:
        return get_samples(r, path, j);
    case SN_FIELD_METRICS:
        return get_metrics(r, path, j);
    case SN_FIELD_BREAKDOWN:
    case SN_FIELD_TIMELINE:
    case SN_FIELD_SENSITIVITY:
        return get_list(r, f, path, j);
    case SN_FIELD_COUNTERS:
        return get_counters(r, path, j);
    case SN_FIELD_FLAGS:
        return get_flags(r, path, j);
    }
    return SN_OK;
}

static size_t count_fields(const struct sn_row_field *fields)
{
    size_t n = 0;
    while (fields[n].key)
        n++;
    return n;
}

/* Fails with the first key of j that is no field; SN_OK when there is none. */
static int unknown_key(const struct sn_row_field *fields, const struct path *path, const json_t *j)
{
    const char *keys[SN_ROW_FIELDS_MAX];
    size_t n = count_fields(fields);
    for (size_t i = 0; i < n; i++)
        keys[i] = fields[i].key;
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)j, key, value) {
        size_t i = 0;
        while (i < n && strcmp(keys[i], key))
            i++;
        if (i < n)
            continue;
        const char *nearest = sn_nearest(key, keys, n);
        return fail_at(KEY(path, key), nearest ? "unknown key; the nearest is " : "unknown key",
                       nearest ? nearest : "");
    }
    return SN_OK;
}

static int get_object(struct sn_row *r, const struct sn_row_field *fields, void *base,
                      const struct path *path, const json_t *j)
{
    if (!json_is_object(j))
        return wrong(j, path, "an object");
    size_t n = 0;
    for (const struct sn_row_field *f = fields; f->key; f++) {
        const json_t *value = json_object_get(j, f->key);
        if (!value && f->optional)
            continue;
        n++;
        if (!value) {
            int status = unknown_key(fields, path, j); /* a misspelt key says more than a gap */
            return status ? status : fail_at(KEY(path, f->key), "missing", "");
        }
        int status = get_field(r, f, base, KEY(path, f->key), value);
        if (status)
            return status;
    }
    return json_object_size(j) == n ? SN_OK : unknown_key(fields, path, j);
}

/* What one field alone cannot tell. */
static int check_row(const struct sn_row *r)
{
    if (strlen(r->id) != 16 || strspn(r->id, "0123456789abcdef") != 16)
        return SN_FAIL(SN_EINVAL, "id: must be 16 hexadecimal digits, is \"%.60s\"", r->id);
    const char *sum = r->check.checksum;
    if (sum && (strlen(sum) != 16 || strspn(sum, "0123456789abcdef") != 16))
        return SN_FAIL(SN_EINVAL, "check.checksum: must be 16 hexadecimal digits, is \"%.60s\"",
                       sum);
    if (r->status == SN_ROW_OK && r->reason)
        return SN_FAIL(SN_EINVAL, "reason: must be null in a row that is ok");
    if (r->status != SN_ROW_OK && !r->reason)
        return SN_FAIL(SN_EINVAL, "reason: missing in a row that is %s",
                       sn_row_status_name(r->status));
    return SN_OK;
}

int sn_row_decode(struct sn_row *out, const char *line, size_t n)
{
    json_error_t error;
    json_t *j = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error);
    if (!j)
        return SN_FAIL(SN_EINVAL, "not a JSON object: %s (byte %d)", error.text, error.position);
    struct sn_row r;
    sn_row_init(&r);
    int status = get_object(&r, sn_row_fields, &r, NULL, j);
    if (status == SN_OK)
        status = check_row(&r);
    if (status == SN_OK)
        *out = r;
    else
        sn_row_free(&r);
    json_decref(j);
    return status;
}

/* noise.json: written in one fixed form, read strictly. results/README.md has the keys. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness/base/status.h"
#include "harness/escape.h"
#include "harness/noise.h"
#include "harness/numbers.h"

/* --- writing ---------------------------------------------------------------------------------- */

static void text(struct sn_buf *out, const char *key, const char *value)
{
    sn_buf_addf(out, "\"%s\": ", key);
    if (value)
        sn_escape_json(out, value);
    else
        sn_buf_add(out, "null");
}

static void real(struct sn_buf *out, const char *key, double value)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    sn_buf_addf(out, ", \"%s\": %s", key, *raw ? raw : "null");
}

void sn_noise_encode(const struct sn_noise *x, struct sn_buf *out)
{
    sn_buf_addf(out, "{\"schema\": \"%s\", \"quantile\": %.12g,\n\"runs\": [", SN_NOISE_SCHEMA,
                SN_NOISE_QUANTILE);
    for (size_t i = 0; i < x->n_runs; i++) {
        sn_buf_add(out, i ? ",\n{" : "\n{");
        text(out, "name", x->runs[i].name);
        sn_buf_add(out, ", ");
        text(out, "machine_id", x->runs[i].machine_id);
        sn_buf_add(out, ", ");
        text(out, "rows_sha256", x->runs[i].rows_sha256);
        sn_buf_add(out, "}");
    }
    sn_buf_add(out, "\n],\n\"rows\": [");
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct sn_noise_row *r = &x->rows[i];
        sn_buf_add(out, i ? ",\n{" : "\n{");
        text(out, "id", r->id);
        sn_buf_add(out, ", ");
        text(out, "bench", r->bench);
        sn_buf_add(out, ", ");
        text(out, "label", r->label);
        sn_buf_addf(out, ", \"launches\": %zu, \"splits\": %zu", r->f.launches, r->f.splits);
        real(out, "split_ln", r->f.split);
        real(out, "drift_ln", r->f.drift);
        real(out, "noise_ln", r->f.noise);
        sn_buf_add(out, ", ");
        text(out, "reason", r->reason);
        sn_buf_add(out, "}");
    }
    sn_buf_add(out, "\n]}\n");
}

/* --- reading ---------------------------------------------------------------------------------- */

enum { LABEL_MAX = 65536, COUNT_MAX = 100000000 };
#define LN_MAX 100.0 /* e^100: no two times of one row are further apart */

struct reader {
    const char *name; /* of the file */
    const char *list; /* "rows", NULL at the top */
    size_t at;
};

static int wrong(const struct reader *r, const char *key, const char *must)
{
    return r->list ? SN_FAIL(SN_EINVAL, "%s: %s[%zu].%s: must be %s", r->name, r->list, r->at, key,
                             must)
                   : SN_FAIL(SN_EINVAL, "%s: %s: must be %s", r->name, key, must);
}

static int only_keys(const struct reader *r, const json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return r->list
                   ? SN_FAIL(SN_EINVAL, "%s: %s[%zu]: must be an object", r->name, r->list, r->at)
                   : SN_FAIL(SN_EINVAL, "%s: not a JSON object: not a file of `snbench noise`",
                             r->name);
    for (size_t i = 0; keys[i]; i++)
        if (!json_object_get(object, keys[i]))
            return wrong(r, keys[i], "there; the key is missing");
    json_object_foreach ((json_t *)object, key, value) {
        size_t i = 0;
        while (keys[i] && strcmp(keys[i], key) != 0)
            i++;
        if (!keys[i])
            return wrong(r, key, "absent; the key is unknown");
    }
    return SN_OK;
}

static int read_text(const struct reader *r, const json_t *object, const char *key, bool needed,
                     char **out)
{
    const json_t *v = json_object_get(object, key);
    const char *s = json_string_value(v);

    if (json_is_null(v) && !needed)
        return SN_OK;
    if (!s || !*s || strlen(s) != json_string_length(v) || strlen(s) > LABEL_MAX)
        return wrong(r, key, needed ? "a text" : "a text or null");
    *out = sn_strdup(s);
    return SN_OK;
}

static int read_hex(const struct reader *r, const json_t *object, const char *key, size_t digits,
                    char *out)
{
    const char *s = json_string_value(json_object_get(object, key));

    if (!s || strlen(s) != digits || strspn(s, "0123456789abcdef") != digits)
        return wrong(r, key, digits == 16 ? "16 hex digits" : "64 hex digits");
    memcpy(out, s, digits + 1);
    return SN_OK;
}

static int read_count(const struct reader *r, const json_t *object, const char *key, size_t *out)
{
    const json_t *v = json_object_get(object, key);
    json_int_t i = json_integer_value(v);

    if (!json_is_integer(v) || i < 0 || i > COUNT_MAX)
        return wrong(r, key, "an integer of 0 to 100,000,000");
    *out = (size_t)i;
    return SN_OK;
}

static int read_ln(const struct reader *r, const json_t *object, const char *key, double *out)
{
    const json_t *v = json_object_get(object, key);

    *out = json_is_null(v) ? NAN : json_number_value(v);
    if (!json_is_null(v) && !(json_is_number(v) && *out >= 0 && *out <= LN_MAX))
        return wrong(r, key, "a number of 0 to 100, or null");
    return SN_OK;
}

static int read_row(const struct reader *r, const json_t *j, struct sn_noise_row *out)
{
    static const char *const keys[] = {"id",       "bench",    "label",    "launches", "splits",
                                       "split_ln", "drift_ln", "noise_ln", "reason",   NULL};
    char id[17] = "";
    int status = only_keys(r, j, keys);

    if (!status)
        status = read_hex(r, j, "id", 16, id);
    if (status)
        return status;
    out->id = sn_strdup(id);
    status = read_text(r, j, "bench", true, &out->bench);
    if (!status)
        status = read_text(r, j, "label", true, &out->label);
    if (!status)
        status = read_count(r, j, "launches", &out->f.launches);
    if (!status)
        status = read_count(r, j, "splits", &out->f.splits);
    if (!status)
        status = read_ln(r, j, "split_ln", &out->f.split);
    if (!status)
        status = read_ln(r, j, "drift_ln", &out->f.drift);
    if (!status)
        status = read_ln(r, j, "noise_ln", &out->f.noise);
    if (!status)
        status = read_text(r, j, "reason", false, &out->reason);
    if (!status && isnan(out->f.noise) != (out->reason != NULL))
        status = wrong(r, "reason", "null where there is a noise, and a text where there is none");
    return status;
}

static int read_source(const struct reader *r, const json_t *j, struct sn_noise_source *out)
{
    static const char *const keys[] = {"name", "machine_id", "rows_sha256", NULL};
    int status = only_keys(r, j, keys);

    if (!status)
        status = read_text(r, j, "name", true, &out->name);
    if (!status)
        status = read_text(r, j, "machine_id", false, &out->machine_id);
    if (!status)
        status = read_hex(r, j, "rows_sha256", 64, out->rows_sha256);
    return status;
}

/* An id twice would make the noise depend on the order. A set: a file may have many rows. */
static int no_id_twice(const struct sn_noise *x, struct reader *r)
{
    json_t *seen = json_object();
    int status = SN_OK;

    for (r->at = 0; r->at < x->n_rows && !status; r->at++) {
        if (json_object_get(seen, x->rows[r->at].id))
            status = wrong(r, "id", "unique; it stands there twice");
        else
            json_object_set_new(seen, x->rows[r->at].id, json_true());
    }
    json_decref(seen);
    return status;
}

static int read_all(struct sn_noise *x, const char *name, const json_t *j)
{
    static const char *const keys[] = {"schema", "quantile", "runs", "rows", NULL};
    struct reader top = {.name = name}, r = {.name = name, .list = "runs"};
    int status = only_keys(&top, j, keys);
    const json_t *runs = json_object_get(j, "runs"), *rows = json_object_get(j, "rows");
    const char *schema = json_string_value(json_object_get(j, "schema"));

    if (status)
        return status;
    if (!schema || strcmp(schema, SN_NOISE_SCHEMA) != 0)
        return wrong(&top, "schema", "\"" SN_NOISE_SCHEMA "\"");
    if (json_number_value(json_object_get(j, "quantile")) != SN_NOISE_QUANTILE)
        return wrong(&top, "quantile", "0.975");
    if (!json_is_array(runs))
        return wrong(&top, "runs", "an array");
    if (!json_is_array(rows))
        return wrong(&top, "rows", "an array");
    x->runs = sn_calloc(json_array_size(runs) + 1, sizeof *x->runs);
    x->rows = sn_calloc(json_array_size(rows) + 1, sizeof *x->rows);
    for (; r.at < json_array_size(runs) && !status; r.at++)
        status = read_source(&r, json_array_get(runs, r.at), &x->runs[x->n_runs++]);
    r = (struct reader){.name = name, .list = "rows"};
    for (; r.at < json_array_size(rows) && !status; r.at++)
        status = read_row(&r, json_array_get(rows, r.at), &x->rows[x->n_rows++]);
    return status ? status : no_id_twice(x, &r);
}

int sn_noise_parse(struct sn_noise *out, const char *name, const char *text, size_t n)
{
    struct sn_noise x = {0};
    json_error_t error;
    json_t *j = json_loadb(text ? text : "", n, JSON_REJECT_DUPLICATES, &error);
    int status =
        j ? read_all(&x, name, j) : SN_FAIL(SN_EINVAL, "%s:%d: %s", name, error.line, error.text);

    json_decref(j);
    if (status)
        sn_noise_free(&x);
    else
        *out = x;
    return status;
}

int sn_noise_read(struct sn_noise *out, const char *path)
{
    struct sn_buf b = {0};
    int status = sn_buf_read_file(&b, path);

    if (!status)
        status = sn_noise_parse(out, path, b.data, b.len);
    sn_buf_free(&b);
    return status;
}

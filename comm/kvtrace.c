/* Reading traces of requests (comm/kvtrace.h): a line is parsed by jansson, its integers are then
 * held against what the format says of each. */
#include "comm/kvtrace.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "comm/kvindex.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

struct reader {
    struct sn_kvtrace trace;
    const char *path;
    unsigned line;
    size_t request_cap, id_cap;
    struct sn_kvindex seen; /* id -> 1 + the last request that has it */
};

#define FAIL_AT(r, ...) fail_at(r, SN_FAIL(SN_EINVAL, __VA_ARGS__))
static int fail_at(const struct reader *r, int status)
{
    sn_status_prefix("%s:%u", r->path, r->line);
    return status;
}

static const char *const keys[] = {"timestamp", "input_length", "output_length", "hash_ids"};
enum { TIMESTAMP, INPUT, OUTPUT, IDS, KEYS };

static int check_keys(const struct reader *r, json_t *object)
{
    const char *key;
    json_t *value;
    for (unsigned k = 0; k < KEYS; k++)
        if (!json_object_get(object, keys[k]))
            return FAIL_AT(r, "'%s' is missing", keys[k]);
    json_object_foreach (object, key, value) {
        unsigned k = 0;
        while (k < KEYS && strcmp(key, keys[k]) != 0)
            k++;
        if (k == KEYS)
            return FAIL_AT(r,
                           "'%.64s' is no key of a request; it has timestamp, input_length, "
                           "output_length, hash_ids",
                           key);
    }
    return SN_OK;
}

static int integer(const struct reader *r, const char *what, const json_t *value, int64_t least,
                   int64_t most, uint64_t *out)
{
    if (!json_is_integer(value))
        return FAIL_AT(r, "%s is no integer", what);
    const int64_t x = json_integer_value(value);
    if (x < least || x > most)
        return FAIL_AT(r, "%s is %lld; must be %lld..%lld", what, (long long)x, (long long)least,
                       (long long)most);
    *out = (uint64_t)x;
    return SN_OK;
}

/* The ids of request number `number`, at the end of all ids. */
static int read_ids(struct reader *r, const json_t *array, size_t number)
{
    struct sn_kvtrace *t = &r->trace;
    int status = SN_OK;
    if (!json_is_array(array))
        return FAIL_AT(r, "hash_ids is no array");
    const size_t n = json_array_size(array);
    if (t->ids + n > r->id_cap) {
        r->id_cap = 2 * (t->ids + n);
        t->id = sn_realloc(t->id, r->id_cap, sizeof *t->id);
    }
    for (size_t i = 0; i < n && status == SN_OK; i++) {
        uint64_t id;
        status = integer(r, "an id", json_array_get(array, i), 0, INT64_MAX, &id);
        if (status)
            return status;
        if (sn_kvindex_get(&r->seen, id) == number + 1)
            return FAIL_AT(r, "id %llu twice in one request", (unsigned long long)id);
        sn_kvindex_put(&r->seen, id, (uint32_t)number + 1);
        t->id[t->ids + i] = id;
    }
    t->ids += n;
    return status;
}

static int read_request(struct reader *r, json_t *object)
{
    struct sn_kvtrace *t = &r->trace;
    uint64_t time, input, output;
    if (!json_is_object(object))
        return FAIL_AT(r, "no object; a request is {\"timestamp\": ..., \"input_length\": ..., "
                          "\"output_length\": ..., \"hash_ids\": [...]}");
    int status = check_keys(r, object);
    if (status == SN_OK)
        status = integer(r, keys[TIMESTAMP], json_object_get(object, keys[TIMESTAMP]), 0, INT64_MAX,
                         &time);
    if (status == SN_OK)
        status =
            integer(r, keys[INPUT], json_object_get(object, keys[INPUT]), 1, INT32_MAX, &input);
    if (status == SN_OK)
        status =
            integer(r, keys[OUTPUT], json_object_get(object, keys[OUTPUT]), 0, INT32_MAX, &output);
    if (status)
        return status;
    if (t->n && time < t->request[t->n - 1].time_ms)
        return FAIL_AT(r, "timestamp %llu after %llu; requests come in order of time",
                       (unsigned long long)time, (unsigned long long)t->request[t->n - 1].time_ms);
    const size_t first = t->ids;
    status = read_ids(r, json_object_get(object, keys[IDS]), t->n);
    if (status)
        return status;
    const uint64_t blocks = t->ids - first;
    const uint64_t want = (input + SN_KVTRACE_BLOCK_TOKENS - 1) / SN_KVTRACE_BLOCK_TOKENS;
    if (blocks != want)
        return FAIL_AT(r, "%llu hash_ids; %llu tokens are %llu blocks of %d",
                       (unsigned long long)blocks, (unsigned long long)input,
                       (unsigned long long)want, SN_KVTRACE_BLOCK_TOKENS);
    if (t->n == r->request_cap) {
        r->request_cap = r->request_cap ? 2 * r->request_cap : 64;
        t->request = sn_realloc(t->request, r->request_cap, sizeof *t->request);
    }
    t->request[t->n++] = (struct sn_kvtrace_request){.time_ms = time,
                                                     .input = (uint32_t)input,
                                                     .output = (uint32_t)output,
                                                     .blocks = (uint32_t)blocks,
                                                     .first = first};
    if (blocks > t->most_blocks)
        t->most_blocks = (uint32_t)blocks;
    return SN_OK;
}

static bool blank(const char *text, size_t n)
{
    while (n && strchr(" \t\r", text[n - 1]) && text[n - 1])
        n--;
    return n == 0;
}

static int read_line(struct reader *r, const char *text, size_t n)
{
    json_error_t error;
    json_t *object = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    if (!object)
        return FAIL_AT(r, "column %d: %s", error.column, error.text);
    int status = read_request(r, object);
    json_decref(object);
    return status;
}

int sn_kvtrace_parse(struct sn_kvtrace *out, const char *text, size_t n, const char *path)
{
    struct reader r = {.path = path};
    int status = SN_OK;
    for (size_t at = 0; at < n && status == SN_OK;) {
        const char *end = memchr(text + at, '\n', n - at);
        const size_t length = end ? (size_t)(end - text) - at : n - at;
        r.line++;
        if (!blank(text + at, length))
            status = read_line(&r, text + at, length);
        at += length + 1;
    }
    if (status == SN_OK && r.trace.n == 0)
        status = SN_FAIL(SN_EINVAL, "%s: no request", path);
    sn_kvindex_close(&r.seen);
    if (status) {
        sn_kvtrace_close(&r.trace);
        return status;
    }
    *out = r.trace;
    return SN_OK;
}

int sn_kvtrace_open(struct sn_kvtrace *out, const char *path)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, path);
    if (status == SN_OK)
        status = sn_kvtrace_parse(out, text.data, text.len, path);
    sn_buf_free(&text);
    return status;
}

void sn_kvtrace_close(struct sn_kvtrace *t)
{
    free(t->request);
    free(t->id);
    *t = (struct sn_kvtrace){0};
}

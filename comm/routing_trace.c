/* Routing trace(FILE): the experts that a real run used.
 *
 * FILE is CSV with the header "layer,token,e0,e1,...", one line for every token of every layer, in
 * order: layers grow by 1 from any first number, tokens of a layer by 1 from 0; # comments. Draw
 * `layer` takes the (layer mod layers)-th layer of the file, and tokens wrap around within it. The
 * order of a token's experts is kept. Shares are the mean over layers of what was observed.
 */
#include <stdlib.h>
#include <string.h>

#include "comm/lines.h"
#include "comm/routing_kind.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

#define FAIL_AT(lines, ...) fail_at(lines, SN_FAIL(SN_EINVAL, __VA_ARGS__))
static int fail_at(const struct sn_lines *l, int rc)
{
    sn_status_prefix("%s:%u", l->path, l->line);
    return rc;
}

struct reader {
    struct sn_lines lines;
    struct sn_routing_trace_rows rows;
    size_t n, cap;
    uint64_t layer, token; /* of the last row */
    unsigned experts, topk;
    uint32_t *seen; /* (experts) 1 + last row that used the expert */
};

static int check_header(struct reader *r)
{
    char *rest = sn_lines_next(&r->lines);
    const char *a = rest ? sn_lines_field(&rest) : NULL, *b = a ? sn_lines_field(&rest) : NULL;
    if (!b || strcmp(a, "layer") != 0 || strcmp(b, "token") != 0)
        return FAIL_AT(&r->lines, "the first line must be 'layer,token,e0,e1,...'");
    unsigned k = 0;
    for (const char *word; (word = sn_lines_field(&rest)); k++) {
        uint64_t number;
        if (word[0] != 'e' || !sn_lines_uint(word + 1, UINT16_MAX, &number) || number != k)
            return FAIL_AT(&r->lines, "column %u is '%s'; must be 'e%u'", k + 3, word, k);
    }
    if (k != r->topk)
        return FAIL_AT(&r->lines, "the trace has %u experts a token; top-%u is asked", k, r->topk);
    return SN_OK;
}

/* Row numbering: the same token count is not asked of every layer, only order without gaps. */
static int place_row(struct reader *r, uint64_t layer, uint64_t token)
{
    struct sn_routing_trace_rows *t = &r->rows;
    bool next_token = r->n && layer == r->layer && token == r->token + 1;
    bool next_layer = token == 0 && (r->n == 0 || layer == r->layer + 1);
    if (!next_token && !next_layer) {
        if (r->n == 0)
            return FAIL_AT(&r->lines, "token %llu: the first row of a layer is token 0",
                           (unsigned long long)token);
        return FAIL_AT(&r->lines,
                       "layer %llu token %llu after layer %llu token %llu; must be token %llu or "
                       "layer %llu token 0",
                       (unsigned long long)layer, (unsigned long long)token,
                       (unsigned long long)r->layer, (unsigned long long)r->token,
                       (unsigned long long)r->token + 1, (unsigned long long)r->layer + 1);
    }
    if (next_layer) {
        t->layer_first = sn_realloc(t->layer_first, t->layers + 2, sizeof *t->layer_first);
        t->layer_first[t->layers++] = r->n;
    }
    r->layer = layer;
    r->token = token;
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        t->expert = sn_realloc(t->expert, r->cap, r->topk * sizeof *t->expert);
    }
    return SN_OK;
}

static int read_row(struct reader *r, char *line)
{
    char *rest = line, *word;
    uint64_t at[2];
    for (unsigned i = 0; i < 2; i++) {
        word = sn_lines_field(&rest);
        if (!word || !sn_lines_uint(word, UINT32_MAX, &at[i]))
            return FAIL_AT(&r->lines, "'%s' is no %s number", word ? word : "",
                           i ? "token" : "layer");
    }
    int rc = place_row(r, at[0], at[1]);
    if (rc)
        return rc;
    uint16_t *expert = r->rows.expert + r->n * r->topk;
    for (unsigned j = 0; j < r->topk; j++) {
        uint64_t e;
        word = sn_lines_field(&rest);
        if (!word)
            return FAIL_AT(&r->lines, "%u experts; must be %u", j, r->topk);
        if (!sn_lines_uint(word, r->experts - 1, &e))
            return FAIL_AT(&r->lines, "'%s' is no expert number (0..%u)", word, r->experts - 1);
        if (r->seen[e] == r->lines.line)
            return FAIL_AT(&r->lines, "expert %u twice in one token", (unsigned)e);
        r->seen[e] = r->lines.line;
        expert[j] = (uint16_t)e;
    }
    if (rest)
        return FAIL_AT(&r->lines, "more than %u experts", r->topk);
    r->n++;
    return SN_OK;
}

int sn_routing_trace_parse(struct sn_routing_trace_rows *out, char *text, const char *path,
                           unsigned experts, unsigned topk)
{
    struct reader r = {.lines = {.path = path, .next = text}, .experts = experts, .topk = topk};
    r.seen = sn_calloc(experts, sizeof *r.seen);
    int rc = check_header(&r);
    for (char *line; rc == SN_OK && (line = sn_lines_next(&r.lines));)
        rc = read_row(&r, line);
    if (rc == SN_OK && r.n == 0)
        rc = FAIL_AT(&r.lines, "no row after the header");
    free(r.seen);
    if (rc) {
        sn_routing_trace_free(&r.rows);
        return rc;
    }
    r.rows.layer_first[r.rows.layers] = r.n;
    *out = r.rows;
    return SN_OK;
}

void sn_routing_trace_free(struct sn_routing_trace_rows *t)
{
    free(t->layer_first);
    free(t->expert);
    *t = (struct sn_routing_trace_rows){0};
}

static int open_trace(struct sn_routing *r, const struct sn_routing_args *args)
{
    struct sn_buf text = {0};
    struct sn_routing_trace_rows *t = sn_calloc(1, sizeof *t);
    int rc = sn_buf_read_file(&text, args->path);
    if (rc == SN_OK)
        rc = sn_routing_trace_parse(t, text.data ? text.data : (char[]){""}, args->path, r->experts,
                                    r->topk);
    sn_buf_free(&text);
    if (rc) {
        free(t);
        return rc;
    }
    for (unsigned l = 0; l < t->layers; l++) {
        size_t first = t->layer_first[l], end = t->layer_first[l + 1];
        double one = 1.0 / ((double)(end - first) * r->topk * t->layers);
        for (size_t i = first * r->topk; i < end * r->topk; i++)
            r->share[t->expert[i]] += one;
    }
    r->state = t;
    return SN_OK;
}

static void draw_trace(const struct sn_routing *r, uint64_t layer, uint64_t token,
                       struct sn_rng *rng, uint16_t *expert)
{
    const struct sn_routing_trace_rows *t = r->state;
    const size_t *first = &t->layer_first[layer % t->layers];
    size_t row = first[0] + token % (first[1] - first[0]);
    memcpy(expert, t->expert + row * r->topk, r->topk * sizeof *expert);
}

static void close_trace(struct sn_routing *r)
{
    sn_routing_trace_free(r->state);
    free(r->state);
}

const struct sn_routing_kind sn_routing_trace = {
    .name = "trace",
    .form = "trace(FILE)",
    .example = "trace(run.csv)",
    .brief = "the recorded experts of a CSV file \"layer,token,e0,e1,...\"",
    .takes_file = true,
    .keeps_order = true,
    .open = open_trace,
    .draw = draw_trace,
    .close = close_trace,
};

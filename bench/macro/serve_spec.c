#include "bench/macro/serve_spec.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "comm/lines.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

/* A word, and what stands in parentheses behind it. */
struct word {
    const char *word, *right; /* "poisson", "poisson(2)" */
    unsigned numbers;         /* inside; 0: none and no parentheses */
    bool text;                /* inside is a text */
};

/* The index of the term's word; `inside` gets a copy of what stands in parentheses, or NULL. */
static int match(const char *term, const char *what, const struct word *words, unsigned n,
                 unsigned *kind, char **inside)
{
    const size_t length = strlen(term), word = strcspn(term, "(");
    const char *names[8];
    unsigned k = 0;
    while (k < n && (strlen(words[k].word) != word || strncmp(words[k].word, term, word)))
        k++;
    for (unsigned i = 0; i < n; i++)
        names[i] = words[i].word;
    if (k == n) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)(word < 31 ? word : 31), term);
        const char *near = sn_nearest(name, names, n);
        struct sn_buf all = {0};
        for (unsigned i = 0; i < n; i++)
            sn_buf_addf(&all, "%s%s", i ? ", " : "", words[i].right);
        SN_FAIL(SN_EINVAL, "'%s': no such %s; one of %s%s%s%s", term, what, all.data,
                near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        sn_buf_free(&all);
        return SN_EINVAL;
    }
    const bool bare = !words[k].numbers && !words[k].text;
    if (bare ? word != length : length < word + 3 || term[length - 1] != ')')
        return SN_FAIL(SN_EINVAL, "'%s': right would be %s", term, words[k].right);
    *kind = k;
    *inside = bare ? NULL : sn_strdupf("%.*s", (int)(length - word - 2), term + word + 1);
    return SN_OK;
}

/* The numbers of `inside`, which is cut up. */
static int numbers(const char *term, char *inside, const struct word *w, double *out)
{
    char *rest = inside;
    for (unsigned i = 0; i < w->numbers; i++) {
        const char *field = sn_lines_field(&rest);
        if (!field || (i + 1 == w->numbers) != (rest == NULL))
            return SN_FAIL(SN_EINVAL, "'%s': right would be %s", term, w->right);
        int status = sn_units_parse_real(field, SN_UNIT_COUNT, &out[i]);
        if (status != SN_OK)
            return status;
    }
    return SN_OK;
}

/* --- arrivals --------------------------------------------------------------------------------- */

static const double least_rate = 1e-6, most_rate = 1e6, least_shape = 0.01, most_shape = 1e4;

int sn_serve_arrivals_parse(const char *term, struct sn_serve_arrivals *out)
{
    static const struct word words[] = {[SN_SERVE_TRACE] = {"trace", "trace", 0, false},
                                        [SN_SERVE_POISSON] = {"poisson", "poisson(2)", 1, false},
                                        [SN_SERVE_GAMMA] = {"gamma", "gamma(2,0.5)", 2, false}};
    double x[2] = {1, 1};
    unsigned kind;
    char *inside;
    int status = match(term, "arrivals", words, sizeof words / sizeof *words, &kind, &inside);
    if (status != SN_OK)
        return status;
    status = inside ? numbers(term, inside, &words[kind], x) : SN_OK;
    free(inside);
    if (status != SN_OK)
        return status;
    if (!(x[0] >= least_rate && x[0] <= most_rate))
        return SN_FAIL(SN_EINVAL, "'%s': a rate is %g to %g requests a second", term, least_rate,
                       most_rate);
    if (!(x[1] >= least_shape && x[1] <= most_shape))
        return SN_FAIL(SN_EINVAL, "'%s': a burstiness is %g to %g", term, least_shape, most_shape);
    *out = (struct sn_serve_arrivals){
        .kind = (enum sn_serve_arrivals_kind)kind, .rate = x[0], .shape = x[1]};
    return SN_OK;
}

int sn_serve_arrivals_check(const char *term)
{
    struct sn_serve_arrivals a;
    return sn_serve_arrivals_parse(term, &a);
}

/* Gamma of scale 1 by squeeze and rejection (Marsaglia and Tsang, ACM TOMS 26(3), 2000); below 1
 * from shape + 1. */
static double gamma_draw(double shape, struct sn_rng *rng)
{
    if (shape < 1) {
        const double u = 1 - sn_rng_uniform(rng);
        return gamma_draw(shape + 1, rng) * pow(u, 1 / shape);
    }
    const double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        const double x = sn_rng_normal(rng), v = pow(1 + c * x, 3);
        const double u = 1 - sn_rng_uniform(rng);
        if (v > 0 && log(u) < x * x / 2 + d * (1 - v + log(v)))
            return d * v;
    }
}

double sn_serve_arrivals_draw(const struct sn_serve_arrivals *a, struct sn_rng *rng)
{
    if (a->kind == SN_SERVE_POISSON)
        return sn_rng_exponential(rng) / a->rate;
    return gamma_draw(a->shape, rng) / (a->shape * a->rate);
}

/* --- lengths ---------------------------------------------------------------------------------- */

static const double most_sigma = 5;

int sn_serve_lengths_parse(const char *term, struct sn_serve_lengths *out)
{
    static const struct word words[] = {
        [SN_SERVE_OF_TRACE] = {"trace", "trace", 0, false},
        [SN_SERVE_FIXED] = {"fixed", "fixed(1024)", 1, false},
        [SN_SERVE_LOGNORMAL] = {"lognormal", "lognormal(1024,0.8)", 2, false},
        [SN_SERVE_FILE] = {"file", "file(FILE)", 0, true}};
    double x[2] = {1, 0};
    unsigned kind;
    char *inside;
    int status = match(term, "lengths", words, sizeof words / sizeof *words, &kind, &inside);
    if (status != SN_OK)
        return status;
    if (kind == SN_SERVE_FILE) {
        *out = (struct sn_serve_lengths){.kind = SN_SERVE_FILE, .file = inside};
        return SN_OK;
    }
    status = inside ? numbers(term, inside, &words[kind], x) : SN_OK;
    free(inside);
    if (status != SN_OK)
        return status;
    if (!(x[0] >= 1 && x[0] <= SN_SERVE_MOST_TOKENS))
        return SN_FAIL(SN_EINVAL, "'%s': a length is 1 to %d tokens", term, SN_SERVE_MOST_TOKENS);
    if (kind == SN_SERVE_FIXED && x[0] != floor(x[0]))
        return SN_FAIL(SN_EINVAL, "'%s': a length is a whole number of tokens", term);
    if (!(x[1] >= 0 && x[1] <= most_sigma))
        return SN_FAIL(SN_EINVAL, "'%s': a sigma is 0 to %g", term, most_sigma);
    *out = (struct sn_serve_lengths){
        .kind = (enum sn_serve_lengths_kind)kind, .mean = x[0], .sigma = x[1]};
    return SN_OK;
}

int sn_serve_lengths_check(const char *term)
{
    struct sn_serve_lengths l;
    int status = sn_serve_lengths_parse(term, &l);
    if (status == SN_OK)
        sn_serve_lengths_free(&l);
    return status;
}

void sn_serve_lengths_free(struct sn_serve_lengths *l)
{
    free(l->file);
    free(l->value);
    *l = (struct sn_serve_lengths){0};
}

int sn_serve_lengths_read(struct sn_serve_lengths *l)
{
    struct sn_buf text = {0};
    size_t cap = 0;
    int status = l->kind == SN_SERVE_FILE ? sn_buf_read_file(&text, l->file) : SN_OK;
    if (status != SN_OK || l->kind != SN_SERVE_FILE)
        return status;
    struct sn_lines lines = {.path = l->file, .next = text.data ? text.data : ""};
    for (char *line; status == SN_OK && text.len && (line = sn_lines_next(&lines));) {
        char *rest = line;
        const char *word = sn_lines_field(&rest);
        uint64_t n;
        if (rest || !word || !sn_lines_uint(word, SN_SERVE_MOST_TOKENS, &n) || n < 1) {
            status =
                SN_FAIL(SN_EINVAL, "%s:%u: '%.32s' is no length; a line is one number, 1 to %d",
                        l->file, lines.line, line, SN_SERVE_MOST_TOKENS);
            break;
        }
        if (l->n == cap) {
            cap = cap ? 2 * cap : 256;
            l->value = sn_realloc(l->value, cap, sizeof *l->value);
        }
        l->value[l->n++] = (uint32_t)n;
        l->mean += ((double)n - l->mean) / (double)l->n;
    }
    if (status == SN_OK && !l->n)
        status = SN_FAIL(SN_EINVAL, "%s: no length", l->file);
    sn_buf_free(&text);
    return status;
}

uint32_t sn_serve_lengths_draw(const struct sn_serve_lengths *l, size_t r, struct sn_rng *rng)
{
    if (l->kind == SN_SERVE_FILE)
        return l->value[r % l->n];
    if (l->kind != SN_SERVE_LOGNORMAL)
        return (uint32_t)l->mean;
    const double mu = log(l->mean) - l->sigma * l->sigma / 2;
    const double x = round(exp(mu + l->sigma * sn_rng_normal(rng)));
    return (uint32_t)fmin(fmax(x, 1), SN_SERVE_MOST_TOKENS);
}

double sn_serve_lengths_mean(const struct sn_serve_lengths *l)
{
    return l->mean;
}

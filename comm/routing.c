/* Routing: specifications, the kinds' common life, weights and imbalance (comm/routing.h). */
#include "comm/routing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "comm/routing_kind.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static const struct sn_routing_kind *const kinds[] = {
#define SN_ROUTING(name) &sn_routing_##name,
#include "comm/routings.def"
#undef SN_ROUTING
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* --- reading a specification ----------------------------------------------------------------- */

static int fail_unknown(const char *spec, const char *word)
{
    const char *names[KINDS];
    for (unsigned i = 0; i < KINDS; i++)
        names[i] = kinds[i]->name;
    const char *near = sn_nearest(word, names, KINDS);
    for (unsigned i = 0; near && i < KINDS; i++)
        if (near == names[i])
            return SN_FAIL(SN_EINVAL, "routing '%s': no kind '%s'; did you mean %s?", spec, word,
                           kinds[i]->form);
    struct sn_buf all = {0};
    for (unsigned i = 0; i < KINDS; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", kinds[i]->form);
    int rc = SN_FAIL(SN_EINVAL, "routing '%s': no kind '%s'; there are: %s", spec, word, all.data);
    sn_buf_free(&all);
    return rc;
}

static unsigned count_params(const struct sn_routing_kind *kind)
{
    unsigned n = 0;
    while (n < SN_ROUTING_PARAMS && kind->params[n].name)
        n++;
    return n;
}

static int fail_form(const char *spec, const struct sn_routing_kind *kind)
{
    unsigned n = kind->takes_file ? 1 : count_params(kind);
    if (n == 0)
        return SN_FAIL(SN_EINVAL, "routing '%s': %s takes no arguments", spec, kind->name);
    return SN_FAIL(SN_EINVAL, "routing '%s': %s takes %u argument%s: %s, such as %s", spec,
                   kind->name, n, n > 1 ? "s" : "", kind->form, kind->example);
}

/* Cuts `word` into the kind's numbers. */
static int parse_numbers(const char *spec, const struct sn_routing_kind *kind, char *word,
                         double *value)
{
    const unsigned n = count_params(kind);
    unsigned got = 0;
    for (char *rest = word, *field; (field = strsep(&rest, ",")); got++) {
        if (got == n)
            return fail_form(spec, kind);
        const struct sn_routing_param *p = &kind->params[got];
        if (sn_units_parse_real(field, p->unit, &value[got])) {
            sn_status_prefix("routing '%s': %s of %s", spec, p->name, kind->form);
            return SN_EINVAL;
        }
        bool outside = !(value[got] >= p->lo && value[got] <= p->hi);
        if (outside || (p->whole && value[got] != (double)(uint64_t)value[got]))
            return SN_FAIL(SN_EINVAL, "routing '%s': %s of %s must be %s in %g..%g, such as %s",
                           spec, p->name, kind->form, p->whole ? "an integer" : "a number", p->lo,
                           p->hi, kind->example);
    }
    return got == n ? SN_OK : fail_form(spec, kind);
}

/* *copy: owned by the caller, what args->path points into. */
static int parse_spec(const char *spec, const struct sn_routing_kind **out,
                      struct sn_routing_args *args, char **copy)
{
    const struct sn_routing_kind *kind = NULL;
    char *word = sn_strdup(spec), *open = strchr(word, '('), *inside = NULL;
    int rc = SN_OK;

    *copy = word;
    if (open) {
        char *close = word + strlen(word) - 1;
        if (*close != ')')
            return SN_FAIL(SN_EINVAL, "routing '%s': no ')' at the end", spec);
        *open = *close = '\0';
        inside = open + 1;
    }
    for (unsigned i = 0; i < KINDS; i++)
        if (strcmp(kinds[i]->name, word) == 0)
            kind = kinds[i];
    if (!kind)
        return fail_unknown(spec, word);

    bool wants = kind->takes_file || count_params(kind);
    if (wants != (inside && *inside))
        return fail_form(spec, kind);
    if (kind->takes_file)
        args->path = inside;
    else if (wants)
        rc = parse_numbers(spec, kind, inside, args->value);
    *out = kind;
    return rc;
}

int sn_routing_check(const char *spec)
{
    const struct sn_routing_kind *kind;
    struct sn_routing_args args = {0};
    char *copy;
    int rc = parse_spec(spec, &kind, &args, &copy);
    free(copy);
    return rc;
}

/* --- life ------------------------------------------------------------------------------------ */

int sn_routing_open(struct sn_routing **out, const char *spec, unsigned experts, unsigned topk,
                    uint64_t seed)
{
    const struct sn_routing_kind *kind;
    struct sn_routing_args args = {0};
    char *copy;
    int rc = parse_spec(spec, &kind, &args, &copy);

    if (rc == SN_OK && (experts < 1 || experts > UINT16_MAX))
        rc = SN_FAIL(SN_EINVAL, "routing '%s': %u experts; must be 1..%u", spec, experts,
                     UINT16_MAX);
    if (rc == SN_OK && (topk < 1 || topk > experts))
        rc = SN_FAIL(SN_EINVAL, "routing '%s': top-%u of %u experts; must be 1..%u", spec, topk,
                     experts, experts);
    if (rc == SN_OK) {
        struct sn_routing *r = sn_calloc(1, sizeof *r);
        *r = (struct sn_routing){.kind = kind,
                                 .spec = sn_strdup(spec),
                                 .experts = experts,
                                 .topk = topk,
                                 .seed = seed,
                                 .share = sn_calloc(experts, sizeof *r->share)};
        rc = kind->open(r, &args);
        if (rc == SN_OK) {
            *out = r;
        } else {
            sn_status_prefix("routing '%s'", spec);
            sn_routing_close(r);
        }
    }
    free(copy);
    return rc;
}

void sn_routing_close(struct sn_routing *r)
{
    if (!r)
        return;
    if (r->kind->close && r->state)
        r->kind->close(r);
    free(r->share);
    free(r->spec);
    free(r);
}

/* --- drawing --------------------------------------------------------------------------------- */

/* weight[j] = x_j / sum x with x_j uniform integers in 2^16 .. 2^16 + 2^20 - 1: a spread of at most
 * 17 to 1, like normalised sigmoid gates; only integers and one division, so that every machine
 * gets the same bits. */
static void draw_weights(unsigned n, struct sn_rng *rng, float *weight)
{
    uint64_t bits = 0, sum = 0;
    for (unsigned j = 0; j < n; j++) {
        bits = j % 3 ? bits >> 20 : sn_rng_next(rng); /* one number serves three weights */
        uint32_t x = (1u << 16) + (uint32_t)(bits & 0xfffff);
        weight[j] = (float)x; /* exact: below 2^24 */
        sum += x;
    }
    for (unsigned j = 0; j < n; j++)
        weight[j] = (float)((double)weight[j] / (double)sum);
}

void sn_routing_token(const struct sn_routing *r, uint64_t layer, uint64_t token, uint16_t *expert,
                      float *weight)
{
    struct sn_rng rng = sn_rng_make(sn_rng_at(r->seed, layer, token), 0);

    r->kind->draw(r, layer, token, &rng, expert);
    if (!r->kind->keeps_order)
        sn_subset_shuffle(expert, r->topk, &rng);
    if (weight)
        draw_weights(r->topk, &rng, weight);
}

void sn_routing_shares(const struct sn_routing *r, double *share)
{
    memcpy(share, r->share, r->experts * sizeof *share);
}

double sn_routing_imbalance(const uint64_t *load, size_t n)
{
    uint64_t max = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        max = load[i] > max ? load[i] : max;
        sum += load[i];
    }
    return sum ? (double)max * (double)n / (double)sum : 0;
}

void sn_routing_list(void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out)
{
    for (unsigned i = 0; i < KINDS; i++)
        emit(out, kinds[i]->form, kinds[i]->brief, NULL);
}

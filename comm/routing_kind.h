/* What a routing kind provides, and what the kinds share. For comm/routing*.c and their tests.
 *
 * A kind is a const descriptor listed in comm/routings.def. The words between the parentheses of a
 * specification are read from the `params` table, which is parser, range and help at once; a kind
 * that takes a file has none and gets everything between the parentheses as the path.
 */
#ifndef SN_COMM_ROUTING_KIND_H
#define SN_COMM_ROUTING_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/routing.h"
#include "comm/subset.h"
#include "harness/base/rng.h"
#include "harness/base/units.h"

enum { SN_ROUTING_PARAMS = 2 };

struct sn_routing_param {
    const char *name; /* as in the form: "N" */
    enum sn_unit unit;
    bool whole; /* an integer */
    double lo, hi;
};

struct sn_routing_args {
    double value[SN_ROUTING_PARAMS];
    const char *path;
};

struct sn_routing_kind {
    const char *name, *form, *example, *brief;
    struct sn_routing_param params[SN_ROUTING_PARAMS]; /* up to the first without a name */
    bool takes_file;
    bool keeps_order; /* the order of a token's experts means something: not shuffled */

    /* Fills r->share (zeroed, in expert order, sum 1) and r->state. Errors need not name r->spec.
     */
    int (*open)(struct sn_routing *r, const struct sn_routing_args *args);
    /* expert (topk) of a token; rng: a stream of its own for (seed, layer, token). */
    void (*draw)(const struct sn_routing *r, uint64_t layer, uint64_t token, struct sn_rng *rng,
                 uint16_t *expert);
    void (*close)(struct sn_routing *r); /* frees r->state; NULL where there is none */
};

struct sn_routing {
    const struct sn_routing_kind *kind;
    char *spec;
    unsigned experts, topk;
    uint64_t seed;
    double *share; /* (experts) */
    void *state;   /* the kind's own */
};

#define SN_ROUTING(name) extern const struct sn_routing_kind sn_routing_##name;
#include "comm/routings.def"
#undef SN_ROUTING

/* The common part of the kinds that are a popularity curve: popularity (experts), falling or not,
 * is dealt to the experts by a permutation drawn from the seed; r->share and r->state (a struct
 * sn_subset) are filled. */
int sn_routing_open_popular(struct sn_routing *r, const double *popularity);
void sn_routing_draw_popular(const struct sn_routing *r, uint64_t layer, uint64_t token,
                             struct sn_rng *rng, uint16_t *expert);
void sn_routing_close_popular(struct sn_routing *r);

/* popularity (experts) of a curve file's text, scaled to `experts`: routing_curve.c says how.
 * `text` is modified. SN_EINVAL with PATH:LINE. */
int sn_routing_curve_parse(char *text, const char *path, unsigned experts, double *popularity);

struct sn_routing_trace_rows {
    unsigned layers;
    size_t *layer_first; /* (layers + 1) first row of each layer */
    uint16_t *expert;    /* (rows, topk) */
};

/* The rows of a trace file's text. `text` is modified. SN_EINVAL with PATH:LINE. */
int sn_routing_trace_parse(struct sn_routing_trace_rows *out, char *text, const char *path,
                           unsigned experts, unsigned topk);
void sn_routing_trace_free(struct sn_routing_trace_rows *t);

#endif

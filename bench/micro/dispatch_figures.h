/* The figures of a dispatch row: means over its routing draws, the lower bound, the metrics. */
#ifndef SN_BENCH_MICRO_DISPATCH_FIGURES_H
#define SN_BENCH_MICRO_DISPATCH_FIGURES_H

#include "comm/moe_draw.h"
#include "harness/bench.h"

enum sn_dispatch_phase { SN_DISPATCH_ONLY, SN_COMBINE_ONLY, SN_DISPATCH_AND_COMBINE };

extern const struct sn_metric_doc sn_dispatch_metric_docs[];

struct sn_dispatch_figures {
    enum sn_dispatch_phase phase;
    uint64_t draws;
    /* Sums over the draws so far, on rank 0; routed: payload between dies, wire: moved. */
    double routed, wire, local, bottleneck, largest_sum, imbalance, distinct, wire_copies;
    uint64_t *sent, *received, *own, *copies; /* (dies) bytes and copies of the draw in hand */
};

void sn_dispatch_figures_open(struct sn_dispatch_figures *f, enum sn_dispatch_phase phase,
                              unsigned dies);
void sn_dispatch_figures_close(struct sn_dispatch_figures *f);

/* Adds the draw that was just set. Collective. */
void sn_dispatch_figures_add(struct sn_dispatch_figures *f, const struct sn_moe_exchange *x,
                             const struct sn_world *w);

/* Adds a draw of the model clock: its legs (n of them), of all dies. Rank 0 alone. */
struct sn_dispatch_traffic {
    const struct sn_moe_share *share; /* (dies) of the draw's dispatch */
    bool back;                        /* a combine: answers go the other way */
    uint64_t bytes;                   /* of a copy or an answer */
    uint64_t wire, local;             /* bytes moved */
    uint64_t wire_copies, distinct;   /* sums over all tokens */
};
void sn_dispatch_figures_add_model(struct sn_dispatch_figures *f, const struct sn_moe_shape *s,
                                   const struct sn_dispatch_traffic *const *legs, unsigned n);

/* Rank 0: bytes, limit and metrics of a row whose statistics are complete; on the model clock
 * without limits and metrics made of roofs. */
void sn_dispatch_figures_row(const struct sn_dispatch_figures *f, const struct sn_moe_shape *s,
                             const struct sn_env *env, struct sn_row *row);

#endif

/* alltoall and allgather on the model clock: hooks over a named algorithm
 * (comm/fabric/collectives). The state of such a case is a struct sn_collective_case. */
#ifndef SN_BENCH_MICRO_COLLECTIVE_H
#define SN_BENCH_MICRO_COLLECTIVE_H

#include "bench/micro/modelled.h"
#include "bench/micro/rehearsal.h"

#define SN_COLLECTIVE_AXES                                                                         \
    {.name = "order",                                                                              \
     .type = SN_AXIS_WORD,                                                                         \
     .def = "rotated",                                                                             \
     .words = sn_net_order_words,                                                                  \
     .clocks = SN_CLOCK_MODEL,                                                                     \
     .help = "whom a die sends to first, of algorithm=put: behind itself, anyone, die 0"},         \
        SN_SKEW_AXIS, SN_PAYLOAD_AXIS("auto"), SN_MODEL_AXES

#define SN_COLLECTIVE_METRIC_DOCS                                                                  \
    {                                                                                              \
        "skew_free_s", "s", false,                                                                 \
            "median over the draws of last end - last arrival (model clock, with skew)"            \
    }

/* Hooks; `a` NULL: the case's algorithm has no messages of its own to model. */
const char *sn_collective_case_unsupported(const struct sn_case *c, const struct sn_collective *a);
int sn_collective_case_inputs(const struct sn_case *c);
uint64_t sn_collective_case_memory(const struct sn_case *c, const struct sn_collective *a);
unsigned sn_collective_case_draws(const struct sn_case *c);
int sn_collective_case_setup(struct sn_case *c, const struct sn_collective *a);
int sn_collective_case_verify(struct sn_case *c, struct sn_check *k);
int sn_collective_case_predict(struct sn_case *c, struct sn_timeline *t);
void sn_collective_case_metrics(const struct sn_case *c, const struct sn_metric_doc *docs,
                                struct sn_row *row);
void sn_collective_case_teardown(struct sn_case *c);

#endif

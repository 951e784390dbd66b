/* dispatch on the model clock: the draws' legs, shared between the phases of a run, and the
 * verification that stands for them. */
#ifndef SN_BENCH_MICRO_DISPATCH_MODEL_H
#define SN_BENCH_MICRO_DISPATCH_MODEL_H

#include "bench/micro/arrival.h"
#include "bench/micro/dispatch_figures.h"
#include "bench/model.h"
#include "comm/fabric/moe_model.h"

enum { SN_DISPATCH_MODEL_DRAWS = 7 }; /* their median is one of them; enough for its interval */

/* --- verification ------------------------------------------------------------------------------
 */

/* The shape whose bytes really move for a case of `shape`: the same tokens, experts and copies,
 * each whole or (payload) bf16 of 24 values, 64 bytes; in buffers fitted to draw 0, the only one
 * that moves. payload=auto takes 64 bytes where the copies and answers of all draws of the case are
 * more than 2 GiB in total. */
struct sn_moe_shape sn_dispatch_check_shape(const struct sn_case *c,
                                            const struct sn_moe_shape *shape);

/* Lays the buffers of an open problem of sn_dispatch_check_shape() out for draw 0. */
void sn_dispatch_check_fit(struct sn_moe *m);

/* Cases that differ only in what no byte depends on share one verification in a run: collective,
 * true when it is done, *compared what this rank compared then. And that it is. */
bool sn_dispatch_checked(const struct sn_case *c, uint64_t *compared);
void sn_dispatch_set_checked(const struct sn_case *c, uint64_t compared);

/* --- time --------------------------------------------------------------------------------------
 */

struct sn_dispatch_model {
    struct sn_moe_shape shape;
    enum sn_dispatch_phase phase;
    const struct sn_moe_algorithm *algorithm;
    struct sn_arrival skew;
    double linear_s, log_s, flags_s; /* of the flags of all legs, in each form and as counted */

    /* Opened when a leg is not known yet. */
    bool open;
    uint64_t drawn; /* 1 + the draw that is set; 0: none */
    struct sn_moe moe;
    struct sn_moe_draw draw;
    struct sn_moe_model model;
    int64_t *late_ps; /* (dies) */
};

/* Draw c->rep: the time of the phase's legs, and their bytes into `f`. */
int sn_dispatch_predict(const struct sn_case *c, struct sn_dispatch_model *d,
                        struct sn_dispatch_figures *f, struct sn_timeline *t, double *skew_free_s);
/* The flags' forms, and the band between them around the median. */
void sn_dispatch_model_metrics(const struct sn_dispatch_model *d, struct sn_row *row);
void sn_dispatch_model_close(struct sn_dispatch_model *d);

#endif

/* What a run of the engine consists of. Included by serve_engine.c, serve_prefill.c and
 * serve_decode.c only. */
#ifndef SN_BENCH_MACRO_SERVE_ENGINE_IMPL_H
#define SN_BENCH_MACRO_SERVE_ENGINE_IMPL_H

#include "bench/macro/serve_engine.h"

/* In the order in which those of one instant happen: what frees, what arrives, what starts. */
enum sn_serve_kind {
    SN_SERVE_STEP_END,
    SN_SERVE_PREFILL_END, /* of an instance */
    SN_SERVE_STORED,      /* of a request, as those that follow */
    SN_SERVE_FIRST,
    SN_SERVE_HEAD, /* of its cache is at the decode die's port */
    SN_SERVE_HERE, /* its cache is in the decode die's memory */
    SN_SERVE_ARRIVAL,
    SN_SERVE_READY,
    SN_SERVE_PREFILL_START, /* of an instance */
    SN_SERVE_STEP_START
};

struct sn_serve_event {
    int64_t at_ps;
    uint64_t sequence;
    uint32_t kind, index;
};

#define SN_SERVE_NONE UINT32_MAX

struct sn_serve_fifo { /* of requests */
    uint32_t *item;
    size_t head, n, cap;
};

struct sn_serve_instance {
    struct sn_serve_fifo ready;
    uint32_t *batch; /* that is computed now */
    size_t batched, batch_cap;
    bool busy, starting; /* starting: an event is on its way */
    int64_t busy_until_ps;
    uint64_t load;             /* tokens to compute */
    uint64_t taken;            /* requests so far: they go round the dies */
    uint32_t oldest, youngest; /* requests that have not started, in order of arrival */
};

struct sn_serve_state {      /* of a request */
    uint32_t older, younger; /* in its instance */
    uint32_t instance, die, decode_die, steps;
};

struct sn_serve_engine {
    const struct sn_serve_load *load;
    const struct sn_serve_config *c;
    struct sn_serve_result *out;
    int status;

    struct sn_serve_event *heap;
    size_t events, event_cap;
    uint64_t sequence;
    int64_t now;

    struct sn_serve_state *request; /* (n) */
    struct sn_serve_instance *instance;
    uint32_t *fresh, *cached; /* (n) room for a batch */
    struct sn_kvpool *pool;   /* NULL: no cache */
    uint8_t *store;           /* (ids) this block is being written */

    int64_t *port[SN_SERVE_PLANES][SN_SERVE_SIDES]; /* free from */

    struct sn_serve_fifo waiting, joining; /* for decode; its cache is here */
    uint32_t *batch;                       /* (slots) requests in the step, in order of joining */
    uint32_t batched;
    uint64_t ctx;       /* tokens of their contexts together */
    uint32_t *die_load; /* (decode_dies) requests */
    uint32_t slots;     /* taken */
    uint64_t kv;        /* tokens taken */
    bool stepping, step_starting;
};

/* serve_engine.c */
void sn_serve_push(struct sn_serve_engine *e, int64_t at_ps, enum sn_serve_kind kind,
                   uint32_t index);
/* A time of `times` in picoseconds; records a failure where it is none. */
int64_t sn_serve_time_ps(struct sn_serve_engine *e, double s, const char *what);
void sn_serve_emit(struct sn_serve_engine *e, uint32_t r, uint32_t tokens);
void sn_serve_fifo_add(struct sn_serve_fifo *f, uint32_t item);
uint32_t sn_serve_fifo_take(struct sn_serve_fifo *f);
/* Takes a port of the link's plane for hold_ps, of them move_ps moving bytes, from from_ps on or
 * when it is free; when that is. */
int64_t sn_serve_port(struct sn_serve_engine *e, const struct sn_serve_link *l,
                      enum sn_serve_side side, uint32_t die, int64_t from_ps, int64_t hold_ps,
                      int64_t move_ps);

/* serve_prefill.c */
void sn_serve_arrive(struct sn_serve_engine *e, uint32_t r);
void sn_serve_ready(struct sn_serve_engine *e, uint32_t r);
void sn_serve_prefill_start(struct sn_serve_engine *e, uint32_t instance);
void sn_serve_prefill_end(struct sn_serve_engine *e, uint32_t instance);
void sn_serve_stored(struct sn_serve_engine *e, uint32_t r);

/* serve_decode.c */
void sn_serve_first(struct sn_serve_engine *e, uint32_t r);
void sn_serve_head(struct sn_serve_engine *e, uint32_t r);
void sn_serve_here(struct sn_serve_engine *e, uint32_t r);
void sn_serve_step_start(struct sn_serve_engine *e);
void sn_serve_step_end(struct sn_serve_engine *e);

#endif

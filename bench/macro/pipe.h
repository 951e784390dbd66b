/* A step of a served model at scale, on the model clock: every operation (operation.h) costs what
 * kernels/ says of it on a device, every layer's routing is drawn and sent through the fabric
 * engine, and streams share the die's resources (schedule.h). What a step takes, what hides behind
 * what and what a resource is used for come out of the schedule.
 *
 * One die stands for all: attention is the same on each (requests are spread evenly), the experts'
 * operations last as long as on the die that has most copies, and dispatch and combine as long as
 * until the last message of all dies, for all dies wait for each other there.
 *
 * Streams: with two microbatches the attention's operations and the experts' run in a stream each,
 * with the cores that the device's profile gives it; where it gives none, and in prefill, all
 * streams share all cores, as fluids. With one microbatch all operations have all cores. */
#ifndef SN_BENCH_MACRO_PIPE_H
#define SN_BENCH_MACRO_PIPE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/llm.h"
#include "bench/macro/operation.h"
#include "bench/macro/schedule.h"
#include "comm/fabric/moe_model.h"
#include "kernels/device.h"

enum { SN_PIPE_MICROBATCHES = 2, SN_PIPE_BLOCK_TOKENS = 128 };

/* Tokens of a die and microbatch that are drawn one by one; of more, each stands for several. With
 * 1,024 tokens and 8 copies the noise that this adds to a die's load is below 1.2 % (1 sigma). */
enum { SN_PIPE_DRAWN_MAX = 1024 };

/* What a step is. */
struct sn_pipe {
    const struct sn_llm *llm;
    const struct sn_device *device;
    const struct sn_profile *profile;
    const char *degrade, *routing;
    const struct sn_moe_algorithm *algorithm;
    enum sn_moe_sync sync;
    enum sn_dtype dtype; /* of weights, products and dispatched tokens: int8 or bf16 */
    uint64_t seed, draw; /* step `draw` has layers draw * 1024 + 0, 1, ... of the routing */
    bool prefill,
        spread;   /* spread: dies share the heads of prompts (SP-TP-SP), else each its own */
    bool balance; /* experts placed by their popularity (EPLB) */
    unsigned dies, requests; /* that share the experts; of a die: requests, or prompts */
    unsigned queries;        /* decode: tokens of a request per step, speculative ones included */
    unsigned ctx, cached; /* decode: tokens that a query sees; prefill: of a prompt, and how many of
                             these come from the context cache */
    unsigned microbatches; /* 1 or 2; no more than requests */
    unsigned redundant,
        shared_dies; /* slots of routed experts beyond one each; dies of shared ones */
    /* Prefill, prompts of different lengths (0 counts as 1): tokens of the die that computes
     * longest over the mean; pairs of tokens that attention sees over those of equal prompts. */
    double longest, pairs;
    unsigned kept; /* cached tokens of a prompt whose keys and values are computed from latents: all
                      `cached`, or 0 where the caller counts them apart */
    double load_bandwidth,
        load_latency_s; /* of the context cache: B/s a die; of a block of tokens */
};

/* NULL, or why there is no such step. Static text. */
const char *sn_pipe_unsupported(const struct sn_pipe *p);

/* What an operation costs on one die, for one microbatch: a task without its place. */
struct sn_pipe_cost {
    double launch_s, fixed_s, work_s, use[SN_RESOURCES];
    double
        roof_s[SN_RESOURCES]; /* what each resource needs at its roof, all of it: no efficiencies */
    double ops, bytes;
    bool any;       /* there is such an operation */
    unsigned flags; /* enum sn_device_flags */
};

/* The operations of microbatch `requests` requests large, but for those that depend on the routing
 * (DISPATCH, EXPERTS, COMBINE). whole: of all requests of the die, for what is done once a step. */
int sn_pipe_costs(const struct sn_pipe *p, unsigned requests, unsigned whole,
                  struct sn_pipe_cost cost[SN_OPERATIONS]);
/* Of a prefill step: GATHER and EXCHANGE (dies share the heads of prompts), LOAD and STORE (context
 * cache). sn_pipe_costs() calls it. */
int sn_pipe_comm(const struct sn_pipe *p, unsigned requests, struct sn_pipe_cost cost[]);
/* The share of the cores that a stream has. */
struct sn_device_share sn_pipe_share(const struct sn_pipe *p, enum sn_pipe_stream stream);
/* Tokens of a microbatch on a die. */
unsigned sn_pipe_tokens(const struct sn_pipe *p, unsigned requests);
/* Requests of microbatch i. */
unsigned sn_pipe_part(const struct sn_pipe *p, unsigned i);

/* The routing of a layer and microbatch, and what it takes on the fabric. */
enum { SN_PIPE_KINDS = 8 };
struct sn_pipe_layer {
    struct sn_moe_time dispatch, combine; /* brief */
    uint64_t most, sum;                   /* copies of the fullest die, of all */
    /* Dies by how many slots they hold: of each kind the copies of the fullest. */
    unsigned kinds, slots[SN_PIPE_KINDS];
    uint64_t most_of[SN_PIPE_KINDS];
    uint64_t wire_bytes, local_bytes; /* both legs, all dies */
    /* Dispatch and combine: the most that a port is busy at its physical bandwidth; bytes of the
     * die that sends or gets most. */
    double port_s[2], most_bytes[2];
};

/* All of them: out (layers, microbatches). With two microbatches, whole (layers), or NULL: no more
 * than what their tokens would take as one, the same copies with legs at their ports' bound.
 * threads: how many work at it; the result does not depend on that. SN_EINVAL, SN_EIO, SN_ENOMEM.
 */
int sn_pipe_route(const struct sn_pipe *p, unsigned layers, unsigned threads,
                  struct sn_pipe_layer *out, struct sn_pipe_layer *whole);

/* The routed experts of a layer (on dies of their own: the shared ones), on the die where they take
 * longest. */
void sn_pipe_experts(const struct sn_pipe *p, const struct sn_pipe_layer *l,
                     struct sn_pipe_cost *out);

/* A step. */
struct sn_pipe_task {
    enum sn_operation operation;
    unsigned layer, microbatch; /* layer `layers` is the draft's */
};
struct sn_pipe_step {
    struct sn_task *tasks;
    struct sn_pipe_task *what; /* by task */
    size_t n;
    struct sn_schedule schedule;
    struct sn_pipe_layer *layers; /* (n_layers, microbatches) with experts */
    struct sn_pipe_layer *whole;  /* (n_layers) with two microbatches: as one, at the least */
    unsigned n_layers;
    double s;                         /* the whole step, draft and host included */
    double critical_s[SN_OPERATIONS]; /* along the critical path; they add up to s */
    double spent_s[SN_OPERATIONS];    /* sums of the spans, of all microbatches */
    double exposed_s;                 /* of the critical path: communication */
    double layer_s; /* median over layers with experts: from one's end to the next's */
    double stream_s[SN_PIPE_STREAMS]; /* median over layers with experts and microbatches: spans of
                                         the stream */
    double roof_s[SN_RESOURCES];      /* what each resource needs at least, at its roof */
    double utilisation[SN_RESOURCES];
    double imbalance; /* mean over layers of most / mean copies */
    double limit_s;   /* no schedule is faster: the busiest resource at its roof */
    const char *limit_resource;
    double ops, bytes, wire_bytes, local_bytes; /* ops, bytes of a die; wire, local: of all dies */
    unsigned flags;
};
/* Layers with experts, the draft's among them. */
unsigned sn_pipe_layers(const struct sn_pipe *p);
int sn_pipe_step(const struct sn_pipe *p, unsigned threads, struct sn_pipe_step *out);
/* No step with one microbatch is faster, of which p is that with two: its time, from p's routing.
 */
int sn_pipe_step_whole(const struct sn_pipe *p, const struct sn_pipe_step *routed, double *s);
/* The same with the routing of another step, of which p differs in nothing but the device and the
 * form of synchronisation. Cheap. */
int sn_pipe_step_again(const struct sn_pipe *p, const struct sn_pipe_step *routed,
                       struct sn_pipe_step *out);
/* The routing alone, of a step of p: no tasks, no times. For sn_pipe_step_again() later. */
void sn_pipe_routing_copy(const struct sn_pipe *p, const struct sn_pipe_step *routed,
                          struct sn_pipe_step *out);
void sn_pipe_step_free(struct sn_pipe_step *s);

#endif

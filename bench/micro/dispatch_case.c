/* What a case of dispatch is, and whether it can run here. */
#include "bench/micro/dispatch_case.h"

#include "bench/micro/dispatch_figures.h"
#include "bench/micro/dispatch_model.h"
#include "bench/micro/dispatch_reach.h"
#include "bench/micro/modelled.h"
#include "harness/base/status.h"

static const char *const phases[] = {[SN_DISPATCH_ONLY] = "dispatch",
                                     [SN_COMBINE_ONLY] = "combine",
                                     [SN_DISPATCH_AND_COMBINE] = "pair",
                                     NULL};

const struct sn_axis sn_dispatch_axes[] = {
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "8,16,32,64,128,256,320",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts, in blocks over the ranks (or by --map)"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "128",
     .min = 1,
     .max = 65536,
     .help = "tokens per die"},
    {.name = "hidden",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 128,
     .max = 16384,
     .help = "values per token, a multiple of 128"},
    {.name = "experts",
     .type = SN_AXIS_INT,
     .def = "256",
     .min = 1,
     .max = 65535,
     .help = "routed experts"},
    {.name = "topk",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = SN_MOE_COPIES_MAX,
     .help = "routed experts per token"},
    {.name = "shared",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65535,
     .help = "slots of the shared expert; with any, every token sends it one more copy"},
    {.name = "redundant",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65535,
     .help = "more slots for replicas of popular experts, placed by EPLB"},
    {.name = "dtype",
     .type = SN_AXIS_WORD,
     .def = "int8",
     .words = sn_dtype_words,
     .help = "payload of a copy; answers are bf16"},
    {.name = "routing",
     .type = SN_AXIS_TEXT,
     .def = "uniform",
     .check = sn_routing_check,
     .help = "popularity of the experts (snbench list routings)"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_moe_algorithm_words,
     .compares = true,
     .help = "how (snbench list algorithms)"},
    {.name = "transport",
     .type = SN_AXIS_WORD,
     .def = "shm",
     .words = sn_transport_words,
     .clocks = SN_CLOCK_WALL,
     .help = "what put and hier go through; alltoallv and pairwise use MPI whatever it says"},
    {.name = "skew",
     .type = SN_AXIS_TEXT,
     .def = "none",
     .check = sn_arrival_check,
     .help = "how late ranks (model: dies) come: none, uniform(t), exp(t), late(t); T includes the "
             "waiting"},
    {.name = "node",
     .type = SN_AXIS_INT,
     .def = "16",
     .min = 1,
     .max = 4096,
     .help = "dies per node, for hier (the model's fabric has the nodes of its profile)"},
    {.name = "phase",
     .type = SN_AXIS_WORD,
     .def = "dispatch,combine,pair",
     .words = phases,
     .help = "the legs that are timed"},
    {.name = "order",
     .type = SN_AXIS_WORD,
     .def = "rotated",
     .words = sn_net_order_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "in which a die sends: from the die behind itself on, shuffled, or from die 0 on"},
    {.name = "sync",
     .type = SN_AXIS_WORD,
     .def = "mean",
     .words = sn_moe_sync_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "how flags grow with ep: linear, log, or the mean of both"},
    SN_PAYLOAD_AXIS("auto"),
    SN_MODEL_AXES,
    {0},
};

struct sn_moe_shape sn_dispatch_shape(const struct sn_case *c)
{
    return (struct sn_moe_shape){
        .dies = (unsigned)sn_case_int(c, "ep"),
        .tokens = (unsigned)sn_case_int(c, "tokens"),
        .hidden = (unsigned)sn_case_int(c, "hidden"),
        .experts = (unsigned)sn_case_int(c, "experts"),
        .topk = (unsigned)sn_case_int(c, "topk"),
        .redundant = (unsigned)sn_case_int(c, "redundant"),
        .shared = (unsigned)sn_case_int(c, "shared"),
        .dtype = (enum sn_dtype)sn_case_word(c, "dtype"),
    };
}

/* What really moves. */
struct sn_moe_shape sn_dispatch_moved_shape(const struct sn_case *c)
{
    struct sn_moe_shape s = sn_dispatch_shape(c);
    return sn_on_model(c) ? sn_dispatch_check_shape(c, &s) : s;
}

/* And through what. */
const struct sn_transport *sn_dispatch_transport(const struct sn_case *c)
{
    if (sn_on_model(c))
        return c->env->world->hosts > 1 ? &sn_transport_p2p : &sn_transport_shm;
    return sn_transports[sn_case_word(c, "transport")];
}

int sn_dispatch_open_endpoints(const struct sn_case *c, struct sn_endpoints *e)
{
    return sn_endpoints_open(e, (unsigned)sn_case_int(c, "ep"), c->env->world->size,
                             (unsigned)sn_case_int(c, "node"), c->env->map_file);
}

/* The map, the routing's file, the profile and what is degraded of it. */
int sn_dispatch_inputs(const struct sn_case *c)
{
    struct sn_endpoints e;
    struct sn_routing *r;
    int status = sn_dispatch_open_endpoints(c, &e);
    if (status != SN_OK)
        return status;
    sn_endpoints_close(&e);
    status = sn_routing_open(&r, sn_case_text(c, "routing"), (unsigned)sn_case_int(c, "experts"),
                             (unsigned)sn_case_int(c, "topk"), c->env->seed);
    if (status == SN_OK)
        sn_routing_close(r);
    if (status == SN_OK && sn_on_model(c))
        status = sn_dispatch_reach_inputs(c);
    return status;
}

/* Dies of the rank that has most; all of them when the map cannot be read (`inputs` will say). */
static unsigned most_dies(const struct sn_case *c)
{
    struct sn_endpoints e;
    unsigned most = 0;
    if (sn_dispatch_open_endpoints(c, &e) != SN_OK)
        return (unsigned)sn_case_int(c, "ep");
    for (int r = 0; r < e.ranks; r++)
        most = sn_endpoints_count(&e, r) > most ? sn_endpoints_count(&e, r) : most;
    sn_endpoints_close(&e);
    return most;
}

const char *sn_dispatch_unsupported(const struct sn_case *c)
{
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    struct sn_moe_shape s = sn_dispatch_shape(c), moved;
    const char *why = sn_moe_unsupported(&s);
    if (why)
        return why;
    if (sn_on_model(c) && (why = sn_dispatch_unreachable(c, a)))
        return why;
    if (a->transport && sn_dispatch_transport(c)->mapped && c->env->world->hosts > 1)
        return "this transport needs all ranks on one host";
    if (!a->unsupported)
        return NULL;
    moved =
        sn_dispatch_moved_shape(c); /* on the model clock as if on one rank, whatever there are */
    return a->unsupported(&moved, (unsigned)sn_case_int(c, "node"),
                          sn_on_model(c) ? s.dies : most_dies(c));
}

uint64_t sn_dispatch_memory(const struct sn_case *c)
{
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    struct sn_moe_shape s = sn_dispatch_shape(c), moved = sn_dispatch_moved_shape(c);
    unsigned most = most_dies(c);
    uint64_t own =
        sn_moe_memory(&moved, most) + (sn_on_model(c) ? sn_moe_model_memory(&s, a->schedule) : 0);
    uint64_t needs =
        a->memory(&moved, (unsigned)sn_case_int(c, "node"), most, sn_dispatch_transport(c));
    return own + needs < own ? UINT64_MAX : own + needs;
}

unsigned sn_dispatch_endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

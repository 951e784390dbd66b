/* What every communication benchmark begins with: endpoints on the ranks and an open transport. */
#ifndef SN_BENCH_MICRO_FABRIC_H
#define SN_BENCH_MICRO_FABRIC_H

#include "comm/transport.h"
#include "harness/bench.h"
#include "harness/roof.h"

enum { SN_DIES_PER_NODE = 16 };

struct sn_fabric {
    const struct sn_env *env;
    const struct sn_transport *transport;
    struct sn_endpoints endpoints;
    struct sn_link *link;       /* NULL while not open, and without a transport */
    uint64_t round;             /* of verification */
    uint64_t counted[SN_TIERS]; /* link->bytes at sn_fabric_count_begin() */
};

/* An axis of a benchmark whose words are the transports. It belongs to the wall clock: on the model
 * clock nobody times it, so what moves the bytes is chosen by sn_fabric_transport(). */
#define SN_TRANSPORT_AXIS                                                                          \
    {                                                                                              \
        .name = "transport", .type = SN_AXIS_WORD, .def = "shm", .words = sn_transport_words,      \
        .clocks = SN_CLOCK_WALL,                                                                   \
        .help = "how bytes move between endpoints: snbench list transports"                        \
    }

/* The transport of the case; on the model clock shm where the ranks share a host, else p2p. */
const struct sn_transport *sn_fabric_transport(const struct sn_case *c);

/* NULL, or why the transport of the case cannot run on these ranks. */
const char *sn_fabric_unsupported(const struct sn_case *c);

/* Collective: opens n endpoints (placed by --map where given) and the case's transport. On failure
 * nothing is left open; the status is the same on every rank. */
int sn_fabric_open(struct sn_fabric *f, const struct sn_case *c, unsigned n, size_t segment_bytes,
                   unsigned flags);
/* The endpoints alone, for algorithms that no transport takes part in: transport and link stay
 * NULL. */
int sn_fabric_open_endpoints(struct sn_fabric *f, const struct sn_case *c, unsigned n);
void sn_fabric_close(struct sn_fabric *f); /* collective; nothing to do when not open */

/* Collective, serving others meanwhile: what was stored and put before is visible after it. */
void sn_fabric_barrier(struct sn_fabric *f);

static inline bool sn_fabric_mine(const struct sn_fabric *f, unsigned endpoint)
{
    return f->endpoints.rank_of[endpoint] == f->env->world->rank;
}

/* Every rank sees the status of the lowest failing rank's kind: SN_OK only if all are. Collective.
 */
int sn_fabric_agree(const struct sn_env *env, int status);

/* Around a verified operation: what the transport counted meanwhile, summed over the ranks, is
 * compared tier by tier with `expected` bytes (read on rank 0, which counts the errors).
 * Collective; `status` is that of the operation: after a failure nothing is compared. */
void sn_fabric_count_begin(struct sn_fabric *f);
void sn_fabric_count_check(struct sn_fabric *f, struct sn_check *k, int status,
                           const uint64_t expected[SN_TIERS]);

/* The copy roofs. */
enum sn_copy_roof {
    SN_COPY_OWN,    /* one core, inside its process */
    SN_COPY_SHARED, /* one core, from another rank's memory, the others idle */
    SN_COPY_ALL     /* the same on every core at once */
};
/* The roof for a copy out of another rank's memory while `acting` ranks do so. The roof for all at
 * once bounds only what all do: fewer share the memory among fewer. */
enum sn_copy_roof sn_fabric_roof(const struct sn_case *c, unsigned acting);
/* Sets the row's lower bound: `bytes` copied by one core at the roof for copies of `footprint`
 * bytes. No bound where the roof is missing or the ranks are on several hosts. On the model clock
 * the bound is the engine's: the row keeps it. */
void sn_fabric_limit(const struct sn_case *c, struct sn_row *row, enum sn_copy_roof roof,
                     uint64_t bytes, uint64_t footprint);

#endif

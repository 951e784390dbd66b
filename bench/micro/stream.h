/* Streams: several flows of equal messages at once, the engine of bandwidth, msgrate, pairs and
 * incast.
 *
 * A flow moves `window` messages of `size` bytes from one endpoint to another, each to a place of
 * its own. Who acts: put the source, get the destination, send both. One operation is one window of
 * every flow, completed: flushed puts, finished gets, received messages. */
#ifndef SN_BENCH_MICRO_STREAM_H
#define SN_BENCH_MICRO_STREAM_H

#include "bench/micro/fabric.h"

enum sn_stream_op { SN_STREAM_PUT, SN_STREAM_GET, SN_STREAM_SEND };
extern const char *const sn_stream_ops[]; /* NULL-terminated, for an axis */

struct sn_flow {
    unsigned from, to; /* endpoints */
    unsigned place;    /* set by open: number among the flows of the endpoint that is not acting */
};

struct sn_stream {
    struct sn_fabric fabric;
    enum sn_stream_op op;
    struct sn_flow *flows; /* owned */
    unsigned n;
    size_t size, window; /* of one operation */
    size_t whole;        /* model clock: bytes of a message that its verification moves, size at a
                            time; else = size */
    char **own;          /* (n) private end of each flow, where this rank holds it */
    uint64_t closed;     /* repetitions ended by the closing flags */
    int64_t busy_ns;     /* time of this rank inside its flows, all repetitions */
    uint64_t operations; /* of all repetitions */
};

/* NULL, or why flows of the case cannot run: fewer than `ranks` ranks, or the transport. */
const char *sn_stream_unsupported(const struct sn_case *c, int ranks);

/* Bytes of memory of a rank whose endpoint takes part in `flows` flows at most. */
uint64_t sn_stream_memory(unsigned flows, uint64_t size, uint64_t window);
/* The same on the model clock, for n flows of all endpoints together, `places` of them at most at
 * the passive end of one. */
uint64_t sn_stream_model_memory(const struct sn_case *c, unsigned n, unsigned places,
                                uint64_t window);

/* Collective. The endpoints are those of the case, on the wall clock the ranks. Copies flows[0..n).
 * SN_EINVAL where op=send joins two endpoints of one rank. On failure sn_stream_close() is still
 * due. */
int sn_stream_open(struct sn_stream *s, const struct sn_case *c, enum sn_stream_op op,
                   const struct sn_flow *flows, unsigned n, size_t size, size_t window);
void sn_stream_close(struct sn_stream *s);

/* `batch` operations. */
int sn_stream_run(struct sn_stream *s, unsigned batch);

/* Fills the sources anew, clears the destinations, runs and compares every byte; on the model clock
 * as often as whole / size says. */
int sn_stream_verify(struct sn_stream *s, struct sn_case *c, struct sn_check *k);

/* Jain's index over the flows of the ranks' own rates so far, on rank 0: (sum x)^2 / (n sum x^2)
 * with x = operations / busy time of the rank that acts. Collective. */
double sn_stream_fairness(const struct sn_stream *s);

#endif

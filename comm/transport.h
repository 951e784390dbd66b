/* Transports: one interface to move bytes between the segments of endpoints.
 *
 * Every endpoint owns a segment of the same size and an array of 64-bit flags beside it. All calls
 * are made by the rank that holds the issuing endpoint `me`; a rank drives all its endpoints from
 * one thread. put, get and atomic_add name the remote endpoint; two endpoints of one rank talk by
 * plain copies in every transport.
 *
 * Completion: get and atomic_add have their result on return. put may return before the data
 * arrived, but the source may be reused on return. A notify is seen by the receiver's wait only
 * after all puts that `me` issued to that endpoint before it are visible there. flush returns when
 * all puts of `me` are visible at their targets. Progress: where `needs_target` is set (two-sided
 * transports), a get, atomic or put completes only while the target's rank is inside wait, flush or
 * poll; benchmarks keep a passive rank in wait. Without it, some MPI libraries still need the
 * target's rank to be inside any MPI call (as in a barrier after the repetition).
 */
#ifndef SN_COMM_TRANSPORT_H
#define SN_COMM_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpi.h>

#include "comm/endpoints.h"
#include "harness/base/snbench.h"

struct sn_transport;

/* Longer transfers are split: MPI counts are int. */
#define SN_CHUNK_BYTES ((size_t)1 << 30)

/* An open transport: the common head, followed by the implementation's own. */
struct sn_link {
    const struct sn_transport *transport;
    const struct sn_endpoints *endpoints; /* borrowed */
    MPI_Comm comm;                        /* a duplicate, owned */
    int rank;
    bool yield; /* waiting gives the core away: more ranks than cores */
    bool
        stream; /* what gets copy is in no cache and not needed there: plain copies go around the
                   caches (sn_copy_stream()). The user may set it between calls; false after open */
    size_t segment_bytes;
    size_t chunk_bytes; /* most bytes in one MPI call, SN_CHUNK_BYTES; tests make it small */
    unsigned flags;     /* flags per endpoint */
    /* Payload bytes and messages that this rank's endpoints issued by put, get, send and stored,
     * per tier; a get counts at the rank that asks. Atomics and flags carry no payload. */
    uint64_t bytes[SN_TIERS], messages[SN_TIERS];
};

struct sn_transport {
    const char *name, *brief;
    bool needs_target; /* the target's rank must take part (see Progress above) */
    bool mapped;       /* peer() gives a pointer: load and store reach remote segments */
    const struct sn_transport_plugin *plugin; /* what a plug-in brought (transport_plugin.c) */

    /* NULL, or why it cannot run on these ranks: a reason for a `skipped` row. Collective. */
    const char *(*unsupported)(const struct sn_transport *t, MPI_Comm comm);
    /* Collective. Segments zeroed, flags 0. SN_ENOMEM, SN_EENV: then on every rank, and nothing is
     * left open. */
    int (*open)(const struct sn_transport *t, struct sn_link **out, MPI_Comm comm,
                const struct sn_endpoints *e, size_t segment_bytes, unsigned flags, bool yield);
    void (*close)(struct sn_link *l); /* collective */
    /* This rank's endpoint's own segment, 64-byte aligned (2 MiB when it is larger). */
    void *(*local)(struct sn_link *l, unsigned endpoint);
    /* The segment of any endpoint as an address of this process, or NULL when not mapped. */
    void *(*peer)(struct sn_link *l, unsigned endpoint);
    int (*put)(struct sn_link *l, unsigned me, unsigned to, size_t offset, const void *src,
               size_t bytes);
    int (*get)(struct sn_link *l, unsigned me, unsigned from, size_t offset, void *dst,
               size_t bytes);
    /* *old = previous value of the 64-bit word at offset (8-byte aligned) of the segment; word +=
     * add. Atomic against each other. */
    int (*atomic_add)(struct sn_link *l, unsigned me, unsigned at, size_t offset, int64_t add,
                      int64_t *old);
    /* Sets flag `flag` of endpoint `to` to value, after all earlier puts of `me` to it. */
    int (*notify)(struct sn_link *l, unsigned me, unsigned to, unsigned flag, uint64_t value);
    /* Waits until flag `flag` of this rank's endpoint `me` is >= value; makes progress meanwhile.
     */
    int (*wait)(struct sn_link *l, unsigned me, unsigned flag, uint64_t value);
    int (*flush)(struct sn_link *l, unsigned me);
    /* Messages with a partner that asks for them, in order. send returns when
     * src may be reused; recv when the `bytes` bytes (the same on both sides) are in dst. Receives
     * are made in the order of the sends between two ranks. The endpoints are on different ranks
     * (a rank cannot wait for itself). No gets, puts or atomics of others are served meanwhile. */
    int (*send)(struct sn_link *l, unsigned me, unsigned to, const void *src, size_t bytes);
    int (*recv)(struct sn_link *l, unsigned me, unsigned from, void *dst, size_t bytes);
    /* Makes progress for others without waiting. */
    void (*poll)(struct sn_link *l);
    /* For mapped transports after stores through peer(): orders them before a following notify, and
     * counts the bytes. */
    void (*stored)(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages);
};

/* The descriptors, listed in comm/transports.def. */
#define SN_TRANSPORT(name) extern const struct sn_transport sn_transport_##name;
#include "comm/transports.def"
#undef SN_TRANSPORT

/* Most transports, plug-ins' included. */
enum { SN_TRANSPORTS_MAX = 32 };

/* All transports in the order of comm/transports.def, then those of plug-ins, NULL-terminated; and
 * their names, NULL-terminated, for an axis. The arrays never move. */
extern const struct sn_transport *sn_transports[SN_TRANSPORTS_MAX + 1];
extern const char *sn_transport_words[SN_TRANSPORTS_MAX + 1];

/* Adds a plug-in's transport after checking it; it must stay loaded. SN_EINVAL says what is wrong
 * with it: version, a missing hook by name, a name that is taken. */
int sn_transport_add(const struct sn_transport_plugin *p);

/* For `snbench list transports`: `unavailable` stays NULL, what cannot run depends on the ranks. */
void sn_transport_list(void (*emit)(void *out, const char *name, const char *brief,
                                    const char *unavailable),
                       void *out);

#endif

/* What the transports share: the head of a link, the layout of a rank's memory, MPI errors.
 * Included by comm/transport*.c and their tests only. */
#ifndef SN_COMM_TRANSPORT_IMPL_H
#define SN_COMM_TRANSPORT_IMPL_H

#include <assert.h>
#include <sched.h>

#include "comm/transport.h"
#include "harness/base/clock.h"

/* Lines of the cache, and the alignment of segments that huge pages can back. */
enum { SN_LINE = 64 };
#define SN_HUGE_BYTES ((size_t)2 << 20)

/* Fills the common head; duplicates comm, whose errors then return. SN_EENV. */
int sn_link_init(struct sn_link *l, const struct sn_transport *t, MPI_Comm comm,
                 const struct sn_endpoints *e, size_t segment_bytes, unsigned flags, bool yield);
void sn_link_fini(struct sn_link *l);

/* The hooks of every plug-in's transport (comm/transport_plugin.c). */
extern const struct sn_transport sn_transport_of_plugin;

/* Collective over comm: SN_OK where every rank brings SN_OK, else a failure on every rank: its own,
 * or the lowest failing rank's with its words. What opens a link calls it before the next
 * collective, so that a link is open everywhere or nowhere. */
int sn_link_agree(MPI_Comm comm, int status);

/* Collective: SN_ENOMEM on every rank where /dev/shm, from which MPI libraries take the windows of
 * ranks that share a host, has less left than the `bytes` of each of the host's ranks together. Its
 * files grow past what it has without an error: the store into them is what fails, by SIGBUS. */
int sn_link_check_shm(const struct sn_link *l, size_t bytes);

/* Adds bytes to the link's counters. */
void sn_link_count(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages);

/* SN_EENV with the words of the MPI library for a failed `call`. */
int sn_link_mpi_error(int rc, const char *call);
/* Returns from the calling function when an MPI call fails. */
#define SN_LINK_MPI(call, ...)                                                                     \
    do {                                                                                           \
        int rc_ = call(__VA_ARGS__);                                                               \
        if (rc_ != MPI_SUCCESS)                                                                    \
            return sn_link_mpi_error(rc_, #call);                                                  \
    } while (0)

/* The memory of a rank: `mail` bytes of the implementation's own, then the flags of its endpoints
 * (64 bytes apart, so that no two share a line), then their segments, all from an aligned base. */
struct sn_layout {
    size_t mail, flags_stride, seg_stride, align;
};
/* SN_ENOMEM when the sizes overflow for the fullest rank. */
int sn_layout_make(struct sn_layout *out, const struct sn_link *l, size_t mail);
size_t sn_layout_bytes(const struct sn_layout *y, unsigned slots);

static inline size_t sn_layout_flag(const struct sn_layout *y, unsigned slot, unsigned flag)
{
    return y->mail + slot * y->flags_stride + (size_t)flag * SN_LINE;
}
/* Where the segment of endpoint `die` begins in its rank's memory. */
static inline size_t sn_layout_segment(const struct sn_layout *y, const struct sn_endpoints *e,
                                       unsigned die)
{
    unsigned slots = sn_endpoints_count(e, e->rank_of[die]);
    size_t head = y->mail + slots * y->flags_stride;
    return ((head + y->align - 1) & ~(y->align - 1)) + e->slot_of[die] * y->seg_stride;
}

/* Is [offset, offset + bytes) inside a segment? */
static inline bool sn_link_inside(const struct sn_link *l, size_t offset, size_t bytes)
{
    return offset <= l->segment_bytes && bytes <= l->segment_bytes - offset;
}

/* One turn of a waiting loop. */
static inline void sn_link_pause(const struct sn_link *l)
{
    if (l->yield)
        sched_yield();
    else
        sn_clock_relax();
}

#endif

/* What put and hier share: the segment of a die, and combine over it.
 *
 * Segment of a die (D dies, P = pair_max, c = stride of a copy):
 *     counts   2 x D lines of 64 bytes   copies in the region of (parity, source)
 *     copies   2 x D x P x c             pre-allocated for the worst case: no die asks for room;
 *                                        sn_moe_fit(): exactly those of one draw
 *     nodes    (hier only)               2 parities of node records to be forwarded
 *     answers  mapped: D x P x 2H, of this die's experts, for the sources to read;
 *              else:   2 x D x P x 2H, for this die's tokens, written by the experts' dies
 * Flags: [0, D) copies from a source have come, [D, 2D) answers of a die are there, [2D, 3D) node
 * records of a source; a flag's value is the number of the dispatch or combine, 1, 2, ...
 *
 * Two parities are enough without any barrier, and one is not. Dispatch n ends on a die when the
 * flags n of all sources have come. One is not: s may end n and start n + 1 while d still waits for
 * another source's n, and s's n + 1 would overwrite what d has not looked at. Two are: to start
 * n + 2, which uses the parity of n again, s must have ended n + 1, so it has seen flag n + 1 of
 * every die d, which d sets only after it ended n and its caller is done with what it got. The same
 * holds for forwarders, whose flags come after their own start of n + 1, and for answers that are
 * written to the sources. Answers that are read where they lie are rewritten by sn_moe_experts()
 * only after a later dispatch ended, whose flags every source sets after its last combine.
 */
#ifndef SN_COMM_MOE_WINDOW_H
#define SN_COMM_MOE_WINDOW_H

#include "comm/moe.h"

struct sn_moe_window {
    struct sn_moe_exchange head;
    const struct sn_transport *transport;
    struct sn_link *link;
    bool mapped;
    uint64_t dispatches, combines;
    uint64_t seen_self, seen_other;                    /* link's bytes already in the head */
    size_t counts_at, copies_at, nodes_at, answers_at; /* offsets in a segment */
    uint8_t **peer;                                    /* (dies) mapped segments */
    uint32_t *place;  /* (local, T, K) place of each copy in its region */
    uint32_t *sent;   /* (local, dies) copies in each region */
    uint32_t *moved;  /* (dies) copies stored there, or answers read, and not yet counted */
    uint8_t *scratch; /* one copy; not mapped: sn_moe_out_max() copies of one source die */
    uint8_t *y;       /* not mapped: (local, sn_moe_in_max()) answers */
};

/* Bytes of memory per rank; `nodes_bytes` of each segment are for node records. */
uint64_t sn_moe_window_memory(const struct sn_moe_shape *s, unsigned local,
                              const struct sn_transport *t, size_t nodes_bytes);
/* Fills an allocated *w; on failure the caller closes it as well. Collective. */
int sn_moe_window_open(struct sn_moe_window *w, struct sn_moe *m, const struct sn_moe_algorithm *a,
                       const struct sn_transport *t, bool yield, size_t nodes_bytes);
/* Frees *w too. Collective. */
void sn_moe_window_close(struct sn_moe_exchange *x);

/* Offsets in the segment of the receiving die, in the current dispatch: of the copies that `die`
 * gets from `src`, of their number. */
size_t sn_moe_window_copies(const struct sn_moe_window *w, unsigned die, unsigned src);
size_t sn_moe_window_count(const struct sn_moe_window *w, unsigned src);

/* A new dispatch begins: its number, and place and sent of every copy of this rank. */
void sn_moe_window_begin(struct sn_moe_window *w);
/* `me` has brought all `n` copies of `src` to `to`: writes their number and sets src's flag. Counts
 * what the caller noted in moved[to] and, where transports are mapped, its bytes. */
int sn_moe_window_announce(struct sn_moe_window *w, unsigned me, unsigned to, unsigned src,
                           uint32_t n);
/* A number that goes beside the data, at `offset` of the segment of `to`; not counted as bytes. */
int sn_moe_window_note(struct sn_moe_window *w, unsigned me, unsigned to, size_t offset,
                       uint64_t value);
/* Waits for all sources' copies of all dies of this rank; fills count, received and answer, and
 * the bytes moved. */
int sn_moe_window_end(struct sn_moe_window *w);

/* Combine. Mapped: each expert die sets a flag, and the source sums straight from the answers where
 * they lie: every byte crosses once and is not stored in between. Else: the answers of a (die,
 * source) pair go in one put, then the source sums. */
int sn_moe_window_combine(struct sn_moe_exchange *x);

#endif

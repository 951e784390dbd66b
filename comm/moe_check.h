/* Checking a dispatch and a combine, token by token, against what the sources must have sent.
 *
 * Every rank regenerates inputs and routing of all dies (they are pure functions, comm/moe.h) and
 * encodes them with the plain variant. So a fault in the fast path, in placing or in moving shows,
 * and is named by token: "token 17 of die 0 (copy 3, expert 5 on die 1): ...".
 */
#ifndef SN_COMM_MOE_CHECK_H
#define SN_COMM_MOE_CHECK_H

#include "comm/moe.h"

/* What is done to received copies, or to combined tokens, to prove that the check can fail. */
enum sn_moe_mutation {
    SN_MOE_INTACT,
    SN_MOE_BITFLIP,   /* one bit of one payload or value */
    SN_MOE_SWAP,      /* the payloads of two copies, or two tokens, exchanged */
    SN_MOE_DROP,      /* one copy gone; one token all zeros */
    SN_MOE_WRONG_RANK /* in place of a copy or token lies a whole one of another die */
};

struct sn_moe_verdict { /* of this rank; starts zeroed */
    uint64_t compared, errors;
    char first[256]; /* the first error in words */
};

/* Collective. Changes the received copies of one die: of the lowest rank that can. The state is
 * that after a dispatch and is whole again after the next one. SN_EINVAL when no rank can (no
 * copies, one die only). */
int sn_moe_mutate(struct sn_moe_exchange *x, enum sn_moe_mutation mutation);

/* Collective. The same to the tokens in moe->out, the state after a combine. SN_EINVAL when no rank
 * can. */
int sn_moe_mutate_combined(struct sn_moe_exchange *x, enum sn_moe_mutation mutation);

/* Every copy received by this rank's dies since the last dispatch: source, number, slot held here,
 * payload, checksum; none twice, none missing. compared counts the expected copies. Cost: one plain
 * encode of every token of all dies. */
void sn_moe_check_received(const struct sn_moe_exchange *x, struct sn_moe_verdict *v);

/* Every value of out against bf16(sum_j w_j y_j) from the inputs, bit by bit. compared counts
 * tokens. */
void sn_moe_check_combined(const struct sn_moe_exchange *x, struct sn_moe_verdict *v);

/* Collective. Conservation per slot: copies routed = copies received, over all ranks. Every rank
 * that holds the slot's die reports. */
void sn_moe_check_conserved(const struct sn_moe_exchange *x, struct sn_moe_verdict *v);

/* What one dispatch or combine of this rank's tokens must move in the draw, records and copies that
 * hier forwards included; and the payload by its routing alone, the same for every algorithm. */
struct sn_moe_traffic {
    uint64_t wire, local;            /* bytes moved between dies; from a die to itself */
    uint64_t wire_copies;            /* copies and node records moved between dies */
    uint64_t *sent, *received, *own; /* (dies) routed bytes of each die, own: to itself; or NULL */
};
/* Sets the scalars and adds to the arrays. */
void sn_moe_expected_dispatch(const struct sn_moe_exchange *x, struct sn_moe_traffic *t);
void sn_moe_expected_combine(const struct sn_moe_exchange *x, struct sn_moe_traffic *t);

/* Bytes of a node record of hier: payload, 16 bytes, 8 per copy. */
size_t sn_moe_record_bytes(const struct sn_moe_shape *s);

#endif

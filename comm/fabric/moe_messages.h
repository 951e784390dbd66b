/* The messages of a leg, for comm/fabric/moe_model.c alone: each fills m->msgs and m->n. A die's
 * messages that wait for no other lie side by side, in the order in which it issues them, message i
 * not before ready_ps + i issue_ps: one after another whatever port they leave by. */
#ifndef SN_COMM_FABRIC_MOE_MESSAGES_H
#define SN_COMM_FABRIC_MOE_MESSAGES_H

#include "comm/fabric/moe_model.h"

/* to (dies): whom `die` sends to, in turn; when rotated itself last. */
void sn_moe_messages_turn(const struct sn_moe_model *m, uint32_t die, uint32_t *to);
/* One message per copy or answer. */
void sn_moe_messages_copies(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps);
/* One per pair of dies. */
void sn_moe_messages_pairs(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps);
/* Node records and the copies that are passed on; dispatch alone. */
void sn_moe_messages_nodes(struct sn_moe_model *m, int64_t issue_ps);
/* `bytes` from every die to the one `distance` behind it, or (0) to all others, rotated. */
void sn_moe_messages_counts(struct sn_moe_model *m, unsigned distance, uint64_t bytes,
                            int64_t issue_ps);

#endif

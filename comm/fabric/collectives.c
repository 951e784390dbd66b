/* Collectives as lists of messages: what each die sends in each step. Indices are modulo P, so that
 * P - 1 means "one back". */
#include "comm/fabric/collectives.h"

#include <assert.h>

static unsigned all_others(unsigned p)
{
    return p - 1;
}

static unsigned log2_of(unsigned p)
{
    return (unsigned)__builtin_ctz(p);
}

/* --- all-to-all ------------------------------------------------------------------------------ */

static struct sn_collective_part rotated(unsigned p, unsigned s, unsigned me)
{
    unsigned to = (me + s + 1) % p;
    return (struct sn_collective_part){
        .to = to, .from = (me + p - s - 1) % p, .origin = me, .first = to, .count = 1};
}

/* What the die s places back gave is passed on without the part of `me`. */
static struct sn_collective_part passed_on(unsigned p, unsigned s, unsigned me)
{
    return (struct sn_collective_part){.to = (me + 1) % p,
                                       .from = (me + p - 1) % p,
                                       .origin = (me + p - s) % p,
                                       .first = (me + 1) % p,
                                       .count = p - 1 - s};
}

const struct sn_collective sn_alltoall_direct = {
    .name = "direct", .kind = SN_ALLTOALL, .steps = all_others, .part = rotated};
const struct sn_collective sn_alltoall_pairwise = {
    .name = "pairwise", .kind = SN_ALLTOALL, .waits = true, .steps = all_others, .part = rotated};
const struct sn_collective sn_alltoall_ring = {.name = "ring",
                                               .kind = SN_ALLTOALL,
                                               .waits = true,
                                               .forwards = true,
                                               .steps = all_others,
                                               .part = passed_on};

/* --- all-gather ------------------------------------------------------------------------------ */

static struct sn_collective_part own_block(unsigned p, unsigned s, unsigned me)
{
    struct sn_collective_part part = rotated(p, s, me);
    part.first = me;
    return part;
}

static struct sn_collective_part latest_block(unsigned p, unsigned s, unsigned me)
{
    return (struct sn_collective_part){.to = (me + 1) % p,
                                       .from = (me + p - 1) % p,
                                       .origin = me,
                                       .first = (me + p - s) % p,
                                       .count = 1};
}

/* Everything that the 2^s dies of one half have goes to the other half. */
static struct sn_collective_part half_gathered(unsigned p, unsigned s, unsigned me)
{
    unsigned half = 1u << s, other = me ^ half;
    return (struct sn_collective_part){
        .to = other, .from = other, .origin = me, .first = me / half * half, .count = half};
}

const struct sn_collective sn_allgather_direct = {
    .name = "direct", .kind = SN_ALLGATHER, .steps = all_others, .part = own_block};
const struct sn_collective sn_allgather_ring = {.name = "ring",
                                                .kind = SN_ALLGATHER,
                                                .waits = true,
                                                .forwards = true,
                                                .steps = all_others,
                                                .part = latest_block};
const struct sn_collective sn_allgather_doubling = {.name = "doubling",
                                                    .kind = SN_ALLGATHER,
                                                    .waits = true,
                                                    .forwards = true,
                                                    .power_of_two = true,
                                                    .steps = log2_of,
                                                    .part = half_gathered};

/* --- reduce-scatter -------------------------------------------------------------------------- */

/* The sum that ends at die `me` sets out P - 1 steps earlier at the die behind it. */
static struct sn_collective_part partial_sum(unsigned p, unsigned s, unsigned me)
{
    return (struct sn_collective_part){.to = (me + 1) % p,
                                       .from = (me + p - 1) % p,
                                       .origin = me,
                                       .first = (me + 2 * p - s - 1) % p,
                                       .count = 1};
}

/* The blocks that the other half will have. */
static struct sn_collective_part half_scattered(unsigned p, unsigned s, unsigned me)
{
    unsigned half = p >> (s + 1), other = me ^ half;
    return (struct sn_collective_part){
        .to = other, .from = other, .origin = me, .first = other / half * half, .count = half};
}

const struct sn_collective sn_reduce_scatter_direct = {
    .name = "direct", .kind = SN_REDUCE_SCATTER, .steps = all_others, .part = rotated};
const struct sn_collective sn_reduce_scatter_ring = {.name = "ring",
                                                     .kind = SN_REDUCE_SCATTER,
                                                     .waits = true,
                                                     .forwards = true,
                                                     .steps = all_others,
                                                     .part = partial_sum};
const struct sn_collective sn_reduce_scatter_halving = {.name = "halving",
                                                        .kind = SN_REDUCE_SCATTER,
                                                        .waits = true,
                                                        .forwards = true,
                                                        .power_of_two = true,
                                                        .steps = log2_of,
                                                        .part = half_scattered};

const struct sn_collective *const sn_collectives[] = {
    &sn_alltoall_direct,        &sn_alltoall_pairwise,
    &sn_alltoall_ring,          &sn_allgather_direct,
    &sn_allgather_ring,         &sn_allgather_doubling,
    &sn_reduce_scatter_direct,  &sn_reduce_scatter_ring,
    &sn_reduce_scatter_halving, NULL};

/* --- lists ----------------------------------------------------------------------------------- */

const char *sn_collective_unsupported(const struct sn_collective *a, unsigned p)
{
    return a->power_of_two && (p & (p - 1)) ? "the algorithm needs a power of two of endpoints"
                                            : NULL;
}

size_t sn_collective_count(const struct sn_collective *a, unsigned p)
{
    return (size_t)a->steps(p) * p;
}

void sn_collective_orders(enum sn_net_order o, unsigned p, uint64_t seed, uint32_t *orders)
{
    for (unsigned me = 0; me < p; me++)
        sn_net_order(o, me, p, seed, orders + (size_t)me * (p - 1));
}

struct sn_collective_part sn_collective_part_of(const struct sn_collective *a, unsigned p,
                                                const uint32_t *orders, unsigned s, unsigned me)
{
    struct sn_collective_part part = a->part(p, s, me);
    assert(!orders || !a->waits);
    if (orders) {
        part.to = orders[(size_t)me * (p - 1) + s];
        part.first = a->kind == SN_ALLGATHER ? me : part.to;
    }
    return part;
}

void sn_collective_build(const struct sn_collective *a, unsigned p, uint64_t block,
                         const uint32_t *orders, const int64_t *arrive_ps, struct sn_msg *msgs)
{
    unsigned steps = a->steps(p);
    for (unsigned s = 0; s < steps; s++)
        for (unsigned me = 0; me < p; me++) {
            struct sn_collective_part part = sn_collective_part_of(a, p, orders, s, me);
            bool first = !a->waits || s == 0;
            msgs[(size_t)s * p + me] = (struct sn_msg){
                .issue_ps = arrive_ps ? arrive_ps[me] : 0,
                .bytes = part.count * block,
                .src = me,
                .dst = part.to,
                .after = first ? SN_MSG_NONE : (uint32_t)((s - 1) * p + a->part(p, s - 1, me).from),
                .flags = first ? 0 : SN_MSG_IN_TURN};
        }
}

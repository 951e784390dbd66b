/* Routing balanced: consecutive tokens use up all experts before one is used again.
 *
 * Token t gets cards t k .. t k + k - 1 of a pack of the E experts that is repeated k / gcd(E, k)
 * times, then shuffled anew: a round of E / gcd(E, k) tokens. Any k <= E neighbouring cards of a
 * repeated pack are distinct. A batch of n tokens that starts at a multiple of n loads all experts
 * equally when k n is a multiple of E (n then is a multiple of a round); any other batch to within
 * one activation per round cut. The order of a round is one of PACKS shuffles, cut at a random
 * card, after another: PACKS^2 E orders, two look-ups a card. (A Feistel permutation of four rounds
 * is slower, and on 256 cards so uneven that the distinct dies of a token come out 0.6 % low.) */
#include <stdlib.h>

#include "comm/routing_kind.h"
#include "harness/base/buf.h"

enum { PACKS = 64, STREAM_PACKS = 0x7061636b /* of (seed, stream) */ };

static unsigned gcd(unsigned a, unsigned b)
{
    while (b) {
        unsigned t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static int open_balanced(struct sn_routing *r, const struct sn_routing_args *args)
{
    const unsigned n = r->experts;
    struct sn_rng rng = sn_rng_make(r->seed, STREAM_PACKS);
    uint16_t *pack = sn_calloc((size_t)PACKS * n, sizeof *pack); /* (PACKS, E) */
    for (unsigned p = 0; p < PACKS; p++) {
        for (unsigned e = 0; e < n; e++)
            pack[(size_t)p * n + e] = (uint16_t)e;
        sn_subset_shuffle(pack + (size_t)p * n, n, &rng);
    }
    for (unsigned e = 0; e < n; e++)
        r->share[e] = 1.0 / n;
    r->state = pack;
    return 0;
}

static void draw_balanced(const struct sn_routing *r, uint64_t layer, uint64_t token,
                          struct sn_rng *rng, uint16_t *expert)
{
    const unsigned n = r->experts, round = n / gcd(n, r->topk); /* tokens */
    struct sn_rng deal = sn_rng_make(sn_rng_at(~r->seed, layer, token / round), STREAM_PACKS);
    const uint16_t *pack = r->state;
    const uint16_t *first = pack + sn_rng_below(&deal, PACKS) * n;
    const uint16_t *second = pack + sn_rng_below(&deal, PACKS) * n;
    const unsigned cut = (unsigned)sn_rng_below(&deal, n);
    unsigned at = (unsigned)(token % round * r->topk % n);
    for (unsigned j = 0; j < r->topk; j++) {
        unsigned card = first[at] + cut;
        expert[j] = second[card < n ? card : card - n];
        at = at + 1 < n ? at + 1 : 0;
    }
}

static void close_balanced(struct sn_routing *r)
{
    free(r->state);
}

const struct sn_routing_kind sn_routing_balanced = {
    .name = "balanced",
    .form = "balanced",
    .example = "balanced",
    .brief = "consecutive tokens load all experts equally, in a random order",
    .open = open_balanced,
    .draw = draw_balanced,
    .close = close_balanced,
};

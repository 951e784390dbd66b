/* Routing balanced: consecutive tokens use up all experts before one is used again.
 *
 * Activations are dealt from a pack of the E experts: token t gets cards t k .. t k + k - 1 of a
 * pack that is repeated k / gcd(E, k) times, then shuffled anew; a round so is E / gcd(E, k) tokens
 * and ends at the end of a token. Any k <= E neighbouring cards of a repeated pack are distinct. A
 * batch of n tokens that starts at a multiple of n loads all experts equally when k n is a multiple
 * of E (then n is a multiple of a round); any other batch to within one activation per round cut.
 * The shuffle is a Feistel permutation, so that a card is computed without the pack: Black and
 * Rogaway, Ciphers with arbitrary finite domains (CT-RSA 2002), cycle walking.
 */
#include "comm/routing_kind.h"

static unsigned gcd(unsigned a, unsigned b)
{
    while (b) {
        unsigned t = a % b;
        a = b;
        b = t;
    }
    return a;
}

/* A bijection of 0..n-1, one for every key. Four rounds on the smallest even number of bits that
 * holds n - 1; values outside are walked back in (fewer than 4 steps expected). */
static unsigned permute(uint64_t key, unsigned n, unsigned x)
{
    unsigned half = 1;
    while (n > 1u << 2 * half)
        half++;
    const uint32_t mask = (1u << half) - 1;
    do {
        uint32_t left = x >> half, right = x & mask;
        for (unsigned round = 0; round < 4; round++) {
            uint64_t f =
                sn_rng_mix64(key + (((uint64_t)right << 2 | round) + 1) * 0x9e3779b97f4a7c15ull);
            uint32_t t = left ^ (uint32_t)(f >> 40 & mask);
            left = right;
            right = t;
        }
        x = left << half | right;
    } while (x >= n);
    return x;
}

static int open_balanced(struct sn_routing *r, const struct sn_routing_args *args)
{
    for (unsigned e = 0; e < r->experts; e++)
        r->share[e] = 1.0 / r->experts;
    return 0;
}

static void draw_balanced(const struct sn_routing *r, uint64_t layer, uint64_t token,
                          struct sn_rng *rng, uint16_t *expert)
{
    const unsigned round = r->experts / gcd(r->experts, r->topk);   /* tokens */
    const uint64_t key = sn_rng_at(~r->seed, layer, token / round); /* ~: not the token's stream */
    const uint64_t first = token % round * r->topk;
    for (unsigned j = 0; j < r->topk; j++)
        expert[j] = (uint16_t)permute(key, r->experts, (unsigned)((first + j) % r->experts));
}

const struct sn_routing_kind sn_routing_balanced = {
    .name = "balanced",
    .form = "balanced",
    .example = "balanced",
    .brief = "consecutive tokens load all experts equally, in a random order",
    .open = open_balanced,
    .draw = draw_balanced,
};

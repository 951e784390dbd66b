/* Lengths of prompts: bench/macro/lengths.h. */
#include "bench/macro/lengths.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"

enum { STREAM_LENGTHS = 0x6c656e67 };

const char *const sn_lengths_words[] = {[SN_LENGTHS_FIXED] = "fixed",
                                        [SN_LENGTHS_UNIFORM] = "uniform",
                                        [SN_LENGTHS_LOGNORMAL] = "lognormal",
                                        [SN_LENGTHS_BIMODAL] = "bimodal",
                                        NULL};

/* Box and Muller, one of the pair. */
static double gaussian(struct sn_rng *r)
{
    static const double two_pi = 6.283185307179586;
    double u = 1 - sn_rng_uniform(r), v = sn_rng_uniform(r);
    return sqrt(-2 * log(u)) * cos(two_pi * v);
}

static double length(enum sn_lengths kind, struct sn_rng *r)
{
    static const double sigma = 0.6, share = 0.2, large = 2.6, small = 0.6;
    switch (kind) {
    case SN_LENGTHS_UNIFORM:
        return 0.5 + sn_rng_uniform(r);
    case SN_LENGTHS_LOGNORMAL:
        return exp(sigma * gaussian(r) - sigma * sigma / 2);
    case SN_LENGTHS_BIMODAL:
        return sn_rng_uniform(r) < share ? large : small;
    default:
        return 1;
    }
}

struct sn_lengths_load sn_lengths_draw(enum sn_lengths kind, unsigned dies, unsigned prompts,
                                       bool spread, uint64_t seed, uint64_t draw)
{
    struct sn_lengths_load load = {1, 1};
    if (kind == SN_LENGTHS_FIXED)
        return load;
    struct sn_rng r = sn_rng_make(seed ^ STREAM_LENGTHS, draw);
    double *tokens = sn_calloc(dies, sizeof *tokens), *pairs = sn_calloc(dies, sizeof *pairs);
    double all = 0, all_pairs = 0, mean = (double)dies * prompts;
    unsigned longest = 0;
    for (unsigned d = 0; d < dies; d++) {
        for (unsigned i = 0; i < prompts; i++) {
            double x = length(kind, &r);
            tokens[d] += x;
            pairs[d] += x * x;
        }
        all += tokens[d];
        all_pairs += pairs[d];
        longest = pairs[d] + tokens[d] > pairs[longest] + tokens[longest] ? d : longest;
    }
    double scale = mean / all; /* to a length */
    if (spread)
        load.pairs = all_pairs * scale * scale / mean;
    else
        load = (struct sn_lengths_load){tokens[longest] * scale / prompts,
                                        pairs[longest] * scale * scale / prompts};
    free(tokens);
    free(pairs);
    return load;
}

/* Lengths of the prompts in a batch, and what they do to attention: with attention of its own a die
 * has the sum of its prompts, and all wait for the fullest; where dies share the heads of all
 * prompts, each has the mean. */
#ifndef SN_BENCH_MACRO_LENGTHS_H
#define SN_BENCH_MACRO_LENGTHS_H

#include <stdbool.h>
#include <stdint.h>

/* fixed; uniform: 0.5 to 1.5 of the mean; lognormal: sigma 0.6; bimodal: a fifth of the prompts 2.6
 * times the mean, the rest 0.6. All have the same mean. */
enum sn_lengths { SN_LENGTHS_FIXED, SN_LENGTHS_UNIFORM, SN_LENGTHS_LOGNORMAL, SN_LENGTHS_BIMODAL };
extern const char *const sn_lengths_words[]; /* and NULL */

struct sn_lengths_load {
    double longest; /* tokens of the die that computes longest, over the mean of all */
    double pairs;   /* pairs of tokens that see each other, on that die (spread: on all, in the
                       mean), over those of equal prompts */
};

/* Of `dies` with `prompts` each. Drawn by (seed, draw); scaled so that all tokens together are
 * those of equal prompts. fixed: 1 and 1. */
struct sn_lengths_load sn_lengths_draw(enum sn_lengths kind, unsigned dies, unsigned prompts,
                                       bool spread, uint64_t seed, uint64_t draw);

#endif

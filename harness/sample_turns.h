/* Sampling several cases in turn, so that what drifts in the machine hits all of them alike.
 *
 * Each is warmed up by itself. Then they come in blocks of SN_TURN_BLOCK samples, forwards and
 * backwards: A B B A, with three A B C C B A. One way there and back takes a linear drift out of a
 * ratio altogether.
 *
 * Every block begins with one untimed repetition (counted in warmup): after a switch the caches
 * hold what the others left there. All blocks have it, so that all are made alike, also the second
 * of B B. Why 5: a block of one sample would spend half of all repetitions on that; with five it is
 * a sixth, the median of a block bears two disturbed samples, and a way there and back is 10
 * samples, the distance between two looks of the stop rule. For operations of 20 us to 1 ms a block
 * lasts 0.1 to 5 ms, and clocks, page caches and neighbours change more slowly.
 *
 * Stop: each case by its own rule and budget, which runs only during its turns. One whose interval
 * is narrow enough (stop "ci") goes on while another is not done, so that both keep being measured
 * under the same conditions; `max` and the budget end a case at once, the latter not below 6 blocks
 * (the fewest with a 95 % interval of the ratio) until 3 budgets are spent. When all are done the
 * way back is completed, and there are 6 blocks at least.
 */
#ifndef SN_HARNESS_SAMPLE_TURNS_H
#define SN_HARNESS_SAMPLE_TURNS_H

#include "harness/sample.h"

/* Samples of one block. Block i of a row flagged SN_FLAG_INTERLEAVED is samples_s[i *
 * SN_TURN_BLOCK] and what follows; the last may be incomplete. Blocks i of rows that were sampled
 * together lie side by side in time. Stored rows depend on it: another length needs another flag.
 */
enum { SN_TURN_BLOCK = 5 };
#define SN_FLAG_INTERLEAVED "interleaved"

struct sn_turn {
    struct sn_case *c; /* set up and verified */
    struct sn_row *row;
    int status; /* out: SN_OK, or why sampling this one ended; row->reason then says it in words */
};

/* Called on every rank before anything is done for case i. */
struct sn_turn_hook {
    void (*take)(void *arg, size_t i);
    void *arg;
};

/* Collective. Does for each of n cases what sn_sample() does for one. A case that fails ends alone
 * (row->status failed, with its reason); the others go on. SN_EINTR: a signal ended all of them. */
int sn_sample_turns(struct sn_turn *t, size_t n, const struct sn_sample_opts *o,
                    struct sn_counters *counters, const struct sn_turn_hook *hook);

#endif

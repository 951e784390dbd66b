/* What the micro benchmarks share on the model clock: the ends of a path, how much of the payload
 * really moves, and what the time of a list of messages is made of. */
#ifndef SN_BENCH_MICRO_MODELLED_H
#define SN_BENCH_MICRO_MODELLED_H

#include "bench/micro/arrival.h"
#include "bench/model.h"

/* --- axes ------------------------------------------------------------------------------------ */

/* Between which endpoints: words of sn_path_words without `self`. */
#define SN_PATH_AXIS                                                                               \
    {                                                                                              \
        .name = "path", .type = SN_AXIS_WORD, .def = "node,supernode",                             \
        .words = &sn_path_words[SN_PATH_PACKAGE], .clocks = SN_CLOCK_MODEL,                        \
        .help = "from die 0 to a die of its package or node, of another node, or CPU memory"       \
    }
static inline enum sn_path sn_modelled_path(const struct sn_case *c)
{
    return SN_PATH_PACKAGE + sn_case_word(c, "path");
}

extern const char *const sn_payload_words[]; /* auto, header, full */
#define SN_PAYLOAD_AXIS(default_)                                                                  \
    {                                                                                              \
        .name = "payload", .type = SN_AXIS_WORD, .def = default_, .words = sn_payload_words,       \
        .clocks = SN_CLOCK_MODEL,                                                                  \
        .help = "what the verification moves: all bytes, 64 of each message, or by the total "     \
                "(auto: headers above 2 GiB)"                                                      \
    }
/* Bytes of one message that really move on the model clock, of `size`, when all messages together
 * have `total` (UINT64_MAX where that does not fit). */
uint64_t sn_payload_bytes(const struct sn_case *c, uint64_t size, uint64_t total);
/* Memory of all ranks together that a verification fills at a time, where it can choose. */
enum { SN_VERIFY_BUDGET = 32 << 20 };

#define SN_SKEW_AXIS                                                                               \
    {                                                                                              \
        .name = "skew", .type = SN_AXIS_TEXT, .def = "none", .check = sn_arrival_check,            \
        .clocks = SN_CLOCK_MODEL,                                                                  \
        .help = "how late the dies come: none, uniform(50us), exp(50us), late(50us)"               \
    }

/* --- ends ------------------------------------------------------------------------------------ */

/* The profile, a net of the whole machine it describes (sn_model_share()), and the endpoint at the
 * other end of the case's path from die 0: the first die there, or CPU memory. SN_EINVAL where
 * there is none. */
int sn_modelled_open(const struct sn_case *c, const struct sn_profile **p, struct sn_net **net,
                     unsigned *far);
/* NULL, or why the case's path cannot be taken: the machine has no such place, the profile no such
 * path, or it is cut; or why no bytes can move on these ranks. */
const char *sn_modelled_path_unsupported(const struct sn_case *c);

/* The profile and a shared net of its whole machine, or of `dies` dies where that is more. */
int sn_modelled_net(const struct sn_case *c, unsigned dies, const struct sn_profile **p,
                    struct sn_net **net);

/* The hook `inputs` of benchmarks over the whole machine; nothing to check on the wall clock. */
int sn_modelled_inputs(const struct sn_case *c);

/* "path-node" and so on: a flag that says what the ends of a row are to each other. */
const char *sn_modelled_path_flag(enum sn_path path);

/* --- time ------------------------------------------------------------------------------------ */

struct sn_modelled_run {
    struct sn_msg *msgs;
    size_t n;
    int64_t overhead_ps; /* of each message at its issuer */
    int64_t start_ps;    /* when the clock starts: of the first that comes */
    bool observed;       /* the latency of the path, as it was observed, holds one overhead */
};

/* Runs the messages and fills the timeline: parts, limit, bottleneck, last die. Parts follow what
 * the last delivery waited for:
 *   skew     until the die at the beginning came
 *   issue    overheads of its messages, where they are longer than the bytes take
 *   latency  of the last message; with steps that wait, of each message of the chain
 *   wire     bytes at the bandwidth of the path: of the source's messages up to the last one; with
 *            steps, of each message of the chain
 *   queue    the rest: waiting for messages of others */
int sn_modelled_time(struct sn_net *net, const struct sn_profile *p, struct sn_modelled_run *r,
                     struct sn_timeline *t);

/* cost.issue of the profile in picoseconds. */
int64_t sn_modelled_issue_ps(const struct sn_profile *p);

#endif

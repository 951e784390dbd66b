/* What the benchmarks share on the model clock: their axes, the open profiles, a net for a case,
 * and the timeline of what the engine says. */
#ifndef SN_BENCH_MODEL_H
#define SN_BENCH_MODEL_H

#include "bench/profile.h"
#include "comm/fabric/net.h"
#include "harness/bench.h"
#include "harness/timeline.h"

/* Of a run; env->shared points to it. Profiles are read once. */
struct sn_model;
void *sn_model_open(void);
void sn_model_close(void *model);

/* The axes of every benchmark with a model clock. */
#define SN_MODEL_AXES                                                                              \
    {.name = "profile",                                                                            \
     .type = SN_AXIS_TEXT,                                                                         \
     .def = "cloudmatrix384-ub",                                                                   \
     .check = sn_profile_axis_check,                                                               \
     .is_profile = true,                                                                           \
     .clocks = SN_CLOCK_MODEL,                                                                     \
     .help = "fabric profile, a name of snbench list profiles or a file"},                         \
    {                                                                                              \
        .name = "degrade", .type = SN_AXIS_TEXT, .def = "none", .check = sn_degrade_check,         \
        .is_degrade = true, .clocks = SN_CLOCK_MODEL,                                              \
        .help = "slowed or cut links, for example plane=3:0 or node=7.link=2:0.5+die=5:0.5"        \
    }

static inline bool sn_on_model(const struct sn_case *c)
{
    return c->env->clock == SN_CLOCK_MODEL;
}

/* The case's profile (axis `profile`), open until the run ends. SN_EINVAL, SN_EIO as
 * sn_profile_open(). For the hook `inputs` as well. */
int sn_model_profile(const struct sn_case *c, const struct sn_profile **out);

/* A net of `dies` dies by the axes profile and degrade; `o` may give the rest, or be NULL. The
 * caller closes it. */
int sn_model_net(const struct sn_case *c, unsigned dies, const struct sn_net_options *o,
                 struct sn_net **out);

/* The same, kept open for later cases of the run that ask for it again; not to be closed. Valid
 * until SN_MODEL_SHARED others were asked for. For nets that many cheap cases share. */
enum { SN_MODEL_SHARED = 16 };
int sn_model_share(const struct sn_case *c, unsigned dies, const struct sn_net_options *o,
                   struct sn_net **out);

/* Checks what the axes name, for the hook `inputs`: the profile's file and, against `dies` dies,
 * the degradation. */
int sn_model_inputs(const struct sn_case *c, unsigned dies);

/* What cases of one run share: a value by its key, NULL when there is none. A value that is set
 * goes to the memo, which releases it at the run's end, or earlier, least recently used first, when
 * there are SN_MODEL_MEMOS. Of this rank alone: ranks that ask together must agree on what they
 * found. */
enum { SN_MODEL_MEMOS = 1024 };
void *sn_model_memo(const struct sn_case *c, const char *key);
void sn_model_memo_set(const struct sn_case *c, const char *key, void *value,
                       void (*release)(void *));

/* Limit, bottleneck and last die of an engine's result into a timeline. */
void sn_model_result(const struct sn_net *net, const struct sn_msg *msgs,
                     const struct sn_net_result *r, struct sn_timeline *t);

/* Flags the draw `extrapolated` where the case lies outside what `p`, the profile it ran on, says
 * of any axis of the benchmark (p->valid), or has more endpoints than p's machine has dies. For
 * every predict(). */
void sn_model_validity(const struct sn_case *c, const struct sn_profile *p, struct sn_timeline *t);

/* Flags the draw `no-cost` where the profile has no figure of a cost that the benchmark takes from
 * it, for example &p->cost.issue: it then counts as 0. */
void sn_model_cost(const struct sn_figure *cost, struct sn_timeline *t);

/* For the manifest (struct sn_app.describe_model). */
json_t *sn_model_describe(const char *profile);

#endif

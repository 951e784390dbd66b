/* When the operations of a step run: streams in order, dependencies, shared resources.
 *
 * All operations are launched at 0, from queues that run ahead: of `launch_s` an operation pays
 * what is left when it may start.
 *
 * An operation lasts `fixed_s` (latency, waiting; uses nothing), then `work_s` when it is alone.
 * While it works it uses a share of each resource (0: none; 1: all of it). Where the operations
 * that work at a time want more of a resource than there is, they are slowed, as a fluid: all
 * speeds rise together until a resource is full; who uses it stays there, the others go on rising
 * (max-min fairness, work conserving; Bertsekas and Gallager, Data Networks, section 6.5.2).
 * Operations of a stream run one after the other in the order in which they are given. Overlap,
 * bubbles and what is exposed follow from this; none is an input. */
#ifndef SN_BENCH_MACRO_SCHEDULE_H
#define SN_BENCH_MACRO_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

/* Of a die. Shares of the cube and vector cores that belong to a stream alone are no resource: they
 * are in work_s. */
enum sn_resource {
    SN_RES_CUBE,
    SN_RES_VECTOR,
    SN_RES_HBM,
    SN_RES_DMA,
    SN_RES_FABRIC,
    SN_RESOURCES
};
extern const char *const sn_resource_names[]; /* "cube", ..., NULL */

#define SN_SCHEDULE_NONE UINT32_MAX

struct sn_task {
    const char *name;
    uint32_t stream; /* 0 to streams - 1 */
    double launch_s, fixed_s, work_s;
    double use[SN_RESOURCES]; /* share while it works alone, 0 to 1 */
    const uint32_t *after;    /* tasks that must have ended, by index */
    size_t n_after;
};

struct sn_span {
    double start_s, end_s;
    double launch_s; /* of it, what was left of the launch */
    double slowed_s; /* what the others cost: end - start - launch left - fixed - work */
    uint32_t held;   /* the task whose end let it start; SN_SCHEDULE_NONE: at 0 */
};

struct sn_schedule {
    struct sn_span *span; /* by task */
    size_t n;
    double end_s;
    double busy_s[SN_RESOURCES]; /* integral of the share in use */
};

/* SN_EINVAL, with the names: a share out of [0, 1], a time below 0 or not finite, a stream or task
 * that there is not, tasks that wait for each other. Equal input gives equal bits. Release with
 * sn_schedule_free(). */
int sn_schedule_run(struct sn_schedule *out, const struct sn_task *tasks, size_t n,
                    uint32_t streams);
void sn_schedule_free(struct sn_schedule *s);

/* The chain of tasks that ends last, first task first; path (n at most) gets their indices. Each
 * starts when the one before ends, so that their spans add up to end_s. Returns how many. */
size_t sn_schedule_critical(const struct sn_schedule *s, uint32_t *path);

#endif

/* A benchmark as the harness sees it: a table entry, a case, a check.
 *
 * Life of a case (harness/run.c): unsupported? -> setup -> verify -> warm up -> sample until the
 * stop rule -> verify -> metrics -> teardown. On the model clock: unsupported? -> setup -> verify
 * -> predict, once per draw -> metrics -> teardown. Cases that differ only in an axis that
 * `compares` go through this life side by side on the wall clock: several are set up at a time, so
 * a benchmark keeps what belongs to a case in its state. Every hook but unsupported, memory,
 * endpoints, draws, predict and metrics is called on every rank, together, in the same order. Hooks
 * return SN_OK or a recorded failure; a failure on one rank fails the case on all. teardown is
 * called whenever setup was, also when setup failed half-way.
 */
#ifndef SN_HARNESS_BENCH_H
#define SN_HARNESS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "harness/axis.h"
#include "harness/base/isa.h"
#include "harness/row.h"
#include "harness/world.h"

struct sn_roofs;
struct sn_timeline;
struct sn_watch;

enum sn_clock_kind { SN_CLOCK_WALL = 1, SN_CLOCK_MODEL = 2 };

/* What a mutation does to the data under test, to prove that the check can fail (--mutate). */
enum sn_mutation {
    SN_MUTATE_NONE,
    SN_MUTATE_BITFLIP,
    SN_MUTATE_SWAP,
    SN_MUTATE_DROP,
    SN_MUTATE_WRONG_RANK
};

/* What the run offers to every case. */
struct sn_env {
    enum sn_clock_kind clock;
    const struct sn_world *world;
    const struct sn_roofs *roofs; /* of the wall clock; single roofs may be missing, on the model
                                     clock all are */
    void *shared; /* what the program keeps for all cases of a run (sn_app.shared_open), or NULL */
    struct sn_watch *watch; /* phases, time-out, signals; never NULL during a run */
    uint64_t seed;
    enum sn_mutation mutate;
    int hang_rank;     /* --inject hang=R: rank R stops answering in its first timed repetition; -1:
                          none */
    enum sn_isa isa;   /* --isa: the most that kernels may use */
    bool guard;        /* tests: buffers of kernels end at unreadable pages, and lie askew */
    const char *trace; /* --trace FILE, of the run's only case, or NULL */
    const char *map_file; /* --map FILE: placement of endpoints on ranks, or NULL */
};

struct sn_case {
    const struct sn_bench *bench;
    const struct sn_value *values; /* values[i] belongs to bench->axes[i] */
    const struct sn_env *env;
    uint64_t rep;   /* number of the repetition, warm-up included; set before prepare and run */
    unsigned batch; /* run() performs the operation this often; 1 unless SN_BENCH_BATCH */
    void *state;    /* the benchmark's own */
};

/* The value of an axis by name; a name the benchmark does not have is a programmer error (assert).
 */
int64_t sn_case_int(const struct sn_case *c, const char *axis);
double sn_case_real(const struct sn_case *c, const char *axis);
const char *sn_case_text(const struct sn_case *c, const char *axis);
unsigned sn_case_word(const struct sn_case *c, const char *axis); /* index into the axis's words */

/* Result of a verification. `what` says what was compared with what ("every byte with the pattern
 * of its source"). Ranks fill their own; the harness adds them up and keeps the first error of the
 * lowest rank. */
struct sn_check {
    const char *what;
    uint64_t compared, errors;
    double tolerance;  /* 0: exact */
    char first[256];   /* the first error in words: which item, expected, got */
    char checksum[17]; /* of what was computed, 16 hex digits, from rank 0; "": none */
};

/* Counts an error and, if it is the first, records the printf-style words. */
void sn_check_fail(struct sn_check *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum sn_bench_flags {
    SN_BENCH_BATCH =
        1, /* the operation may be shorter than the timer allows: run() honours c->batch */
    SN_BENCH_SPREAD = 2, /* model clock: cases are expensive and need one rank each; a run's ranks
                           share them out (harness/run_spread.h) */
    SN_BENCH_TRACES = 4  /* model clock: writes env->trace in predict() of draw 0 */
};

struct sn_bench {
    const char *name, *brief;
    const struct sn_axis *axes; /* ended by an axis without a name */
    unsigned clocks;            /* enum sn_clock_kind bits */
    unsigned flags;             /* enum sn_bench_flags bits */
    const char *timed; /* legend: what is inside the timed region, which merge over ranks */
    const char *bytes; /* legend: what logical, wire and local bytes are here */
    const char *limit; /* legend: the lower bound used */
    const struct sn_metric_doc *metric_docs; /* ended by a doc without a name */
    const void *own; /* for hooks that several benchmarks share: what is this one's alone */

    /* NULL, or why this case cannot run here (row status `skipped`). Static or in the case's
     * lifetime; rank 0 decides for all. */
    const char *(*unsupported)(const struct sn_case *);
    /* Bytes of memory per rank that setup will take, an estimate from above. */
    uint64_t (*memory)(const struct sn_case *);
    /* Checks the files that the case names (maps, curves, traces), before anything is measured or
     * written: SN_EINVAL or SN_EIO with "FILE:LINE: ..." end the run with exit 2. Rank 0 alone; may
     * be NULL. */
    int (*inputs)(const struct sn_case *);
    /* Into `name`: number i of the profiles that the case runs on beside that of the axis
     * is_profile; false where there are no more. For the manifest; looks at values alone. May be
     * NULL. */
    bool (*other_profile)(const struct sn_case *, unsigned i, char *name, size_t size);
    /* Number of endpoints; NULL: as many as ranks, unknown on the model clock. More endpoints than
     * ranks makes the row `emulated`. */
    unsigned (*endpoints)(const struct sn_case *);
    int (*setup)(struct sn_case *);
    int (*verify)(struct sn_case *,
                  struct sn_check *); /* on the timed buffers; runs the operation itself */
    /* Model clock, rank 0 alone: the time of the same work in virtual time (harness/timeline.h),
     * for draw c->rep = 0, 1, ... of draws() (of routing, order, arrivals; NULL: 1, nothing is
     * random). Must not depend on the number of ranks, nor on anything that differs from run to
     * run. */
    unsigned (*draws)(const struct sn_case *);
    int (*predict)(struct sn_case *, struct sn_timeline *);
    int (*prepare)(struct sn_case *); /* untimed, before each repetition; may be NULL */
    int (*run)(struct sn_case *);     /* one repetition: the timed region */
    /* Rank 0: fills bytes, limit_s, limit_why and metrics of a row whose stats are complete.
     * Collective information must have been gathered before (verify or prepare). */
    void (*metrics)(const struct sn_case *, struct sn_row *);
    void (*teardown)(struct sn_case *);
};

/* What the program is made of, given to the command line by bench/main.c. */
struct sn_listing {
    const char *topic; /* "transports" */
    void (*list)(void (*emit)(void *out, const char *name, const char *brief,
                              const char *unavailable),
                 void *out);
};

/* A command of the program's own, beside the harness's. Gets what is not an option in o->args;
 * options: --out, --profile, --format. Returns a status. */
struct sn_options;
struct sn_app_command {
    const char *name, *usage, *brief;
    int (*run)(const struct sn_options *o, FILE *out);
};

struct sn_app {
    const struct sn_bench *const *benches; /* NULL-terminated */
    const struct sn_listing
        *listings; /* ended by one without a topic; benchmarks and suites are the harness's own */
    const struct sn_app_command *commands; /* ended by one without a name; or NULL */
    /* env->shared of a run; both or none. */
    void *(*shared_open)(void);
    void (*shared_close)(void *);
    /* For the manifest: the model that a value of an axis with is_profile, or is_device, names, as
     * a JSON object {"name", "path", "sha256", "figures": [...], ...}; NULL when it cannot be read.
     * A new object. Either may be NULL. */
    json_t *(*describe_model)(const char *profile);
    json_t *(*describe_device)(const char *device);
    /* --plugin: loads the files before anything is planned, before MPI_Init; what plug-ins print
     * is shown if `speak`. Both may be NULL. */
    int (*plugins_open)(const char *const *files, size_t n, bool speak);
    json_t *(*plugins_describe)(void); /* for the manifest; a new array */
};

const struct sn_bench *sn_bench_find(const struct sn_app *app,
                                     const char *name); /* NULL when unknown */
size_t sn_bench_axis_count(const struct sn_bench *b);
/* Index of an axis, or -1. */
int sn_bench_axis_find(const struct sn_bench *b, const char *axis);
/* Index of the axis whose values compete, or -1. */
int sn_bench_axis_compares(const struct sn_bench *b);

#endif

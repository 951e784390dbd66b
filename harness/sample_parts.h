/* The parts of sampling: the state of one case and the steps on it. Internal to harness/sample*.c.
 *
 * Every decision is taken from values that one all-reduce gave to all ranks, so that all of them
 * take the same one. */
#ifndef SN_HARNESS_SAMPLE_PARTS_H
#define SN_HARNESS_SAMPLE_PARTS_H

#include "harness/sample.h"
#include "harness/sync.h"

struct sn_sampler {
    struct sn_case *c;
    struct sn_row *row;
    struct sn_sample_opts o; /* defaults filled in */
    const struct sn_world *w;
    struct sn_watch *watch;
    struct sn_sync_clock clk;
    struct sn_sync_start start;
    int64_t begin_ns;             /* when it began, later by what others took in between */
    int64_t spent_ns;             /* of its own, at the end of its last turn */
    bool hang;                    /* this rank stops answering in the next repetition */
    struct sn_counters *counters; /* count run() of the next repetitions into `counted`; or NULL */
    struct sn_row *counted;
    bool late;        /* the last repetition */
    bool any_late;    /* one that was kept */
    double elapsed_s; /* its own time at the end of the last repetition, on the slowest rank */
    uint64_t fewest;  /* samples below which the budget does not end it at once */
    uint64_t n, cap;  /* samples, and room for them */
    double *global_s, *local_s;
    double *sorted; /* the global ones, sorted up to n_sorted */
    uint64_t n_sorted;
};

/* Fills in the defaults, takes the clock and the start; the budget begins. Collective. */
void sn_sampler_open(struct sn_sampler *s, struct sn_case *c, const struct sn_sample_opts *o,
                     struct sn_row *row);
void sn_sampler_close(struct sn_sampler *s);

/* Its budget stands still between the two. */
void sn_sampler_pause(struct sn_sampler *s);
void sn_sampler_go_on(struct sn_sampler *s);

/* MAX over ranks of n values, in place. */
void sn_sampler_merge(const struct sn_sampler *s, int64_t *values, int n);

/* One repetition. Times are of the whole of it (c->batch operations). */
int sn_sampler_repeat(struct sn_sampler *s, double *global_s, double *local_s);

/* One repetition that is no sample: counted in row->warmup, its time local. */
int sn_sampler_warm_repeat(struct sn_sampler *s, double *time_s);

/* Finds c->batch, then repeats until steady (row->steady). */
int sn_sampler_warm_up(struct sn_sampler *s);

/* One repetition that becomes a sample, or is thrown away because a rank began late (*kept). */
int sn_sampler_step(struct sn_sampler *s, bool *kept);

/* Is it the turn of the interval's rule, and is the interval narrow enough? */
bool sn_sampler_narrow(struct sn_sampler *s);
/* SN_STOP_MAX or SN_STOP_BUDGET when there must be no further sample, else SN_STOP_NONE. */
enum sn_stop sn_sampler_spent(const struct sn_sampler *s);

/* Counts, where asked for, and fills the row from the samples. */
int sn_sampler_finish(struct sn_sampler *s, struct sn_counters *counters);

#endif

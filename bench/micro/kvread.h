/* kvread: what its parts share. kvread.c has the axes and the table entry, kvread_work.c what is
 * read from where, kvread_verify.c moves and checks real blocks, kvread_model.c gives the same work
 * its time on the model clock, kvread_figures.c makes metrics of it.
 *
 * The words: a reader is a die; a member is a memory of the pool (on the wall clock the segment of
 * an endpoint, on the model clock that of a die or a CPU socket). On the wall clock endpoint e is
 * reader e, as far as there are readers, and member e. */
#ifndef SN_BENCH_MICRO_KVREAD_H
#define SN_BENCH_MICRO_KVREAD_H

#include "bench/micro/kvread_move.h"
#include "bench/micro/kvread_pattern.h"
#include "bench/model.h"
#include "comm/kvplane.h"
#include "comm/kvtrace.h"

enum sn_kvread_placement {
    SN_KVREAD_LOCAL = SN_KV_LOCAL,
    SN_KVREAD_NODE = SN_KV_NODE,
    SN_KVREAD_REMOTE = SN_KV_REMOTE,
    SN_KVREAD_ANY = SN_KV_DISTANCES
};
enum sn_kvread_plane { SN_KVREAD_UB, SN_KVREAD_RDMA, SN_KVREAD_VPC };
enum sn_kvread_memory { SN_KVREAD_CPU, SN_KVREAD_DIE };
enum sn_kvread_with { SN_KVREAD_ALONE, SN_KVREAD_WITH_DISPATCH };

/* A growing list of numbers. */
struct sn_kvread_list {
    double *x;
    size_t n, cap;
};
void sn_kvread_list_add(struct sn_kvread_list *l, double x);

/* What was seen, all repetitions (or draws) together; complete on rank 0. */
struct sn_kvread_figures {
    struct sn_kvread_list block_s, request_s; /* time of each block read, of each request */
    struct sn_kvread_list share;              /* of the copy roof, of each repetition */
    double *busy_s;                           /* (readers) time in which it read */
    uint64_t *bytes;                          /* (readers) read in it */
    uint64_t read_bytes, stored_bytes;        /* of one repetition (draw); the trace's */
    uint64_t wire_bytes, local_bytes;         /* of these: between memories; inside one */
    double slowdown_read, slowdown_dispatch;  /* beside dispatch, summed over `slowdowns` draws */
    double layer_s;                           /* a layer of dispatch alone, summed likewise */
    unsigned slowdowns;
    struct sn_kvpool_stats reuse; /* of the trace */
};

struct sn_kvread {
    const struct sn_env *env;
    bool model, trace_replay; /* the whole trace in time: trace on the model clock */
    uint64_t block, payload;  /* bytes of a block; of it that really move */
    unsigned readers, members, reads, outstanding;
    enum sn_kvread_placement placement;
    struct sn_kvread_pattern pattern;
    struct sn_kvtrace trace;
    struct sn_kvread_popularity popularity;
    size_t blocks;  /* distinct ones; of a replay: unused */
    uint64_t *key;  /* (blocks) */
    uint32_t *next; /* (nexts) blocks in the order of the trace that were seen before */
    size_t nexts;

    /* The transport's side. */
    struct sn_fabric fabric;
    uint32_t *reader_at, *member_at; /* endpoints */
    struct sn_kvpool *pool;          /* blocks of `payload` bytes */
    struct sn_kv_place *place;       /* (readers, reads) of the current repetition */
    uint64_t *read_key;              /* (readers, reads) */
    struct sn_kv_mover mover;
    char **own;         /* (readers) what each has read, where this rank holds it */
    size_t own_bytes;   /* of one: reads blocks */
    uint64_t closed;    /* repetitions ended by the closing flags */
    double *log_s;      /* times of the blocks of the repetitions so far, by reader and read */
    double *log_roof_s; /* of each of these repetitions: of the straight copy before it, or NAN */
    size_t logged, log_cap, logs; /* repetitions; room for so many; blocks of one */
    struct sn_kvread_list roof_s; /* times of straight copies, one before each repetition */
    uint64_t straight_at;         /* where in a member's blocks the next one begins */

    /* The model's side. */
    const struct sn_profile *profile; /* of the plane */
    struct sn_profile file;           /* it, when it is not the case's; else all zero */
    struct sn_kv_plane plane;
    struct sn_net *net;
    uint32_t *host;               /* (members) endpoint of the net */
    uint64_t slots;               /* blocks that a member has room for, or holds at most */
    struct sn_kvpool_stats reuse; /* of the trace */

    struct sn_kvread_figures figures;
};

/* kvread_work.c */

/* Bytes of a block: axis `block`, or `tokens` of all layers in `dtype`. */
int sn_kvread_block_bytes(const struct sn_case *c, uint64_t *bytes);
/* Into name: the profile of a plane of the machine that `profile` describes. MACHINE-ub stands for
 * the machine: its other planes are MACHINE-rdma and MACHINE-vpc, files beside it. A profile
 * without a plane in its name is one fabric, taken for ub. False: there is no such plane. */
bool sn_kvread_plane_name(const char *profile, enum sn_kvread_plane plane, char *name, size_t size);
extern const char *const sn_kvread_plane_words[]; /* "ub", "rdma", "vpc", NULL */
/* The same of a case's axes. */
bool sn_kvread_plane_profile(const struct sn_case *c, char *name, size_t size);
/* SN_EINVAL for an open trace that cannot be used: on the wall clock, where blocks that come again
 * are read, one without any; on the model clock one that is longer than the clock. */
int sn_kvread_check_trace(const struct sn_kvread *s, const struct sn_case *c);
/* Opens the plane's profile and net. On the model clock. */
int sn_kvread_open_net(struct sn_kvread *s, const struct sn_case *c);
void sn_kvread_close_net(struct sn_kvread *s);
/* Every rank; sn_kvread_close() is due also after a failure. Collective. */
int sn_kvread_open(struct sn_kvread *s, const struct sn_case *c);
void sn_kvread_close(struct sn_kvread *s);
/* The pool's options for real blocks: axis `capacity`. */
int sn_kvread_open_pool(const struct sn_kvread *s, uint64_t capacity, struct sn_kvpool **out);
/* Fills place and read_key: what every reader reads in repetition (or draw) `rep`. */
void sn_kvread_draw(struct sn_kvread *s, uint64_t rep);
/* The distance of a member from a reader. */
enum sn_kv_distance sn_kvread_distance(const struct sn_kvread *s, unsigned reader, unsigned member);
static inline unsigned sn_kvread_reader_of(const struct sn_kvread *s, size_t request)
{
    return (unsigned)(request % s->readers); /* requests go round */
}

/* kvread_verify.c */
int sn_kvread_run(struct sn_kvread *s);
int sn_kvread_verify(struct sn_kvread *s, const struct sn_case *c, struct sn_check *k);

/* kvread_roof.c */

/* Can the reads' memory be copied straight? Where the transport maps it, on one host, a core a
 * rank. */
bool sn_kvread_has_roof(const struct sn_kvread *s);
/* Collective, before a repetition: seconds of one straight copy of as many bytes as the readers
 * read, all at once, NAN where there is none; the first time also a trial that sets the link's
 * `stream`. */
double sn_kvread_measure_roof(struct sn_kvread *s);
/* Median time of them in seconds, and the best; NAN: there are none. The same on every rank. */
double sn_kvread_roof(const struct sn_kvread *s, double *best);

/* kvread_model.c: one draw. */
int sn_kvread_predict(struct sn_kvread *s, const struct sn_case *c, struct sn_timeline *t);

/* Times at which n blocks were there, in a run alone and beside other traffic (sorted here), n > 0:
 * the time of the last one beside that came by `until`, of the first where none did, over that of
 * the same number alone. 1: as if there were no other traffic. */
double sn_kvread_overlap(int64_t *alone, int64_t *beside, size_t n, int64_t until);

/* kvread_figures.c */
extern const struct sn_metric_doc sn_kvread_metric_docs[];
void sn_kvread_figures_open(struct sn_kvread_figures *f, unsigned readers);
void sn_kvread_figures_close(struct sn_kvread_figures *f);
/* Collective: moves the logs of all ranks to rank 0's figures. */
void sn_kvread_gather(struct sn_kvread *s);
void sn_kvread_row(const struct sn_kvread *s, const struct sn_case *c, struct sn_row *row);
/* Jain's index (sum x)^2 / (n sum x^2): 1 = all equal, 1/n = one has all. */
double sn_kvread_jain(const double *x, size_t n);

#endif

/* Nothing hangs: a board of phases in memory shared by the host's ranks, and a thread on the host's
 * first rank that looks at it every 20 ms (some 3 us of work); see watch.h. Writers only store, so
 * a tick costs a few nanoseconds. MPI_Abort from the thread works with MPICH and Open MPI at
 * MPI_THREAD_FUNNELED, because nothing of the library's state is needed any more. */
#define _GNU_SOURCE
#include "harness/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"

#define POLL_NS   20000000ll
#define GRACE_NS  5000000000ll /* between a signal and the end at the latest */
#define REMOTE_NS 500000000ll  /* how long a host without a culprit lets the others speak first */
#define FLUSH_NS  100000000ll  /* for the last words to get through mpiexec */
#define SECOND_NS 300000000ll  /* a terminal and mpiexec may both deliver one key stroke */

/* What one rank publishes; a cache line of its own. The phase travels as two words, so that no
 * reader ever sees a torn pointer of another process. */
struct slot {
    _Atomic uint64_t progress, phase[2];
    _Atomic int waiting, signal, rank;
    char pad[24];
};
_Static_assert(sizeof(struct slot) == 64, "one cache line per rank");

struct sn_watch {
    const struct sn_world *world;
    MPI_Win win;
    struct slot *board, *mine;
    int host_rank;
    double timeout_s;
    void (*on_timeout)(void *arg, const char *text);
    void *arg;
    struct sigaction old_int, old_term;
    /* Of the watching thread, where there is one. */
    pthread_t thread;
    pthread_mutex_t lock; /* held while the run is being ended: no new case can begin then */
    pthread_cond_t wake;
    bool closing;
    char label[512];
    int64_t case_since; /* 0: no case is running */
};

/* A signal handler has no argument: this is the one object it can reach. */
static volatile sig_atomic_t signal_seen;
static _Atomic int64_t signal_at;

static void on_signal(int number)
{
    int saved = errno;
    int64_t now = sn_clock_ns(); /* clock_gettime() is async-signal-safe */

    if (!signal_seen) {
        atomic_store(&signal_at, now);
        signal_seen = number;
    } else if (now - atomic_load(&signal_at) > SECOND_NS) {
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = saved;
}

static void store_phase(struct slot *s, const char *phase)
{
    uint64_t words[2] = {0};

    memcpy(words, phase, strnlen(phase, sizeof words - 1));
    atomic_store_explicit(&s->phase[0], words[0], memory_order_relaxed);
    atomic_store_explicit(&s->phase[1], words[1], memory_order_relaxed);
}

static void load_phase(const struct slot *s, char phase[17])
{
    uint64_t words[2] = {atomic_load(&s->phase[0]), atomic_load(&s->phase[1])};

    memcpy(phase, words, sizeof words);
    phase[16] = 0;
}

/* The slots of the ranks that are behind: not waiting, with the smallest progress. Returns how many
 * they are and sets *one to the first. Ranks inside the same operation cannot be told apart from
 * here: then all of them are behind. */
static int behind(const struct sn_watch *w, bool is_behind[], int *one)
{
    uint64_t least = UINT64_MAX;
    int n = 0;

    for (int i = 0; i < w->world->host_ranks; i++)
        if (!atomic_load(&w->board[i].waiting) && atomic_load(&w->board[i].progress) < least)
            least = atomic_load(&w->board[i].progress);
    for (int i = w->world->host_ranks - 1; i >= 0; i--) {
        is_behind[i] = least != UINT64_MAX && !atomic_load(&w->board[i].waiting) &&
                       atomic_load(&w->board[i].progress) == least;
        if (is_behind[i]) {
            *one = i;
            n++;
        }
    }
    return n;
}

/* "rank 3 does not answer", "ranks 0, 2 do not answer". */
static void add_culprits(const struct sn_watch *w, struct sn_buf *text, const bool *is_behind,
                         int n)
{
    enum { NAMED = 8 };
    int named = 0;

    if (n == 0) {
        sn_buf_add(text, w->world->hosts > 1 ? "every rank of this host waits for another host"
                                             : "every rank waits for the others");
        return;
    }
    sn_buf_add(text, n == 1 ? "rank " : "ranks ");
    for (int i = 0; i < w->world->host_ranks && named < NAMED; i++)
        if (is_behind[i])
            sn_buf_addf(text, "%s%d", named++ ? ", " : "", atomic_load(&w->board[i].rank));
    if (n > NAMED)
        sn_buf_addf(text, " and %d more", n - NAMED);
    sn_buf_add(text, n == 1 ? " does not answer" : " do not answer");
}

/* MPI libraries print words of their own on MPI_Abort; ours were clearer. */
static void quiet_stderr(void)
{
    int fd = open("/dev/null", O_WRONLY);

    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
}

/* Called with the lock held; does not come back. */
static void end_run(struct sn_watch *w, int number)
{
    bool *is_behind = sn_calloc((size_t)w->world->host_ranks, sizeof *is_behind);
    struct sn_buf text = {0}, line = {0};
    char phase[17];
    int one = 0, n = behind(w, is_behind, &one);

    load_phase(&w->board[one], phase);
    if (number)
        sn_buf_addf(&text, "no orderly end within %g s of signal %d", GRACE_NS * 1e-9, number);
    else
        sn_buf_addf(&text, "time-out after %g s", w->timeout_s);
    sn_buf_addf(&text, ": case '%s', phase '%s', ", w->label, phase);
    add_culprits(w, &text, is_behind, n);
    if (n == 0 && w->world->hosts > 1)
        usleep(REMOTE_NS / 1000);
    sn_buf_addf(&line, "snbench: %s\n", text.data);
    /* One write: the lines of several hosts must not mix. */
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        (void)0; /* nowhere left to complain */
    if (w->world->rank == 0 && w->on_timeout)
        w->on_timeout(w->arg, text.data);
    /* mpiexec drops what it has not read when the abort reaches it (seen once in 40 under load). */
    usleep(FLUSH_NS / 1000);
    quiet_stderr();
    MPI_Abort(MPI_COMM_WORLD, sn_status_exit_code(SN_ETIMEOUT));
    _exit(sn_status_exit_code(SN_ETIMEOUT));
}

/* State of the thread between two looks. */
struct look {
    uint64_t progress;    /* of all ranks together */
    int64_t moved_at;     /* when it last changed */
    int64_t signalled_at; /* when a signal was first seen on any rank; 0: none */
    int number;
};

static void look_at_board(struct sn_watch *w, struct look *l)
{
    int64_t now = sn_clock_ns();
    uint64_t progress = 0;

    if (signal_seen) /* also when this rank's own thread ticks no more */
        atomic_store(&w->mine->signal, (int)signal_seen);
    for (int i = 0; i < w->world->host_ranks; i++) {
        int number = atomic_load(&w->board[i].signal);
        progress += atomic_load(&w->board[i].progress);
        if (number && !l->signalled_at) {
            l->signalled_at = now;
            l->number = number;
        }
    }
    if (progress != l->progress || !w->case_since) {
        l->progress = progress;
        l->moved_at = now;
    }
    if (!w->case_since)
        return;
    if (w->timeout_s > 0 && (double)(now - w->case_since) * 1e-9 >= w->timeout_s)
        end_run(w, 0);
    if (l->signalled_at && now - l->signalled_at >= GRACE_NS && now - l->moved_at >= GRACE_NS)
        end_run(w, l->number);
}

static void *watch_thread(void *arg)
{
    struct sn_watch *w = arg;
    struct look l = {0};
    struct timespec until;

    pthread_mutex_lock(&w->lock);
    while (!w->closing) {
        look_at_board(w, &l);
        int64_t at = sn_clock_ns() + POLL_NS;
        until = (struct timespec){at / 1000000000, at % 1000000000};
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static int start_thread(struct sn_watch *w)
{
    pthread_condattr_t attr;
    sigset_t all, old;

    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    /* Signals go to the ranks' own threads, whose system calls they shall interrupt. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int bad = pthread_create(&w->thread, NULL, watch_thread, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (bad)
        return SN_FAIL(SN_EENV, "cannot start the watching thread: %s", strerror(bad));
    return SN_OK;
}

static void stop_thread(struct sn_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
}

static void open_board(struct sn_watch *w)
{
    const struct sn_world *world = w->world;
    MPI_Aint bytes;
    int unit;

    MPI_Comm_rank(world->host_comm, &w->host_rank);
    /* All of it on the host's first rank: contiguous whatever the library does between ranks. */
    bytes = w->host_rank == 0 ? (MPI_Aint)sizeof(struct slot) * (world->host_ranks + 1) : 0;
    MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, world->host_comm, &w->board, &w->win);
    MPI_Win_shared_query(w->win, 0, &bytes, &unit, &w->board);
    w->board = (struct slot *)(((uintptr_t)w->board + 63) & ~(uintptr_t)63);
    w->mine = &w->board[w->host_rank];
    memset(w->mine, 0, sizeof *w->mine);
    atomic_store(&w->mine->rank, world->rank);
    atomic_store(&w->mine->waiting, 1);
    store_phase(w->mine, "start");
    MPI_Barrier(world->host_comm);
}

int sn_watch_open(struct sn_watch **out, const struct sn_world *world, double timeout_s,
                  void (*on_timeout)(void *arg, const char *text), void *arg)
{
    struct sn_watch *w = sn_calloc(1, sizeof *w);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int status = SN_OK, agreed;

    w->world = world;
    w->timeout_s = timeout_s;
    w->on_timeout = on_timeout;
    w->arg = arg;
    open_board(w);
    if (w->host_rank == 0)
        status = start_thread(w);
    agreed = sn_world_agree(world, status);
    if (agreed != SN_OK) {
        if (w->host_rank == 0 && status == SN_OK)
            stop_thread(w);
        MPI_Win_free(&w->win);
        free(w);
        return agreed;
    }
    signal_seen = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, &w->old_int);
    sigaction(SIGTERM, &action, &w->old_term);
    *out = w;
    return SN_OK;
}

void sn_watch_close(struct sn_watch *w)
{
    if (!w)
        return;
    sigaction(SIGINT, &w->old_int, NULL);
    sigaction(SIGTERM, &w->old_term, NULL);
    if (w->host_rank == 0)
        stop_thread(w);
    MPI_Win_free(&w->win);
    free(w);
}

void sn_watch_go_on(struct sn_watch *w, const char *label, int64_t spent_ns)
{
    if (!w)
        return;
    sn_watch_tick(w, false);
    if (w->host_rank != 0)
        return;
    pthread_mutex_lock(&w->lock);
    snprintf(w->label, sizeof w->label, "%s", label ? label : "");
    w->case_since = label ? sn_clock_ns() - spent_ns : 0;
    pthread_mutex_unlock(&w->lock);
}

void sn_watch_case(struct sn_watch *w, const char *label)
{
    sn_watch_go_on(w, label, 0);
}

void sn_watch_phase(struct sn_watch *w, const char *phase)
{
    if (!w)
        return;
    store_phase(w->mine, phase);
    sn_watch_tick(w, false);
}

void sn_watch_tick(struct sn_watch *w, bool waiting)
{
    if (!w)
        return;
    struct slot *s = w->mine;
    uint64_t progress = atomic_load_explicit(&s->progress, memory_order_relaxed);

    if (signal_seen)
        atomic_store_explicit(&s->signal, (int)signal_seen, memory_order_relaxed);
    atomic_store_explicit(&s->progress, progress + 1, memory_order_relaxed);
    atomic_store_explicit(&s->waiting, waiting, memory_order_release);
}

int sn_watch_signal(const struct sn_watch *w)
{
    (void)w;
    return (int)signal_seen;
}

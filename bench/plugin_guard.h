/* Running code that may crash, hang or leave: in a child process, watched. */
#ifndef SN_BENCH_PLUGIN_GUARD_H
#define SN_BENCH_PLUGIN_GUARD_H

#include <stdbool.h>
#include <stddef.h>

/* A child's side: shared with the parent. */
struct sn_guard;

/* Says what the child does next (printf-style), and which status its end by a crash then is. Its
 * time begins anew: SN_GUARD_CPU_S of processor time, SN_GUARD_WALL_S in all. */
void sn_guard_step(struct sn_guard *g, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum { SN_GUARD_CPU_S = 5, SN_GUARD_WALL_S = 60 };

enum { SN_GUARD_CHILDREN_MAX = 2 };

/* Forks `n` children, which call work(g, i, arg) for i in [0, n), and waits for them. SN_OK when
 * all returned SN_OK. Else the status and the message of the first that failed; of one that was
 * killed by a signal, called exit() or did not end, "STEP: what happened". The others are then
 * killed. What children write to standard output is lost, to standard error too unless `speak`. For
 * a process without threads; call it before MPI_Init. */
int sn_guarded(unsigned n, int (*work)(struct sn_guard *g, unsigned i, void *arg), void *arg,
               bool speak);

#endif

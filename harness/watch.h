/* Nothing hangs and nothing written is lost: phases, time-outs and signals.
 *
 * Every rank publishes (phase, progress, waiting?) on a board in memory shared by the ranks of its
 * host. A thread on the first rank of each host watches the deadline of the current case; when it
 * passes, the thread names the case, the phase and the rank that is behind (the one that does not
 * wait for others; the smallest progress) in one line on standard error, calls the given function,
 * and ends every rank with exit code 5 through MPI_Abort.
 */
#ifndef SN_HARNESS_WATCH_H
#define SN_HARNESS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "harness/world.h"

struct sn_watch;

/* Collective. `on_timeout(arg, text)` runs once, on rank 0, in the watching thread, before the
 * ranks end: it may append a failed row. timeout_s <= 0: no deadline. Installs handlers of SIGINT
 * and SIGTERM. */
int sn_watch_open(struct sn_watch **out, const struct sn_world *w, double timeout_s,
                  void (*on_timeout)(void *arg, const char *text), void *arg);
void sn_watch_close(struct sn_watch *w);

/* A new case begins: restarts the deadline. `label` is copied. NULL: no case is running, no
 * deadline. */
void sn_watch_case(struct sn_watch *w, const char *label);
/* A case goes on that has spent `spent_ns` of its time already: the deadline is that much nearer.
 */
void sn_watch_go_on(struct sn_watch *w, const char *label, int64_t spent_ns);
/* A new phase of the case, a literal: "setup", "verify", "warm-up", "sample", ... */
void sn_watch_phase(struct sn_watch *w, const char *phase);
/* This rank made progress; `waiting` tells whether what follows waits for other ranks inside the
 * harness. Cheap (two stores). */
void sn_watch_tick(struct sn_watch *w, bool waiting);

/* The signal that asked this process to end, or 0. */
int sn_watch_signal(const struct sn_watch *w);

#endif

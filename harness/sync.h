/* Common time and common starts: clock offsets between ranks, and the round-time start.
 *
 * Offsets by ping-pong (Cristian 1989): the exchange with the shortest round trip bounds the offset
 * to +- RTT/2. Start: rank 0 names an instant `lead` ahead, everybody waits for it (Hunold and
 * Carpen-Amarie, CLUSTER 2018, "Round-Time"); nothing can drift, there is no window to guess.
 */
#ifndef SN_HARNESS_SYNC_H
#define SN_HARNESS_SYNC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpi.h>

/* One exchange: rank 0's clock at sending and receiving, the peer's clock in between. */
struct sn_sync_probe {
    int64_t sent_ns, peer_ns, back_ns;
};

/* Peer clock minus own clock, from the probe with the shortest round trip, and half that round
 * trip: |true - *offset_s| <= *error_s for any split of the way there and back. n >= 1. */
void sn_sync_offset(const struct sn_sync_probe *p, size_t n, double *offset_s, double *error_s);

/* A clock to read; tests inject one that is off and drifts. */
struct sn_sync_source {
    int64_t (*now_ns)(void *arg);
    void *arg;
};

/* The machine's clock, sn_clock_ns(). */
struct sn_sync_source sn_sync_wall(void);

/* This rank's clock against rank 0's: offset at local time at_ns, and its change per second. */
struct sn_sync_clock {
    double offset_s, error_s, drift;
    int64_t at_ns;
};

/* Collective over comm: every rank's offset to rank 0, one rank after the other, some 20 exchanges
 * each. Leaves clk->drift alone. `yield`: wait without holding the core. */
void sn_sync_measure(MPI_Comm comm, struct sn_sync_source src, bool yield,
                     struct sn_sync_clock *clk);

/* Collective. Measures again: *residual_s (largest over ranks, the same on all) is how far the new
 * offset lies from what clk foretold; then clk holds the new offset and, when at least 10 ms lie
 * between, the drift seen since the last measurement. */
void sn_sync_remeasure(MPI_Comm comm, struct sn_sync_source src, bool yield,
                       struct sn_sync_clock *clk, double *residual_s);

/* Rank 0's clock at this rank's `local_ns`, and back. */
int64_t sn_sync_to_global(const struct sn_sync_clock *clk, int64_t local_ns);
int64_t sn_sync_to_local(const struct sn_sync_clock *clk, int64_t global_ns);

/* Completes a request; with `yield` other ranks on the core may run meanwhile. */
void sn_sync_wait(MPI_Request *request, bool yield);

/* Collective: time from a broadcast's call on rank 0 to its arrival at the last rank. The fastest
 * of 51 rounds (of those within 200 ms): too short a lead is found out and doubled, but one that
 * other work has lengthened would expose every wait to the next time slice. With `yield` such waits
 * are the rule: the median of the rounds within 50 ms. At least 100 ns. */
double sn_sync_bcast_time(MPI_Comm comm, const struct sn_sync_clock *clk, bool yield);

/* The round-time start: how far ahead rank 0 names the instant. */
struct sn_sync_start {
    int64_t lead_ns, least_ns, most_ns; /* doubled from `least` up to `most`, then from anew */
    int64_t slack_ns;                   /* a start later than this after the instant is late */
    unsigned seen, late;                /* of the current window of 20 */
};

/* bcast_s as of struct sn_world; `yield` as above: then wake-ups are coarser, and so the slack. */
void sn_sync_start_init(struct sn_sync_start *s, double bcast_s, bool yield);

/* Notes the outcome of a repetition (the same on all ranks); more than 25 % late in a window of 20
 * doubles the lead (beyond most_ns: back to least_ns). Returns true if it was late. */
bool sn_sync_start_note(struct sn_sync_start *s, int64_t lateness_ns);

#endif

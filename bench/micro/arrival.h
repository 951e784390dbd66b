/* Arrival skew: how late each rank comes to an operation, as a pure function of (seed, rep, rank).
 *
 * none; uniform(t): evenly between 0 and t; exp(t): exponential with mean t; late(t): one rank, a
 * new one each repetition, comes t after the others. t is a time such as 50us, at most 10 s.
 */
#ifndef SN_BENCH_ARRIVAL_H
#define SN_BENCH_ARRIVAL_H

#include <stdint.h>

struct sn_arrival {
    enum { SN_ARRIVAL_NONE, SN_ARRIVAL_UNIFORM, SN_ARRIVAL_EXP, SN_ARRIVAL_LATE } kind;
    double t_s;
};

/* SN_EINVAL shows a right value. */
int sn_arrival_parse(const char *spec, struct sn_arrival *out);
int sn_arrival_check(const char *spec); /* for an axis */

/* Delay of a rank in seconds, >= 0; exp is cut off at 20 t. */
double sn_arrival_delay_s(const struct sn_arrival *a, uint64_t seed, uint64_t rep, int rank,
                          int ranks);

#endif

/* Hardware counters through PAPI: cycles, instructions, llc-misses, ... or the reason why not. */
#ifndef SN_HARNESS_COUNTERS_H
#define SN_HARNESS_COUNTERS_H

#include "harness/row.h"

struct sn_counters;

/* PAPI binds an event set to its thread: open, start and stop on the same one.
 *
 * Parses `names` ("cycles,instructions,llc-misses"; NULL: none asked) and opens what the machine
 * has. An unknown name is SN_EINVAL with the nearest; a counter the machine lacks is no error. *out
 * owned by the caller. */
int sn_counters_open(struct sn_counters **out, const char *names);
void sn_counters_close(struct sn_counters *c);
void sn_counters_start(struct sn_counters *c); /* before sampling; NULL is allowed in all calls */
/* Stops and adds each counter divided by `operations` to the row, or null with its reason. */
void sn_counters_stop(struct sn_counters *c, uint64_t operations, struct sn_row *row);

/* For `snbench list counters`: every name with the reason why it is not available (NULL: it is). */
void sn_counters_list(void (*emit)(void *out, const char *name, const char *brief,
                                   const char *unavailable),
                      void *out);

#endif

/* Rows of a benchmark `wire` that only the tests have: axes op, size, path, profile; the metrics
 * bandwidth and tokens. */
#ifndef SN_TESTS_UNIT_WIRE_H
#define SN_TESTS_UNIT_WIRE_H

#include "harness/bench.h"
#include "harness/row.h"

extern const struct sn_app wire_app;

struct wire {
    struct sn_rows rows;
};

/* A modelled row: its samples are all `seconds`, its limit is half of them. */
struct sn_row *wire_add(struct wire *m, const char *op, int64_t size, const char *path,
                        double seconds);

/* Files in a folder; removing it. */
void wire_put_file(const char *dir, const char *name, const char *text);
void wire_put_rows(const char *dir, const struct wire *m);
void wire_erase(const char *dir);

void wire_near(double got, double want);

#endif

/* Which blocks are read: the axis `pattern` of kvread, and draws by popularity. */
#ifndef SN_BENCH_MICRO_KVREAD_PATTERN_H
#define SN_BENCH_MICRO_KVREAD_PATTERN_H

#include <stddef.h>

#include "harness/base/rng.h"

enum sn_kvread_kind { SN_KVREAD_UNIFORM, SN_KVREAD_ZIPF, SN_KVREAD_TRACE };

struct sn_kvread_pattern {
    enum sn_kvread_kind kind;
    double s;   /* of zipf: the i-th most popular block is read in proportion to i^-s */
    char *file; /* of a trace, owned; else NULL */
};

/* uniform, zipf(S) with S of 0 to 10, trace(FILE). SN_EINVAL: what would be right. */
int sn_kvread_pattern_parse(const char *term, struct sn_kvread_pattern *out);
void sn_kvread_pattern_free(struct sn_kvread_pattern *p);
int sn_kvread_pattern_check(const char *term); /* for the axis */

/* Ranks 0, 1, ... drawn in proportion to (rank + 1)^-s: uniform at s = 0. */
struct sn_kvread_popularity {
    double *sum; /* (n + 1) of the weights of all lower ranks */
    size_t n;
};
void sn_kvread_popularity_open(struct sn_kvread_popularity *p, size_t n, double s);
void sn_kvread_popularity_close(struct sn_kvread_popularity *p);
/* A rank below `of`, 1 <= of <= n, by the shares that these have among themselves. O(log of). */
size_t sn_kvread_popularity_draw(const struct sn_kvread_popularity *p, size_t of,
                                 struct sn_rng *rng);

#endif

/* The benchmarks, listed in bench/benches.def. */
#ifndef SN_BENCH_BENCHES_H
#define SN_BENCH_BENCHES_H

#include "harness/bench.h"

#define SN_BENCH(name) extern const struct sn_bench sn_bench_##name;
#include "bench/benches.def"
#undef SN_BENCH

/* In the order of benches.def, NULL-terminated. */
extern const struct sn_bench *const sn_benches[];

#endif

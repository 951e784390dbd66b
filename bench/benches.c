/* The list of benchmarks. */
#include "bench/benches.h"

const struct sn_bench *const sn_benches[] = {
#define SN_BENCH(name) &sn_bench_##name,
#include "bench/benches.def"
#undef SN_BENCH
    NULL,
};

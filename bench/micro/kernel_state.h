/* The state of a kernel's case; for kernel.c and kernel_figures.c. */
#ifndef SN_BENCH_MICRO_KERNEL_STATE_H
#define SN_BENCH_MICRO_KERNEL_STATE_H

#include "bench/micro/kernel.h"

/* One copy of the ring. */
struct sn_kernel_copy {
    union sn_problem p; /* weights NULL */
    void *packed;
    bool owns;     /* inputs and outputs of its own; else those of the base */
    bool prepared; /* release() is due */
};

struct sn_kernel_state {
    const struct sn_kernel_op *op;
    const struct sn_kernel *kernel;
    unsigned threads;
    enum sn_cache_state cache;
    bool guard, base_open, want_open;
    struct sn_array arrays[SN_ARRAYS_MAX];
    size_t n_arrays;
    union sn_problem base; /* owns the first copy's arrays, and the weights until they are packed */
    union sn_problem want; /* shares the inputs; owns the outputs of the reference */
    struct sn_cost cost;
    size_t packed_bytes, scratch_bytes;
    void *scratch;
    struct sn_kernel_copy *ring;
    size_t n_ring, next;
    uint64_t ring_bytes;
    /* Elements that an inexact kernel got wrong in the last verification, of how many. */
    uint64_t inexact, inexact_of;
    double pack_s; /* of the fastest prepare(); INFINITY: there is none */
};

#endif

/* The arrays of a kernel's problem in memory. */
#ifndef SN_BENCH_MICRO_KERNEL_MEMORY_H
#define SN_BENCH_MICRO_KERNEL_MEMORY_H

#include "bench/micro/kernel.h"

/* Roles as a set. */
#define SN_ROLE_BIT(role) (1u << (role))
#define SN_ROLES_ALL      7u

/* Allocates the arrays whose role is in `roles` and puts their addresses into p. With `guard` the
 * last byte of each is followed by an unreadable page, and the next start is off by what remains.
 * SN_ENOMEM; what was allocated is then given back. */
int sn_arrays_alloc(union sn_problem *p, const struct sn_array *arrays, size_t n, unsigned roles,
                    bool guard);
/* Frees them; the pointers become NULL. */
void sn_arrays_free(union sn_problem *p, const struct sn_array *arrays, size_t n, unsigned roles,
                    bool guard);
/* The same bytes in `to`. */
void sn_arrays_copy(union sn_problem *to, const union sn_problem *from,
                    const struct sn_array *arrays, size_t n, unsigned roles);
/* Puts the addresses of `from` into `to`: both then share the arrays. */
void sn_arrays_share(union sn_problem *to, const union sn_problem *from,
                     const struct sn_array *arrays, size_t n, unsigned roles);
/* Fills the outputs with bytes that no kernel leaves behind by chance. */
void sn_arrays_poison(union sn_problem *p, const struct sn_array *arrays, size_t n);
void *sn_array_at(const union sn_problem *p, const struct sn_array *a);
uint64_t sn_arrays_bytes(const struct sn_array *arrays, size_t n, unsigned roles);

/* Memory for packed weights and scratch: aligned to 64 bytes, guarded as above. */
int sn_work_alloc(void **out, size_t bytes, bool guard);
void sn_work_free(void *p, size_t bytes, bool guard);

#endif

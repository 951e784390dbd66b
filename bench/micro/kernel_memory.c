#include "bench/micro/kernel_memory.h"

#include <string.h>

#include "harness/base/mem.h"
#include "harness/base/status.h"

void *sn_array_at(const union sn_problem *p, const struct sn_array *a)
{
    void *at;
    memcpy(&at, (const char *)p + a->field, sizeof at);
    return at;
}

static void set(union sn_problem *p, const struct sn_array *a, void *at)
{
    memcpy((char *)p + a->field, &at, sizeof at);
}

static bool in(const struct sn_array *a, unsigned roles)
{
    return SN_ROLE_BIT(a->role) & roles;
}

int sn_arrays_alloc(union sn_problem *p, const struct sn_array *arrays, size_t n, unsigned roles,
                    bool guard)
{
    for (size_t i = 0; i < n; i++) {
        void *at = NULL;
        if (!in(&arrays[i], roles))
            continue;
        int status =
            guard ? sn_mem_guard_alloc(&at, arrays[i].bytes) : sn_mem_alloc(&at, arrays[i].bytes);
        if (status != SN_OK) {
            sn_arrays_free(p, arrays, i, roles, guard);
            return status;
        }
        set(p, &arrays[i], at);
    }
    return SN_OK;
}

void sn_arrays_free(union sn_problem *p, const struct sn_array *arrays, size_t n, unsigned roles,
                    bool guard)
{
    for (size_t i = 0; i < n; i++) {
        if (!in(&arrays[i], roles))
            continue;
        if (guard)
            sn_mem_guard_free(sn_array_at(p, &arrays[i]), arrays[i].bytes);
        else
            sn_mem_free(sn_array_at(p, &arrays[i]));
        set(p, &arrays[i], NULL);
    }
}

void sn_arrays_copy(union sn_problem *to, const union sn_problem *from,
                    const struct sn_array *arrays, size_t n, unsigned roles)
{
    for (size_t i = 0; i < n; i++)
        if (in(&arrays[i], roles))
            memcpy(sn_array_at(to, &arrays[i]), sn_array_at(from, &arrays[i]), arrays[i].bytes);
}

void sn_arrays_share(union sn_problem *to, const union sn_problem *from,
                     const struct sn_array *arrays, size_t n, unsigned roles)
{
    for (size_t i = 0; i < n; i++)
        if (in(&arrays[i], roles))
            set(to, &arrays[i], sn_array_at(from, &arrays[i]));
}

void sn_arrays_poison(union sn_problem *p, const struct sn_array *arrays, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (arrays[i].role == SN_ARRAY_OUTPUT)
            memset(sn_array_at(p, &arrays[i]), 0xa5, arrays[i].bytes);
}

uint64_t sn_arrays_bytes(const struct sn_array *arrays, size_t n, unsigned roles)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        if (in(&arrays[i], roles))
            sum += arrays[i].bytes;
    return sum;
}

int sn_work_alloc(void **out, size_t bytes, bool guard)
{
    size_t rounded = sn_mem_round_up(bytes, 64);
    return guard ? sn_mem_guard_alloc(out, rounded) : sn_mem_alloc(out, rounded);
}

void sn_work_free(void *p, size_t bytes, bool guard)
{
    if (guard && p)
        sn_mem_guard_free(p, sn_mem_round_up(bytes, 64));
    else
        sn_mem_free(p);
}

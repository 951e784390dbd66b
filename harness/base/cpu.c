/* CPU features, model and affinity. The compiler's run time reads CPUID and XCR0 once at start, so
 * a query costs a load; it includes the check that the operating system saves the registers. */
#define _GNU_SOURCE /* sched_getaffinity() */
#include "harness/base/cpu.h"

#include <assert.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool sn_cpu_has(enum sn_cpu_feature f)
{
#if defined(__x86_64__)
    switch (f) {
    case SN_CPU_AVX2:
        return __builtin_cpu_supports("avx2");
    case SN_CPU_FMA:
        return __builtin_cpu_supports("fma");
    case SN_CPU_AVX512F:
        return __builtin_cpu_supports("avx512f");
    case SN_CPU_AVX512BW:
        return __builtin_cpu_supports("avx512bw");
    case SN_CPU_AVX512VL:
        return __builtin_cpu_supports("avx512vl");
    case SN_CPU_AVX512DQ:
        return __builtin_cpu_supports("avx512dq");
    case SN_CPU_AVX512_VNNI:
        return __builtin_cpu_supports("avx512vnni");
    case SN_CPU_AVX512_BF16:
        return __builtin_cpu_supports("avx512bf16");
    case SN_CPU_AVX_VNNI:
        return __builtin_cpu_supports("avxvnni");
    case SN_CPU_AMX_INT8:
        return __builtin_cpu_supports("amx-int8");
    case SN_CPU_AMX_BF16:
        return __builtin_cpu_supports("amx-bf16");
    case SN_CPU_FEATURES:
        break;
    }
#endif
    return false;
}

const char *sn_cpu_feature_name(enum sn_cpu_feature f)
{
    static const char *const names[SN_CPU_FEATURES] = {
        [SN_CPU_AVX2] = "avx2",
        [SN_CPU_FMA] = "fma",
        [SN_CPU_AVX512F] = "avx512f",
        [SN_CPU_AVX512BW] = "avx512bw",
        [SN_CPU_AVX512VL] = "avx512vl",
        [SN_CPU_AVX512DQ] = "avx512dq",
        [SN_CPU_AVX512_VNNI] = "avx512_vnni",
        [SN_CPU_AVX512_BF16] = "avx512_bf16",
        [SN_CPU_AVX_VNNI] = "avx_vnni",
        [SN_CPU_AMX_INT8] = "amx_int8",
        [SN_CPU_AMX_BF16] = "amx_bf16",
    };
    assert(f < SN_CPU_FEATURES);
    return names[f];
}

void sn_cpu_model(char *buf, size_t size)
{
    snprintf(buf, size, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        return;
    char line[512];
    while (fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon)
            continue;
        char *name = colon + 1 + strspn(colon + 1, " \t");
        name[strcspn(name, "\n")] = '\0';
        if (*name)
            snprintf(buf, size, "%s", name);
        break;
    }
    fclose(f);
}

unsigned sn_cpu_count(void)
{
    /* A mask of 1024 cores is too small on the largest hosts: EINVAL, then a larger one is tried.
     */
    for (int cores = 1024; cores <= 1 << 20; cores *= 4) {
        cpu_set_t *set = CPU_ALLOC(cores);
        if (!set)
            break;
        size_t bytes = CPU_ALLOC_SIZE(cores);
        int failed = sched_getaffinity(0, bytes, set), n = failed ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (n > 0)
            return (unsigned)n;
    }
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

/* The first number in a file, times 1024 where a K follows it; 0: there is none. */
static uint64_t number_in(const char *root, unsigned index, const char *name)
{
    char path[512], unit = 0;
    unsigned long long x = 0;
    snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu0/cache/index%u/%s", root, index,
             name);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    if (fscanf(f, "%llu%c", &x, &unit) < 1)
        x = 0;
    fclose(f);
    return unit == 'K' ? x << 10 : unit == 'M' ? x << 20 : x;
}

uint64_t sn_cpu_cache_bytes_under(const char *root)
{
    uint64_t level = 0, bytes = 0, l;
    for (unsigned i = 0; (l = number_in(root, i, "level")); i++)
        if (l > level) {
            level = l;
            bytes = number_in(root, i, "size");
        }
    return bytes;
}

uint64_t sn_cpu_cache_bytes(void)
{
    uint64_t bytes = sn_cpu_cache_bytes_under("");
    if (bytes)
        return bytes;
    long last = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (last <= 0)
        last = sysconf(_SC_LEVEL2_CACHE_SIZE);
    return last > 0 ? (uint64_t)last : 32 << 20;
}

uint64_t sn_cpu_cold_bytes(void)
{
    uint64_t last = sn_cpu_cache_bytes(), cold = 4 * last;
    if (cold < 256 << 20)
        return 256 << 20;
    if (cold > 1 << 30)
        return 2 * last > 1 << 30 ? 2 * last : 1 << 30;
    return cold;
}

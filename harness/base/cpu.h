/* CPU features by name, for choosing variants at run time. */
#ifndef SN_BASE_CPU_H
#define SN_BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One bit per feature that some code of snbench uses; the names are the kernel's (/proc/cpuinfo).
 */
enum sn_cpu_feature {
    SN_CPU_AVX2,
    SN_CPU_FMA,
    SN_CPU_AVX512F,
    SN_CPU_AVX512BW,
    SN_CPU_AVX512VL,
    SN_CPU_AVX512DQ,
    SN_CPU_AVX512_VNNI,
    SN_CPU_AVX512_BF16,
    SN_CPU_AVX_VNNI,
    SN_CPU_AMX_INT8,
    SN_CPU_AMX_BF16,
    SN_CPU_FEATURES
};

/* Does this CPU (and its operating system) run the feature? Constant over the process's life. */
bool sn_cpu_has(enum sn_cpu_feature f);
const char *sn_cpu_feature_name(enum sn_cpu_feature f);

/* CPU model as the kernel names it, e.g. "AMD EPYC 9R14"; "unknown" where it does not. */
void sn_cpu_model(char *buf, size_t size);

/* Bytes of the last-level cache that a core shares, from /sys; where that does not say, from the C
 * library, which on AMD counts the caches of all cores that the package could have (256 instead of
 * 32 MiB on a Zen 3); else 32 MiB. */
uint64_t sn_cpu_cache_bytes(void);
/* The same from /sys alone, with `root` before it, for tests; 0 when nothing there says. */
uint64_t sn_cpu_cache_bytes_under(const char *root);

/* Bytes that are in no cache after they were walked through once: four times the last level, at
 * least 256 MiB, at most 1 GiB unless twice the last level is more. */
uint64_t sn_cpu_cold_bytes(void);

/* Cores this process may run on (its affinity mask). */
unsigned sn_cpu_count(void);

#endif

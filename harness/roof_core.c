/* Core clock: a chain of register additions, each waiting for the one before. An addition of two
 * registers takes one cycle on every x86-64 and AArch64 core of the last decade (additions of small
 * constants do not: Golden Cove folds them at rename), so additions per second are cycles per
 * second. */
#include "harness/roof_parts.h"

#include <math.h>

enum { CHAIN = 1000 };

#if defined(__x86_64__) || defined(__aarch64__)
static void chains(void *arg, unsigned variant, uint64_t n)
{
    uint64_t x = 1, y = 3;
    for (uint64_t i = 0; i < n; i++)
#if defined(__x86_64__)
        __asm__ volatile(".rept 1000\n\tadd %1, %0\n\t.endr" : "+r"(x) : "r"(y) : "cc");
#else
        __asm__ volatile(".rept 1000\n\tadd %0, %0, %1\n\t.endr" : "+r"(x) : "r"(y));
#endif
    *(uint64_t *)arg = x;
}
#endif

double sn_roof_core_hz(const char **reason)
{
#if defined(__x86_64__) || defined(__aarch64__)
    uint64_t sink;
    unsigned variant;
    struct sn_roof_work w = {chains, &sink, 1, CHAIN};
    return sn_roof_rate(&w, 20, &variant, reason);
#else
    *reason = "no dependent-add chain for this architecture";
    return NAN;
#endif
}

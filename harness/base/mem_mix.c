#define _GNU_SOURCE /* MREMAP_FIXED */
#include "harness/base/mem_mix.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

enum { MOST_PAGES = 16384 }; /* each may become a mapping of its own, of which there are 65,530 */

static struct {
    char **page; /* those left are page[0] to page[n - 1] */
    size_t n;
} mix;

static void shuffle(uint64_t seed)
{
    struct sn_rng rng = sn_rng_make(seed, 0x3e3);
    for (size_t i = mix.n; i > 1; i--) {
        size_t j = sn_rng_below(&rng, i);
        char *x = mix.page[i - 1];
        mix.page[i - 1] = mix.page[j];
        mix.page[j] = x;
    }
}

void sn_mem_mix_open(uint64_t bytes, uint64_t seed)
{
    size_t n = bytes / SN_MEM_MIX_PAGE + 1, small = (size_t)sysconf(_SC_PAGESIZE);
    n = n < MOST_PAGES ? n : MOST_PAGES;
    size_t all = (n + 1) * SN_MEM_MIX_PAGE;
    sn_mem_mix_close();
    if (all > sn_mem_available() / 2) /* what does not come from it needs room as well */
        return;
    char *map = mmap(NULL, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return;
    char *first = (char *)sn_mem_round_up((uintptr_t)map, SN_MEM_MIX_PAGE),
         *end = first + n * SN_MEM_MIX_PAGE;
    if (first > map)
        munmap(map, (size_t)(first - map));
    munmap(end, (size_t)(map + all - end));
    madvise(first, n * SN_MEM_MIX_PAGE, MADV_HUGEPAGE);
    for (char *p = first; p < end; p += small)
        *(volatile char *)p = 0;
    mix.page = sn_calloc(n, sizeof *mix.page);
    for (mix.n = 0; mix.n < n; mix.n++)
        mix.page[mix.n] = first + mix.n * SN_MEM_MIX_PAGE;
    shuffle(seed);
}

void sn_mem_mix_close(void)
{
    for (size_t i = 0; i < mix.n; i++)
        munmap(mix.page[i], SN_MEM_MIX_PAGE);
    free(mix.page);
    mix.page = NULL;
    mix.n = 0;
}

bool sn_mem_mix_has(size_t n)
{
    return n <= mix.n;
}

/* Not by mremap(): MPI libraries that watch mappings (UCX) put one in its place that drops `to`. */
static bool move(char *from, char *to)
{
    size_t bytes = SN_MEM_MIX_PAGE;
    return syscall(SYS_mremap, from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, to) == (long)to;
}

bool sn_mem_mix_take(char *to, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!move(mix.page[mix.n - 1], to + i * SN_MEM_MIX_PAGE))
            return false;
        mix.n--;
    }
    return true;
}

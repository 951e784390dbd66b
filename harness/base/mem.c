/* Aligned, zeroed and touched memory, what is left of it, and guarded buffers for tests.
 *
 * From 1 MiB a block is its own mapping on a 2 MiB boundary, so that transparent huge pages can
 * back it; below that it comes from the heap. A 64-byte header just before the block says which. */
#include "harness/base/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/mem_mix.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

#define HUGE ((size_t)SN_MEM_MIX_PAGE)

enum { HEADER = 64 };

struct header {
    uint64_t magic;
    void *base;    /* what to give back */
    size_t mapped; /* bytes mapped at base; 0: from the heap */
};
_Static_assert(sizeof(struct header) <= HEADER, "the header must keep the alignment");

#define MAGIC 0x736e5f6d656d2121ull

static struct header *header_of(void *p)
{
    return (struct header *)((char *)p - HEADER);
}

bool sn_mem_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static int no_memory(size_t bytes)
{
    char amount[32];
    return SN_FAIL(SN_ENOMEM, "no memory for a buffer of %s",
                   sn_units_format(amount, sizeof amount, (double)bytes, SN_UNIT_BYTES));
}

static int alloc_small(void **out, size_t bytes)
{
    size_t total = sn_mem_round_up(HEADER + (bytes ? bytes : 1), 64);
    char *base = aligned_alloc(64, total);
    if (!base)
        return no_memory(bytes);
    memset(base, 0, total);
    *(struct header *)base = (struct header){.magic = MAGIC, .base = base};
    *out = base + HEADER;
    return SN_OK;
}

static int alloc_mapped(void **out, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes > SIZE_MAX - 3 * HUGE)
        return no_memory(bytes);
    size_t huge = sn_mem_round_up(bytes, HUGE) / HUGE;
    bool mixed = sn_mem_mix_has(huge);
    /* Linux grants mappings beyond what there is and kills at the touch: better refused here. */
    if (!mixed && bytes > sn_mem_available())
        return no_memory(bytes);
    size_t data = mixed ? huge * HUGE : sn_mem_round_up(bytes, page), total = data + HUGE + page;
    char *map = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return no_memory(bytes);
    char *p = (char *)sn_mem_round_up((uintptr_t)map + page, HUGE), *base = p - page;
    if (base > map)
        munmap(map, (size_t)(base - map));
    if (p + data < map + total)
        munmap(p + data, (size_t)(map + total - (p + data)));
    if (mixed && !sn_mem_mix_take(p, huge)) {
        munmap(base, page + data);
        return no_memory(bytes);
    }
    if (!mixed) {
        /* Advice only: without huge pages the block works as well. */
        madvise(p, data, MADV_HUGEPAGE);
        for (size_t i = 0; i < data; i += page)
            ((volatile char *)p)[i] = 0;
    }
    *header_of(p) = (struct header){.magic = MAGIC, .base = base, .mapped = page + data};
    *out = p;
    return SN_OK;
}

int sn_mem_alloc(void **out, size_t bytes)
{
    return bytes < HUGE / 2 ? alloc_small(out, bytes) : alloc_mapped(out, bytes);
}

void sn_mem_free(void *p)
{
    if (!p)
        return;
    struct header h = *header_of(p);
    assert(h.magic == MAGIC && "not from sn_mem_alloc(), freed twice, or overwritten");
    header_of(p)->magic = 0;
    if (h.mapped)
        munmap(h.base, h.mapped);
    else
        free(h.base);
}

/* The first integer after `key` at the start of a line (key "": of the file); false when there is
 * none, as in "max". */
static bool read_number(const char *path, const char *key, uint64_t *out)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    char line[256];
    size_t n = strlen(key);
    bool found = false;
    while (!found && fgets(line, sizeof line, f)) {
        unsigned long long v;
        if (!strncmp(line, key, n) && sscanf(line + n, "%llu", &v) == 1) {
            *out = v;
            found = true;
        }
    }
    fclose(f);
    return found;
}

/* The files of one version of the memory controller. */
struct controller {
    const char *mount, *limit, *usage, *reclaimable_key;
};

/* The smallest room left in the group `path` and its parents; a limit at the top holds as well for
 * a container that does not see its own path. */
static uint64_t group_room(const char *root, const struct controller *c, const char *group)
{
    uint64_t least = UINT64_MAX;
    char *path = sn_strdup(group);
    for (;;) {
        char *dir = sn_strdupf("%s%s%s", root, c->mount, strcmp(path, "/") ? path : "");
        char *limit_file = sn_strdupf("%s/%s", dir, c->limit);
        char *usage_file = sn_strdupf("%s/%s", dir, c->usage);
        char *stat_file = sn_strdupf("%s/memory.stat", dir);
        uint64_t limit, usage = 0, cache = 0;
        if (read_number(limit_file, "", &limit)) {
            read_number(usage_file, "", &usage);
            read_number(stat_file, c->reclaimable_key, &cache);
            usage -= cache < usage ? cache : usage; /* file pages go when room is needed */
            uint64_t room = limit > usage ? limit - usage : 0;
            least = room < least ? room : least;
        }
        free(stat_file);
        free(usage_file);
        free(limit_file);
        free(dir);
        char *slash = strrchr(path, '/');
        if (!slash || !path[1])
            break;
        slash[slash == path] = '\0';
    }
    free(path);
    return least;
}

/* Is "memory" one of the comma-separated controllers? */
static bool names_memory(const char *controllers)
{
    for (const char *p = controllers; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == 6 && !strncmp(p, "memory", 6))
            return true;
    return false;
}

uint64_t sn_mem_available_under(const char *root)
{
    static const struct controller v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
                                         "memory.usage_in_bytes", "total_inactive_file "};
    static const struct controller v2 = {"/sys/fs/cgroup", "memory.max", "memory.current",
                                         "inactive_file "};
    uint64_t kib, available = UINT64_MAX;
    char *meminfo = sn_strdupf("%s/proc/meminfo", root);
    if (read_number(meminfo, "MemAvailable:", &kib) || read_number(meminfo, "MemFree:", &kib))
        available = kib * 1024;
    free(meminfo);
    char *groups = sn_strdupf("%s/proc/self/cgroup", root);
    FILE *f = fopen(groups, "r");
    char line[4096];
    while (f && fgets(line, sizeof line, f)) { /* "4:memory:/a/b" (v1), "0::/a/b" (v2) */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *path = controllers;
        if (!controllers || !(path = strchr(++controllers, ':')))
            continue;
        *path++ = '\0';
        uint64_t room = UINT64_MAX;
        if (!*controllers)
            room = group_room(root, &v2, path);
        else if (names_memory(controllers))
            room = group_room(root, &v1, path);
        available = room < available ? room : available;
    }
    if (f)
        fclose(f);
    free(groups);
    return available;
}

uint64_t sn_mem_available(void)
{
    return sn_mem_available_under("");
}

int sn_mem_guard_alloc(void **out, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (bytes > SIZE_MAX - 2 * page)
        return no_memory(bytes);
    size_t data = sn_mem_round_up(bytes, page);
    char *map = mmap(NULL, data + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return no_memory(bytes);
    if (mprotect(map + data, page, PROT_NONE)) {
        int why = errno;
        munmap(map, data + page);
        return SN_FAIL(SN_ENOMEM, "a guard page cannot be made: %s", strerror(why));
    }
    struct sn_rng r = sn_rng_make(bytes, (uint64_t)sn_rng_mix64(page));
    for (size_t i = 0; i < data; i += sizeof(uint64_t)) {
        uint64_t word = sn_rng_next(&r);
        memcpy(map + i, &word, sizeof word);
    }
    *out = map + data - bytes;
    return SN_OK;
}

void sn_mem_guard_free(void *p, size_t bytes)
{
    if (!p)
        return;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), data = sn_mem_round_up(bytes, page);
    munmap((char *)p + bytes - data, data + page);
}

/* A plug-in with a transport: POSIX shared memory between the ranks of one host, by memcpy.
 * Built with the installed header alone: cc -shared -fPIC -O2 -o shm.so shm.c
 * -DUNMAPPED: the same without map(), so that every byte goes through put and get.
 * -DWRONG: put leaves out its last byte. */
#include <snbench.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct posix {
    int rank, ranks;
    size_t bytes;
    char *memory[]; /* (ranks) */
};

struct name {
    char text[64];
};

static void close_(void *state)
{
    struct posix *s = state;
    for (int r = 0; r < s->ranks; r++)
        if (s->memory[r])
            munmap(s->memory[r], s->bytes);
    free(s);
}

static char *attach(const char *name, int flags, size_t bytes)
{
    int fd = shm_open(name, O_RDWR | flags, 0600);
    /* posix_fallocate: what /dev/shm cannot hold is an error here, and no SIGBUS later */
    if (fd < 0 || (flags && posix_fallocate(fd, 0, (off_t)bytes)))
        return fd < 0 ? NULL : (close(fd), NULL);
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

static const char *open_(const struct sn_bootstrap *b, size_t bytes, void **state, void **memory)
{
    static unsigned opened; /* a new name for each link */
    struct posix *s = calloc(1, sizeof *s + (size_t)b->ranks * sizeof *s->memory);
    struct name mine, *names = calloc((size_t)b->ranks, sizeof *names);
    const char *why = NULL;
    *s = (struct posix){.rank = b->rank, .ranks = b->ranks, .bytes = bytes};
    snprintf(mine.text, sizeof mine.text, "/snbench-example-%ld-%u", (long)getpid(), opened++);
    s->memory[b->rank] = attach(mine.text, O_CREAT | O_EXCL, bytes);
    why = b->allgather(b, &mine, sizeof mine, names);
    for (int r = 0; r < b->ranks && !why; r++)
        if (!s->memory[r] && !(s->memory[r] = attach(names[r].text, 0, bytes)))
            why = "shared memory of a rank cannot be made or attached";
    const char *last = b->barrier(b); /* all are attached: the names may go */
    shm_unlink(mine.text);
    free(names);
    if (!why)
        why = last;
    if (why)
        return close_(s), why;
    *state = s;
    *memory = s->memory[b->rank];
    return NULL;
}

static const char *put(void *state, int rank, size_t offset, const void *src, size_t bytes)
{
    struct posix *s = state;
#ifdef WRONG
    bytes--;
#endif
    memcpy(s->memory[rank] + offset, src, bytes);
    return NULL;
}

static const char *get(void *state, int rank, size_t offset, void *dst, size_t bytes)
{
    struct posix *s = state;
    memcpy(dst, s->memory[rank] + offset, bytes);
    return NULL;
}

static const char *add(void *state, int rank, size_t offset, int64_t by, int64_t *old)
{
    struct posix *s = state;
    *old = __atomic_fetch_add((int64_t *)(s->memory[rank] + offset), by, __ATOMIC_ACQ_REL);
    return NULL;
}

static const char *signal_(void *state, int rank, size_t offset, uint64_t value)
{
    struct posix *s = state;
    __atomic_store_n((uint64_t *)(s->memory[rank] + offset), value, __ATOMIC_RELEASE);
    return NULL;
}

static const char *flush(void *state)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return NULL;
}

#ifndef UNMAPPED
static void *map(void *state, int rank)
{
    return ((struct posix *)state)->memory[rank];
}
#endif

static const struct sn_transport_plugin posix = {.abi = SN_ABI_VERSION,
                                                 .size = sizeof(struct sn_transport_plugin),
#ifdef UNMAPPED
                                                 .name = "posix-copy",
#else
                                                 .name = "posix",
                                                 .map = map,
#endif
                                                 .brief = "POSIX shared memory, memcpy",
                                                 .flags = SN_TRANSPORT_ONE_HOST,
                                                 .open = open_,
                                                 .close = close_,
                                                 .put = put,
                                                 .get = get,
                                                 .add = add,
                                                 .signal = signal_,
                                                 .flush = flush};

static const struct sn_transport_plugin *const transports[] = {&posix, NULL};

const struct sn_plugin sn_plugin = {.abi = SN_ABI_VERSION,
                                    .size = sizeof(struct sn_plugin),
#ifdef UNMAPPED
                                    .name = "posix-copy",
#else
                                    .name = "posix",
#endif
                                    .brief = "an example of a transport",
                                    .transports = transports};

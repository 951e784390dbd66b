/* The check of a plug-in's transport: two processes of this host play two ranks. A pattern of
 * (source, round, position) is put, signalled, fetched and sent, with bytes around that must stay;
 * words are added to by both at once. What they exchange beforehand goes through a shared page. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench/plugin_check.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum { RANKS = 2, EXCHANGE_BYTES = 64 << 10 };
/* The memory of a rank: a flag and a counter on lines of their own, then data. */
enum { FLAG = 0, COUNTER = 64, OWN_COUNTER = 128, DATA = 4096, DATA_BYTES = 128 << 10 };
enum { MARGIN = 67, TIMES = 50 };

struct sn_plugin_pair {
    unsigned arrived, generation;
    char exchange[RANKS][EXCHANGE_BYTES];
};

struct sn_plugin_pair *sn_plugin_pair_open(void)
{
    void *p = mmap(NULL, sizeof(struct sn_plugin_pair), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void sn_plugin_pair_close(struct sn_plugin_pair *pair)
{
    if (pair)
        munmap(pair, sizeof *pair);
}

/* A transport under test, on one of the two. */
struct test {
    struct sn_guard *g;
    const char *plugin;
    const struct sn_transport_plugin *t;
    struct sn_plugin_pair *pair;
    struct sn_bootstrap boot;
    int other;
    void *state;
    unsigned char *memory, *buffer; /* buffer: MARGIN + DATA_BYTES + MARGIN */
    uint64_t signals;
};

static void begin(struct test *x, const char *hook)
{
    sn_guard_step(x->g, SN_EVERIFY, "plug-in %s: transport %s: in the check of its %s()", x->plugin,
                  x->t->name, hook);
}

#define WRONG(x, ...) wrong((x), __VA_ARGS__)
static int wrong(const struct test *x, const char *hook, const char *what)
{
    return SN_FAIL(SN_EVERIFY, "plug-in %s: transport %s: fails its check: %s(): %s", x->plugin,
                   x->t->name, hook, what);
}

/* Calls a hook; returns from the calling function when it fails. */
#define CALL(x, hook, ...)                                                                         \
    do {                                                                                           \
        const char *why_ = (x)->t->hook(__VA_ARGS__);                                              \
        if (why_)                                                                                  \
            return WRONG((x), #hook, why_);                                                        \
    } while (0)
#define TRY(call)                                                                                  \
    do {                                                                                           \
        int status_ = (call);                                                                      \
        if (status_ != SN_OK)                                                                      \
            return status_;                                                                        \
    } while (0)

/* --- waiting --------------------------------------------------------------------------------- */

static int progress(struct test *x)
{
    if (x->t->progress)
        CALL(x, progress, x->state);
    sched_yield();
    return SN_OK;
}

/* Until both are here; `x` makes progress, or NULL while there is no transport. */
static int meet(struct sn_plugin_pair *p, struct test *x)
{
    unsigned now = __atomic_load_n(&p->generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&p->arrived, 1, __ATOMIC_ACQ_REL) == RANKS) {
        __atomic_store_n(&p->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&p->generation, now + 1, __ATOMIC_RELEASE);
    }
    while (__atomic_load_n(&p->generation, __ATOMIC_ACQUIRE) == now)
        if (x)
            TRY(progress(x));
        else
            sched_yield();
    return SN_OK;
}

static const char *boot_barrier(const struct sn_bootstrap *b)
{
    (void)meet(b->own, NULL);
    return NULL;
}

static const char *boot_allgather(const struct sn_bootstrap *b, const void *mine, size_t bytes,
                                  void *all)
{
    struct sn_plugin_pair *p = b->own;
    if (bytes > EXCHANGE_BYTES)
        return "the check exchanges up to 64 KiB";
    memcpy(p->exchange[b->rank], mine, bytes);
    boot_barrier(b);
    for (int r = 0; r < RANKS; r++)
        memcpy((char *)all + (size_t)r * bytes, p->exchange[r], bytes);
    return boot_barrier(b);
}

/* Flush of both, then both: everything is visible. */
static int settle(struct test *x)
{
    CALL(x, flush, x->state);
    return meet(x->pair, x);
}

/* --- patterns -------------------------------------------------------------------------------- */

static void fill(unsigned char *to, int from, unsigned round, size_t n)
{
    uint64_t key = ((uint64_t)from + 1) << 32 | round;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)(sn_rng_mix64(key * 0x9e3779b97f4a7c15ull + i / 8) >> 8 * (i % 8));
}

/* n bytes of the pattern at `at`, with MARGIN bytes of 0xee on both sides. */
static int check(const struct test *x, const char *hook, const unsigned char *at, int from,
                 unsigned round, size_t n)
{
    char what[160];
    unsigned char *want = sn_calloc(n + 1, 1);
    size_t i = 0;
    fill(want, from, round, n);
    while (i < n && at[i] == want[i])
        i++;
    free(want);
    if (i < n) {
        snprintf(what, sizeof what, "byte %zu of %zu is not the one that rank %d sent", i, n, from);
        return WRONG(x, hook, what);
    }
    for (i = 1; i <= MARGIN; i++)
        if (at[-(long)i] != 0xee || at[n + i - 1] != 0xee)
            return WRONG(x, hook, "writes outside of the bytes that it was given");
    return SN_OK;
}

static const size_t lengths[] = {1, 8, 100, 4096, 65536 + 13};
enum { LENGTHS = sizeof lengths / sizeof *lengths };

/* --- the hooks ------------------------------------------------------------------------------- */

static int puts_and_signals(struct test *x)
{
    begin(x, "put");
    for (unsigned r = 0; r < LENGTHS; r++) {
        size_t n = lengths[r], at = DATA + MARGIN + 3 * r;
        memset(x->memory + DATA, 0xee, DATA_BYTES);
        TRY(meet(x->pair, x));
        fill(x->buffer, x->boot.rank, r, n);
        CALL(x, put, x->state, x->other, at, x->buffer, n);
        memset(x->buffer, 0x11, n); /* the source is the caller's again */
        CALL(x, signal, x->state, x->other, FLAG, ++x->signals);
        while (__atomic_load_n((uint64_t *)(x->memory + FLAG), __ATOMIC_ACQUIRE) < x->signals)
            TRY(progress(x));
        TRY(check(x, "put", x->memory + at, x->other, r, n));
        TRY(settle(x));
    }
    return SN_OK;
}

static int gets(struct test *x)
{
    begin(x, "get");
    for (unsigned r = 0; r < LENGTHS; r++) {
        size_t n = lengths[r], at = DATA + 5 * r;
        fill(x->memory + at, x->boot.rank, 10 + r, n);
        TRY(meet(x->pair, x));
        memset(x->buffer, 0xee, n + 2 * MARGIN);
        CALL(x, get, x->state, x->other, at, x->buffer + MARGIN, n);
        TRY(check(x, "get", x->buffer + MARGIN, x->other, 10 + r, n));
        TRY(settle(x));
    }
    return SN_OK;
}

/* Both add to the counter of rank 0, and each to one of its own. */
static int adds(struct test *x)
{
    int64_t old = -1, last = -1;
    begin(x, "add");
    for (int i = 0; i < TIMES; i++) {
        CALL(x, add, x->state, 0, COUNTER, 3, &old);
        if (old <= last || old % 3 || old >= 3 * RANKS * TIMES)
            return WRONG(x, "add", "an old value that no order of the additions gives");
        last = old;
        CALL(x, add, x->state, x->boot.rank, OWN_COUNTER, -1, &old);
        if (old != -i)
            return WRONG(x, "add", "the own rank's word has not the value that it was given");
    }
    TRY(settle(x));
    CALL(x, add, x->state, 0, COUNTER, 0, &old);
    if (old != 3 * RANKS * TIMES)
        return WRONG(x, "add", "additions of two ranks were lost");
    return settle(x);
}

static int messages(struct test *x)
{
    begin(x, "send");
    for (unsigned r = 0; r < 2 * LENGTHS; r++) {
        size_t n = lengths[r / 2];
        if ((int)(r % 2) == x->boot.rank) {
            fill(x->buffer, x->boot.rank, 20 + r, n);
            CALL(x, send, x->state, x->other, x->buffer, n);
        } else {
            memset(x->buffer, 0xee, n + 2 * MARGIN);
            CALL(x, recv, x->state, x->other, x->buffer + MARGIN, n);
            TRY(check(x, "recv", x->buffer + MARGIN, x->other, 20 + r, n));
        }
    }
    return settle(x);
}

static int mapping(struct test *x)
{
    begin(x, "map");
    unsigned char *other = x->t->map(x->state, x->other);
    if (!other)
        return WRONG(x, "map", "gives no address");
    memset(x->memory + DATA, 0xee, DATA_BYTES);
    TRY(meet(x->pair, x));
    fill(other + DATA + MARGIN, x->boot.rank, 50, 4096);
    TRY(meet(x->pair, x));
    TRY(check(x, "map", x->memory + DATA + MARGIN, x->other, 50, 4096));
    return settle(x);
}

static int run(struct test *x)
{
    void *memory = NULL;
    begin(x, "open");
    CALL(x, open, &x->boot, DATA + DATA_BYTES, &x->state, &memory);
    if (!memory || (uintptr_t)memory % 64)
        return WRONG(x, "open", "its memory is not aligned to 64 bytes");
    x->memory = memory;
    memset(memory, 0, DATA + DATA_BYTES);
    TRY(meet(x->pair, NULL));
    TRY(puts_and_signals(x));
    TRY(gets(x));
    TRY(adds(x));
    if (x->t->send)
        TRY(messages(x));
    if (x->t->map)
        TRY(mapping(x));
    begin(x, "close");
    x->t->close(x->state);
    return SN_OK;
}

int sn_plugin_check_transport(struct sn_guard *g, const char *plugin,
                              const struct sn_transport_plugin *t, int rank,
                              struct sn_plugin_pair *pair)
{
    static const int host[RANKS] = {0};
    struct test x = {.g = g,
                     .plugin = plugin,
                     .t = t,
                     .pair = pair,
                     .other = 1 - rank,
                     .buffer = sn_calloc(1, DATA_BYTES + 2 * MARGIN),
                     .boot = {.size = sizeof(struct sn_bootstrap),
                              .rank = rank,
                              .ranks = RANKS,
                              .host = host,
                              .yield = 1,
                              .allgather = boot_allgather,
                              .barrier = boot_barrier,
                              .own = pair}};
    begin(&x, "unsupported");
    int status = t->unsupported && t->unsupported(&x.boot) ? SN_OK : run(&x);
    free(x.buffer);
    return status;
}

/* Every transport: puts, gets, atomics, flags and messages between endpoints, byte by byte.
 *
 * The pattern of a word depends on source, destination, position and round, so that data of another
 * endpoint, of another place or of the round before are seen as errors. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "comm/transport.h"
#include "comm/transport_impl.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "tests/mpi/mpitest.h"

enum { FLAGS = 4 };

static unsigned char pattern(unsigned from, unsigned to, size_t at, unsigned round)
{
    uint64_t key = ((uint64_t)from << 40) ^ ((uint64_t)to << 20) ^ round;
    return (unsigned char)(sn_rng_mix64(key * 0x9e3779b97f4a7c15ull + at / 8) >> (8 * (at % 8)));
}

static void fill(unsigned char *p, unsigned from, unsigned to, size_t n, unsigned round)
{
    for (size_t i = 0; i < n; i++)
        p[i] = pattern(from, to, i, round);
}

/* Index of the first byte that differs from the pattern, or n. */
static size_t first_wrong(const unsigned char *p, unsigned from, unsigned to, size_t n,
                          unsigned round)
{
    size_t i = 0;
    while (i < n && p[i] == pattern(from, to, i, round))
        i++;
    return i;
}

struct world {
    struct sn_endpoints e;
    struct sn_link *l;
    const struct sn_transport *t;
    int rank;
    unsigned mine; /* endpoints of this rank */
};

static bool open_world(struct world *w, const struct sn_transport *t, unsigned n, size_t bytes)
{
    int size, rank;
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    *w = (struct world){.t = t, .rank = rank};
    CHECK(t->unsupported(t, MPI_COMM_WORLD) == NULL, "%s", t->name);
    int status = sn_endpoints_open(&w->e, n, size, 4, NULL);
    CHECK(status == SN_OK, "%s", sn_status_message());
    status = t->open(t, &w->l, MPI_COMM_WORLD, &w->e, bytes, FLAGS, true);
    CHECK(status == SN_OK, "%s: %s", t->name, sn_status_message());
    w->mine = sn_endpoints_count(&w->e, rank);
    return status == SN_OK;
}

static void close_world(struct world *w)
{
    w->t->close(w->l);
    sn_endpoints_close(&w->e);
}

static unsigned mine(const struct world *w, unsigned i)
{
    return sn_endpoints_at(&w->e, w->rank, i);
}

/* All ranks have come here; transports are served meanwhile. */
static void gather(struct world *w)
{
    for (unsigned i = 0; i < w->mine; i++)
        CHECK(w->t->flush(w->l, mine(w, i)) == SN_OK, "%s", sn_status_message());
    MPI_Request r;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &r);
    while (!done) {
        w->t->poll(w->l);
        MPI_Test(&r, &done, MPI_STATUS_IGNORE);
        sched_yield();
    }
}

/* Every endpoint puts a block to every endpoint and notifies; receivers wait for each and check. */
static void put_notify(const struct sn_transport *t, unsigned n, size_t block, size_t chunk)
{
    struct world w;
    size_t bytes = block * n;
    if (!open_world(&w, t, n, bytes))
        return;
    if (chunk)
        w.l->chunk_bytes = chunk;
    unsigned char *src = malloc(block ? block : 1);
    uint64_t sum = 0, want = 0, all[2], mine_sum[2];
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned step = 0; step < n; step++)
            for (unsigned i = 0; i < w.mine; i++) {
                unsigned me = mine(&w, i), to = (me + step) % n;
                fill(src, me, to, block, round);
                CHECK(t->put(w.l, me, to, me * block, src, block) == SN_OK, "%s",
                      sn_status_message());
                memset(src, 0xee, block); /* the source is the caller's again */
                if (step == n - 1) {
                    unsigned next = (me + 1) % n;
                    CHECK(t->notify(w.l, me, next, 1, round) == SN_OK, "%s", sn_status_message());
                }
            }
        /* The last put of a round goes to (me - 1) and the notify to (me + 1): what was put to the
         * latter comes from step 1. */
        for (unsigned i = 0; i < w.mine; i++) {
            unsigned me = mine(&w, i), from = (me + n - 1) % n;
            CHECK(t->wait(w.l, me, 1, round) == SN_OK, "%s", sn_status_message());
            size_t bad = first_wrong((unsigned char *)t->local(w.l, me) + from * block, from, me,
                                     block, round);
            CHECK(bad == block, "%s %u endpoints round %u: %u <- %u byte %zu after notify", t->name,
                  n, round, me, from, bad);
        }
        gather(&w);
        for (unsigned i = 0; i < w.mine; i++)
            for (unsigned from = 0; from < n; from++) {
                unsigned me = mine(&w, i);
                size_t bad = first_wrong((unsigned char *)t->local(w.l, me) + from * block, from,
                                         me, block, round);
                CHECK(bad == block, "%s %u endpoints round %u: %u <- %u byte %zu after flush",
                      t->name, n, round, me, from, bad);
            }
        gather(&w);
    }
    for (int k = 0; k < SN_TIERS; k++)
        sum += w.l->bytes[k];
    for (unsigned i = 0; i < w.mine; i++)
        want += 3 * n * block;
    CHECK(sum == want, "%s counted %llu bytes, issued %llu", t->name, (unsigned long long)sum,
          (unsigned long long)want);
    mine_sum[0] = w.l->bytes[SN_TIER_SELF];
    mine_sum[1] = w.l->messages[SN_TIER_SELF];
    MPI_Allreduce(mine_sum, all, 2, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    CHECK(all[0] == 3 * n * block && all[1] == 3 * n, "%s: self tier %llu bytes, %llu messages",
          t->name, (unsigned long long)all[0], (unsigned long long)all[1]);
    free(src);
    close_world(&w);
}

static void get_all(const struct sn_transport *t, unsigned n, size_t block, size_t chunk)
{
    struct world w;
    if (!open_world(&w, t, n, block + 64))
        return;
    if (chunk)
        w.l->chunk_bytes = chunk;
    for (unsigned i = 0; i < w.mine; i++)
        fill(t->local(w.l, mine(&w, i)), mine(&w, i), 0, block + 64, 9);
    gather(&w);
    unsigned char *dst = malloc(block + 2);
    for (unsigned i = 0; i < w.mine; i++)
        for (unsigned from = 0; from < n; from++) {
            memset(dst, 0, block + 2);
            CHECK(t->get(w.l, mine(&w, i), from, 0, dst + 1, block) == SN_OK, "%s",
                  sn_status_message());
            size_t bad = first_wrong(dst + 1, from, 0, block, 9);
            CHECK(bad == block, "%s: %u <- %u byte %zu", t->name, mine(&w, i), from, bad);
            memset(dst + 1, 0, block);
            w.l->stream = true; /* around the caches, the same bytes */
            CHECK(t->get(w.l, mine(&w, i), from, 0, dst + 1, block) == SN_OK, "streamed get");
            w.l->stream = false;
            bad = first_wrong(dst + 1, from, 0, block, 9);
            CHECK(bad == block, "%s: streamed %u <- %u byte %zu", t->name, mine(&w, i), from, bad);
            CHECK(!dst[0] && !dst[block + 1], "%s: get wrote outside", t->name);
            /* The end of the segment, from an odd offset. */
            CHECK(t->get(w.l, mine(&w, i), from, block + 61, dst, 3) == SN_OK, "get");
            for (size_t k = 0; k < 3; k++)
                CHECK(dst[k] == pattern(from, 0, block + 61 + k, 9), "%s: tail", t->name);
        }
    free(dst);
    gather(&w);
    close_world(&w);
}

/* All endpoints add to all words: the old values of each word are a permutation of the partial
 * sums, so no addition was lost. */
static void atomics(const struct sn_transport *t, unsigned n)
{
    enum { TIMES = 5 };
    struct world w;
    if (!open_world(&w, t, n, 64))
        return;
    unsigned char *seen = calloc(n * TIMES, 1), *all = calloc(n * TIMES, 1);
    for (unsigned k = 0; k < TIMES; k++)
        for (unsigned i = 0; i < w.mine; i++)
            for (unsigned at = 0; at < n; at++) {
                int64_t old = -1;
                CHECK(t->atomic_add(w.l, mine(&w, i), at, 8, 3, &old) == SN_OK, "%s",
                      sn_status_message());
                CHECK(old >= 0 && old % 3 == 0 && old / 3 < n * TIMES, "%s: old value %lld",
                      t->name, (long long)old);
                if (at == n - 1 && old >= 0 && old / 3 < n * TIMES)
                    seen[old / 3]++;
            }
    gather(&w);
    MPI_Allreduce(seen, all, (int)(n * TIMES), MPI_UNSIGNED_CHAR, MPI_SUM, MPI_COMM_WORLD);
    for (unsigned k = 0; k < n * TIMES; k++)
        CHECK(all[k] == 1, "%s: old value %u seen %d times", t->name, 3 * k, all[k]);
    for (unsigned i = 0; i < w.mine; i++) {
        int64_t *word = (int64_t *)t->local(w.l, mine(&w, i));
        CHECK(word[1] == 3 * n * TIMES && word[0] == 0 && word[2] == 0, "%s: ends at %lld", t->name,
              (long long)word[1]);
    }
    free(seen);
    free(all);
    close_world(&w);
}

/* Rank 0 sends to every other rank and gets it back plus one; from the segment and from private
 * memory, over every length around the limits of cells and lines. */
static void messages(const struct sn_transport *t, unsigned n, size_t chunk)
{
    static const size_t lengths[] = {0,    1,    8,     28,    29,    64,     4096,  8191,
                                     8192, 8193, 16385, 65536, 65537, 100000, 300001};
    enum { MOST = 300001 };
    struct world w;
    if (!open_world(&w, t, n, MOST + 64))
        return;
    if (chunk)
        w.l->chunk_bytes = chunk;
    unsigned char *own = malloc(MOST);
    /* More ranks than cores: every third length, to two of the others. */
    size_t stride = w.e.ranks > 2 ? 3 : 1;
    for (size_t k = stride - 1; k < sizeof lengths / sizeof *lengths; k += stride)
        for (unsigned other = 0; other < n; other++)
            for (unsigned round = 0; round < 2; round++) {
                int rank = w.e.rank_of[other];
                size_t len = lengths[k];
                if (w.e.ranks > 2 && other != n / 2 && other != n - 1)
                    continue;
                if (rank == w.e.rank_of[0] || (w.rank != rank && w.rank != w.e.rank_of[0]))
                    continue;
                unsigned char *buf = round ? own : t->local(w.l, w.rank == rank ? other : 0);
                unsigned char *to = round ? t->local(w.l, w.rank == rank ? other : 0) : own;
                int status;
                if (w.rank == rank) {
                    status = t->recv(w.l, other, 0, to, len);
                    CHECK(first_wrong(to, 0, other, len, round) == len, "%s: %zu bytes", t->name,
                          len);
                    fill(buf, other, 0, len, round);
                    if (status == SN_OK)
                        status = t->send(w.l, other, 0, buf, len);
                } else {
                    fill(buf, 0, other, len, round);
                    status = t->send(w.l, 0, other, buf, len);
                    memset(buf, 0xee, len);
                    if (status == SN_OK)
                        status = t->recv(w.l, 0, other, to, len);
                    CHECK(first_wrong(to, other, 0, len, round) == len, "%s: %zu bytes back",
                          t->name, len);
                }
                CHECK(status == SN_OK, "%s", sn_status_message());
            }
    free(own);
    gather(&w);
    close_world(&w);
}

/* Everybody puts a large block to everybody at once: nobody waits for who waits for him. */
static void crossing(const struct sn_transport *t, unsigned n)
{
    enum { BLOCK = 200000 };
    put_notify(t, n, BLOCK, 0);
}

/* Endpoint counts: as many as ranks, more (three each and one over), fewer. */
#define FOR_COUNTS(size, n)                                                                        \
    for (unsigned n##_k = 0, n = 0; n##_k < 3 && (n = n##_k == 0   ? (unsigned)(size)              \
                                                      : n##_k == 1 ? 2 * (unsigned)(size) + 1      \
                                                                   : ((unsigned)(size) + 1) / 2);  \
         n##_k++)

/* Plug-ins' transports, of tests/plugins. */
extern const struct sn_plugin sn_plugin_shm, sn_plugin_copy, sn_plugin_queue;

/* By name, where '_' stands for '-'. */
static const struct sn_transport *transport(const char *name)
{
    for (const struct sn_transport **t = sn_transports; *t; t++) {
        size_t i = 0;
        while (name[i] && (name[i] == (*t)->name[i] || (name[i] == '_' && (*t)->name[i] == '-')))
            i++;
        if (!name[i] && !(*t)->name[i])
            return *t;
    }
    return NULL;
}

#define TRANSPORT_TESTS(T)                                                                         \
    MPI_TEST(T##_put_notify)                                                                       \
    {                                                                                              \
        FOR_COUNTS(size, n)                                                                        \
        put_notify(transport(#T), n, 4099, 0);                                                     \
    }                                                                                              \
    MPI_TEST(T##_put_in_chunks)                                                                    \
    {                                                                                              \
        put_notify(transport(#T), (unsigned)size, 100003, 9999);                                   \
    }                                                                                              \
    MPI_TEST(T##_put_nothing)                                                                      \
    {                                                                                              \
        put_notify(transport(#T), (unsigned)size, 0, 0);                                           \
    }                                                                                              \
    MPI_TEST(T##_get)                                                                              \
    {                                                                                              \
        FOR_COUNTS(size, n)                                                                        \
        get_all(transport(#T), n, 10007, 0);                                                       \
        get_all(transport(#T), (unsigned)size, 100003, 7777);                                      \
    }                                                                                              \
    MPI_TEST(T##_atomics)                                                                          \
    {                                                                                              \
        FOR_COUNTS(size, n)                                                                        \
        atomics(transport(#T), n);                                                                 \
    }                                                                                              \
    MPI_TEST(T##_messages)                                                                         \
    {                                                                                              \
        messages(transport(#T), 2 * (unsigned)size + 1, 0);                                        \
        messages(transport(#T), (unsigned)size, 5000);                                             \
    }                                                                                              \
    MPI_TEST(T##_crossing)                                                                         \
    {                                                                                              \
        crossing(transport(#T), (unsigned)size);                                                   \
    }

TRANSPORT_TESTS(shm)
TRANSPORT_TESTS(rma)
TRANSPORT_TESTS(p2p)
TRANSPORT_TESTS(posix)
TRANSPORT_TESTS(posix_copy)
TRANSPORT_TESTS(queue)

/* Segments of one rank do not overlap, are aligned as promised and begin zeroed; peers agree. */
MPI_TEST(memory)
{
    for (const struct sn_transport **t = sn_transports; *t; t++)
        for (int large = 0; large < 2; large++) {
            size_t bytes = large ? (2u << 20) + 64 : 100;
            struct world w;
            if (!open_world(&w, *t, 2 * (unsigned)size, bytes))
                continue;
            char *a = (*t)->local(w.l, mine(&w, 0)), *b = (*t)->local(w.l, mine(&w, 1));
            size_t align = large ? 2u << 20 : 64;
            CHECK((uintptr_t)a % align == 0 && (uintptr_t)b % align == 0, "%s: %p %p", (*t)->name,
                  (void *)a, (void *)b);
            CHECK(b >= a + bytes || a >= b + bytes, "%s: segments overlap", (*t)->name);
            for (size_t i = 0; i < bytes; i++)
                if (a[i] || b[i]) {
                    CHECK(false, "%s: byte %zu is not zero", (*t)->name, i);
                    break;
                }
            for (unsigned d = 0; d < w.e.n; d++)
                CHECK(((*t)->peer(w.l, d) != NULL) == (*t)->mapped, "%s", (*t)->name);
            if ((*t)->mapped)
                CHECK((*t)->peer(w.l, mine(&w, 0)) == (void *)a, "%s: own peer", (*t)->name);
            gather(&w);
            close_world(&w);
        }
}

/* One rank's failure is everyone's, with its words; a rank that failed keeps its own. */
MPI_TEST(agreement)
{
    int last = size - 1, status = SN_OK;
    CHECK(sn_link_agree(MPI_COMM_WORLD, SN_OK) == SN_OK, "all succeeded");
    sn_status_clear();
    if (rank == last)
        status = SN_FAIL(SN_ENOMEM, "no room");
    status = sn_link_agree(MPI_COMM_WORLD, status);
    CHECK(status == SN_ENOMEM, "%d", status);
    char words[32];
    snprintf(words, sizeof words, rank == last ? "no room" : "rank %d: no room", last);
    CHECK(strcmp(sn_status_message(), words) == 0, "%.100s", sn_status_message());
}

/* A window larger than /dev/shm is refused on every rank, before anything is stored into it. */
MPI_TEST(small_shm)
{
    struct statvfs fs;
    struct sn_endpoints e;
    if (size == 1 || statvfs("/dev/shm", &fs) != 0 || fs.f_blocks == 0)
        return;
    uint64_t unused = (uint64_t)fs.f_bavail * fs.f_frsize;
    /* Others may give some back meanwhile: a quarter more than there is at all. */
    uint64_t bytes = (uint64_t)fs.f_blocks * fs.f_frsize / 4 * 5 / (uint64_t)size;
    int status = sn_endpoints_open(&e, (unsigned)size, size, 4, NULL);
    CHECK(status == SN_OK && unused < bytes * (uint64_t)size, "%s", sn_status_message());
    static const struct sn_transport *const windows[] = {&sn_transport_shm, &sn_transport_rma};
    for (int i = 0; i < 2 && status == SN_OK; i++) {
        struct sn_link *l = NULL;
        int opened = windows[i]->open(windows[i], &l, MPI_COMM_WORLD, &e, bytes, FLAGS, true);
        CHECK(opened == SN_ENOMEM, "%s: %d", windows[i]->name, opened);
        CHECK(strstr(sn_status_message(), "of /dev/shm, "), "%.100s", sn_status_message());
        if (opened == SN_OK)
            windows[i]->close(l);
    }
    sn_endpoints_close(&e);
}

/* A plug-in's transport that cannot open on one rank is open on none, with that rank's words; the
 * ranks on which it did open close it. */
static int opened, closed;
static const char *open_but_last(const struct sn_bootstrap *b, size_t bytes, void **state,
                                 void **memory)
{
    if (b->rank == b->ranks - 1)
        return "this is the last rank";
    *state = *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
    opened++;
    return NULL;
}

static void close_again(void *state)
{
    free(state);
    closed++;
}

MPI_TEST(refused)
{
    static struct sn_transport_plugin p;
    static struct sn_transport t;
    struct sn_endpoints e;
    struct sn_link *l = NULL;
    p = *transport("posix")->plugin;
    p.name = "refused";
    p.open = open_but_last;
    p.close = close_again;
    t = *transport("posix");
    t.plugin = &p;
    CHECK(sn_endpoints_open(&e, (unsigned)size, size, 4, NULL) == SN_OK, "%s", sn_status_message());
    int status = t.open(&t, &l, MPI_COMM_WORLD, &e, 100, FLAGS, true);
    CHECK(status == SN_EENV && !l, "%d", status);
    CHECK(strstr(sn_status_message(), "transport refused: open: this is the last rank"), "%.100s",
          sn_status_message());
    CHECK(opened == (rank < size - 1) && closed == opened, "%d opened, %d closed", opened, closed);
    sn_endpoints_close(&e);
}

/* Stores through peer(), counted and ordered before a notify. */
MPI_TEST(stores)
{
    const struct sn_transport *t = &sn_transport_shm;
    struct world w;
    unsigned n = (unsigned)size;
    if (!open_world(&w, t, n, 4096))
        return;
    unsigned me = mine(&w, 0), to = (me + 1) % n, from = (me + n - 1) % n;
    for (unsigned round = 1; round <= 20; round++) {
        fill(t->peer(w.l, to), me, to, 4096, round);
        t->stored(w.l, me, to, 4096, 1);
        t->notify(w.l, me, to, 2, round);
        t->wait(w.l, me, 2, round);
        size_t bad = first_wrong(t->local(w.l, me), from, me, 4096, round);
        CHECK(bad == 4096, "round %u byte %zu", round, bad);
        t->notify(w.l, me, from, 3, round); /* read: the sender may go on */
        t->wait(w.l, me, 3, round);
    }
    enum sn_tier tier = sn_endpoints_tier(&w.e, me, to);
    CHECK(w.l->bytes[tier] == 20 * 4096 && w.l->messages[tier] == 20, "%llu",
          (unsigned long long)w.l->bytes[tier]);
    gather(&w);
    close_world(&w);
}

#define TESTS(T)                                                                                   \
    TEST(T##_put_notify), TEST(T##_put_in_chunks), TEST(T##_put_nothing), TEST(T##_get),           \
        TEST(T##_atomics), TEST(T##_messages), TEST(T##_crossing)

int main(int argc, char **argv)
{
    const struct sn_plugin *plugins[] = {&sn_plugin_shm, &sn_plugin_copy, &sn_plugin_queue};
    for (int i = 0; i < 3; i++)
        if (sn_transport_add(plugins[i]->transports[0]) != SN_OK)
            return printf("not ok plugins: %s\n", sn_status_message()), 1;
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){TEST(memory),
                                                 TEST(agreement),
                                                 TEST(small_shm),
                                                 TEST(refused),
                                                 TEST(stores),
                                                 TESTS(shm),
                                                 TESTS(rma),
                                                 TESTS(p2p),
                                                 TESTS(posix),
                                                 TESTS(posix_copy),
                                                 TESTS(queue),
                                                 {0}});
}

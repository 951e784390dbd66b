/* comm/kvtrace.h: what is said of wrong lines; reuse against sets searched from end to end; the
 * project's trace, and the published one where it is. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/kvtrace.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

#define SMALL     "bench/traces/small.jsonl"
#define PUBLISHED "../shared/data/mooncake/conversation_trace.jsonl"

static int parse(struct sn_kvtrace *t, const char *text)
{
    sn_status_clear();
    return sn_kvtrace_parse(t, text, strlen(text), "t.jsonl");
}

#define REQUEST(time, input, output, ids)                                                          \
    "{\"timestamp\": " time ", \"input_length\": " input ", \"output_length\": " output            \
    ", \"hash_ids\": " ids "}"

Test(kvtrace, fields)
{
    struct sn_kvtrace t;
    cr_assert_eq(
        parse(&t, REQUEST("0", "513", "0", "[0, 9223372036854775807]") "\r\n\n \t\n" REQUEST(
                      "7", "512", "9", "[3]")),
        SN_OK, "%s", sn_status_message());
    cr_assert(t.n == 2 && t.ids == 3 && t.most_blocks == 2);
    const struct sn_kvtrace_request *a = t.request, *b = a + 1;
    cr_assert(a->time_ms == 0 && a->input == 513 && a->output == 0 && a->blocks == 2 &&
              a->first == 0);
    cr_assert(b->time_ms == 7 && b->input == 512 && b->output == 9 && b->blocks == 1 &&
              b->first == 2);
    cr_assert(t.id[0] == 0 && t.id[1] == INT64_MAX && t.id[2] == 3);
    sn_kvtrace_close(&t);
}

Test(kvtrace, errors_name_file_and_line)
{
    static const char *const table[][2] = {
        {"", "t.jsonl: no request"},
        {"\n\n", "t.jsonl: no request"},
        {"\n{", "t.jsonl:2: column"},
        {"[1]", "t.jsonl:1: no object"},
        {"{}", "t.jsonl:1: 'timestamp' is missing"},
        {"{\"timestamp\": 1}", "'input_length' is missing"},
        {REQUEST("1", "1", "1", "[1], \"type\": 3"), "'type' is no key"},
        {REQUEST("1", "1", "1", "[1], \"timestamp\": 3"), "t.jsonl:1: column"},
        {REQUEST("-1", "1", "1", "[1]"), "timestamp is -1"},
        {REQUEST("1.5", "1", "1", "[1]"), "timestamp is no integer"},
        {REQUEST("1", "0", "1", "[]"), "input_length is 0; must be 1..2147483647"},
        {REQUEST("1", "2147483648", "1", "[]"), "input_length is 2147483648"},
        {REQUEST("1", "1", "-1", "[1]"), "output_length is -1"},
        {REQUEST("1", "1", "\"1\"", "[1]"), "output_length is no integer"},
        {REQUEST("1", "1", "1", "3"), "hash_ids is no array"},
        {REQUEST("1", "1", "1", "[-3]"), "an id is -3"},
        {REQUEST("1", "1", "1", "[1.0]"), "an id is no integer"},
        {REQUEST("1", "1", "1", "[1, 2]"), "2 hash_ids; 1 tokens are 1 blocks of 512"},
        {REQUEST("1", "513", "1", "[1]"), "1 hash_ids; 513 tokens are 2 blocks"},
        {REQUEST("1", "1000", "1", "[4, 4]"), "id 4 twice"},
        {REQUEST("5", "1", "1", "[1]") "\n" REQUEST("4", "1", "1", "[1]"),
         "t.jsonl:2: timestamp 4 after 5"},
        {REQUEST("5", "1", "1", "[1]") " x", "t.jsonl:1: column"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct sn_kvtrace t = {.n = 99};
        cr_assert_eq(parse(&t, table[i][0]), SN_EINVAL, "'%s' was accepted", table[i][0]);
        cr_assert(strstr(sn_status_message(), table[i][1]), "'%s': '%s' does not say '%s'",
                  table[i][0], sn_status_message(), table[i][1]);
        cr_assert_eq(t.n, 99, "written on failure");
    }
    struct sn_kvtrace t;
    cr_assert_eq(sn_kvtrace_open(&t, "/no/such/file"), SN_EIO);
    cr_assert(strstr(sn_status_message(), "/no/such/file"));
    /* a NUL inside a line is no end of it */
    cr_assert_eq(sn_kvtrace_parse(&t, "{}\0x", 4, "t.jsonl"), SN_EINVAL);
}

/* Equal ids are equal prefixes: an id always stands behind the same one. */
static void chained(const struct sn_kvtrace *t)
{
    uint64_t most = 0;
    for (size_t i = 0; i < t->ids; i++)
        most = t->id[i] > most ? t->id[i] : most;
    uint64_t *before = calloc(most + 1, sizeof *before); /* 1 + id in front, 0: not seen */
    for (size_t q = 0; q < t->n; q++)
        for (size_t i = 0; i < t->request[q].blocks; i++) {
            const uint64_t *id = t->id + t->request[q].first + i;
            const uint64_t want = i ? 2 + id[-1] : 1;
            cr_assert(before[*id] == 0 || before[*id] == want, "request %zu: id %llu", q,
                      (unsigned long long)*id);
            before[*id] = want;
        }
    free(before);
}

static struct sn_kvpool *pool_of(uint64_t capacity)
{
    const uint64_t bytes[] = {64};
    const struct sn_kvpool_options o = {.members = 6,
                                        .vnodes = 64,
                                        .seed = 2,
                                        .capacity = capacity,
                                        .slab_bytes = 64,
                                        .class_bytes = bytes,
                                        .classes = 1};
    struct sn_kvpool *p;
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_OK, "%s", sn_status_message());
    return p;
}

/* Steps and statistics against each other and against ids looked for in all that came before. */
Test(kvtrace, replay_of_the_small_trace)
{
    struct sn_kvtrace t;
    struct sn_kv_replay r;
    struct sn_kv_step s;
    cr_assert_eq(sn_kvtrace_open(&t, SMALL), SN_OK, "%s", sn_status_message());
    chained(&t);
    struct sn_kvpool *p = pool_of(0);
    sn_kv_replay_open(&r, &t, p, 0);
    size_t requests = 0, total = 0, total_prefix = 0;
    while (sn_kv_replay_step(&r, &s)) {
        const struct sn_kvtrace_request *q = &t.request[requests];
        size_t found = 0, prefix = 0;
        cr_assert_eq(s.request, requests++);
        cr_assert_eq(s.blocks, q->blocks);
        for (size_t i = 0; i < q->blocks; i++) {
            size_t k = 0;
            while (k < q->first && t.id[k] != t.id[q->first + i])
                k++;
            cr_assert_eq(s.key[i], t.id[q->first + i]);
            cr_assert_eq(s.place[i].member != SN_KV_ANY, k < q->first);
            prefix += prefix == i && k < q->first;
            found += k < q->first;
        }
        cr_assert(s.found == found && s.prefix == prefix && s.inserted == q->blocks - found &&
                  s.evicted == 0);
        total += found;
        total_prefix += prefix;
    }
    struct sn_kvpool_stats st;
    sn_kvpool_stats(p, &st);
    cr_assert(st.lookups == t.ids && st.hits == total && st.prefix_hits == total_prefix &&
              st.requests == 200 && st.blocks == t.ids - total);
    cr_assert(t.ids == 1974 && st.blocks == 914, "bench/traces/README.md says 1,974 and 914");
    cr_assert_eq(sn_kvpool_check(p), SN_OK, "%s", sn_status_message());
    sn_kv_replay_close(&r);
    sn_kvpool_close(p);
    sn_kvtrace_close(&t);
}

/* A bounded pool: never more than fits, and no fewer found with more memory (LRU is a stack
 * algorithm: Mattson et al., 1970; here with each member's own stack). */
Test(kvtrace, replay_with_eviction)
{
    struct sn_kvtrace t;
    cr_assert_eq(sn_kvtrace_open(&t, SMALL), SN_OK, "%s", sn_status_message());
    uint64_t last = 0;
    for (uint64_t blocks = 1; blocks <= 256; blocks *= 2) {
        struct sn_kvpool *p = pool_of(64 * blocks);
        struct sn_kv_replay r;
        struct sn_kv_step s;
        struct sn_kvpool_stats st;
        uint64_t evicted = 0, inserted = 0;
        sn_kv_replay_open(&r, &t, p, 0);
        while (sn_kv_replay_step(&r, &s)) {
            evicted += s.evicted;
            inserted += s.inserted;
        }
        sn_kvpool_stats(p, &st);
        cr_assert(st.evicted == evicted && st.inserted == inserted);
        cr_assert(st.blocks == inserted - evicted && st.blocks <= 6 * blocks);
        cr_assert_geq(st.hits, last, "%llu blocks a member", (unsigned long long)blocks);
        cr_assert_eq(sn_kvpool_check(p), SN_OK, "%s", sn_status_message());
        last = st.hits;
        sn_kv_replay_close(&r);
        sn_kvpool_close(p);
    }
    cr_assert_eq(last, 1060, "256 blocks a member hold everything: 1,974 - 914");
    sn_kvtrace_close(&t);
}

/* A prompt of 4 blocks in a memory of 3 keeps its first 3, whether it was put in or found. */
Test(kvtrace, too_little_memory_keeps_the_prefix)
{
    static const char prompt[] = REQUEST("1", "2048", "1", "[1, 2, 3, 4]") "\n";
    char text[3 * sizeof prompt];
    const uint64_t bytes[] = {64};
    const struct sn_kvpool_options o = {
        .members = 1, .vnodes = 1, .capacity = 3 * 64, .class_bytes = bytes, .classes = 1};
    struct sn_kvtrace t;
    struct sn_kvpool *p;
    struct sn_kv_replay r;
    struct sn_kv_step s;
    snprintf(text, sizeof text, "%s%s%s", prompt, prompt, prompt);
    cr_assert_eq(parse(&t, text), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_OK, "%s", sn_status_message());
    sn_kv_replay_open(&r, &t, p, 0);
    for (size_t i = 0; sn_kv_replay_step(&r, &s); i++)
        cr_assert(s.prefix == (i ? 3 : 0) && s.found == s.prefix, "request %zu: %zu, %zu", i,
                  s.prefix, s.found);
    sn_kv_replay_close(&r);
    sn_kvpool_close(p);
    sn_kvtrace_close(&t);
}

/* bench/traces/README.md: made by the program beside it. */
Test(kvtrace, small_trace_is_what_makes_it)
{
    cr_assert_eq(system("awk -f bench/traces/make.awk | cmp -s - " SMALL), 0);
}

/* The published trace and the figures published with it: 12,031 requests, 288,500 blocks, 182,790
 * distinct; 36.6 % were seen before. */
Test(kvtrace, published_trace)
{
    struct sn_kvtrace t;
    struct sn_kv_replay r;
    struct sn_kv_step s;
    struct sn_kvpool_stats st;
    if (access(PUBLISHED, R_OK) != 0)
        cr_skip_test("not here: " PUBLISHED);
    cr_assert_eq(sn_kvtrace_open(&t, PUBLISHED), SN_OK, "%s", sn_status_message());
    cr_assert(t.n == 12031 && t.ids == 288500);
    chained(&t);
    struct sn_kvpool *p = pool_of(0);
    sn_kv_replay_open(&r, &t, p, 0);
    while (sn_kv_replay_step(&r, &s))
        ;
    sn_kvpool_stats(p, &st);
    cr_assert(st.lookups == 288500 && st.blocks == 182790 && st.hits == 288500 - 182790);
    cr_assert_eq((int)(1000.0 * (double)st.hits / (double)st.lookups + 0.5), 366);
    cr_assert_eq(st.prefix_hits, st.hits, "without eviction prefixes have no holes");
    sn_kv_replay_close(&r);
    sn_kvpool_close(p);
    sn_kvtrace_close(&t);
}

/* The engine of serving: schedules worked out by hand, a slow reference, laws of queues. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/macro/serve_check.h"
#include "bench/macro/serve_find.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"
#include "tests/unit/serve_reference.h"
#include "tests/unit/serve_setup.h"

static void run(struct sn_serve_result *r, const struct sn_serve_load *load,
                const struct sn_serve_config *c)
{
    struct sn_check k = {0};
    cr_assert_eq(sn_serve_run(r, load, c), SN_OK, "%s", sn_status_message());
    sn_serve_check(r, load, c, &k);
    cr_assert(k.errors == 0 && k.compared > 10, "%s", k.first);
}

static void at(int64_t ps, int64_t us, const char *what)
{
    cr_expect_eq(ps, us * US, "%s: %g us, not %lld", what, (double)ps / US, (long long)us);
}

/* --- by hand ---------------------------------------------------------------------------------- */

/* Three requests of 16 tokens, 2 blocks each; the second comes during the first's prefill and has
 * its first block in common, which is not there yet; the third has both, long after.
 *   1: lookup 2; prefill 5 + 32 -> 39; 2 blocks of 8 us to the cache, 3 + 16 -> 58; its cache to
 *      decode, 4 + 16 -> 78; two steps of 10 + 1 + 4 -> 108
 *   2: at 10, lookup -> 12; waits until 39; prefill -> 76; one block (the other is there since 58),
 *      3 + 8 -> 87; -> 107; joins at 108; one step -> 123
 *   3: at 1000, lookup -> 1002; 2 blocks of 4 us read, 2 + 8 -> 1012; one token of 16 is computed,
 *      5 + 2 + 15 / 4 -> 1022; nothing to write; -> 1042; one step -> 1057 */
Test(serve, three_requests_by_hand)
{
    static uint64_t id[] = {1, 2, 1, 3, 1, 2};
    static struct sn_serve_request q[] = {
        {0, 16, 3, 2, 0}, {10 * US, 16, 2, 2, 2}, {1000 * US, 16, 2, 2, 4}};
    const struct sn_serve_load load = {.n = 3, .request = q, .ids = 6, .id = id};
    const struct sn_serve_config c = serve_config();
    struct sn_serve_result r;
    run(&r, &load, &c);
    at(r.request[0].start_ps, 2, "1 starts");
    at(r.request[0].computed_ps, 39, "1 is computed");
    at(r.request[0].first_ps, 58, "1's first token");
    at(r.request[0].here_ps, 78, "1 is in decode");
    at(r.request[0].end_ps, 108, "1 ends");
    at(r.request[1].start_ps, 39, "2 starts");
    at(r.request[1].computed_ps, 76, "2 is computed");
    at(r.request[1].first_ps, 87, "2's first token");
    at(r.request[1].here_ps, 107, "2 is in decode");
    at(r.request[1].end_ps, 123, "2 ends");
    at(r.request[2].start_ps, 1012, "3 starts");
    at(r.request[2].first_ps, 1022, "3's first token");
    at(r.request[2].here_ps, 1042, "3 is in decode");
    at(r.request[2].end_ps, 1057, "3 ends");
    cr_expect(r.steps == 4 && r.batches == 3 && r.tokens == 7 && r.emissions == 7);
    cr_expect_eq(r.plane[0].bytes, (2 + 3) * 8000, "blocks read and written");
    cr_expect_eq(r.plane[1].bytes, 3 * 16000, "caches to decode");
    cr_expect(r.pool.inserted == 3 && r.pool.prefix_hits == 2 && r.pool.evicted == 0);
    cr_expect_eq(r.prefill_ps, (37 + 37 + 10) * US);
    cr_expect_eq(r.decode_ps, 4 * 15 * US);
    cr_expect_float_eq(sn_serve_plane_busy(&r, 1), 48. / 1057, 1e-12);
    cr_expect_float_eq(sn_serve_plane_busy(&r, 0), 24. / 1057, 1e-12, "written 3, read 2 blocks");
    sn_serve_result_free(&r);
}

/* Places for two, memory for two: the third waits for the first to leave. Rejected: what never
 * fits. */
Test(serve, decode_has_places_and_memory)
{
    static struct sn_serve_request q[] = {
        {0, 8, 3, 0, 0}, {0, 8, 9, 0, 0}, {0, 8, 3, 0, 0}, {0, 90, 11, 0, 0}};
    const struct sn_serve_load load = {.n = 4, .request = q};
    struct sn_serve_config c = serve_config();
    struct sn_serve_result r;
    c.cached = false;
    c.kv_tokens = 100;
    for (int memory = 0; memory < 2; memory++) {
        c.slots = memory ? 4 : 2;
        c.kv_tokens = memory ? 28 : 100;
        run(&r, &load, &c);
        cr_expect(r.request[3].rejected && r.rejected == 1 && r.completed == 3);
        cr_expect_eq(r.request[2].here_ps, r.request[0].end_ps + 4 * US + 8 * US);
        cr_expect(r.slots_peak == 2 && r.kv_peak == 28, "%u, %llu", r.slots_peak,
                  (unsigned long long)r.kv_peak);
        sn_serve_result_free(&r);
    }
}

/* Two at once on one instance of 64 tokens a batch: 40 and 40 do not go together, 30 and 30 do. */
Test(serve, batches_hold_their_tokens)
{
    for (uint32_t tokens = 30; tokens <= 40; tokens += 10) {
        struct sn_serve_request q[] = {{0, tokens, 1, 0, 0}, {0, tokens, 1, 0, 0}};
        const struct sn_serve_load load = {.n = 2, .request = q};
        struct sn_serve_config c = serve_config();
        struct sn_serve_result r;
        c.cached = false;
        run(&r, &load, &c);
        at(r.request[0].first_ps, tokens == 30 ? 5 + 120 : 5 + 80, "the first");
        at(r.request[1].first_ps, tokens == 30 ? 5 + 120 : 2 * (5 + 80), "the second");
        sn_serve_result_free(&r);
    }
}

/* Requests of 85 us one after another: the n-th waits (n - 1) 85, so with a limit of 3 x 85 the
 * fourth is turned away; after it nobody waits longer than was foretold. */
Test(serve, admission_rejects_what_would_be_late)
{
    struct sn_serve_request q[] = {{0, 40, 1, 0, 0},       {0, 40, 1, 0, 0},
                                   {0, 40, 1, 0, 0},       {0, 40, 1, 0, 0},
                                   {84 * US, 40, 1, 0, 0}, {85 * US, 40, 1, 0, 0}};
    const struct sn_serve_load load = {.n = 6, .request = q};
    struct sn_serve_config c = serve_config();
    struct sn_serve_result r;
    c.cached = false;
    c.ttft_limit_ps = 3 * 85 * US;
    run(&r, &load, &c);
    static const bool rejected[] = {false, false, false, true, true, false};
    for (int i = 0; i < 6; i++)
        cr_expect_eq(r.request[i].rejected, rejected[i], "request %d", i);
    at(r.request[5].first_ps, 4 * 85, "the last");
    sn_serve_result_free(&r);
}

/* --- against the reference -------------------------------------------------------------------- */

static uint64_t below(struct sn_rng *rng, uint64_t n)
{
    return sn_rng_below(rng, n);
}

/* Prompts of a few common beginnings; bursts; small caches; every choice there is. */
static void random_case(struct sn_rng *rng, struct sn_serve_load *load, struct sn_serve_config *c)
{
    int64_t us = 0;
    *c = serve_config();
    c->instances = 1 + (unsigned)below(rng, 3);
    c->prefill_dies = 1 + (unsigned)below(rng, 3);
    c->decode_dies = 1 + (unsigned)below(rng, 3);
    c->batch_tokens = 1 + below(rng, 80);
    c->slots = 1 + (uint32_t)below(rng, 5);
    c->kv_tokens = 60 + below(rng, 100);
    c->cached = below(rng, 4) > 0;
    c->capacity = below(rng, 2) ? (1 + below(rng, 8)) * 8000 : 0;
    c->outstanding = 1 + (unsigned)below(rng, 3);
    c->store_behind = below(rng, 2);
    c->mtp = (unsigned)below(rng, 3);
    c->cache.dies_per_port = 1 + (unsigned)below(rng, 2);
    c->transfer.dies_per_port = 1 + (unsigned)below(rng, 2);
    if (below(rng, 3) == 0) { /* one plane for both */
        c->transfer.plane = c->cache.plane;
        c->transfer.dies_per_port = c->cache.dies_per_port;
    }
    c->seed = sn_rng_next(rng);
    load->n = 1 + below(rng, 14);
    load->ids = 0;
    for (size_t r = 0; r < load->n; r++) {
        struct sn_serve_request *q = &load->request[r];
        us += (int64_t)(below(rng, 3) ? below(rng, 60) : 0);
        *q = (struct sn_serve_request){.arrival_ps = us * US,
                                       .input = 1 + (uint32_t)below(rng, 40),
                                       .output = 1 + (uint32_t)below(rng, 12),
                                       .first = load->ids};
        q->blocks = (q->input + 7) / 8;
        const uint64_t talk = below(rng, 4), common = below(rng, 4);
        for (uint64_t b = 0; b < q->blocks; b++)
            load->id[load->ids++] = b <= common ? talk * 100 + b : 10000 + r * 100 + b;
    }
    if (load->n)
        load->request[0].arrival_ps = 0;
}

static void compare(const struct sn_serve_result *r, const struct reference *x, int number)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct sn_serve_instants *a = &r->request[i];
        const struct reference_instants *b = &x->request[i];
        cr_assert(a->start_ps == b->start_us * US && a->computed_ps == b->computed_us * US &&
                      a->first_ps == b->first_us * US && a->end_ps == b->end_us * US &&
                      a->here_ps == b->here_us * US,
                  "case %d, request %zu: %g %g %g %g %g us, not %lld %lld %lld %lld %lld", number,
                  i, (double)a->start_ps / US, (double)a->computed_ps / US,
                  (double)a->first_ps / US, (double)a->here_ps / US, (double)a->end_ps / US,
                  (long long)b->start_us, (long long)b->computed_us, (long long)b->first_us,
                  (long long)b->here_us, (long long)b->end_us);
        cr_assert(a->cached == b->cached && a->read == b->read && a->stored == b->stored,
                  "case %d, request %zu: blocks", number, i);
    }
    cr_assert(r->pool.inserted == x->inserted && r->pool.evicted == x->evicted, "case %d: cache",
              number);
    cr_assert_eq(r->end_ps, x->last_us * US, "case %d: end", number);
    cr_assert_eq(r->emissions, x->emissions, "case %d: emissions", number);
    for (size_t i = 0; i < r->emissions; i++)
        cr_assert(r->emission[i].at_ps == x->emission[i].at_ps &&
                      r->emission[i].request == x->emission[i].request &&
                      r->emission[i].tokens == x->emission[i].tokens,
                  "case %d: emission %zu", number, i);
}

Test(serve, agrees_with_the_slow_reference)
{
    enum { CASES = 400 };
    static struct sn_serve_request request[REFERENCE_REQUESTS];
    static uint64_t id[REFERENCE_BLOCKS];
    static struct reference reference;
    struct sn_rng rng = sn_rng_make(7, 1);
    size_t evicted = 0, hits = 0, waited = 0;
    for (int i = 0; i < CASES; i++) {
        struct sn_serve_load load = {.request = request, .id = id};
        struct sn_serve_config c;
        struct sn_serve_result r;
        random_case(&rng, &load, &c);
        run(&r, &load, &c);
        reference_run(&reference, &load, &c);
        compare(&r, &reference, i);
        evicted += r.pool.evicted;
        hits += r.pool.prefix_hits;
        waited += r.slots_peak == c.slots;
        sn_serve_result_free(&r);
    }
    cr_assert(evicted > 100 && hits > 100 && waited > 100, "the cases are too easy: %zu, %zu, %zu",
              evicted, hits, waited);
}

/* --- against the fabric's engine -------------------------------------------------------------- */

/* Caches from 4 prefill dies to 2 decode dies, at once and one after another: as messages of the
 * network, issued when the first token was there. */
Test(serve, transfers_are_the_networks)
{
    enum { N = 24 };
    struct net_profile profile;
    const struct sn_profile *p = net_ideal(&profile);
    struct sn_serve_request q[N];
    struct sn_msg msg[N];
    struct sn_net *net;
    struct sn_net_result end;
    struct sn_serve_result r;
    struct sn_serve_config c = serve_config();
    struct sn_rng rng = sn_rng_make(7, 2);
    c.cached = false;
    c.instances = 4;
    c.decode_dies = 2;
    c.slots = N;
    c.kv_tokens = N * 300;
    c.transfer.bandwidth = 196e9;
    c.transfer.latency_ps = sn_ps(0.929e-6);
    c.token_bytes = 1000001;
    for (int i = 0; i < N; i++)
        q[i] = (struct sn_serve_request){i / 6 * 30 * US, 1 + (uint32_t)below(&rng, 30), 200, 0, 0};
    const struct sn_serve_load load = {.n = N, .request = q};
    run(&r, &load, &c);
    /* Whose die is whose follows from the order of the first tokens: the emptier decode die, the
     * first of two. No request leaves before all have come. */
    uint32_t instance[N] = {0};
    uint64_t tokens[4] = {0};
    for (int i = 0; i < N; i++) {
        for (uint32_t k = 0; k < 4; k++)
            tokens[k] = 0;
        for (int j = 0; j < i; j++)
            if (r.request[j].computed_ps > q[i].arrival_ps)
                tokens[instance[j]] += q[j].input;
        for (uint32_t k = 1; k < 4; k++)
            if (tokens[k] < tokens[instance[i]])
                instance[i] = k;
    }
    for (size_t e = 0, sent = 0; sent < N; e++) {
        const uint32_t i = r.emission[e].request;
        if (r.emission[e].at_ps != r.request[i].first_ps)
            continue;
        msg[sent] = (struct sn_msg){.issue_ps = r.request[i].first_ps,
                                    .bytes = q[i].input * c.token_bytes,
                                    .src = instance[i],
                                    .dst = 4 + (uint32_t)sent % 2,
                                    .after = SN_MSG_NONE};
        sent++;
    }
    cr_assert_eq(sn_net_open(&net, p, 6, NULL), SN_OK);
    cr_assert_eq(sn_net_run(net, msg, N, 0, &end), SN_OK);
    int64_t waited = 0;
    for (size_t e = 0, sent = 0; sent < N; e++) {
        const struct sn_serve_instants *x = &r.request[r.emission[e].request];
        if (r.emission[e].at_ps != x->first_ps)
            continue;
        cr_expect(llabs(x->here_ps - msg[sent].done_ps) <= 2 * N,
                  "message %zu: here at %lld, not %lld ps", sent, (long long)x->here_ps,
                  (long long)msg[sent].done_ps);
        waited += x->here_ps - x->first_ps - sn_ps((double)msg[sent].bytes / 196e9);
        sent++;
    }
    cr_expect(waited > N * sn_ps(0.929e-6) + 10 * US, "nobody waited for a port");
    sn_net_close(net);
    sn_serve_result_free(&r);
}

/* Blocks of one request alone, through the window, as kvplane.h sends them. */
Test(serve, reads_are_the_networks)
{
    struct net_profile profile;
    const struct sn_profile *p = net_ideal(&profile);
    struct sn_serve_config c = serve_config();
    struct sn_net *net;
    cr_assert_eq(sn_net_open(&net, p, 2, NULL), SN_OK);
    c.cache.read_latency_ps = sn_ps(0.929e-6);
    c.cache.read_bandwidth = 196e9;
    c.pool = (struct sn_kv_plane){.effective_bandwidth = 20e9, .block_latency = 3e-6};
    for (c.outstanding = 1; c.outstanding <= 8; c.outstanding *= 2)
        for (uint32_t n = 1; n <= 20; n++) {
            struct sn_kv_read read[20];
            struct sn_msg msg[20];
            struct sn_net_result end;
            for (uint32_t i = 0; i < n; i++)
                read[i] = (struct sn_kv_read){.src = 1,
                                              .dst = 0,
                                              .bytes = sn_serve_block_bytes(&c),
                                              .distance = SN_KV_REMOTE};
            sn_kv_messages(&c.pool, c.outstanding, 0, NULL, read, n, 0, msg);
            cr_assert_eq(
                sn_net_run(net, msg, n, sn_kv_hold_ps(&c.pool, sn_serve_block_bytes(&c)), &end),
                SN_OK);
            cr_expect(llabs(end.end_ps - sn_serve_blocks_ps(&c, true, n)) <= 20,
                      "%u blocks, %u in flight", n, c.outstanding);
        }
    sn_net_close(net);
}

#include "bench/macro/serve_check.h"

#include <math.h>
#include <stdlib.h>

#include "bench/micro/kvread.h"
#include "harness/base/buf.h"

/* --- utilisation ------------------------------------------------------------------------------ */

double sn_serve_busy(const struct sn_serve_result *r, const struct sn_serve_config *c,
                     enum sn_serve_resource what)
{
    const double span = (double)(r->end_ps - r->start_ps);
    return what == SN_SERVE_PREFILL ? (double)r->prefill_ps / (span * c->instances)
                                    : (double)r->decode_ps / span;
}

double sn_serve_plane_busy(const struct sn_serve_result *r, unsigned plane)
{
    const struct sn_serve_traffic *t = &r->plane[plane];
    double most = NAN;
    for (unsigned s = 0; s < SN_SERVE_SIDES; s++)
        if (t->ports[s])
            most = fmax(most,
                        (double)t->busy_ps[s] / ((double)(r->end_ps - r->start_ps) * t->ports[s]));
    return most;
}

/* --- checks ----------------------------------------------------------------------------------- */

#define EXPECT(k, holds, ...)                                                                      \
    do {                                                                                           \
        (k)->compared++;                                                                           \
        if (!(holds))                                                                              \
            sn_check_fail((k), __VA_ARGS__);                                                       \
    } while (0)

static void check_equal(struct sn_check *k, uint64_t got, uint64_t want, const char *what)
{
    EXPECT(k, got == want, "%s: %llu, not %llu", what, (unsigned long long)got,
           (unsigned long long)want);
}

static void check_most(struct sn_check *k, double got, double most, const char *what)
{
    EXPECT(k, !(got > most), "%s is %.12g: above %.12g", what, got, most);
}

/* What the emissions say of a request. */
struct seen {
    uint64_t tokens;
    int64_t last_ps;
};

static void check_emissions(const struct sn_serve_result *r, const struct sn_serve_load *load,
                            const struct sn_serve_config *c, struct seen *seen, struct sn_check *k)
{
    int64_t now = r->start_ps;
    for (size_t i = 0; i < r->emissions; i++) {
        const struct sn_serve_emission *e = &r->emission[i];
        struct seen *s = &seen[e->request];
        const struct sn_serve_instants *x = &r->request[e->request];
        const bool first = s->tokens == 0;
        const uint32_t most = first ? 1 : 1 + c->mtp;
        EXPECT(k, e->at_ps >= now && e->tokens >= 1 && e->tokens <= most,
               "request %u: emission %zu of %u tokens at %lld ps; 1 to %u, not before %lld",
               e->request, i, e->tokens, (long long)e->at_ps, most, (long long)now);
        if (first)
            EXPECT(k, e->at_ps == x->first_ps, "request %u: first emission at %lld ps, not %lld",
                   e->request, (long long)e->at_ps, (long long)x->first_ps);
        s->tokens += e->tokens;
        s->last_ps = now = e->at_ps;
    }
}

static void check_requests(const struct sn_serve_result *r, const struct sn_serve_load *load,
                           const struct seen *seen, struct sn_check *k)
{
    uint64_t rejected = 0, asked = 0, tokens = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct sn_serve_instants *x = &r->request[i];
        const struct sn_serve_request *q = &load->request[i];
        const uint32_t want = x->rejected ? 0 : q->output;
        rejected += x->rejected;
        asked += want;
        tokens += seen[i].tokens;
        EXPECT(k, seen[i].tokens == want, "request %zu: %llu tokens emitted, %u asked", i,
               (unsigned long long)seen[i].tokens, want);
        if (x->rejected)
            continue;
        EXPECT(k,
               x->arrival_ps == q->arrival_ps &&
                   x->arrival_ps + x->lookup_ps + x->read_ps <= x->start_ps &&
                   x->start_ps < x->computed_ps && x->computed_ps <= x->first_ps &&
                   x->first_ps <= x->end_ps && seen[i].last_ps == x->end_ps,
               "request %zu: instants out of order: arrival %lld, start %lld, computed %lld, first "
               "%lld, end %lld, last emission %lld ps",
               i, (long long)x->arrival_ps, (long long)x->start_ps, (long long)x->computed_ps,
               (long long)x->first_ps, (long long)x->end_ps, (long long)seen[i].last_ps);
    }
    check_equal(k, rejected, r->rejected, "requests rejected");
    check_equal(k, r->completed + r->rejected, load->n, "requests completed and rejected");
    check_equal(k, tokens, asked, "tokens emitted");
    check_equal(k, r->tokens, asked, "tokens counted");
}

static void check_blocks(const struct sn_serve_result *r, const struct sn_serve_load *load,
                         const struct sn_serve_config *c, struct sn_check *k)
{
    const struct sn_kvpool_stats *p = &r->pool;
    uint64_t read = 0, stored = 0, moved = 0;
    for (size_t i = 0; i < r->n; i++) {
        read += r->request[i].read;
        stored += r->request[i].stored;
        if (!r->request[i].rejected && load->request[i].output > 1)
            moved += load->request[i].input;
    }
    check_equal(k, p->inserted, p->evicted + p->blocks, "blocks evicted and resident");
    check_equal(k, p->prefix_hits, read, "blocks found in leading runs");
    check_equal(k, p->lookups, c->cached ? r->blocks_asked : 0, "blocks looked up");
    check_most(k, (double)p->inserted, (double)stored, "blocks inserted");
    if (c->capacity)
        check_most(k, (double)p->peak_bytes, (double)(c->capacity * c->members), "cache");
    for (unsigned plane = 0; plane < SN_SERVE_PLANES; plane++) {
        const uint64_t blocks = plane == c->cache.plane ? read + stored : 0;
        const uint64_t tokens = plane == c->transfer.plane ? moved : 0;
        check_equal(k, r->plane[plane].bytes,
                    blocks * sn_serve_block_bytes(c) + tokens * c->token_bytes,
                    sn_kvread_plane_words[plane]);
    }
}

void sn_serve_check(const struct sn_serve_result *r, const struct sn_serve_load *load,
                    const struct sn_serve_config *c, struct sn_check *k)
{
    struct seen *seen = sn_calloc(r->n + 1, sizeof *seen);
    k->what = "requests, tokens, blocks and bytes conserved; instants in order; no resource busy "
              "above 1";
    check_emissions(r, load, c, seen, k);
    check_requests(r, load, seen, k);
    free(seen);
    check_blocks(r, load, c, k);
    check_equal(k, r->kv_left, 0, "tokens left in decode's memory");
    check_equal(k, r->slots_left, 0, "requests left in decode");
    check_most(k, (double)r->kv_peak, (double)c->kv_tokens, "decode's memory in tokens");
    check_most(k, r->slots_peak, c->slots, "requests in decode");
    check_most(k, sn_serve_busy(r, c, SN_SERVE_PREFILL), 1, "utilisation of prefill");
    check_most(k, sn_serve_busy(r, c, SN_SERVE_DECODE), 1, "utilisation of decode");
    for (unsigned plane = 0; plane < SN_SERVE_PLANES; plane++)
        check_most(k, sn_serve_plane_busy(r, plane), 1, sn_kvread_plane_words[plane]);
}

/* --- mutations -------------------------------------------------------------------------------- */

/* An emission that is of another request and another instant than the first one; 0: there is none.
 */
static size_t other_emission(const struct sn_serve_result *r)
{
    const struct sn_serve_emission *e = r->emission;
    for (size_t i = 1; i < r->emissions; i++)
        if (e[i].request != e[0].request && e[i].at_ps != e[0].at_ps)
            return i;
    return 0;
}

void sn_serve_mutate(struct sn_serve_result *r, enum sn_mutation how)
{
    struct sn_serve_emission *e = r->emission;
    const size_t other = r->emissions ? other_emission(r) : 0;
    if (how == SN_MUTATE_NONE)
        return;
    if (!r->emissions) {
        r->completed++;
    } else if (how == SN_MUTATE_BITFLIP) {
        e[r->emissions / 2].tokens ^= 1;
    } else if (how == SN_MUTATE_SWAP && other) {
        const uint32_t first = e[0].request;
        e[0].request = e[other].request;
        e[other].request = first;
    } else if (how == SN_MUTATE_WRONG_RANK && r->n > 1) {
        e[0].request = (uint32_t)((e[0].request + 1) % r->n);
    } else {
        r->emissions--;
    }
}

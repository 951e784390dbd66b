/* From a request's arrival to its first token (bench/macro/serve_engine.h). */
#include "bench/macro/serve_engine_impl.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static const struct sn_serve_request *request_of(const struct sn_serve_engine *e, uint32_t r)
{
    return &e->load->request[r];
}

static uint32_t fresh_of(const struct sn_serve_engine *e, uint32_t r)
{
    return request_of(e, r)->input - e->out->request[r].cached;
}

/* --- which instance --------------------------------------------------------------------------- */

static uint32_t least_loaded(const struct sn_serve_engine *e)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < e->c->instances; i++)
        if (e->instance[i].load < e->instance[best].load)
            best = i;
    return best;
}

static void line_up(struct sn_serve_engine *e, struct sn_serve_instance *in, uint32_t r)
{
    struct sn_serve_state *s = &e->request[r];
    s->older = in->youngest;
    s->younger = SN_SERVE_NONE;
    if (in->youngest == SN_SERVE_NONE)
        in->oldest = r;
    else
        e->request[in->youngest].younger = r;
    in->youngest = r;
}

static void leave_line(struct sn_serve_engine *e, struct sn_serve_instance *in, uint32_t r)
{
    const struct sn_serve_state *s = &e->request[r];
    *(s->older == SN_SERVE_NONE ? &in->oldest : &e->request[s->older].younger) = s->younger;
    *(s->younger == SN_SERVE_NONE ? &in->youngest : &e->request[s->younger].older) = s->older;
}

/* --- the cache -------------------------------------------------------------------------------- */

/* Tokens that n blocks in the cache save: the last one of a prompt is computed in any case, to have
 * a first token. */
static uint32_t tokens_of(const struct sn_serve_engine *e, uint32_t r, size_t n)
{
    const uint64_t tokens = (uint64_t)n * e->c->block_tokens;
    const uint32_t most = request_of(e, r)->input - 1;
    return tokens < most ? (uint32_t)tokens : most;
}

/* Blocks in the leading run, without touching or counting anything. */
static size_t peek(const struct sn_serve_engine *e, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    struct sn_kv_place at;
    size_t n = 0;
    while (e->pool && n < q->blocks && sn_kvpool_find(e->pool, e->load->id[q->first + n], &at))
        n++;
    return n;
}

/* What is not there when the request is computed is written: into e->store and *x. */
static void choose_stores(struct sn_serve_engine *e, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    struct sn_kv_place at;
    for (size_t i = q->first; e->pool && i < q->first + q->blocks; i++) {
        e->store[i] = !sn_kvpool_find(e->pool, e->load->id[i], &at);
        e->out->request[r].stored += e->store[i];
    }
}

static uint32_t die_of(const struct sn_serve_engine *e, uint32_t r)
{
    return e->request[r].instance * e->c->prefill_dies + e->request[r].die;
}

/* n blocks between the request's die and the pool, from from_ps on; when they are there. *alone
 * gets their time without waiting. */
static int64_t move_blocks(struct sn_serve_engine *e, uint32_t r, bool read, uint32_t n,
                           int64_t from_ps, int64_t *alone)
{
    const struct sn_serve_link *l = &e->c->cache;
    const uint64_t bytes = n * sn_serve_block_bytes(e->c);
    *alone = 0;
    if (!n)
        return from_ps;
    *alone = sn_serve_blocks_ps(e->c, read, n);
    e->out->plane[l->plane].bytes += bytes;
    return sn_serve_port(e, l, read ? SN_SERVE_PREFILL_IN : SN_SERVE_PREFILL_OUT, die_of(e, r),
                         from_ps, *alone,
                         sn_ps((double)bytes / (read ? l->read_bandwidth : l->bandwidth))) +
           *alone;
}

/* --- admission -------------------------------------------------------------------------------- */

/* The TTFT of request r on an instance if it came there now and nothing came after it: batches as
 * the engine would form them of those before it, as if all of these were read. */
static int64_t predict_ps(struct sn_serve_engine *e, const struct sn_serve_instance *in, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    const uint32_t hits = (uint32_t)peek(e, r), cached = tokens_of(e, r, hits);
    const int64_t lookup = e->pool ? e->c->cache.read_latency_ps : 0;
    const int64_t ready = e->now + lookup + sn_serve_blocks_ps(e->c, true, e->pool ? hits : 0);
    int64_t at = in->busy ? in->busy_until_ps : e->now;
    uint64_t tokens = 0;
    size_t n = 0;
    for (uint32_t p = in->oldest;; p = e->request[p].younger) {
        const bool last = p == SN_SERVE_NONE;
        const uint32_t fresh = last ? q->input - cached : fresh_of(e, p);
        if (n && tokens + fresh > e->c->batch_tokens) {
            at += sn_serve_time_ps(e, e->c->times.prefill_s(e->c->times.of, e->fresh, e->cached, n),
                                   "a prefill");
            n = tokens = 0;
        }
        e->fresh[n] = fresh;
        e->cached[n++] = last ? cached : e->out->request[p].cached;
        tokens += fresh;
        if (last)
            break;
    }
    at = at > ready ? at : ready;
    at += sn_serve_time_ps(e, e->c->times.prefill_s(e->c->times.of, e->fresh, e->cached, n),
                           "a prefill");
    if (e->pool && !e->c->store_behind)
        at += sn_serve_blocks_ps(e->c, false, q->blocks - hits);
    return at - e->now;
}

static bool admitted(struct sn_serve_engine *e, const struct sn_serve_instance *in, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    if ((uint64_t)q->input + q->output > e->c->kv_tokens)
        return false;
    return e->c->ttft_limit_ps == INT64_MAX || predict_ps(e, in, r) <= e->c->ttft_limit_ps;
}

/* --- events ----------------------------------------------------------------------------------- */

void sn_serve_arrive(struct sn_serve_engine *e, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    struct sn_serve_instants *x = &e->out->request[r];
    struct sn_serve_state *s = &e->request[r];
    s->instance = least_loaded(e);
    struct sn_serve_instance *in = &e->instance[s->instance];
    x->arrival_ps = e->now;
    if (!admitted(e, in, r)) {
        x->rejected = true;
        e->out->rejected++;
        return;
    }
    s->die = (uint32_t)(in->taken++ % e->c->prefill_dies);
    if (e->pool) {
        x->lookup_ps = e->c->cache.read_latency_ps; /* a read of no bytes */
        x->read = (uint32_t)sn_kvpool_lookup(e->pool, e->load->id + q->first, q->blocks, NULL);
        x->cached = tokens_of(e, r, x->read);
        e->out->blocks_asked += q->blocks;
    }
    in->load += fresh_of(e, r);
    line_up(e, in, r);
    sn_serve_push(e, move_blocks(e, r, true, x->read, e->now + x->lookup_ps, &x->read_ps),
                  SN_SERVE_READY, r);
}

static void want_start(struct sn_serve_engine *e, uint32_t instance)
{
    struct sn_serve_instance *in = &e->instance[instance];
    if (in->busy || in->starting || !in->ready.n)
        return;
    in->starting = true;
    sn_serve_push(e, e->now, SN_SERVE_PREFILL_START, instance);
}

void sn_serve_ready(struct sn_serve_engine *e, uint32_t r)
{
    sn_serve_fifo_add(&e->instance[e->request[r].instance].ready, r);
    want_start(e, e->request[r].instance);
}

void sn_serve_prefill_start(struct sn_serve_engine *e, uint32_t instance)
{
    struct sn_serve_instance *in = &e->instance[instance];
    uint64_t tokens = 0;
    in->starting = false;
    in->batched = 0;
    while (in->ready.n) {
        const uint32_t r = in->ready.item[in->ready.head], fresh = fresh_of(e, r);
        if (in->batched && tokens + fresh > e->c->batch_tokens)
            break;
        if (in->batched == in->batch_cap) {
            in->batch_cap = in->batch_cap ? 2 * in->batch_cap : 64;
            in->batch = sn_realloc(in->batch, in->batch_cap, sizeof *in->batch);
        }
        sn_serve_fifo_take(&in->ready);
        leave_line(e, in, r);
        e->out->request[r].start_ps = e->now;
        e->fresh[in->batched] = fresh;
        e->cached[in->batched] = e->out->request[r].cached;
        in->batch[in->batched++] = r;
        tokens += fresh;
    }
    const int64_t t = sn_serve_time_ps(
        e, e->c->times.prefill_s(e->c->times.of, e->fresh, e->cached, in->batched), "a prefill");
    in->busy = true;
    in->busy_until_ps = e->now + t;
    e->out->prefill_ps += t;
    e->out->batches++;
    sn_serve_push(e, in->busy_until_ps, SN_SERVE_PREFILL_END, instance);
}

void sn_serve_prefill_end(struct sn_serve_engine *e, uint32_t instance)
{
    struct sn_serve_instance *in = &e->instance[instance];
    in->busy = false;
    for (size_t i = 0; i < in->batched; i++) {
        const uint32_t r = in->batch[i];
        struct sn_serve_instants *x = &e->out->request[r];
        int64_t alone;
        x->computed_ps = e->now;
        in->load -= fresh_of(e, r);
        choose_stores(e, r);
        const int64_t stored = move_blocks(e, r, false, x->stored, e->now, &alone);
        sn_serve_push(e, stored, SN_SERVE_STORED, r);
        sn_serve_push(e, e->c->store_behind ? e->now : stored, SN_SERVE_FIRST, r);
    }
    want_start(e, instance);
}

/* Last to first, as the lookup: a prefix outlives what continues it. A block that was there is
 * touched if it still is. */
void sn_serve_stored(struct sn_serve_engine *e, uint32_t r)
{
    const struct sn_serve_request *q = request_of(e, r);
    struct sn_kv_place at;
    for (size_t i = q->first + q->blocks; e->pool && i-- > q->first;)
        if (e->store[i] || sn_kvpool_find(e->pool, e->load->id[i], &at))
            sn_kvpool_insert(e->pool, e->load->id[i], 0, SN_KV_ANY, NULL);
}

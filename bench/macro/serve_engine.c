/* The events of a run, its ports, and what it opens (bench/macro/serve_engine.h). */
#include <math.h>
#include <stdlib.h>

#include "bench/macro/serve_engine_impl.h"
#include "bench/micro/kvread_move.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum { STREAM_ACCEPT = 0x73727631, STREAM_RING = 0x73727632 };
/* Half of what 63 bits of picoseconds hold: 53 days. */
static const int64_t latest_ps = INT64_MAX / 2;

/* --- events ----------------------------------------------------------------------------------- */

static bool earlier(const struct sn_serve_event *a, const struct sn_serve_event *b)
{
    if (a->at_ps != b->at_ps)
        return a->at_ps < b->at_ps;
    return a->kind != b->kind ? a->kind < b->kind : a->sequence < b->sequence;
}

void sn_serve_push(struct sn_serve_engine *e, int64_t at_ps, enum sn_serve_kind kind,
                   uint32_t index)
{
    if (at_ps < e->now || at_ps > latest_ps) {
        if (e->status == SN_OK)
            e->status = SN_FAIL(SN_EINVAL, "serving goes on for more than 53 days, which is all "
                                           "that the model clock holds");
        return;
    }
    if (e->events == e->event_cap) {
        e->event_cap = e->event_cap ? 2 * e->event_cap : 1024;
        e->heap = sn_realloc(e->heap, e->event_cap, sizeof *e->heap);
    }
    const struct sn_serve_event x = {
        .at_ps = at_ps, .sequence = e->sequence++, .kind = kind, .index = index};
    size_t i = e->events++;
    for (; i > 0 && earlier(&x, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
        e->heap[i] = e->heap[(i - 1) / 2];
    e->heap[i] = x;
}

static struct sn_serve_event pop(struct sn_serve_engine *e)
{
    const struct sn_serve_event first = e->heap[0], last = e->heap[--e->events];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= e->events)
            break;
        if (child + 1 < e->events && earlier(&e->heap[child + 1], &e->heap[child]))
            child++;
        if (!earlier(&e->heap[child], &last))
            break;
        e->heap[i] = e->heap[child];
        i = child;
    }
    e->heap[i] = last;
    return first;
}

static void handle(struct sn_serve_engine *e, const struct sn_serve_event *x)
{
    switch ((enum sn_serve_kind)x->kind) {
    case SN_SERVE_STEP_END:
        sn_serve_step_end(e);
        break;
    case SN_SERVE_PREFILL_END:
        sn_serve_prefill_end(e, x->index);
        break;
    case SN_SERVE_STORED:
        sn_serve_stored(e, x->index);
        break;
    case SN_SERVE_FIRST:
        sn_serve_first(e, x->index);
        break;
    case SN_SERVE_HEAD:
        sn_serve_head(e, x->index);
        break;
    case SN_SERVE_HERE:
        sn_serve_here(e, x->index);
        break;
    case SN_SERVE_ARRIVAL:
        sn_serve_arrive(e, x->index);
        break;
    case SN_SERVE_READY:
        sn_serve_ready(e, x->index);
        break;
    case SN_SERVE_PREFILL_START:
        sn_serve_prefill_start(e, x->index);
        break;
    case SN_SERVE_STEP_START:
        sn_serve_step_start(e);
        break;
    }
}

/* --- what the parts share --------------------------------------------------------------------- */

int64_t sn_serve_time_ps(struct sn_serve_engine *e, double s, const char *what)
{
    if (s > 0 && s < (double)latest_ps * 1e-12)
        return sn_ps(s);
    if (e->status == SN_OK)
        e->status = SN_FAIL(SN_EINVAL, "%s of %g s: a time is finite and above 0", what, s);
    return 0;
}

void sn_serve_emit(struct sn_serve_engine *e, uint32_t r, uint32_t tokens)
{
    struct sn_serve_result *out = e->out;
    struct sn_serve_instants *x = &out->request[r];
    x->emitted += tokens;
    out->tokens += tokens;
    if (x->emitted == e->load->request[r].output) {
        x->end_ps = e->now;
        out->completed++;
    }
    if (!e->c->log)
        return;
    if (out->emissions == out->emission_cap) {
        out->emission_cap = out->emission_cap ? 2 * out->emission_cap : 4096;
        out->emission = sn_realloc(out->emission, out->emission_cap, sizeof *out->emission);
    }
    out->emission[out->emissions++] =
        (struct sn_serve_emission){.at_ps = e->now, .request = r, .tokens = tokens};
}

void sn_serve_fifo_add(struct sn_serve_fifo *f, uint32_t item)
{
    if (f->head + f->n == f->cap) {
        if (f->head > f->n) { /* amortised: at least as many were taken as are moved */
            for (size_t i = 0; i < f->n; i++)
                f->item[i] = f->item[f->head + i];
            f->head = 0;
        } else {
            f->cap = f->cap ? 2 * f->cap : 64;
            f->item = sn_realloc(f->item, f->cap, sizeof *f->item);
        }
    }
    f->item[f->head + f->n++] = item;
}

uint32_t sn_serve_fifo_take(struct sn_serve_fifo *f)
{
    f->n--;
    return f->item[f->head++];
}

int64_t sn_serve_port(struct sn_serve_engine *e, const struct sn_serve_link *l,
                      enum sn_serve_side side, uint32_t die, int64_t from_ps, int64_t hold_ps,
                      int64_t move_ps)
{
    int64_t *port = &e->port[l->plane][side][die / l->dies_per_port];
    const int64_t at = from_ps > *port ? from_ps : *port;
    *port = at + hold_ps;
    e->out->plane[l->plane].busy_ps[side] += move_ps;
    return at;
}

uint64_t sn_serve_block_bytes(const struct sn_serve_config *c)
{
    return c->block_tokens * c->token_bytes;
}

int64_t sn_serve_blocks_ps(const struct sn_serve_config *c, bool read, uint32_t n)
{
    const struct sn_serve_link *l = &c->cache;
    const struct sn_kv_plane plane = {
        .effective_bandwidth =
            fmin(c->pool.effective_bandwidth, read ? l->read_bandwidth : l->bandwidth),
        .block_latency = c->pool.block_latency};
    const int64_t latency = read ? l->read_latency_ps : l->latency_ps;
    return sn_ps(sn_kv_plane_bound(&plane, c->outstanding, n, sn_serve_block_bytes(c),
                                   sn_ps_seconds(latency)));
}

uint32_t sn_serve_tokens(const struct sn_serve_config *c, uint32_t r, uint32_t step,
                         uint32_t wanted)
{
    struct sn_rng rng =
        sn_rng_make(c->seed ^ STREAM_ACCEPT, (uint64_t)r << 32 | step); /* of this step alone */
    uint32_t n = 1;
    while (n < wanted && n <= c->mtp && sn_rng_uniform(&rng) < c->accept)
        n++;
    return n;
}

/* --- opening, running, closing ---------------------------------------------------------------- */

static void open_ports(struct sn_serve_engine *e, const struct sn_serve_link *l,
                       enum sn_serve_side side, unsigned dies)
{
    struct sn_serve_traffic *t = &e->out->plane[l->plane];
    if (t->ports[side])
        return; /* one plane for both: the same ports */
    t->ports[side] = (dies + l->dies_per_port - 1) / l->dies_per_port;
    e->port[l->plane][side] = sn_calloc(t->ports[side], sizeof(int64_t));
}

static int open_pool(struct sn_serve_engine *e)
{
    const struct sn_serve_config *c = e->c;
    const uint64_t bytes = sn_serve_block_bytes(c);
    if (!c->cached)
        return SN_OK;
    const struct sn_kvpool_options o = {.members = c->members,
                                        .vnodes = SN_KV_VNODES,
                                        .seed = c->seed ^ STREAM_RING,
                                        .capacity = c->capacity,
                                        .class_bytes = &bytes,
                                        .classes = 1};
    return sn_kvpool_open(&e->pool, &o);
}

static int open_engine(struct sn_serve_engine *e)
{
    const struct sn_serve_config *c = e->c;
    const size_t n = e->load->n;
    const unsigned dies = c->instances * c->prefill_dies;
    e->out->request = sn_calloc(n + 1, sizeof *e->out->request);
    e->request = sn_calloc(n + 1, sizeof *e->request);
    e->instance = sn_calloc(c->instances, sizeof *e->instance);
    for (unsigned i = 0; i < c->instances; i++)
        e->instance[i].oldest = e->instance[i].youngest = SN_SERVE_NONE;
    e->fresh = sn_calloc(n + 1, sizeof *e->fresh);
    e->cached = sn_calloc(n + 1, sizeof *e->cached);
    e->store = sn_calloc(e->load->ids + 1, sizeof *e->store);
    e->batch = sn_calloc(n < c->slots ? n + 1 : c->slots, sizeof *e->batch);
    e->die_load = sn_calloc(c->decode_dies, sizeof *e->die_load);
    if (c->cached) {
        open_ports(e, &c->cache, SN_SERVE_PREFILL_IN, dies);
        open_ports(e, &c->cache, SN_SERVE_PREFILL_OUT, dies);
    }
    open_ports(e, &c->transfer, SN_SERVE_PREFILL_OUT, dies);
    open_ports(e, &c->transfer, SN_SERVE_DECODE_IN, c->decode_dies);
    return open_pool(e);
}

static void close_engine(struct sn_serve_engine *e)
{
    for (unsigned i = 0; i < e->c->instances; i++) {
        free(e->instance[i].ready.item);
        free(e->instance[i].batch);
    }
    for (unsigned p = 0; p < SN_SERVE_PLANES; p++)
        for (unsigned s = 0; s < SN_SERVE_SIDES; s++)
            free(e->port[p][s]);
    if (e->pool)
        sn_kvpool_close(e->pool);
    free(e->instance);
    free(e->request);
    free(e->fresh);
    free(e->cached);
    free(e->store);
    free(e->batch);
    free(e->die_load);
    free(e->waiting.item);
    free(e->joining.item);
    free(e->heap);
}

int sn_serve_run(struct sn_serve_result *out, const struct sn_serve_load *load,
                 const struct sn_serve_config *c)
{
    struct sn_serve_engine e = {.load = load, .c = c, .out = out};
    *out = (struct sn_serve_result){.n = load->n};
    e.status = open_engine(&e);
    out->start_ps = e.now = load->n ? load->request[0].arrival_ps : 0;
    for (size_t r = 0; r < load->n && e.status == SN_OK; r++)
        sn_serve_push(&e, load->request[r].arrival_ps, SN_SERVE_ARRIVAL, (uint32_t)r);
    while (e.events && e.status == SN_OK) {
        const struct sn_serve_event x = pop(&e);
        e.now = x.at_ps;
        handle(&e, &x);
    }
    out->end_ps = e.now;
    out->kv_left = e.kv;
    out->slots_left = e.slots;
    if (e.pool && e.status == SN_OK) {
        sn_kvpool_stats(e.pool, &out->pool);
        e.status = sn_kvpool_check(e.pool);
    }
    close_engine(&e);
    return e.status;
}

void sn_serve_result_free(struct sn_serve_result *r)
{
    free(r->request);
    free(r->emission);
    *r = (struct sn_serve_result){0};
}

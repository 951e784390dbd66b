#include "tests/unit/serve_reference.h"

#include <criterion/criterion.h>
#include <string.h>

enum place {
    COMING,
    READING,
    QUEUED,
    COMPUTING,
    STORING,
    WAITING,
    FLYING,
    ARRIVING,
    JOINING,
    STEPS,
    GONE
};

struct one {
    enum place place;
    int64_t until;  /* of what goes on */
    int64_t stored; /* its blocks are in the cache then; -1: done */
    uint32_t instance, die, decode_die, emitted, steps, order, computed;
    bool write[REFERENCE_BLOCKS];
};

struct cache {
    uint64_t key[REFERENCE_BLOCKS], used[REFERENCE_BLOCKS];
    size_t n, most;
    uint64_t clock;
};

struct world {
    struct reference *out;
    const struct sn_serve_load *load;
    const struct sn_serve_config *c;
    int64_t now;
    struct one one[REFERENCE_REQUESTS];
    uint32_t orders;
    struct cache cache;
    int64_t read_port[64], write_port[64], send_port[64], receive_port[64]; /* free from */
    int64_t busy[8]; /* instances; -1: idle */
    uint32_t started[8];
    unsigned taken[8];
    bool wants[8];
    uint32_t want[8], wants_n;
    uint32_t queue[8][REFERENCE_REQUESTS], queued[8];
    int64_t step; /* -1: none goes on */
    uint32_t batch[REFERENCE_REQUESTS], batched;
    uint32_t in_decode;
    uint64_t kv;
};

/* --- the cache: a list, the oldest goes ------------------------------------------------------- */

static size_t find(const struct cache *k, uint64_t key)
{
    size_t i = 0;
    while (i < k->n && k->key[i] != key)
        i++;
    return i;
}

static bool touch(struct cache *k, uint64_t key)
{
    const size_t i = find(k, key);
    if (i < k->n)
        k->used[i] = ++k->clock;
    return i < k->n;
}

static void insert(struct world *w, uint64_t key)
{
    struct cache *k = &w->cache;
    if (touch(k, key))
        return;
    w->out->inserted++;
    size_t at = k->n;
    if (k->n == k->most) {
        at = 0;
        for (size_t i = 1; i < k->n; i++)
            if (k->used[i] < k->used[at])
                at = i;
        w->out->evicted++;
    } else {
        k->n++;
    }
    k->key[at] = key;
    k->used[at] = ++k->clock;
}

/* --- ports ------------------------------------------------------------------------------------ */

/* Block by block through the window of reads in flight. */
static int64_t blocks_us(const struct sn_serve_config *c, uint32_t n, double bandwidth,
                         int64_t latency_ps)
{
    const int64_t t = (int64_t)(c->block_tokens * (double)c->token_bytes / bandwidth * 1e6 + 0.5);
    int64_t done[REFERENCE_BLOCKS], last = 0;
    for (uint32_t i = 0; i < n; i++) {
        const int64_t asked = i < c->outstanding ? 0 : done[i - c->outstanding];
        const int64_t here = asked + latency_ps / 1000000;
        last = done[i] = (here > last ? here : last) + t;
    }
    return last;
}

static int64_t take(int64_t *port, int64_t from, int64_t hold)
{
    const int64_t at = *port > from ? *port : from;
    *port = at + hold;
    return at;
}

static int64_t send_us(const struct world *w, uint32_t r)
{
    return (int64_t)(w->load->request[r].input * (double)w->c->token_bytes /
                         w->c->transfer.bandwidth * 1e6 +
                     0.5);
}

/* --- decode ----------------------------------------------------------------------------------- */

static void emit(struct world *w, uint32_t r, uint32_t tokens)
{
    w->one[r].emitted += tokens;
    cr_assert(w->out->emissions < REFERENCE_EMISSIONS);
    w->out->emission[w->out->emissions++] =
        (struct sn_serve_emission){.at_ps = w->now * 1000000, .request = r, .tokens = tokens};
    if (w->one[r].emitted == w->load->request[r].output) {
        w->out->request[r].end_us = w->now;
        w->one[r].place = GONE;
    }
}

static uint64_t need(const struct world *w, uint32_t r)
{
    return (uint64_t)w->load->request[r].input + w->load->request[r].output;
}

/* The one that has waited longest, as long as it fits. */
static void admit(struct world *w)
{
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t r = 0; r < w->load->n; r++)
            if (w->one[r].place == WAITING &&
                (best == UINT32_MAX || w->one[r].order < w->one[best].order))
                best = r;
        if (best == UINT32_MAX || w->in_decode == w->c->slots ||
            w->kv + need(w, best) > w->c->kv_tokens)
            return;
        struct one *x = &w->one[best];
        unsigned count[64] = {0};
        for (uint32_t r = 0; r < w->load->n; r++)
            if (w->one[r].place >= FLYING && w->one[r].place < GONE)
                count[w->one[r].decode_die]++;
        x->decode_die = 0;
        for (unsigned d = 1; d < w->c->decode_dies; d++)
            if (count[d] < count[x->decode_die])
                x->decode_die = d;
        w->in_decode++;
        w->kv += need(w, best);
        x->place = FLYING;
        x->order = w->orders++;
        x->until = take(&w->send_port[(x->instance * w->c->prefill_dies + x->die) /
                                      w->c->transfer.dies_per_port],
                        w->now, send_us(w, best)) +
                   w->c->transfer.latency_ps / 1000000;
    }
}

static void step_end(struct world *w)
{
    uint32_t kept = 0;
    if (w->step != w->now)
        return;
    w->step = -1;
    for (uint32_t i = 0; i < w->batched; i++) {
        const uint32_t r = w->batch[i];
        struct one *x = &w->one[r];
        emit(w, r, sn_serve_tokens(w->c, r, x->steps++, w->load->request[r].output - x->emitted));
        if (x->place != GONE) {
            w->batch[kept++] = r;
            continue;
        }
        w->in_decode--;
        w->kv -= need(w, r);
    }
    w->batched = kept;
    admit(w);
}

static void step_start(struct world *w)
{
    uint64_t ctx = 0;
    if (w->step >= 0)
        return;
    for (uint32_t o = 0; o < w->orders; o++)
        for (uint32_t r = 0; r < w->load->n; r++)
            if (w->one[r].place == JOINING && w->one[r].order == o) {
                w->one[r].place = STEPS;
                w->batch[w->batched++] = r;
            }
    if (!w->batched)
        return;
    for (uint32_t i = 0; i < w->batched; i++)
        ctx += w->load->request[w->batch[i]].input + w->one[w->batch[i]].emitted;
    w->step =
        w->now +
        (int64_t)(w->c->times.decode_step_s(NULL, w->batched, (double)ctx / w->batched) * 1e6 +
                  0.5);
}

/* --- prefill ---------------------------------------------------------------------------------- */

static uint32_t fresh(const struct world *w, uint32_t r)
{
    return w->load->request[r].input - w->out->request[r].cached;
}

static void want(struct world *w, uint32_t i)
{
    if (w->busy[i] >= 0 || w->wants[i] || !w->queued[i])
        return;
    w->wants[i] = true;
    w->want[w->wants_n++] = i;
}

static void computed(struct world *w, uint32_t r)
{
    struct one *x = &w->one[r];
    struct reference_instants *out = &w->out->request[r];
    const struct sn_serve_request *q = &w->load->request[r];
    const struct sn_serve_link *l = &w->c->cache;
    out->computed_us = w->now;
    for (uint32_t b = 0; b < q->blocks; b++) {
        x->write[b] = w->c->cached && find(&w->cache, w->load->id[q->first + b]) == w->cache.n;
        out->stored += x->write[b];
    }
    x->stored = w->now;
    if (out->stored) {
        const int64_t t = blocks_us(w->c, out->stored, l->bandwidth, l->latency_ps);
        int64_t *port = l->plane == w->c->transfer.plane ? w->send_port : w->write_port;
        x->stored = t + take(&port[(x->instance * w->c->prefill_dies + x->die) / l->dies_per_port],
                             w->now, t);
    }
    x->place = STORING;
    x->until = w->c->store_behind ? w->now : x->stored;
    x->order = x->computed = w->orders++;
}

static void prefill_end(struct world *w)
{
    for (uint32_t s = 0; s < w->orders; s++)
        for (uint32_t i = 0; i < w->c->instances; i++) {
            if (w->busy[i] != w->now || w->started[i] != s)
                continue;
            w->busy[i] = -1;
            /* In the order of the batch, which is that of being ready. */
            for (uint32_t o = 0, end = w->orders; o < end; o++)
                for (uint32_t r = 0; r < w->load->n; r++)
                    if (w->one[r].place == COMPUTING && w->one[r].instance == i &&
                        w->one[r].order == o)
                        computed(w, r);
            want(w, i);
        }
}

static void prefill_start(struct world *w)
{
    for (uint32_t k = 0; k < w->wants_n; k++) {
        const uint32_t i = w->want[k];
        uint32_t f[REFERENCE_REQUESTS], c[REFERENCE_REQUESTS], n = 0;
        uint64_t tokens = 0;
        while (n < w->queued[i]) {
            const uint32_t r = w->queue[i][n];
            if (n && tokens + fresh(w, r) > w->c->batch_tokens)
                break;
            tokens += f[n] = fresh(w, r);
            c[n++] = w->out->request[r].cached;
            w->one[r].place = COMPUTING;
            w->one[r].order = w->orders++;
            w->out->request[r].start_us = w->now;
        }
        w->queued[i] -= n;
        memmove(w->queue[i], w->queue[i] + n, w->queued[i] * sizeof *w->queue[i]);
        w->busy[i] = w->now + (int64_t)(w->c->times.prefill_s(NULL, f, c, n) * 1e6 + 0.5);
        w->started[i] = w->orders++;
        w->wants[i] = false;
    }
    w->wants_n = 0;
}

static void arrive(struct world *w, uint32_t r)
{
    struct one *x = &w->one[r];
    struct reference_instants *out = &w->out->request[r];
    const struct sn_serve_request *q = &w->load->request[r];
    uint64_t load[8] = {0};
    int64_t at = w->now;
    for (uint32_t p = 0; p < r; p++)
        if (w->one[p].place <= COMPUTING)
            load[w->one[p].instance] += fresh(w, p);
    for (uint32_t i = 1; i < w->c->instances; i++)
        if (load[i] < load[x->instance])
            x->instance = i;
    x->die = w->taken[x->instance]++ % w->c->prefill_dies;
    if (w->c->cached) {
        at += w->c->cache.read_latency_ps / 1000000;
        while (out->read < q->blocks &&
               find(&w->cache, w->load->id[q->first + out->read]) < w->cache.n)
            out->read++;
        for (uint32_t b = q->blocks; b-- > 0;)
            touch(&w->cache, w->load->id[q->first + b]);
        out->cached = out->read * w->c->block_tokens;
        out->cached = out->cached < q->input ? out->cached : q->input - 1;
    }
    if (out->read) {
        const int64_t t =
            blocks_us(w->c, out->read, w->c->cache.read_bandwidth, w->c->cache.read_latency_ps);
        at = t + take(&w->read_port[(x->instance * w->c->prefill_dies + x->die) /
                                    w->c->cache.dies_per_port],
                      at, t);
    }
    x->place = READING;
    x->until = at;
}

/* --- a microsecond ---------------------------------------------------------------------------- */

/* Requests of a place whose time has come, in order: by `order`, or by number where they have none
 * yet. */
static uint32_t due(const struct world *w, enum place place)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t r = 0; r < w->load->n; r++)
        if (w->one[r].place == place && w->one[r].until == w->now &&
            (best == UINT32_MAX || (place > READING && w->one[r].order < w->one[best].order)))
            best = r;
    return best;
}

static void stored(struct world *w)
{
    for (uint32_t o = 0; o < w->orders; o++)
        for (uint32_t r = 0; r < w->load->n; r++) {
            struct one *x = &w->one[r];
            const struct sn_serve_request *q = &w->load->request[r];
            if (x->stored != w->now || w->out->request[r].computed_us < 0 || x->computed != o)
                continue;
            x->stored = -1;
            for (uint32_t b = q->blocks; w->c->cached && b-- > 0;) {
                if (x->write[b])
                    insert(w, w->load->id[q->first + b]);
                else
                    touch(&w->cache, w->load->id[q->first + b]);
            }
        }
}

static void tick(struct world *w)
{
    uint32_t r;
    step_end(w);
    prefill_end(w);
    stored(w);
    while ((r = due(w, STORING)) != UINT32_MAX) {
        w->out->request[r].first_us = w->now;
        w->one[r].place = WAITING;
        w->one[r].order = w->orders++;
        emit(w, r, 1);
        admit(w);
    }
    while ((r = due(w, FLYING)) != UINT32_MAX) {
        const int64_t t = send_us(w, r);
        w->one[r].place = ARRIVING;
        w->one[r].order = w->orders++;
        w->one[r].until =
            t +
            take(&w->receive_port[w->one[r].decode_die / w->c->transfer.dies_per_port], w->now, t);
    }
    while ((r = due(w, ARRIVING)) != UINT32_MAX) {
        w->out->request[r].here_us = w->now;
        w->one[r].place = JOINING;
        w->one[r].order = w->orders++;
    }
    for (r = 0; r < w->load->n; r++)
        if (w->one[r].place == COMING && w->load->request[r].arrival_ps == w->now * 1000000)
            arrive(w, r);
    while ((r = due(w, READING)) != UINT32_MAX) {
        const uint32_t i = w->one[r].instance;
        w->one[r].place = QUEUED;
        w->queue[i][w->queued[i]++] = r;
        want(w, i);
    }
    prefill_start(w);
    step_start(w);
}

static bool busy(const struct world *w)
{
    for (uint32_t r = 0; r < w->load->n; r++)
        if (w->one[r].place != GONE || w->one[r].stored >= 0)
            return true;
    return false;
}

void reference_run(struct reference *out, const struct sn_serve_load *load,
                   const struct sn_serve_config *c)
{
    static struct world w; /* large */
    memset(out, 0, sizeof *out);
    memset(&w, 0, sizeof w);
    w.out = out;
    w.load = load;
    w.c = c;
    w.step = -1;
    cr_assert(load->n <= REFERENCE_REQUESTS && c->instances <= 8);
    for (uint32_t i = 0; i < c->instances; i++)
        w.busy[i] = -1;
    for (uint32_t r = 0; r < load->n; r++) {
        w.one[r].stored = -1;
        out->request[r].computed_us = -1;
    }
    w.cache.most = c->capacity ? c->capacity / sn_serve_block_bytes(c) : REFERENCE_BLOCKS;
    for (; busy(&w); w.now++) {
        cr_assert(w.now < 1000000, "the reference does not end");
        tick(&w);
    }
    out->last_us = w.now - 1;
}

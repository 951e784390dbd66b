/* kvread on the model clock: the reads (and of a trace the stores) as messages through the ports of
 * all dies and sockets, beside dispatch where that is asked.
 *
 * Reads by pattern: every reader is one request at time 0. A trace: requests arrive at their
 * timestamps and go to the readers in turn; each reads the leading run of what the pool has, then
 * writes what it has not (after its last read; the prefill between takes no time here). A request
 * keeps `outstanding` blocks in flight, and those of a reader at the same time share its ports.
 * A block counts as found from the arrival of the request that writes it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kvread.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

/* Dispatch beside the reads: 128 tokens a die, 8 copies each of 7168 int8 values and 512 bytes of
 * scales and head, every copy a message to a die drawn uniformly. */
enum { COPIES = 128 * 8, COPY_BYTES = 7168 + 512, STREAM_DISPATCH = 0x6b767233 };
enum { LAYERS_MOST = 512, MESSAGES_MOST = 1 << 20 };

/* Messages and, beside them, the requests they belong to. */
struct request {
    int64_t at_ps;
    size_t first, reads; /* messages */
    unsigned reader;
};
struct traffic {
    struct sn_msg *msg;
    size_t n, cap;
    struct request *request;
    size_t requests, request_cap;
    bool spaced; /* the pool's bandwidth by the distance of the reads in time, not by overhead */
    struct sn_kv_pace pace[SN_KV_DISTANCES];
};

static struct sn_msg *add_messages(struct traffic *t, size_t n)
{
    if (t->n + n > t->cap) {
        t->cap = 2 * (t->n + n);
        t->msg = sn_realloc(t->msg, t->cap, sizeof *t->msg);
    }
    t->n += n;
    return t->msg + t->n - n;
}

static void add_request(struct traffic *t, int64_t at_ps, unsigned reader, size_t reads)
{
    if (t->requests == t->request_cap) {
        t->request_cap = t->request_cap ? 2 * t->request_cap : 64;
        t->request = sn_realloc(t->request, t->request_cap, sizeof *t->request);
    }
    t->request[t->requests++] =
        (struct request){.at_ps = at_ps, .first = t->n, .reads = reads, .reader = reader};
}

static void free_traffic(struct traffic *t)
{
    free(t->msg);
    free(t->request);
    *t = (struct traffic){0};
}

/* The reads of one request; room (n) is scratch. */
static void add_reads(const struct sn_kvread *s, struct traffic *t, int64_t at_ps, unsigned reader,
                      const struct sn_kv_place *place, size_t n, struct sn_kv_read *room)
{
    const size_t reads = sn_kv_reads(s->net, s->host, reader, SN_KV_UB, place, n, room);
    const uint32_t first = (uint32_t)t->n;
    for (size_t i = 0; i < reads; i++) {
        struct sn_kv_pace *pace = &t->pace[room[i].distance];
        room[i].bytes = s->block; /* the places are of what really moves */
        if (!pace->transfer_ps)
            sn_kv_pace(s->net, s->profile, room[i].src, reader, s->block, pace);
    }
    add_request(t, at_ps, reader, reads);
    /* Copies inside a die pass no port: they take turns here. */
    const unsigned outstanding = s->placement == SN_KVREAD_LOCAL ? 1 : s->outstanding;
    sn_kv_messages(&s->plane, outstanding, at_ps, t->spaced ? t->pace : NULL, room, reads, first,
                   add_messages(t, reads));
}

/* The block a request writes as its i-th, after its last read. */
static void add_store(const struct sn_kvread *s, struct traffic *t, int64_t at_ps, unsigned reader,
                      uint32_t host, size_t i)
{
    const int64_t latency = sn_ps(s->plane.block_latency);
    const struct request *q = &t->request[t->requests - 1];
    uint32_t after = SN_MSG_NONE;
    if (i >= s->outstanding)
        after = (uint32_t)(t->n - s->outstanding);
    else if (q->reads)
        after = (uint32_t)(q->first + q->reads - 1);
    *add_messages(t, 1) =
        (struct sn_msg){.issue_ps = after == SN_MSG_NONE ? at_ps + latency : latency,
                        .bytes = s->block,
                        .src = reader,
                        .dst = host,
                        .after = after};
}

/* --- what is read ---------------------------------------------------------------------------- */

static void pattern_traffic(struct sn_kvread *s, uint64_t draw, struct traffic *t)
{
    struct sn_kv_read *room = sn_calloc(s->reads, sizeof *room);
    sn_kvread_draw(s, draw);
    for (unsigned r = 0; r < s->readers; r++)
        add_reads(s, t, 0, r, s->place + (size_t)r * s->reads, s->reads, room);
    free(room);
}

static int trace_traffic(struct sn_kvread *s, const struct sn_case *c, struct traffic *t)
{
    struct sn_kvpool *pool;
    struct sn_kv_replay replay;
    struct sn_kv_step step;
    const double speed = sn_case_real(c, "speed");
    uint64_t generation = 0;
    int status = sn_kvread_open_pool(s, (uint64_t)sn_case_int(c, "capacity"), &pool);
    if (status != SN_OK)
        return status;
    struct sn_kv_read *room = sn_calloc(s->trace.most_blocks + 1, sizeof *room);
    sn_kv_replay_open(&replay, &s->trace, pool, 0);
    while (sn_kv_replay_step(&replay, &step)) {
        const uint64_t ms = s->trace.request[step.request].time_ms - s->trace.request[0].time_ms;
        const int64_t at = sn_ps((double)ms * 1e-3 / speed);
        const unsigned reader = sn_kvread_reader_of(s, step.request);
        size_t stores = 0;
        add_reads(s, t, at, reader, step.place, step.prefix, room);
        for (size_t i = 0; i < step.blocks; i++) {
            struct sn_kv_place p; /* a small pool may have dropped it again */
            if (sn_kvpool_find(pool, step.key[i], &p) && p.generation > generation)
                add_store(s, t, at, reader, s->host[p.member], stores++);
        }
        generation += step.inserted;
    }
    sn_kvpool_stats(pool, &s->figures.reuse);
    sn_kv_replay_close(&replay);
    sn_kvpool_close(pool);
    free(room);
    return SN_OK;
}

/* --- what came of it ------------------------------------------------------------------------- */

/* Times and bytes of the reads into the figures; times of blocks only of those that were there by
 * `until`. */
static void add_figures(struct sn_kvread *s, const struct traffic *t, int64_t until)
{
    struct sn_kvread_figures *f = &s->figures;
    f->read_bytes = f->stored_bytes = f->wire_bytes = f->local_bytes = 0;
    for (size_t i = 0; i < t->requests; i++) {
        const struct request *q = &t->request[i];
        int64_t end = q->at_ps;
        for (size_t m = q->first; m < q->first + q->reads; m++) {
            const struct sn_msg *x = &t->msg[m];
            if (x->done_ps <= until)
                sn_kvread_list_add(&f->block_s,
                                   sn_ps_seconds(sn_kv_latency_ps(t->msg, m, q->at_ps)));
            end = x->done_ps > end ? x->done_ps : end;
        }
        if (!q->reads)
            continue;
        f->busy_s[q->reader] += sn_ps_seconds(end - q->at_ps);
        f->bytes[q->reader] += q->reads * s->block;
        if (s->trace_replay)
            sn_kvread_list_add(&f->request_s, sn_ps_seconds(end - q->at_ps));
    }
    for (size_t i = 0; i < t->n; i++) {
        const struct sn_msg *x = &t->msg[i];
        *(x->flags & SN_MSG_READ ? &f->read_bytes : &f->stored_bytes) += x->bytes;
        *(x->src == x->dst ? &f->local_bytes : &f->wire_bytes) += x->bytes;
    }
}

/* The time of a draw in parts: the busiest port at its physical bandwidth, what software's rate and
 * costs add to it, and the rest: latencies, windows, waiting for other ports. */
static void add_parts(const struct sn_net_result *r, struct sn_timeline *t)
{
    const double end = sn_ps_seconds(r->end_ps), bound = sn_ps_seconds(r->bound_ps);
    const double busy = fmin(end, sn_ps_seconds(r->bottleneck_busy_ps));
    sn_timeline_part(t, "busiest port", bound);
    sn_timeline_part(t, "software rate", fmax(0, busy - bound));
    sn_timeline_part(t, "latency and waiting", end - fmax(bound, busy));
}

static void local_parts(const struct sn_kvread *s, const struct sn_net_result *r,
                        struct sn_timeline *t)
{
    const double bandwidth = s->profile->paths[SN_PATH_SELF].bandwidth.value;
    const double end = sn_ps_seconds(r->end_ps), copies = (double)s->reads * s->block / bandwidth;
    const double bound = fmin(end, copies); /* picoseconds are whole */
    sn_timeline_part(t, "copies", bound);
    sn_timeline_part(t, "latency and waiting", end - bound);
    sn_timeline_limit(t, bound, "a reader's blocks copied in its own memory");
    t->bottleneck[0] = 0;
}

static void trace_parts(const struct traffic *x, const struct sn_net_result *r,
                        struct sn_timeline *t)
{
    const double end = sn_ps_seconds(r->end_ps), bound = sn_ps_seconds(r->bound_ps);
    const double last = sn_ps_seconds(x->request[x->requests - 1].at_ps);
    sn_timeline_part(t, "arrivals", last);
    sn_timeline_part(t, "after the last arrival", end - last);
    if (last > bound)
        sn_timeline_limit(t, last, "the last request's arrival");
}

/* What a die is busy with a message of its own: issuing it or, where all are blocks of the pool,
 * moving it at the pool's rate. */
static int64_t overhead_ps(const struct sn_kvread *s, bool blocks)
{
    const int64_t issue = sn_ps(sn_figure_or(&s->profile->cost.issue, 0));
    const int64_t hold = blocks ? sn_kv_hold_ps(&s->plane, s->block) : 0;
    return hold > issue ? hold : issue;
}

/* --- beside dispatch ------------------------------------------------------------------------- */

/* One layer's copies of `ep` dies, issued at `at_ps`: die i's j-th copy goes to a die drawn
 * uniformly; copies to itself pass no port. */
static void add_layer(const struct sn_kvread *s, struct traffic *t, unsigned ep, uint64_t layer,
                      int64_t at_ps)
{
    struct sn_msg *m = add_messages(t, (size_t)ep * COPIES);
    for (unsigned i = 0; i < ep; i++) {
        struct sn_rng rng =
            sn_rng_make(s->env->seed ^ sn_rng_mix64(layer), STREAM_DISPATCH + (uint64_t)i);
        for (unsigned j = 0; j < COPIES; j++)
            *m++ = (struct sn_msg){.issue_ps = at_ps,
                                   .bytes = COPY_BYTES,
                                   .src = i,
                                   .dst = (uint32_t)sn_rng_below(&rng, ep),
                                   .after = SN_MSG_NONE};
    }
}

/* Dispatch offers a layer every `period`, the time of a layer alone, for as long as reads go on
 * (until `end`); a layer does not wait for the one before. Mean over these layers of their times /
 * that time. */
static double layers_slowdown(const struct traffic *t, size_t per_layer, size_t layers,
                              int64_t period, int64_t end)
{
    double sum = 0;
    size_t l;
    for (l = 0; l < layers && (l == 0 || (int64_t)l * period < end); l++) {
        int64_t done = 0;
        for (size_t i = l * per_layer; i < (l + 1) * per_layer; i++)
            done = t->msg[i].done_ps > done ? t->msg[i].done_ps : done;
        sum += (double)(done - (int64_t)l * period) / (double)period;
    }
    return sum / (double)l;
}

static int by_ps(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double sn_kvread_overlap(int64_t *alone, int64_t *beside, size_t n, int64_t until)
{
    size_t k = 0;
    qsort(alone, n, sizeof *alone, by_ps);
    qsort(beside, n, sizeof *beside, by_ps);
    while (k < n && (k == 0 || beside[k] <= until))
        k++;
    return (double)beside[k - 1] / (double)alone[k - 1];
}

static int layer_alone(struct sn_kvread *s, unsigned ep, int64_t *period)
{
    struct traffic t = {0};
    struct sn_net_result r;
    add_layer(s, &t, ep, 0, 0);
    int status = sn_net_run(s->net, t.msg, t.n, overhead_ps(s, false), &r);
    *period = r.end_ps;
    free_traffic(&t);
    return status;
}

static void add_slowdowns(struct sn_kvread *s, double read, double dispatch, int64_t period)
{
    s->figures.layer_s += sn_ps_seconds(period);
    s->figures.slowdown_read += read;
    s->figures.slowdown_dispatch += dispatch;
    s->figures.slowdowns++;
}

/* Layers of dispatch, then the reads: their messages from `first` on in *both. */
static int run_both(struct sn_kvread *s, const struct traffic *reads, unsigned ep, size_t layers,
                    int64_t period, struct traffic *both, struct sn_net_result *r)
{
    both->n = 0;
    for (size_t l = 0; l < layers; l++)
        add_layer(s, both, ep, l, (int64_t)l * period);
    const size_t first = both->n;
    struct sn_msg *m = add_messages(both, reads->n);
    memcpy(m, reads->msg, reads->n * sizeof *m);
    for (size_t i = 0; i < reads->n; i++)
        if (m[i].after != SN_MSG_NONE)
            m[i].after += (uint32_t)first;
    return sn_net_run(s->net, both->msg, both->n, overhead_ps(s, false), r);
}

static int64_t last_done(const struct sn_msg *m, size_t n)
{
    int64_t end = 0;
    for (size_t i = 0; i < n; i++)
        end = m[i].done_ps > end ? m[i].done_ps : end;
    return end;
}

static double reads_slowdown(const struct traffic *alone, const struct sn_msg *beside,
                             int64_t until)
{
    int64_t *x = sn_calloc(2 * alone->n, sizeof *x), *y = x + alone->n;
    for (size_t i = 0; i < alone->n; i++) {
        x[i] = alone->msg[i].done_ps;
        y[i] = beside[i].done_ps;
    }
    const double slowdown = sn_kvread_overlap(x, y, alone->n, until);
    free(x);
    return slowdown;
}

/* `alone` are the reads as they went alone, in `r`; afterwards as they went beside dispatch. Reads
 * that are slowed need more layers beside them; where these come to too many messages only the
 * reads that ended before the layers count, *until. */
static int beside_dispatch(struct sn_kvread *s, const struct sn_case *c, struct traffic *alone,
                           struct sn_net_result *r, struct sn_timeline *timeline, int64_t *until)
{
    const unsigned ep = (unsigned)sn_case_int(c, "ep");
    const size_t per_layer = (size_t)ep * COPIES;
    const int64_t reads_alone = r->end_ps;
    struct traffic both = {0};
    int64_t period, end = reads_alone;
    int status = layer_alone(s, ep, &period);
    if (status != SN_OK)
        return status;
    size_t layers = 0, most = MESSAGES_MOST / per_layer;
    most = most > LAYERS_MOST ? LAYERS_MOST : most ? most : 1;
    while (status == SN_OK && layers < most && (int64_t)layers * period < end) {
        layers = (size_t)(end / period) + 1;
        layers = layers > most ? most : layers;
        status = run_both(s, alone, ep, layers, period, &both, r);
        if (status == SN_OK)
            end = last_done(both.msg + layers * per_layer, alone->n);
    }
    if (status == SN_OK) {
        const size_t first = layers * per_layer;
        *until = INT64_MAX;
        if ((int64_t)layers * period < end) {
            *until = (int64_t)layers * period;
            sn_timeline_flag(timeline, "dispatch-ended-first");
        }
        add_slowdowns(s, reads_slowdown(alone, both.msg + first, *until),
                      layers_slowdown(&both, per_layer, layers, period, end), period);
        memcpy(alone->msg, both.msg + first, alone->n * sizeof *alone->msg);
        for (size_t i = 0; i < alone->n; i++)
            if (alone->msg[i].after != SN_MSG_NONE)
                alone->msg[i].after -= (uint32_t)first;
        sn_model_result(s->net, both.msg, r, timeline);
        const int64_t reads = end > reads_alone ? end : reads_alone;
        sn_timeline_part(timeline, "reads alone", sn_ps_seconds(reads_alone));
        sn_timeline_part(timeline, "dispatch beside them", sn_ps_seconds(reads - reads_alone));
        sn_timeline_part(timeline, "dispatch after them",
                         sn_ps_seconds(r->end_ps > reads ? r->end_ps - reads : 0));
    }
    free_traffic(&both);
    return status;
}

int sn_kvread_predict(struct sn_kvread *s, const struct sn_case *c, struct sn_timeline *t)
{
    const bool dispatch = sn_case_word(c, "with") == SN_KVREAD_WITH_DISPATCH;
    struct traffic x = {.spaced = dispatch && isfinite(s->plane.effective_bandwidth)};
    struct sn_net_result r;
    int64_t until = INT64_MAX;
    int status = SN_OK;
    if (s->trace_replay)
        status = trace_traffic(s, c, &x);
    else
        pattern_traffic(s, c->rep, &x);
    if (status == SN_OK)
        status = sn_net_run(s->net, x.msg, x.n, overhead_ps(s, !x.spaced), &r);
    if (status == SN_OK && dispatch) {
        status = beside_dispatch(s, c, &x, &r, t, &until);
    } else if (status == SN_OK) {
        sn_model_result(s->net, x.msg, &r, t);
        if (s->trace_replay)
            trace_parts(&x, &r, t);
        else if (s->placement == SN_KVREAD_LOCAL)
            local_parts(s, &r, t);
        else
            add_parts(&r, t);
    }
    if (status == SN_OK) {
        sn_model_validity(c, s->profile, t);
        sn_model_cost(&s->profile->cost.issue, t);
        add_figures(s, &x, until);
    }
    free_traffic(&x);
    return status;
}

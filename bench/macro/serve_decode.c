/* From a request's first token to its last (bench/macro/serve_engine.h). */
#include "bench/macro/serve_engine_impl.h"
#include "harness/base/status.h"

static uint64_t context_of(const struct sn_serve_engine *e, uint32_t r)
{
    return (uint64_t)e->load->request[r].input + e->load->request[r].output;
}

static int64_t transfer_ps(const struct sn_serve_engine *e, uint32_t r)
{
    const uint64_t bytes = e->load->request[r].input * e->c->token_bytes;
    return sn_ps((double)bytes / e->c->transfer.bandwidth);
}

/* --- places ----------------------------------------------------------------------------------- */

static uint32_t emptiest_die(const struct sn_serve_engine *e)
{
    uint32_t best = 0;
    for (uint32_t d = 1; d < e->c->decode_dies; d++)
        if (e->die_load[d] < e->die_load[best])
            best = d;
    return best;
}

/* Its cache through the ports of both dies, cut through, as the engine of comm/fabric/net.h sends
 * one message: the head leaves when the first port is free, and is at the second a latency later.
 */
static void send(struct sn_serve_engine *e, uint32_t r)
{
    struct sn_serve_state *s = &e->request[r];
    const struct sn_serve_link *l = &e->c->transfer;
    const int64_t t = transfer_ps(e, r);
    s->decode_die = emptiest_die(e);
    e->die_load[s->decode_die]++;
    e->out->plane[l->plane].bytes += e->load->request[r].input * e->c->token_bytes;
    const int64_t at = sn_serve_port(e, l, SN_SERVE_PREFILL_OUT,
                                     s->instance * e->c->prefill_dies + s->die, e->now, t, t);
    sn_serve_push(e, at + l->latency_ps, SN_SERVE_HEAD, r);
}

static void admit(struct sn_serve_engine *e)
{
    struct sn_serve_fifo *w = &e->waiting;
    while (w->n && e->slots < e->c->slots &&
           e->kv + context_of(e, w->item[w->head]) <= e->c->kv_tokens) {
        const uint32_t r = sn_serve_fifo_take(w);
        e->slots++;
        e->kv += context_of(e, r);
        e->out->kv_peak = e->kv > e->out->kv_peak ? e->kv : e->out->kv_peak;
        e->out->slots_peak = e->slots > e->out->slots_peak ? e->slots : e->out->slots_peak;
        send(e, r);
    }
}

static void release(struct sn_serve_engine *e, uint32_t r)
{
    e->die_load[e->request[r].decode_die]--;
    e->slots--;
    e->kv -= context_of(e, r);
}

/* --- events ----------------------------------------------------------------------------------- */

void sn_serve_first(struct sn_serve_engine *e, uint32_t r)
{
    e->out->request[r].first_ps = e->now;
    sn_serve_emit(e, r, 1);
    if (e->load->request[r].output == 1)
        return;
    sn_serve_fifo_add(&e->waiting, r);
    admit(e);
}

void sn_serve_head(struct sn_serve_engine *e, uint32_t r)
{
    const int64_t t = transfer_ps(e, r);
    const int64_t at = sn_serve_port(e, &e->c->transfer, SN_SERVE_DECODE_IN,
                                     e->request[r].decode_die, e->now, t, t);
    sn_serve_push(e, at + t, SN_SERVE_HERE, r);
}

static void want_step(struct sn_serve_engine *e)
{
    if (e->stepping || e->step_starting || (!e->batched && !e->joining.n))
        return;
    e->step_starting = true;
    sn_serve_push(e, e->now, SN_SERVE_STEP_START, 0);
}

void sn_serve_here(struct sn_serve_engine *e, uint32_t r)
{
    e->out->request[r].here_ps = e->now;
    sn_serve_fifo_add(&e->joining, r);
    want_step(e);
}

void sn_serve_step_start(struct sn_serve_engine *e)
{
    e->step_starting = false;
    while (e->joining.n) {
        const uint32_t r = sn_serve_fifo_take(&e->joining);
        e->batch[e->batched++] = r;
        e->ctx += e->load->request[r].input + e->out->request[r].emitted;
    }
    const double n = e->batched;
    const int64_t t = sn_serve_time_ps(
        e, e->c->times.decode_step_s(e->c->times.of, n, (double)e->ctx / n), "a decode step");
    e->stepping = true;
    e->out->decode_ps += t;
    e->out->slot_s += n * sn_ps_seconds(t);
    e->out->steps++;
    sn_serve_push(e, e->now + t, SN_SERVE_STEP_END, 0);
}

void sn_serve_step_end(struct sn_serve_engine *e)
{
    uint32_t kept = 0;
    e->stepping = false;
    for (uint32_t i = 0; i < e->batched; i++) {
        const uint32_t r = e->batch[i], output = e->load->request[r].output;
        const struct sn_serve_instants *x = &e->out->request[r];
        const uint32_t n = sn_serve_tokens(e->c, r, e->request[r].steps++, output - x->emitted);
        sn_serve_emit(e, r, n);
        e->ctx += n;
        if (x->emitted < output) {
            e->batch[kept++] = r;
            continue;
        }
        e->ctx -= context_of(e, r);
        release(e, r);
    }
    e->batched = kept;
    admit(e);
    want_step(e);
}

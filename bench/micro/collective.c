/* The model clock of alltoall and allgather; see collective.h. */
#include "bench/micro/collective.h"

#include <stdlib.h>

#include "bench/micro/bandwidths.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/stats.h"

enum { DRAWS = 7, STREAM_ORDER = 0x6f726472 };

struct collective_case {
    const struct sn_collective *a;
    struct sn_rehearsal rehearsal;
    uint32_t *orders; /* of draw 0; NULL: that of the steps */
    double skew_free_s[DRAWS];
    unsigned n_skew_free;
};

static unsigned dies_of(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

static enum sn_net_order order_of(const struct sn_case *c)
{
    return sn_case_word(c, "order");
}

static bool skewed(const struct sn_case *c, struct sn_arrival *skew)
{
    return sn_arrival_parse(sn_case_text(c, "skew"), skew) == SN_OK &&
           skew->kind != SN_ARRIVAL_NONE;
}

const char *sn_collective_case_unsupported(const struct sn_case *c, const struct sn_collective *a)
{
    const struct sn_profile *p;
    struct sn_net *net;
    unsigned n = dies_of(c);
    if (!a)
        return "algorithm=mpi: the library chooses, so there are no messages to model; the named "
               "algorithms have some";
    if (n < 2)
        return "needs ep of at least 2: one endpoint sends nothing";
    if (a->waits && order_of(c) != SN_ORDER_ROTATED)
        return "order: the steps of this algorithm have one order; use order=rotated";
    const char *reason = sn_collective_unsupported(a, n);
    if (reason || sn_modelled_net(c, n, &p, &net) != SN_OK)
        return reason; /* what is wrong with the profile, the hook `inputs` says */
    for (unsigned s = 0; s < a->steps(n) && !reason; s++)
        for (unsigned me = 0; me < n && !reason; me++)
            reason = sn_net_unreachable(net, me, a->part(n, s, me).to);
    return reason ? reason : sn_fabric_unsupported(c);
}

int sn_collective_case_inputs(const struct sn_case *c)
{
    const struct sn_profile *p;
    struct sn_net *net;
    return sn_on_model(c) ? sn_modelled_net(c, dies_of(c), &p, &net) : SN_OK;
}

/* The rehearsal, and on rank 0 the messages, their order and the engine's event queue. */
uint64_t sn_collective_case_memory(const struct sn_case *c, const struct sn_collective *a)
{
    uint64_t messages = sn_collective_count(a, dies_of(c));
    return sn_rehearsal_memory(c, a, dies_of(c)) +
           messages * (sizeof(struct sn_msg) + 64 + 2 * sizeof(uint32_t));
}

unsigned sn_collective_case_draws(const struct sn_case *c)
{
    struct sn_arrival skew;
    return skewed(c, &skew) || order_of(c) == SN_ORDER_RANDOM ? DRAWS : 1;
}

/* *orders: NULL for algorithms with steps, which have one order. */
static int make_orders(const struct sn_case *c, const struct sn_collective *a, uint32_t **orders)
{
    unsigned n = dies_of(c);
    const struct sn_profile *p;
    struct sn_net *net;
    *orders = NULL;
    if (a->waits)
        return SN_OK;
    int status = sn_modelled_net(c, n, &p, &net);
    if (status != SN_OK)
        return status;
    *orders = sn_calloc((size_t)n * (n - 1), sizeof **orders);
    for (unsigned me = 0; me < n && order_of(c) == SN_ORDER_ROTATED; me++)
        sn_net_rotation(net, me, n, *orders + (size_t)me * (n - 1));
    if (order_of(c) != SN_ORDER_ROTATED)
        sn_collective_orders(order_of(c), n, sn_rng_at(c->env->seed, STREAM_ORDER, c->rep),
                             *orders);
    return SN_OK;
}

int sn_collective_case_setup(struct sn_case *c, const struct sn_collective *a)
{
    struct collective_case *s = c->state = sn_calloc(1, sizeof *s);
    s->a = a;
    int status = sn_world_agree(c->env->world, make_orders(c, a, &s->orders));
    if (status != SN_OK)
        return status;
    return sn_rehearsal_open(&s->rehearsal, c, a, dies_of(c), s->orders,
                             (uint64_t)sn_case_int(c, "size"));
}

void sn_collective_case_teardown(struct sn_case *c)
{
    struct collective_case *s = c->state;
    if (!s)
        return;
    sn_rehearsal_close(&s->rehearsal);
    free(s->orders);
    free(s);
    c->state = NULL;
}

int sn_collective_case_verify(struct sn_case *c, struct sn_check *k)
{
    struct collective_case *s = c->state;
    return sn_rehearsal_verify(&s->rehearsal, k);
}

/* When each die comes, and when the first and the last. NULL: all at once. */
static int64_t *make_arrivals(const struct sn_case *c, int64_t *first, int64_t *last)
{
    struct sn_arrival skew;
    unsigned n = dies_of(c);
    *first = *last = 0;
    if (!skewed(c, &skew))
        return NULL;
    int64_t *arrive = sn_calloc(n, sizeof *arrive);
    for (unsigned i = 0; i < n; i++) {
        arrive[i] = sn_ps(sn_arrival_delay_s(&skew, c->env->seed, c->rep, (int)i, (int)n));
        *first = i && *first < arrive[i] ? *first : arrive[i];
        *last = *last > arrive[i] ? *last : arrive[i];
    }
    return arrive;
}

int sn_collective_case_predict(struct sn_case *c, struct sn_timeline *t)
{
    struct collective_case *s = c->state;
    unsigned n = dies_of(c);
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    const struct sn_profile *p;
    struct sn_net *net;
    int status = sn_modelled_net(c, n, &p, &net);
    if (status != SN_OK)
        return status;
    struct sn_modelled_run r = {.n = sn_collective_count(s->a, n),
                                .overhead_ps = sn_modelled_issue_ps(p)};
    int64_t last;
    int64_t *arrive = make_arrivals(c, &r.start_ps, &last);
    uint32_t *orders;
    status = make_orders(c, s->a, &orders);
    if (status != SN_OK) {
        free(arrive);
        return status;
    }
    r.msgs = sn_calloc(r.n, sizeof *r.msgs);
    sn_collective_build(s->a, n, size, orders, arrive, r.msgs);
    sn_model_validity(c, p, t);
    sn_model_cost(&p->cost.issue, t);
    status = sn_modelled_time(net, p, &r, t);
    if (status == SN_OK && arrive && s->n_skew_free < DRAWS)
        s->skew_free_s[s->n_skew_free++] = t->s - sn_ps_seconds(last - r.start_ps);
    free(r.msgs);
    free(orders);
    free(arrive);
    return status;
}

void sn_collective_case_metrics(const struct sn_case *c, const struct sn_metric_doc *docs,
                                struct sn_row *row)
{
    const struct collective_case *s = c->state;
    unsigned n = dies_of(c);
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    struct sn_traffic t = sn_traffic_uniform(size, n);
    t.moved = sn_rehearsal_blocks(s->a, n) * size;
    sn_traffic_metrics(&t, n, docs, row);
    if (s->n_skew_free) {
        double median, lo, hi;
        sn_stats_median_ci(s->skew_free_s, s->n_skew_free, 0.95, &median, &lo, &hi);
        sn_row_add_metric(row, docs, "skew_free_s", median);
    }
}

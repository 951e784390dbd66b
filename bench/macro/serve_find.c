#include "bench/macro/serve_find.h"

#include <math.h>
#include <stdlib.h>

#include "harness/base/status.h"

static const double most_factor = 1 << 20, least_factor = 1.0 / (1 << 20), precision = 1.01;
/* Arrivals are not spread over more than this: the engine's clock has 53 days. */
static const double longest_s = 40 * 86400.0;

bool sn_serve_good(const struct sn_serve_result *r, const struct sn_serve_load *load, size_t i,
                   const struct sn_serve_slo *slo)
{
    const struct sn_serve_instants *x = &r->request[i];
    const uint32_t more = load->request[i].output - 1;
    if (x->rejected || sn_ps_seconds(x->first_ps - x->arrival_ps) > slo->ttft_s)
        return false;
    return !more || sn_ps_seconds(x->end_ps - x->first_ps) / more <= slo->tpot_s;
}

struct search {
    const struct sn_serve_load *load;
    const struct sn_serve_config *c;
    const struct sn_serve_slo *slo;
    void (*tick)(void *of);
    void *of;
    unsigned runs;
};

static int meets(struct search *s, double factor, bool *out)
{
    struct sn_serve_load load;
    struct sn_serve_result r;
    size_t good = 0;
    if (s->tick)
        s->tick(s->of);
    s->runs++;
    sn_serve_load_faster(&load, s->load, factor);
    int status = sn_serve_run(&r, &load, s->c);
    for (size_t i = 0; i < load.n && status == SN_OK; i++)
        good += sn_serve_good(&r, &load, i, s->slo);
    *out = (double)good >= s->slo->share * (double)load.n;
    sn_serve_result_free(&r);
    free(load.request);
    return status;
}

/* Doubles or halves from 1 on: *low holds, *high does not; one of them may be left as it was. */
static int bracket(struct search *s, double least, double *low, double *high)
{
    bool well;
    int status = meets(s, 1, &well);
    *(well ? low : high) = 1;
    if (well) {
        for (double f = 2; status == SN_OK && well && f <= most_factor; f *= 2) {
            status = meets(s, f, &well);
            *(well ? low : high) = f;
        }
        return status;
    }
    for (double f = 0.5; status == SN_OK && !well && f >= least; f /= 2) {
        status = meets(s, f, &well);
        *(well ? low : high) = f;
    }
    return status;
}

int sn_serve_find_rate(const struct sn_serve_load *load, const struct sn_serve_config *c,
                       const struct sn_serve_slo *slo, void (*tick)(void *of), void *of,
                       struct sn_serve_found *out)
{
    struct sn_serve_config quiet = *c;
    struct search s = {.load = load, .c = &quiet, .slo = slo, .tick = tick, .of = of};
    double low = 0, high = INFINITY;
    quiet.log = false;
    const double span = load->n ? sn_ps_seconds(load->request[load->n - 1].arrival_ps) : 0;
    int status = bracket(&s, fmax(least_factor, span / longest_s), &low, &high);
    while (status == SN_OK && low > 0 && isfinite(high) && high / low > precision) {
        const double middle = sqrt(low * high);
        bool well;
        status = meets(&s, middle, &well);
        *(well ? &low : &high) = middle;
    }
    *out = (struct sn_serve_found){.factor = low,
                                   .rate = low > 0 ? low * sn_serve_load_rate(load) : 0,
                                   .unbounded = !isfinite(high),
                                   .runs = s.runs};
    return status;
}

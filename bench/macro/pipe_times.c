/* A roofline in place of the modelled steps: weights and cache once from memory, multiplications at
 * the int8 peak, attention at that of bf16, no communication, no launch, no efficiency below 1. So
 * every time is a lower bound of the device's. To be replaced by the steps of the macro model. */
#include "bench/macro/pipe_times.h"

#include <math.h>
#include <stdlib.h>

#include "bench/device.h"
#include "bench/llm.h"
#include "bench/macro/serve_case.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

struct times {
    double prefill_dies, decode_dies, queries;
    double int8, bf16, memory; /* of a die */
    double weights;            /* bytes of a decode die */
    double token_ops;          /* 2 x parameters that work on a token */
    double pair_ops;           /* of a token that sees another, all layers, prefill */
    double latent_ops;         /* the same, decode */
    double token_bytes;        /* of the cache */
};

/* Sums from the step's beginning: tokens and pairs of tokens over all dies of an instance. */
static double prefill_s(void *of, const uint32_t *fresh, const uint32_t *cached, size_t n)
{
    const struct times *t = of;
    double tokens = 0, pairs = 0;
    for (size_t i = 0; i < n; i++) {
        tokens += fresh[i];
        pairs += fresh[i] * (cached[i] + (fresh[i] + 1) / 2.0);
    }
    return (tokens * t->token_ops / t->int8 + pairs * t->pair_ops / t->bf16) / t->prefill_dies;
}

static double decode_step_s(void *of, double requests, double ctx)
{
    const struct times *t = of;
    const double n = requests / t->decode_dies; /* of a die */
    const double move = t->weights / t->memory + n * ctx * t->token_bytes / t->memory;
    const double compute =
        n * t->queries * (t->token_ops / t->int8 + ctx * t->latent_ops / t->bf16);
    return fmax(move, compute);
}

int sn_pipe_times_open(const struct sn_case *c, struct sn_serve_times *out)
{
    struct sn_llm m;
    const struct sn_device *d;
    int status = sn_device_of_case(c, &d);
    if (status == SN_OK)
        status = sn_llm_open(&m, sn_case_text(c, "model"));
    if (status != SN_OK)
        return status;
    const double mtp = (double)sn_case_int(c, "mtp"), accept = sn_case_real(c, "accept");
    struct times *t = sn_calloc(1, sizeof *t);
    *t = (struct times){.prefill_dies = (double)sn_case_int(c, "prefill_dies"),
                        .decode_dies = (double)sn_case_int(c, "decode_dies"),
                        .queries = 1 + mtp,
                        .int8 = sn_figure_or(&d->peak[SN_PEAK_INT8], NAN),
                        .memory = sn_figure_or(&d->memory, NAN)};
    t->bf16 = sn_figure_or(&d->peak[SN_PEAK_BF16], t->int8);
    t->weights = sn_serve_weight_bytes(&m, (unsigned)t->decode_dies);
    const double moe = m.layers - m.dense_layers, expert = 3.0 * m.hidden * m.intermediate;
    /* Of a token: everything but the experts and the embedding, and top_k experts. */
    const double rest = sn_serve_weight_bytes(&m, UINT32_MAX) - (double)m.hidden * m.vocabulary;
    t->token_ops = 2 * (rest + moe * m.top_k * expert);
    t->pair_ops = 2.0 * m.layers * m.heads * (m.nope + m.rope + m.v);
    t->latent_ops = 2.0 * m.layers * m.heads * (2 * m.latent + m.rope);
    t->token_bytes = 2.0 * m.layers * (m.latent + m.rope);
    *out = (struct sn_serve_times){
        .of = t, .decode_step_s = decode_step_s, .prefill_s = prefill_s, .tokens_per_step = 1};
    for (unsigned i = 1; i <= mtp; i++)
        out->tokens_per_step += pow(accept, i);
    sn_llm_close(&m);
    if (isfinite(t->int8) && isfinite(t->memory))
        return SN_OK;
    sn_pipe_times_close(out);
    return SN_FAIL(SN_EINVAL,
                   "device %s has no int8 peak or no bandwidth of memory: no step has a "
                   "time on it",
                   d->name);
}

void sn_pipe_times_close(struct sn_serve_times *t)
{
    free(t->of);
    *t = (struct sn_serve_times){0};
}

#include "bench/macro/native_shape.h"

#include "comm/transport.h"
#include "harness/base/cpu.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum { STREAM_TOKEN = 0x6e740001, STREAM_DRAFT = 0x6e740002 };

int sn_native_shape_open(const struct sn_case *c, bool prefill, struct sn_native_shape *s)
{
    *s = (struct sn_native_shape){.prefill = prefill,
                                  .dies = (unsigned)sn_case_int(c, "ep"),
                                  .requests = (unsigned)sn_case_int(c, "requests"),
                                  .steps = 1,
                                  .microbatches = (unsigned)sn_case_int(c, "microbatch"),
                                  .threads = (unsigned)sn_case_int(c, "threads"),
                                  .accept = 1,
                                  .seed = c->env->seed,
                                  .isa = c->env->isa};
    s->context = (unsigned)sn_case_int(c, prefill ? "prompt" : "kv");
    s->queries = s->context;
    if (!prefill) {
        s->steps = (unsigned)sn_case_int(c, "steps");
        s->queries = 1 + (unsigned)sn_case_int(c, "mtp");
        s->accept = sn_case_real(c, "accept");
    }
    return sn_llm_open(&s->model, sn_case_text(c, "model"));
}

void sn_native_shape_close(struct sn_native_shape *s)
{
    sn_llm_close(&s->model);
}

unsigned sn_native_first(const struct sn_native_shape *s, unsigned die)
{
    return (unsigned)((uint64_t)s->requests * die / s->dies);
}

unsigned sn_native_part(const struct sn_native_shape *s, unsigned n, unsigned mb)
{
    return (n * mb + s->microbatches - 1) / s->microbatches;
}

unsigned sn_native_part_max(const struct sn_native_shape *s)
{
    unsigned most = (s->requests + s->dies - 1) / s->dies;
    return sn_native_part(s, most, 1);
}

size_t sn_native_tokens_max(const struct sn_native_shape *s)
{
    return (size_t)sn_native_part_max(s) * s->queries;
}

unsigned sn_native_new_max(const struct sn_native_shape *s)
{
    return s->prefill ? 1 : s->steps * s->queries;
}

size_t sn_native_room(const struct sn_native_shape *s)
{
    return s->context + (s->prefill ? 0 : (size_t)s->steps * s->queries);
}

struct sn_moe_shape sn_native_moe_shape(const struct sn_native_shape *s)
{
    return (struct sn_moe_shape){.dies = s->dies,
                                 .tokens = (unsigned)sn_native_tokens_max(s),
                                 .hidden = s->model.hidden,
                                 .experts = s->model.routed,
                                 .topk = s->model.top_k,
                                 .dtype = SN_DTYPE_INT8};
}

uint32_t sn_native_token(const struct sn_native_shape *s, unsigned request, unsigned position)
{
    return (uint32_t)(sn_rng_at(s->seed ^ STREAM_TOKEN, request, position) % s->model.vocabulary);
}

uint32_t sn_native_draft(const struct sn_native_shape *s, unsigned request, unsigned position,
                         uint32_t right)
{
    struct sn_rng r = sn_rng_make(sn_rng_at(s->seed ^ STREAM_DRAFT, request, position), 0);
    uint32_t words = s->model.vocabulary;
    if (sn_rng_uniform(&r) < s->accept || words == 1)
        return right;
    return (uint32_t)((right + 1 + sn_rng_below(&r, words - 1)) % words);
}

/* --- can it run? ------------------------------------------------------------------------------ */

int sn_native_endpoints(const struct sn_case *c, struct sn_endpoints *e)
{
    return sn_endpoints_open(e, (unsigned)sn_case_int(c, "ep"), c->env->world->size,
                             (unsigned)sn_case_int(c, "node"), c->env->map_file);
}

/* NULL where the map cannot be read: `inputs` will say. */
static const char *refuse_map(const struct sn_case *c)
{
    struct sn_endpoints e;
    const char *why = NULL;
    if (sn_native_endpoints(c, &e) != SN_OK)
        return NULL;
    for (int r = 0; r < e.ranks; r++)
        if (sn_endpoints_count(&e, r) != 1)
            why = "on the wall clock every rank is one die: --map must give each rank one";
    sn_endpoints_close(&e);
    return why;
}

static const char *refuse_model(const struct sn_native_shape *s)
{
    const struct sn_llm *m = &s->model;
    struct sn_moe_shape moe = sn_native_moe_shape(s);
    if (!m->q_rank)
        return "the model does not compress its queries: mla-prolog computes no others";
    if (m->dense_layers == m->layers)
        return "the model has no layer with experts";
    if (sn_native_room(s) > 1u << 20)
        return "more than 1,048,576 tokens of a request in the cache";
    if (sn_native_tokens_max(s) > 1u << 20)
        return "more than 1,048,576 tokens of a die and microbatch";
    return sn_moe_unsupported(&moe);
}

static const char *refuse_algorithm(const struct sn_case *c, const struct sn_native_shape *s)
{
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    struct sn_moe_shape moe = sn_native_moe_shape(s);
    if (a->transport && sn_transports[sn_case_word(c, "transport")]->mapped &&
        c->env->world->hosts > 1)
        return "this transport needs all ranks on one host";
    return a->unsupported ? a->unsupported(&moe, (unsigned)sn_case_int(c, "node"), 1) : NULL;
}

const char *sn_native_shape_unsupported(const struct sn_case *c, bool prefill)
{
    struct sn_native_shape s;
    if (sn_case_int(c, "ep") != c->env->world->size)
        return "on the wall clock every rank is one die: ep must be the number of ranks";
    if ((unsigned)sn_case_int(c, "threads") > sn_cpu_count())
        return "needs more cores than this process may use: a thread each";
    if (sn_native_shape_open(c, prefill, &s) != SN_OK)
        return NULL;
    const char *why = refuse_map(c);
    if (!why)
        why = refuse_model(&s);
    if (!why)
        why = refuse_algorithm(c, &s);
    sn_native_shape_close(&s);
    return why;
}

/* Weights as they are and packed (of which the most takes two bytes a weight), those of the
 * reference on rank 0, the cache, activations, the exchange. */
uint64_t sn_native_shape_memory(const struct sn_case *c, bool prefill)
{
    struct sn_native_shape s;
    if (sn_native_shape_open(c, prefill, &s) != SN_OK)
        return 0;
    const struct sn_llm *m = &s.model;
    struct sn_moe_shape moe = sn_native_moe_shape(&s);
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    uint64_t h = m->hidden, qk = m->nope + m->rope, d = m->latent + m->rope,
             values = (uint64_t)m->heads * m->v, t = sn_native_tokens_max(&s),
             attention = m->q_rank * (h + m->heads * qk) + d * h +
                         (uint64_t)m->heads * m->latent * (3 * m->nope + m->v) + values * h,
             expert = 3 * h * m->intermediate, here = (m->routed + s.dies - 1) / s.dies,
             moe_layers = m->layers - m->dense_layers, dense = 3 * h * m->dense_intermediate,
             words = 3 * h * m->vocabulary, of_token = 24 * h + 8 * m->heads * (2 * qk + 2 * d);
    uint64_t own = m->layers * attention + m->dense_layers * dense +
                   moe_layers * (here + m->shared) * expert + words;
    uint64_t all = own + moe_layers * m->routed * expert;
    uint64_t cache =
        (uint64_t)s.requests * m->layers * (sn_native_room(&s) + SN_NATIVE_PAGE) * d * 2;
    uint64_t copies = sn_moe_in_max(&moe);
    uint64_t sum = 2 * own + 2 * all + 2 * cache + t * (of_token + 4ull * m->vocabulary) +
                   copies * (8 * h + 24ull * m->intermediate) + sn_moe_memory(&moe, 1) +
                   a->memory(&moe, (unsigned)sn_case_int(c, "node"), 1,
                             sn_transports[sn_case_word(c, "transport")]);
    sn_native_shape_close(&s);
    return sum;
}

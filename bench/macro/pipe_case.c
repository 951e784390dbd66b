/* From a case's axes to a step: bench/macro/pipe_case.h. */
#include "bench/macro/pipe_case.h"

#include <stdlib.h>
#include <string.h>

#include "bench/macro/lengths.h"
#include "bench/macro/pipe_defaults.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { AUTO_MAX = 65535 };

const char *const sn_pipe_dtype_words[] = {
    [SN_DTYPE_BF16] = "bf16", [SN_DTYPE_INT8] = "int8", NULL};
enum { BALANCE_OFF, BALANCE_ON, BALANCE_AUTO };
const char *const sn_pipe_balance_words[] = {
    [BALANCE_OFF] = "off", [BALANCE_ON] = "on", [BALANCE_AUTO] = "auto", NULL};
const char *const sn_pipe_detail_words[] = {"off", "on", NULL};
const char *const sn_pipe_attention_words[] = {"own", "spread", NULL};

int sn_pipe_auto_check(const char *term)
{
    int64_t x;
    if (!strcmp(term, "auto"))
        return SN_OK;
    if (sn_units_parse_int(term, SN_UNIT_COUNT, &x) == SN_OK && x >= 0 && x <= AUTO_MAX)
        return SN_OK;
    return SN_FAIL(SN_EINVAL, "'%.64s' is neither auto nor a number from 0 to %d", term, AUTO_MAX);
}

int sn_pipe_routing_check(const char *term)
{
    return strcmp(term, "auto") ? sn_routing_check(term) : SN_OK;
}

static unsigned number_or(const struct sn_case *c, const char *axis, unsigned otherwise)
{
    int64_t x;
    const char *text = sn_case_text(c, axis);
    if (!strcmp(text, "auto") || sn_units_parse_int(text, SN_UNIT_COUNT, &x) != SN_OK)
        return otherwise;
    return (unsigned)x;
}

static void close_model(void *m)
{
    sn_llm_close(m);
    free(m);
}

int sn_pipe_model(const struct sn_case *c, const struct sn_llm **out)
{
    char *key = sn_strdupf("llm %s", sn_case_text(c, "model"));
    struct sn_llm *m = sn_model_memo(c, key);
    int status = SN_OK;
    if (!m) {
        m = sn_calloc(1, sizeof *m);
        status = sn_llm_open(m, sn_case_text(c, "model"));
        if (status == SN_OK)
            sn_model_memo_set(c, key, m, close_model);
        else
            free(m);
    }
    if (status == SN_OK)
        *out = m;
    free(key);
    return status;
}

static int read_pool(const struct sn_case *c, struct sn_pipe *p)
{
    struct sn_profile pool;
    int status = sn_profile_open(&pool, sn_case_text(c, "pool"));
    if (status != SN_OK)
        return status;
    status = sn_pipe_pool(p, &pool);
    sn_profile_close(&pool);
    return status;
}

static void of_decode(const struct sn_case *c, struct sn_pipe *p)
{
    p->requests = (unsigned)sn_case_int(c, "batch") / 2;
    p->queries = 1 + (unsigned)sn_case_int(c, "mtp");
    p->ctx = (unsigned)sn_case_int(c, "kv");
}

static int of_prefill(const struct sn_case *c, struct sn_pipe *p)
{
    double reuse = sn_case_real(c, "reuse");
    p->ctx = (unsigned)sn_case_int(c, "prompt");
    p->requests = (unsigned)(sn_case_int(c, "tokens") / 2 / p->ctx);
    p->queries = 1;
    p->spread = sn_case_word(c, "attention") == 1;
    struct sn_lengths_load load =
        sn_lengths_draw((enum sn_lengths)sn_case_word(c, "lengths"), p->dies, p->requests,
                        p->spread, p->seed, p->draw);
    p->longest = load.longest;
    p->pairs = load.pairs;
    /* Whole blocks are found in the cache. */
    p->cached = (unsigned)(reuse * p->ctx / SN_PIPE_BLOCK_TOKENS) * SN_PIPE_BLOCK_TOKENS;
    p->kept = p->cached;
    return p->cached ? read_pool(c, p) : SN_OK;
}

/* The axis's word; that of `auto` lives as long as the run. */
static const char *routing_of(const struct sn_case *c, const struct sn_pipe *p)
{
    char text[SN_PIPE_ROUTING_TEXT];
    if (strcmp(sn_case_text(c, "routing"), "auto") != 0)
        return sn_case_text(c, "routing");
    sn_pipe_routing(p, text);
    char *key = sn_strdupf("routing text %s", text), *known = sn_model_memo(c, key);
    if (!known) {
        known = sn_strdup(text);
        sn_model_memo_set(c, key, known, free);
    }
    free(key);
    return known;
}

int sn_pipe_of_case(const struct sn_case *c, bool prefill, struct sn_pipe *p)
{
    unsigned balance = sn_case_word(c, "eplb");
    *p = (struct sn_pipe){.prefill = prefill,
                          .degrade = sn_case_text(c, "degrade"),
                          .algorithm = sn_moe_algorithms[sn_case_word(c, "algorithm")],
                          .sync = (enum sn_moe_sync)sn_case_word(c, "sync"),
                          .dtype = (enum sn_dtype)sn_case_word(c, "dtype"),
                          .seed = c->env->seed,
                          .draw = c->rep,
                          .dies = (unsigned)sn_case_int(c, "ep"),
                          .microbatches = (unsigned)sn_case_int(c, "microbatch"),
                          .balance = balance == BALANCE_AUTO ? !prefill : balance == BALANCE_ON};
    int status = sn_pipe_model(c, &p->llm);
    status = status ? status : sn_device_of_case(c, &p->device);
    status = status ? status : sn_model_profile(c, &p->profile);
    if (status != SN_OK)
        return status;
    p->routing = routing_of(c, p);
    if (prefill)
        status = of_prefill(c, p);
    else
        of_decode(c, p);
    p->shared_dies = number_or(c, "shared", sn_pipe_shared_dies(p));
    if (p->shared_dies < p->dies)
        p->redundant = number_or(c, "redundant", sn_pipe_redundant(p));
    if (p->requests && p->microbatches > p->requests)
        p->microbatches = p->requests;
    return status;
}

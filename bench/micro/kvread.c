/* kvread: reads of KV-cache blocks from a pool over the memory of all nodes.
 *
 * Wall clock: every rank has a part of the pool in its segment; readers get blocks one after
 * another, each into a place of its own, as a server fills its paged cache. By default
 * 16 MiB out of a pool of 32 MiB a rank, past the private caches. Model clock: the same pool in the
 * memory of a machine's CPU sockets or dies, read by many dies at once over one of its planes;
 * or a whole trace of requests in virtual time, with what it finds, reads and writes. */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kvread.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { DRAWS = 5, DRAWS_WITH_DISPATCH = 3, LEAST_BLOCK = SN_KV_LEAST_BYTES };

static const char *const placement_words[] = {[SN_KVREAD_LOCAL] = "local",
                                              [SN_KVREAD_NODE] = "node",
                                              [SN_KVREAD_REMOTE] = "remote",
                                              [SN_KVREAD_ANY] = "any",
                                              NULL};
static const char *const memory_words[] = {[SN_KVREAD_CPU] = "cpu", [SN_KVREAD_DIE] = "die", NULL};
static const char *const with_words[] = {
    [SN_KVREAD_ALONE] = "alone", [SN_KVREAD_WITH_DISPATCH] = "dispatch", NULL};

static const struct sn_axis axes[] = {
    {.name = "block",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "128K",
     .model_def = "0",
     .min = 0,
     .max = (double)(8ull << 30),
     .help = "bytes of a block; 0: what `tokens` tokens in `dtype` take"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "512",
     .min = 1,
     .max = 1 << 20,
     .help = "tokens of a block with block=0: 61 layers x 576 values each (MLA)"},
    {.name = "dtype",
     .type = SN_AXIS_WORD,
     .def = "bf16",
     .words = sn_kv_type_words,
     .help = "of these values: bf16 (70,272 B a token) or int8"},
    {.name = "outstanding",
     .type = SN_AXIS_INT,
     .def = "1",
     .model_def = "8",
     .min = 1,
     .max = 65536,
     .help = "reads of a request in flight; on the wall clock 1: a get returns when it is done"},
    {.name = "pattern",
     .type = SN_AXIS_TEXT,
     .def = "uniform",
     .check = sn_kvread_pattern_check,
     .help = "blocks that are read: uniform, zipf(S), trace(FILE)"},
    {.name = "placement",
     .type = SN_AXIS_WORD,
     .def = "node",
     .model_def = "any",
     .words = placement_words,
     .help = "read blocks in the reader's own memory, in another of its node, on another node, or "
             "wherever the pool put them"},
    {.name = "readers",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "32",
     .min = 1,
     .max = 65536,
     .help = "dies that read: the first ones"},
    {.name = "reads",
     .type = SN_AXIS_INT,
     .def = "128",
     .model_def = "64",
     .min = 1,
     .max = 1 << 20,
     .help = "blocks that each reader reads (a trace on the model clock has its own)"},
    {.name = "blocks",
     .type = SN_AXIS_INT,
     .def = "256",
     .model_def = "64",
     .min = 1,
     .max = 1 << 20,
     .help = "distinct blocks in the pool per member on average (a trace has its own)"},
    SN_TRANSPORT_AXIS,
    SN_MODEL_AXES,
    {.name = "plane",
     .type = SN_AXIS_WORD,
     .def = "ub",
     .words = sn_kvread_plane_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "of the machine NAME-ub: ub, or rdma and vpc by the profiles NAME-rdma and NAME-vpc"},
    {.name = "memory",
     .type = SN_AXIS_WORD,
     .def = "cpu",
     .words = memory_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "members of the pool: all CPU sockets, or all dies"},
    {.name = "dies",
     .type = SN_AXIS_INT,
     .def = "768",
     .min = 1,
     .max = 4096,
     .clocks = SN_CLOCK_MODEL,
     .help = "of the machine"},
    {.name = "capacity",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "0",
     .min = 0,
     .max = 1e15,
     .clocks = SN_CLOCK_MODEL,
     .help = "trace: bytes of each member, the least recently used block goes; 0: unbounded"},
    {.name = "speed",
     .type = SN_AXIS_REAL,
     .def = "1",
     .min = 1e-3,
     .max = 1e6,
     .clocks = SN_CLOCK_MODEL,
     .help = "trace: its requests come so many times as fast"},
    {.name = "pool_bandwidth",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_BYTES_PER_S,
     .def = "0",
     .min = 0,
     .max = 1e13,
     .clocks = SN_CLOCK_MODEL,
     .help = "what the pool's software reaches per reader; 0: what the plane's profile gives"},
    {.name = "block_latency",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_SECONDS,
     .def = "0",
     .min = 0,
     .max = 1,
     .clocks = SN_CLOCK_MODEL,
     .help = "of the pool's software before each block moves, beside the plane's own"},
    {.name = "with",
     .type = SN_AXIS_WORD,
     .def = "alone",
     .words = with_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "beside the reads: nothing, or layers of dispatch (128 tokens, top 8, 7680 B a copy) "
             "through the same ports"},
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 2,
     .max = 1024,
     .clocks = SN_CLOCK_MODEL,
     .help = "dies that dispatch: the first ones"},
    SN_KV_PAYLOAD_AXIS,
    {0},
};

static bool is_trace(const struct sn_case *c)
{
    return !strncmp(sn_case_text(c, "pattern"), "trace(", 6);
}

/* --- what can be asked ----------------------------------------------------------------------- */

/* A reader and a member between which the degradation lets nothing pass; NULL: there is none. The
 * text is of the run: the net that it comes from is not. */
static const char *cut_off(const struct sn_kvread *s, const struct sn_case *c)
{
    const enum sn_kvread_placement placement = sn_case_word(c, "placement");
    const unsigned dies = sn_net_dies(s->net), readers = (unsigned)sn_case_int(c, "readers");
    const bool cpu = sn_case_word(c, "memory") == SN_KVREAD_CPU;
    const unsigned first = cpu ? dies : 0, end = cpu ? sn_net_endpoints(s->net) : dies;
    const char *why = NULL;
    if (!strcmp(sn_case_text(c, "degrade"), "none"))
        return NULL;
    for (unsigned r = 0; r < readers && r < dies && !why; r++)
        for (unsigned m = first; m < end && !why; m++) {
            if (placement != SN_KVREAD_ANY &&
                sn_kv_distance(s->net, m, r) != (enum sn_kv_distance)placement)
                continue;
            why = sn_net_unreachable(s->net, m, r);
            if (!why && is_trace(c)) /* it also writes */
                why = sn_net_unreachable(s->net, r, m);
        }
    if (sn_case_word(c, "with") == SN_KVREAD_WITH_DISPATCH)
        for (unsigned i = 0; i < (unsigned)sn_case_int(c, "ep") && i < dies && !why; i++)
            for (unsigned j = 0; j < (unsigned)sn_case_int(c, "ep") && j < dies && !why; j++)
                why = sn_net_unreachable(s->net, i, j);
    if (!why)
        return NULL;
    char *key = sn_strdupf("kvread: %s", why), *kept = sn_model_memo(c, key);
    if (!kept)
        sn_model_memo_set(c, key, kept = sn_strdup(why), free);
    free(key);
    return kept;
}

static const char *model_unsupported(const struct sn_case *c)
{
    char name[512];
    struct sn_kvread s = {.env = c->env};
    const bool cpu = sn_case_word(c, "memory") == SN_KVREAD_CPU;
    const enum sn_kvread_placement placement = sn_case_word(c, "placement");
    if (!sn_kvread_plane_profile(c, name, sizeof name))
        return "the profile has no such plane: those of NAME-ub are NAME-ub, NAME-rdma, NAME-vpc";
    if (placement == SN_KVREAD_LOCAL && cpu)
        return "memory=cpu leaves nothing in a reader's own memory: placement=local needs "
               "memory=die";
    if (is_trace(c) && sn_case_word(c, "with") != SN_KVREAD_ALONE)
        return "with=dispatch needs a pattern: a trace takes an hour, a layer of dispatch 100 us";
    const char *why = NULL;
    if (sn_kvread_open_net(&s, c) != SN_OK)
        why = NULL; /* the hook `inputs` says what is wrong */
    else if (cpu && sn_net_endpoints(s.net) == sn_net_dies(s.net))
        why = "the profile has no CPU sockets: memory=die";
    else if (cpu && s.profile->paths[SN_PATH_CPU].port < 0)
        why = "the plane has no path to CPU memory: memory=die";
    else if (placement == SN_KVREAD_NODE && !cpu && s.profile->dies_per_node < 2)
        why = "a node has one die: nothing at placement=node";
    else if (placement == SN_KVREAD_REMOTE &&
             (unsigned)sn_case_int(c, "dies") <= s.profile->dies_per_node)
        why = "all dies are on one node: nothing at placement=remote";
    else
        why = cut_off(&s, c);
    sn_kvread_close_net(&s);
    return why;
}

static const char *wall_unsupported(const struct sn_case *c)
{
    const enum sn_kvread_placement placement = sn_case_word(c, "placement");
    const int size = c->env->world->size;
    if (sn_case_int(c, "outstanding") != 1)
        return "a transport's get returns when it is done: outstanding=1";
    if (placement == SN_KVREAD_NODE && size < 2)
        return "placement=node needs at least 2 ranks";
    if (placement == SN_KVREAD_REMOTE && size <= SN_DIES_PER_NODE)
        return "all endpoints are on one node: nothing at placement=remote";
    return sn_fabric_unsupported(c);
}

static const char *unsupported(const struct sn_case *c)
{
    if (is_trace(c) && sn_case_word(c, "placement") != SN_KVREAD_ANY)
        return "a trace reads blocks where the pool put them: placement=any";
    if (is_trace(c) && !sn_case_int(c, "block") &&
        sn_case_int(c, "tokens") != SN_KVTRACE_BLOCK_TOKENS)
        return "the blocks of a trace hold 512 tokens: tokens=512, or block=BYTES";
    return sn_on_model(c) ? model_unsupported(c) : wall_unsupported(c);
}

static int check_counts(const struct sn_case *c)
{
    const long long readers = sn_case_int(c, "readers");
    if (!sn_on_model(c))
        return readers <= c->env->world->size
                   ? SN_OK
                   : SN_FAIL(SN_EINVAL, "readers=%lld: there are %d ranks, a reader each", readers,
                             c->env->world->size);
    const long long dies = sn_case_int(c, "dies"), ep = sn_case_int(c, "ep");
    if (readers > dies)
        return SN_FAIL(SN_EINVAL, "readers=%lld: the machine has dies=%lld", readers, dies);
    if (sn_case_word(c, "with") == SN_KVREAD_WITH_DISPATCH && ep > dies)
        return SN_FAIL(SN_EINVAL, "ep=%lld: the machine has dies=%lld", ep, dies);
    return SN_OK;
}

/* The trace, the plane's profile and the degradation, and what a block must be. */
static int inputs(const struct sn_case *c)
{
    struct sn_kvread s = {.env = c->env, .members = 1};
    struct sn_kvpool *pool;
    char name[512];
    int status = check_counts(c);
    if (status == SN_OK)
        status = sn_kvread_block_bytes(c, &s.block);
    if (status == SN_OK && s.block < LEAST_BLOCK)
        status = SN_FAIL(SN_EINVAL, "block=%llu: a block has at least %d bytes",
                         (unsigned long long)s.block, LEAST_BLOCK);
    if (status == SN_OK && is_trace(c)) {
        status = sn_kvread_pattern_parse(sn_case_text(c, "pattern"), &s.pattern);
        if (status == SN_OK)
            status = sn_kvtrace_open(&s.trace, s.pattern.file);
        if (status == SN_OK)
            status = sn_kvread_check_trace(&s, c);
        sn_kvtrace_close(&s.trace);
        sn_kvread_pattern_free(&s.pattern);
    }
    if (status != SN_OK || !sn_on_model(c))
        return status;
    status = sn_kvread_open_pool(&s, (uint64_t)sn_case_int(c, "capacity"), &pool);
    if (status != SN_OK) {
        sn_status_prefix("capacity=%s", sn_case_text(c, "capacity"));
        return status;
    }
    sn_kvpool_close(pool);
    if (sn_kvread_plane_profile(c, name, sizeof name))
        status = sn_kvread_open_net(&s, c);
    sn_kvread_close_net(&s);
    return status;
}

/* The pool's part of a rank (shares on the ring spread), what its readers have read, what is on its
 * way. */
static uint64_t memory(const struct sn_case *c)
{
    uint64_t bytes;
    const uint64_t reads = (uint64_t)sn_case_int(c, "reads");
    uint64_t blocks = (uint64_t)sn_case_int(c, "blocks");
    if (sn_kvread_block_bytes(c, &bytes) != SN_OK)
        return UINT64_MAX;
    if (sn_on_model(c)) { /* at most the limit of the payload, or its heads, unless all is asked */
        const uint64_t all = ((uint64_t)sn_case_int(c, "dies") * blocks +
                              (uint64_t)sn_case_int(c, "readers") * reads);
        const bool full = sn_case_word(c, "payload") == SN_KV_PAYLOAD_FULL;
        return 2 * all *
                   sn_kv_payload_bytes((enum sn_kv_payload)sn_case_word(c, "payload"), bytes,
                                       full ? 1 : all) +
               (256 << 20);
    }
    struct sn_kvread s = {0};
    if (is_trace(c) && sn_kvread_pattern_parse(sn_case_text(c, "pattern"), &s.pattern) == SN_OK &&
        sn_kvtrace_open(&s.trace, s.pattern.file) == SN_OK)
        blocks = s.trace.ids / (uint64_t)c->env->world->size + 1;
    sn_kvtrace_close(&s.trace);
    sn_kvread_pattern_free(&s.pattern);
    return (blocks + blocks / 2 + reads + 2) * bytes + (16 << 20);
}

/* The plane's, beside that of the machine. */
static bool other_profile(const struct sn_case *c, unsigned i, char *name, size_t size)
{
    return i == 0 && sn_kvread_plane_profile(c, name, size) &&
           strcmp(name, sn_case_text(c, "profile"));
}

static unsigned endpoints(const struct sn_case *c)
{
    return sn_on_model(c) ? (unsigned)sn_case_int(c, "dies") : (unsigned)c->env->world->size;
}

/* --- hooks ----------------------------------------------------------------------------------- */

static int setup(struct sn_case *c)
{
    struct sn_kvread *s = c->state = sn_calloc(1, sizeof *s);
    return sn_kvread_open(s, c);
}

static void teardown(struct sn_case *c)
{
    if (c->state)
        sn_kvread_close(c->state);
    free(c->state);
    c->state = NULL;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    return sn_kvread_verify(c->state, c, k);
}

/* Other blocks for every repetition, room for their times, and the roof beside them. */
static int prepare(struct sn_case *c)
{
    enum { LOGS_MOST = 4 << 20 }; /* blocks; more repetitions than that are not logged */
    struct sn_kvread *s = c->state;
    sn_kvread_draw(s, c->rep);
    const double roof_s = sn_kvread_measure_roof(s);
    s->logs = (size_t)s->readers * s->reads;
    if (s->logged == s->log_cap && s->logged * s->logs < LOGS_MOST) {
        s->log_cap = s->log_cap ? 2 * s->log_cap : 16;
        s->log_s = sn_realloc(s->log_s, s->log_cap * s->logs, sizeof *s->log_s);
        s->log_roof_s = sn_realloc(s->log_roof_s, s->log_cap, sizeof *s->log_roof_s);
    }
    if (s->logged < s->log_cap) {
        memset(s->log_s + s->logged * s->logs, 0, s->logs * sizeof *s->log_s);
        s->log_roof_s[s->logged] = roof_s;
    }
    return SN_OK;
}

static int run(struct sn_case *c)
{
    return sn_kvread_run(c->state);
}

static unsigned draws(const struct sn_case *c)
{
    const bool dispatch = sn_case_word(c, "with") == SN_KVREAD_WITH_DISPATCH;
    return is_trace(c) ? 1 : dispatch ? DRAWS_WITH_DISPATCH : DRAWS;
}

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    return sn_kvread_predict(c->state, c, t);
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    sn_kvread_row(c->state, c, row);
}

const struct sn_bench sn_bench_kvread = {
    .name = "kvread",
    .brief = "reads of KV-cache blocks from a pool over the memory of all nodes",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .timed =
        "wall clock: all readers read all their blocks, one get after another, each to a place "
        "of its own; other blocks in every repetition; a clock call a block; two-sided "
        "transports with one closing flag a reader and rank. T = last end minus first start "
        "over ranks. Model clock: from the first request until the last byte",
    .bytes = "logical: all blocks read (and of a trace on the model clock written); wire: between "
             "different memories; local: inside one. Wall clock: of the verification's draw",
    .limit = "wall clock: the bytes of the busiest rank copied once by one core out of a shared "
             "window: roof copy_shared, or copy_all where all ranks read, or the fastest of the "
             "straight copies between the repetitions, whichever is less time; model clock: the "
             "busiest port's bytes at its physical bandwidth, of a trace at least its last arrival",
    .metric_docs = sn_kvread_metric_docs,
    .unsupported = unsupported,
    .inputs = inputs,
    .other_profile = other_profile,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .draws = draws,
    .predict = predict,
    .prepare = prepare,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};

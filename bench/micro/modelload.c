/* modelload: a weight file to several serving instances, through the pool or from storage.
 *
 * An instance is a number of dies that share the file's blocks in turn (die i of n takes the blocks
 * i, i + n, ...). From storage every instance reads the whole file by itself, and all share what
 * the storage gives. Through the pool each block is read from storage once, into the CPU memory
 * that the ring names, and read from there over the fabric by the die of every instance that wants
 * it, as soon as it is there; warm: it is there already. What storage sends does not pass the
 * fabric's ports. Model clock only: this machine has no storage that is shared by nodes, and its
 * page cache is none. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kvread_move.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

enum from { POOL, WARM, STORAGE };
static const char *const from_words[] = {
    [POOL] = "pool", [WARM] = "warm", [STORAGE] = "storage", NULL};
enum { STREAM_BLOCKS = 0x6d6c6f61 };
#define MOVES_MOST (8ull << 20) /* blocks of all instances */

static const struct sn_axis axes[] = {
    {.name = "model_bytes",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "671g",
     .min = 64,
     .max = 1e14,
     .help = "of the weight file; 671 GB: 671e9 parameters in int8"},
    {.name = "block",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "64M",
     .min = 64,
     .max = (double)(8ull << 30),
     .help = "bytes that are read at a time"},
    {.name = "instances",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = 1024,
     .help = "that load the same file"},
    {.name = "instance_dies",
     .type = SN_AXIS_INT,
     .def = "32",
     .min = 1,
     .max = 1024,
     .help = "dies of an instance, each with its share of the blocks"},
    {.name = "from",
     .type = SN_AXIS_WORD,
     .def = "pool,storage",
     .words = from_words,
     .help = "through the pool, from a pool that has all, or straight from storage"},
    {.name = "storage_bandwidth",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_BYTES_PER_S,
     .def = "10GB/s",
     .min = 1e6,
     .max = 1e13,
     .help = "what the storage gives to all together; a parameter of yours, not of a profile"},
    {.name = "outstanding",
     .type = SN_AXIS_INT,
     .def = "4",
     .min = 1,
     .max = 65536,
     .help = "from=warm: reads of a die in flight"},
    {.name = "dies",
     .type = SN_AXIS_INT,
     .def = "768",
     .min = 1,
     .max = 4096,
     .clocks = SN_CLOCK_MODEL,
     .help = "of the machine; the pool is in all its CPU sockets"},
    SN_TRANSPORT_AXIS,
    SN_MODEL_AXES,
    SN_KV_PAYLOAD_AXIS,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"aggregate", "B/s", true, "instances * model_bytes / median"},
    {"over_storage", "1", true,
     "time straight from storage, instances * model_bytes / storage_bandwidth, / median"},
    {"storage_bytes", "B", false, "read from storage: model_bytes, once or per instance, or none"},
    {"fabric_bytes", "B", false, "read from the pool over the fabric"},
    {"block_latency", "s", false,
     "pool: mean time of a block from when it may be read until a die has it"},
    {0},
};

struct shape {
    enum from from;
    unsigned instances, instance_dies, readers; /* dies: instances * instance_dies */
    uint64_t bytes, block, blocks;
    double storage_bandwidth;
};

struct state {
    struct shape shape;
    uint64_t seed;
    struct sn_fabric fabric;
    struct sn_kvpool *pool; /* of the blocks' payload */
    struct sn_kv_mover mover;
    struct sn_net *net;
    unsigned members;
    uint32_t *member_at; /* (members) endpoints: behind the readers */
    void *own;           /* a block that arrived */
    double latency_s;    /* of the prediction */
};

static struct shape shape_of(const struct sn_case *c)
{
    struct shape s = {.from = (enum from)sn_case_word(c, "from"),
                      .instances = (unsigned)sn_case_int(c, "instances"),
                      .instance_dies = (unsigned)sn_case_int(c, "instance_dies"),
                      .bytes = (uint64_t)sn_case_int(c, "model_bytes"),
                      .block = (uint64_t)sn_case_int(c, "block"),
                      .storage_bandwidth = sn_case_real(c, "storage_bandwidth")};
    s.readers = s.instances * s.instance_dies;
    s.blocks = (s.bytes + s.block - 1) / s.block;
    return s;
}

/* The last block may be shorter. */
static uint64_t block_bytes(const struct shape *s, uint64_t b)
{
    return b + 1 < s->blocks ? s->block : s->bytes - b * s->block;
}

static unsigned reader_of(const struct shape *s, unsigned instance, uint64_t b)
{
    return instance * s->instance_dies + (unsigned)(b % s->instance_dies);
}

static const char *unsupported(const struct sn_case *c)
{
    const struct sn_profile *p;
    if (!sn_on_model(c))
        return "one machine has no storage that nodes share, its page cache is none: use "
               "--clock=model, and kvread for the pool's reads on the wall clock";
    if (sn_case_word(c, "from") == STORAGE || sn_model_profile(c, &p) != SN_OK)
        return NULL;
    return p->cpus_per_node && p->paths[SN_PATH_CPU].port >= 0
               ? NULL
               : "the profile has no path to CPU memory, where the pool is";
}

static int inputs(const struct sn_case *c)
{
    const struct shape s = shape_of(c);
    const long long dies = sn_case_int(c, "dies");
    if (!sn_on_model(c))
        return SN_OK;
    if (s.readers > dies)
        return SN_FAIL(SN_EINVAL, "instances=%u of %u dies each; the machine has dies=%lld",
                       s.instances, s.instance_dies, dies);
    if (s.blocks * s.instances > MOVES_MOST)
        return SN_FAIL(SN_EINVAL,
                       "%llu blocks to %u instances; at most %llu moves: block=%llu or more",
                       (unsigned long long)s.blocks, s.instances, MOVES_MOST,
                       (unsigned long long)(s.bytes / (MOVES_MOST / s.instances) + 1));
    return sn_model_inputs(c, (unsigned)dies);
}

static uint64_t payload_of(const struct sn_case *c, const struct shape *s)
{
    return sn_kv_payload_bytes((enum sn_kv_payload)sn_case_word(c, "payload"), s->block,
                               s->blocks * (s->instances + 1));
}

static uint64_t memory(const struct sn_case *c)
{
    const struct shape s = shape_of(c);
    return 4 * s.blocks * sn_mem_round_up(payload_of(c, &s), 64) + (256 << 20);
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "dies");
}

static uint64_t key_of(const struct state *s, uint64_t b)
{
    return sn_rng_at(s->seed, STREAM_BLOCKS, b);
}

/* Blocks on the member that has most. */
static uint64_t most_blocks(const struct state *s)
{
    uint64_t *n = sn_calloc(s->members, sizeof *n), most = 1;
    for (uint64_t b = 0; b < s->shape.blocks; b++) {
        uint64_t *x = &n[sn_kvpool_owner(s->pool, key_of(s, b))];
        most = ++*x > most ? *x : most;
    }
    free(n);
    return most;
}

/* From storage there is one member: the storage. */
static int open_pool(struct state *s, const struct sn_case *c, uint64_t payload, uint64_t *segment)
{
    int status = sn_model_net(c, (unsigned)sn_case_int(c, "dies"), NULL, &s->net);
    if (status != SN_OK)
        return status;
    s->members = s->shape.from == STORAGE ? 1 : sn_net_endpoints(s->net) - sn_net_dies(s->net);
    s->member_at = sn_calloc(s->members, sizeof *s->member_at);
    for (unsigned m = 0; m < s->members; m++)
        s->member_at[m] = s->shape.readers + m;
    status = sn_kv_pool_of_slots(&s->pool, s->members, c->env->seed, payload, 1);
    if (status != SN_OK)
        return status;
    const uint64_t slots = most_blocks(s);
    sn_kvpool_close(s->pool);
    s->pool = NULL;
    *segment = sn_kv_slots_bytes(payload, slots);
    return sn_kv_pool_of_slots(&s->pool, s->members, c->env->seed, payload, slots);
}

static int setup(struct sn_case *c)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    uint64_t segment = 0;
    s->shape = shape_of(c);
    s->seed = c->env->seed;
    const uint64_t payload = payload_of(c, &s->shape);
    int status = open_pool(s, c, payload, &segment);
    status = sn_world_agree(c->env->world, status);
    if (status == SN_OK)
        status = sn_fabric_open(&s->fabric, c, s->shape.readers + s->members, segment, 1);
    if (status == SN_OK)
        status = sn_kv_mover_open(&s->mover, &s->fabric, s->member_at, payload);
    return status == SN_OK ? sn_mem_alloc(&s->own, payload) : status;
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (!s)
        return;
    sn_fabric_close(&s->fabric);
    sn_kv_mover_close(&s->mover);
    if (s->pool)
        sn_kvpool_close(s->pool);
    if (s->net)
        sn_net_close(s->net);
    sn_mem_free(s->own);
    free(s->member_at);
    free(s);
    c->state = NULL;
}

/* Every block put into the pool once, at its member, then read by a die of every instance. */
static int verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    const struct shape *h = &s->shape;
    struct sn_kv_place place;
    int status = SN_OK;
    k->what = "every byte of every block at every instance with what key and generation give; "
              "bytes moved per tier with the places; the ranks' pools with each other";
    memset(s->mover.expected, 0, sizeof s->mover.expected);
    s->mover.mutated = false;
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_begin(&s->fabric);
    for (uint64_t b = 0; b < h->blocks; b++)
        sn_kvpool_remove(s->pool, key_of(s, b));
    for (uint64_t b = 0; b < h->blocks && status == SN_OK; b++) {
        sn_kvpool_insert(s->pool, key_of(s, b), 0, SN_KV_ANY, &place);
        status = sn_kv_mover_store(&s->mover, s->member_at[place.member], key_of(s, b), &place);
    }
    status = sn_kv_mover_settle(&s->mover, status);
    for (uint64_t b = 0; b < h->blocks && status == SN_OK; b++)
        for (unsigned i = 0; i < h->instances && status == SN_OK; i++) {
            const unsigned me = reader_of(h, i, b);
            sn_kvpool_find(s->pool, key_of(s, b), &place);
            if (sn_fabric_mine(&s->fabric, me))
                memset(s->own, 0, s->mover.bytes);
            status = sn_kv_mover_load(&s->mover, me, &place, s->own);
            if (status == SN_OK)
                sn_kv_mover_check(&s->mover, k, me, key_of(s, b), &place, s->own);
        }
    sn_fabric_barrier(&s->fabric);
    status = sn_fabric_agree(c->env, status);
    sn_fabric_count_check(&s->fabric, k, status, s->mover.expected);
    if (status == SN_OK)
        sn_kv_check_replicas(s->pool, &s->fabric, k);
    return status;
}

/* --- the model clock ------------------------------------------------------------------------- */

/* Storage shared fairly: all instances end together. */
static void predict_storage(const struct shape *h, struct sn_timeline *t)
{
    const double s = (double)h->instances * (double)h->bytes / h->storage_bandwidth;
    sn_timeline_part(t, "storage", s);
    sn_timeline_limit(t, s, "the file once per instance at the storage's bandwidth");
    snprintf(t->bottleneck, sizeof t->bottleneck, "storage");
}

/* msg (blocks, instances): reads of every block by all instances. Cold: as soon as storage has
 * delivered it. Warm: a die keeps `outstanding` in flight; its blocks are instance_dies apart. */
static size_t messages_of(const struct state *s, uint64_t outstanding, struct sn_msg *msg)
{
    const struct shape *h = &s->shape;
    const uint64_t apart = outstanding * h->instance_dies;
    size_t n = 0;
    for (uint64_t b = 0; b < h->blocks; b++) {
        const unsigned member = sn_kvpool_owner(s->pool, key_of(s, b));
        const uint64_t end = b * h->block + block_bytes(h, b);
        const bool waits = h->from == WARM && b >= apart;
        for (unsigned i = 0; i < h->instances; i++, n++)
            msg[n] = (struct sn_msg){
                .issue_ps = h->from == POOL ? sn_ps((double)end / h->storage_bandwidth) : 0,
                .bytes = block_bytes(h, b),
                .src = sn_net_dies(s->net) + member,
                .dst = reader_of(h, i, b),
                .after = waits ? (uint32_t)((b - apart) * h->instances + i) : SN_MSG_NONE,
                .flags = SN_MSG_READ};
    }
    return n;
}

/* Storage, then what it leaves of the fabric's time; of a warm pool the fabric alone. */
static void add_parts(const struct state *s, const struct sn_net_result *r, struct sn_timeline *t)
{
    const struct shape *h = &s->shape;
    const double end = sn_ps_seconds(r->end_ps), bound = fmin(end, sn_ps_seconds(r->bound_ps));
    if (h->from == WARM) {
        sn_timeline_part(t, "busiest port", bound);
        sn_timeline_part(t, "latency and waiting", end - bound);
        return;
    }
    const double storage = fmin(end, (double)h->bytes / h->storage_bandwidth);
    sn_timeline_part(t, "storage", storage);
    sn_timeline_part(t, "fabric after storage", end - storage);
    if (storage < bound)
        return;
    sn_timeline_limit(t, storage, "the file once at the storage's bandwidth");
    snprintf(t->bottleneck, sizeof t->bottleneck, "storage");
}

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct state *s = c->state;
    const struct sn_profile *p;
    struct sn_net_result r;
    if (s->shape.from == STORAGE) {
        predict_storage(&s->shape, t);
        return SN_OK;
    }
    int status = sn_model_profile(c, &p);
    if (status != SN_OK)
        return status;
    struct sn_msg *msg = sn_calloc(s->shape.blocks * s->shape.instances, sizeof *msg);
    const size_t n = messages_of(s, (uint64_t)sn_case_int(c, "outstanding"), msg);
    status = sn_net_run(s->net, msg, n, sn_ps(sn_figure_or(&p->cost.issue, 0)), &r);
    if (status == SN_OK) {
        sn_model_result(s->net, msg, &r, t);
        sn_model_validity(c, p, t);
        sn_model_cost(&p->cost.issue, t);
        add_parts(s, &r, t);
        double sum = 0;
        for (size_t i = 0; i < n; i++) {
            const int64_t since = msg[i].after == SN_MSG_NONE ? 0 : msg[msg[i].after].done_ps;
            sum += sn_ps_seconds(msg[i].done_ps - since - msg[i].issue_ps);
        }
        s->latency_s = sum / (double)n;
    }
    free(msg);
    return status;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct state *s = c->state;
    const struct shape *h = &s->shape;
    const double all = (double)h->instances * (double)h->bytes;
    const uint64_t fabric = h->from == STORAGE ? 0 : h->instances * h->bytes;
    const uint64_t storage = h->from == WARM   ? 0
                             : h->from == POOL ? h->bytes
                                               : h->instances * h->bytes;
    row->bytes.wire = row->bytes.logical = fabric + storage;
    sn_row_add_metric(row, docs, "aggregate", all / row->stats.median);
    sn_row_add_metric(row, docs, "over_storage", all / h->storage_bandwidth / row->stats.median);
    sn_row_add_metric(row, docs, "storage_bytes", (double)storage);
    sn_row_add_metric(row, docs, "fabric_bytes", (double)fabric);
    if (h->from != STORAGE)
        sn_row_add_metric(row, docs, "block_latency", s->latency_s);
}

const struct sn_bench sn_bench_modelload = {
    .name = "modelload",
    .brief = "a weight file to several instances, through the pool or straight from storage",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .timed =
        "model clock: from the first byte out of storage (warm: from the first read) until the "
        "last instance has all its blocks; storage shared fairly, each block read by every "
        "instance as soon as the pool has it",
    .bytes = "logical = wire: what storage gives and what instances read from the pool",
    .limit =
        "the later of: the storage's bytes at its bandwidth, the busiest port's at its physical "
        "bandwidth",
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .predict = predict,
    .metrics = metrics,
    .teardown = teardown,
};

/* What kvread reads from where: blocks, their places in a pool, readers, draws. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kvread.h"
#include "comm/kvindex.h"
#include "comm/kvslab.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

/* DeepSeek-R1: 61 layers of latents, 70,272 B a token in bf16. */
enum { LAYERS = 61 };
enum { STREAM_KEYS = 0x6b767231, STREAM_READS = 0x6b767232 };

int sn_kvread_block_bytes(const struct sn_case *c, uint64_t *bytes)
{
    *bytes = (uint64_t)sn_case_int(c, "block");
    if (*bytes)
        return SN_OK;
    const struct sn_kv_geometry g = {.tokens = (unsigned)sn_case_int(c, "tokens"),
                                     .layers = LAYERS,
                                     .values = SN_KV_MLA_VALUES,
                                     .type = (enum sn_kv_type)sn_case_word(c, "dtype")};
    return sn_kv_geometry_bytes(&g, bytes);
}

/* --- the model's side ------------------------------------------------------------------------ */

const char *const sn_kvread_plane_words[] = {
    [SN_KVREAD_UB] = "ub", [SN_KVREAD_RDMA] = "rdma", [SN_KVREAD_VPC] = "vpc", NULL};

bool sn_kvread_plane_name(const char *profile, enum sn_kvread_plane plane, char *name, size_t size)
{
    const size_t n = strlen(profile);
    const char *tail = n > 5 && !strcmp(profile + n - 5, ".yaml") ? ".yaml" : "";
    const size_t stem = n - strlen(tail);
    for (unsigned p = SN_KVREAD_UB; p <= SN_KVREAD_VPC; p++) {
        const size_t word = strlen(sn_kvread_plane_words[p]);
        if (stem <= word + 1 || profile[stem - word - 1] != '-' ||
            strncmp(profile + stem - word, sn_kvread_plane_words[p], word))
            continue;
        if (p != SN_KVREAD_UB && p != plane)
            return false;
        return snprintf(name, size, "%.*s%s%s", (int)(stem - word), profile,
                        sn_kvread_plane_words[plane], tail) < (int)size;
    }
    return plane == SN_KVREAD_UB && snprintf(name, size, "%s", profile) < (int)size;
}

bool sn_kvread_plane_profile(const struct sn_case *c, char *name, size_t size)
{
    return sn_kvread_plane_name(sn_case_text(c, "profile"),
                                (enum sn_kvread_plane)sn_case_word(c, "plane"), name, size);
}

static int base_profile(struct sn_kvread *s, const struct sn_case *c, const struct sn_profile **out)
{
    char name[512];
    if (!sn_kvread_plane_profile(c, name, sizeof name))
        return SN_FAIL(SN_EINVAL, "profile %s has no such plane", sn_case_text(c, "profile"));
    if (!strcmp(name, sn_case_text(c, "profile")))
        return sn_model_profile(c, out);
    *out = &s->file;
    return sn_profile_open(&s->file, name);
}

int sn_kvread_open_net(struct sn_kvread *s, const struct sn_case *c)
{
    const struct sn_profile *base;
    const double bandwidth = sn_case_real(c, "pool_bandwidth");
    int status = base_profile(s, c, &base);
    if (status != SN_OK)
        return status;
    s->plane = (struct sn_kv_plane){.effective_bandwidth = bandwidth > 0 ? bandwidth : INFINITY,
                                    .block_latency = sn_case_real(c, "block_latency")};
    s->profile = base;
    const struct sn_net_options o = {
        .degrade = sn_case_text(c, "degrade"), .spread = SN_NET_PROFILE, .seed = c->env->seed};
    return sn_net_open(&s->net, s->profile, (unsigned)sn_case_int(c, "dies"), &o);
}

void sn_kvread_close_net(struct sn_kvread *s)
{
    if (s->net)
        sn_net_close(s->net);
    if (s->file.name)
        sn_profile_close(&s->file);
    s->net = NULL;
    s->file = (struct sn_profile){0};
}

/* Members are all sockets, or all dies; readers the first dies. In the transport every die is an
 * endpoint, and behind the readers' every socket. */
static void place_on_model(struct sn_kvread *s, const struct sn_case *c)
{
    const bool cpu = sn_case_word(c, "memory") == SN_KVREAD_CPU;
    const unsigned dies = sn_net_dies(s->net);
    s->members = cpu ? sn_net_endpoints(s->net) - dies : dies;
    s->host = sn_calloc(s->members, sizeof *s->host);
    s->member_at = sn_calloc(s->members, sizeof *s->member_at);
    for (unsigned m = 0; m < s->members; m++) {
        s->host[m] = cpu ? dies + m : m;
        s->member_at[m] = cpu ? s->readers + m : m;
    }
}

enum sn_kv_distance sn_kvread_distance(const struct sn_kvread *s, unsigned reader, unsigned member)
{
    if (s->model)
        return sn_kv_distance(s->net, s->host[member], reader);
    const struct sn_endpoints *e = &s->fabric.endpoints;
    if (s->reader_at[reader] == s->member_at[member])
        return SN_KV_LOCAL;
    return sn_endpoints_node(e, s->reader_at[reader]) == sn_endpoints_node(e, s->member_at[member])
               ? SN_KV_NODE
               : SN_KV_REMOTE;
}

/* --- traces ---------------------------------------------------------------------------------- */

static bool any_reuse(const struct sn_kvtrace *t)
{
    struct sn_kvindex seen = {0};
    bool again = false;
    for (size_t i = 0; i < t->ids && !again; i++) {
        again = sn_kvindex_get(&seen, t->id[i]) != SN_KVINDEX_NONE;
        sn_kvindex_put(&seen, t->id[i], 0);
    }
    sn_kvindex_close(&seen);
    return again;
}

int sn_kvread_check_trace(const struct sn_kvread *s, const struct sn_case *c)
{
    /* Picoseconds in 64 bits are 106 days; sn_net_run() leaves half of them for waiting. */
    static const double most_days = 46, ms_of_day = 86400e3;
    const struct sn_kvtrace *t = &s->trace;
    if (!sn_on_model(c))
        return any_reuse(t)
                   ? SN_OK
                   : SN_FAIL(SN_EINVAL,
                             "%s: no block comes twice in %zu requests: nothing would be read from "
                             "the pool",
                             s->pattern.file, t->n);
    const double speed = sn_case_real(c, "speed");
    const double days =
        (double)(t->request[t->n - 1].time_ms - t->request[0].time_ms) / ms_of_day / speed;
    if (days < most_days)
        return SN_OK;
    return SN_FAIL(SN_EINVAL,
                   "%s: its requests come over %.4g days at speed=%g: the model clock holds %g; "
                   "right would be speed=%.0f",
                   s->pattern.file, days, speed, most_days, ceil(1.01 * speed * days / most_days));
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* The distinct ids of a trace, and the order in which blocks come again. */
static void blocks_of_trace(struct sn_kvread *s)
{
    struct sn_kvindex seen = {0};
    s->key = sn_calloc(s->trace.ids, sizeof *s->key);
    s->next = sn_calloc(s->trace.ids, sizeof *s->next);
    for (size_t i = 0; i < s->trace.ids; i++) {
        const uint32_t b = sn_kvindex_get(&seen, s->trace.id[i]);
        if (b != SN_KVINDEX_NONE) {
            s->next[s->nexts++] = b;
            continue;
        }
        sn_kvindex_put(&seen, s->trace.id[i], (uint32_t)s->blocks);
        s->key[s->blocks++] = s->trace.id[i];
    }
    sn_kvindex_close(&seen);
}

static void blocks_of_pattern(struct sn_kvread *s, const struct sn_case *c)
{
    s->blocks = (size_t)sn_case_int(c, "blocks") * s->members;
    s->key = sn_calloc(s->blocks, sizeof *s->key);
    for (size_t b = 0; b < s->blocks; b++)
        s->key[b] = sn_rng_at(s->env->seed, STREAM_KEYS, b);
    sn_kvread_popularity_open(&s->popularity, s->blocks, s->pattern.s);
}

int sn_kvread_open_pool(const struct sn_kvread *s, uint64_t capacity, struct sn_kvpool **out)
{
    const struct sn_kvpool_options o = {.members = s->members,
                                        .vnodes = SN_KV_VNODES,
                                        .seed = s->env->seed,
                                        .capacity = capacity,
                                        .class_bytes = &s->block,
                                        .classes = 1};
    return sn_kvpool_open(out, &o);
}

static void most_held(const struct sn_kvpool *p, unsigned members, uint64_t *slots)
{
    for (unsigned m = 0; m < members; m++) {
        uint64_t blocks, bytes;
        sn_kvpool_member(p, m, &blocks, &bytes);
        *slots = blocks > *slots ? blocks : *slots;
    }
}

/* Passes the operations through a pool of whole blocks, without memory: how many blocks a member
 * comes to hold, and the reuse that the replay with real blocks must find again. */
static int size_members(struct sn_kvread *s, const struct sn_case *c)
{
    struct sn_kvpool *p;
    const uint64_t capacity = s->trace_replay ? (uint64_t)sn_case_int(c, "capacity") : 0;
    int status = sn_kvread_open_pool(s, capacity, &p);
    if (status != SN_OK)
        return status;
    if (s->trace_replay) {
        struct sn_kv_replay r;
        struct sn_kv_step step;
        sn_kv_replay_open(&r, &s->trace, p, 0);
        while (sn_kv_replay_step(&r, &step))
            ;
        sn_kv_replay_close(&r);
    }
    for (size_t b = 0; b < s->blocks; b++)
        sn_kvpool_insert(p, s->key[b], 0, SN_KV_ANY, NULL);
    const struct sn_kvslab *memory = sn_kvpool_memory(p, 0);
    s->slots = 1;
    if (memory)
        s->slots = (uint64_t)memory->slabs * memory->slots[0];
    else
        most_held(p, s->members, &s->slots);
    sn_kvpool_stats(p, &s->reuse);
    sn_kvpool_close(p);
    return SN_OK;
}

/* --- a repetition ---------------------------------------------------------------------------- */

/* Blocks, most popular first, at the asked distance of a reader: list (blocks). */
static size_t candidates(const struct sn_kvread *s, unsigned reader, uint32_t *list)
{
    size_t n = 0;
    for (size_t b = 0; b < s->blocks; b++)
        if (s->placement == SN_KVREAD_ANY ||
            sn_kvread_distance(s, reader, sn_kvpool_owner(s->pool, s->key[b])) ==
                (enum sn_kv_distance)s->placement)
            list[n++] = (uint32_t)b;
    return n;
}

void sn_kvread_draw(struct sn_kvread *s, uint64_t rep)
{
    uint32_t *list = sn_calloc(s->blocks + 1, sizeof *list);
    for (unsigned r = 0; r < s->readers; r++) {
        const size_t n = s->nexts ? s->nexts : candidates(s, r, list);
        struct sn_rng rng =
            sn_rng_make(s->env->seed ^ sn_rng_mix64(rep), STREAM_READS + (uint64_t)r);
        for (unsigned i = 0; i < s->reads; i++) {
            const size_t at = (size_t)r * s->reads + i;
            /* Of a trace: all readers together go through it. */
            const uint32_t b = s->nexts ? s->next[((rep * s->reads + i) * s->readers + r) % n]
                                        : list[sn_kvread_popularity_draw(&s->popularity, n, &rng)];
            s->read_key[at] = s->key[b];
            sn_kvpool_find(s->pool, s->key[b], &s->place[at]);
        }
    }
    free(list);
}

/* Every reader needs something to read, every block a place. */
static int check_candidates(const struct sn_kvread *s)
{
    if (s->trace_replay || s->pattern.kind == SN_KVREAD_TRACE)
        return SN_OK;
    uint32_t *list = sn_calloc(s->blocks + 1, sizeof *list);
    int status = SN_OK;
    for (unsigned r = 0; r < s->readers && status == SN_OK; r++)
        if (!candidates(s, r, list))
            status = SN_FAIL(SN_EINVAL,
                             "reader %u finds none of the %zu blocks at the asked placement; more "
                             "blocks, or placement=any",
                             r, s->blocks);
    free(list);
    return status;
}

/* --- open and close -------------------------------------------------------------------------- */

static int open_buffers(struct sn_kvread *s)
{
    const size_t n = (size_t)s->readers * s->reads;
    s->place = sn_calloc(n, sizeof *s->place);
    s->read_key = sn_calloc(n, sizeof *s->read_key);
    s->own = sn_calloc(s->readers, sizeof *s->own);
    s->own_bytes = sn_kv_slots_bytes(s->payload, s->trace_replay ? 1 : s->reads);
    int status = sn_kv_mover_open(&s->mover, &s->fabric, s->member_at, s->payload);
    for (unsigned r = 0; r < s->readers && status == SN_OK; r++)
        if (sn_fabric_mine(&s->fabric, s->reader_at[r]))
            status = sn_mem_alloc((void **)&s->own[r], s->own_bytes);
    return status;
}

static int open_work(struct sn_kvread *s, const struct sn_case *c)
{
    int status = sn_kvread_block_bytes(c, &s->block);
    if (status == SN_OK)
        status = sn_kvread_pattern_parse(sn_case_text(c, "pattern"), &s->pattern);
    if (status == SN_OK && s->pattern.file)
        status = sn_kvtrace_open(&s->trace, s->pattern.file);
    if (status == SN_OK && s->model)
        status = sn_kvread_open_net(s, c);
    if (status != SN_OK)
        return status;
    s->trace_replay = s->model && s->pattern.file;
    s->reader_at = sn_calloc(s->readers, sizeof *s->reader_at);
    for (unsigned r = 0; r < s->readers; r++)
        s->reader_at[r] = r;
    if (s->model) {
        place_on_model(s, c);
    } else {
        s->members = (unsigned)c->env->world->size;
        s->member_at = sn_calloc(s->members, sizeof *s->member_at);
        for (unsigned m = 0; m < s->members; m++)
            s->member_at[m] = m;
    }
    if (s->pattern.file && !s->model)
        blocks_of_trace(s);
    else if (!s->pattern.file)
        blocks_of_pattern(s, c);
    status = size_members(s, c);
    s->payload = s->block;
    if (s->model)
        s->payload = sn_kv_payload_bytes(
            (enum sn_kv_payload)sn_case_word(c, "payload"), s->block,
            s->trace_replay ? s->trace.ids : s->blocks + (uint64_t)s->readers * s->reads);
    if (status == SN_OK)
        status = sn_kv_pool_of_slots(&s->pool, s->members, s->env->seed, s->payload, s->slots);
    return status;
}

int sn_kvread_open(struct sn_kvread *s, const struct sn_case *c)
{
    const struct sn_world *w = c->env->world;
    s->env = c->env;
    s->model = sn_on_model(c);
    s->readers = (unsigned)sn_case_int(c, "readers");
    s->reads = (unsigned)sn_case_int(c, "reads");
    s->outstanding = (unsigned)sn_case_int(c, "outstanding");
    s->placement = (enum sn_kvread_placement)sn_case_word(c, "placement");
    sn_kvread_figures_open(&s->figures, s->readers);
    int status = sn_world_agree(w, open_work(s, c));
    if (status != SN_OK)
        return status;
    unsigned endpoints = s->members;
    if (s->member_at[s->members - 1] >= endpoints)
        endpoints = s->member_at[s->members - 1] + 1;
    status = sn_fabric_open(&s->fabric, c, endpoints, sn_kv_slots_bytes(s->payload, s->slots),
                            s->model ? 1 : s->readers);
    if (status == SN_OK)
        status = open_buffers(s);
    if (status == SN_OK)
        status = check_candidates(s);
    return sn_world_agree(w, status);
}

void sn_kvread_close(struct sn_kvread *s)
{
    sn_fabric_close(&s->fabric);
    sn_kv_mover_close(&s->mover);
    for (unsigned r = 0; s->own && r < s->readers; r++)
        sn_mem_free(s->own[r]);
    if (s->pool)
        sn_kvpool_close(s->pool);
    sn_kvread_close_net(s);
    sn_kvread_popularity_close(&s->popularity);
    sn_kvtrace_close(&s->trace);
    sn_kvread_pattern_free(&s->pattern);
    sn_kvread_figures_close(&s->figures);
    free(s->own);
    free(s->place);
    free(s->read_key);
    free(s->log_s);
    free(s->log_roof_s);
    free(s->roof_s.x);
    free(s->host);
    free(s->reader_at);
    free(s->member_at);
    free(s->key);
    free(s->next);
}

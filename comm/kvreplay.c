/* Replay of a trace against a pool (comm/kvtrace.h). */
#include <stdlib.h>
#include <string.h>

#include "comm/kvtrace.h"
#include "harness/base/buf.h"

void sn_kv_replay_open(struct sn_kv_replay *r, const struct sn_kvtrace *t, struct sn_kvpool *p,
                       unsigned class)
{
    *r = (struct sn_kv_replay){.trace = t, .pool = p, .class = class};
    r->place = sn_calloc(t->most_blocks, sizeof *r->place);
}

void sn_kv_replay_close(struct sn_kv_replay *r)
{
    free(r->place);
    *r = (struct sn_kv_replay){0};
}

bool sn_kv_replay_step(struct sn_kv_replay *r, struct sn_kv_step *out)
{
    if (r->next == r->trace->n)
        return false;
    const struct sn_kvtrace_request *q = &r->trace->request[r->next];
    const uint64_t *key = r->trace->id + q->first;
    struct sn_kvpool_stats before, after;
    *out = (struct sn_kv_step){
        .request = r->next++, .blocks = q->blocks, .key = key, .place = r->place};
    sn_kvpool_stats(r->pool, &before);
    out->prefix = sn_kvpool_lookup(r->pool, key, q->blocks, r->place);
    /* Last to first, as the lookup: where a pool is too small for the request, its end goes first.
     * What was found is touched again, so that the request's order of use is one sequence. */
    for (size_t i = q->blocks; i-- > 0;) {
        out->found += r->place[i].member != SN_KV_ANY;
        out->inserted += sn_kvpool_insert(r->pool, key[i], r->class, SN_KV_ANY, NULL);
    }
    sn_kvpool_stats(r->pool, &after);
    out->evicted = after.evicted - before.evicted;
    return true;
}

/* Traces of requests and the cache blocks they use: reading and replay.
 *
 * JSONL, one object a line: {"timestamp": ms, "input_length": tokens, "output_length": tokens,
 * "hash_ids": [ids]}: one id for each block of the prompt; equal ids are the same prefix (Mooncake,
 * FAST 2025; 512 tokens a block). Ids are used as keys as they are. Reading: 3 MB and 12,031
 * requests take some 70 ms.
 */
#ifndef SN_COMM_KVTRACE_H
#define SN_COMM_KVTRACE_H

#include <stddef.h>
#include <stdint.h>

#include "comm/kvpool.h"

enum { SN_KVTRACE_BLOCK_TOKENS = 512 };

struct sn_kvtrace_request {
    uint64_t time_ms;       /* never falls */
    uint32_t input, output; /* tokens */
    uint32_t blocks;        /* of the prompt */
    size_t first;           /* of them in `id` */
};

struct sn_kvtrace {
    size_t n;
    struct sn_kvtrace_request *request; /* (n) */
    size_t ids;
    uint64_t *id;         /* (ids) of all requests, one after another */
    uint32_t most_blocks; /* of a request */
};

/* SN_EIO, or SN_EINVAL as "FILE:LINE: ...": no JSON, a missing or unknown key, a value that is no
 * integer of its range, a time that falls, an id twice in a request, a block count that
 * input_length does not give. Empty lines are passed over; no request at all is an error. Released
 * with sn_kvtrace_close(). */
int sn_kvtrace_open(struct sn_kvtrace *out, const char *path);
/* The same from memory; `path` stands for the file in messages. */
int sn_kvtrace_parse(struct sn_kvtrace *out, const char *text, size_t n, const char *path);
void sn_kvtrace_close(struct sn_kvtrace *t);

/* Replay: requests in order; each looks its blocks up and then puts in what was not found. */
struct sn_kv_replay {
    const struct sn_kvtrace *trace; /* borrowed */
    struct sn_kvpool *pool;         /* borrowed */
    unsigned class;                 /* of the pool, of every block */
    size_t next;                    /* request */
    struct sn_kv_place *place;      /* (most_blocks) owned */
};

struct sn_kv_step { /* one request */
    size_t request;
    size_t blocks, found, prefix; /* asked for; found; found in the leading run */
    size_t inserted;
    uint64_t evicted; /* blocks that had to go for them */
    /* (blocks) where each was before the insertions: what was found can be read from there (the
     * leading run is what a server uses). Member SN_KV_ANY: not found. Until the next step.
     * Where what was inserted is to be written: sn_kvpool_find() of its key. */
    const struct sn_kv_place *place;
    const uint64_t *key; /* (blocks) */
};

void sn_kv_replay_open(struct sn_kv_replay *r, const struct sn_kvtrace *t, struct sn_kvpool *p,
                       unsigned class);
void sn_kv_replay_close(struct sn_kv_replay *r);
/* Does the next request; false after the last. The pool's statistics count along. */
bool sn_kv_replay_step(struct sn_kv_replay *r, struct sn_kv_step *out);

#endif

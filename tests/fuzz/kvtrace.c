/* Fuzz target: traces of requests. What is accepted must replay soundly in a small pool: the first
 * byte of the data is its size. */
#include <stdint.h>
#include <stdlib.h>

#include "comm/kvtrace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const struct sn_kvtrace *t, uint64_t blocks)
{
    const uint64_t bytes[] = {64};
    const struct sn_kvpool_options o = {.members = 3,
                                        .vnodes = 4,
                                        .capacity = 64 * blocks,
                                        .slab_bytes = blocks ? 64 : 0,
                                        .class_bytes = bytes,
                                        .classes = 1};
    struct sn_kvpool *p;
    struct sn_kv_replay r;
    struct sn_kv_step s;
    if (sn_kvpool_open(&p, &o))
        abort();
    sn_kv_replay_open(&r, t, p, 0);
    for (size_t i = 0; sn_kv_replay_step(&r, &s); i++)
        if (s.request != i || s.prefix > s.found || s.found > s.blocks ||
            s.found + s.inserted < s.blocks)
            abort();
    if (sn_kvpool_check(p))
        abort();
    sn_kv_replay_close(&r);
    sn_kvpool_close(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sn_kvtrace t;
    if (size == 0 || sn_kvtrace_parse(&t, (const char *)data + 1, size - 1, "trace"))
        return 0;
    uint64_t time = 0;
    size_t ids = 0;
    for (size_t i = 0; i < t.n; i++) {
        if (t.request[i].time_ms < time || t.request[i].first != ids || t.request[i].blocks == 0)
            abort();
        time = t.request[i].time_ms;
        ids += t.request[i].blocks;
    }
    if (ids != t.ids)
        abort();
    replay(&t, data[0] % 8);
    sn_kvtrace_close(&t);
    return 0;
}

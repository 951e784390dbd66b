/* The operations of a step (bench/macro/operations.def): what the wall clock runs and the model
 * costs. An operation follows the one before it in its microbatch; microbatches depend on each
 * other only through streams and resources (bench/macro/schedule.h). */
#ifndef SN_BENCH_MACRO_OPERATION_H
#define SN_BENCH_MACRO_OPERATION_H

enum sn_operation {
#define SN_OPERATION(name, word, where, stream, brief) SN_OPERATION_##name,
#include "bench/macro/operations.def"
#undef SN_OPERATION
    SN_OPERATIONS
};

enum sn_where { SN_WHERE_BEGIN, SN_WHERE_LAYER, SN_WHERE_MOE, SN_WHERE_DENSE, SN_WHERE_END };

enum sn_pipe_stream { SN_STREAM_ATTENTION, SN_STREAM_EXPERTS, SN_PIPE_STREAMS };
extern const char *const sn_pipe_stream_words[]; /* "attention", "experts", NULL */

struct sn_operation_desc {
    const char *word, *brief;
    enum sn_where where;
    enum sn_pipe_stream stream;
};
extern const struct sn_operation_desc sn_operation_descs[SN_OPERATIONS];

#endif

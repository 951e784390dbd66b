/* The operations of a step: bench/macro/operation.h. */
#include "bench/macro/operation.h"

#include <stddef.h>

const char *const sn_pipe_stream_words[] = {
    [SN_STREAM_ATTENTION] = "attention", [SN_STREAM_EXPERTS] = "experts", NULL};

const struct sn_operation_desc sn_operation_descs[SN_OPERATIONS] = {
#define SN_OPERATION(name, word_, where_, stream_, brief_)                                         \
    [SN_OPERATION_##name] = {.word = (word_),                                                      \
                             .brief = (brief_),                                                    \
                             .where = SN_WHERE_##where_,                                           \
                             .stream = SN_STREAM_##stream_},
#include "bench/macro/operations.def"
#undef SN_OPERATION
};

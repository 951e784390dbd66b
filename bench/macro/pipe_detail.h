/* What a row may say of a step beside its times: two layers as spans, and how the step's time
 * answers to each figure of device and fabric. */
#ifndef SN_BENCH_MACRO_PIPE_DETAIL_H
#define SN_BENCH_MACRO_PIPE_DETAIL_H

#include "bench/macro/pipe.h"
#include "harness/row.h"

enum { SN_PIPE_FIGURES = 10 };

/* Relative change of the step with a figure 10 % smaller and 10 % larger, all else equal. */
struct sn_pipe_change {
    const char *name;
    double minus, plus;
};

/* Into change (SN_PIPE_FIGURES); *n of them: figures that the profiles give. Those of the fabric
 * route all layers again. */
int sn_pipe_sensitivity(const struct sn_pipe *p, const struct sn_pipe_step *s,
                        struct sn_pipe_change *change, size_t *n);

/* Two neighbouring layers with experts from the middle of the step: lanes are streams. */
struct sn_pipe_span {
    const char *lane;
    char name[24];
    double start_s, s;
};
/* Into *out (owned by the caller); returns how many. */
size_t sn_pipe_spans(const struct sn_pipe *p, const struct sn_pipe_step *s,
                     struct sn_pipe_span **out);

/* The whole step as a Chrome trace (chrome://tracing, Perfetto): an event per operation with layer
 * and microbatch, a row per stream, times in microseconds. SN_EIO. */
int sn_pipe_trace(const struct sn_pipe *p, const struct sn_pipe_step *s, const char *file);

#endif

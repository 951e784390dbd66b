/* From the instants of requests to the metrics of a row of `serve`: formulas in README.md. */
#ifndef SN_BENCH_MACRO_SERVE_FIGURES_H
#define SN_BENCH_MACRO_SERVE_FIGURES_H

#include "bench/macro/serve_case.h"
#include "bench/macro/serve_find.h"
#include "bench/micro/kvread.h"
#include "harness/row.h"

extern const struct sn_metric_doc sn_serve_metric_docs[];

/* All draws together. */
struct sn_serve_figures {
    struct sn_kvread_list ttft_s, tpot_s, itl_s, e2e_s; /* of requests; itl of emissions */
    double queue_s, lookup_s, read_s, compute_s, store_s,
        handover_s;         /* parts of TTFT, summed over requests */
    double span_s, offered; /* summed over draws; rates likewise */
    double prefill_busy_s, decode_busy_s, plane_busy_s[SN_SERVE_PLANES]; /* share x span, summed */
    double slot_s, decode_s, kv_peak;
    uint64_t requests, completed, rejected, good, tokens, decode_tokens, prompt_tokens;
    uint64_t blocks_asked, blocks_read, evicted, steps, batches;
    uint64_t bytes[SN_SERVE_PLANES];
    struct sn_kvread_list rate, factor; /* of find=rate, of each draw */
    unsigned draws;
    bool searched;
};

void sn_serve_figures_add(struct sn_serve_figures *f, const struct sn_serve_case *s,
                          const struct sn_serve_load *load, const struct sn_serve_result *r);
void sn_serve_figures_row(const struct sn_serve_figures *f, const struct sn_serve_case *s,
                          struct sn_row *row);
void sn_serve_figures_free(struct sn_serve_figures *f);

#endif

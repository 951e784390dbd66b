/* Which prefill die a decode die has its KV cache from. */
#ifndef SN_BENCH_MICRO_KVTRANSFER_H
#define SN_BENCH_MICRO_KVTRANSFER_H

/* The mapping of the serving system (arXiv 2506.12708, 4.3.3), which spreads the decode dies over
 * all prefill dies, each of which holds the whole latent cache of a prompt:
 *
 *     ratio = prefill_tp / decode_tp, group = decode_dp / ratio
 *     source = (dp_rank / group) decode_tp + tp_rank
 *
 * NULL, or why it does not work out for these degrees. */
const char *sn_kvtransfer_unmapped(unsigned prefill_tp, unsigned decode_tp, unsigned decode_dp);
unsigned sn_kvtransfer_source(unsigned prefill_tp, unsigned decode_tp, unsigned decode_dp,
                              unsigned dp_rank, unsigned tp_rank);

#endif

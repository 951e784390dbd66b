/* Which measured rows `snbench calibrate` works on, and what each says. */
#ifndef SN_BENCH_CALIBRATE_ROWS_H
#define SN_BENCH_CALIBRATE_ROWS_H

#include "bench/calibrate_fit.h"
#include "harness/row.h"

/* What moves the bytes of a row. */
enum sn_cal_kind { SN_CAL_PUT, SN_CAL_GET, SN_CAL_SEND, SN_CAL_KINDS };
extern const char *const sn_cal_kind_words[];

/* Is this a row that a fit may use at all: measured, ok, on the wall clock, not suspect? */
bool sn_cal_usable(const struct sn_row *r);

/* Texts and integers of a row's parameters; "" and -1 where it has none of that name. */
const char *sn_cal_text(const struct sn_row *r, const char *name);
long long sn_cal_int(const struct sn_row *r, const char *name);

/* Usable rows of one path: latency, bandwidth in one direction, msgrate of one pair; of one kind
 * and transport. *out is the caller's to free; returns their number. */
size_t sn_cal_path(const struct sn_rows *rows, enum sn_cal_kind kind, const char *transport,
                   struct sn_fit_row **out);

/* Usable rows that the fit of puts foretells but is not made of: both directions at once, incast
 * and alltoall by puts. */
size_t sn_cal_others(const struct sn_rows *rows, const char *transport, struct sn_fit_row **out);

/* Usable dispatch rows (phase dispatch, algorithm put) of the largest group that differs in tokens
 * alone; bytes = tokens. */
size_t sn_cal_dispatch(const struct sn_rows *rows, const char *transport, struct sn_fit_row **out);

/* Fastest copy of an endpoint to itself (pairs, src = dst), B/s; NAN: none. */
double sn_cal_self(const struct sn_rows *rows, const char *transport);

/* The row in words: "bandwidth put 4096 B x 16". */
void sn_cal_describe(const struct sn_row *r, struct sn_buf *out);

#endif

/* What the axes of `serve` say of requests: when they come and how long they are. */
#ifndef SN_BENCH_MACRO_SERVE_SPEC_H
#define SN_BENCH_MACRO_SERVE_SPEC_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/rng.h"

/* trace             as the trace says
 * poisson(R)        R requests a second, exponential times between them
 * gamma(R,B)        gamma-distributed times of mean 1 / R and shape B: the coefficient of
 *                   variation is 1 / sqrt(B); 1: Poisson, less: bursts */
enum sn_serve_arrivals_kind { SN_SERVE_TRACE, SN_SERVE_POISSON, SN_SERVE_GAMMA };
struct sn_serve_arrivals {
    enum sn_serve_arrivals_kind kind;
    double rate, shape;
};
/* SN_EINVAL: an unknown word with the nearest, numbers that are none, a rate or shape of 0. */
int sn_serve_arrivals_parse(const char *term, struct sn_serve_arrivals *out);
int sn_serve_arrivals_check(const char *term);
/* Seconds until the next request. */
double sn_serve_arrivals_draw(const struct sn_serve_arrivals *a, struct sn_rng *rng);

/* trace             as the trace says
 * fixed(N)          N tokens
 * lognormal(M,S)    mean M, S the standard deviation of the logarithm: ln N(ln M - S^2/2, S^2)
 * file(FILE)        the numbers of a file, one a line (# comments), over and over */
enum sn_serve_lengths_kind { SN_SERVE_OF_TRACE, SN_SERVE_FIXED, SN_SERVE_LOGNORMAL, SN_SERVE_FILE };
struct sn_serve_lengths {
    enum sn_serve_lengths_kind kind;
    double mean, sigma;
    char *file;      /* its name */
    uint32_t *value; /* (n) of the file, once it is read */
    size_t n;
};
enum { SN_SERVE_MOST_TOKENS = 1 << 20 }; /* of a request's input, or output */
/* SN_EINVAL as above. *out is released with sn_serve_lengths_free(). */
int sn_serve_lengths_parse(const char *term, struct sn_serve_lengths *out);
int sn_serve_lengths_check(const char *term);
void sn_serve_lengths_free(struct sn_serve_lengths *l);
/* Reads the file of SN_SERVE_FILE; else nothing. SN_EIO; SN_EINVAL: "FILE:LINE: ...". */
int sn_serve_lengths_read(struct sn_serve_lengths *l);
/* Tokens of request r, 1 to SN_SERVE_MOST_TOKENS. */
uint32_t sn_serve_lengths_draw(const struct sn_serve_lengths *l, size_t r, struct sn_rng *rng);
double sn_serve_lengths_mean(const struct sn_serve_lengths *l);

#endif

/* Goodness of fit for the tests of random draws. The draws are seeded, so a test passes always or
 * never; the bound is the one that an honest generator passes but once in a million. */
#ifndef SN_TESTS_UNIT_CHI_H
#define SN_TESTS_UNIT_CHI_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* sum (seen - n p)^2 / (n p) over `cells` cells of probability p[i]. */
static inline double chi_square(const uint64_t *seen, const double *p, size_t cells)
{
    double n = 0, x = 0;
    for (size_t i = 0; i < cells; i++)
        n += (double)seen[i];
    for (size_t i = 0; i < cells; i++)
        x += ((double)seen[i] - n * p[i]) * ((double)seen[i] - n * p[i]) / (n * p[i]);
    return x;
}

/* The 1 - 1e-6 quantile of chi-square (Wilson and Hilferty, 1931). */
static inline double chi_square_limit(size_t degrees)
{
    double d = (double)degrees, t = 1 - 2 / (9 * d) + 4.7534 * sqrt(2 / (9 * d));
    return d * t * t * t;
}

#endif

/* Student's t; see diagnose_tail.h. */
#include "harness/diagnose_tail.h"

#include <math.h>

/* Continued fraction of the incomplete beta function by Lentz's method (DLMF 8.17.22). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1), f;

    d = 1 / (fabs(d) < tiny ? tiny : d);
    f = d;
    for (int m = 1; m < 1000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 + even * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + even / c;
        c = fabs(c) < tiny ? tiny : c;
        f *= c * d;
        d = 1 + odd * d;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = 1 + odd / c;
        c = fabs(c) < tiny ? tiny : c;
        f *= c * d;
        if (fabs(c * d - 1) < 1e-14)
            break;
    }
    return f;
}

/* I_x(a, b) */
static double beta_regularised(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b));

    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double sn_tail_t(double x, double nu)
{
    double one;

    if (isinf(nu))
        return erfc(x / sqrt(2)) / 2;
    one = beta_regularised(nu / 2, 0.5, nu / (nu + x * x)) / 2;
    return x < 0 ? 1 - one : one;
}

double sn_tail_t_quantile(double p, double nu)
{
    double lo = 0, hi = 1;

    while (sn_tail_t(hi, nu) > p && hi < 1e12)
        hi *= 2;
    for (int i = 0; i < 200 && hi - lo > 1e-12 * hi; i++) {
        double mid = (lo + hi) / 2;
        if (sn_tail_t(mid, nu) > p)
            lo = mid;
        else
            hi = mid;
    }
    return (lo + hi) / 2;
}

/* Scale by EM for a fixed nu: weights (nu + 1) / (nu + u^2). */
static double scale_of(const double *x, size_t n, double nu)
{
    double s2 = 0;

    for (size_t i = 0; i < n; i++)
        s2 += x[i] * x[i];
    s2 /= (double)n;
    for (int k = 0; k < 50 && !isinf(nu); k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (nu + 1) / (nu + x[i] * x[i] / s2) * x[i] * x[i];
        sum /= (double)n;
        if (fabs(sum / s2 - 1) < 1e-6)
            break;
        s2 = sum;
    }
    return sqrt(s2);
}

static double log_likelihood(const double *x, size_t n, double nu, double s)
{
    double sum = 0;

    if (isinf(nu)) {
        for (size_t i = 0; i < n; i++)
            sum -= x[i] * x[i] / (2 * s * s);
        return sum - (double)n * (log(s) + 0.5 * log(2 * M_PI));
    }
    for (size_t i = 0; i < n; i++)
        sum -= (nu + 1) / 2 * log1p(x[i] * x[i] / (nu * s * s));
    return sum +
           (double)n * (lgamma((nu + 1) / 2) - lgamma(nu / 2) - 0.5 * log(nu * M_PI) - log(s));
}

double sn_tail_fit(const double *x, size_t n, double *scale)
{
    static const double grid[] = {INFINITY, 20, 10, 7, 5, 4, 3};
    double best_nu = INFINITY, best = -INFINITY;

    for (size_t g = 0; g < sizeof grid / sizeof *grid; g++) {
        double s = scale_of(x, n, grid[g]), l = log_likelihood(x, n, grid[g], s);
        if (l <= best)
            continue;
        best = l;
        best_nu = grid[g];
        *scale = s;
    }
    return best_nu;
}

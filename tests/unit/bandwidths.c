/* Bandwidth names: the identities of the definitions, and matrices worked by hand. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/micro/bandwidths.h"
#include "harness/base/rng.h"

enum { MOST = 12 };

Test(bandwidths, a_matrix_worked_by_hand)
{
    /* 0 sends 1 + 2 + 3, 1 sends 4 + 5 + 6, 2 sends 7 + 8 + 9; diagonal 1, 5, 9. */
    const uint64_t m[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct sn_traffic t = sn_traffic_of(m, 3);
    cr_expect_eq(t.logical, 45);
    cr_expect_eq(t.local, 15);
    cr_expect_eq(t.wire, 30);
    cr_expect_eq(t.bottleneck, 15);  /* row 2 without 9: 7 + 8 */
    cr_expect_eq(t.largest_sum, 24); /* row 2 with 9 */
}

/* Uniform: bottleneck = busbw, aggregate = n * busbw, both ways of making it the same. */
Test(bandwidths, uniform_bottleneck_is_busbw)
{
    for (unsigned n = 1; n <= MOST; n++) {
        uint64_t m[MOST * MOST], b = 1000 + n;
        double seconds = 0.25;
        for (unsigned i = 0; i < n * n; i++)
            m[i] = b;
        struct sn_traffic t = sn_traffic_of(m, n), u = sn_traffic_uniform(b, n);
        cr_expect_eq(memcmp(&t, &u, sizeof t), 0, "n = %u", n);
        double busbw = sn_traffic_busbw(&t, n, seconds);
        cr_expect_float_eq((double)t.bottleneck / seconds, busbw, 1e-9 * busbw + 1e-12);
        cr_expect_float_eq((double)t.wire / seconds, n * busbw, 1e-9 * n * busbw + 1e-12);
        /* nccl-tests: busbw = c (n - 1) b / t */
        cr_expect_float_eq(busbw, (double)b * (n - 1) / seconds, 1e-9 * busbw + 1e-12);
    }
}

Test(bandwidths, all_local_crosses_nothing)
{
    uint64_t m[16] = {0};
    for (unsigned r = 0; r < 4; r++)
        m[5 * r] = 100;
    struct sn_traffic t = sn_traffic_of(m, 4);
    cr_expect(t.wire == 0 && t.bottleneck == 0 && t.logical == 400 && t.local == 400);
}

/* One destination receives from n - 1 senders: bottleneck (n - 1) b, and nccl's busbw reports
 * (n - 1)^2 / n b: too little by the diagonal's share. */
Test(bandwidths, one_hot_destination)
{
    enum { N = 8, B = 64 };
    uint64_t m[N * N] = {0};
    for (unsigned s = 1; s < N; s++)
        m[s * N] = B;
    struct sn_traffic t = sn_traffic_of(m, N);
    cr_expect_eq(t.bottleneck, (N - 1) * B);
    cr_expect_float_eq(sn_traffic_busbw(&t, N, 1), (double)(N - 1) * (N - 1) / N * B, 1e-9);
}

/* Any matrix: transposing changes nothing; the bottleneck lies between mean and sum of the wire. */
Test(bandwidths, properties_of_random_matrices)
{
    struct sn_rng r = sn_rng_make(7, 1);
    for (int k = 0; k < 200; k++) {
        unsigned n = 1 + (unsigned)sn_rng_below(&r, MOST);
        uint64_t m[MOST * MOST], t[MOST * MOST], diagonal = 0, all = 0;
        for (unsigned i = 0; i < n; i++)
            for (unsigned j = 0; j < n; j++) {
                uint64_t x = sn_rng_below(&r, 3) ? sn_rng_below(&r, 1u << 20) : 0;
                m[i * n + j] = t[j * n + i] = x;
                all += x;
                diagonal += i == j ? x : 0;
            }
        struct sn_traffic a = sn_traffic_of(m, n), b = sn_traffic_of(t, n);
        cr_expect_eq(memcmp(&a, &b, sizeof a), 0);
        cr_expect(a.logical == all && a.local == diagonal && a.wire == all - diagonal);
        cr_expect(a.bottleneck <= a.wire && a.bottleneck * n >= a.wire);
    }
}

/* Messages of more than 2 GiB do not overflow the accounting. */
Test(bandwidths, large_sums)
{
    struct sn_traffic t = sn_traffic_uniform(3ull << 30, 768);
    cr_expect_eq(t.logical, (3ull << 30) * 768 * 768);
    cr_expect_eq(t.wire, (3ull << 30) * 768 * 767);
}

Test(bandwidths, metrics_of_a_row)
{
    static const struct sn_metric_doc docs[] = {SN_TRAFFIC_METRIC_DOCS, {0}};
    struct sn_traffic t = sn_traffic_uniform(500, 4);
    struct sn_row row;
    sn_row_init(&row);
    row.stats.median = 0.001;
    sn_traffic_metrics(&t, 4, docs, &row);
    cr_expect_float_eq(sn_row_metric(&row, "bottleneck")->value, 1.5e6, 1e-3);
    cr_expect_float_eq(sn_row_metric(&row, "busbw")->value, 1.5e6, 1e-3);
    cr_expect_float_eq(sn_row_metric(&row, "aggregate")->value, 6e6, 1e-3);
    cr_expect_float_eq(sn_row_metric(&row, "wire")->value, 6e6, 1e-3);
    cr_expect_float_eq(sn_row_metric(&row, "logical")->value, 8e6, 1e-3);
    cr_expect(row.bytes.logical == 8000 && row.bytes.wire == 6000 && row.bytes.local == 2000);
    /* Forwarded data: what was moved is not what was meant for others. */
    t.moved = 9000;
    sn_row_free(&row);
    sn_row_init(&row);
    row.stats.median = 0.001;
    sn_traffic_metrics(&t, 4, docs, &row);
    cr_expect_float_eq(sn_row_metric(&row, "aggregate")->value, 6e6, 1e-3);
    cr_expect_float_eq(sn_row_metric(&row, "wire")->value, 9e6, 1e-3);
    cr_expect(row.bytes.wire == 9000);
    sn_row_free(&row);
}

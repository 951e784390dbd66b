/* Patterns of block reads, Jain's index, and the mapping of prefill to decode dies. */
#include "bench/micro/kvread.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "bench/micro/kvtransfer.h"
#include "harness/base/status.h"

Test(kvread, patterns_are_read)
{
    struct sn_kvread_pattern p;
    cr_assert_eq(sn_kvread_pattern_parse("uniform", &p), SN_OK);
    cr_assert_eq(p.kind, SN_KVREAD_UNIFORM);
    cr_assert_eq(sn_kvread_pattern_parse("zipf(1.5)", &p), SN_OK);
    cr_assert(p.kind == SN_KVREAD_ZIPF && p.s == 1.5);
    cr_assert_eq(sn_kvread_pattern_parse("trace(../a (b).jsonl)", &p), SN_OK);
    cr_assert(p.kind == SN_KVREAD_TRACE);
    cr_assert_str_eq(p.file, "../a (b).jsonl");
    sn_kvread_pattern_free(&p);
    cr_assert_null(p.file);
}

Test(kvread, wrong_patterns_name_right_ones)
{
    static const struct {
        const char *term, *says;
    } bad[] = {{"", "no such pattern"},
               {"zipff(1)", "did you mean zipf?"},
               {"uniform(1)", "right would be uniform"},
               {"zipf", "right would be zipf(1.0)"},
               {"zipf()", "right would be zipf(1.0)"},
               {"zipf(1", "right would be zipf(1.0)"},
               {"zipf(-1)", "0 to 10"},
               {"zipf(11)", "0 to 10"},
               {"zipf(nan)", "nan"},
               {"trace()", "right would be trace(FILE)"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(sn_kvread_pattern_check(bad[i].term), SN_EINVAL, "%s", bad[i].term);
        cr_assert(strstr(sn_status_message(), bad[i].says), "'%s': %s", bad[i].term,
                  sn_status_message());
    }
}

/* Draws among the first `of` ranks against (rank + 1)^-s / H, by chi square. */
static void check_popularity(double s, size_t n, size_t of)
{
    enum { DRAWS = 200000 };
    struct sn_kvread_popularity p;
    struct sn_rng rng = sn_rng_make(3, (uint64_t)(100 * s) + of);
    double *seen = calloc(of, sizeof *seen), harmonic = 0, chi = 0;
    sn_kvread_popularity_open(&p, n, s);
    for (unsigned i = 0; i < DRAWS; i++) {
        const size_t rank = sn_kvread_popularity_draw(&p, of, &rng);
        cr_assert(rank < of, "%zu of %zu", rank, of);
        seen[rank]++;
    }
    for (size_t i = of; i-- > 0;)
        harmonic += pow((double)i + 1, -s);
    for (size_t i = 0; i < of; i++) {
        const double want = DRAWS * pow((double)i + 1, -s) / harmonic;
        chi += (seen[i] - want) * (seen[i] - want) / want;
    }
    /* Mean of - 1, standard deviation sqrt(2 (of - 1)): five of them. */
    const double f = (double)of - 1;
    cr_assert(chi <= f + 5 * sqrt(2 * f) + 1e-9, "s = %g, %zu: chi square %g of %g", s, of, chi, f);
    sn_kvread_popularity_close(&p);
    free(seen);
}

Test(kvread, popularity_is_zipf)
{
    check_popularity(0, 64, 64);
    check_popularity(0.8, 300, 300);
    check_popularity(1.2, 300, 40);
    check_popularity(2, 20, 20);
    check_popularity(1, 7, 1);
}

Test(kvread, jain)
{
    const double equal[] = {3, 3, 3, 3}, one[] = {0, 0, 5, 0}, two[] = {1, 3};
    cr_assert_float_eq(sn_kvread_jain(equal, 4), 1, 1e-15);
    cr_assert_float_eq(sn_kvread_jain(one, 4), 0.25, 1e-15);
    cr_assert_float_eq(sn_kvread_jain(two, 2), 16.0 / 20, 1e-15);
    cr_assert(isnan(sn_kvread_jain(one, 2)));
}

/* Beside: 2 blocks while the other traffic lasts, each in twice its time, 2 after it at full speed.
 */
Test(kvread, overlap_is_not_diluted)
{
    int64_t alone[] = {40, 10, 30, 20}, beside[] = {40, 60, 20, 50};
    cr_assert_float_eq(sn_kvread_overlap(alone, beside, 4, 45), 2, 1e-15);
    cr_assert_float_eq(sn_kvread_overlap(alone, beside, 4, INT64_MAX), 1.5, 1e-15);
    cr_assert_float_eq(sn_kvread_overlap(alone, beside, 4, 5), 2, 1e-15, "none: the first");
}

Test(kvread, payload)
{
    const uint64_t gib = 1 << 30;
    cr_assert_eq(sn_kv_payload_bytes(SN_KV_PAYLOAD_AUTO, gib, 2), gib);
    cr_assert_eq(sn_kv_payload_bytes(SN_KV_PAYLOAD_AUTO, gib, 3), 64);
    cr_assert_eq(sn_kv_payload_bytes(SN_KV_PAYLOAD_FULL, gib, 3), gib);
    cr_assert_eq(sn_kv_payload_bytes(SN_KV_PAYLOAD_HEADER, 100, 1), 64);
    cr_assert_eq(sn_kv_payload_bytes(SN_KV_PAYLOAD_HEADER, 40, 1), 40);
}

/* CloudMatrix384: 32 prefill dies, 320 decode dies: ten in a row have the same source. */
Test(kvtransfer, mapping_of_the_serving_system)
{
    for (unsigned d = 0; d < 320; d++)
        cr_assert_eq(sn_kvtransfer_source(32, 1, 320, d, 0), d / 10);
}

/* Each prefill die has the same number of decode dies, and a decode die of TP rank t a source of
 * TP rank t modulo decode_tp. */
Test(kvtransfer, mapping_is_balanced)
{
    unsigned mapped = 0;
    for (unsigned p = 1; p <= 16; p++)
        for (unsigned tp = 1; tp <= 8; tp++)
            for (unsigned dp = 1; dp <= 24; dp++) {
                const bool divides = p % tp == 0 && dp % (p / tp) == 0;
                cr_assert_eq(!sn_kvtransfer_unmapped(p, tp, dp), divides, "%u %u %u", p, tp, dp);
                if (!divides)
                    continue;
                unsigned n[16] = {0};
                for (unsigned d = 0; d < dp; d++)
                    for (unsigned t = 0; t < tp; t++) {
                        const unsigned s = sn_kvtransfer_source(p, tp, dp, d, t);
                        cr_assert(s < p && s % tp == t, "%u %u %u: %u", p, tp, dp, s);
                        n[s]++;
                    }
                for (unsigned s = 0; s < p; s++)
                    cr_assert_eq(n[s], dp * tp / p, "%u %u %u", p, tp, dp);
                mapped++;
            }
    cr_assert_gt(mapped, 100);
}

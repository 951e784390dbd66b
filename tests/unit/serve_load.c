/* Requests of serving: words, distributions, files, traces. */
#include "bench/macro/serve_load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

#define TRACE                                                                                      \
    "{\"timestamp\": 5, \"input_length\": 600, \"output_length\": 3, \"hash_ids\": [7, 8]}\n"      \
    "{\"timestamp\": 25, \"input_length\": 512, \"output_length\": 0, \"hash_ids\": [7]}\n"        \
    "{\"timestamp\": 1005, \"input_length\": 1, \"output_length\": 9, \"hash_ids\": [9]}\n"

Test(serve_load, wrong_words_name_right_ones)
{
    static const struct {
        int (*check)(const char *);
        const char *term, *says;
    } bad[] = {{sn_serve_arrivals_check, "poison(2)", "did you mean poisson?"},
               {sn_serve_arrivals_check, "poisson(0)", "a rate is"},
               {sn_serve_arrivals_check, "poisson(-1)", "a rate is"},
               {sn_serve_arrivals_check, "poisson", "right would be poisson(2)"},
               {sn_serve_arrivals_check, "poisson(1,2)", "right would be poisson(2)"},
               {sn_serve_arrivals_check, "gamma(2)", "right would be gamma(2,0.5)"},
               {sn_serve_arrivals_check, "gamma(2,0)", "a burstiness is"},
               {sn_serve_arrivals_check, "poisson(nan)", "nan"},
               {sn_serve_arrivals_check, "trace(3)", "right would be trace"},
               {sn_serve_arrivals_check, "", "no such arrivals"},
               {sn_serve_lengths_check, "fixed(0)", "a length is 1"},
               {sn_serve_lengths_check, "fixed(1.5)", "whole number"},
               {sn_serve_lengths_check, "fixed(2000000)", "a length is 1"},
               {sn_serve_lengths_check, "lognormal(100)", "right would be lognormal(1024,0.8)"},
               {sn_serve_lengths_check, "lognormal(100,6)", "a sigma is 0 to 5"},
               {sn_serve_lengths_check, "lognormal(100,-1)", "a sigma is"},
               {sn_serve_lengths_check, "file()", "right would be file(FILE)"},
               {sn_serve_lengths_check, "fixd(3)", "did you mean fixed?"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(bad[i].check(bad[i].term), SN_EINVAL, "%s", bad[i].term);
        cr_expect(strstr(sn_status_message(), bad[i].says), "'%s': %s", bad[i].term,
                  sn_status_message());
    }
    cr_expect_eq(sn_serve_arrivals_check("gamma(0.5,2)"), SN_OK);
    cr_expect_eq(sn_serve_lengths_check("lognormal(4K,0)"), SN_OK);
}

/* Mean 1 / R and variation 1 / sqrt(B) of the times between arrivals: five standard errors, that of
 * the variance by the fourth moment, 3 + 6 / B of a gamma's. */
Test(serve_load, arrivals_have_their_mean_and_variation)
{
    static const char *const terms[] = {"poisson(4)", "gamma(4,1)", "gamma(4,0.25)", "gamma(4,9)"};
    static const double shape[] = {1, 1, 0.25, 9};
    enum { N = 200000 };
    for (size_t t = 0; t < sizeof terms / sizeof *terms; t++) {
        struct sn_serve_arrivals a;
        struct sn_rng rng = sn_rng_make(5, t);
        double sum = 0, squares = 0;
        cr_assert_eq(sn_serve_arrivals_parse(terms[t], &a), SN_OK);
        for (int i = 0; i < N; i++) {
            const double x = sn_serve_arrivals_draw(&a, &rng);
            cr_assert(x >= 0);
            sum += x;
            squares += x * x;
        }
        const double mean = sum / N, var = squares / N - mean * mean;
        const double want = 1. / 16 / shape[t];
        cr_expect_float_eq(mean, 0.25, 5 * sqrt(want / N), "%s: mean %g", terms[t], mean);
        cr_expect_float_eq(var, want, 5 * want * sqrt((2 + 6 / shape[t]) / N), "%s: variance %g",
                           terms[t], var);
    }
}

Test(serve_load, lognormal_lengths_have_their_mean)
{
    struct sn_serve_lengths l;
    struct sn_rng rng = sn_rng_make(5, 9);
    enum { N = 100000 };
    double sum = 0, logs = 0;
    cr_assert_eq(sn_serve_lengths_parse("lognormal(4000,0.8)", &l), SN_OK);
    for (int i = 0; i < N; i++) {
        const double x = sn_serve_lengths_draw(&l, 0, &rng);
        sum += x;
        logs += log(x);
    }
    /* Standard deviation of the mean: 4000 sqrt(exp(s^2) - 1) / sqrt(N). */
    cr_expect_float_eq(sum / N, 4000, 5 * 4000 * sqrt(exp(0.64) - 1) / sqrt(N));
    cr_expect_float_eq(logs / N, log(4000) - 0.32, 5 * 0.8 / sqrt(N) + 1e-3);
}

static char *write_file(const char *text)
{
    char *path = sn_strdup("/tmp/serve-lengths-XXXXXX");
    const int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    return path;
}

static int read_lengths(const char *text, struct sn_serve_lengths *l)
{
    char *path = write_file(text), *term = sn_strdupf("file(%s)", path);
    cr_assert_eq(sn_serve_lengths_parse(term, l), SN_OK);
    int status = sn_serve_lengths_read(l);
    unlink(path);
    free(path);
    free(term);
    return status;
}

Test(serve_load, lengths_of_a_file_go_round)
{
    struct sn_serve_lengths l;
    cr_assert_eq(read_lengths("# tokens\n30\n\n5\n", &l), SN_OK, "%s", sn_status_message());
    cr_expect(l.n == 2 && sn_serve_lengths_mean(&l) == 17.5);
    cr_expect(sn_serve_lengths_draw(&l, 0, NULL) == 30 && sn_serve_lengths_draw(&l, 3, NULL) == 5);
    sn_serve_lengths_free(&l);
    static const char *const bad[] = {"30\n0\n", "1\nx\n", "1\n2,3\n", "1\n9999999\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_expect_eq(read_lengths(bad[i], &l), SN_EINVAL, "%s", bad[i]);
        cr_expect(strstr(sn_status_message(), ":2: '"), "%s", sn_status_message());
        sn_serve_lengths_free(&l);
    }
    cr_expect_eq(read_lengths("# nothing\n", &l), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "no length"), "%s", sn_status_message());
    sn_serve_lengths_free(&l);
}

Test(serve_load, a_trace_says_all)
{
    struct sn_kvtrace t;
    struct sn_serve_load l;
    struct sn_serve_load_spec s = {.trace = &t, .scale = 2};
    cr_assert_eq(sn_kvtrace_parse(&t, TRACE, strlen(TRACE), "t"), SN_OK);
    cr_assert_eq(sn_serve_load_open(&l, &s), SN_OK);
    cr_expect(l.n == 3 && l.ids == 4 && l.id[0] == 7 && l.id[3] == 9);
    cr_expect(l.request[0].arrival_ps == 0 && l.request[1].arrival_ps == 10000000000 &&
                  l.request[2].arrival_ps == 500000000000,
              "half of 0, 20 and 1000 ms");
    cr_expect(l.request[1].output == 1 && l.request[2].output == 9 && l.request[0].blocks == 2);
    cr_expect_float_eq(sn_serve_load_rate(&l), 4, 1e-12);
    struct sn_serve_load faster;
    sn_serve_load_faster(&faster, &l, 5);
    cr_expect_eq(faster.request[2].arrival_ps, 100000000000);
    free(faster.request);
    sn_serve_load_close(&l);
    s.requests = 2;
    cr_assert_eq(sn_serve_load_open(&l, &s), SN_OK);
    cr_expect(l.n == 2 && l.ids == 3);
    sn_serve_load_close(&l);
    t.request[2].time_ms = 100ull * 86400 * 1000;
    s.requests = 0;
    cr_expect_eq(sn_serve_load_open(&l, &s), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "right would be scale="), "%s", sn_status_message());
    sn_kvtrace_close(&t);
}

/* Half of 3000 tokens are 2 whole blocks, of 1500 one, of 900 none; no other block is shared. Draws
 * differ, a draw is the same again. */
Test(serve_load, generated_prompts_share_their_prefix)
{
    struct sn_serve_load_spec s = {.requests = 3, .scale = 1, .reuse = 0.5, .seed = 4};
    struct sn_serve_load l, again;
    uint32_t lengths[] = {3000, 1500, 900};
    cr_assert_eq(sn_serve_arrivals_parse("poisson(10)", &s.arrivals), SN_OK);
    s.input = (struct sn_serve_lengths){.kind = SN_SERVE_FILE, .value = lengths, .n = 3};
    cr_assert_eq(sn_serve_lengths_parse("lognormal(300,1)", &s.output), SN_OK);
    cr_assert_eq(sn_serve_load_open(&l, &s), SN_OK);
    cr_assert(l.request[0].blocks == 6 && l.request[1].blocks == 3 && l.request[2].blocks == 2);
    size_t equal = 0;
    for (size_t i = 0; i < l.ids; i++)
        for (size_t j = 0; j < i; j++)
            equal += l.id[i] == l.id[j];
    cr_expect_eq(equal, 1);
    cr_expect_eq(l.id[l.request[0].first], l.id[l.request[1].first]);
    cr_assert_eq(sn_serve_load_open(&again, &s), SN_OK);
    cr_expect(again.request[2].arrival_ps == l.request[2].arrival_ps &&
              again.request[1].output == l.request[1].output);
    sn_serve_load_close(&again);
    s.draw = 1;
    cr_assert_eq(sn_serve_load_open(&again, &s), SN_OK);
    cr_expect(again.request[2].arrival_ps != l.request[2].arrival_ps);
    sn_serve_load_close(&again);
    sn_serve_load_close(&l);
}

/* Device profiles: what is read, the line of every mistake, the way back into a file; and the
 * profiles of this tree against the published figures they cite. */
#include <math.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/device.h"
#include "harness/base/status.h"

#define FIGURE(v, u) "{value: " v ", unit: " u ", class: spec, source: s}"
#define HEAD                                                                                       \
    "name: tiny\n"                                                                                 \
    "brief: b\n"                                                                                   \
    "cores: " FIGURE("4", "count") "\n"                                                            \
                                   "peak:\n"                                                       \
                                   "  int8: " FIGURE("752", "Top/s") "\n"                          \
                                                                     "memory:\n"                   \
                                                                     "  bandwidth: " FIGURE(       \
                                                                         "1.6", "TB/s") "\n"
#define TABLE                                                                                      \
    "efficiency:\n"                                                                                \
    "  - of: [gemm, moe]\n"                                                                        \
    "    roof: compute\n"                                                                          \
    "    over: m\n"                                                                                \
    "    points:\n"                                                                                \
    "      - {at: 1, efficiency: 10%}\n"                                                           \
    "      - {at: 1K, efficiency: 0.8}\n"                                                          \
    "    valid: [{shape: k, min: 1, max: 8K}]\n"                                                   \
    "    class: calibrated\n"                                                                      \
    "    source: two rows\n"

/* Of steps: cores of streams, and what is fitted to whole steps. */
#define COUNT(n) "{value: " n ", unit: count, class: spec, source: s}\n"
#define STREAMS(first, second)                                                                     \
    "streams:\n"                                                                                   \
    "  attention:\n"                                                                               \
    "    cube: " COUNT(first) "    vector: " COUNT("32") "  experts:\n"                            \
                                                         "    cube: " COUNT(                       \
                                                             second) "    vector: " COUNT("16")
#define STEPS                                                                                      \
    "vector_cores: " COUNT("48")                                                                   \
        STREAMS("3", "1") "host: {value: 2, unit: ms, class: calibrated, source: s}\n"             \
                          "block: {value: 17, unit: ms, class: calibrated, source: s}\n"           \
                          "skew: {value: 0.4, unit: count, class: calibrated, source: s}\n"

static const char good[] = HEAD "l2: {bandwidth: " FIGURE("3", "TB/s") ", size: " FIGURE(
    "192", "MiB") "}\nlaunch: " FIGURE("5", "us") "\n" STEPS TABLE "warnings: [take care]\n";

static int parse(struct sn_device *d, const char *text)
{
    sn_status_clear();
    return sn_device_parse(d, text, strlen(text), "t.yaml");
}

static void expect_good(const struct sn_device *d)
{
    cr_expect_str_eq(d->name, "tiny");
    cr_expect_eq(d->cores.value, 4);
    cr_expect_eq(d->peak[SN_PEAK_INT8].value, 752e12);
    cr_expect_eq(d->peak[SN_PEAK_INT8].class, SN_FIGURE_SPEC);
    cr_expect_eq(d->peak[SN_PEAK_BF16].class, SN_FIGURE_NONE);
    cr_expect_eq(d->memory.value, 1.6e12);
    cr_expect(fabs(d->l2_bytes.value / 201326592 - 1) < 1e-5);
    cr_expect(fabs(d->launch.value / 5e-6 - 1) < 1e-12);
    cr_expect(d->vector_cores.value == 48 && d->streams[0][0].value == 3);
    cr_expect(d->streams[0][1].value == 32 && d->streams[1][0].value == 1);
    cr_expect(d->streams[1][1].value == 16 && fabs(d->host.value / 2e-3 - 1) < 1e-12);
    cr_expect(fabs(d->block.value / 17e-3 - 1) < 1e-12 && d->skew.value == 0.4);
    cr_assert_eq(d->n_tables, 1);
    const struct sn_device_table *t = &d->tables[0];
    cr_expect_eq(t->ops, 1u << SN_OP_GEMM | 1u << SN_OP_MOE);
    cr_expect(t->roof == SN_DEVICE_COMPUTE && t->class == SN_FIGURE_CALIBRATED);
    cr_expect_str_eq(t->over, "m");
    cr_assert_eq(t->n_points, 2);
    cr_expect(t->points[0].efficiency == 0.1 && t->points[1].at == 1024);
    cr_assert_eq(t->n_valid, 1);
    cr_expect_eq(t->valid[0].max, 8192);
    cr_expect_str_eq(t->source, "two rows");
    cr_assert_eq(d->n_warnings, 1);
}

Test(device_file, figures_in_base_units_and_back)
{
    struct sn_device d;
    struct sn_buf text = {0};
    cr_assert_eq(parse(&d, good), SN_OK, "%s", sn_status_message());
    expect_good(&d);
    sn_device_write(&d, &text);
    sn_device_close(&d);
    cr_assert_eq(parse(&d, text.data), SN_OK, "%s in\n%s", sn_status_message(), text.data);
    expect_good(&d);
    sn_device_close(&d);
    sn_buf_free(&text);
}

Test(device_file, mistakes_have_their_line)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"name: [", "t.yaml:"},
        {"name: a\nbrief: b\npeak: {}\n", "t.yaml:1: the key 'memory' is missing"},
        {HEAD "lounch: 3\n", "t.yaml:8: unknown key 'lounch'; did you mean 'launch'"},
        {"name: a\nbrief: b\npeak:\n  int8: " FIGURE("7", "TB/s") "\nmemory:\n  bandwidth: " FIGURE(
             "1", "B/s") "\n",
         "t.yaml:4: peak.int8 is a rate of operations, 'TB/s' is no unit of that"},
        {HEAD "launch: " FIGURE("-1", "us") "\n", "t.yaml:8: launch is negative"},
        {HEAD "launch: " FIGURE("nan", "us") "\n",
         "t.yaml:8: launch: 'nan' is not a finite number"},
        {HEAD "l2:\n  bandwidth: " FIGURE("0", "GB/s") "\n", "t.yaml:9: l2.bandwidth is zero"},
        {HEAD "l2:\n  bandwidth: " FIGURE("1", "GB/s") "\n",
         "t.yaml:9: l2: bandwidth and size go together"},
        {HEAD "vector_cores: " COUNT("48") STREAMS("3", "2"),
         "t.yaml:10: streams: 5 cube cores together; above 0 and at most the 4 there are"},
        {HEAD STREAMS("2", "2"),
         "t.yaml:9: streams: shares of vector cores, and vector_cores is missing"},
        {HEAD "host: " FIGURE("2", "s") "\n", "t.yaml:8: host: 2 is not in 0 to 1"},
        {HEAD "launch: {value: 1, unit: us, class: specc, source: s}\n",
         "t.yaml:8: launch.class: no class 'specc'; did you mean 'spec'"},
        {HEAD "efficiency:\n  - {of: [gem], roof: compute, points: [{efficiency: 1}], class: spec, "
              "source: s}\n",
         "t.yaml:9: efficiency.0.of.0: unknown operation 'gem'; did you mean 'gemm'"},
        {HEAD "efficiency:\n  - {of: [gemm], roof: comp, points: [{efficiency: 1}], class: spec, "
              "source: s}\n",
         "t.yaml:9: efficiency.0.roof: unknown roof 'comp'"},
        {HEAD "efficiency:\n  - {of: [gemm], roof: compute, points: [{efficiency: 1.2}], class: "
              "spec, source: s}\n",
         "t.yaml:9: efficiency.0.points.0: the efficiency 1.2 is not above 0"},
        {HEAD "efficiency:\n  - of: [gemm]\n    roof: compute\n    over: ctx\n    points: [{at: 1, "
              "efficiency: 1}]\n    class: spec\n    source: s\n",
         "t.yaml:9: efficiency.0: a table of gemm is over 'm', not 'ctx'"},
        {HEAD "efficiency:\n  - of: [gemm]\n    roof: compute\n    points:\n      - {at: 1, "
              "efficiency: 1}\n    class: spec\n    source: s\n",
         "t.yaml:12: efficiency.0.points.0: 'at' without 'over'"},
        {HEAD "efficiency:\n  - of: [gemm]\n    roof: compute\n    points: [{efficiency: 1}]\n    "
              "valid:\n      - {shape: ctx, min: 1, max: 2}\n    class: spec\n    source: s\n",
         "t.yaml:9: efficiency.0: no operation of the table has a shape 'ctx'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sn_device d = {.name = "untouched"};
        cr_expect_eq(parse(&d, cases[i].text), SN_EINVAL, "%s", cases[i].says);
        cr_expect(strstr(sn_status_message(), cases[i].says) == sn_status_message(),
                  "'%s' is not '%s'", sn_status_message(), cases[i].says);
        cr_expect_str_eq(d.name, "untouched");
    }
}

/* results/published/cloudmatrix384: hw.die.int8, hw.die.bf16, hw.die.hbm_bw, hw.die.aic; the middle
 * of gemm.util.min and .max; mla.compute, mla.memory. */
Test(device_file, ascend910c_is_as_published)
{
    struct sn_device d;
    cr_assert_eq(sn_device_open(&d, "ascend910c-die"), SN_OK, "%s", sn_status_message());
    cr_expect_eq(d.peak[SN_PEAK_INT8].value, 752e12);
    cr_expect_eq(d.peak[SN_PEAK_BF16].value, 376e12);
    cr_expect_eq(d.memory.value, 1.6e12);
    cr_expect_eq(d.cores.value, 24);
    size_t calibrated = 0;
    for (size_t i = 0; i < d.n_tables; i++) {
        const struct sn_device_table *t = &d.tables[i];
        bool compute = t->roof == SN_DEVICE_COMPUTE;
        double e = t->points[0].efficiency;
        calibrated += t->class == SN_FIGURE_CALIBRATED;
        if (t->ops & 1u << SN_OP_GEMM && compute)
            cr_expect(fabs(e - (0.774 + 0.827) / 2) < 1e-9);
        if (t->ops & 1u << SN_OP_MLA)
            cr_expect(e == (compute ? 0.654 : 0.841));
    }
    cr_expect_eq(calibrated, 3, "of four rows");
    sn_device_close(&d);
}

/* A fraction of the roof that decides: the MLA of 48 requests of 4,096 tokens with one speculative
 * token is bound by arithmetic at 484 > 235 FLOP/B: 2 x 128 x 1088 x 48 x 2 x 4095.5 / (0.654 x
 * 376e12) = 445.3 us on a die that does nothing else. */
Test(device_file, mla_of_cloudmatrix384)
{
    uint32_t length[48];
    struct sn_device d;
    struct sn_cost c;
    struct sn_device_time t;
    for (size_t i = 0; i < 48; i++)
        length[i] = 4096;
    union sn_problem p = {.mla = {.requests = 48,
                                  .queries = 2,
                                  .heads = 128,
                                  .latent = 512,
                                  .rope = 64,
                                  .page = 128,
                                  .kv_type = SN_BF16,
                                  .length = length}};
    cr_assert_eq(sn_device_open(&d, "ascend910c-die"), SN_OK, "%s", sn_status_message());
    sn_cost_of(SN_OP_MLA, &p, &c);
    sn_device_predict(&d, SN_OP_MLA, &c, &t);
    cr_expect_float_eq(t.s * 1e6, 445.3, 0.1, "%g us", t.s * 1e6);
    cr_expect_eq(t.flags, SN_DEVICE_NO_LAUNCH);
    p.mla.queries = 1; /* 242 FLOP/B: 222.7 us of operations, memory 48 x 4096 x 1152 B and a little
                          more at 0.841 x 1.6e12 B/s: 168.3 us */
    sn_cost_of(SN_OP_MLA, &p, &c);
    sn_device_predict(&d, SN_OP_MLA, &c, &t);
    cr_expect_float_eq(t.s * 1e6, 222.7, 0.1, "%g us", t.s * 1e6);
    cr_expect(t.memory_s / 0.841 * 1e6 > 168.2 && t.memory_s / 0.841 * 1e6 < 180);
    sn_device_close(&d);
}

/* Diagnosis: the right name for each kind of fault, no alarm on healthy matrices, honest doubt. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/diagnose.h"
#include "harness/diagnose_fit.h"
#include "harness/diagnose_tail.h"

/* --- Student's t ------------------------------------------------------------------------------ */

/* Closed forms: nu = 1 (Cauchy), 2, 4; the normal from erfc. */
Test(diagnose, tails_have_closed_forms)
{
    for (double x = -3; x < 60; x += 0.7) {
        double r = x / sqrt(4 + x * x);
        double four = 0.5 - 0.75 * (r - r * r * r / 3);
        cr_expect(fabs(sn_tail_t(x, 1) - (0.5 - atan(x) / M_PI)) < 1e-12, "nu 1 at %g", x);
        cr_expect(fabs(sn_tail_t(x, 2) - (0.5 - x / (2 * sqrt(2 + x * x)))) < 1e-12, "nu 2, %g", x);
        cr_expect(fabs(sn_tail_t(x, 4) - four) < 1e-12, "nu 4 at %g", x);
    }
    cr_expect(fabs(sn_tail_t(1.959963984540054, INFINITY) - 0.025) < 1e-12);
    cr_expect(fabs(sn_tail_t(1.959963984540054, 1e7) - 0.025) < 1e-6);
    /* far out, where differences from 1 would lose everything: nu = 2 is 1 / (2 x^2) there */
    cr_expect(fabs(sn_tail_t(1e6, 2) / 0.5e-12 - 1) < 1e-6);
}

Test(diagnose, quantiles_invert_tails)
{
    static const double nu[] = {1, 2, 3, 5, 30, 1e4, INFINITY}, p[] = {0.5, 0.1, 1e-3, 1e-6, 1e-9};
    for (size_t i = 0; i < sizeof nu / sizeof *nu; i++)
        for (size_t k = 1; k < sizeof p / sizeof *p; k++) {
            double x = sn_tail_t_quantile(p[k], nu[i]);
            cr_expect(fabs(sn_tail_t(x, nu[i]) / p[k] - 1) < 1e-6, "nu %g p %g", nu[i], p[k]);
        }
}

/* Student's t from its definition: a normal over the root of a mean of squares. */
static double t_noise(struct sn_rng *r, int nu)
{
    double squares = 0;
    for (int i = 0; i < nu; i++) {
        double g = sn_rng_normal(r);
        squares += g * g;
    }
    return sn_rng_normal(r) / sqrt(squares / nu);
}

Test(diagnose, tails_are_recognised)
{
    enum { N = 4000 };
    double *x = malloc(N * sizeof *x), scale;
    struct sn_rng r = sn_rng_make(1, 2);
    for (int i = 0; i < N; i++)
        x[i] = 0.3 * t_noise(&r, 3);
    double nu = sn_tail_fit(x, N, &scale);
    cr_expect(nu >= 3 && nu <= 4, "nu of t3: %g", nu);
    cr_expect(fabs(scale / 0.3 - 1) < 0.1, "scale %g", scale);
    for (int i = 0; i < N; i++)
        x[i] = 0.3 * sn_rng_normal(&r);
    nu = sn_tail_fit(x, N, &scale);
    cr_expect(nu >= 20, "nu of a normal: %g", nu);
    cr_expect(fabs(scale / 0.3 - 1) < 0.05, "scale %g", scale);
    free(x);
}

/* --- false alarms and power, on matrices ------------------------------------------------------ */

enum noise { NORMAL, CONTAMINATED, T4, DISTURBED, DISTURBED_OF_3 };

static double noise_of(struct sn_rng *r, enum noise kind, double s)
{
    switch (kind) {
    case NORMAL:
        return s * sn_rng_normal(r);
    case CONTAMINATED: /* one in twenty four times as wide */
        return s * sn_rng_normal(r) * (sn_rng_uniform(r) < 0.05 ? 4 : 1);
    case T4:
        return s * t_noise(r, 4);
    case DISTURBED: /* one in twenty lengthened */
        return s * sn_rng_normal(r) +
               (sn_rng_uniform(r) < 0.05 ? 3 * s * sn_rng_exponential(r) : 0);
    case DISTURBED_OF_3: { /* the median of three launches */
        double x[3];
        for (int i = 0; i < 3; i++)
            x[i] = noise_of(r, DISTURBED, s);
        return sn_fit_median(x, 3, false);
    }
    }
    return 0;
}

/* Healthy: endpoints differ by 1 %, cells by noise. y (n, n), log times of lognormal noise. */
static void healthy(double *y, size_t n, enum noise kind, double s, struct sn_rng *r)
{
    double a[32], b[32];
    for (size_t i = 0; i < n; i++) {
        a[i] = 0.01 * sn_rng_normal(r);
        b[i] = 0.01 * sn_rng_normal(r);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            y[i * n + j] = i == j ? NAN : log(20e-6) + a[i] + b[j] + noise_of(r, kind, s);
}

static void search(double *y, size_t n, double alpha, double threshold, bool once,
                   struct sn_fit *fit)
{
    static unsigned char tier[32 * 32];
    struct sn_matrix x = {.n = n, .y = y, .tier = tier, .tiers = 1};
    /* two kinds share alpha, as in diagnose_levels.c */
    struct sn_fit_opts o = {threshold, alpha, 2 * 2.0 * (double)n, 2 * (double)n * (double)(n - 1),
                            once};
    sn_fit_matrix(&x, &o, fit);
}

static int alarms(size_t n, enum noise kind, double s, double alpha, double threshold, int trials)
{
    int found = 0;
    for (int t = 0; t < trials; t++) {
        struct sn_rng r = sn_rng_make(1 + (uint64_t)t, n * 100 + kind);
        double y[32 * 32];
        struct sn_fit fit;
        healthy(y, n, kind, s, &r);
        search(y, n, alpha, threshold, kind != DISTURBED_OF_3, &fit);
        found += fit.n_found > 0;
        sn_fit_free(&fit);
    }
    return found;
}

/* At most alpha, and three standard deviations of the count. */
Test(diagnose, healthy_matrices_raise_no_alarm, .timeout = 120)
{
    static const double s[] = {0.02, 0.05, 0.1};
    static const struct {
        size_t n;
        int trials;
    } sizes[] = {{4, 1000}, {5, 1000}, {8, 600}, {16, 200}, {32, 40}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int i = 0; i < 3; i++)
            for (enum noise kind = NORMAL; kind <= T4; kind++) {
                double mean = 0.01 * sizes[k].trials;
                int n = alarms(sizes[k].n, kind, s[i], 0.01, 0.05, sizes[k].trials);
                cr_expect(n <= mean + 3 * sqrt(mean) + 1, "n %zu noise %d of %g: %d of %d alarms",
                          sizes[k].n, kind, s[i], n, sizes[k].trials);
            }
}

/* A disturbance that lengthens one cell is what a slow pair looks like: one launch cannot tell them
 * apart: up to 6 of 100 matrices raise an alarm. The median of three launches can. */
Test(diagnose, launches_keep_disturbances_out, .timeout = 120)
{
    static const double s[] = {0.02, 0.05, 0.1};
    for (size_t n = 8; n <= 16; n += 8)
        for (int i = 0; i < 3; i++) {
            int trials = n == 8 ? 600 : 200;
            double mean = 0.01 * trials;
            int one = alarms(n, DISTURBED, s[i], 0.01, 0.05, trials);
            int three = alarms(n, DISTURBED_OF_3, s[i], 0.01, 0.05, trials);
            cr_expect(three <= mean + 3 * sqrt(mean) + 1, "n %zu, %g: %d of %d", n, s[i], three,
                      trials);
            cr_expect(one <= 0.1 * trials, "one launch, n %zu, %g: %d of %d", n, s[i], one, trials);
        }
}

/* The count above can fail: without threshold and at a level of 50 % there are many alarms, and at
 * 10 % no more than that share. */
Test(diagnose, the_level_means_what_it_says, .timeout = 60)
{
    int half = alarms(8, NORMAL, 0.05, 0.5, 0, 300), tenth = alarms(8, NORMAL, 0.05, 0.1, 0, 300);
    cr_expect(half > 30, "level 50 %%: %d of 300", half);
    cr_expect(tenth <= 30 + 3 * sqrt(30), "level 10 %%: %d of 300", tenth);
}

/* One link at half speed: twice the time. */
Test(diagnose, half_speed_is_found, .timeout = 60)
{
    static const struct {
        size_t n;
        double s;
        bool launches; /* several */
    } c[] = {{5, 0.02, false},  {8, 0.02, false},  {8, 0.03, false},
             {16, 0.03, false}, {32, 0.03, false}, {32, 0.05, true}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        int trials = c[k].n < 16 ? 400 : c[k].n < 32 ? 200 : 50, right = 0;
        for (int t = 0; t < trials; t++) {
            struct sn_rng r = sn_rng_make(1 + (uint64_t)t, 77 + c[k].n);
            double y[32 * 32];
            struct sn_fit f;
            healthy(y, c[k].n, NORMAL, c[k].s, &r);
            y[2 * c[k].n + 1] += log(2);
            search(y, c[k].n, 0.01, 0.05, !c[k].launches, &f);
            right += f.n_found == 1 && f.found[0].type == SN_OUTLIER_CELL && f.found[0].i == 2 &&
                     f.found[0].j == 1 && f.found[0].lo < log(2) * 1.2 &&
                     f.found[0].hi > log(2) * 0.8;
            sn_fit_free(&f);
        }
        cr_expect(right >= 0.99 * trials, "n %zu, noise %g: %d of %d", c[k].n, c[k].s, right,
                  trials);
    }
}

/* The interval covers the true effect 95 times of 100, of a row as of a cell. */
Test(diagnose, intervals_cover, .timeout = 60)
{
    enum { N = 8, TRIALS = 400 };
    int cell = 0, row = 0;
    for (int t = 0; t < TRIALS; t++) {
        struct sn_rng r = sn_rng_make(3, 1000 + (uint64_t)t);
        double y[N * N];
        struct sn_fit f;
        for (int i = 0; i < N * N; i++)
            y[i] = 0.03 * sn_rng_normal(&r) + (i / N == 3 ? 0.8 : 0) + (i == 5 * N + 6 ? 0.9 : 0);
        search(y, N, 0.01, 0.05, false, &f);
        for (size_t i = 0; i < f.n_found; i++) {
            row += f.found[i].type == SN_OUTLIER_ROW && f.found[i].i == 3 && f.found[i].lo < 0.8 &&
                   f.found[i].hi > 0.8;
            cell +=
                f.found[i].type == SN_OUTLIER_CELL && f.found[i].lo < 0.9 && f.found[i].hi > 0.9;
        }
        sn_fit_free(&f);
    }
    cr_expect(row >= 0.9 * TRIALS, "row: %d of %d", row, TRIALS);
    cr_expect(cell >= 0.9 * TRIALS, "cell: %d of %d", cell, TRIALS);
}

/* --- names, on rows --------------------------------------------------------------------------- */

/* What the rows of `run pairs` of a machine with faults would say. Times in units of a healthy path
 * between nodes; what multiplies them is given by a function of the case. */
struct machine {
    int n, planes; /* planes 0: one matrix, all of them together */
    int node;      /* dies of a node; 0: a flat machine on the wall clock */
    double noise;
    int launches;
    bool tells; /* rows say what src and dst are to each other; the option does not say it */
    /* The factor of the time; 0: cut; NAN: no row. */
    double (*fault)(int src, int dst, int plane, int launch);
};

static double none(int src, int dst, int plane, int launch)
{
    return 1;
}

static void add_row(struct sn_rows *rows, const struct machine *m, int src, int dst, int plane,
                    int launch, struct sn_rng *r)
{
    double factor = m->fault(src, dst, plane, launch), base = 20e-6, samples[20];
    struct sn_row *row = &rows->rows[rows->n];
    if (isnan(factor))
        return;
    rows->n++;
    sn_row_init(row);
    row->bench = "pairs";
    sn_row_add_param_text(row, "op", "put");
    sn_row_add_param_int(row, "size", 1 << 20);
    if (m->planes)
        sn_row_add_param_int(row, "plane", plane);
    else
        sn_row_add_param_text(row, "plane", "all");
    sn_row_add_param_int(row, "src", src);
    sn_row_add_param_int(row, "dst", dst);
    row->clock = m->node ? "model" : "wall";
    row->launch = launch;
    if (m->node) /* package, node, supernode */
        base *= src / 2 == dst / 2 ? 0.4 : src / m->node == dst / m->node ? 0.8 : 1;
    if (m->tells && src != dst)
        sn_row_add_flag(row, src / 2 == dst / 2               ? "path-package"
                             : src / m->node == dst / m->node ? "path-node"
                                                              : "path-supernode");
    if (factor > 0) {
        double cell = base * factor * exp(m->noise * sn_rng_normal(r));
        for (int i = 0; i < 20; i++) /* samples with a slow tail */
            samples[i] =
                cell * (1 + (m->noise > 0) * 0.02 * sn_rng_exponential(r) * sn_rng_exponential(r));
        sn_row_set_samples(row, samples, 20);
        sn_row_compute(row);
    } else {
        row->status = SN_ROW_SKIPPED;
        row->reason = sn_row_str(row, "plane %d is cut", plane);
    }
    sn_row_set_id(row);
}

static void diagnose(const struct machine *m, struct sn_diagnosis *d)
{
    struct sn_diagnose_opts o = {.alpha = 0.01, .threshold = 0.05, .detect = 2};
    int planes = m->planes ? m->planes : 1, launches = m->launches ? m->launches : 1;
    struct sn_rows rows = {0};
    struct sn_rng r = sn_rng_make(5, 6);
    o.node = m->tells ? 0 : m->node;
    rows.rows = calloc((size_t)(m->n * m->n * planes * launches), sizeof *rows.rows);
    for (int l = 0; l < launches; l++)
        for (int p = 0; p < planes; p++)
            for (int i = 0; i < m->n; i++)
                for (int j = 0; j < m->n; j++)
                    add_row(&rows, m, i, j, p, l, &r);
    cr_assert_eq(sn_diagnose_rows(d, &rows, 1, &o), SN_OK, "%s", sn_status_message());
    sn_rows_free(&rows);
}

/* The names found, joined by "; ". */
static void finds(const struct machine *m, const char *want, double ratio)
{
    struct sn_diagnosis d;
    struct sn_buf b = {0};
    diagnose(m, &d);
    for (size_t i = 0; i < d.n_faults; i++) {
        char *name = sn_fault_name(&d.faults[i]);
        sn_buf_addf(&b, "%s%s%s", i ? "; " : "", name, d.faults[i].cut ? " (cut)" : "");
        free(name);
        if (!d.faults[i].cut && ratio > 0)
            cr_expect(fabs(exp(d.faults[i].shift) / ratio - 1) < 0.1, "%s: ratio %g, not %g", want,
                      exp(d.faults[i].shift), ratio);
    }
    cr_expect_str_eq(b.data ? b.data : "", want, "found '%s', not '%s'", b.data ? b.data : "",
                     want);
    cr_expect_eq(d.verdict, *want ? SN_DIAGNOSIS_FOUND : SN_DIAGNOSIS_HEALTHY, "%s: %s", want,
                 d.matrices[0].unsure ? d.matrices[0].unsure : "-");
    sn_buf_free(&b);
    sn_diagnosis_free(&d);
}

#define FAULT(name, expression)                                                                    \
    static double name(int src, int dst, int plane, int launch)                                    \
    {                                                                                              \
        return expression;                                                                         \
    }

FAULT(pair_3_9, src == 3 && dst == 9 ? 2 : 1)
FAULT(pair_both, (src == 3 && dst == 9) || (src == 9 && dst == 3) ? 2 : 1)
FAULT(die_5_out, src == 5 ? 2 : 1)
FAULT(die_5_in, dst == 5 ? 2 : 1)
FAULT(die_5, src == 5 || dst == 5 ? 2 : 1)
/* Links to the switches: not those inside the package, and within the node another share. */
FAULT(die_5_links, (src == 5) == (dst == 5) || src / 2 == dst / 2 ? 1
                   : src / 16 == dst / 16                         ? 1.6
                                                                  : 2)
FAULT(node_2, (src / 16 == 2) != (dst / 16 == 2) ? 2 : 1)
FAULT(node_2_out, src / 16 == 2 && dst / 16 != 2 ? 2 : 1)
FAULT(node_2_inside, src / 16 == 2 && dst / 16 == 2 && src / 2 != dst / 2 ? 2 : 1)
FAULT(nodes_1_3, src / 16 == 1 && dst / 16 == 3 ? 2 : 1)
FAULT(two, src == 5 ? 2 : dst == 21 ? 2 : 1)
FAULT(node_and_pair, node_2(src, dst, plane, 0) * (src == 3 && dst == 9 ? 2 : 1))
FAULT(plane_3, plane == 3 ? 2 : 1)
FAULT(plane_3_cut, plane == 3 ? 0 : 1)
FAULT(node_2_plane_1, plane == 1 && (src / 4 == 2) != (dst / 4 == 2) ? 2 : 1)
FAULT(die_5_plane_2, plane == 2 && (src == 5 || dst == 5) ? 2 : 1)
FAULT(die_5_plane_2_cut, plane == 2 && (src == 5) != (dst == 5) && src / 2 != dst / 2 ? 0 : 1)
FAULT(node_2_cut, (src / 4 == 2) != (dst / 4 == 2) ? 0 : 1)
FAULT(die_5_cut_out, src == 5 ? 0 : 1)
FAULT(pair_3_9_cut, src == 3 && dst == 9 ? 0 : 1)
FAULT(plane_cut_and_slow_die, plane == 3 ? 0 : src == 5 ? 2 : 1)
FAULT(last_2_in_one_node, (src == 6 || src == 7) != (dst == 6 || dst == 7) ? 3 : 1)
FAULT(disturbed, launch == 1 && src == 2 && dst == 4 ? 3 : 1)

FAULT(host_2, src == 2 || dst == 2 ? 8 : 1)
FAULT(host_0_out, src == 0 ? 8 : 1)
FAULT(lasting, src == 2 && dst == 4 ? 3 : 1)
FAULT(half_missing, (src * 7 + dst * 3) % 5 < 3 ? NAN : 1)

Test(diagnose, healthy_rows)
{
    finds(&(struct machine){.n = 64, .node = 16, .fault = none}, "", 0);
    finds(&(struct machine){.n = 16, .planes = 7, .node = 4, .fault = none}, "", 0);
    finds(&(struct machine){.n = 8, .noise = 0.01, .fault = none}, "", 0);
    finds(&(struct machine){.n = 4, .noise = 0.005, .fault = none}, "", 0);
    finds(&(struct machine){.n = 16, .noise = 0.03, .launches = 3, .fault = none}, "", 0);
}

Test(diagnose, pairs_and_endpoints)
{
    for (int noise = 0; noise < 2; noise++) {
        struct machine m = {.n = 12, .node = noise ? 0 : 16, .noise = noise ? 0.02 : 0};
        m.fault = pair_3_9;
        finds(&m, "pair 3 -> 9", 2);
        m.fault = pair_both;
        finds(&m, "pair 3 <-> 9", 2);
        m.fault = die_5_out;
        finds(&m, "endpoint 5, sending", 2);
        m.fault = die_5_in;
        finds(&m, "endpoint 5, receiving", 2);
        m.fault = die_5;
        finds(&m, "endpoint 5, sending and receiving", 2);
    }
}

/* The smallest matrix there is, as with four hosts: half of the cells are slow. */
Test(diagnose, one_of_four)
{
    struct machine m = {.n = 4, .noise = 0.005, .fault = host_2};
    finds(&m, "endpoint 2, sending and receiving", 8);
    m.fault = host_0_out;
    finds(&m, "endpoint 0, sending", 8);
}

Test(diagnose, nodes)
{
    struct machine m = {.n = 64, .node = 16};
    m.fault = node_2;
    finds(&m, "node 2, sending and receiving", 2);
    m.fault = node_2_out;
    finds(&m, "node 2, sending", 2);
    m.fault = node_2_inside;
    finds(&m, "node 2, within", 2);
    m.fault = nodes_1_3;
    finds(&m, "nodes 1 -> 3", 2);
    m.fault = die_5_links;
    finds(&m, "endpoint 5, sending and receiving", 2);
    m.noise = 0.02;
    m.fault = node_2;
    finds(&m, "node 2, sending and receiving", 2);
}

/* Nodes of 4, of which only the rows know. */
Test(diagnose, rows_tell_nodes)
{
    finds(
        &(struct machine){.n = 16, .planes = 3, .node = 4, .tells = true, .fault = node_2_plane_1},
        "node 2, sending and receiving, plane 1", 2);
    finds(&(struct machine){.n = 16, .node = 4, .tells = true, .fault = none}, "", 0);
}

/* Three nodes have no peers enough, their endpoints do. */
Test(diagnose, node_of_few)
{
    finds(&(struct machine){.n = 16, .node = 2, .fault = last_2_in_one_node},
          "node 3, sending and receiving", 3);
    finds(&(struct machine){.n = 48, .node = 16, .fault = node_2_out}, "node 2, sending", 2);
}

Test(diagnose, two_faults_at_once)
{
    finds(&(struct machine){.n = 64, .node = 16, .fault = two},
          "endpoint 5, sending; endpoint 21, receiving", 2);
    finds(&(struct machine){.n = 64, .node = 16, .fault = node_and_pair},
          "node 2, sending and receiving; pair 3 -> 9", 2);
    finds(&(struct machine){.n = 32, .noise = 0.02, .fault = two},
          "endpoint 5, sending; endpoint 21, receiving", 2);
}

Test(diagnose, planes)
{
    struct machine m = {.n = 16, .planes = 7, .node = 4};
    m.fault = plane_3;
    finds(&m, "plane 3", 2);
    m.fault = node_2_plane_1;
    finds(&m, "node 2, sending and receiving, plane 1", 2);
    m.fault = die_5_plane_2;
    finds(&m, "endpoint 5, sending and receiving, plane 2", 2);
    m.fault = pair_3_9; /* on every plane: one pair, not seven */
    finds(&m, "pair 3 -> 9", 2);
}

Test(diagnose, cut)
{
    struct machine m = {.n = 16, .planes = 7, .node = 4};
    m.fault = plane_3_cut;
    finds(&m, "plane 3 (cut)", 0);
    m.fault = die_5_plane_2_cut;
    finds(&m, "endpoint 5, sending and receiving, plane 2 (cut)", 0);
    m.fault = node_2_cut;
    finds(&m, "node 2, sending and receiving (cut)", 0);
    m.fault = die_5_cut_out;
    finds(&m, "endpoint 5, sending (cut)", 0);
    m.fault = pair_3_9_cut;
    finds(&m, "pair 3 -> 9 (cut)", 0);
    m.fault = plane_cut_and_slow_die;
    finds(&m, "plane 3 (cut); endpoint 5, sending", 2);
}

/* One launch of three disturbed: the link is healthy. The same in every launch: it is not. */
Test(diagnose, launches_tell_disturbance_from_fault)
{
    struct machine m = {.n = 8, .noise = 0.01, .launches = 3, .fault = disturbed};
    finds(&m, "", 0);
    m.fault = lasting;
    finds(&m, "pair 2 -> 4", 3);
    m.launches = 1;
    struct sn_diagnosis d;
    diagnose(&m, &d);
    char *s = sn_fault_sentence(&d, &d.faults[0]);
    cr_expect(strstr(s, "--launches 3"), "%s", s);
    free(s);
    sn_diagnosis_free(&d);
}

static void doubts(const struct machine *m, const char *words)
{
    struct sn_diagnosis d;
    diagnose(m, &d);
    cr_expect_eq(d.verdict, SN_DIAGNOSIS_UNSURE);
    cr_assert(d.matrices[0].unsure);
    cr_expect(strstr(d.matrices[0].unsure, words), "'%s' does not say '%s'", d.matrices[0].unsure,
              words);
    sn_diagnosis_free(&d);
}

Test(diagnose, says_when_it_cannot_tell)
{
    doubts(&(struct machine){.n = 3, .noise = 0.01, .fault = none}, "at least 4");
    doubts(&(struct machine){.n = 8, .noise = 0.5, .fault = none}, "--launches 3");
    doubts(&(struct machine){.n = 8, .noise = 0.01, .fault = half_missing}, "every src with");
}

Test(diagnose, needs_src_and_dst)
{
    struct sn_rows rows = {0};
    struct sn_diagnosis d;
    struct sn_diagnose_opts o = {.alpha = 0.01, .threshold = 0.05, .detect = 2};
    cr_expect_eq(sn_diagnose_rows(&d, &rows, 1, &o), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "run pairs"));
}

/* The JSON is JSON, and figures that do not exist are null. */
Test(diagnose, json_is_json)
{
    struct machine m = {.n = 16, .planes = 7, .node = 4, .fault = plane_cut_and_slow_die};
    struct sn_diagnosis d;
    char *text = NULL;
    size_t n = 0;
    diagnose(&m, &d);
    FILE *f = open_memstream(&text, &n);
    cr_assert_eq(sn_diagnosis_print(f, &d, SN_FORMAT_JSON), SN_OK);
    fclose(f);
    json_error_t error;
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    cr_assert(j, "%s: %s", error.text, text);
    const json_t *found = json_object_get(j, "findings");
    cr_expect_str_eq(json_string_value(json_object_get(j, "verdict")), "found");
    cr_assert_eq(json_array_size(found), 2);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(found, 0), "plane")), 3);
    cr_expect(json_is_null(json_object_get(json_array_get(found, 0), "time_ratio")));
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(found, 1), "src")), 5);
    json_decref(j);
    free(text);
    sn_diagnosis_free(&d);
}

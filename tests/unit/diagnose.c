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

/* What the rows of `run pairs` of a machine with faults would say. Times in units of a healthy path
 * between nodes; what multiplies them is given by a function of the case. */
struct machine {
    int n, planes; /* planes 0: one matrix, all of them together */
    int step;      /* between the numbers of the endpoints; 0: 1 */
    int node;      /* dies of a node; 0: a flat machine on the wall clock */
    double noise;
    unsigned seed; /* of it */
    int launches;
    bool tells; /* rows say what src and dst are to each other; the option does not say it */
    /* The factor of the time; 0: cut; NAN: no row; -1: a row that failed. */
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
    if (factor < 0) {
        row->status = SN_ROW_FAILED;
        row->reason = sn_row_str(row, "block 3 is damaged");
    } else if (factor > 0) {
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
    int planes = m->planes ? m->planes : 1, step = m->step ? m->step : 1,
        launches = m->launches ? m->launches : 1;
    struct sn_rows rows = {0};
    struct sn_rng r = sn_rng_make(5, 6 + m->seed);
    o.node = m->tells ? 0 : m->node;
    rows.rows = calloc((size_t)(m->n * m->n * planes * launches), sizeof *rows.rows);
    for (int l = 0; l < launches; l++)
        for (int p = 0; p < planes; p++)
            for (int i = 0; i < m->n; i++)
                for (int j = 0; j < m->n; j++)
                    add_row(&rows, m, i * step, j * step, p, l, &r);
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
FAULT(node_1, (src / 16 == 1) != (dst / 16 == 1) ? 2 : 1)
FAULT(node_1_out, src / 16 == 1 && dst / 16 != 1 ? 2 : 1)
FAULT(node_1_of_8_plane_1, plane == 1 && (src / 8 == 1) != (dst / 8 == 1) ? 2 : 1)
FAULT(node_3_of_8, (src / 8 == 3) != (dst / 8 == 3) ? 2 : 1)
FAULT(die_14, src == 14 || dst == 14 ? 2 : 1)
FAULT(die_63_out, src == 63 ? 2 : 1)
FAULT(die_8, src == 8 || dst == 8 ? 2 : 1)
FAULT(from_5_failed, src == 5 ? -1 : 1)
FAULT(to_5_missing, dst == 5 && src != 0 ? NAN : 1)
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

/* One slow die of the two or three that were looked at of its node is no slow node; two of two are.
 */
Test(diagnose, one_die_is_no_node)
{
    finds(&(struct machine){.n = 10, .step = 7, .node = 16, .fault = die_14},
          "endpoint 14, sending and receiving", 2);
    finds(&(struct machine){.n = 10, .step = 7, .node = 16, .fault = die_63_out},
          "endpoint 63, sending", 2);
    finds(&(struct machine){.n = 8, .step = 8, .node = 16, .fault = die_8},
          "endpoint 8, sending and receiving", 2);
    finds(&(struct machine){.n = 8, .step = 8, .node = 16, .noise = 0.01, .fault = die_8},
          "endpoint 8, sending and receiving", 2);
    finds(&(struct machine){.n = 10, .step = 7, .node = 16, .planes = 3, .fault = die_14},
          "endpoint 14, sending and receiving", 2);
    finds(&(struct machine){.n = 8, .step = 8, .node = 16, .fault = node_2},
          "node 2, sending and receiving", 2);
    finds(&(struct machine){.n = 22, .step = 3, .node = 16, .fault = node_2},
          "node 2, sending and receiving", 2);
}

/* Nodes of 8 dies, every fourth looked at: numbers alone would make them nodes of 16. */
Test(diagnose, strided_rows_tell_nodes)
{
    struct machine m = {.n = 16, .step = 4, .node = 8, .tells = true, .fault = node_3_of_8};
    finds(&m, "node 3, sending and receiving", 2);
    m.fault = none;
    finds(&m, "", 0);
}

/* Two nodes: when only one direction or plane is slow the others tell; which node it is they do
 * not. Three: the fastest pair of nodes tells. */
Test(diagnose, few_nodes_that_tell)
{
    for (int noise = 0; noise < 2; noise++) {
        struct machine m = {.n = 32, .node = 16, .noise = noise * 0.01, .fault = node_1_out};
        finds(&m, "nodes 1 -> 0", 2);
        m.n = 48;
        finds(&m, "node 1, sending", 2);
        m.fault = node_1;
        finds(&m, "node 1, sending and receiving", 2);
        m = (struct machine){.n = 16, .planes = 7, .node = 8, .noise = noise * 0.01};
        m.fault = node_1_of_8_plane_1;
        finds(&m, "nodes 0 <-> 1, plane 1", 2);
        m.n = 24;
        finds(&m, "node 1, sending and receiving, plane 1", 2);
    }
    finds(&(struct machine){.n = 32, .node = 16, .fault = die_5},
          "endpoint 5, sending and receiving", 2);
    finds(&(struct machine){.n = 6, .step = 7, .node = 16, .fault = die_14},
          "endpoint 14, sending and receiving", 2);
    finds(&(struct machine){.n = 16, .planes = 7, .node = 8, .fault = plane_3}, "plane 3", 2);
}

/* At most alpha, 1 %, and three standard deviations of the count. */
Test(diagnose, few_healthy_nodes_raise_no_alarm, .timeout = 120)
{
    enum { TRIALS = 300 };
    for (int nodes = 2; nodes <= 3; nodes++)
        for (int noise = 1; noise <= 3; noise++) {
            int alarms = 0;
            for (unsigned t = 0; t < TRIALS; t++) {
                struct machine m = {
                    .n = 6 * nodes, .node = 6, .noise = 0.02 * noise, .seed = t, .fault = none};
                struct sn_diagnosis d;
                diagnose(&m, &d);
                alarms += d.verdict == SN_DIAGNOSIS_FOUND;
                sn_diagnosis_free(&d);
            }
            cr_expect(alarms <= 0.01 * TRIALS + 3 * sqrt(0.01 * TRIALS),
                      "%d nodes, noise %g: %d of %d", nodes, 0.02 * noise, alarms, TRIALS);
        }
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
    /* a node slow in both directions looks like this, too */
    doubts(&(struct machine){.n = 32, .node = 16, .fault = none}, "2 nodes");
    doubts(&(struct machine){.n = 32, .node = 16, .fault = node_1}, "2 nodes");
    doubts(&(struct machine){.n = 32, .node = 16, .noise = 0.01, .fault = node_1}, "2 nodes");
    doubts(&(struct machine){.n = 48, .node = 16, .fault = none}, "3 nodes");
    doubts(&(struct machine){.n = 8, .noise = 0.01, .fault = from_5_failed}, "endpoint 5");
    doubts(&(struct machine){.n = 8, .noise = 0.01, .fault = to_5_missing}, "endpoint 5");
    doubts(&(struct machine){.n = 64, .node = 16, .fault = from_5_failed}, "endpoint 5");
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

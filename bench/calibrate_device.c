/* From measured rows of kernels to a device profile: calibrate_device.h. */
#include "bench/calibrate_device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/calibrate_rows.h"
#include "bench/device.h"
#include "bench/micro/kernel_model.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/plan.h"
#include "harness/table.h"

/* A usable row with the cost of its problem. */
struct point {
    const struct sn_row *row;
    enum sn_op op;
    struct sn_cost cost;
    bool hot;
    double x, s; /* principal shape; measured */
};

struct calibration {
    const char *dir;
    struct point *points;
    size_t n;
    long long threads;
    struct sn_device d;
    char **texts; /* that d points to */
    size_t n_texts;
};

static const struct sn_app app = {.benches = sn_benches};

static const char *keep(struct calibration *c, char *text)
{
    c->texts = sn_realloc(c->texts, c->n_texts + 1, sizeof *c->texts);
    return c->texts[c->n_texts++] = text;
}

static void warn(struct calibration *c, char *text)
{
    c->d.warnings = sn_realloc(c->d.warnings, c->d.n_warnings + 1, sizeof *c->d.warnings);
    c->d.warnings[c->d.n_warnings++] = keep(c, text);
}

static const struct sn_bench *bench_of(const struct sn_row *r)
{
    const struct sn_bench *b = sn_bench_find(&app, r->bench);
    return b && sn_kernel_is_bench(b) ? b : NULL;
}

bool sn_cal_has_kernels(const struct sn_rows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        if (sn_cal_usable(&rows->rows[i]) && bench_of(&rows->rows[i]))
            return true;
    return false;
}

/* --- rows to points --------------------------------------------------------------------------- */

/* The row's parameters as values of the axes that the model clock has: its problem. The others,
 * variants of plug-ins among them, and axes newer than the row have their default. */
static int values_of(const struct sn_bench *b, const struct sn_row *r, struct sn_value *values)
{
    for (size_t i = 0; b->axes[i].name; i++) {
        bool of_problem = sn_axis_on(&b->axes[i], SN_CLOCK_MODEL);
        const struct sn_param *p = of_problem ? sn_row_param(r, b->axes[i].name) : NULL;
        struct sn_sweep s;
        int status = sn_sweep_parse(&s, &b->axes[i], p ? p->text : b->axes[i].def, 1);
        if (status != SN_OK)
            return status;
        values[i] = s.values[0];
        values[i].text = sn_strdup(s.values[0].text);
        sn_sweep_free(&s);
    }
    return SN_OK;
}

static int add_point(struct calibration *c, const struct sn_bench *b, const struct sn_row *r)
{
    size_t n = sn_bench_axis_count(b);
    struct sn_value *values = sn_calloc(n, sizeof *values);
    struct point p = {.row = r, .s = r->stats.median};
    const struct sn_env env = {.seed = r->seed, .clock = SN_CLOCK_MODEL};
    const struct sn_case of = {.bench = b, .values = values, .env = &env, .batch = 1};
    const struct sn_kernel_op *op = b->own;
    int status = values_of(b, r, values);
    if (status == SN_OK)
        status = sn_kernel_cost_of_case(&of, &p.cost);
    if (status == SN_OK) {
        p.op = op->op;
        p.x = p.cost.shapes[0].value;
        p.hot = !strcmp(sn_cal_text(r, "cache"), "hot");
        c->points = sn_realloc(c->points, c->n + 1, sizeof *c->points);
        c->points[c->n++] = p;
    }
    for (size_t i = 0; i < n; i++)
        free(values[i].text);
    free(values);
    return status;
}

static int gather(struct calibration *c, const struct sn_rows *rows)
{
    int status = SN_OK;
    size_t suspect = 0;
    for (size_t i = 0; i < rows->n && status == SN_OK; i++) {
        const struct sn_bench *b = bench_of(&rows->rows[i]);
        suspect += b && sn_row_has_flag(&rows->rows[i], "suspect");
        if (b && sn_cal_usable(&rows->rows[i]))
            status = add_point(c, b, &rows->rows[i]);
    }
    if (suspect)
        warn(c,
             sn_strdupf("%zu rows above their roof (suspect) are left out: was the machine quiet "
                        "when it was measured?",
                        suspect));
    if (status == SN_OK && !c->n)
        status =
            SN_FAIL(SN_EINVAL, "%s: no measured rows of kernels to calibrate a device on", c->dir);
    return status;
}

/* Keeps the points that `keep_it` says, in order. */
static void filter(struct calibration *c, bool (*keep_it)(const struct calibration *, size_t))
{
    bool *kept = sn_calloc(c->n + 1, sizeof *kept);
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        kept[i] = keep_it(c, i);
    for (size_t i = 0; i < c->n; i++)
        if (kept[i])
            c->points[n++] = c->points[i];
    c->n = n;
    free(kept);
}

static size_t with_threads(const struct calibration *c, long long threads)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += sn_cal_int(c->points[i].row, "threads") == threads;
    return n;
}

static bool right_threads(const struct calibration *c, size_t i)
{
    return sn_cal_int(c->points[i].row, "threads") == c->threads;
}

/* Hot rows only where the operation has no others. */
static bool cold_if_any(const struct calibration *c, size_t i)
{
    for (size_t k = 0; k < c->n && c->points[i].hot; k++)
        if (c->points[k].op == c->points[i].op && !c->points[k].hot)
            return false;
    return true;
}

/* Is there a faster row of the same case, but for the variant? The first of equals stays. */
static bool fastest(const struct calibration *c, size_t i)
{
    const struct sn_row *r = c->points[i].row;
    for (size_t k = 0; k < c->n; k++) {
        const struct sn_row *o = c->points[k].row;
        bool same = k != i && !strcmp(o->bench, r->bench) && o->n_params == r->n_params;
        for (size_t p = 0; same && p < r->n_params; p++)
            same = !strcmp(r->params[p].name, "variant") ||
                   !strcmp(r->params[p].text, o->params[p].text);
        if (same &&
            (c->points[k].s < c->points[i].s || (c->points[k].s == c->points[i].s && k < i)))
            return false;
    }
    return true;
}

static void choose(struct calibration *c)
{
    size_t most = 0, all = c->n;
    for (size_t i = 0; i < c->n; i++) {
        long long t = sn_cal_int(c->points[i].row, "threads");
        size_t n = with_threads(c, t);
        if (n > most || (n == most && t > c->threads)) {
            most = n;
            c->threads = t;
        }
    }
    filter(c, right_threads);
    if (c->n < all)
        warn(c, sn_strdupf("%zu rows of another number of threads than %lld are left out",
                           all - c->n, c->threads));
    filter(c, cold_if_any);
    filter(c, fastest);
}

/* --- roofs ------------------------------------------------------------------------------------ */

static double metric(const struct sn_row *r, const char *name)
{
    const struct sn_metric *m = sn_row_metric(r, name);
    return m ? m->value : NAN;
}

static struct sn_figure calibrated(struct calibration *c, double value, const char *of)
{
    return (struct sn_figure){value, SN_FIGURE_CALIBRATED,
                              keep(c, sn_strdupf("%s: %s", c->dir, of))};
}

/* The bytes that a row's memory_limit is made of. */
static double limit_bytes(const struct point *p)
{
    double weights = metric(p->row, "weights");
    return !strcmp(sn_cal_text(p->row, "cache"), "cold-weights")
               ? weights
               : weights + metric(p->row, "activations") + metric(p->row, "output");
}

static int make_roofs(struct calibration *c)
{
    const struct sn_figure none = {NAN, SN_FIGURE_NONE, NULL};
    double launch = INFINITY, bandwidth = NAN;
    bool cold = false;
    c->d.cores = c->d.tile_rows = c->d.tile_cols = c->d.memory = c->d.memory_bytes = c->d.l2 =
        c->d.l2_bytes = c->d.launch = none;
    for (int k = 0; k < SN_PEAKS; k++)
        c->d.peak[k] = none;
    for (size_t i = 0; i < c->n; i++) {
        const struct point *p = &c->points[i];
        enum sn_peak_kind kind = p->cost.parts[0].peak;
        double peak = metric(p->row, "operations") / metric(p->row, "compute_limit"),
               rate = limit_bytes(p) / metric(p->row, "memory_limit");
        if (p->cost.ops > 0 && isfinite(peak) && peak > 0 && !sn_figure_given(&c->d.peak[kind]))
            c->d.peak[kind] =
                calibrated(c, peak, "operations / compute_limit, the roof of its rows");
        cold = cold || (!p->hot && p->cost.ops > 0);
        /* The first cold row: all have one roof, but that of copying. */
        if (!p->hot && isfinite(rate) && rate > 0 && isnan(bandwidth))
            bandwidth = rate;
        if (!(p->cost.ops > 0))
            launch = fmin(launch, p->s);
    }
    if (isnan(bandwidth))
        return SN_FAIL(SN_EINVAL, "%s: no row tells the bandwidth of memory; %s", c->dir,
                       cold ? "its roof could not be measured: run again when the machine is quiet"
                            : "run kernels with cache=cold-weights or cache=cold");
    c->d.memory = calibrated(c, bandwidth, "bytes / memory_limit of cold rows, their roof");
    if (isfinite(launch))
        c->d.launch = calibrated(c, launch, "its fastest row without operations");
    else
        warn(c, sn_strdup("launch: no row without operations (m=0); the calls are within the "
                          "efficiencies"));
    return SN_OK;
}

/* --- efficiencies ----------------------------------------------------------------------------- */

static int by_shape(const void *a, const void *b)
{
    const struct point *p = a, *q = b;
    return p->op != q->op ? (p->op < q->op ? -1 : 1) : (p->x > q->x) - (p->x < q->x);
}

/* What the model takes at the roofs over what was measured. */
static double efficiency(struct calibration *c, const struct point *p)
{
    struct sn_device_time t;
    sn_device_predict(&c->d, p->op, &p->cost, &t);
    double s = p->s - t.launch_s, e = (t.s - t.launch_s) / (s > 0 ? s : p->s);
    if (e > 1) {
        struct sn_buf what = {0};
        sn_cal_describe(p->row, &what);
        warn(c, sn_strdupf("%s: faster than memory allows (%.3g): its operands lie in caches; the "
                           "profile takes them from memory",
                           what.data, e));
        sn_buf_free(&what);
    }
    return fmin(e, 1);
}

/* A range of each shape but the principal one, over points[0..n). */
static void make_valid(const struct point *points, size_t n, struct sn_device_table *t)
{
    const struct sn_cost *first = &points[0].cost;
    t->valid = sn_calloc(first->n_shapes, sizeof *t->valid);
    for (unsigned k = 1; k < first->n_shapes; k++) {
        struct sn_device_range r = {first->shapes[k].name, INFINITY, 0};
        for (size_t i = 0; i < n; i++) {
            r.min = fmin(r.min, points[i].cost.shapes[k].value);
            r.max = fmax(r.max, points[i].cost.shapes[k].value);
        }
        t->valid[t->n_valid++] = r;
    }
}

/* The table of one operation over points[0..n), which are sorted and have operations. */
static struct sn_device_table make_table(struct calibration *c, const struct point *points,
                                         size_t n)
{
    struct sn_device_table t = {.ops = 1u << points[0].op,
                                .over = sn_cost_shapes(points[0].op)[0],
                                .points = sn_calloc(n, sizeof *t.points),
                                .class = SN_FIGURE_CALIBRATED};
    for (size_t i = 0; i < n;) {
        double sum = 0;
        size_t k = i;
        for (; k < n && points[k].x == points[i].x; k++)
            sum += log(efficiency(c, &points[k]));
        t.points[t.n_points++] = (struct sn_device_point){points[i].x, exp(sum / (double)(k - i))};
        i = k;
    }
    make_valid(points, n, &t);
    t.source = keep(c, sn_strdupf("%s: %zu rows of %s at %zu points", c->dir, n,
                                  sn_op_names[points[0].op], t.n_points));
    return t;
}

static void make_tables(struct calibration *c)
{
    struct sn_device_table made[SN_OPS];
    size_t n = 0;
    qsort(c->points, c->n, sizeof *c->points, by_shape);
    for (size_t i = 0; i < c->n;) {
        size_t from = i, to = i;
        while (to < c->n && c->points[to].op == c->points[i].op)
            to++;
        while (from < to && !(c->points[from].x > 0))
            from++; /* no work, no efficiency */
        if (from < to)
            made[n++] = make_table(c, &c->points[from], to - from);
        i = to;
    }
    /* Both roofs have the same: a row tells how much of the one that bounds it is reached, and
     * nothing of the other. */
    c->d.tables = sn_calloc(2 * n + 1, sizeof *c->d.tables);
    for (size_t i = 0; i < n; i++)
        for (int roof = 0; roof < SN_DEVICE_ROOFS; roof++) {
            c->d.tables[c->d.n_tables] = made[i];
            c->d.tables[c->d.n_tables++].roof = (enum sn_device_roof)roof;
        }
}

/* --- what is printed -------------------------------------------------------------------------- */

static void residual_table(const struct calibration *c, struct sn_buf *out)
{
    static const struct sn_column columns[] = {
        {.head = "row"},
        {.head = "measured", .number = true},
        {.head = "model", .number = true},
        {.head = "error", .number = true},
    };
    struct sn_table t;
    sn_table_init(&t);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        sn_table_column(&t, &columns[i]);
    for (size_t i = 0; i < c->n; i++) {
        const struct point *p = &c->points[i];
        struct sn_device_time time;
        struct sn_buf what = {0};
        char text[32];
        sn_buf_add(&what, p->row->bench);
        for (unsigned k = 0; k < p->cost.n_shapes; k++)
            sn_buf_addf(&what, " %s=%.6g", p->cost.shapes[k].name, p->cost.shapes[k].value);
        sn_device_predict(&c->d, p->op, &p->cost, &time);
        sn_table_row(&t);
        sn_table_set(&t, 0, what.data, NULL);
        sn_table_set(&t, 1, sn_units_format(text, sizeof text, p->s, SN_UNIT_SECONDS), NULL);
        sn_table_set(&t, 2, sn_units_format(text, sizeof text, time.s, SN_UNIT_SECONDS), NULL);
        snprintf(text, sizeof text, "%+.1f %%", (time.s / p->s - 1) * 100);
        sn_table_set(&t, 3, text, NULL);
        sn_buf_free(&what);
    }
    sn_table_text(&t, 100, out);
    sn_table_free(&t);
}

static void print(const struct calibration *c, struct sn_buf *text, struct sn_buf *yaml)
{
    struct sn_buf residuals = {0};
    residual_table(c, &residuals);
    sn_buf_addf(text,
                "t = launch + sum over parts of max(operations / (e peak), bytes / (e bandwidth)); "
                "e by operation and shape\n\n%s",
                residuals.data);
    for (size_t i = 0; i < c->d.n_warnings; i++)
        sn_buf_addf(text, "%swarning: %s\n", i ? "" : "\n", c->d.warnings[i]);
    sn_buf_add(yaml, "# Written by snbench calibrate. Residuals of its rows:\n#\n");
    for (const char *line = residuals.data; line && *line;) {
        int n = (int)strcspn(line, "\n");
        sn_buf_addf(yaml, n ? "#   %.*s\n" : "#\n", n, line);
        line += n + (line[n] == '\n');
    }
    sn_device_write(&c->d, yaml);
    sn_buf_free(&residuals);
}

static void close_calibration(struct calibration *c)
{
    for (size_t i = 0; i < c->d.n_tables; i += SN_DEVICE_ROOFS) { /* which share their arrays */
        free(c->d.tables[i].points);
        free(c->d.tables[i].valid);
    }
    free(c->d.tables);
    free(c->d.warnings);
    free(c->points);
    for (size_t i = 0; i < c->n_texts; i++)
        free(c->texts[i]);
    free(c->texts);
}

int sn_cal_device(const struct sn_rows *rows, const char *dir, const char *name,
                  struct sn_buf *yaml, struct sn_buf *text)
{
    struct calibration c = {.dir = dir};
    char where[SN_DEVICE_WHERE];
    int status = gather(&c, rows);
    if (status == SN_OK) {
        choose(&c);
        c.d.name = name;
        c.d.brief = keep(&c, sn_strdupf("this machine, %lld thread%s, fitted to %s", c.threads,
                                        c.threads == 1 ? "" : "s", dir));
        status = make_roofs(&c);
    }
    if (status == SN_OK) {
        make_tables(&c);
        status = sn_device_check(&c.d, where);
    }
    if (status == SN_OK)
        print(&c, text, yaml);
    close_calibration(&c);
    return status;
}

/* Tables in the look of the OSU micro-benchmarks: '#' lines, then columns 10 and 18 wide, two
 * decimals (four below 10), microseconds and MB/s of 1e6 bytes, so that scripts written for OSU
 * read them. One block for each combination of the axes other than the first column's. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The axis of the first column: `size`, else the first whole-number axis that varies, else none. */
static int first_column(const struct sn_group *g)
{
    int at = sn_group_axis(g, "size");

    for (size_t a = 0; a < g->n_axes && at < 0; a++) {
        const struct sn_param *p = sn_row_param(g->lines[0].row, g->axes[a]);
        if (g->varies[a] && p && p->type == SN_PARAM_INT)
            at = (int)a;
    }
    return at;
}

/* The first metric in bytes a second, and the first in operations a second. */
static const char *metric_in(const struct sn_group *g, const char *unit)
{
    for (size_t m = 0; m < g->n_metrics; m++)
        if (strcmp(sn_group_metric(g, g->metrics[m])->unit, unit) == 0)
            return g->metrics[m];
    return NULL;
}

static char *block_label(const struct sn_report *r, const struct sn_group *g,
                         const struct sn_line *l, int axis)
{
    const char *but = axis >= 0 ? g->axes[axis] : "";

    return sn_line_label(r, g, l, &but, 1);
}

static void number(struct sn_buf *out, double value)
{
    if (isfinite(value))
        sn_buf_addf(out, "%18.*f", value < 10 ? 4 : 2, value);
    else
        sn_buf_addf(out, "%18s", "-");
}

static void one_line(const struct sn_group *g, const struct sn_line *l, int axis, const char *rate,
                     const char *messages, struct sn_buf *out)
{
    const char *size = axis >= 0 ? sn_line_param(l, g->axes[axis]) : "-";

    if (l->status == SN_ROW_SKIPPED) {
        sn_buf_addf(out, "# %s skipped: %s\n", size, l->row->reason ? l->row->reason : "-");
        return;
    }
    if (l->status == SN_ROW_FAILED) {
        sn_buf_addf(out, "# %s FAILED: %s\n", size, l->row->reason ? l->row->reason : "-");
        return;
    }
    sn_buf_addf(out, "%-10s", size);
    number(out, l->median * 1e6);
    if (rate)
        number(out, sn_line_metric(l, rate) / 1e6);
    if (messages)
        number(out, sn_line_metric(l, messages));
    sn_buf_add(out, "\n");
}

static void header(const struct sn_group *g, const struct sn_line *l, const char *label, int axis,
                   const char *rate, const char *messages, struct sn_buf *out)
{
    char *name = sn_strdup(axis >= 0 ? g->axes[axis] : "case");

    if (name[0] >= 'a' && name[0] <= 'z')
        name[0] = (char)(name[0] - 'a' + 'A');
    sn_buf_addf(out, "# snbench %s%s%s\n", g->bench, *label ? " " : "", label);
    sn_buf_addf(out, "# %s; latency = median", sn_origin_name(l->row->origin));
    if (l->row->ranks >= 0)
        sn_buf_addf(out, ", %d ranks", l->row->ranks);
    if (rate && strcmp(rate, "bandwidth") != 0)
        sn_buf_addf(out, "; bandwidth = %s", rate);
    sn_buf_addf(out, "\n# %-8s%18s", name, "Latency (us)");
    if (rate)
        sn_buf_addf(out, "%18s", "Bandwidth (MB/s)");
    if (messages)
        sn_buf_addf(out, "%18s", "Messages/s");
    sn_buf_add(out, "\n");
    free(name);
}

static void group(const struct sn_report *r, const struct sn_group *g, struct sn_buf *out)
{
    int axis = first_column(g);
    const char *rate = metric_in(g, "B/s"), *messages = metric_in(g, "op/s");
    char **labels = sn_calloc(g->n_lines + 1, sizeof *labels);

    for (size_t i = 0; i < g->n_lines; i++)
        labels[i] = block_label(r, g, &g->lines[i], axis);
    for (size_t i = 0; i < g->n_lines; i++) {
        bool before = false;
        for (size_t j = 0; j < i && !before; j++)
            before = strcmp(labels[i], labels[j]) == 0;
        if (before)
            continue;
        sn_buf_add(out, out->len ? "\n" : "");
        header(g, &g->lines[i], labels[i], axis, rate, messages, out);
        for (size_t j = i; j < g->n_lines; j++)
            if (strcmp(labels[i], labels[j]) == 0)
                one_line(g, &g->lines[j], axis, rate, messages, out);
    }
    for (size_t i = 0; i < g->n_lines; i++)
        free(labels[i]);
    free(labels);
}

void sn_report_osu(const struct sn_report *r, struct sn_buf *out)
{
    for (size_t i = 0; i < r->n_groups; i++)
        group(r, &r->groups[i], out);
}

/* What `snbench calibrate` prints, and the residuals at the head of the file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/calibrate_parts.h"
#include "harness/base/units.h"
#include "harness/table.h"

static void parameter_row(struct sn_table *t, const struct sn_cal_set *s, enum sn_fit_parameter i)
{
    const struct sn_fit *f = &s->fit;
    char text[32], least[32], most[32];
    if (!f->fitted[i] && !(i == SN_FIT_LATENCY && f->clamped))
        return;
    double value = i == SN_FIT_INVERSE ? sn_cal_bandwidth(s) : f->value[i];
    sn_table_row(t);
    sn_table_set(t, 0, s->what, NULL);
    sn_table_set(t, 1, sn_cal_parameter_words[i], NULL);
    sn_table_set(t, 2,
                 sn_units_format(text, sizeof text, value,
                                 i == SN_FIT_INVERSE ? SN_UNIT_BYTES_PER_S : SN_UNIT_SECONDS),
                 NULL);
    sn_table_set(t, 3, sn_units_format(text, sizeof text, f->error[i], SN_UNIT_FRACTION), NULL);
    snprintf(text, sizeof text, "%zu", f->n);
    sn_table_set(t, 4, text, NULL);
    char *range =
        sn_strdupf("%s to %s", sn_units_format(least, sizeof least, f->least, SN_UNIT_BYTES),
                   sn_units_format(most, sizeof most, f->most, SN_UNIT_BYTES));
    sn_table_set(t, 5, range, NULL);
    free(range);
}

static void print_parameters(const struct sn_calibration *c, struct sn_buf *out)
{
    static const struct sn_column columns[] = {
        {.head = "rows of"},
        {.head = "parameter"},
        {.head = "value", .number = true},
        {.head = "std. error", .number = true},
        {.head = "rows", .number = true},
        {.head = "sizes", .priority = 1},
    };
    const struct sn_cal_set *const sets[] = {&c->write, &c->read};
    struct sn_table t;
    sn_table_init(&t);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        sn_table_column(&t, &columns[i]);
    for (int i = 0; i < 2; i++)
        for (int p = 0; sets[i]->fitted && p < SN_FIT_PARAMETERS; p++)
            parameter_row(&t, sets[i], (enum sn_fit_parameter)p);
    sn_table_text(&t, 100, out);
    sn_table_free(&t);
}

static void residual_row(struct sn_table *t, const struct sn_fit_row *r, double predicted,
                         const char *role)
{
    struct sn_buf what = {0};
    char text[32];
    sn_cal_describe(r->of, &what);
    sn_table_row(t);
    sn_table_set(t, 0, what.data, NULL);
    sn_table_set(t, 1, sn_units_format(text, sizeof text, r->s, SN_UNIT_SECONDS), NULL);
    sn_table_set(t, 2, sn_units_format(text, sizeof text, predicted, SN_UNIT_SECONDS), NULL);
    snprintf(text, sizeof text, "%+.1f %%", (predicted / r->s - 1) * 100);
    sn_table_set(t, 3, text, NULL);
    sn_table_set(t, 4, role, NULL);
    sn_buf_free(&what);
}

static void residual_table(const struct sn_calibration *c, struct sn_table *t)
{
    static const struct sn_column columns[] = {
        {.head = "row"},
        {.head = "measured", .number = true},
        {.head = "model", .number = true},
        {.head = "error", .number = true},
        {.head = "role"},
    };
    const struct sn_cal_set *const sets[] = {&c->write, &c->read, &c->dispatch};
    sn_table_init(t);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        sn_table_column(t, &columns[i]);
    for (int i = 0; i < 3; i++)
        for (size_t k = 0; sets[i]->fitted && k < sets[i]->n; k++)
            residual_row(t, &sets[i]->rows[k], sets[i]->rows[k].predicted,
                         sets[i]->rows[k].used ? "fitted" : "left out");
    for (size_t k = 0; c->write.fitted && k < c->n_others; k++)
        residual_row(t, &c->others[k], sn_cal_foretell(c, &c->others[k]), "foretold");
}

void sn_cal_print(const struct sn_calibration *c, struct sn_buf *text, struct sn_buf *yaml)
{
    struct sn_table t;
    struct sn_buf residuals = {0};
    residual_table(c, &t);
    sn_table_text(&t, 100, &residuals);
    sn_table_free(&t);
    sn_buf_addf(
        text,
        "t = latency + bytes / bandwidth + (messages - 1) max(overhead, bytes / bandwidth);\n"
        "transport %s\n\n",
        c->transport);
    print_parameters(c, text);
    sn_buf_addf(text, "\n%s", residuals.data);
    for (size_t i = 0; i < c->n_warnings; i++)
        sn_buf_addf(text, "%swarning: %s\n", i ? "" : "\n", c->warnings[i]);

    sn_buf_addf(yaml, "# Written by snbench calibrate. Residuals of the fit:\n#\n");
    for (const char *line = residuals.data; line && *line;) {
        int n = (int)strcspn(line, "\n");
        sn_buf_addf(yaml, n ? "#   %.*s\n" : "#\n", n, line);
        line += n + (line[n] == '\n');
    }
    sn_buf_free(&residuals);
}

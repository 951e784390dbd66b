/* Comparison: reads both sides, matches rows, lets contrast.c decide, draws the conclusion. */
#include "harness/compare.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/status.h"
#include "harness/sums.h"

const char *const sn_fail_on_words[] = {"slower", "faster", "any", "none", NULL};
const char *const sn_change_words[] = {"slower", "faster", "same", "inconclusive"};

void sn_comparison_warn(struct sn_comparison *x, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    x->warnings = sn_realloc(x->warnings, x->n_warnings + 1, sizeof *x->warnings);
    x->warnings[x->n_warnings++] = sn_strdup(text);
}

/* --- matching --------------------------------------------------------------------------------- */

static const struct sn_line *find_line(const struct sn_report *r, const char *id,
                                       const struct sn_group **group)
{
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++)
            if (strcmp(r->groups[g].lines[i].row->id, id) == 0) {
                if (group)
                    *group = &r->groups[g];
                return &r->groups[g].lines[i];
            }
    return NULL;
}

/* Does the plan of the run hold the id? */
static bool planned(const struct sn_report *r, const char *id)
{
    const json_t *plan = sn_manifest_get(r->runs[0].manifest, "plan");

    for (size_t i = 0; i < json_array_size(plan); i++) {
        const char *p = json_string_value(json_array_get(plan, i));
        if (p && strcmp(p, id) == 0)
            return true;
    }
    return false;
}

static void add_aside(struct sn_comparison *x, char *label, const char *id, char *what, bool open)
{
    x->asides = sn_realloc(x->asides, x->n_asides + 1, sizeof *x->asides);
    x->asides[x->n_asides++] = (struct sn_aside){label, sn_strdup(id), what, open};
    x->open += open;
}

static void lone_rows(struct sn_comparison *x, const struct sn_report *have,
                      const struct sn_report *lack, const char *side, const char *other)
{
    for (size_t g = 0; g < have->n_groups; g++)
        for (size_t i = 0; i < have->groups[g].n_lines; i++) {
            const struct sn_line *l = &have->groups[g].lines[i];
            if (find_line(lack, l->row->id, NULL))
                continue;
            bool open = planned(lack, l->row->id);
            add_aside(x, sn_medians_label(&have->groups[g], l), l->row->id,
                      open ? sn_strdupf("planned in %s, but it has no row there", other)
                           : sn_strdupf("only in %s", side),
                      open);
        }
}

/* Both sides have the row; it is compared, or listed with what stands in the way. */
static int match(struct sn_comparison *x, const struct sn_group *g, const struct sn_line *a,
                 const struct sn_line *b)
{
    int status = sn_compare_refuse_conditions(a, b);

    if (status)
        return status;
    char *label = sn_medians_label(g, a);
    struct sn_medians base = sn_medians_of(a), next = sn_medians_of(b);
    if (base.n && next.n) {
        x->rows = sn_realloc(x->rows, x->n_rows + 1, sizeof *x->rows);
        x->rows[x->n_rows++] =
            (struct sn_compared){.base = a, .next = b, .label = label, .a = base, .b = next};
        return SN_OK;
    }
    bool skipped = a->status == SN_ROW_SKIPPED && b->status == SN_ROW_SKIPPED;
    char *what = skipped                ? sn_strdupf("%s, on both sides", base.why)
                 : base.why && next.why ? sn_strdupf("in BASE: %s; in NEW: %s", base.why, next.why)
                 : base.why             ? sn_strdupf("in BASE: %s", base.why)
                                        : sn_strdupf("in NEW: %s", next.why);
    add_aside(x, label, a->row->id, what, !skipped);
    sn_medians_free(&base);
    sn_medians_free(&next);
    return SN_OK;
}

static int match_rows(struct sn_comparison *x)
{
    size_t common = 0;
    int status = sn_compare_refuse_inputs(&x->base, &x->next);

    for (size_t g = 0; g < x->base.n_groups && !status; g++)
        for (size_t i = 0; i < x->base.groups[g].n_lines && !status; i++) {
            const struct sn_line *a = &x->base.groups[g].lines[i];
            const struct sn_line *b = find_line(&x->next, a->row->id, NULL);
            if (!b)
                continue;
            common++;
            status = match(x, &x->base.groups[g], a, b);
        }
    if (!status && common == 0)
        status = sn_compare_refuse_nothing_common(&x->base, &x->next);
    if (!status) {
        lone_rows(x, &x->base, &x->next, "BASE", "NEW");
        lone_rows(x, &x->next, &x->base, "NEW", "BASE");
    }
    return status;
}

/* --- noise ------------------------------------------------------------------------------------ */

static bool is_dir(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A noise.json beside rows that it was not made from may be of launches that are there no more. */
static void check_source(struct sn_comparison *x, const struct sn_noise *noise, const char *base)
{
    char *rows = sn_strdupf("%s/rows.jsonl", base), hex[65];
    bool found = false;

    if (sn_sums_of_file(rows, hex) == SN_OK)
        for (size_t i = 0; i < noise->n_runs; i++)
            found = found || strcmp(noise->runs[i].rows_sha256, hex) == 0;
    if (!found)
        sn_comparison_warn(x,
                           "%s was not made from the rows that are there now; run `snbench "
                           "noise` again",
                           x->noise_path);
    free(rows);
}

static void check_noise_machine(struct sn_comparison *x, const struct sn_noise *noise)
{
    const char *here = sn_manifest_str(x->next.runs[0].manifest, "machine_id", NULL);

    for (size_t i = 0; here && i < noise->n_runs; i++)
        if (noise->runs[i].machine_id && strcmp(noise->runs[i].machine_id, here) != 0) {
            sn_comparison_warn(x, "%s is of another machine than NEW", x->noise_path);
            return;
        }
}

static int read_noise(struct sn_comparison *x, const char *base)
{
    const char *asked = x->opts.noise;
    char *path = asked && !is_dir(asked) ? sn_strdup(asked)
                                         : sn_strdupf("%s/" SN_NOISE_FILE, asked ? asked : base);
    struct sn_noise noise = {0};
    size_t without = 0;

    for (size_t i = 0; i < x->n_rows; i++)
        x->rows[i].c.noise = NAN;
    if (!asked && access(path, F_OK) != 0) {
        free(path);
        return SN_OK;
    }
    int status = sn_noise_read(&noise, path);
    if (status) {
        free(path);
        return status;
    }
    x->noise_path = path;
    for (size_t i = 0; i < x->n_rows; i++) {
        struct sn_compared *r = &x->rows[i];
        r->c.noise = sn_noise_find(&noise, r->base->row->id);
        without += !r->a.exact && isnan(r->c.noise);
    }
    if (without)
        sn_comparison_warn(x,
                           "%s knows nothing of %zu of the rows: their threshold is that of "
                           "--threshold alone",
                           path, without);
    if (!asked)
        check_source(x, &noise, base);
    check_noise_machine(x, &noise);
    sn_noise_free(&noise);
    return SN_OK;
}

/* --- the verdict ------------------------------------------------------------------------------ */

static char *percent_interval(const struct sn_contrast *c)
{
    return sn_strdupf("%+.1f to %+.1f %%", 100 * (c->lo - 1), 100 * (c->hi - 1));
}

static char *doubt_of(const struct sn_comparison *x, const struct sn_contrast *c)
{
    size_t needed =
        sn_contrast_launches_needed(c->doubt == SN_DOUBT_FAMILY ? x->family : 1, x->opts.alpha);
    char *interval = percent_interval(c), *s = NULL;

    switch (c->doubt) {
    case SN_DOUBT_ONE_LAUNCH:
        s = sn_strdupf("%zu launch%s against %zu: nothing says how launches differ; run both with "
                       "--launches %zu or more",
                       c->n_base, c->n_base == 1 ? "" : "es", c->n_next, needed);
        break;
    case SN_DOUBT_LAUNCHES:
        s = sn_strdupf("%zu launches against %zu can never be significant: p is at least %.2g; "
                       "run both with --launches %zu or more",
                       c->n_base, c->n_next, c->p_least, needed);
        break;
    case SN_DOUBT_FAMILY:
        s = sn_strdupf("%zu launches against %zu can never be significant among %zu rows: p is at "
                       "least %.2g; run both with --launches %zu or more",
                       c->n_base, c->n_next, x->family, c->p_least_holm, needed);
        break;
    case SN_DOUBT_WIDE:
        s = sn_strdupf("the interval, %s, reaches over the threshold of %.1f %%", interval,
                       100 * expm1(c->threshold));
        break;
    case SN_DOUBT_HOLM:
        s = sn_strdupf("beyond the threshold (%s), but not significant among %zu rows: p %.2g",
                       interval, x->family, c->p_holm);
        break;
    case SN_DOUBT_VARIES:
        s = sn_strdup("the launches of a model that must repeat itself differ");
        break;
    case SN_DOUBT_NONE:
    case SN_DOUBT_DATA:
        break;
    }
    free(interval);
    return s;
}

static void decide(struct sn_comparison *x)
{
    struct sn_contrast *c = sn_calloc(x->n_rows + 1, sizeof *c);

    for (size_t i = 0; i < x->n_rows; i++) {
        struct sn_compared *r = &x->rows[i];
        r->c.base = r->a.x;
        r->c.n_base = r->a.n;
        r->c.next = r->b.x;
        r->c.n_next = r->b.n;
        r->c.exact = r->a.exact;
        c[i] = r->c;
    }
    sn_contrast_decide(c, x->n_rows, x->opts.threshold, x->opts.alpha);
    bool every = true;
    x->detectable = x->detectable_least = NAN;
    for (size_t i = 0; i < x->n_rows; i++) {
        x->rows[i].c = c[i];
        x->counts[c[i].change]++;
        x->tested += !c[i].exact;
        x->family += !isnan(c[i].p_holm);
        if (c[i].exact)
            continue;
        every = every && !isnan(c[i].detectable);
        x->detectable = fmax(x->detectable, c[i].detectable); /* fmax, fmin skip NAN */
        x->detectable_least = fmin(x->detectable_least, c[i].detectable);
    }
    if (!every)
        x->detectable = NAN;
    for (size_t i = 0; i < x->n_rows; i++)
        x->rows[i].why = doubt_of(x, &c[i]);
    free(c);
}

static int conclude(const struct sn_comparison *x)
{
    bool slower = x->opts.fail_on == SN_FAIL_ON_SLOWER || x->opts.fail_on == SN_FAIL_ON_ANY;
    bool faster = x->opts.fail_on == SN_FAIL_ON_FASTER || x->opts.fail_on == SN_FAIL_ON_ANY;
    size_t maybe = x->open;

    if (x->opts.fail_on == SN_FAIL_ON_NONE)
        return SN_OK;
    if ((slower && x->counts[SN_CHANGE_SLOWER]) || (faster && x->counts[SN_CHANGE_FASTER]))
        return SN_ERANGE;
    for (size_t i = 0; i < x->n_rows; i++)
        maybe += (slower && sn_contrast_may_be_slower(&x->rows[i].c)) ||
                 (faster && sn_contrast_may_be_faster(&x->rows[i].c));
    return maybe || x->n_rows == 0 ? SN_EUNSURE : SN_OK;
}

static int load(struct sn_report *r, const char *dir, const struct sn_app *app)
{
    int status = sn_report_load(r, &dir, 1, app);

    if (status)
        return status;
    status = r->runs[0].rows.n ? sn_medians_check(r, dir)
                               : SN_FAIL(SN_EINVAL, "%s/rows.jsonl: there are no rows", dir);
    if (status)
        sn_report_free(r);
    return status;
}

static bool same_directory(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int sn_compare(struct sn_comparison *out, const char *base, const char *next,
               const struct sn_compare_opts *o, const struct sn_app *app)
{
    struct sn_comparison x = {.opts = *o};
    int status = load(&x.base, base, app);

    if (!status)
        status = load(&x.next, next, app);
    if (!status)
        status = match_rows(&x);
    if (!status)
        status = read_noise(&x, base);
    if (status) {
        sn_comparison_free(&x);
        return status;
    }
    decide(&x);
    if (same_directory(base, next))
        sn_comparison_warn(&x, "BASE and NEW are the same directory");
    sn_compare_machines(&x);
    if (x.tested && !x.noise_path)
        sn_comparison_warn(&x,
                           "the A/A noise of this machine is unknown, the threshold is %.3g %% "
                           "alone; `snbench noise BASE` measures it",
                           100 * x.opts.threshold);
    x.status = conclude(&x);
    *out = x;
    return SN_OK;
}

void sn_comparison_free(struct sn_comparison *x)
{
    for (size_t i = 0; i < x->n_rows; i++) {
        free(x->rows[i].label);
        free(x->rows[i].why);
        sn_medians_free(&x->rows[i].a);
        sn_medians_free(&x->rows[i].b);
    }
    for (size_t i = 0; i < x->n_asides; i++) {
        free(x->asides[i].label);
        free(x->asides[i].id);
        free(x->asides[i].what);
    }
    for (size_t i = 0; i < x->n_warnings; i++)
        free(x->warnings[i]);
    free(x->rows);
    free(x->asides);
    free(x->warnings);
    free(x->noise_path);
    sn_report_free(&x->base);
    sn_report_free(&x->next);
    *x = (struct sn_comparison){0};
}

int sn_compare_command(FILE *out, const char *base, const char *next, const char *path,
                       const struct sn_compare_opts *o, enum sn_format format,
                       const struct sn_app *app, int *exit_code)
{
    struct sn_comparison x;
    struct sn_buf b = {0};
    int status = sn_compare(&x, base, next, o, app);

    if (status)
        return status;
    sn_comparison_write(&x, format, &b);
    if (path)
        status = sn_buf_write_file(&b, path);
    else if (fwrite(b.data, 1, b.len, out) != b.len || fflush(out) != 0)
        status = SN_FAIL(SN_EIO, "cannot write the comparison: %s", strerror(errno));
    *exit_code = sn_status_exit_code(x.status);
    sn_buf_free(&b);
    sn_comparison_free(&x);
    return status;
}

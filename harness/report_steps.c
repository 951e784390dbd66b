/* The time of a step of a workload: its parts' medians, each as often as it counts.
 *
 *     T(variant) = sum over parts of count * median of the part's row with that variant
 *     T(fastest) = the same with the fastest variant of each part
 *
 * Parts run one after the other and caches are as each row says: T is the time of the kernels, not
 * of a step that overlaps them or waits. Ends of T's interval are the sums of the ends: wider than
 * a 95 % interval when the parts err apart, as wide when they err together. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"
#include "harness/numbers.h"
#include "harness/report_parts.h"

/* A part of one run's step with the lines of its variants. */
struct part {
    const char *bench, *label;
    double count;
    const char **variants;
    const struct sn_line **lines; /* NULL: no ok row */
    size_t n;
};

struct total {
    const char *variant; /* NULL: the fastest of each part */
    size_t parts;        /* that have it */
    double s, lo, hi, limit;
};

struct step {
    const struct sn_report_run *run;
    const char *name, *brief, *without;
    struct part *parts;
    size_t n_parts;
    struct total *totals; /* the fastest first */
    size_t n_totals;
    unsigned origins; /* of its lines */
};

struct steps {
    struct step *steps;
    size_t n;
};

static const struct sn_line *line_of(const struct sn_report *r, const struct sn_report_run *run,
                                     const char *id)
{
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++) {
            const struct sn_line *l = &r->groups[g].lines[i];
            if (l->run == run && l->status == SN_ROW_OK && !isnan(l->median) && l->row->id &&
                !strcmp(l->row->id, id))
                return l;
        }
    return NULL;
}

static struct part read_part(const struct sn_report *r, const struct sn_report_run *run,
                             const json_t *j)
{
    const json_t *variants = sn_manifest_get(j, "variants");
    size_t n = json_array_size(variants);
    struct part p = {.bench = sn_manifest_str(j, "bench", "-"),
                     .label = sn_manifest_str(j, "label", "-"),
                     .count = sn_manifest_num(j, "count"),
                     .variants = sn_calloc(n + 1, sizeof *p.variants),
                     .lines = sn_calloc(n + 1, sizeof *p.lines),
                     .n = n};
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(variants, i);
        p.variants[i] = sn_manifest_str(v, "variant", "");
        p.lines[i] = line_of(r, run, sn_manifest_str(v, "id", ""));
    }
    return p;
}

/* The fastest of a part's variants, or one by name (what has no variants is in all); NULL: it has
 * no row. */
static const struct sn_line *choose(const struct part *p, const char *variant, size_t *which)
{
    const struct sn_line *best = NULL;
    for (size_t i = 0; i < p->n; i++)
        if (p->lines[i] && (!variant || !*p->variants[i] || !strcmp(p->variants[i], variant)) &&
            (!best || p->lines[i]->median < best->median)) {
            best = p->lines[i];
            *which = i;
        }
    return best;
}

static void add_total(struct step *s, const char *variant)
{
    struct total t = {.variant = variant};
    size_t ignored;
    for (size_t i = 0; i < s->n_totals && variant; i++)
        if (s->totals[i].variant && !strcmp(s->totals[i].variant, variant))
            return;
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        const struct sn_line *l = choose(p, variant, &ignored);
        if (!l)
            continue;
        t.parts++;
        t.s += p->count * l->median;
        t.lo += p->count * l->lo;
        t.hi += p->count * l->hi;
        t.limit += p->count * l->limit;
    }
    if (t.parts < s->n_parts || !s->n_parts)
        t.s = t.lo = t.hi = t.limit = NAN; /* a sum of some is no time of a step */
    s->totals = sn_realloc(s->totals, s->n_totals + 1, sizeof *s->totals);
    s->totals[s->n_totals++] = t;
}

static struct step read_step(const struct sn_report *r, const struct sn_report_run *run,
                             const json_t *j)
{
    const json_t *parts = sn_manifest_get(j, "parts");
    struct step s = {.run = run,
                     .name = sn_manifest_str(j, "name", "-"),
                     .brief = sn_manifest_str(j, "brief", "-"),
                     .without = sn_manifest_str(j, "without", NULL),
                     .n_parts = json_array_size(parts)};
    s.parts = sn_calloc(s.n_parts + 1, sizeof *s.parts);
    for (size_t i = 0; i < s.n_parts; i++) {
        s.parts[i] = read_part(r, run, json_array_get(parts, i));
        for (size_t k = 0; k < s.parts[i].n; k++)
            if (s.parts[i].lines[k])
                s.origins |= 1u << s.parts[i].lines[k]->row->origin;
    }
    add_total(&s, NULL);
    for (size_t i = 0; i < s.n_parts; i++)
        for (size_t k = 0; k < s.parts[i].n; k++)
            if (*s.parts[i].variants[k])
                add_total(&s, s.parts[i].variants[k]);
    return s;
}

static struct steps read_steps(const struct sn_report *r)
{
    struct steps all = {0};
    for (size_t i = 0; i < r->n_runs; i++) {
        const json_t *steps = sn_manifest_get(r->runs[i].manifest, "steps");
        for (size_t k = 0; k < json_array_size(steps); k++) {
            all.steps = sn_realloc(all.steps, all.n + 1, sizeof *all.steps);
            all.steps[all.n++] = read_step(r, &r->runs[i], json_array_get(steps, k));
        }
    }
    return all;
}

static void free_steps(struct steps *all)
{
    for (size_t i = 0; i < all->n; i++) {
        for (size_t k = 0; k < all->steps[i].n_parts; k++) {
            free(all->steps[i].parts[k].variants);
            free(all->steps[i].parts[k].lines);
        }
        free(all->steps[i].parts);
        free(all->steps[i].totals);
    }
    free(all->steps);
}

/* The operations of a step, each once: "gemm, quantize". New string. */
static char *covers(const struct step *s)
{
    struct sn_buf b = {0};
    for (size_t i = 0; i < s->n_parts; i++) {
        size_t before = 0;
        while (before < i && strcmp(s->parts[before].bench, s->parts[i].bench))
            before++;
        if (before == i)
            sn_buf_addf(&b, "%s%s", b.len ? ", " : "", s->parts[i].bench);
    }
    if (!b.len)
        sn_buf_add(&b, "nothing");
    return b.data;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void set_time(struct sn_table *t, size_t column, double seconds, struct sn_scale scale)
{
    char text[SN_NUM_SIZE], raw[SN_NUM_SIZE];
    sn_num_sig(text, seconds / scale.factor);
    sn_num_raw(raw, seconds);
    sn_table_set(t, column, text, *raw ? raw : NULL);
}

static size_t time_column(struct sn_table *t, const char *key, const char *head,
                          struct sn_scale scale)
{
    char *text = sn_strdupf("%s (%s)", head, scale.unit);
    size_t column = sn_table_column(t, &(struct sn_column){key, text, true, 0, SN_SHOW_ALL});
    free(text);
    return column;
}

static size_t column(struct sn_table *t, const char *key, const char *head, bool number)
{
    return sn_table_column(t, &(struct sn_column){key, head, number, 0, SN_SHOW_ALL});
}

/* What each part takes of the total of the fastest. */
static void parts_table(const struct step *s, struct sn_table *t)
{
    double total = s->totals[0].s;
    struct sn_scale scale = sn_scale_choose("s", &total, 1), each = sn_scale_choose("s", NULL, 0);
    double *medians = sn_calloc(s->n_parts + 1, sizeof *medians);
    size_t which = 0;
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct sn_line *l = choose(&s->parts[i], NULL, &which);
        medians[i] = l ? l->median : NAN;
    }
    each = sn_scale_choose("s", medians, s->n_parts);
    sn_table_init(t);
    size_t label = column(t, "part", "part", false),
           variant = column(t, "variant", "fastest", false),
           median = time_column(t, "median_s", "median", each),
           count = column(t, "count", "count", true),
           sum = time_column(t, "time_s", "in the step", scale),
           share = column(t, "share", "share (%)", true);
    for (size_t i = 0; i < s->n_parts; i++) {
        const struct part *p = &s->parts[i];
        char text[SN_NUM_SIZE];
        sn_table_row(t);
        sn_table_set(t, label, p->label, p->label);
        if (choose(p, NULL, &which))
            sn_table_set(t, variant, *p->variants[which] ? p->variants[which] : NULL, NULL);
        set_time(t, median, medians[i], each);
        sn_table_set(t, count, sn_num_count(text, (unsigned long long)p->count), NULL);
        set_time(t, sum, medians[i] * p->count, scale);
        sn_table_set(t, share, sn_num_percent(text, medians[i] * p->count / total), NULL);
    }
    free(medians);
}

static void totals_table(const struct step *s, struct sn_table *t)
{
    double *times = sn_calloc(s->n_totals + 1, sizeof *times);
    for (size_t i = 0; i < s->n_totals; i++)
        times[i] = s->totals[i].s;
    struct sn_scale scale = sn_scale_choose("s", times, s->n_totals);
    free(times);
    sn_table_init(t);
    size_t variant = column(t, "variant", "variant", false),
           parts = column(t, "parts", "parts", true),
           time = time_column(t, "time_s", "time", scale),
           interval = column(t, "interval", "interval", true),
           limit = time_column(t, "limit_s", "limit", scale),
           eff = column(t, "eff", "eff. (%)", true);
    for (size_t i = 0; i < s->n_totals; i++) {
        const struct total *x = &s->totals[i];
        char text[SN_NUM_SIZE];
        sn_table_row(t);
        sn_table_set(t, variant, x->variant ? x->variant : "fastest of each", NULL);
        snprintf(text, sizeof text, "%zu of %zu", x->parts, s->n_parts);
        sn_table_set(t, parts, text, NULL);
        set_time(t, time, x->s, scale);
        sn_table_set(
            t, interval,
            sn_num_interval(text, x->s / scale.factor, x->lo / scale.factor, x->hi / scale.factor),
            NULL);
        set_time(t, limit, x->limit, scale);
        sn_table_set(t, eff, sn_num_percent(text, x->limit / x->s), NULL);
    }
}

void sn_report_steps(const struct sn_report *r, struct sn_doc *doc)
{
    struct steps all = read_steps(r);
    if (all.n)
        sn_doc_heading(doc, 2, "Steps of the workload");
    for (size_t i = 0; i < all.n; i++) {
        const struct step *s = &all.steps[i];
        struct sn_table t;
        char *of = covers(s), *head = r->n_runs > 1 ? sn_strdupf("%s, %s", s->name, s->run->name)
                                                    : sn_strdup(s->name);
        sn_doc_heading(doc, 3, head);
        sn_doc_para(doc,
                    "%s. Time of the kernels of one step, one after the other: the sum of count "
                    "times median. It covers %s%s%s.",
                    s->brief, of, s->without ? "; without " : "", s->without ? s->without : "");
        totals_table(s, &t);
        sn_doc_table(doc, &t, NULL);
        parts_table(s, &t);
        sn_doc_table(doc, &t, NULL);
        free(of);
        free(head);
    }
    free_steps(&all);
}

void sn_report_steps_table(const struct sn_report *r, struct sn_table *out)
{
    struct steps all = read_steps(r);
    struct sn_scale one = {1, "s"};
    sn_table_init(out);
    if (!all.n)
        return;
    size_t run = column(out, "run", "run", false), step = column(out, "step", "step", false),
           bench = column(out, "bench", "bench", false), part = column(out, "part", "part", false),
           variant = column(out, "variant", "variant", false),
           origin = column(out, "origin", "origin", false),
           count = column(out, "count", "count", true),
           median = time_column(out, "median_s", "median", one),
           time = time_column(out, "time_s", "time", one),
           limit = time_column(out, "limit_s", "limit", one);
    for (size_t i = 0; i < all.n; i++)
        for (size_t k = 0; k < all.steps[i].n_parts; k++)
            for (size_t v = 0; v < all.steps[i].parts[k].n; v++) {
                const struct step *s = &all.steps[i];
                const struct part *p = &s->parts[k];
                const struct sn_line *l = p->lines[v];
                char raw[SN_NUM_SIZE];
                sn_table_row(out);
                sn_table_set(out, run, NULL, s->run->name);
                sn_table_set(out, step, NULL, s->name);
                sn_table_set(out, bench, NULL, p->bench);
                sn_table_set(out, part, NULL, p->label);
                sn_table_set(out, variant, NULL, p->variants[v]);
                sn_table_set(out, origin, NULL, l ? sn_origin_name(l->row->origin) : NULL);
                sn_table_set(out, count, NULL, sn_num_raw(raw, p->count));
                set_time(out, median, l ? l->median : NAN, one);
                set_time(out, time, l ? l->median * p->count : NAN, one);
                set_time(out, limit, l ? l->limit * p->count : NAN, one);
            }
    free_steps(&all);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void put_real(struct sn_buf *out, const char *key, double value)
{
    char raw[SN_NUM_SIZE];
    sn_num_raw(raw, value);
    sn_buf_addf(out, ",\"%s\":%s", key, *raw ? raw : "null");
}

static void put_text(struct sn_buf *out, const char *key, const char *value)
{
    sn_buf_addf(out, "\"%s\":", key);
    if (value)
        sn_escape_json(out, value);
    else
        sn_buf_add(out, "null");
}

static void step_json(const struct step *s, struct sn_buf *out)
{
    char *of = covers(s);
    const char *sep = "";
    sn_buf_add(out, "{");
    put_text(out, "run", s->run->name);
    sn_buf_add(out, ",");
    put_text(out, "step", s->name);
    sn_buf_add(out, ",");
    put_text(out, "brief", s->brief);
    sn_buf_add(out, ",");
    put_text(out, "covers", of);
    sn_buf_add(out, ",");
    put_text(out, "without", s->without);
    sn_buf_add(out, ",\"origins\":[");
    for (int o = 0; o <= SN_ORIGIN_IMPORTED; o++)
        if (s->origins & 1u << o) {
            sn_buf_addf(out, "%s\"%s\"", sep, sn_origin_name((enum sn_origin)o));
            sep = ",";
        }
    sn_buf_addf(out, "],\"parts\":%zu,\"variants\":[", s->n_parts);
    for (size_t i = 0; i < s->n_totals; i++) {
        const struct total *t = &s->totals[i];
        sn_buf_add(out, i ? ",{" : "{");
        put_text(out, "variant", t->variant ? t->variant : "fastest of each");
        sn_buf_addf(out, ",\"parts\":%zu", t->parts);
        put_real(out, "time_s", t->s);
        put_real(out, "lo_s", t->lo);
        put_real(out, "hi_s", t->hi);
        put_real(out, "limit_s", t->limit);
        sn_buf_add(out, "}");
    }
    sn_buf_add(out, "]}");
    free(of);
}

void sn_report_steps_json(const struct sn_report *r, struct sn_buf *out)
{
    struct steps all = read_steps(r);
    if (all.n)
        sn_buf_add(out, ",\n\"steps\":[");
    for (size_t i = 0; i < all.n; i++) {
        sn_buf_add(out, i ? ",\n" : "\n");
        step_json(&all.steps[i], out);
    }
    if (all.n)
        sn_buf_add(out, "]");
    free_steps(&all);
}

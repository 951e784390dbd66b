/* `valid` of a profile's file: every entry names an axis that some benchmark has on the model
 * clock, and a range or words that the axis takes, so that no row is left without its flag by a
 * slip of the pen. */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/profile_file.h"
#include "harness/base/buf.h"
#include "harness/base/units.h"
#include "harness/plan.h"

/* The axis of that name, if the benchmark runs on a fabric and has it there. */
static const struct sn_axis *axis_of(const struct sn_bench *b, const char *name)
{
    bool fabric = false;
    for (size_t a = 0; b->axes[a].name; a++)
        fabric |= b->axes[a].is_profile;
    int i = fabric && b->clocks & SN_CLOCK_MODEL ? sn_bench_axis_find(b, name) : -1;
    const struct sn_axis *a = i < 0 ? NULL : &b->axes[i];
    return a && sn_axis_on(a, SN_CLOCK_MODEL) && !a->is_profile ? a : NULL;
}

static bool is_number(const struct sn_axis *a)
{
    return a->type == SN_AXIS_INT || a->type == SN_AXIS_REAL;
}

/* Calls for every axis that the range speaks of; returns how many. */
static size_t each_axis(const struct sn_profile_range *range,
                        void (*visit)(void *, const struct sn_axis *), void *out)
{
    size_t n = 0;
    for (size_t i = 0; sn_benches[i]; i++) {
        const struct sn_axis *a = axis_of(sn_benches[i], range->axis);
        if (!a || !sn_profile_range_of(range, sn_benches[i]->name))
            continue;
        n++;
        if (visit)
            visit(out, a);
    }
    return n;
}

/* --- names ------------------------------------------------------------------------------------ */

struct names {
    const char **names;
    size_t n;
    struct sn_buf all;
};

static void add_name(struct names *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->names[i], name))
            return;
    l->names = sn_realloc(l->names, l->n + 1, sizeof *l->names);
    l->names[l->n++] = name;
    sn_buf_addf(&l->all, "%s%s", l->all.len ? ", " : "", name);
}

/* Fails with what is wrong and the names there are; releases them. */
static int unknown(const struct sn_profile_reader *r, const char *where, const char *what,
                   const char *name, struct names *l)
{
    const char *near = sn_nearest(name, l->names, l->n);
    int status = SN_PROFILE_WRONG(r, where, "%s: %s '%.64s'%s%s%s (%s)", where, what, name,
                                  near ? "; did you mean '" : "", near ? near : "",
                                  near ? "'?" : "", l->all.data ? l->all.data : "none");
    free(l->names);
    sn_buf_free(&l->all);
    return status;
}

static int unknown_axis(const struct sn_profile_reader *r, const char *where, const char *name)
{
    struct names l = {0};
    for (size_t i = 0; sn_benches[i]; i++)
        for (size_t a = 0; sn_benches[i]->axes[a].name; a++)
            if (axis_of(sn_benches[i], sn_benches[i]->axes[a].name))
                add_name(&l, sn_benches[i]->axes[a].name);
    return unknown(r, where, "no benchmark has on the model clock an axis", name, &l);
}

static int check_benches(const struct sn_profile_reader *r, const char *where,
                         const struct sn_profile_range *range)
{
    for (size_t k = 0; k < range->n_benches; k++) {
        struct names l = {0};
        bool found = false;
        for (size_t i = 0; sn_benches[i]; i++)
            if (axis_of(sn_benches[i], range->axis)) {
                add_name(&l, sn_benches[i]->name);
                found |= !strcmp(sn_benches[i]->name, range->benches[k]);
            }
        if (!found)
            return unknown(r, where, "no benchmark with such an axis is", range->benches[k], &l);
        free(l.names);
        sn_buf_free(&l.all);
    }
    return SN_OK;
}

/* --- values ----------------------------------------------------------------------------------- */

struct takes { /* of the axes of a range */
    const char *word;
    bool number, ok;
    struct names words;
};

static void look_at(void *out, const struct sn_axis *a)
{
    struct takes *t = out;
    t->number |= is_number(a);
    if (!t->word || is_number(a))
        return;
    for (size_t i = 0; a->type == SN_AXIS_WORD && a->words[i]; i++) {
        t->ok |= !strcmp(a->words[i], t->word);
        add_name(&t->words, a->words[i]);
    }
    if (a->type == SN_AXIS_TEXT && (!a->check || a->check(t->word) == SN_OK))
        t->ok = true;
}

static int check_words(const struct sn_profile_reader *r, const char *where,
                       const struct sn_profile_range *range)
{
    for (size_t i = 0; i < range->n_words; i++) {
        struct takes t = {.word = range->words[i]};
        each_axis(range, look_at, &t);
        if (!t.ok)
            return unknown(r, where, "its axis takes no", t.word, &t.words);
        free(t.words.names);
        sn_buf_free(&t.words.all);
    }
    return SN_OK;
}

static int convert_numbers(const struct sn_profile_reader *r, const char *where,
                           const struct sn_profile_file_range *g, struct sn_profile_range *range)
{
    struct takes t = {0};
    each_axis(range, look_at, &t);
    if (!t.number)
        return SN_PROFILE_WRONG(
            r, where, "%s: %s takes words, so give words: [...], no min and max", where, g->axis);
    if (sn_units_parse_real(g->min, SN_UNIT_COUNT, &range->min) != SN_OK ||
        sn_units_parse_real(g->max, SN_UNIT_COUNT, &range->max) != SN_OK)
        return sn_status_prefix("%s:%d: %s", r->path, sn_profile_line(r, where), where), SN_EINVAL;
    if (range->min > range->max)
        return SN_PROFILE_WRONG(r, where, "%s: min %.64s is above max %.64s", where, g->min,
                                g->max);
    return SN_OK;
}

static int convert_one(const struct sn_profile_reader *r, const char *where,
                       const struct sn_profile_file_range *g, struct sn_profile_range *out)
{
    struct sn_profile_range range = {.axis = g->axis,
                                     .words = (const char *const *)g->words,
                                     .benches = (const char *const *)g->benches,
                                     .n_words = g->words_count,
                                     .n_benches = g->benches_count};
    *out = range;
    if (!each_axis(&(struct sn_profile_range){.axis = g->axis}, NULL, NULL))
        return unknown_axis(r, where, g->axis);
    if (g->words_count ? g->min || g->max : !g->min || !g->max)
        return SN_PROFILE_WRONG(r, where, "%s: needs min and max, or words", where);
    int status = check_benches(r, where, &range);
    if (status == SN_OK)
        status =
            g->words_count ? check_words(r, where, &range) : convert_numbers(r, where, g, &range);
    *out = range;
    return status;
}

int sn_profile_convert_valid(const struct sn_profile_reader *r, const struct sn_profile_file *f,
                             struct sn_profile *p)
{
    p->valid = sn_calloc(f->valid_count, sizeof *p->valid);
    int status = SN_OK;
    for (unsigned i = 0; i < f->valid_count && status == SN_OK; i++) {
        char where[48];
        snprintf(where, sizeof where, "valid.%u", i);
        status = convert_one(r, where, &f->valid[i], &p->valid[i]);
        p->n_valid = i + 1;
    }
    return status;
}

/* The cross product of sweeps, case by case, without repeats. */
#include "harness/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

void sn_plan_init(struct sn_plan *p, uint64_t seed, int ranks)
{
    *p = (struct sn_plan){.seed = seed, .ranks = ranks, .clock = SN_CLOCK_WALL};
}

static void free_case(struct sn_plan_case *c)
{
    for (size_t i = 0; c->bench->axes[i].name; i++)
        free(c->values[i].text);
    free(c->values);
}

void sn_plan_free(struct sn_plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        free_case(&p->cases[i]);
    free(p->cases);
    *p = (struct sn_plan){0};
}

int sn_plan_bench(const struct sn_app *app, const char *name, const struct sn_bench **out)
{
    const struct sn_bench *found = sn_bench_find(app, name);
    if (found) {
        *out = found;
        return SN_OK;
    }
    size_t n = 0;
    while (app->benches[n])
        n++;
    const char **names = sn_calloc(n, sizeof *names);
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++) {
        names[i] = app->benches[i]->name;
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sn_nearest(name, names, n);
    SN_FAIL(SN_EINVAL, "unknown benchmark '%.64s'%s%s%s (benchmarks: %s)", name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none");
    free(names);
    sn_buf_free(&all);
    return SN_EINVAL;
}

static int unknown_axis(const struct sn_bench *bench, const char *name)
{
    size_t n = sn_bench_axis_count(bench);
    const char **names = sn_calloc(n, sizeof *names);
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++) {
        names[i] = bench->axes[i].name;
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sn_nearest(name, names, n);
    SN_FAIL(SN_EINVAL, "%s has no axis '%.64s'%s%s%s (axes: %s)", bench->name, name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none");
    free(names);
    sn_buf_free(&all);
    return SN_EINVAL;
}

/* What `text` gives an axis on the plan's clock. */
static int parse_axis(struct sn_sweep *out, const struct sn_plan *p, const struct sn_bench *bench,
                      const struct sn_axis *axis, const char *text)
{
    if (!sn_axis_on(axis, p->clock)) {
        const char *of = axis->clocks & SN_CLOCK_MODEL ? "model" : "wall";
        return SN_FAIL(SN_EINVAL,
                       "%s: the axis '%s' belongs to the %s clock; add --clock=%s or "
                       "leave it out",
                       bench->name, axis->name, of, of);
    }
    if (p->clock == SN_CLOCK_MODEL && axis->type == SN_AXIS_INT && strstr(text, "ranks"))
        return SN_FAIL(SN_EINVAL,
                       "%s=%s: rows of the model clock do not depend on ranks; give a number",
                       axis->name, text);
    return sn_sweep_parse(out, axis, text, p->ranks);
}

/* The value that an option of the plan gives to an axis on its clock, or NULL. */
static const char *option_of(const struct sn_plan *p, const struct sn_axis *axis)
{
    if (p->clock != SN_CLOCK_MODEL)
        return NULL;
    return axis->is_profile   ? p->profile
           : axis->is_device  ? p->device
           : axis->is_degrade ? p->degrade
                              : NULL;
}

/* Options and axes that say different things of one thing: nobody can tell which was meant. */
static int check_options(const struct sn_plan *p, const struct sn_bench *bench,
                         const struct sn_sweep *sweeps)
{
    bool degrades = false;
    for (size_t i = 0; bench->axes[i].name; i++) {
        const char *option = option_of(p, &bench->axes[i]);
        degrades |= bench->axes[i].is_degrade && sn_axis_on(&bench->axes[i], p->clock);
        if (!option || !sweeps[i].n ||
            (sweeps[i].n == 1 && !strcmp(sweeps[i].values[0].text, option)))
            continue;
        return SN_FAIL(SN_EINVAL, "%s: --%s %s contradicts %s=%s%s; give one of them", bench->name,
                       bench->axes[i].name, option, bench->axes[i].name, sweeps[i].values[0].text,
                       sweeps[i].n > 1 ? ",..." : "");
    }
    if (p->degrade && !degrades)
        return SN_FAIL(SN_EINVAL, "%s: --degrade %s: it has no links that could be slowed",
                       bench->name, p->degrade);
    return SN_OK;
}

/* An axis that is not named. One that is none on this clock gets one value, which nobody reads. */
static int parse_default(struct sn_sweep *out, const struct sn_plan *p,
                         const struct sn_bench *bench, const struct sn_axis *axis)
{
    const char *text = axis->def;
    if (!sn_axis_on(axis, p->clock)) {
        struct sn_sweep all;
        int status = sn_sweep_parse(&all, axis, axis->def, p->ranks);
        if (status != SN_OK)
            return status;
        for (size_t i = 1; i < all.n; i++)
            free(all.values[i].text);
        all.n = 1;
        *out = all;
        return SN_OK;
    }
    if (option_of(p, axis))
        text = option_of(p, axis);
    else if (p->clock == SN_CLOCK_MODEL && axis->model_def)
        text = axis->model_def;
    return parse_axis(out, p, bench, axis, text);
}

int sn_plan_axis(const struct sn_bench *bench, const char *name, const struct sn_axis **out)
{
    int axis = sn_bench_axis_find(bench, name);
    if (axis < 0)
        return unknown_axis(bench, name);
    *out = &bench->axes[axis];
    return SN_OK;
}

int sn_plan_sweep(struct sn_sweep *out, const struct sn_plan *p, const struct sn_bench *bench,
                  const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals || equals == assignment)
        return SN_FAIL(SN_EINVAL, "%s: '%.64s' is not AXIS=VALUES, for example %s=%s", bench->name,
                       assignment, bench->axes[0].name ? bench->axes[0].name : "size",
                       bench->axes[0].name ? bench->axes[0].def : "8");
    char *name = sn_strdupf("%.*s", (int)(equals - assignment), assignment);
    int axis = sn_bench_axis_find(bench, name);
    int status = axis < 0 ? unknown_axis(bench, name)
                          : parse_axis(out, p, bench, &bench->axes[axis], equals + 1);
    free(name);
    return status;
}

/* sweeps (axes of bench), all empty before; on an error some may be filled. */
static int parse_sweeps(struct sn_sweep *sweeps, const struct sn_plan *p,
                        const struct sn_bench *bench, const char *const *assignments, size_t n)
{
    int status;
    for (size_t i = 0; i < n; i++) {
        struct sn_sweep s;
        if ((status = sn_plan_sweep(&s, p, bench, assignments[i])) < 0)
            return status;
        struct sn_sweep *of_axis = &sweeps[s.axis - bench->axes];
        if (of_axis->n) {
            SN_FAIL(SN_EINVAL,
                    "%s: the axis '%s' is named twice; give its values in one list, %s=A,B",
                    bench->name, s.axis->name, s.axis->name);
            sn_sweep_free(&s);
            return SN_EINVAL;
        }
        *of_axis = s;
    }
    if ((status = check_options(p, bench, sweeps)) < 0)
        return status;
    for (size_t i = 0; bench->axes[i].name; i++)
        if (!sweeps[i].n && (status = parse_default(&sweeps[i], p, bench, &bench->axes[i])) < 0)
            return status;
    return SN_OK;
}

/* A set of case ids: open addressing, a power of two of slots, at most half of them used. */
struct id_set {
    const char **slots;
    size_t mask;
};

/* True when `id` was not in the set yet; keeps the pointer. */
static bool insert_id(struct id_set *s, const char *id)
{
    size_t i = sn_hash_bytes(SN_HASH_START, id, strlen(id)) & s->mask;
    for (; s->slots[i]; i = (i + 1) & s->mask)
        if (!strcmp(s->slots[i], id))
            return false;
    s->slots[i] = id;
    return true;
}

static struct id_set ids_of(const struct sn_plan *p, size_t more)
{
    size_t slots = 16;
    while (slots < 2 * (p->n + more))
        slots *= 2;
    struct id_set s = {.slots = sn_calloc(slots, sizeof *s.slots), .mask = slots - 1};
    for (size_t i = 0; i < p->n; i++)
        insert_id(&s, p->cases[i].id);
    return s;
}

/* The case whose place in the cross product is `index`, the last axis fastest. */
static struct sn_plan_case make_case(const struct sn_bench *bench, const struct sn_sweep *sweeps,
                                     size_t index, const struct sn_plan *p)
{
    size_t n = sn_bench_axis_count(bench);
    struct sn_plan_case c = {
        .bench = bench, .clock = p->clock, .values = sn_calloc(n, sizeof *c.values)};
    for (size_t a = n; a--;) {
        c.values[a] = sweeps[a].values[index % sweeps[a].n];
        c.values[a].text = sn_strdup(c.values[a].text);
        index /= sweeps[a].n;
    }
    struct sn_row row;
    sn_row_init(&row);
    sn_plan_row(&c, p->seed, &row);
    memcpy(c.id, row.id, sizeof c.id);
    sn_row_free(&row);
    return c;
}

int sn_plan_add(struct sn_plan *p, const struct sn_app *app, const char *name,
                const char *const *assignments, size_t n)
{
    const struct sn_bench *bench = NULL;
    int status = sn_plan_bench(app, name, &bench);
    if (status)
        return status;
    size_t axes = sn_bench_axis_count(bench), count = 1;
    struct sn_sweep *sweeps = sn_calloc(axes, sizeof *sweeps);
    if ((status = parse_sweeps(sweeps, p, bench, assignments, n)) < 0)
        goto out;
    for (size_t a = 0; a < axes && count <= SN_PLAN_MAX; a++)
        if (!sn_mem_mul(count, sweeps[a].n, &count))
            count = SIZE_MAX;
    if (count > SN_PLAN_MAX || p->n + count > SN_PLAN_MAX) {
        status = SN_FAIL(SN_EINVAL, "%s: more than %d cases in a plan; give its axes fewer values",
                         bench->name, SN_PLAN_MAX);
        goto out;
    }
    /* The set keeps pointers into the array, so all the room is taken first. */
    p->cases = sn_realloc(p->cases, p->n + count, sizeof *p->cases);
    struct id_set ids = ids_of(p, count);
    for (size_t i = 0; i < count; i++) {
        p->cases[p->n] = make_case(bench, sweeps, i, p);
        if (insert_id(&ids, p->cases[p->n].id))
            p->n++;
        else
            free_case(&p->cases[p->n]);
    }
    free(ids.slots);
out:
    for (size_t a = 0; a < axes; a++)
        sn_sweep_free(&sweeps[a]);
    free(sweeps);
    return status;
}

char *sn_plan_label(const struct sn_plan_case *c)
{
    struct sn_buf b = {0};
    sn_buf_add(&b, c->bench->name);
    for (size_t i = 0; c->bench->axes[i].name; i++)
        if (sn_axis_on(&c->bench->axes[i], c->clock))
            sn_buf_addf(&b, " %s=%s", c->bench->axes[i].name, c->values[i].text);
    return b.data;
}

void sn_plan_row(const struct sn_plan_case *c, uint64_t seed, struct sn_row *row)
{
    row->bench = c->bench->name;
    row->seed = seed;
    for (size_t i = 0; c->bench->axes[i].name; i++) {
        const struct sn_axis *axis = &c->bench->axes[i];
        const struct sn_value *v = &c->values[i];
        if (!sn_axis_on(axis, c->clock))
            continue;
        if (axis->type == SN_AXIS_INT)
            sn_row_add_param_int(row, axis->name, v->i);
        else if (axis->type == SN_AXIS_REAL)
            sn_row_add_param_real(row, axis->name, v->r);
        else
            sn_row_add_param_text(row, axis->name, v->text);
    }
    sn_row_set_id(row);
}

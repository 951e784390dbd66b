/* Finding pairs: which rows of both clocks are of one case, and what of them is compared. */
#include "harness/report_pairs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool agree(const struct sn_row *wall, const struct sn_row *model)
{
    size_t shared = 0;

    for (size_t i = 0; i < wall->n_params; i++) {
        const struct sn_param *p = sn_row_param(model, wall->params[i].name);
        if (p && strcmp(p->text, wall->params[i].text) != 0)
            return false;
        shared += p != NULL;
    }
    return shared > 0 || wall->n_params + model->n_params == 0;
}

/* Chooses what is compared; false: nothing can be. */
static bool choose(const struct sn_group *g, struct sn_pair *p)
{
    const struct sn_row *wall = p->wall->at, *model = p->model->at;
    const double median = p->wall->median;

    *p =
        (struct sn_pair){p->wall, p->model, "median", "s", median, p->model->median, NAN, NAN, NAN};
    for (size_t i = 0; i < wall->n_metrics; i++) {
        const struct sn_metric *x = &wall->metrics[i], *y = sn_row_metric(model, x->name);
        if (!y || strcmp(x->unit, y->unit) != 0 || !isfinite(x->value) || !isfinite(y->value) ||
            x->value == 0)
            continue;
        p->metric = x->name;
        p->unit = x->unit;
        p->measured = x->value;
        p->modelled = y->value;
        break;
    }
    if (!isfinite(p->measured) || !isfinite(p->modelled) || p->measured == 0)
        return false;
    p->error = p->modelled / p->measured - 1;
    if (g->interval && !strcmp(p->unit, "s") && fabs(p->measured - median) <= 1e-9 * median) {
        p->lo = p->wall->lo;
        p->hi = p->wall->hi;
    }
    return true;
}

const struct sn_line *sn_pair_holder(const struct sn_pair *p, enum sn_pair_kind kind,
                                     const char *axis)
{
    bool wall = sn_row_param(p->wall->row, axis), model = sn_row_param(p->model->row, axis);

    if (kind == SN_PAIR_BOTH   ? wall && model
        : kind == SN_PAIR_WALL ? wall && !model
                               : model && !wall)
        return kind == SN_PAIR_MODEL ? p->model : p->wall;
    return NULL;
}

static void find_varying(struct sn_pair_set *s)
{
    for (enum sn_pair_kind k = SN_PAIR_BOTH; k < SN_PAIR_KINDS; k++) {
        s->varies[k] = sn_calloc(s->g->n_axes + 1, sizeof *s->varies[k]);
        for (size_t a = 0; a < s->g->n_axes; a++) {
            const char *axis = s->g->axes[a];
            const struct sn_line *first = sn_pair_holder(&s->all[0], k, axis);
            for (size_t i = 1; i < s->n && !s->varies[k][a]; i++) {
                const struct sn_line *l = sn_pair_holder(&s->all[i], k, axis);
                s->varies[k][a] = !first != !l || (l && strcmp(sn_line_param(first, axis),
                                                               sn_line_param(l, axis)) != 0);
            }
        }
    }
}

static bool is(const struct sn_line *l, unsigned origins)
{
    return l->status == SN_ROW_OK && (origins & 1u << l->row->origin);
}

static struct sn_pair_set find_set(const struct sn_group *g)
{
    const unsigned on_wall = 1u << SN_ORIGIN_MEASURED | 1u << SN_ORIGIN_EMULATED;
    const unsigned on_model = 1u << SN_ORIGIN_MODELLED;
    struct sn_pair_set s = {.g = g};

    if (!(g->origins & on_wall) || !(g->origins & on_model))
        return s;
    for (size_t i = 0; i < g->n_lines; i++) {
        if (!is(&g->lines[i], on_wall))
            continue;
        for (size_t j = 0; j < g->n_lines; j++) {
            struct sn_pair p = {.wall = &g->lines[i], .model = &g->lines[j]};
            if (!is(p.model, on_model) || !agree(p.wall->row, p.model->row) || !choose(g, &p))
                continue;
            s.all = sn_realloc(s.all, s.n + 1, sizeof *s.all);
            s.all[s.n++] = p;
        }
    }
    return s;
}

struct sn_pairs sn_pairs_find(const struct sn_report *r)
{
    struct sn_pairs p = {.many_runs = r->n_runs > 2};

    for (size_t g = 0; g < r->n_groups; g++) {
        struct sn_pair_set s = find_set(&r->groups[g]);
        if (!s.n)
            continue;
        find_varying(&s);
        p.sets = sn_realloc(p.sets, p.n_sets + 1, sizeof *p.sets);
        p.sets[p.n_sets++] = s;
        p.n += s.n;
    }
    return p;
}

void sn_pairs_free(struct sn_pairs *p)
{
    for (size_t i = 0; i < p->n_sets; i++) {
        for (enum sn_pair_kind k = SN_PAIR_BOTH; k < SN_PAIR_KINDS; k++)
            free(p->sets[i].varies[k]);
        free(p->sets[i].all);
    }
    free(p->sets);
}

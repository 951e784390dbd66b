#include "harness/steps.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"

void sn_steps_add(struct sn_steps *s, const char *name, const char *brief, const char *without)
{
    s->steps = sn_realloc(s->steps, s->n + 1, sizeof *s->steps);
    s->steps[s->n++] = (struct sn_step){.name = sn_strdup(name),
                                        .brief = sn_strdup(brief),
                                        .without = without ? sn_strdup(without) : NULL};
}

void sn_steps_free(struct sn_steps *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct sn_step *step = &s->steps[i];
        for (size_t p = 0; p < step->n_parts; p++) {
            for (size_t v = 0; v < step->parts[p].n_variants; v++)
                free(step->parts[p].variants[v].name);
            free(step->parts[p].variants);
            free(step->parts[p].key);
            free(step->parts[p].label);
        }
        free(step->parts);
        free(step->name);
        free(step->brief);
        free(step->without);
    }
    free(s->steps);
    *s = (struct sn_steps){0};
}

static bool is_named(const char *axis, const char *const *named, size_t n)
{
    size_t length = strlen(axis);
    for (size_t i = 0; i < n; i++)
        if (!strncmp(named[i], axis, length) && named[i][length] == '=')
            return true;
    return false;
}

/* *variant gets the value of the axis that compares, or "". */
static void describe(const struct sn_plan_case *c, const char *const *named, size_t n, char **key,
                     char **label, const char **variant)
{
    struct sn_buf all = {0}, some = {0};
    *variant = "";
    sn_buf_add(&all, c->bench->name);
    sn_buf_add(&some, c->bench->name);
    for (size_t i = 0; c->bench->axes[i].name; i++) {
        const struct sn_axis *a = &c->bench->axes[i];
        const char *text = c->values[i].text;
        if (!sn_axis_on(a, c->clock))
            continue;
        if (a->compares) {
            *variant = text;
            continue;
        }
        sn_buf_addf(&all, " %s=%s", a->name, text);
        if (is_named(a->name, named, n))
            sn_buf_addf(&some, " %s=%s", a->name, text);
    }
    *key = all.data;
    *label = some.data;
}

/* Takes over key and label. */
static struct sn_step_part *part_of(struct sn_step *s, char *key, char *label, const char *bench)
{
    for (size_t i = 0; i < s->n_parts; i++)
        if (!strcmp(s->parts[i].key, key)) {
            free(key);
            free(label);
            return &s->parts[i];
        }
    s->parts = sn_realloc(s->parts, s->n_parts + 1, sizeof *s->parts);
    s->parts[s->n_parts] = (struct sn_step_part){.bench = bench, .key = key, .label = label};
    return &s->parts[s->n_parts++];
}

static void add_variant(struct sn_step_part *p, const char *name, const char *id)
{
    for (size_t i = 0; i < p->n_variants; i++)
        if (!strcmp(p->variants[i].id, id))
            return;
    p->variants = sn_realloc(p->variants, p->n_variants + 1, sizeof *p->variants);
    struct sn_step_variant *v = &p->variants[p->n_variants++];
    *v = (struct sn_step_variant){.name = sn_strdup(name)};
    memcpy(v->id, id, sizeof v->id);
}

void sn_step_add(struct sn_step *s, const struct sn_plan_case *cases, size_t n, uint64_t count,
                 const char *const *named, size_t n_named)
{
    /* The variants of a part come together or apart; it counts once. */
    bool *counted = sn_calloc(s->n_parts + n + 1, sizeof *counted);
    for (size_t i = 0; i < n; i++) {
        const char *variant;
        char *key, *label;
        describe(&cases[i], named, n_named, &key, &label, &variant);
        struct sn_step_part *p = part_of(s, key, label, cases[i].bench->name);
        add_variant(p, variant, cases[i].id);
        if (!counted[p - s->parts])
            p->count += count;
        counted[p - s->parts] = true;
    }
    free(counted);
}

static json_t *part_json(const struct sn_step_part *p)
{
    json_t *variants = json_array();
    for (size_t i = 0; i < p->n_variants; i++)
        json_array_append_new(variants, json_pack("{s:s, s:s}", "variant", p->variants[i].name,
                                                  "id", p->variants[i].id));
    return json_pack("{s:s, s:s, s:I, s:o}", "bench", p->bench, "label", p->label, "count",
                     (json_int_t)p->count, "variants", variants);
}

json_t *sn_steps_json(const struct sn_steps *s)
{
    json_t *steps = json_array();
    for (size_t i = 0; i < s->n; i++) {
        json_t *parts = json_array();
        for (size_t p = 0; p < s->steps[i].n_parts; p++)
            json_array_append_new(parts, part_json(&s->steps[i].parts[p]));
        json_array_append_new(steps, json_pack("{s:s, s:s, s:s?, s:o}", "name", s->steps[i].name,
                                               "brief", s->steps[i].brief, "without",
                                               s->steps[i].without, "parts", parts));
    }
    return steps;
}

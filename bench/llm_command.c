/* snbench step: the kernels of a model's step as a table. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"
#include "bench/llm_step.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/options.h"
#include "harness/table.h"

enum { WIDTH = 120 };

static int read_key(struct sn_llm_step *s, const char *arg)
{
    struct {
        const char *key;
        uint32_t *to;
    } keys[] = {{"requests", &s->requests}, {"queries", &s->queries},
                {"ctx", &s->ctx},           {"dies", &s->dies},
                {"slots", &s->slots},       {"shared_dies", &s->shared_dies}};
    enum { KEYS = sizeof keys / sizeof *keys };
    const char *words[KEYS], *equals = strchr(arg, '=');
    char *name = sn_strdupf("%.*s", (int)(equals ? equals - arg : (long)strlen(arg)), arg);
    int status = SN_EINVAL;
    size_t i = 0;
    for (size_t k = 0; k < KEYS; k++)
        words[k] = keys[k].key;
    while (i < KEYS && strcmp(keys[i].key, name))
        i++;
    if (i == KEYS || !equals) {
        const char *near = sn_nearest(name, words, KEYS);
        SN_FAIL(SN_EINVAL,
                "step: '%.64s' is not one of requests, queries, ctx, dies, slots, shared_dies with "
                "=NUMBER%s%s%s",
                arg, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    } else {
        int64_t x;
        status = sn_units_parse_int(equals + 1, SN_UNIT_COUNT, &x);
        if (status == SN_OK && (x < 0 || x > 1 << 20))
            status = SN_FAIL(SN_EINVAL, "%s: not in 0 to %d", arg, 1 << 20);
        if (status == SN_OK)
            *keys[i].to = (uint32_t)x;
        else
            sn_status_prefix("step");
    }
    free(name);
    return status;
}

/* The model's own step, as the command line changes it. */
static int read_step(const struct sn_options *o, const struct sn_llm *m, struct sn_llm_step *s)
{
    static const char *const phases[] = {"decode", "prefill", NULL};
    const char *phase = o->n_args > 1 ? o->args[1] : "decode";
    *s = strcmp(phase, "prefill") ? m->decode : m->prefill;
    if (!s->prefill && strcmp(phase, "decode")) {
        const char *near = sn_nearest(phase, phases, 2);
        return SN_FAIL(SN_EINVAL,
                       "step: after the model comes decode or prefill, not '%.64s'%s%s%s", phase,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    int status = SN_OK;
    for (size_t i = 2; i < o->n_args && status == SN_OK; i++)
        status = read_key(s, o->args[i]);
    return status;
}

static void put(struct sn_table *t, size_t column, double value, enum sn_unit unit)
{
    char text[32];
    sn_table_set(t, column, sn_units_format(text, sizeof text, value, unit), NULL);
}

/* Where operands lie when a step gets to the kernel: weights and cache are other ones in every
 * layer, what another kernel has just written is near. */
static const char *cache_of(enum sn_op op)
{
    switch (op) {
    case SN_OP_GEMM:
    case SN_OP_GROUPED_GEMM:
    case SN_OP_MOE:
    case SN_OP_MLA_PROLOG:
        return "cold-weights";
    case SN_OP_MLA:
        return "cold";
    default:
        return "hot";
    }
}

/* As the cases of a suite. */
static void print_yaml(const struct sn_llm_kernels *k, bool prefill, FILE *out)
{
    for (size_t i = 0; i < k->n; i++) {
        const struct sn_llm_kernel *x = &k->all[i];
        struct sn_buf axes = {0};
        sn_llm_axes(x, &axes);
        fprintf(out, "  - bench: %s # %s\n    axes: [\"", sn_op_names[x->op], x->what);
        for (const char *c = axes.data; *c; c++)
            if (*c == ' ')
                fputs("\", \"", out);
            else
                fputc(*c, out);
        fprintf(out, "\"]\n    wall: [\"cache=%s\"]\n    step: %s\n    count: %u\n",
                cache_of(x->op), prefill ? "prefill" : "decode", x->count);
        sn_buf_free(&axes);
    }
}

static void print(const struct sn_llm_kernels *k, const struct sn_device *d, FILE *out)
{
    static const char *const heads[] = {"kernel",     "operation", "shape", "count",
                                        "operations", "bytes",     "time",  "in the step"};
    struct sn_table t;
    struct sn_buf text = {0};
    double total = 0;
    sn_table_init(&t);
    for (size_t i = 0; i < (d ? 8 : 6); i++)
        sn_table_column(&t, &(struct sn_column){heads[i], heads[i], i > 2, 0, SN_SHOW_ALL});
    for (size_t i = 0; i < k->n; i++) {
        const struct sn_llm_kernel *x = &k->all[i];
        struct sn_cost c;
        struct sn_device_time time;
        struct sn_buf axes = {0};
        char number[32];
        sn_cost_of(x->op, &x->p, &c);
        sn_llm_axes(x, &axes);
        sn_table_row(&t);
        sn_table_set(&t, 0, x->what, NULL);
        sn_table_set(&t, 1, sn_op_names[x->op], NULL);
        sn_table_set(&t, 2, axes.data, NULL);
        snprintf(number, sizeof number, "%u", x->count);
        sn_table_set(&t, 3, number, NULL);
        snprintf(number, sizeof number, "%.4g", c.ops);
        sn_table_set(&t, 4, number, NULL);
        put(&t, 5, c.weight_bytes + c.activation_bytes + c.output_bytes, SN_UNIT_BYTES);
        sn_buf_free(&axes);
        if (!d)
            continue;
        sn_device_predict(d, x->op, &c, &time);
        total += x->count * time.s;
        put(&t, 6, time.s, SN_UNIT_SECONDS);
        put(&t, 7, x->count * time.s, SN_UNIT_SECONDS);
    }
    sn_table_text(&t, WIDTH, &text);
    fputs(text.data, out);
    if (d) {
        char sum[32];
        fprintf(out, "\nall, one after the other, on %s: %s\n", d->name,
                sn_units_format(sum, sizeof sum, total, SN_UNIT_SECONDS));
    }
    sn_buf_free(&text);
    sn_table_free(&t);
}

int sn_llm_command(const struct sn_options *o, FILE *out)
{
    struct sn_llm m;
    struct sn_llm_step s;
    struct sn_llm_kernels k;
    struct sn_device d;
    if (!o->n_args)
        return SN_FAIL(SN_EINVAL, "step of which model? snbench list models shows them");
    if (o->form && strcmp(o->form, "yaml") && strcmp(o->form, "text"))
        return SN_FAIL(SN_EINVAL, "step: --format %.32s is neither text nor yaml", o->form);
    int status = sn_llm_open(&m, o->args[0]);
    if (status != SN_OK)
        return status;
    status = read_step(o, &m, &s);
    if (status == SN_OK)
        status = sn_llm_step(&m, &s, &k);
    if (status == SN_OK) {
        status = o->device ? sn_device_open(&d, o->device) : SN_OK;
        if (status == SN_OK && o->form && !strcmp(o->form, "yaml"))
            print_yaml(&k, s.prefill, out);
        else if (status == SN_OK)
            print(&k, o->device ? &d : NULL, out);
        if (status == SN_OK && o->device)
            sn_device_close(&d);
        sn_llm_kernels_free(&k);
    }
    sn_llm_close(&m);
    return status;
}

/* Reading a model's description: bench/llm.h. */
#include "bench/llm.h"

#include <stdlib.h>

#include "bench/catalog.h"
#include "bench/figure.h"
#include "harness/datadir.h"

struct file_attention {
    char *heads, *q_rank, *latent, *rope, *nope, *v;
};

struct file_experts {
    char *routed, *shared, *top_k, *groups, *kept, *intermediate;
};

struct file_dense {
    char *intermediate;
};

struct file_step {
    char *requests, *queries, *ctx, *dies, *slots, *shared_dies, *source;
};

struct file_steps {
    struct file_step *decode, *prefill;
};

struct file {
    char *name, *brief, *source, *layers, *dense_layers, *hidden, *vocabulary;
    struct file_attention *attention;
    struct file_experts *experts;
    struct file_dense *dense;
    struct file_steps *steps;
};

enum { WORD_MAX = 64, TEXT_MAX = 4096 };

#define WORD(s, key) CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct s, key, 1, WORD_MAX)
#define TEXT(s, key) CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER, struct s, key, 1, TEXT_MAX)
#define GROUP(g)     CYAML_FIELD_MAPPING_PTR(#g, CYAML_FLAG_POINTER, struct file, g, g##_fields)

static const cyaml_schema_field_t attention_fields[] = {
    WORD(file_attention, heads),
    WORD(file_attention, q_rank),
    WORD(file_attention, latent),
    WORD(file_attention, rope),
    WORD(file_attention, nope),
    WORD(file_attention, v),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t experts_fields[] = {
    WORD(file_experts, routed),
    WORD(file_experts, shared),
    WORD(file_experts, top_k),
    WORD(file_experts, groups),
    WORD(file_experts, kept),
    WORD(file_experts, intermediate),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t dense_fields[] = {
    WORD(file_dense, intermediate),
    CYAML_FIELD_END,
};

#define OPTIONAL(s, key)                                                                           \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct s, key, 1,       \
                           WORD_MAX)
static const cyaml_schema_field_t step_fields[] = {
    WORD(file_step, requests),  OPTIONAL(file_step, queries),
    WORD(file_step, ctx),       WORD(file_step, dies),
    OPTIONAL(file_step, slots), OPTIONAL(file_step, shared_dies),
    TEXT(file_step, source),    CYAML_FIELD_END,
};

static const cyaml_schema_field_t steps_fields[] = {
    CYAML_FIELD_MAPPING_PTR("decode", CYAML_FLAG_POINTER, struct file_steps, decode, step_fields),
    CYAML_FIELD_MAPPING_PTR("prefill", CYAML_FLAG_POINTER, struct file_steps, prefill, step_fields),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t file_fields[] = {
    WORD(file, name),         TEXT(file, brief),  TEXT(file, source),     WORD(file, layers),
    WORD(file, dense_layers), WORD(file, hidden), WORD(file, vocabulary), GROUP(attention),
    GROUP(experts),           GROUP(dense),       GROUP(steps),           CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

struct storage {
    struct sn_yaml yaml;
    char *path;
};

struct size {
    const char *key, *text; /* NULL: not given, *to stays */
    int64_t min, max;
    uint32_t *to;
};

static int convert_sizes(const struct sn_figure_reader *r, const char *group,
                         const struct size *sizes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct size *s = &sizes[i];
        int64_t x;
        if (!s->text)
            continue;
        char *where = sn_strdupf("%s%s", group, s->key);
        int status = sn_units_parse_int(s->text, SN_UNIT_COUNT, &x);
        if (status != SN_OK)
            sn_status_prefix("%s:%d: %s", r->path, sn_figure_line(r, where), where);
        else if (x < s->min || x > s->max)
            status = SN_FIGURE_WRONG(r, where, "%s: %.32s is not in %lld to %lld", where, s->text,
                                     (long long)s->min, (long long)s->max);
        else
            *s->to = (uint32_t)x;
        free(where);
        if (status != SN_OK)
            return status;
    }
    return SN_OK;
}

static int convert_step(const struct sn_figure_reader *r, const char *group,
                        const struct file_step *f, struct sn_llm_step *s)
{
    enum { MOST = 1 << 20 };
    const struct size sizes[] = {
        {"requests", f->requests, 1, MOST, &s->requests},
        {"queries", f->queries, 1, 64, &s->queries},
        {"ctx", f->ctx, 1, MOST, &s->ctx},
        {"dies", f->dies, 1, MOST, &s->dies},
        {"slots", f->slots, 1, MOST, &s->slots},
        {"shared_dies", f->shared_dies, 0, MOST, &s->shared_dies},
    };
    *s = (struct sn_llm_step){.queries = 1};
    return convert_sizes(r, group, sizes, sizeof sizes / sizeof *sizes);
}

static int convert(const struct sn_figure_reader *r, const struct file *f, struct sn_llm *m)
{
    const struct file_attention *a = f->attention;
    const struct file_experts *e = f->experts;
    const struct size sizes[] = {
        {"layers", f->layers, 1, 10000, &m->layers},
        {"dense_layers", f->dense_layers, 0, 10000, &m->dense_layers},
        {"hidden", f->hidden, 1, 65792, &m->hidden},
        {"vocabulary", f->vocabulary, 1, 1 << 24, &m->vocabulary},
        {"attention.heads", a->heads, 1, 4096, &m->heads},
        {"attention.q_rank", a->q_rank, 0, 65536, &m->q_rank},
        {"attention.latent", a->latent, 1, 65536, &m->latent},
        {"attention.rope", a->rope, 2, 65536, &m->rope},
        {"attention.nope", a->nope, 1, 65536, &m->nope},
        {"attention.v", a->v, 1, 65536, &m->v},
        {"experts.routed", e->routed, 1, 65536, &m->routed},
        {"experts.shared", e->shared, 0, 1024, &m->shared},
        {"experts.top_k", e->top_k, 1, 64, &m->top_k},
        {"experts.groups", e->groups, 1, 65536, &m->groups},
        {"experts.kept", e->kept, 1, 65536, &m->kept},
        {"experts.intermediate", e->intermediate, 1, 65792, &m->intermediate},
        {"dense.intermediate", f->dense->intermediate, 1, 65792, &m->dense_intermediate},
    };
    int status = convert_sizes(r, "", sizes, sizeof sizes / sizeof *sizes);
    if (status == SN_OK)
        status = convert_step(r, "steps.decode.", f->steps->decode, &m->decode);
    if (status == SN_OK)
        status = convert_step(r, "steps.prefill.", f->steps->prefill, &m->prefill);
    m->prefill.prefill = true;
    return status;
}

static int check(const struct sn_figure_reader *r, const struct sn_llm *m)
{
    if (m->dense_layers > m->layers)
        return SN_FIGURE_WRONG(r, "dense_layers", "dense_layers: %u is more than the %u layers",
                               m->dense_layers, m->layers);
    if (m->rope % 2)
        return SN_FIGURE_WRONG(r, "attention.rope", "attention.rope: %u is odd; it rotates pairs",
                               m->rope);
    if (m->routed % m->groups)
        return SN_FIGURE_WRONG(r, "experts.groups", "experts.groups: %u do not divide %u experts",
                               m->groups, m->routed);
    if (m->kept > m->groups)
        return SN_FIGURE_WRONG(r, "experts.kept", "experts.kept: %u is more than the %u groups",
                               m->kept, m->groups);
    if (m->top_k > m->kept * (m->routed / m->groups))
        return SN_FIGURE_WRONG(r, "experts.top_k",
                               "experts.top_k: %u is more than the %u experts of %u groups",
                               m->top_k, m->kept * (m->routed / m->groups), m->kept);
    return SN_OK;
}

int sn_llm_parse(struct sn_llm *out, const char *text, size_t n, const char *path)
{
    struct sn_yaml yaml;
    int status = sn_yaml_parse(&yaml, &file_schema, text, n, path);
    if (status != SN_OK)
        return status;
    struct storage *s = sn_calloc(1, sizeof *s);
    s->yaml = yaml;
    s->path = sn_strdup(path);
    const struct file *f = yaml.data;
    struct sn_llm m = {
        .name = f->name, .brief = f->brief, .source = f->source, .path = s->path, .storage = s};
    const struct sn_figure_reader r = {.yaml = &s->yaml, .path = s->path};
    status = convert(&r, f, &m);
    if (status == SN_OK)
        status = check(&r, &m);
    if (status == SN_OK)
        *out = m;
    else
        sn_llm_close(&m);
    return status;
}

void sn_llm_close(struct sn_llm *m)
{
    struct storage *s = m->storage;
    if (s) {
        sn_yaml_free(&s->yaml);
        free(s->path);
        free(s);
    }
    *m = (struct sn_llm){0};
}

static const struct sn_catalog models = {
    .what = "model", .plural = "models", .folder = offsetof(struct sn_datadir, models)};

int sn_llm_open(struct sn_llm *out, const char *name_or_file)
{
    char *path;
    struct sn_buf text;
    int status = sn_catalog_read(&models, name_or_file, &path, &text);
    if (status != SN_OK)
        return status;
    status = sn_llm_parse(out, text.data ? text.data : "", text.len, path);
    sn_buf_free(&text);
    free(path);
    return status;
}

static char *brief_of(const char *path)
{
    struct sn_llm m;
    if (sn_llm_open(&m, path) != SN_OK)
        return NULL;
    char *brief = sn_strdup(m.brief);
    sn_llm_close(&m);
    return brief;
}

void sn_llm_list(void (*emit)(void *out, const char *name, const char *brief,
                              const char *unavailable),
                 void *out)
{
    sn_catalog_list(&models, brief_of, emit, out);
}

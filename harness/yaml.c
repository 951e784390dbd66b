/* Loading by schema: the document is parsed by libyaml and compared with the schema for messages,
 * then converted by libcyaml. */
#include "harness/yaml.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

struct source {
    yaml_document_t *document;
    const char *path;
};

static int line_of(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

static const char *text_of(const yaml_node_t *scalar)
{
    return (const char *)scalar->data.scalar.value;
}

static const char *kind_of(const yaml_node_t *node)
{
    return node->type == YAML_MAPPING_NODE    ? "a mapping"
           : node->type == YAML_SEQUENCE_NODE ? "a list"
                                              : "a single value";
}

static int wrong_kind(const struct source *s, const yaml_node_t *node, const char *what,
                      const char *right)
{
    return SN_FAIL(SN_EINVAL, "%s:%d: %s must be %s, not %s", s->path, line_of(node), what, right,
                   kind_of(node));
}

static int unknown_key(const struct source *s, const yaml_node_t *key,
                       const cyaml_schema_field_t *fields)
{
    const char *names[64];
    size_t n = 0;
    struct sn_buf all = {0};
    for (; fields[n].key && n < sizeof names / sizeof *names; n++) {
        names[n] = fields[n].key;
        sn_buf_addf(&all, "%s%s", n ? ", " : "", names[n]);
    }
    const char *near = sn_nearest(text_of(key), names, n);
    SN_FAIL(SN_EINVAL, "%s:%d: unknown key '%.64s'%s%s%s (keys: %s)", s->path, line_of(key),
            text_of(key), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none");
    sn_buf_free(&all);
    return SN_EINVAL;
}

static int check(const struct source *s, const yaml_node_t *node, const char *what,
                 const cyaml_schema_value_t *schema);

static int check_mapping(const struct source *s, const yaml_node_t *node, const char *what,
                         const cyaml_schema_field_t *fields)
{
    if (node->type != YAML_MAPPING_NODE)
        return wrong_kind(s, node, what, "a mapping (key: value)");
    size_t n_fields = 0;
    while (fields[n_fields].key)
        n_fields++;
    bool *seen = sn_calloc(n_fields, sizeof *seen);
    int status = SN_OK;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top && !status; p++) {
        const yaml_node_t *key = yaml_document_get_node(s->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(s->document, p->value);
        size_t f = 0;
        if (key->type != YAML_SCALAR_NODE) {
            status = wrong_kind(s, key, "a key", "a word");
            break;
        }
        while (fields[f].key && strcmp(fields[f].key, text_of(key)))
            f++;
        if (!fields[f].key) {
            status = unknown_key(s, key, fields);
            break;
        }
        if (seen[f])
            status = SN_FAIL(SN_EINVAL, "%s:%d: the key '%s' stands here twice", s->path,
                             line_of(key), fields[f].key);
        else
            status = check(s, value, fields[f].key, &fields[f].value);
        seen[f] = true;
    }
    for (size_t f = 0; f < n_fields && !status; f++)
        if (!seen[f] && !(fields[f].value.flags & CYAML_FLAG_OPTIONAL))
            status = SN_FAIL(SN_EINVAL, "%s:%d: the key '%s' is missing", s->path, line_of(node),
                             fields[f].key);
    free(seen);
    return status;
}

static int check_sequence(const struct source *s, const yaml_node_t *node, const char *what,
                          const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return wrong_kind(s, node, what, "a list");
    size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (n < schema->sequence.min || n > schema->sequence.max)
        return SN_FAIL(SN_EINVAL, "%s:%d: '%s' has %zu entries; %s %u", s->path, line_of(node),
                       what, n, n < schema->sequence.min ? "at least" : "at most",
                       n < schema->sequence.min ? schema->sequence.min : schema->sequence.max);
    int status = SN_OK;
    struct sn_buf entry = {0};
    sn_buf_addf(&entry, "an entry of '%s'", what);
    for (size_t i = 0; i < n && !status; i++)
        status = check(s, yaml_document_get_node(s->document, node->data.sequence.items.start[i]),
                       entry.data, schema->sequence.entry);
    sn_buf_free(&entry);
    return status;
}

static int check_string(const struct source *s, const yaml_node_t *node, const char *what,
                        const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SCALAR_NODE)
        return wrong_kind(s, node, what, "a text");
    size_t n = node->data.scalar.length;
    if (strlen(text_of(node)) != n)
        return SN_FAIL(SN_EINVAL, "%s:%d: %s holds a NUL character", s->path, line_of(node), what);
    if (n < schema->string.min)
        return SN_FAIL(SN_EINVAL, "%s:%d: %s is empty", s->path, line_of(node), what);
    if (n > schema->string.max)
        return SN_FAIL(SN_EINVAL, "%s:%d: %s is longer than %u bytes", s->path, line_of(node), what,
                       schema->string.max);
    return SN_OK;
}

/* Kinds, keys and lengths; whether a scalar is a number is libcyaml's to say. */
static int check(const struct source *s, const yaml_node_t *node, const char *what,
                 const cyaml_schema_value_t *schema)
{
    switch (schema->type) {
    case CYAML_MAPPING:
        return check_mapping(s, node, what, schema->mapping.fields);
    case CYAML_SEQUENCE:
    case CYAML_SEQUENCE_FIXED:
        return check_sequence(s, node, what, schema);
    case CYAML_STRING:
        return check_string(s, node, what, schema);
    case CYAML_INT:
    case CYAML_UINT:
    case CYAML_BOOL:
    case CYAML_ENUM:
    case CYAML_FLOAT:
        return node->type == YAML_SCALAR_NODE ? SN_OK : wrong_kind(s, node, what, "a single value");
    default:
        return SN_OK;
    }
}

static int not_yaml(const yaml_parser_t *parser, const char *path)
{
    const char *problem = parser->problem ? parser->problem : "unreadable";
    if (parser->error == YAML_READER_ERROR)
        return SN_FAIL(SN_EINVAL, "%s: not YAML: %s at byte %zu", path, problem,
                       parser->problem_offset);
    return SN_FAIL(SN_EINVAL, "%s:%zu: not YAML: %s", path, parser->problem_mark.line + 1, problem);
}

/* One document and no more into *out, which the caller deletes. */
static int read_document(yaml_document_t *out, const char *text, size_t n, const char *path)
{
    yaml_parser_t parser;
    yaml_document_t document, next;
    int status = SN_OK;
    if (!yaml_parser_initialize(&parser))
        return SN_FAIL(SN_ENOMEM, "%s: no memory for its parser", path);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    if (!yaml_parser_load(&parser, &document)) {
        status = not_yaml(&parser, path);
        goto out_parser;
    }
    if (!yaml_document_get_root_node(&document)) {
        status = SN_FAIL(SN_EINVAL, "%s:1: the file is empty", path);
        goto out_document;
    }
    if (!yaml_parser_load(&parser, &next)) {
        status = not_yaml(&parser, path);
        goto out_document;
    }
    const yaml_node_t *second = yaml_document_get_root_node(&next);
    if (second)
        status =
            SN_FAIL(SN_EINVAL, "%s:%d: a second document; a file holds one", path, line_of(second));
    yaml_document_delete(&next);
    if (!status) {
        *out = document;
        goto out_parser;
    }
out_document:
    yaml_document_delete(&document);
out_parser:
    yaml_parser_delete(&parser);
    return status;
}

/* What libcyaml says about an error: its first line, and the innermost line of its backtrace. */
struct complaint {
    char text[256];
    unsigned long line;
};

static void keep_complaint(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    struct complaint *c = ctx;
    char text[256];
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    const char *line = strstr(text, "(line: ");
    if (line && !c->line)
        c->line = strtoul(line + 7, NULL, 10);
    if (!c->text[0])
        memcpy(c->text, text + (strncmp(text, "Load: ", 6) ? 0 : 6), sizeof text - 6);
}

static cyaml_config_t config_for(struct complaint *c)
{
    return (cyaml_config_t){.log_fn = keep_complaint,
                            .log_ctx = c,
                            .log_level = CYAML_LOG_ERROR,
                            .mem_fn = cyaml_mem,
                            .flags = CYAML_CFG_NO_ALIAS};
}

int sn_yaml_parse(struct sn_yaml *out, const cyaml_schema_value_t *schema, const char *text,
                  size_t n, const char *path)
{
    struct sn_yaml y = {.schema = schema};
    if (n > SN_YAML_MAX_BYTES)
        return SN_FAIL(SN_EINVAL, "%s: %zu bytes; at most %d are read", path, n, SN_YAML_MAX_BYTES);
    int status = read_document(&y.document, text, n, path);
    if (status)
        return status;
    struct source s = {.document = &y.document, .path = path};
    status = check(&s, yaml_document_get_root_node(&y.document), "the file", schema);
    if (!status) {
        struct complaint c = {.text = ""};
        cyaml_config_t config = config_for(&c);
        cyaml_err_t e = cyaml_load_data((const uint8_t *)text, n, &config, schema,
                                        (cyaml_data_t **)&y.data, NULL);
        if (e != CYAML_OK)
            status = SN_FAIL(SN_EINVAL, "%s:%lu: %s", path, c.line ? c.line : 1,
                             c.text[0] && e != CYAML_ERR_ALIAS ? c.text : cyaml_strerror(e));
    }
    if (status) {
        yaml_document_delete(&y.document);
        return status;
    }
    *out = y;
    return SN_OK;
}

void sn_yaml_free(struct sn_yaml *y)
{
    struct complaint c = {.text = ""};
    cyaml_config_t config = config_for(&c);
    if (!y->data)
        return;
    cyaml_free(&config, y->schema, y->data, 0);
    yaml_document_delete(&y->document);
    y->data = NULL;
}

/* The value under `key` (a mapping) or at the index it spells (a list), or NULL. */
static yaml_node_t *child(yaml_document_t *d, const yaml_node_t *node, const char *key, size_t len)
{
    if (node->type == YAML_SEQUENCE_NODE) {
        unsigned long i = strtoul(key, NULL, 10);
        size_t n = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
        return i < n ? yaml_document_get_node(d, node->data.sequence.items.start[i]) : NULL;
    }
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start;
         p < node->data.mapping.pairs.top; p++) {
        const yaml_node_t *k = yaml_document_get_node(d, p->key);
        if (k->type == YAML_SCALAR_NODE && k->data.scalar.length == len &&
            !memcmp(text_of(k), key, len))
            return yaml_document_get_node(d, p->value);
    }
    return NULL;
}

int sn_yaml_line(const struct sn_yaml *y, const char *where)
{
    yaml_document_t *d = (yaml_document_t *)&y->document; /* libyaml reads only */
    const yaml_node_t *node = yaml_document_get_root_node(d);
    while (node && *where) {
        size_t len = strcspn(where, ".");
        node = child(d, node, where, len);
        where += len + (where[len] == '.');
    }
    return node ? line_of(node) : 0;
}

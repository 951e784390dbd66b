/* YAML files read by a libcyaml schema, with errors a person can act on.
 *
 * libcyaml fills the structure; before it does, the document is compared with the same schema here,
 * because its own messages know neither the nearest right key nor one line to print. Every error
 * is one line "FILE:LINE: ...". Aliases are refused. */
#ifndef SN_HARNESS_YAML_H
#define SN_HARNESS_YAML_H

#include <stddef.h>

#include <cyaml/cyaml.h>
#include <yaml.h>

struct sn_yaml {
    void *data; /* what the schema describes; owned */
    const cyaml_schema_value_t *schema;
    yaml_document_t document; /* for the lines */
};

/* Largest file that is read; nothing a person writes comes near. */
enum { SN_YAML_MAX_BYTES = 1 << 20 };

/* Reads text[0..n) by `schema` (a CYAML_FLAG_POINTER mapping); `path` for messages. SN_EINVAL: not
 * YAML, an unknown key (with the nearest right one), a key twice, a missing key, a value of
 * the wrong kind; *out is then untouched. On SN_OK release *out with sn_yaml_free(). */
int sn_yaml_parse(struct sn_yaml *out, const cyaml_schema_value_t *schema, const char *text,
                  size_t n, const char *path);
void sn_yaml_free(struct sn_yaml *y);

/* Line (from 1) of the value at `where`, keys and indices joined by dots: "cases.3.axes.0"; 0 when
 * there is no such value. */
int sn_yaml_line(const struct sn_yaml *y, const char *where);

#endif

/* A table: columns, rows of cells, and what each format makes of it.
 *
 * A cell has two faces: `text` for people (scaled units, 4 digits) and `raw` for files (base units,
 * 12 digits). Text, Markdown, LaTeX and HTML show the first, CSV and JSON the second. All strings
 * are copied. An absent text shows as "-", an absent raw value is empty in CSV and null in JSON.
 */
#ifndef SN_HARNESS_TABLE_H
#define SN_HARNESS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/base/buf.h"

enum sn_column_show { SN_SHOW_ALL, SN_SHOW_PEOPLE, SN_SHOW_FILES };

struct sn_column {
    const char *key;  /* name in CSV and JSON; may be NULL when SN_SHOW_PEOPLE */
    const char *head; /* heading for people; may be NULL when SN_SHOW_FILES */
    bool number;      /* right-aligned; its raw values are JSON numbers */
    int priority;     /* 0: always shown; text leaves out the highest first when it is too wide */
    enum sn_column_show show;
};

enum sn_tone { SN_TONE_NONE, SN_TONE_GOOD, SN_TONE_WARN, SN_TONE_BAD };

struct sn_cell {
    char *text, *raw;
    enum sn_tone tone;
};

struct sn_table {
    struct sn_column *columns;
    size_t n_columns;
    struct sn_cell *cells; /* row by row, n_columns each */
    size_t n_rows;
};

void sn_table_init(struct sn_table *t);
void sn_table_free(struct sn_table *t);

/* Adds a column (strings copied); only before the first row. Returns its index. */
size_t sn_table_column(struct sn_table *t, const struct sn_column *c);
/* Adds an empty row. */
void sn_table_row(struct sn_table *t);
/* Sets a cell of the last row; text and raw may be NULL. */
void sn_table_set(struct sn_table *t, size_t column, const char *text, const char *raw);
void sn_table_tone(struct sn_table *t, size_t column, enum sn_tone tone);

/* A terminal table in ASCII, at most `width` characters wide if leaving out columns can do it; a
 * last line then names what was left out. */
void sn_table_text(const struct sn_table *t, size_t width, struct sn_buf *out);
void sn_table_md(const struct sn_table *t, struct sn_buf *out);
void sn_table_tex(const struct sn_table *t, struct sn_buf *out);
void sn_table_html(const struct sn_table *t, const char *caption, struct sn_buf *out);
void sn_table_csv(const struct sn_table *t, struct sn_buf *out);

#endif

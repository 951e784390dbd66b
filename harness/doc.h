/* A document: what a report says, apart from how a format writes it. Built once, written as
 * Markdown, HTML, LaTeX or terminal text. All strings are copied; tables and figures are moved in.
 */
#ifndef SN_HARNESS_DOC_H
#define SN_HARNESS_DOC_H

#include <stdio.h>

#include "harness/table.h"

enum sn_block_type {
    SN_BLOCK_HEADING,
    SN_BLOCK_PARAGRAPH,
    SN_BLOCK_VERDICT, /* headline and terms in a box of its tone's colour */
    SN_BLOCK_TERMS,   /* definitions: term and text */
    SN_BLOCK_LIST,
    SN_BLOCK_TABLE,
    SN_BLOCK_FIGURE,
    SN_BLOCK_CODE
};

struct sn_term {
    char *term, *text; /* term NULL in a list */
};

struct sn_block {
    enum sn_block_type type;
    int level;         /* of a heading: 2 or 3 */
    enum sn_tone tone; /* of a verdict */
    char *text;        /* heading, paragraph, headline, caption, code; may be NULL for a table */
    struct sn_term *terms;
    size_t n_terms;
    struct sn_table table;
    char *svg;  /* of a figure: the drawing itself; NULL when there is only the link */
    char *path; /* of a figure: where SVG and CSV lie beside the report, without the ending; NULL */
};

struct sn_doc {
    char *title, *subtitle;
    struct sn_block *blocks;
    size_t n;
};

void sn_doc_init(struct sn_doc *d, const char *title);
void sn_doc_free(struct sn_doc *d);

void sn_doc_heading(struct sn_doc *d, int level, const char *text);
void sn_doc_para(struct sn_doc *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sn_doc_code(struct sn_doc *d, const char *text);
/* Takes over *t, which is empty afterwards. */
void sn_doc_table(struct sn_doc *d, struct sn_table *t, const char *caption);
void sn_doc_figure(struct sn_doc *d, const char *caption, const char *svg, const char *path);
/* Open a verdict, terms or list block, then add to it; further adds go to the last block. */
void sn_doc_open(struct sn_doc *d, enum sn_block_type type);
void sn_doc_verdict(struct sn_doc *d, enum sn_tone tone, const char *headline);
void sn_doc_term(struct sn_doc *d, const char *term, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Formats of what is printed; not all are of documents. */
enum sn_format {
    SN_FORMAT_TEXT,
    SN_FORMAT_MD,
    SN_FORMAT_CSV,
    SN_FORMAT_JSON,
    SN_FORMAT_OSU,
    SN_FORMAT_HTML,
    SN_FORMAT_TEX,
    SN_FORMATS
};

/* NULL-terminated words in the order of enum sn_format. */
extern const char *const sn_format_words[];

/* Writers append to `out`. Every text is escaped for its format. */
void sn_doc_text(const struct sn_doc *d, size_t width, struct sn_buf *out);
void sn_doc_md(const struct sn_doc *d, struct sn_buf *out);
void sn_doc_html(const struct sn_doc *d, struct sn_buf *out);
void sn_doc_tex(const struct sn_doc *d, struct sn_buf *out);
/* As html, tex or md, and as text of `width` columns for any other format. */
void sn_doc_write(const struct sn_doc *d, enum sn_format format, size_t width, struct sn_buf *out);

/* The whole buffer to a stream. SN_EIO: "cannot write the table: no space left on device". */
int sn_doc_put(FILE *out, const struct sn_buf *b, const char *what);

#endif

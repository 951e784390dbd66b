/* Building a document, and its two plain writers: terminal text and Markdown. */
#include "harness/doc.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/escape.h"

void sn_doc_init(struct sn_doc *d, const char *title)
{
    *d = (struct sn_doc){.title = sn_strdup(title)};
}

void sn_doc_free(struct sn_doc *d)
{
    for (size_t i = 0; i < d->n; i++) {
        struct sn_block *b = &d->blocks[i];
        for (size_t t = 0; t < b->n_terms; t++) {
            free(b->terms[t].term);
            free(b->terms[t].text);
        }
        free(b->terms);
        free(b->text);
        free(b->svg);
        free(b->path);
        sn_table_free(&b->table);
    }
    free(d->blocks);
    free(d->title);
    free(d->subtitle);
    *d = (struct sn_doc){0};
}

static struct sn_block *add(struct sn_doc *d, enum sn_block_type type, const char *text)
{
    struct sn_block *b;

    d->blocks = sn_realloc(d->blocks, d->n + 1, sizeof *d->blocks);
    b = &d->blocks[d->n++];
    *b = (struct sn_block){.type = type, .text = text ? sn_strdup(text) : NULL};
    return b;
}

static char *format(const char *fmt, va_list args)
{
    va_list again;
    char *s;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(n >= 0);
    s = sn_calloc((size_t)n + 1, 1);
    vsnprintf(s, (size_t)n + 1, fmt, args);
    return s;
}

void sn_doc_heading(struct sn_doc *d, int level, const char *text)
{
    add(d, SN_BLOCK_HEADING, text)->level = level;
}

void sn_doc_para(struct sn_doc *d, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    add(d, SN_BLOCK_PARAGRAPH, NULL)->text = format(fmt, args);
    va_end(args);
}

void sn_doc_code(struct sn_doc *d, const char *text)
{
    add(d, SN_BLOCK_CODE, text);
}

void sn_doc_table(struct sn_doc *d, struct sn_table *t, const char *caption)
{
    add(d, SN_BLOCK_TABLE, caption)->table = *t;
    sn_table_init(t);
}

void sn_doc_figure(struct sn_doc *d, const char *caption, const char *svg, const char *path)
{
    struct sn_block *b = add(d, SN_BLOCK_FIGURE, caption);

    b->svg = svg ? sn_strdup(svg) : NULL;
    b->path = path ? sn_strdup(path) : NULL;
}

void sn_doc_open(struct sn_doc *d, enum sn_block_type type)
{
    add(d, type, NULL);
}

void sn_doc_verdict(struct sn_doc *d, enum sn_tone tone, const char *headline)
{
    add(d, SN_BLOCK_VERDICT, headline)->tone = tone;
}

void sn_doc_term(struct sn_doc *d, const char *term, const char *fmt, ...)
{
    struct sn_block *b;
    va_list args;

    assert(d->n > 0);
    b = &d->blocks[d->n - 1];
    b->terms = sn_realloc(b->terms, b->n_terms + 1, sizeof *b->terms);
    va_start(args, fmt);
    b->terms[b->n_terms++] = (struct sn_term){term ? sn_strdup(term) : NULL, format(fmt, args)};
    va_end(args);
}

/* --- terminal text ---------------------------------------------------------------------------- */

/* Words of `text` wrapped at `width`, the first line already `at` characters long, further lines
 * indented by `indent`. A word longer than the line stays whole. */
static void wrap(const char *text, size_t at, size_t indent, size_t width, struct sn_buf *out)
{
    struct sn_buf ascii = {0};
    bool first = true;

    sn_escape_ascii(&ascii, text);
    for (char *save = NULL, *w = strtok_r(ascii.data, " ", &save); w;
         w = strtok_r(NULL, " ", &save)) {
        size_t n = strlen(w);
        if (!first && at + 1 + n > width) {
            sn_buf_addf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            sn_buf_add(out, " ");
            at++;
        }
        sn_buf_add(out, w);
        at += n;
        first = false;
    }
    sn_buf_add(out, "\n");
    sn_buf_free(&ascii);
}

static void underline(const char *text, char c, struct sn_buf *out)
{
    size_t n = sn_utf8_length(text);

    sn_escape_ascii(out, text);
    sn_buf_add(out, "\n");
    for (size_t i = 0; i < n; i++)
        sn_buf_addn(out, &c, 1);
    sn_buf_add(out, "\n");
}

static void text_terms(const struct sn_block *b, size_t width, struct sn_buf *out)
{
    size_t indent = 0;

    for (size_t i = 0; i < b->n_terms; i++) {
        size_t n = b->terms[i].term ? sn_utf8_length(b->terms[i].term) : 0;
        indent = n > indent ? n : indent;
    }
    indent += indent ? 4 : 2; /* "  term  text" or "- text" */
    for (size_t i = 0; i < b->n_terms; i++) {
        if (b->terms[i].term) {
            size_t n = sn_utf8_length(b->terms[i].term);
            sn_buf_add(out, "  ");
            sn_escape_ascii(out, b->terms[i].term);
            sn_buf_addf(out, "%*s", (int)(indent - 2 - n), "");
        } else {
            sn_buf_add(out, "- ");
        }
        wrap(b->terms[i].text, indent, indent, width, out);
    }
}

static void text_code(const char *text, struct sn_buf *out)
{
    char *copy = sn_strdup(text);

    for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        sn_buf_add(out, "  ");
        sn_escape_ascii(out, line);
        sn_buf_add(out, "\n");
    }
    free(copy);
}

static void text_block(const struct sn_block *b, size_t width, struct sn_buf *out)
{
    switch (b->type) {
    case SN_BLOCK_HEADING:
        underline(b->text, b->level == 2 ? '=' : '-', out);
        break;
    case SN_BLOCK_PARAGRAPH:
        wrap(b->text, 0, 0, width, out);
        break;
    case SN_BLOCK_VERDICT:
        wrap(b->text, 0, 0, width, out);
        text_terms(b, width, out);
        break;
    case SN_BLOCK_TERMS:
    case SN_BLOCK_LIST:
        text_terms(b, width, out);
        break;
    case SN_BLOCK_TABLE:
        if (b->text)
            wrap(b->text, 0, 0, width, out);
        sn_table_text(&b->table, width, out);
        break;
    case SN_BLOCK_FIGURE:
        if (b->path)
            sn_buf_addf(out, "Figure %s.svg: ", b->path);
        wrap(b->text, b->path ? strlen(b->path) + 13 : 0, 2, width, out);
        break;
    case SN_BLOCK_CODE:
        text_code(b->text, out);
        break;
    }
}

void sn_doc_text(const struct sn_doc *d, size_t width, struct sn_buf *out)
{
    bool first = true;

    if (d->title && *d->title) {
        underline(d->title, '#', out);
        if (d->subtitle)
            wrap(d->subtitle, 0, 0, width, out);
        first = false;
    }
    for (size_t i = 0; i < d->n; i++) {
        if (!first)
            sn_buf_add(out, "\n");
        text_block(&d->blocks[i], width, out);
        first = false;
    }
}

/* --- Markdown --------------------------------------------------------------------------------- */

static void md_terms(const struct sn_block *b, const char *prefix, struct sn_buf *out)
{
    for (size_t i = 0; i < b->n_terms; i++) {
        sn_buf_addf(out, "%s- ", prefix);
        if (b->terms[i].term) {
            sn_buf_add(out, "**");
            sn_escape_md(out, b->terms[i].term);
            sn_buf_add(out, "**: ");
        }
        sn_escape_md(out, b->terms[i].text);
        sn_buf_add(out, "\n");
    }
}

/* The fence is longer than any run of backticks inside. */
static void md_code(const char *text, struct sn_buf *out)
{
    size_t fence = 3, run = 0;

    for (const char *p = text; *p; p++) {
        run = *p == '`' ? run + 1 : 0;
        fence = run >= fence ? run + 1 : fence;
    }
    for (int end = 0; end < 2; end++) {
        for (size_t i = 0; i < fence; i++)
            sn_buf_add(out, "`");
        sn_buf_add(out, "\n");
        if (!end)
            sn_buf_addf(out, "%s\n", text);
    }
}

static void md_block(const struct sn_block *b, struct sn_buf *out)
{
    switch (b->type) {
    case SN_BLOCK_HEADING:
        sn_buf_add(out, b->level == 2 ? "## " : "### ");
        sn_escape_md(out, b->text);
        sn_buf_add(out, "\n");
        break;
    case SN_BLOCK_PARAGRAPH:
        sn_escape_md(out, b->text);
        sn_buf_add(out, "\n");
        break;
    case SN_BLOCK_VERDICT:
        sn_buf_add(out, "> **");
        sn_escape_md(out, b->text);
        sn_buf_add(out, "**\n>\n");
        md_terms(b, "> ", out);
        break;
    case SN_BLOCK_TERMS:
    case SN_BLOCK_LIST:
        md_terms(b, "", out);
        break;
    case SN_BLOCK_TABLE:
        if (b->text) {
            sn_escape_md(out, b->text);
            sn_buf_add(out, "\n\n");
        }
        sn_table_md(&b->table, out);
        break;
    case SN_BLOCK_FIGURE:
        if (b->path)
            sn_buf_addf(out, "![%s](%s.svg)\n\n", b->path, b->path);
        sn_escape_md(out, b->text);
        if (b->path)
            sn_buf_addf(out, " Data: [%s.csv](%s.csv)", b->path, b->path);
        sn_buf_add(out, "\n");
        break;
    case SN_BLOCK_CODE:
        md_code(b->text, out);
        break;
    }
}

void sn_doc_md(const struct sn_doc *d, struct sn_buf *out)
{
    sn_buf_add(out, "# ");
    sn_escape_md(out, d->title);
    sn_buf_add(out, "\n");
    if (d->subtitle) {
        sn_buf_add(out, "\n");
        sn_escape_md(out, d->subtitle);
        sn_buf_add(out, "\n");
    }
    for (size_t i = 0; i < d->n; i++) {
        sn_buf_add(out, "\n");
        md_block(&d->blocks[i], out);
    }
}

/* --- any of them ------------------------------------------------------------------------------ */

const char *const sn_format_words[] = {
    [SN_FORMAT_TEXT] = "text", [SN_FORMAT_MD] = "md",   [SN_FORMAT_CSV] = "csv",
    [SN_FORMAT_JSON] = "json", [SN_FORMAT_OSU] = "osu", [SN_FORMAT_HTML] = "html",
    [SN_FORMAT_TEX] = "tex",   [SN_FORMATS] = NULL,
};

void sn_doc_write(const struct sn_doc *d, enum sn_format format, size_t width, struct sn_buf *out)
{
    if (format == SN_FORMAT_HTML)
        sn_doc_html(d, out);
    else if (format == SN_FORMAT_TEX)
        sn_doc_tex(d, out);
    else if (format == SN_FORMAT_MD)
        sn_doc_md(d, out);
    else
        sn_doc_text(d, width, out);
}

int sn_doc_put(FILE *out, const struct sn_buf *b, const char *what)
{
    if ((b->len && fwrite(b->data, 1, b->len, out) != b->len) || fflush(out) != 0)
        return SN_FAIL(SN_EIO, "cannot write the %s: %s", what, strerror(errno));
    return SN_OK;
}

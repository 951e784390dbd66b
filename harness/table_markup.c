/* Tables in Markdown, LaTeX (booktabs) and HTML. */
#include "harness/table.h"

#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"

enum { LONG_CELL = 60 }; /* longer text is wrapped */

static const struct sn_cell *cell(const struct sn_table *t, size_t row, size_t column)
{
    return &t->cells[row * t->n_columns + column];
}

static void add(struct sn_buf *out, sn_escape escape, const char *text)
{
    escape(out, text && *text ? text : "-");
}

/* Characters of a cell as Markdown source, for columns that line up in a terminal too. */
static size_t md_length(const char *text)
{
    struct sn_buf b = {0};
    size_t n;

    add(&b, sn_escape_md, text);
    n = sn_utf8_length(b.data);
    sn_buf_free(&b);
    return n;
}

static void md_cell(const char *text, size_t width, bool right, struct sn_buf *out)
{
    size_t n = md_length(text);
    int pad = n < width ? (int)(width - n) : 0;

    sn_buf_addf(out, " %*s", right ? pad : 0, "");
    add(out, sn_escape_md, text);
    sn_buf_addf(out, "%*s |", right ? 0 : pad, "");
}

void sn_table_md(const struct sn_table *t, struct sn_buf *out)
{
    size_t *widths = sn_calloc(t->n_columns + 1, sizeof *widths);

    for (size_t c = 0; c < t->n_columns; c++) {
        if (t->columns[c].show == SN_SHOW_FILES)
            continue;
        widths[c] = md_length(t->columns[c].head);
        for (size_t r = 0; r < t->n_rows; r++) {
            size_t n = md_length(cell(t, r, c)->text);
            widths[c] = n > widths[c] ? n : widths[c];
        }
        widths[c] = widths[c] < 3 ? 3 : widths[c] > LONG_CELL ? LONG_CELL : widths[c];
    }
    sn_buf_add(out, "|");
    for (size_t c = 0; c < t->n_columns; c++)
        if (widths[c])
            md_cell(t->columns[c].head, widths[c], t->columns[c].number, out);
    sn_buf_add(out, "\n|");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (!widths[c])
            continue;
        sn_buf_add(out, t->columns[c].number ? "-" : ":");
        for (size_t i = 0; i < widths[c]; i++)
            sn_buf_add(out, "-");
        sn_buf_add(out, t->columns[c].number ? ":|" : "-|");
    }
    sn_buf_add(out, "\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        sn_buf_add(out, "|");
        for (size_t c = 0; c < t->n_columns; c++)
            if (widths[c])
                md_cell(cell(t, r, c)->text, widths[c], t->columns[c].number, out);
        sn_buf_add(out, "\n");
    }
    free(widths);
}

static bool is_long(const struct sn_table *t, size_t column)
{
    for (size_t r = 0; r < t->n_rows; r++) {
        const char *text = cell(t, r, column)->text;
        if (text && sn_utf8_length(text) > LONG_CELL)
            return true;
    }
    return false;
}

/* longtable, because a sweep can be longer than a page. */
void sn_table_tex(const struct sn_table *t, struct sn_buf *out)
{
    const char *sep = "";

    sn_buf_add(out, "\\begin{longtable}{@{}");
    for (size_t c = 0; c < t->n_columns; c++)
        if (t->columns[c].show != SN_SHOW_FILES)
            sn_buf_add(out, t->columns[c].number ? "r" : is_long(t, c) ? "p{.6\\linewidth}" : "l");
    sn_buf_add(out, "@{}}\n\\toprule\n");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (t->columns[c].show == SN_SHOW_FILES)
            continue;
        sn_buf_add(out, sep);
        add(out, sn_escape_tex, t->columns[c].head);
        sep = " & ";
    }
    sn_buf_add(out, " \\\\\n\\midrule\n\\endhead\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        sep = "";
        for (size_t c = 0; c < t->n_columns; c++) {
            if (t->columns[c].show == SN_SHOW_FILES)
                continue;
            sn_buf_add(out, sep);
            add(out, sn_escape_tex, cell(t, r, c)->text);
            sep = " & ";
        }
        sn_buf_add(out, " \\\\\n");
    }
    sn_buf_add(out, "\\bottomrule\n\\end{longtable}\n");
}

static void html_class(struct sn_buf *out, bool number, bool wide, enum sn_tone tone)
{
    static const char *const tones[] = {"", " good", " warn", " bad"};

    if (number || wide || tone)
        sn_buf_addf(out, " class=\"%s%s\"", number ? "n" : wide ? "w" : "t", tones[tone]);
}

/* The unit on a line of its own: a heading should not make its column wide. */
static void html_head(struct sn_buf *out, const char *head)
{
    const char *unit = strstr(head, " (");
    char *name = sn_strdupf("%.*s", (int)(unit ? (size_t)(unit - head) : strlen(head)), head);

    sn_escape_html(out, name);
    if (unit) {
        sn_buf_add(out, "<br><small>");
        sn_escape_html(out, unit + 1);
        sn_buf_add(out, "</small>");
    }
    free(name);
}

void sn_table_html(const struct sn_table *t, const char *caption, struct sn_buf *out)
{
    sn_buf_add(out, "<div class=\"scroll\" tabindex=\"0\"><table>\n");
    if (caption) {
        sn_buf_add(out, "<caption>");
        sn_escape_html(out, caption);
        sn_buf_add(out, "</caption>\n");
    }
    sn_buf_add(out, "<thead><tr>");
    for (size_t c = 0; c < t->n_columns; c++) {
        if (t->columns[c].show == SN_SHOW_FILES)
            continue;
        sn_buf_add(out, "<th scope=\"col\"");
        html_class(out, t->columns[c].number, false, SN_TONE_NONE);
        sn_buf_add(out, ">");
        html_head(out, t->columns[c].head);
        sn_buf_add(out, "</th>");
    }
    sn_buf_add(out, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < t->n_rows; r++) {
        sn_buf_add(out, "<tr>");
        for (size_t c = 0; c < t->n_columns; c++) {
            if (t->columns[c].show == SN_SHOW_FILES)
                continue;
            sn_buf_add(out, "<td");
            html_class(out, t->columns[c].number, is_long(t, c), cell(t, r, c)->tone);
            sn_buf_add(out, ">");
            add(out, sn_escape_html, cell(t, r, c)->text);
            sn_buf_add(out, "</td>");
        }
        sn_buf_add(out, "</tr>\n");
    }
    sn_buf_add(out, "</tbody>\n</table></div>\n");
}

/* The table model and its plain writers: terminal text, CSV, JSON. Marked-up ones: table_markup.c.
 */
#include "harness/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"

void sn_table_init(struct sn_table *t)
{
    *t = (struct sn_table){0};
}

void sn_table_free(struct sn_table *t)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        free((char *)t->columns[i].key);
        free((char *)t->columns[i].head);
    }
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        free(t->cells[i].text);
        free(t->cells[i].raw);
    }
    free(t->columns);
    free(t->cells);
    sn_table_init(t);
}

size_t sn_table_column(struct sn_table *t, const struct sn_column *c)
{
    struct sn_column *to;

    assert(t->n_rows == 0);
    t->columns = sn_realloc(t->columns, t->n_columns + 1, sizeof *t->columns);
    to = &t->columns[t->n_columns];
    *to = *c;
    to->key = c->key ? sn_strdup(c->key) : NULL;
    to->head = c->head ? sn_strdup(c->head) : NULL;
    return t->n_columns++;
}

void sn_table_row(struct sn_table *t)
{
    size_t at = t->n_rows * t->n_columns;

    t->n_rows++;
    t->cells = sn_realloc(t->cells, t->n_rows * t->n_columns + 1, sizeof *t->cells);
    memset(t->cells + at, 0, t->n_columns * sizeof *t->cells);
}

static struct sn_cell *last(struct sn_table *t, size_t column)
{
    assert(t->n_rows > 0 && column < t->n_columns);
    return &t->cells[(t->n_rows - 1) * t->n_columns + column];
}

void sn_table_set(struct sn_table *t, size_t column, const char *text, const char *raw)
{
    struct sn_cell *c = last(t, column);

    free(c->text);
    free(c->raw);
    c->text = text ? sn_strdup(text) : NULL;
    c->raw = raw ? sn_strdup(raw) : NULL;
}

void sn_table_tone(struct sn_table *t, size_t column, enum sn_tone tone)
{
    last(t, column)->tone = tone;
}

/* --- terminal --------------------------------------------------------------------------------- */

static const char *cell_text(const struct sn_table *t, size_t row, size_t column)
{
    const char *s = t->cells[row * t->n_columns + column].text;

    return s && *s ? s : "-";
}

static size_t ascii_length(const char *text)
{
    struct sn_buf b = {0};
    size_t n;

    sn_escape_ascii(&b, text);
    n = b.len;
    sn_buf_free(&b);
    return n;
}

/* A heading has two lines, so that a unit does not make a column wide: "median" over "(us)". */
static char *head_line(const struct sn_table *t, size_t column, int line)
{
    const char *head = t->columns[column].head, *unit = strstr(head, " (");

    if (line == 0)
        return sn_strdupf("%.*s", (int)(unit ? (size_t)(unit - head) : strlen(head)), head);
    return sn_strdup(unit ? unit + 1 : "");
}

struct layout {
    size_t *widths; /* 0: left out */
    size_t total, last;
    bool two_lines;
    struct sn_buf dropped;
};

static void measure(const struct sn_table *t, struct layout *l)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        if (t->columns[c].show == SN_SHOW_FILES)
            continue;
        for (int line = 0; line < 2; line++) {
            char *head = head_line(t, c, line);
            size_t n = ascii_length(head);
            l->widths[c] = n > l->widths[c] ? n : l->widths[c];
            l->two_lines = l->two_lines || (line == 1 && n > 0);
            free(head);
        }
        for (size_t r = 0; r < t->n_rows; r++) {
            size_t n = ascii_length(cell_text(t, r, c));
            l->widths[c] = n > l->widths[c] ? n : l->widths[c];
        }
        l->total += l->widths[c] + (l->total ? 2 : 0);
        l->last = c;
    }
}

/* Leaves out the column of the highest priority number (of equals the last); false when none may
 * go. */
static bool drop_one(const struct sn_table *t, struct layout *l)
{
    size_t worst = t->n_columns;

    for (size_t c = 0; c < t->n_columns; c++)
        if (l->widths[c] > 0 && t->columns[c].priority > 0 &&
            (worst == t->n_columns || t->columns[c].priority >= t->columns[worst].priority))
            worst = c;
    if (worst == t->n_columns)
        return false;
    l->total -= l->widths[worst] + 2;
    l->widths[worst] = 0;
    sn_buf_add(&l->dropped, l->dropped.len ? ", " : "");
    sn_escape_ascii(&l->dropped, t->columns[worst].head);
    for (size_t c = 0; c < t->n_columns; c++)
        if (l->widths[c] > 0)
            l->last = c;
    return true;
}

/* Text at the end of a table may go on in further lines. */
static void narrow_last(const struct sn_table *t, size_t width, struct layout *l)
{
    enum { LEAST = 24 };
    size_t others = l->total - l->widths[l->last];

    if (l->total <= width || t->columns[l->last].number || others + LEAST > width)
        return;
    l->widths[l->last] = width - others;
    l->total = width;
}

static void pad(size_t n, struct sn_buf *out)
{
    sn_buf_addf(out, "%*s", (int)n, "");
}

/* One cell, already ASCII, `n` characters of it. */
static void put_cell(const struct sn_table *t, const struct layout *l, size_t c, const char *ascii,
                     size_t n, struct sn_buf *out)
{
    size_t space = l->widths[c] > n ? l->widths[c] - n : 0;

    if (t->columns[c].number)
        pad(space, out);
    sn_buf_addn(out, ascii, n);
    if (c == l->last)
        return;
    if (!t->columns[c].number)
        pad(space, out);
    sn_buf_add(out, "  ");
}

/* No blanks at the end of a line. */
static void end_line(struct sn_buf *out)
{
    while (out->len > 0 && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    sn_buf_add(out, "\n");
}

/* How much of `text` fits into `width`: up to a blank, or all of a word that is longer. */
static size_t fits(const char *text, size_t width)
{
    size_t n = strlen(text), cut = 0;

    if (n <= width)
        return n;
    for (size_t i = 0; i <= width; i++)
        if (text[i] == ' ')
            cut = i;
    return cut ? cut : width;
}

static void put_row(const struct sn_table *t, const struct layout *l, size_t row,
                    struct sn_buf *out)
{
    struct sn_buf ascii = {0};
    const char *rest;

    for (size_t c = 0; c <= l->last; c++) {
        if (l->widths[c] == 0)
            continue;
        sn_buf_reset(&ascii);
        sn_escape_ascii(&ascii, cell_text(t, row, c));
        if (c < l->last)
            put_cell(t, l, c, ascii.data, ascii.len, out);
    }
    rest = ascii.data;
    for (bool first = true; first || *rest; first = false) {
        size_t n = t->columns[l->last].number ? strlen(rest) : fits(rest, l->widths[l->last]);
        if (!first)
            pad(l->total - l->widths[l->last], out);
        put_cell(t, l, l->last, rest, n, out);
        end_line(out);
        for (rest += n; *rest == ' ';)
            rest++;
    }
    sn_buf_free(&ascii);
}

static void put_head(const struct sn_table *t, const struct layout *l, struct sn_buf *out)
{
    for (int line = 0; line < (l->two_lines ? 2 : 1); line++) {
        for (size_t c = 0; c < t->n_columns; c++) {
            struct sn_buf ascii = {0};
            char *head;
            if (l->widths[c] == 0)
                continue;
            head = head_line(t, c, line);
            sn_escape_ascii(&ascii, head);
            put_cell(t, l, c, ascii.len ? ascii.data : "", ascii.len, out);
            sn_buf_free(&ascii);
            free(head);
        }
        end_line(out);
    }
    for (size_t i = 0; i < l->total; i++)
        sn_buf_add(out, "-");
    sn_buf_add(out, "\n");
}

void sn_table_text(const struct sn_table *t, size_t width, struct sn_buf *out)
{
    struct layout l = {.widths = sn_calloc(t->n_columns + 1, sizeof *l.widths)};

    measure(t, &l);
    while (l.total > width && drop_one(t, &l))
        ;
    narrow_last(t, width, &l);
    put_head(t, &l, out);
    for (size_t r = 0; r < t->n_rows; r++)
        put_row(t, &l, r, out);
    if (l.dropped.len > 0)
        sn_buf_addf(out, "(left out for width: %s)\n", l.dropped.data);
    sn_buf_free(&l.dropped);
    free(l.widths);
}

/* --- files ------------------------------------------------------------------------------------ */

void sn_table_csv(const struct sn_table *t, struct sn_buf *out)
{
    for (size_t r = 0; r <= t->n_rows; r++) {
        bool first = true;
        for (size_t c = 0; c < t->n_columns; c++) {
            const char *s;
            if (t->columns[c].show == SN_SHOW_PEOPLE)
                continue;
            s = r == 0 ? t->columns[c].key : t->cells[(r - 1) * t->n_columns + c].raw;
            if (!first)
                sn_buf_add(out, ",");
            sn_escape_csv(out, s ? s : "");
            first = false;
        }
        sn_buf_add(out, "\n");
    }
}

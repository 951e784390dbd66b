/* Escaping for HTML, Markdown, LaTeX, terminals, CSV and JSON: one decoder, one table a target. */
#include "harness/escape.h"

#include <stdbool.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

uint32_t sn_utf8_next(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;
    unsigned extra = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : s[0] >= 0xc2 ? 1 : 0;
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    uint32_t c;

    *p += 1;
    if (s[0] < 0x80)
        return s[0];
    if (extra == 0 || s[0] > 0xf4)
        return REPLACEMENT;
    c = s[0] & (0x3fu >> extra);
    for (unsigned i = 1; i <= extra; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        c = c << 6 | (s[i] & 0x3f);
    }
    if (c < least[extra] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return REPLACEMENT;
    *p += extra;
    return c;
}

size_t sn_utf8_length(const char *text)
{
    size_t n = 0;

    while (*text) {
        sn_utf8_next(&text);
        n++;
    }
    return n;
}

/* The next character, with blanks and control characters made harmless. */
static uint32_t next_clean(const char **p)
{
    uint32_t c = sn_utf8_next(p);

    if (c == '\n' || c == '\t' || c == '\r')
        return ' ';
    return c < 0x20 || (c >= 0x7f && c < 0xa0) ? REPLACEMENT : c;
}

static void add_utf8(struct sn_buf *out, uint32_t c)
{
    char s[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    if (n == 1) {
        s[0] = (char)c;
    } else {
        for (size_t i = n - 1; i > 0; i--, c >>= 6)
            s[i] = (char)(0x80 | (c & 0x3f));
        s[0] = (char)((0xf00 >> n & 0xf0) | c);
    }
    sn_buf_addn(out, s, n);
}

struct replacement {
    uint32_t from;
    const char *to;
};

static const char *replaced(const struct replacement *table, uint32_t c)
{
    for (; table->to; table++)
        if (table->from == c)
            return table->to;
    return NULL;
}

void sn_escape_html(struct sn_buf *out, const char *text)
{
    static const struct replacement table[] = {{'&', "&amp;"},  {'<', "&lt;"},   {'>', "&gt;"},
                                               {'"', "&quot;"}, {'\'', "&#39;"}, {0, NULL}};

    while (*text) {
        uint32_t c = next_clean(&text);
        const char *to = replaced(table, c);
        if (to)
            sn_buf_add(out, to);
        else
            add_utf8(out, c);
    }
}

static bool is_word(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* An underscore inside a word and a bracket that starts no link need no backslash: the source stays
 * readable in a terminal. */
void sn_escape_md(struct sn_buf *out, const char *text)
{
    uint32_t before = ' ';

    while (*text) {
        uint32_t c = next_clean(&text);
        const char *rest = text;
        uint32_t after = *text ? sn_utf8_next(&rest) : ' ';
        bool special = c == '\\' || c == '|' || c == '`' || c == '*' || c == '~' ||
                       (c == '_' && !(is_word(before) && is_word(after))) ||
                       (c == ']' && (after == '(' || after == '[' || after == ':'));
        if (c == '<')
            sn_buf_add(out, "&lt;");
        else if (c == '&')
            sn_buf_add(out, "&amp;");
        else {
            if (special)
                sn_buf_add(out, "\\");
            add_utf8(out, c);
        }
        before = c;
    }
}

void sn_escape_tex(struct sn_buf *out, const char *text)
{
    static const struct replacement table[] = {
        {'\\', "\\textbackslash{}"},
        {'{', "\\{"},
        {'}', "\\}"},
        {'$', "\\$"},
        {'&', "\\&"},
        {'#', "\\#"},
        {'%', "\\%"},
        {'_', "\\_"},
        {'^', "\\textasciicircum{}"},
        {'~', "\\textasciitilde{}"},
        {'<', "\\textless{}"},
        {'>', "\\textgreater{}"},
        {'|', "\\textbar{}"},
        {'"', "\\textquotedbl{}"},
        {'\'', "\\textquotesingle{}"},
        {'`', "\\textasciigrave{}"},
        {'[', "{[}"}, /* after \\ in a table a bracket would be read as its option */
        {']', "{]}"},
        {'-', "-{}"}, /* no ligature: "--option" keeps its two dashes */
        {0xb5, "\\textmu{}"},
        {0xb7, "\\textperiodcentered{}"},
        {0xd7, "\\texttimes{}"},
        {0xa0, "~"},
        {0x2013, "--"},
        {0x2014, "---"},
        {0x2264, "$\\leq$"},
        {0x2265, "$\\geq$"},
        {0, NULL},
    };

    while (*text) {
        uint32_t c = next_clean(&text);
        const char *to = replaced(table, c);
        if (to)
            sn_buf_add(out, to);
        else
            add_utf8(out, c < 0x80 ? c : '?');
    }
}

void sn_escape_ascii(struct sn_buf *out, const char *text)
{
    static const struct replacement table[] = {
        {0xb1, "+-"},  {0xb5, "u"},   {0xb7, "*"},    {0xd7, "x"},    {0xa0, " "}, {0x2013, "-"},
        {0x2014, "-"}, {0x2026, "~"}, {0x2264, "<="}, {0x2265, ">="}, {0, NULL},
    };

    while (*text) {
        uint32_t c = next_clean(&text);
        const char *to = replaced(table, c);
        if (to)
            sn_buf_add(out, to);
        else
            add_utf8(out, c < 0x80 ? c : '?');
    }
}

void sn_escape_csv(struct sn_buf *out, const char *text)
{
    size_t n = strlen(text);
    bool quote = strpbrk(text, ",\"\n\r") || (n > 0 && (text[0] == ' ' || text[n - 1] == ' '));

    if (!quote) {
        sn_buf_add(out, text);
        return;
    }
    sn_buf_add(out, "\"");
    for (; *text; text++) {
        if (*text == '"')
            sn_buf_add(out, "\"");
        sn_buf_addn(out, text, 1);
    }
    sn_buf_add(out, "\"");
}

void sn_escape_json(struct sn_buf *out, const char *text)
{
    sn_buf_add(out, "\"");
    while (*text) {
        uint32_t c = sn_utf8_next(&text);
        if (c == '"' || c == '\\')
            sn_buf_addf(out, "\\%c", (char)c);
        else if (c < 0x20 || c == 0x7f)
            sn_buf_addf(out, "\\u%04x", (unsigned)c);
        else
            add_utf8(out, c);
    }
    sn_buf_add(out, "\"");
}

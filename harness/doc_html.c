/* A document as one self-contained HTML file: inline CSS and SVG, no script, no outside font.
 * Light and dark by prefers-color-scheme; drawings stand on white cards in both. */
#include "harness/doc.h"

#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fbfbfa;--card:#fff;--fg:#1b1f24;--soft:#59636e;"
    "--line:#dfe2e6;--head:#f1f3f5;--stripe:#f8f9fa;--code:#f1f3f5;--link:#0b57d0;"
    "--good:#0f6b3c;--good-bg:#e9f6ee;--warn:#7f5200;--warn-bg:#fdf4e0;--bad:#a4161a;"
    "--bad-bg:#fdecec}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#15181c;--card:#1c2026;--fg:#e4e7eb;"
    "--soft:#9aa4af;--line:#343b44;--head:#262c34;--stripe:#20252b;--code:#20252b;--link:#8ab4f8;"
    "--good:#6fd19a;--good-bg:#15291f;--warn:#f0bf5e;--warn-bg:#2d2513;--bad:#ff8f8f;"
    "--bad-bg:#331b1d}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;padding:2.5rem 1.5rem 5rem;max-width:82rem;background:var(--bg);"
    "color:var(--fg);font:15px/1.55 system-ui,-apple-system,\"Segoe UI\",\"Helvetica Neue\","
    "Arial,sans-serif}\n"
    "h1{margin:0;font-size:1.75rem;line-height:1.25;letter-spacing:-.01em}\n"
    "h2{margin:3rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--line);font-size:1.3rem}\n"
    "h3{margin:2rem 0 .5rem;font-size:1.05rem}\n"
    "p{margin:.6rem 0;max-width:62rem}a{color:var(--link)}\n"
    ".sub{color:var(--soft);margin:.35rem 0 1.5rem}\n"
    "nav{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin:1.25rem 0;font-size:.92rem}\n"
    ".verdict{margin:1.25rem 0;padding:1rem 1.25rem;border:1px solid var(--line);"
    "border-left:.4rem solid var(--tone);border-radius:.4rem;background:var(--tone-bg)}\n"
    ".verdict>strong{display:block;margin-bottom:.5rem;font-size:1.15rem;color:var(--tone)}\n"
    ".verdict.good{--tone:var(--good);--tone-bg:var(--good-bg)}\n"
    ".verdict.warn,.verdict.none{--tone:var(--warn);--tone-bg:var(--warn-bg)}\n"
    ".verdict.bad{--tone:var(--bad);--tone-bg:var(--bad-bg)}\n"
    "dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.25rem;margin:0}\n"
    "dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n"
    ".terms{margin:.75rem 0;font-size:.92rem}\n"
    ".scroll{max-height:85vh;overflow:auto;margin:.9rem 0;border:1px solid var(--line);"
    "border-radius:.4rem;background:var(--card);width:fit-content;max-width:100%}\n"
    "table{border-collapse:separate;border-spacing:0;font-size:.88rem}\n"
    "caption{padding:.6rem .8rem;text-align:left;color:var(--soft);white-space:nowrap}\n"
    "th,td{padding:.28rem .65rem;text-align:left;white-space:nowrap}\n"
    "th{position:sticky;top:0;background:var(--head);font-weight:600;vertical-align:bottom;"
    "border-bottom:1px solid var(--line)}\n"
    "th small{font-size:.92em;font-weight:400;color:var(--soft)}\n"
    "td{border-bottom:1px solid var(--line);max-width:42rem;overflow-wrap:anywhere}\n"
    "tbody tr:last-child td{border-bottom:0}tbody tr:nth-child(even) td{background:var(--stripe)}\n"
    ".n{text-align:right;font-variant-numeric:tabular-nums}\n"
    "td.good{color:var(--good)}td.warn{color:var(--warn);font-weight:600}"
    "td.bad{color:var(--bad);font-weight:600}\n"
    "td.w{white-space:normal;min-width:24rem}\n"
    ".figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,34rem),1fr));"
    "gap:1rem;margin:1.25rem 0}\n"
    "figure{margin:0;padding:.75rem;border:1px solid var(--line);border-radius:.4rem;"
    "background:#fff;color:#333a42;break-inside:avoid}\n"
    "figure svg{display:block;max-width:100%;height:auto;margin:0 auto}\n"
    "figcaption{margin-top:.4rem;font-size:.85rem}figure a{color:#0b57d0}\n"
    "pre{padding:.8rem 1rem;border-radius:.4rem;background:var(--code);white-space:pre-wrap;"
    "overflow-wrap:anywhere;font:.87rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
    "@media print{:root{--bg:#fff;--card:#fff;--fg:#000;--soft:#444;--line:#bbb;--head:#eee;"
    "--stripe:#fff;--code:#f4f4f4;--good:#0f6b3c;--good-bg:#fff;--warn:#7f5200;--warn-bg:#fff;"
    "--bad:#a4161a;--bad-bg:#fff}body{max-width:none;padding:0;font-size:10pt}nav{display:none}"
    ".scroll{max-height:none;overflow:visible;border:0;max-width:none}th{position:static}"
    "thead{display:table-header-group}tr,.verdict{break-inside:avoid}"
    "h2,h3{break-after:avoid}}\n";

static const char *tone_class(enum sn_tone tone)
{
    static const char *const names[] = {"none", "good", "warn", "bad"};

    return names[tone];
}

static void terms(const struct sn_block *b, const char *class, struct sn_buf *out)
{
    sn_buf_addf(out, "<dl%s>\n", class);
    for (size_t i = 0; i < b->n_terms; i++) {
        sn_buf_add(out, "<dt>");
        sn_escape_html(out, b->terms[i].term);
        sn_buf_add(out, "</dt><dd>");
        sn_escape_html(out, b->terms[i].text);
        sn_buf_add(out, "</dd>\n");
    }
    sn_buf_add(out, "</dl>\n");
}

static void list(const struct sn_block *b, struct sn_buf *out)
{
    sn_buf_add(out, "<ul>\n");
    for (size_t i = 0; i < b->n_terms; i++) {
        sn_buf_add(out, "<li>");
        sn_escape_html(out, b->terms[i].text);
        sn_buf_add(out, "</li>\n");
    }
    sn_buf_add(out, "</ul>\n");
}

/* The drawing from its <svg> element on: an XML declaration has no place inside HTML. */
static void figure(const struct sn_block *b, struct sn_buf *out)
{
    const char *svg = b->svg ? strstr(b->svg, "<svg") : NULL;

    sn_buf_add(out, "<figure>");
    if (svg)
        sn_buf_add(out, svg);
    sn_buf_add(out, "<figcaption>");
    sn_escape_html(out, b->text);
    if (b->path) {
        sn_buf_add(out, " Data: <a href=\"");
        sn_escape_html(out, b->path);
        sn_buf_add(out, ".csv\">");
        sn_escape_html(out, b->path);
        sn_buf_add(out, ".csv</a>");
    }
    sn_buf_add(out, "</figcaption></figure>\n");
}

static void code(const char *text, struct sn_buf *out)
{
    char *copy = sn_strdup(text);

    sn_buf_add(out, "<pre>");
    for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        sn_escape_html(out, line);
        sn_buf_add(out, "\n");
    }
    sn_buf_add(out, "</pre>\n");
    free(copy);
}

static void block(const struct sn_block *b, size_t index, struct sn_buf *out)
{
    switch (b->type) {
    case SN_BLOCK_HEADING:
        sn_buf_addf(out, "<h%d id=\"s%zu\">", b->level, index);
        sn_escape_html(out, b->text);
        sn_buf_addf(out, "</h%d>\n", b->level);
        break;
    case SN_BLOCK_PARAGRAPH:
        sn_buf_add(out, "<p>");
        sn_escape_html(out, b->text);
        sn_buf_add(out, "</p>\n");
        break;
    case SN_BLOCK_VERDICT:
        sn_buf_addf(out, "<section class=\"verdict %s\" aria-label=\"verdict\"><strong>",
                    tone_class(b->tone));
        sn_escape_html(out, b->text);
        sn_buf_add(out, "</strong>\n");
        terms(b, "", out);
        sn_buf_add(out, "</section>\n");
        break;
    case SN_BLOCK_TERMS:
        terms(b, " class=\"terms\"", out);
        break;
    case SN_BLOCK_LIST:
        list(b, out);
        break;
    case SN_BLOCK_TABLE:
        sn_table_html(&b->table, b->text, out);
        break;
    case SN_BLOCK_FIGURE:
        figure(b, out);
        break;
    case SN_BLOCK_CODE:
        code(b->text, out);
        break;
    }
}

static void contents(const struct sn_doc *d, struct sn_buf *out)
{
    sn_buf_add(out, "<nav aria-label=\"contents\">\n");
    for (size_t i = 0; i < d->n; i++) {
        if (d->blocks[i].type != SN_BLOCK_HEADING || d->blocks[i].level != 2)
            continue;
        sn_buf_addf(out, "<a href=\"#s%zu\">", i);
        sn_escape_html(out, d->blocks[i].text);
        sn_buf_add(out, "</a>\n");
    }
    sn_buf_add(out, "</nav>\n");
}

void sn_doc_html(const struct sn_doc *d, struct sn_buf *out)
{
    bool figures = false, listed = false;

    sn_buf_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                    "<title>");
    sn_escape_html(out, d->title);
    sn_buf_addf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    sn_escape_html(out, d->title);
    sn_buf_add(out, "</h1>\n");
    if (d->subtitle) {
        sn_buf_add(out, "<p class=\"sub\">");
        sn_escape_html(out, d->subtitle);
        sn_buf_add(out, "</p>\n");
    }
    for (size_t i = 0; i < d->n; i++) {
        const struct sn_block *b = &d->blocks[i];
        bool is_figure = b->type == SN_BLOCK_FIGURE && b->svg;
        if (!listed && b->type == SN_BLOCK_HEADING) {
            contents(d, out);
            listed = true;
        }
        if (is_figure != figures)
            sn_buf_add(out, is_figure ? "<div class=\"figures\">\n" : "</div>\n");
        figures = is_figure;
        block(b, i, out);
    }
    if (figures)
        sn_buf_add(out, "</div>\n");
    sn_buf_add(out, "</body>\n</html>\n");
}

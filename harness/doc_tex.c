/* A document as LaTeX: article, booktabs, longtable; nothing outside a basic TeX distribution.
 * Drawings are left to the SVG files beside the HTML report; their captions name them. */
#include "harness/doc.h"

#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"

static const char preamble[] = "\\documentclass[10pt]{article}\n"
                               "\\usepackage[T1]{fontenc}\n"
                               "\\usepackage[utf8]{inputenc}\n"
                               "\\usepackage{textcomp}\n"
                               "\\usepackage{booktabs,longtable}\n"
                               "\\usepackage[a4paper,landscape,margin=18mm]{geometry}\n"
                               "\\setlength{\\parindent}{0pt}\n"
                               "\\setlength{\\parskip}{4pt}\n"
                               "\\setlength{\\tabcolsep}{5pt}\n"
                               "\\setlength{\\LTleft}{0pt}\n"
                               "\\raggedright\n";

static void terms(const struct sn_block *b, struct sn_buf *out)
{
    sn_buf_addf(out, "\\begin{%s}\\setlength{\\itemsep}{0pt}\n",
                b->type == SN_BLOCK_LIST ? "itemize" : "description");
    for (size_t i = 0; i < b->n_terms; i++) {
        if (b->type == SN_BLOCK_LIST) {
            sn_buf_add(out, "\\item ");
        } else {
            sn_buf_add(out, "\\item[{");
            sn_escape_tex(out, b->terms[i].term);
            sn_buf_add(out, "}] ");
        }
        sn_escape_tex(out, b->terms[i].text);
        sn_buf_add(out, "\n");
    }
    sn_buf_addf(out, "\\end{%s}\n", b->type == SN_BLOCK_LIST ? "itemize" : "description");
}

static void code(const char *text, struct sn_buf *out)
{
    char *copy = sn_strdup(text);

    for (char *save = NULL, *line = strtok_r(copy, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        sn_buf_add(out, "\\texttt{");
        sn_escape_tex(out, line);
        sn_buf_add(out, "}\\par\n");
    }
    free(copy);
}

static void block(const struct sn_block *b, struct sn_buf *out)
{
    switch (b->type) {
    case SN_BLOCK_HEADING:
        sn_buf_add(out, b->level == 2 ? "\\section*{" : "\\subsection*{");
        sn_escape_tex(out, b->text);
        sn_buf_add(out, "}\n");
        break;
    case SN_BLOCK_PARAGRAPH:
        sn_escape_tex(out, b->text);
        sn_buf_add(out, "\n");
        break;
    case SN_BLOCK_VERDICT:
        sn_buf_add(out, "\\fbox{\\textbf{");
        sn_escape_tex(out, b->text);
        sn_buf_add(out, "}}\n");
        if (b->n_terms)
            terms(b, out);
        break;
    case SN_BLOCK_TERMS:
    case SN_BLOCK_LIST:
        if (b->n_terms) /* an empty list is an error of LaTeX */
            terms(b, out);
        break;
    case SN_BLOCK_TABLE:
        if (b->text) {
            sn_escape_tex(out, b->text);
            sn_buf_add(out, "\n");
        }
        sn_buf_add(out, "{\\footnotesize\n");
        sn_table_tex(&b->table, out);
        sn_buf_add(out, "}\n");
        break;
    case SN_BLOCK_FIGURE:
        if (b->path) {
            sn_buf_add(out, "Figure \\texttt{");
            sn_escape_tex(out, b->path);
            sn_buf_add(out, ".svg}: ");
        }
        sn_escape_tex(out, b->text);
        sn_buf_add(out, "\n");
        break;
    case SN_BLOCK_CODE:
        code(b->text, out);
        break;
    }
}

void sn_doc_tex(const struct sn_doc *d, struct sn_buf *out)
{
    sn_buf_addf(out, "%s\\begin{document}\n{\\Large\\bfseries ", preamble);
    sn_escape_tex(out, d->title);
    sn_buf_add(out, "}\\par\n");
    if (d->subtitle) {
        sn_escape_tex(out, d->subtitle);
        sn_buf_add(out, "\\par\n");
    }
    for (size_t i = 0; i < d->n; i++) {
        sn_buf_add(out, "\n");
        block(&d->blocks[i], out);
    }
    sn_buf_add(out, "\\end{document}\n");
}

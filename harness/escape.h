/* Text made safe for each place a report writes to. Input is UTF-8; bytes that are not, and control
 * characters, become U+FFFD (in ASCII and TeX: '?'). A newline or tab becomes a space: every text
 * of a report is one line. All functions append to `out`. */
#ifndef SN_HARNESS_ESCAPE_H
#define SN_HARNESS_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/buf.h"

typedef void (*sn_escape)(struct sn_buf *out, const char *text);

void sn_escape_html(struct sn_buf *out,
                    const char *text);                    /* element content and "..." attributes */
void sn_escape_md(struct sn_buf *out, const char *text);  /* GitHub tables and paragraphs */
void sn_escape_tex(struct sn_buf *out, const char *text); /* LaTeX text mode */
void sn_escape_ascii(struct sn_buf *out, const char *text); /* terminals: us for µs, x for × */
/* RFC 4180: quoted only when there is a comma, a quote or a space at an end. */
void sn_escape_csv(struct sn_buf *out, const char *text);
void sn_escape_json(struct sn_buf *out, const char *text); /* with the quotes around it */

/* Decodes the character at *p and moves *p past it; U+FFFD for a byte that is no UTF-8. */
uint32_t sn_utf8_next(const char **p);
/* Number of characters. */
size_t sn_utf8_length(const char *text);

#endif

/* Lines and fields of a small CSV text, in place: comments (#) and empty lines skipped, CR dropped.
 */
#ifndef SN_COMM_LINES_H
#define SN_COMM_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct sn_lines {
    const char *path;
    char *next;    /* the rest of the text, NUL-terminated, owned by the caller, modified */
    unsigned line; /* number of the line that sn_lines_next() returned last */
};

/* The next line that holds something, without its end; NULL when there is none. */
char *sn_lines_next(struct sn_lines *l);

/* Cuts the next comma-separated field off *rest, blanks around it dropped; NULL when none is left.
 */
char *sn_lines_field(char **rest);

/* All of `word` as decimal digits, at most `max`. False otherwise. */
bool sn_lines_uint(const char *word, uint64_t max, uint64_t *out);

#endif

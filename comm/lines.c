/* Lines and fields of a small CSV text (comm/lines.h). */
#include "comm/lines.h"

#include <string.h>

char *sn_lines_next(struct sn_lines *l)
{
    while (*l->next) {
        char *line = l->next, *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
            l->next = end + 1;
        } else {
            end = line + strlen(line);
            l->next = end;
        }
        l->line++;
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        line += strspn(line, " \t");
        if (*line && *line != '#')
            return line;
    }
    return NULL;
}

char *sn_lines_field(char **rest)
{
    if (!*rest)
        return NULL;
    char *field = *rest + strspn(*rest, " \t"), *end = field + strcspn(field, ",");
    *rest = *end ? end + 1 : NULL;
    while (end > field && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    return field;
}

bool sn_lines_uint(const char *word, uint64_t max, uint64_t *out)
{
    uint64_t x = 0;
    if (!*word)
        return false;
    for (; *word; word++) {
        unsigned digit = (unsigned)(*word - '0');
        if (digit > 9 || digit > max || x > (max - digit) / 10)
            return false;
        x = x * 10 + digit;
    }
    *out = x;
    return true;
}

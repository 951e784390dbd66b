/* The per-thread record of the last failure, and the exit codes of the status values. */
#include "harness/base/status.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_MAX = 2048 };

/* Like errno: written by the first function that sees an error, read by the one that prints. */
static _Thread_local struct {
    char message[MESSAGE_MAX], where[128];
} record;

/* A message is one line; what it quotes of a file or an argument may hold anything. */
static void keep_to_one_line(char *text)
{
    for (char *p = text; *p; p++)
        *p = (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p;
}

int sn_status_fail(int status, const char *file, int line, const char *fmt, ...)
{
    /* Formatted aside first: an argument may be the recorded message itself. */
    char text[MESSAGE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    keep_to_one_line(text);
    memcpy(record.message, text, sizeof text);
    snprintf(record.where, sizeof record.where, "%s:%d", file, line);
    return status;
}

const char *sn_status_message(void)
{
    return record.message;
}

const char *sn_status_where(void)
{
    return record.where;
}

void sn_status_clear(void)
{
    record.message[0] = record.where[0] = '\0';
}

void sn_status_prefix(const char *fmt, ...)
{
    char text[2 * MESSAGE_MAX + 4];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, MESSAGE_MAX, fmt, ap);
    va_end(ap);
    keep_to_one_line(text);
    size_t n = strlen(text);
    snprintf(text + n, sizeof text - n, ": %s", record.message);
    memcpy(record.message, text, MESSAGE_MAX);
    record.message[MESSAGE_MAX - 1] = '\0';
}

int sn_status_exit_code(int status)
{
    switch ((enum sn_status)status) {
    case SN_OK:
        return 0;
    case SN_EVERIFY:
        return 1;
    case SN_EINVAL:
    case SN_EIO:
        return 2;
    case SN_ERANGE:
        return 3;
    case SN_EUNSURE:
        return 4;
    case SN_ETIMEOUT:
        return 5;
    case SN_ENOMEM:
    case SN_EENV:
        return 6;
    case SN_EINTR:
        return 128 + SIGINT; /* who knows the signal adds it itself */
    }
    return 6;
}

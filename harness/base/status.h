/* Status codes and the message that goes with a failure.
 *
 * Every fallible function returns an int: SN_OK or a negative SN_E*. The first function that sees
 * an error records the message with SN_FAIL(); callers only pass the status on, so that the one
 * place that prints (the command line) has the words of the place that knew. "Unsupported" is not
 * an error anywhere in snbench: it is a reason string.
 *
 * The record is per thread, like errno: the one mutable object outside main.
 */
#ifndef SN_BASE_STATUS_H
#define SN_BASE_STATUS_H

enum sn_status {
    SN_OK = 0,
    SN_EINVAL = -1,   /* the user's input is wrong: option, axis, file content (exit 2) */
    SN_EIO = -2,      /* a file or a system call failed on readable input (exit 2) */
    SN_ENOMEM = -3,   /* no memory (exit 6) */
    SN_EVERIFY = -4,  /* a check found wrong data, or a case failed (exit 1) */
    SN_ERANGE = -5,   /* a regression, or a value out of the expected range (exit 3) */
    SN_EUNSURE = -6,  /* inconclusive (exit 4) */
    SN_ETIMEOUT = -7, /* a time-out ended the run (exit 5) */
    SN_EENV = -8,     /* the environment cannot be used: MPI, permissions (exit 6) */
    SN_EINTR = -9,    /* a signal asked the run to end (exit 128 + signal) */
};

/* Records a printf-style message for this thread and returns `status`; replaces an earlier one.
 * A message is one line: control characters become '?'. */
#define SN_FAIL(status, ...) sn_status_fail((status), __FILE__, __LINE__, __VA_ARGS__)
int sn_status_fail(int status, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The last message recorded on this thread ("" when none); valid until the next SN_FAIL. */
const char *sn_status_message(void);

/* Where it was recorded, as "harness/axis.c:42" ("" when none). */
const char *sn_status_where(void);

/* Forgets the message. */
void sn_status_clear(void);

/* Puts `prefix` (printf-style) and ": " before the recorded message: "suite.yaml:7: unknown axis
 * ..." */
void sn_status_prefix(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The process exit code of a status (DESIGN.md section 5). */
int sn_status_exit_code(int status);

#endif

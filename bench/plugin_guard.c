/* A child writes what it does into a page that it shares with the parent, so that the parent can
 * name it after a crash. The limit is one of processor time, which does not depend on what else the
 * machine does; one of wall time, much longer, ends what sleeps. */
#include "bench/plugin_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"

struct sn_guard {
    char step[1024], message[2048];
    int crash_status;     /* of a crash in this step */
    int64_t begun_ns;     /* of the step */
    int returned, status; /* work() came back, with this status */
};

void sn_guard_step(struct sn_guard *g, int status, const char *fmt, ...)
{
    va_list ap;
    struct rusage used;
    struct rlimit limit;
    va_start(ap, fmt);
    vsnprintf(g->step, sizeof g->step, fmt, ap);
    va_end(ap);
    g->crash_status = status;
    __atomic_store_n(&g->begun_ns, sn_clock_ns(), __ATOMIC_RELAXED);
    if (getrusage(RUSAGE_SELF, &used) || getrlimit(RLIMIT_CPU, &limit))
        return;
    limit.rlim_cur = (rlim_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + SN_GUARD_CPU_S);
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_CPU, &limit);
}

/* A crash shall end the child by its signal, whoever watches for it in the parent (sanitizers). */
static void settle(pid_t parent, bool speak)
{
    static const int signals[] = {SIGSEGV, SIGBUS,  SIGILL, SIGFPE, SIGABRT,
                                  SIGXCPU, SIGTRAP, SIGSYS, SIGINT, SIGTERM};
    const struct rlimit none = {0, 0};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    (void)setrlimit(RLIMIT_CORE, &none);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    if (!speak)
        (void)dup2(null, STDERR_FILENO);
}

static const char *signal_name(int s)
{
    static const struct {
        int signal;
        const char *name;
    } known[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGILL, "SIGILL"},
                 {SIGFPE, "SIGFPE"},   {SIGABRT, "SIGABRT"}, {SIGKILL, "SIGKILL"},
                 {SIGTRAP, "SIGTRAP"}, {SIGSYS, "SIGSYS"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].signal == s)
            return known[i].name;
    return strsignal(s);
}

/* What a child that has ended, by `how`, comes to. */
static int judge(const struct sn_guard *g, int how)
{
    if (g->returned && WIFEXITED(how)) {
        if (g->status != SN_OK)
            return SN_FAIL(g->status, "%s", g->message);
        return SN_OK;
    }
    if (WIFEXITED(how))
        return SN_FAIL(g->crash_status, "%s: it ended the process with exit code %d", g->step,
                       WEXITSTATUS(how));
    if (WTERMSIG(how) == SIGXCPU)
        return SN_FAIL(g->crash_status, "%s: it did not end within %d s of processor time", g->step,
                       SN_GUARD_CPU_S);
    return SN_FAIL(g->crash_status, "%s: it crashed with %s", g->step, signal_name(WTERMSIG(how)));
}

static void end_all(pid_t *pids, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (pids[i] > 0) {
            kill(pids[i], SIGKILL);
            while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
                ;
            pids[i] = 0;
        }
}

/* Looks after the children once; *left counts those that go on. */
static int look(const struct sn_guard *guards, pid_t *pids, unsigned n, unsigned *left)
{
    int how, status = SN_OK;
    *left = 0;
    for (unsigned i = 0; i < n && status == SN_OK; i++) {
        const struct sn_guard *g = &guards[i];
        if (!pids[i])
            continue;
        pid_t ended = waitpid(pids[i], &how, WNOHANG);
        int64_t begun = __atomic_load_n(&g->begun_ns, __ATOMIC_RELAXED);
        if (ended == pids[i]) {
            pids[i] = 0;
            status = judge(g, how);
        } else if (ended < 0 && errno != EINTR) {
            pids[i] = 0;
            status = SN_FAIL(SN_EENV, "a child process is lost: %s", strerror(errno));
        } else if (sn_clock_ns() - begun > SN_GUARD_WALL_S * INT64_C(1000000000)) {
            status = SN_FAIL(g->crash_status, "%s: it did not end within %d s", g->step,
                             SN_GUARD_WALL_S);
        }
        *left += pids[i] != 0;
    }
    return status;
}

int sn_guarded(unsigned n, int (*work)(struct sn_guard *g, unsigned i, void *arg), void *arg,
               bool speak)
{
    pid_t pids[SN_GUARD_CHILDREN_MAX] = {0}, parent = getpid();
    struct sn_guard *guards =
        mmap(NULL, n * sizeof *guards, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (guards == MAP_FAILED)
        return SN_FAIL(SN_ENOMEM, "no memory to check a plug-in: %s", strerror(errno));
    int status = SN_OK;
    fflush(NULL); /* what is buffered shall not be written twice when a child calls exit() */
    for (unsigned i = 0; i < n && status == SN_OK; i++) {
        guards[i] = (struct sn_guard){.crash_status = SN_EINVAL, .begun_ns = sn_clock_ns()};
        pids[i] = fork();
        if (pids[i] < 0) {
            pids[i] = 0;
            status = SN_FAIL(SN_EENV, "fork: %s", strerror(errno));
        } else if (!pids[i]) {
            settle(parent, speak);
            guards[i].status = work(&guards[i], i, arg);
            if (guards[i].status != SN_OK)
                snprintf(guards[i].message, sizeof guards[i].message, "%s", sn_status_message());
            guards[i].returned = 1;
            _exit(0);
        }
    }
    unsigned left = n;
    while (status == SN_OK && left) {
        status = look(guards, pids, n, &left);
        if (status == SN_OK && left)
            nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    end_all(pids, n);
    munmap(guards, n * sizeof *guards);
    return status;
}

#include "harness/launch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/rundir.h"

static int env_int(const char *name, int otherwise)
{
    const char *v = getenv(name);
    return v && *v ? atoi(v) : otherwise;
}

void sn_launch_place(int *rank, int *ranks)
{
    static const char *const names[][2] = {
        {"PMI_RANK", "PMI_SIZE"},
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
        {"PMIX_RANK", "SLURM_NTASKS"},
    };
    *rank = 0;
    *ranks = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i][0])) {
            *rank = env_int(names[i][0], 0);
            *ranks = env_int(names[i][1], 1);
            return;
        }
}

/* Forgets that this process is part of an MPI job, so that it may start another. */
static void leave_job(void)
{
    extern char **environ;
    static const char *const prefixes[] = {"PMI",          "HYD",   "MPI_LOCAL", "OMPI_COMM_WORLD",
                                           "OMPI_MCA_ess", "PRTE_", "PMIX"};
    for (char **e = environ; *e;) {
        size_t hit = 0;
        for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
            hit |= !strncmp(*e, prefixes[i], strlen(prefixes[i]));
        if (!hit) {
            e++;
            continue;
        }
        char *name = sn_strdup(*e);
        name[strcspn(name, "=")] = 0;
        unsetenv(name); /* moves the rest of environ down: look at the same place again */
        free(name);
    }
}

/* Runs one launch and waits for it. */
static int launch_one(const struct sn_options *o, const char *program, int argc, char **argv,
                      int ranks, int launch, const char *dir, int *exit_code)
{
    char number[16], n_ranks[16];
    snprintf(number, sizeof number, "%d", launch);
    snprintf(n_ranks, sizeof n_ranks, "%d", ranks);
    const char **child = sn_calloc((size_t)argc + 16, sizeof *child);
    char *words = sn_strdup(o->mpiexec), *save = NULL;
    size_t n = 0;
    for (char *w = strtok_r(words, " ", &save); w && n < 8; w = strtok_r(NULL, " ", &save))
        child[n++] = w;
    child[n++] = "-n";
    child[n++] = n_ranks;
    child[n++] = program;
    for (int i = 1; i < argc; i++)
        child[n++] = argv[i];
    child[n++] = "--launch";
    child[n++] = number;
    child[n++] = "-o";
    child[n++] = dir;

    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        leave_job();
        execvp(child[0], (char **)child);
        _exit(127);
    }
    int status = SN_OK, how = 0;
    while (pid > 0 && waitpid(pid, &how, 0) < 0 && errno == EINTR)
        ;
    *exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    if (pid < 0 || *exit_code == 127)
        status = SN_FAIL(SN_EENV, "launch %d: cannot start '%s'; name the launcher with --mpiexec",
                         launch, o->mpiexec);
    free(words);
    free(child);
    return status;
}

int sn_launch_all(const struct sn_options *o, int argc, char **argv, int *exit_code)
{
    int rank, ranks, status = SN_OK;
    sn_launch_place(&rank, &ranks);
    *exit_code = 0;
    if (rank != 0)
        return SN_OK;
    char program[4096];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    if (len < 0)
        return SN_FAIL(SN_EENV, "cannot find this program again: /proc/self/exe: %s",
                       strerror(errno));
    program[len] = 0;
    char *fresh = o->out ? NULL
                         : sn_rundir_default_path(o->suite    ? "suite"
                                                  : o->n_args ? o->args[0]
                                                              : "run");
    for (int i = 0; i < o->launches && status == SN_OK && *exit_code <= 1; i++) {
        int code = 0;
        status = launch_one(o, program, argc, argv, ranks, i, o->out ? o->out : fresh, &code);
        if (code > *exit_code)
            *exit_code = code;
    }
    free(fresh);
    return status;
}

/* Drawing figures: gnuplot is started once a figure, without a shell, without the user's start-up
 * file, in the C locale; what it says on standard error becomes the figure's error. */
#include "harness/report_plots.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/escape.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"

extern char **environ;

enum { DRAW_SECONDS = 60 }; /* a figure takes well below a second */

char *sn_gnuplot_find(void)
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t n = strcspn(path, ":");
        char *candidate = sn_strdupf("%.*s%sgnuplot", (int)n, path, n ? "/" : "./");
        if (access(candidate, X_OK) == 0)
            return candidate;
        free(candidate);
        path += path[n] ? n + 1 : n;
    }
    return NULL;
}

/* The environment with LC_ALL=C: decimal points, and no messages in other languages. */
static char **c_locale(void)
{
    size_t n = 0, kept = 0;
    char **env;

    while (environ[n])
        n++;
    env = sn_calloc(n + 2, sizeof *env);
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], "LC_ALL=", 7) != 0)
            env[kept++] = environ[i];
    env[kept] = (char *)"LC_ALL=C";
    return env;
}

/* Reads until the other side closes or the time is over; false when it is over. */
static bool drain(int fd, struct sn_buf *out)
{
    int64_t end = sn_clock_ns() + DRAW_SECONDS * (int64_t)1000000000;
    char chunk[4096];

    for (;;) {
        int64_t left_ms = (end - sn_clock_ns()) / 1000000;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;
        if (left_ms <= 0)
            return false;
        if (poll(&p, 1, (int)left_ms) < 0 && errno != EINTR)
            return true;
        if (!p.revents)
            continue;
        n = read(fd, chunk, sizeof chunk);
        if (n == 0 || (n < 0 && errno != EINTR))
            return true;
        if (n > 0)
            sn_buf_addn(out, chunk, (size_t)n);
    }
}

static int start(pid_t *pid, const char *program, char *const *argv, int said)
{
    posix_spawn_file_actions_t actions;
    char **env = c_locale();
    int error;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, said, 1);
    posix_spawn_file_actions_adddup2(&actions, said, 2);
    error = posix_spawn(pid, program, &actions, NULL, argv, env);
    posix_spawn_file_actions_destroy(&actions);
    free(env);
    return error;
}

/* The line that tells most: the last that is not empty. */
static char *last_words(struct sn_buf *said)
{
    size_t end = said->len, begin;

    while (end > 0 && strchr(" \n\r\t", said->data[end - 1]))
        end--;
    for (begin = end; begin > 0 && said->data[begin - 1] != '\n'; begin--)
        ;
    while (begin < end && said->data[begin] == ' ')
        begin++;
    return end > begin ? sn_strdupf("%.*s", (int)(end - begin), said->data + begin)
                       : sn_strdup("no message");
}

/* Runs gnuplot; NULL when it succeeded, else why not (new string). */
static char *run_gnuplot(const char *program, char *const *argv)
{
    struct sn_buf said = {0};
    char *why = NULL, *words;
    int fd[2], state = 0, error;
    bool in_time;
    pid_t pid;

    if (pipe(fd) != 0)
        return sn_strdupf("no pipe: %s", strerror(errno));
    fcntl(fd[0], F_SETFD, FD_CLOEXEC);
    fcntl(fd[1], F_SETFD, FD_CLOEXEC);
    error = start(&pid, program, argv, fd[1]);
    close(fd[1]);
    if (error) {
        close(fd[0]);
        return sn_strdupf("%s: %s", program, strerror(error));
    }
    in_time = drain(fd[0], &said);
    close(fd[0]);
    if (!in_time)
        kill(pid, SIGKILL);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        ;
    words = last_words(&said);
    if (!in_time)
        why = sn_strdupf("gnuplot was still busy after %d s", DRAW_SECONDS);
    else if (!WIFEXITED(state))
        why = sn_strdupf("gnuplot was ended by signal %d", WTERMSIG(state));
    else if (WEXITSTATUS(state) != 0)
        why = sn_strdupf("gnuplot: %s", words);
    free(words);
    sn_buf_free(&said);
    return why;
}

/* gnuplot names every group for tool tips ("x_plot_3"); the page needs the title of the figure and
 * nothing else. */
static void clean_titles(struct sn_buf *svg, const char *title)
{
    struct sn_buf out = {0};
    const char *p = svg->data ? svg->data : "";
    bool first = true;

    for (const char *open; (open = strstr(p, "<title>")) != NULL;) {
        const char *close = strstr(open, "</title>");
        if (!close)
            break;
        sn_buf_addn(&out, p, (size_t)(open - p));
        if (first) {
            sn_buf_add(&out, "<title>");
            sn_escape_html(&out, title);
            sn_buf_add(&out, "</title>");
        }
        first = false;
        p = close + strlen("</title>");
    }
    sn_buf_add(&out, p);
    sn_buf_free(svg);
    *svg = out;
}

static void draw(struct sn_figure *f, const char *dir, const char *gnuplot, const char *plots_dir)
{
    char *script = sn_strdupf("%s/%s", plots_dir, f->script);
    char *csv = sn_strdupf("%s/%s.csv", dir, f->name), *svg = sn_strdupf("%s/%s.svg", dir, f->name);
    char *prefix = sn_strdup(f->name);
    char *argv[8 + SN_FIGURE_ARGS + 1] = {
        (char *)"gnuplot", (char *)"-d", (char *)"-c", script, csv, svg, f->title, prefix};

    for (char *p = prefix; *p; p++) /* an id that gnuplot accepts */
        *p = *p == '-' || *p == '.' ? '_' : *p;

    for (size_t i = 0; i < SN_FIGURE_ARGS; i++)
        argv[8 + i] = (char *)f->args[i];
    unlink(svg);
    f->error = run_gnuplot(gnuplot, argv);
    if (!f->error && (sn_buf_read_file(&f->svg, svg) != SN_OK || !f->svg.len ||
                      !strstr(f->svg.data, "</svg>"))) {
        f->error = sn_strdup("gnuplot wrote no complete SVG");
        sn_status_clear();
    }
    if (f->error) {
        sn_buf_free(&f->svg);
        unlink(svg); /* half a drawing is none */
    } else {
        clean_titles(&f->svg, f->title);
        if (sn_buf_write_file(&f->svg, svg) != SN_OK)
            f->error = sn_strdup(sn_status_message());
    }
    free(prefix);
    free(script);
    free(csv);
    free(svg);
}

int sn_figures_draw(struct sn_figures *f, const char *dir, const char *gnuplot,
                    const char *plots_dir)
{
    for (size_t i = 0; i < f->n; i++) {
        char *csv = sn_strdupf("%s/%s.csv", dir, f->figures[i].name);
        int status = sn_buf_write_file(&f->figures[i].csv, csv);
        free(csv);
        if (status != SN_OK)
            return status;
        if (gnuplot)
            draw(&f->figures[i], dir, gnuplot, plots_dir);
    }
    return SN_OK;
}

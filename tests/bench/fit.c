/* The two fitted parameters of a profile's dispatch: launch and issue, by the model itself.
 *
 *     bench-fit PROGRAM PROFILE
 *
 * launch adds to every time, so for an issue the best launch is known (least squares of relative
 * errors); issue is searched for: a grid, then golden sections about its best point. Every trial
 * is a profile with launch 0 and that issue, flags and their logarithmic form derived from it, run
 * by PROGRAM on the model clock. Published values come from results/published. Prints the fit, the
 * profile's own figures and the errors of both; exit 3 when the profile's are not the fit's within
 * 5 % or miss a row by more than 5 %. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/profile.h"
#include "harness/base/status.h"
#include "harness/published.h"
#include "harness/row.h"

enum { ROWS = 3, GRID = 24, SECTIONS = 12 };
#define ISSUE_MAX 300e-9
#define ISSUE_MIN 1e-9 /* shows in no row */
#define APART     0.05

/* The calibration rows of a machine: by id in its table, and as cases. */
static const struct machine {
    const char *profile, *table, *dtype, *order;
    unsigned least, most; /* EP where both forms of the flags agree: the rows' */
    struct {
        const char *id, *phase;
        unsigned ep;
    } rows[ROWS];
} machines[] = {
    {"cloudmatrix384-ub",
     "results/published/cloudmatrix384.csv",
     "int8",
     "rotated",
     8,
     256,
     {{"dispatch.ep8", "dispatch", 8},
      {"dispatch.ep256", "dispatch", 256},
      {"combine.ep8", "combine", 8}}},
    {"h800-deepep",
     "results/published/deepep-h800.csv",
     "fp8",
     "random", /* results/published/h800-deepep.yaml says why */
     16,
     256,
     {{"dispatch.ep16", "dispatch", 16},
      {"dispatch.ep256", "dispatch", 256},
      {"combine.ep16", "combine", 16}}},
};

struct fit {
    const char *program;
    const struct machine *machine;
    struct sn_profile *profile;
    char dir[64];
    unsigned trials;
    double published[ROWS];
};

static void die(const char *what)
{
    fprintf(stderr, "bench-fit: %s: %s\n", what, sn_status_message());
    exit(2);
}

static double log_steps(unsigned ep)
{
    return ceil(log2(ep));
}

/* issue, and what follows from it. */
static void set_issue(struct fit *f, double issue)
{
    struct sn_profile *p = f->profile;
    unsigned least = f->machine->least, most = f->machine->most;
    double flag = 2 * issue, step = flag * (most - least) / (log_steps(most) - log_steps(least));
    p->cost.issue.value = issue;
    p->cost.flag.value = flag;
    p->cost.sync_step.value = step;
    p->cost.sync_base.value = flag * (least - 1) - step * log_steps(least);
}

/* Times of the rows by the profile as it is. */
static void run(struct fit *f, double t[ROWS])
{
    const struct machine *m = f->machine;
    struct sn_buf text = {0};
    char *file = sn_strdupf("%s/trial.yaml", f->dir);
    char *out = sn_strdupf("%s/%u", f->dir, f->trials++),
         *rows_file = sn_strdupf("%s/rows.jsonl", out);
    sn_profile_write(f->profile, &text);
    if (sn_buf_write_file(&text, file))
        die("profile");
    char *command =
        sn_strdupf("%s run dispatch --clock=model --profile=%s ep=%u,%u tokens=128 "
                   "hidden=7168 topk=8 experts=256 dtype=%s order=%s routing=uniform "
                   "phase=dispatch,combine -q -o %s >%s/output",
                   f->program, file, m->least, m->most, m->dtype, m->order, out, f->dir);
    if (system(command)) {
        fprintf(stderr, "bench-fit: failed: %s\n", command);
        exit(1);
    }
    struct sn_rows rows;
    if (sn_rows_read(&rows, rows_file, NULL))
        die("rows");
    for (int i = 0; i < ROWS; i++) {
        t[i] = NAN;
        for (size_t k = 0; k < rows.n; k++)
            if (sn_row_param(&rows.rows[k], "ep")->i == m->rows[i].ep &&
                !strcmp(sn_row_param(&rows.rows[k], "phase")->text, m->rows[i].phase))
                t[i] = rows.rows[k].stats.median;
        if (isnan(t[i])) {
            fprintf(stderr, "bench-fit: no row for %s\n", m->rows[i].id);
            exit(1);
        }
    }
    sn_rows_free(&rows);
    sn_buf_free(&text);
    free(command);
    free(file);
    free(out);
    free(rows_file);
}

/* Sum of squared relative errors with the best launch for this issue. */
static double try_issue(struct fit *f, double issue, double *launch)
{
    double t[ROWS], up = 0, down = 0, sum = 0;
    set_issue(f, issue);
    f->profile->cost.launch.value = 0;
    run(f, t);
    for (int i = 0; i < ROWS; i++) {
        up += (1 - t[i] / f->published[i]) / f->published[i];
        down += 1 / (f->published[i] * f->published[i]);
    }
    *launch = fmax(up / down, 0);
    for (int i = 0; i < ROWS; i++) {
        double e = (*launch + t[i]) / f->published[i] - 1;
        sum += e * e;
    }
    return sum;
}

/* Best of a grid, then golden sections between its neighbours. */
static double search(struct fit *f, double *launch)
{
    const double golden = (sqrt(5) - 1) / 2;
    double best = INFINITY, at = 0, step = ISSUE_MAX / GRID, c;
    for (int i = 0; i <= GRID; i++) {
        double sum = try_issue(f, i * step, &c);
        if (sum < best) {
            best = sum;
            at = i * step;
        }
    }
    double a = fmax(at - step, 0), b = at + step;
    double x = b - golden * (b - a), y = a + golden * (b - a);
    double at_x = try_issue(f, x, &c), at_y = try_issue(f, y, &c);
    for (int i = 0; i < SECTIONS; i++)
        if (at_x < at_y) {
            b = y, y = x, at_y = at_x;
            x = b - golden * (b - a);
            at_x = try_issue(f, x, &c);
        } else {
            a = x, x = y, at_x = at_y;
            y = a + golden * (b - a);
            at_y = try_issue(f, y, &c);
        }
    at = (a + b) / 2;
    try_issue(f, at, launch);
    return at;
}

/* Errors of the profile as it is; returns the largest. */
static double print_errors(struct fit *f, const char *what)
{
    double t[ROWS], worst = 0;
    run(f, t);
    printf("%s: launch %.3f us, issue %.3f ns\n", what, f->profile->cost.launch.value * 1e6,
           f->profile->cost.issue.value * 1e9);
    for (int i = 0; i < ROWS; i++) {
        double e = t[i] / f->published[i] - 1;
        printf("    %-16s published %7.2f us, model %7.2f us, %+5.2f %%\n", f->machine->rows[i].id,
               f->published[i] * 1e6, t[i] * 1e6, e * 100);
        worst = fmax(worst, fabs(e));
    }
    return worst;
}

static void read_published(struct fit *f)
{
    struct sn_published_table table;
    if (sn_published_table_load(&table, f->machine->table))
        die("published figures");
    for (int i = 0; i < ROWS; i++) {
        const struct sn_published_figure *g = sn_published_find(&table, f->machine->rows[i].id);
        if (!g || strcmp(g->class, "calibration")) {
            fprintf(stderr, "bench-fit: %s: no calibration row %s\n", f->machine->table,
                    f->machine->rows[i].id);
            exit(2);
        }
        f->published[i] = g->value;
    }
    sn_published_table_free(&table);
}

int main(int argc, char **argv)
{
    struct fit f = {.dir = "/tmp/snbench-fit-XXXXXX"};
    struct sn_profile profile;
    for (size_t i = 0; argc == 3 && i < sizeof machines / sizeof *machines; i++)
        if (!strcmp(argv[2], machines[i].profile))
            f.machine = &machines[i];
    if (!f.machine) {
        fprintf(stderr, "usage: bench-fit PROGRAM cloudmatrix384-ub|h800-deepep\n");
        return 2;
    }
    if (sn_profile_open(&profile, argv[2]))
        die("profile");
    if (!mkdtemp(f.dir))
        return 2;
    f.program = argv[1];
    f.profile = &profile;
    read_published(&f);
    double launch, own_launch = profile.cost.launch.value, own_issue = profile.cost.issue.value;
    double issue = search(&f, &launch);
    printf("%s: 2 parameters of %d rows, ratio %.2f\n", argv[2], ROWS, 2.0 / ROWS);
    set_issue(&f, issue);
    profile.cost.launch.value = launch;
    print_errors(&f, "fit");
    set_issue(&f, own_issue);
    profile.cost.launch.value = own_launch;
    double worst = print_errors(&f, "profile");
    bool same = fabs(own_launch - launch) <= APART * launch &&
                fabs(own_issue - issue) <= fmax(APART * issue, ISSUE_MIN);
    if (!same)
        printf("the profile's figures are not the fit's\n");
    sn_profile_close(&profile);
    char *command = sn_strdupf("rm -rf %s", f.dir);
    int removed = system(command);
    free(command);
    return same && worst <= APART && !removed ? 0 : 3;
}

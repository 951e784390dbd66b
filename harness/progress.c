#include "harness/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/units.h"

enum { WIDTH = 100 };

void sn_progress_open(struct sn_progress *p, size_t total, bool quiet, bool verbose, bool always)
{
    *p = (struct sn_progress){.line = !quiet && !verbose && (always || isatty(STDERR_FILENO)),
                              .verbose = verbose && !quiet,
                              .total = total,
                              .start_ns = sn_clock_ns()};
}

void sn_progress_case(struct sn_progress *p, const char *label)
{
    if (!p->line)
        return;
    char left[32] = "";
    if (p->fresh) {
        double spent = (double)(sn_clock_ns() - p->start_ns) * 1e-9;
        snprintf(left, sizeof left, ", %.0f s left",
                 spent / (double)p->fresh * (double)(p->total - p->done));
    }
    char text[256];
    snprintf(text, sizeof text, "[%zu/%zu%s] %s", p->done + 1, p->total, left, label);
    fprintf(stderr, "\r\033[K%.*s", WIDTH, text);
    fflush(stderr);
}

void sn_progress_row(struct sn_progress *p, const char *label, const struct sn_row *row)
{
    p->done++;
    p->fresh += row != NULL;
    if (!p->verbose || !row)
        return;
    char median[32];
    sn_units_format(median, sizeof median, row->stats.median, SN_UNIT_SECONDS);
    fprintf(stderr, "[%zu/%zu] %s: %s%s%s\n", p->done, p->total, label,
            sn_row_status_name(row->status), row->status == SN_ROW_OK ? " " : ": ",
            row->status == SN_ROW_OK ? median : row->reason);
}

void sn_progress_close(struct sn_progress *p)
{
    if (p->line)
        fprintf(stderr, "\r\033[K");
}

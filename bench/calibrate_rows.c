/* Measured rows by what they say of a path: see calibrate_rows.h. */
#include "bench/calibrate_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const sn_cal_kind_words[] = {
    [SN_CAL_PUT] = "put", [SN_CAL_GET] = "get", [SN_CAL_SEND] = "send", NULL};

bool sn_cal_usable(const struct sn_row *r)
{
    return r->origin == SN_ORIGIN_MEASURED && r->status == SN_ROW_OK && r->clock &&
           !strcmp(r->clock, "wall") && r->stats.median > 0 && !sn_row_has_flag(r, "suspect");
}

const char *sn_cal_text(const struct sn_row *r, const char *name)
{
    const struct sn_param *p = sn_row_param(r, name);
    return p && p->type == SN_PARAM_TEXT ? p->text : "";
}

long long sn_cal_int(const struct sn_row *r, const char *name)
{
    const struct sn_param *p = sn_row_param(r, name);
    return p && p->type == SN_PARAM_INT ? (long long)p->i : -1;
}

static bool is(const struct sn_row *r, const char *name, const char *word)
{
    return !strcmp(sn_cal_text(r, name), word);
}

static void add(struct sn_fit_row **rows, size_t *n, const struct sn_row *r, double messages,
                double bytes)
{
    if (!(messages >= 1) || !(bytes >= 1))
        return;
    *rows = sn_realloc(*rows, *n + 1, sizeof **rows);
    (*rows)[(*n)++] =
        (struct sn_fit_row){.messages = messages, .bytes = bytes, .s = r->stats.median, .of = r};
}

size_t sn_cal_path(const struct sn_rows *rows, enum sn_cal_kind kind, const char *transport,
                   struct sn_fit_row **out)
{
    size_t n = 0;
    *out = NULL;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sn_row *r = &rows->rows[i];
        if (!sn_cal_usable(r) || !is(r, "op", sn_cal_kind_words[kind]) ||
            !is(r, "transport", transport))
            continue;
        double size = (double)sn_cal_int(r, "size"), window = (double)sn_cal_int(r, "window");
        if (!strcmp(r->bench, "latency"))
            add(out, &n, r, 1, size);
        else if ((!strcmp(r->bench, "bandwidth") && is(r, "direction", "one")) ||
                 (!strcmp(r->bench, "msgrate") && sn_cal_int(r, "pairs") == 1))
            add(out, &n, r, window, size);
    }
    return n;
}

size_t sn_cal_others(const struct sn_rows *rows, const char *transport, struct sn_fit_row **out)
{
    size_t n = 0;
    *out = NULL;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sn_row *r = &rows->rows[i];
        if (!sn_cal_usable(r) || !is(r, "transport", transport))
            continue;
        double size = (double)sn_cal_int(r, "size");
        if (!strcmp(r->bench, "bandwidth") && is(r, "op", "put") && is(r, "direction", "both"))
            add(out, &n, r, (double)sn_cal_int(r, "window"), size);
        else if (!strcmp(r->bench, "incast") && is(r, "op", "put"))
            add(out, &n, r, r->endpoints - 1, size);
        else if (!strcmp(r->bench, "alltoall") && is(r, "algorithm", "put"))
            add(out, &n, r, (double)sn_cal_int(r, "ep") - 1, size);
    }
    return n;
}

static bool same_but_tokens(const struct sn_row *a, const struct sn_row *b)
{
    if (a->n_params != b->n_params)
        return false;
    for (size_t i = 0; i < a->n_params; i++)
        if (strcmp(a->params[i].name, b->params[i].name) ||
            (strcmp(a->params[i].name, "tokens") && strcmp(a->params[i].text, b->params[i].text)))
            return false;
    return true;
}

size_t sn_cal_dispatch(const struct sn_rows *rows, const char *transport, struct sn_fit_row **out)
{
    size_t most = 0;
    *out = NULL;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sn_row *first = &rows->rows[i];
        struct sn_fit_row *group = NULL;
        size_t n = 0;
        if (strcmp(first->bench, "dispatch") || !sn_cal_usable(first) ||
            !is(first, "transport", transport) || !is(first, "phase", "dispatch") ||
            !is(first, "algorithm", "put") || !is(first, "skew", "none"))
            continue;
        for (size_t j = i; j < rows->n; j++) {
            const struct sn_row *r = &rows->rows[j];
            if (!strcmp(r->bench, "dispatch") && sn_cal_usable(r) && same_but_tokens(first, r))
                add(&group, &n, r, 1, (double)sn_cal_int(r, "tokens"));
        }
        if (n > most) {
            free(*out);
            *out = group;
            most = n;
        } else {
            free(group);
        }
    }
    return most;
}

double sn_cal_self(const struct sn_rows *rows, const char *transport)
{
    double best = NAN;
    for (size_t i = 0; i < rows->n; i++) {
        const struct sn_row *r = &rows->rows[i];
        if (!strcmp(r->bench, "pairs") && sn_cal_usable(r) && is(r, "op", "put") &&
            is(r, "transport", transport) && sn_cal_int(r, "src") == sn_cal_int(r, "dst"))
            best = fmax(best, (double)sn_cal_int(r, "size") / r->stats.median);
    }
    return best;
}

void sn_cal_describe(const struct sn_row *r, struct sn_buf *out)
{
    const char *op = sn_cal_text(r, "op"), *direction = sn_cal_text(r, "direction");
    sn_buf_add(out, r->bench);
    if (*op)
        sn_buf_addf(out, " %s", op);
    else if (*sn_cal_text(r, "algorithm"))
        sn_buf_addf(out, " %s", sn_cal_text(r, "algorithm"));
    if (sn_cal_int(r, "tokens") >= 0)
        sn_buf_addf(out, " tokens=%lld", sn_cal_int(r, "tokens"));
    if (sn_cal_int(r, "size") >= 0)
        sn_buf_addf(out, " %lld B", sn_cal_int(r, "size"));
    if (sn_cal_int(r, "window") >= 0)
        sn_buf_addf(out, " x %lld", sn_cal_int(r, "window"));
    if (!strcmp(direction, "both"))
        sn_buf_add(out, " both");
    if (sn_cal_int(r, "ep") >= 0)
        sn_buf_addf(out, " ep=%lld", sn_cal_int(r, "ep"));
}

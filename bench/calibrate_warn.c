/* What the measured rows do not tell, or tell badly. */
#include <math.h>
#include <string.h>

#include "bench/calibrate_parts.h"
#include "harness/base/units.h"

static void warn_fit(struct sn_calibration *c, const struct sn_cal_set *s)
{
    const struct sn_fit *f = &s->fit;
    char value[32];
    for (int i = 0; i < SN_FIT_PARAMETERS; i++) {
        if (f->error[i] > SN_FIT_ERROR)
            sn_cal_warn(
                c, sn_strdupf("%s: %s is uncertain: its standard error is %s of it", s->what,
                              sn_cal_parameter_words[i],
                              sn_units_format(value, sizeof value, f->error[i], SN_UNIT_FRACTION)));
        for (int j = 0; j < i; j++)
            if (fabs(f->correlation[i][j]) > SN_FIT_CORRELATION)
                sn_cal_warn(
                    c, sn_strdupf("%s: %s and %s cannot be told apart (correlation %.3f): measure "
                                  "sizes further apart",
                                  s->what, sn_cal_parameter_words[j], sn_cal_parameter_words[i],
                                  f->correlation[i][j]));
    }
    if (f->n <= f->parameters)
        sn_cal_warn(c, sn_strdupf("%s: %zu parameters of %zu rows: no error can be given", s->what,
                                  f->parameters, f->n));
    if (f->clamped)
        sn_cal_warn(c, sn_strdupf("%s: the latency would be negative and is taken as 0", s->what));
    if (f->share_least > 0.5)
        sn_cal_warn(c, sn_strdupf("%s: latency is extrapolated: of the shortest row used the bytes "
                                  "already take %.0f %%",
                                  s->what, f->share_least * 100));
    if (f->share_most < 0.5)
        sn_cal_warn(
            c, sn_strdupf("%s: bandwidth is extrapolated: of the longest row used the bytes take "
                          "%.0f %%",
                          s->what, f->share_most * 100));
    size_t off = 0;
    for (size_t k = 0; k < s->n; k++)
        off += s->rows[k].used && fabs(s->rows[k].predicted / s->rows[k].s - 1) > SN_FIT_TOLERANCE;
    if (off)
        sn_cal_warn(c, sn_strdupf("%s: %zu of the %zu rows fitted are off by more than %.0f %%",
                                  s->what, off, f->n, SN_FIT_TOLERANCE * 100));
    if (f->n < s->n)
        sn_cal_warn(
            c, sn_strdupf("%s: %zu of %zu rows are of sizes that lie on another line and are left "
                          "out (other caches, other protocols)",
                          s->what, s->n - f->n, s->n));
}

void sn_cal_warn_all(struct sn_calibration *c)
{
    size_t other = 0, suspect = 0, off = 0;
    for (size_t i = 0; i < c->all->n; i++) {
        const struct sn_row *r = &c->all->rows[i];
        suspect += sn_row_has_flag(r, "suspect");
        other += sn_cal_usable(r) && *sn_cal_text(r, "transport") &&
                 strcmp(sn_cal_text(r, "transport"), c->transport);
    }
    if (other)
        sn_cal_warn(c, sn_strdupf("describes transport %s; %zu rows of others are not used",
                                  c->transport, other));
    if (suspect)
        sn_cal_warn(c, sn_strdupf("%zu rows flagged suspect are not used", suspect));
    if (c->write.fitted)
        warn_fit(c, &c->write);
    if (c->read.fitted)
        warn_fit(c, &c->read);
    if (!c->read.fitted)
        sn_cal_warn(c,
                    sn_strdupf("no get rows fitted: reads are taken to be as %s", c->write.what));
    if (!c->write.fitted)
        sn_cal_warn(c, sn_strdup("no put or send rows fitted: writes are taken to be as get"));
    if (c->write.fit.fitted[SN_FIT_OVERHEAD] && c->read.fit.fitted[SN_FIT_OVERHEAD] &&
        fabs(c->read.fit.value[SN_FIT_OVERHEAD] / c->write.fit.value[SN_FIT_OVERHEAD] - 1) >
            SN_FIT_TOLERANCE)
        sn_cal_warn(
            c, sn_strdupf("the overhead of a get is %.2f times that of a %s, which the profile has",
                          c->read.fit.value[SN_FIT_OVERHEAD] / c->write.fit.value[SN_FIT_OVERHEAD],
                          c->write.what));
    if (!c->write.fit.fitted[SN_FIT_OVERHEAD] && !c->read.fit.fitted[SN_FIT_OVERHEAD])
        sn_cal_warn(c,
                    sn_strdup("no overhead per message: it takes msgrate rows, or windows of small "
                              "messages in bandwidth"));
    for (size_t i = 0; c->write.fitted && i < c->n_others; i++)
        off += fabs(sn_cal_foretell(c, &c->others[i]) / c->others[i].s - 1) > SN_FIT_TOLERANCE;
    if (off)
        sn_cal_warn(
            c, sn_strdupf("%zu of %zu rows of incast, alltoall and both directions at once are "
                          "foretold with an error above %.0f %%",
                          off, c->n_others, SN_FIT_TOLERANCE * 100));
}

/* Arithmetic at its limit, one core: the fastest of the sequences of harness/base/peak.h. */
#include <math.h>

#include "harness/roof_parts.h"

struct one {
    enum sn_peak_kind kind;
    unsigned sequence;
};

static void passes(void *arg, unsigned variant, uint64_t n)
{
    const struct one *o = arg;
    sn_peak_run(o->kind, o->sequence, n);
}

void sn_roof_measure_peaks(struct sn_roofs *r)
{
    for (int kind = 0; kind < SN_PEAKS; kind++) {
        r->peak_ops_per_s[kind] = NAN;
        for (unsigned i = 0; i < SN_PEAK_SEQUENCES; i++) {
            struct one o = {(enum sn_peak_kind)kind, i};
            double ops = sn_peak_ops(o.kind, i, NULL);
            unsigned variant;
            const char *reason;
            if (!(ops > 0))
                continue;
            struct sn_roof_work w = {passes, &o, 1, ops};
            double rate = sn_roof_rate(&w, 20, &variant, &reason);
            r->peak_ops_per_s[kind] = fmax(r->peak_ops_per_s[kind], rate); /* fmax ignores NAN */
        }
    }
}

double sn_roof_peak(const struct sn_roofs *r, enum sn_peak_kind kind, unsigned threads)
{
    double peak = r->peak_ops_per_s[kind];
    if (kind == SN_PEAK_BF16 && isnan(peak)) /* widened to f32, as such a CPU must */
        peak = r->peak_ops_per_s[SN_PEAK_F32];
    return peak * threads;
}

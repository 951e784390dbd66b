/* A figure that a profile of a machine gives, with where it comes from: of fabrics
 * (comm/fabric/profile.h) and of devices (kernels/device.h). */
#ifndef SN_BASE_FIGURE_H
#define SN_BASE_FIGURE_H

#include <stdbool.h>

enum sn_figure_class {
    SN_FIGURE_NONE,       /* not given: value is NAN */
    SN_FIGURE_SPEC,       /* a published hardware fact */
    SN_FIGURE_CALIBRATED, /* fitted to published calibration rows, or to measured rows */
    SN_FIGURE_DERIVED     /* follows from others by the formula or the argument in `source` */
};

struct sn_figure {
    double value;
    enum sn_figure_class class;
    const char *source; /* id of a published row, formula or argument */
};

static inline bool sn_figure_given(const struct sn_figure *f)
{
    return f->class != SN_FIGURE_NONE;
}

/* The value of a figure, or `otherwise` where it is not given. */
static inline double sn_figure_or(const struct sn_figure *f, double otherwise)
{
    return f->class == SN_FIGURE_NONE ? otherwise : f->value;
}

#endif

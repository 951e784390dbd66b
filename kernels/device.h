/* A device: what one die computes and moves at most, how much of it each operation reaches, and the
 * time that a cost (kernels/cost.h) takes there.
 *
 * Profiles are YAML files (kernels/devices/, schema in its README); this layer holds the struct and
 * the model, bench/device.h reads the file. Base units: seconds, bytes, bytes per second,
 * operations per second.
 *
 *     t = launch + sum over parts of max( F / (eta_c eta_wave peak), Q / (eta_m bandwidth) )
 *     eta_wave = tiles / (cores ceil(tiles / cores))
 *
 * eta_c and eta_m come from tables over the operation's principal shape, interpolated linearly in
 * time: between two points the time is what lies between the times that the two points' shapes take
 * with their efficiencies. Outside a table, or without one of the operation's own, the nearest
 * figure is used and the result is flagged. Inner bytes (from one part of a kernel to another) go
 * through the L2 cache where the profile has one that holds them, else through memory. */
#ifndef SN_KERNELS_DEVICE_H
#define SN_KERNELS_DEVICE_H

#include <stddef.h>

#include "harness/base/figure.h"
#include "kernels/cost.h"

enum sn_device_roof { SN_DEVICE_COMPUTE, SN_DEVICE_MEMORY, SN_DEVICE_ROOFS };
extern const char *const sn_device_roof_words[]; /* "compute", "memory", NULL */

struct sn_device_point {
    double at; /* value of the principal shape */
    double efficiency;
};

/* Where a table holds beside its points: a range of one of the cost's shapes. */
struct sn_device_range {
    const char *shape;
    double min, max;
};

/* What share of a roof the operations of a table reach. */
struct sn_device_table {
    unsigned ops; /* bits 1u << enum sn_op: all with the same principal shape unless the table is
                     a constant */
    enum sn_device_roof roof;
    const char *over; /* the principal shape, or NULL: a constant */
    struct sn_device_point
        *points; /* `at` above 0 and rising; of a constant one, its `at` unused */
    size_t n_points;
    struct sn_device_range *valid;
    size_t n_valid;
    enum sn_figure_class class;
    const char *source;
};

struct sn_device {
    const char *name, *brief;
    const char *path;       /* of the file, or NULL when made by hand */
    struct sn_figure cores; /* that share the tiles of a kernel; NONE: eta_wave is 1 */
    struct sn_figure tile_rows, tile_cols; /* of a product; NONE: the same */
    struct sn_figure peak[SN_PEAKS];       /* op/s, dense; NONE: not known */
    struct sn_figure memory, l2;           /* B/s: HBM or DRAM; cache */
    struct sn_figure memory_bytes, l2_bytes;
    struct sn_figure launch;        /* s per kernel */
    struct sn_figure vector_cores;  /* cores of the f32 peak, where they are not `cores` */
    struct sn_figure streams[2][2]; /* cores of a stream of a pipeline (attention, experts), of
                                       each kind: cube, vector; NONE: streams share all */
    /* Of a step of a model served on it: */
    struct sn_figure host;  /* s per decode step: what the CPU adds */
    struct sn_figure block; /* s per block of the context cache that is moved, beside its bytes */
    struct sn_figure
        skew; /* Zipf exponent of the experts' popularity where nothing balances them */
    struct sn_device_table *tables;
    size_t n_tables;
    const char **warnings;
    size_t n_warnings;
    void *storage; /* what strings and arrays live in; owned by who made the profile */
};

/* SN_OK, or SN_EINVAL: what contradicts itself. The reader of a file adds FILE:LINE; `where` gets
 * the member, "memory.bandwidth", "efficiency.3.points.1"; empty when well. */
enum { SN_DEVICE_WHERE = 64 };
int sn_device_check(const struct sn_device *d, char where[SN_DEVICE_WHERE]);

enum sn_device_flags {
    SN_DEVICE_EXTRAPOLATED = 1, /* what decides the time lies outside its table, has none, or has
                                   one of class derived: another operation's */
    SN_DEVICE_NO_PEAK = 2,      /* operations of a kind without a peak: their time is left out */
    SN_DEVICE_NO_LAUNCH = 4     /* no launch cost is known: it counts as 0 */
};

struct sn_device_time {
    double s; /* launch + parts */
    double launch_s, part_s[SN_COST_PARTS];
    double cube_s, vector_s, bytes_s; /* sums over the parts: int8 and bf16, f32, memory; each as if
                                         alone, with efficiencies and the cores it has */
    double compute_s, memory_s;       /* alone, at the roofs themselves */
    double limit_s; /* the larger: no schedule is faster. Inner bytes and launch are not in it */
    unsigned flags;
};

/* What a kernel has of the device's cores, 0 to 1 of each kind; memory is whole. */
struct sn_device_share {
    double cube, vector;
};

/* The time of a cost of `op` on a device, or on a share of its cores. */
void sn_device_predict_share(const struct sn_device *d, enum sn_op op, const struct sn_cost *c,
                             struct sn_device_share share, struct sn_device_time *out);
void sn_device_predict(const struct sn_device *d, enum sn_op op, const struct sn_cost *c,
                       struct sn_device_time *out);

/* Share of the device's cores that tiles of a part's result keep busy; 1 where tiles are not known.
 */
double sn_device_wave(const struct sn_device *d, const struct sn_cost_part *p);

#endif

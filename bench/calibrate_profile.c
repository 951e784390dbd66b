/* The profile that fits describe: a machine of one node, every rank a die. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/calibrate_parts.h"
#include "harness/base/units.h"

/* As many digits as a fit is worth, so that the file can be read. */
static double six_digits(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.5e", value);
    return strtod(text, NULL);
}

static const struct sn_figure none = {.value = NAN};

static struct sn_figure calibrated(struct sn_calibration *c, double value,
                                   const struct sn_cal_set *s)
{
    char least[32], most[32];
    const bool tokens = s == &c->dispatch;
    return (struct sn_figure){
        .value = six_digits(value),
        .class = SN_FIGURE_CALIBRATED,
        .source = sn_cal_keep(
            c, sn_strdupf("%s: %zu %s rows, transport %s, %s to %s%s, largest error %.1f %%",
                          c->dir, s->fit.n, s->what, c->transport,
                          sn_units_format(least, sizeof least, s->fit.least,
                                          tokens ? SN_UNIT_COUNT : SN_UNIT_BYTES),
                          sn_units_format(most, sizeof most, s->fit.most,
                                          tokens ? SN_UNIT_COUNT : SN_UNIT_BYTES),
                          tokens ? " tokens" : "", s->fit.worst * 100)),
    };
}

static struct sn_figure derived(double value, const char *source)
{
    return (struct sn_figure){.value = value, .class = SN_FIGURE_DERIVED, .source = source};
}

static const struct sn_cal_set *of_overhead(const struct sn_calibration *c)
{
    return c->write.fit.fitted[SN_FIT_OVERHEAD]  ? &c->write
           : c->read.fit.fitted[SN_FIT_OVERHEAD] ? &c->read
                                                 : NULL;
}

static void make_paths(struct sn_calibration *c, struct sn_profile *p)
{
    const struct sn_cal_set *write = c->write.fitted ? &c->write : &c->read;
    struct sn_profile_path *node = &p->paths[SN_PATH_NODE], *self = &p->paths[SN_PATH_SELF];
    for (int i = 0; i < SN_PATHS; i++)
        p->paths[i] = (struct sn_profile_path){-1, none, none, none, none};
    node->port = 0;
    node->latency = calibrated(c, write->fit.value[SN_FIT_LATENCY], write);
    node->bandwidth = calibrated(c, sn_cal_bandwidth(write), write);
    if (c->write.fitted && c->read.fitted) {
        node->read_latency = calibrated(c, c->read.fit.value[SN_FIT_LATENCY], &c->read);
        node->read_bandwidth = calibrated(c, sn_cal_bandwidth(&c->read), &c->read);
    }
    if (!isnan(c->self)) {
        self->bandwidth.value = six_digits(c->self);
        self->bandwidth.class = SN_FIGURE_CALIBRATED;
        self->bandwidth.source =
            sn_cal_keep(c, sn_strdupf("%s: fastest pairs row with src = dst", c->dir));
    }
    p->ports[0].bandwidth =
        derived(fmax(node->bandwidth.value, sn_figure_or(&node->read_bandwidth, 0)),
                "the path's own bandwidth: the port was never seen faster");
}

/* The logarithmic form through the linear one at EP 2 and at all ranks: no parameter of its own. */
static void make_sync(const struct sn_calibration *c, struct sn_profile *p)
{
    double flag = p->cost.flag.value, steps = ceil(log2(c->ranks > 2 ? c->ranks : 2)),
           step = c->ranks > 2 ? flag * (c->ranks - 2) / (steps - 1) : flag;
    p->cost.sync_step = derived(six_digits(step), "as flag (EP - 1) at EP 2 and at all ranks");
    p->cost.sync_base =
        derived(six_digits(flag - step), "as flag (EP - 1) at EP 2 and at all ranks");
}

static void make_costs(struct sn_calibration *c, struct sn_profile *p)
{
    const struct sn_cal_set *overhead = of_overhead(c);
    p->cost.launch = p->cost.issue = p->cost.flag = none;
    p->cost.sync_base = p->cost.sync_step = p->cost.memory = none;
    if (overhead) {
        p->cost.issue = calibrated(c, overhead->fit.value[SN_FIT_OVERHEAD], overhead);
        p->cost.flag = derived(2 * p->cost.issue.value, "2 issue");
        make_sync(c, p);
    }
    if (c->dispatch.fitted) {
        /* What a dispatch of no tokens takes, less what the model adds of its own. */
        int peers = c->ranks - 1;
        c->launch = c->dispatch.fit.value[SN_FIT_LATENCY] - p->paths[SN_PATH_NODE].latency.value -
                    peers * sn_figure_or(&p->cost.flag, 0);
        if (c->launch < 0) {
            sn_cal_warn(c, sn_strdup("launch would be negative: flags and latency explain all of a "
                                     "dispatch without tokens; it is left out"));
        } else {
            p->cost.launch = calibrated(c, c->launch, &c->dispatch);
        }
        sn_cal_warn(
            c, sn_strdup("cost.memory is not fitted: on the model clock quantisation, packing and "
                         "sums take no time"));
    }
}

static struct sn_profile_range *add_range(struct sn_profile *p, const char *axis, double min,
                                          double max)
{
    p->valid = sn_realloc(p->valid, p->n_valid + 1, sizeof *p->valid);
    struct sn_profile_range *r = &p->valid[p->n_valid++];
    *r = (struct sn_profile_range){.axis = axis, .min = min, .max = max};
    return r;
}

/* The conditions of the dispatch rows: they differ in tokens alone. The order of sending is none:
 * launch is what is left without tokens. */
static void add_conditions(const struct sn_calibration *c, struct sn_profile *p)
{
    static const char *const numbers[] = {"ep", "hidden", "topk"};
    static const char *const words[] = {"dtype", "routing", "algorithm"};
    static const char *const dispatch[] = {"dispatch"};
    const struct sn_row *row = c->dispatch.rows[0].of;
    const size_t first = p->n_valid;
    add_range(p, "tokens", c->dispatch.fit.least, c->dispatch.fit.most);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const double value = (double)sn_cal_int(row, numbers[i]);
        if (value >= 0)
            add_range(p, numbers[i], value, value);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct sn_param *text = sn_row_param(row, words[i]);
        if (!text || text->type != SN_PARAM_TEXT)
            continue;
        struct sn_profile_range *r = add_range(p, words[i], 0, 0);
        r->words = (const char *const *)&text->text;
        r->n_words = 1;
    }
    for (size_t i = first; i < p->n_valid; i++) {
        p->valid[i].benches = dispatch;
        p->valid[i].n_benches = 1;
    }
}

/* Where all that was fitted holds: what no row was measured of has no range here. More dies than
 * there were ranks are outside by themselves. */
static void make_ranges(const struct sn_calibration *c, struct sn_profile *p)
{
    double least = 0, most = INFINITY;
    const struct sn_cal_set *const sets[] = {&c->write, &c->read};
    for (int i = 0; i < 2; i++)
        if (sets[i]->fitted && sets[i]->fit.most >= least && sets[i]->fit.least <= most) {
            least = fmax(least, sets[i]->fit.least);
            most = fmin(most, sets[i]->fit.most);
        }
    add_range(p, "size", least, most);
    if (c->dispatch.fitted)
        add_conditions(c, p);
}

void sn_cal_make_profile(struct sn_calibration *c, const char *name, struct sn_profile *p)
{
    unsigned dies = c->ranks > 1 ? (unsigned)c->ranks : 2;
    *p = (struct sn_profile){.name = name,
                             .dies = dies,
                             .dies_per_npu = 1,
                             .dies_per_node = dies,
                             .link = none,
                             .uplink = none,
                             .n_ports = 1};
    p->brief = sn_cal_keep(
        c, sn_strdupf("this machine, transport %s, fitted to %s", c->transport, c->dir));
    p->machine_source = sn_cal_keep(c, sn_strdupf("%s: its ranks, on one node", c->dir));
    p->ports = sn_calloc(1, sizeof *p->ports);
    p->ports[0].name = c->transport;
    make_paths(c, p);
    make_costs(c, p);
    make_ranges(c, p);
    p->warnings = c->warnings;
    p->n_warnings = c->n_warnings;
}

void sn_cal_close_profile(struct sn_profile *p)
{
    free(p->ports);
    free(p->valid);
}

/* Figures of a device from times of whole steps: bench/macro/calibrate_steps.h. */
#include "bench/macro/calibrate_steps.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "bench/device.h"
#include "bench/llm.h"
#include "bench/macro/pipe_defaults.h"
#include "bench/profile.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/options.h"
#include "harness/published.h"

static const char decode_rows[] = "decode.96.4096, decode.8.4096, decode.stream, decode.layer.mtp";

enum { ROW_96, ROW_8, ROW_STREAM, ROW_LAYER, ROW_PREFILL, ROW_REUSE, ROWS };
static const char *const ids[ROWS] = {"decode.96.4096",   "decode.8.4096",   "decode.stream",
                                      "decode.layer.mtp", "prefill.default", "cache.50"};

struct fit {
    struct sn_llm llm;
    struct sn_profile fabric;
    struct sn_device *device;
    double want[ROWS], got[ROWS];
    /* Routed once: a batch of 96 and of 8 an NPU, with one microbatch and with two. */
    struct sn_pipe_step routed[2][2];
};

enum { ACCEPTED_PERCENT = 70 };
static const double tokens_per_step = 1 + ACCEPTED_PERCENT / 100.0;

static struct sn_pipe problem(struct fit *f)
{
    struct sn_pipe p = {.llm = &f->llm,
                        .device = f->device,
                        .profile = &f->fabric,
                        .degrade = "none",
                        .dtype = SN_DTYPE_INT8,
                        .seed = 1};
    return p;
}

/* As decode's axes have it by default. */
static struct sn_pipe decode(struct fit *f, unsigned batch, unsigned microbatches)
{
    struct sn_pipe p = problem(f);
    p.routing = "uniform";
    p.algorithm = sn_pipe_algorithm(SN_MOE_COPIES);
    p.balance = true;
    p.dies = 320;
    p.shared_dies = sn_pipe_shared_dies(&p);
    p.redundant = sn_pipe_redundant(&p);
    p.requests = batch / 2;
    p.queries = 2;
    p.ctx = 4096;
    p.microbatches = microbatches;
    return p;
}

/* As prefill's. */
static struct sn_pipe prefill(struct fit *f, const char *routing, unsigned cached)
{
    struct sn_pipe p = problem(f);
    p.prefill = p.spread = true;
    p.routing = routing;
    p.algorithm = sn_pipe_algorithm(SN_MOE_COUNTS_AND_PAIRS);
    p.dies = 32;
    p.requests = p.microbatches = 2;
    p.queries = 1;
    p.ctx = 4096;
    p.cached = p.kept = cached;
    if (cached)
        sn_pipe_pool(&p, &f->fabric); /* which has the path */
    return p;
}

static void set(struct sn_figure *f, double value, const char *source)
{
    /* As many digits as a profile has. */
    double unit = pow(10, floor(log10(value)) - 3);
    *f = (struct sn_figure){
        .value = round(value / unit) * unit, .class = SN_FIGURE_CALIBRATED, .source = source};
}

/* --- decode: an effective rate of the vector cores, and the host --------------------------------
 */

/* The faster of one and two microbatches, the host left out: step, and of the larger batch stream
 * and layer. */
static int times(struct fit *f, double s[2], double *stream, double *layer)
{
    static const unsigned batches[] = {96, 8};
    int status = SN_OK;
    for (unsigned b = 0; b < 2; b++) {
        s[b] = INFINITY;
        for (unsigned mb = 1; mb <= 2 && !status; mb++) {
            struct sn_pipe p = decode(f, batches[b], mb);
            struct sn_pipe_step step;
            status = sn_pipe_step_again(&p, &f->routed[b][mb - 1], &step);
            if (status)
                return status;
            if (step.s < s[b] && b == 0) {
                *stream = (step.stream_s[0] + step.stream_s[1]) / 2;
                *layer = step.layer_s;
            }
            s[b] = fmin(s[b], step.s);
            sn_pipe_step_free(&step);
        }
    }
    return status;
}

/* Sum of squared relative errors with the best host time there is for this rate. */
static int error_of(struct fit *f, double rate, double *host, double *error)
{
    double s[2], stream = 0, layer = 0, above = 0, below = 0;
    f->device->host = (struct sn_figure){.value = NAN, .class = SN_FIGURE_NONE};
    set(&f->device->peak[SN_PEAK_F32], rate, decode_rows);
    int status = times(f, s, &stream, &layer);
    if (status)
        return status;
    for (unsigned b = 0; b < 2; b++) {
        double want = f->want[b] * tokens_per_step;
        above += (want - s[b]) / (want * want);
        below += 1 / (want * want);
    }
    *host = fmax(0, above / below);
    for (unsigned b = 0; b < 2; b++)
        f->got[b] = (s[b] + *host) / tokens_per_step;
    f->got[ROW_STREAM] = stream;
    f->got[ROW_LAYER] = layer;
    *error = 0;
    for (unsigned i = 0; i <= ROW_LAYER; i++)
        *error += pow(f->got[i] / f->want[i] - 1, 2);
    return SN_OK;
}

/* Golden section over the logarithm of the rate. */
static int fit_decode(struct fit *f)
{
    enum { STEPS = 24 };
    static const double golden = 0.6180339887498949;
    double lo = log(1e10), hi = log(1e13), host, ea, eb;
    double a = hi - golden * (hi - lo), b = lo + golden * (hi - lo);
    int status = error_of(f, exp(a), &host, &ea);
    status = status ? status : error_of(f, exp(b), &host, &eb);
    for (int i = 0; i < STEPS && !status; i++) {
        if (ea < eb) {
            hi = b;
            b = a;
            eb = ea;
            a = hi - golden * (hi - lo);
            status = error_of(f, exp(a), &host, &ea);
        } else {
            lo = a;
            a = b;
            ea = eb;
            b = lo + golden * (hi - lo);
            status = error_of(f, exp(b), &host, &eb);
        }
    }
    status = status ? status : error_of(f, exp((lo + hi) / 2), &host, &ea);
    if (!status && host > 0)
        set(&f->device->host, host, decode_rows);
    return status;
}

static int route_decode(struct fit *f)
{
    int status = SN_OK;
    for (unsigned b = 0; b < 2 && !status; b++)
        for (unsigned mb = 1; mb <= 2 && !status; mb++) {
            struct sn_pipe p = decode(f, b ? 8 : 96, mb);
            status = sn_pipe_step(&p, (unsigned)omp_get_num_procs(), &f->routed[b][mb - 1]);
        }
    return status;
}

/* --- prefill ------------------------------------------------------------------------------------
 */

static int prefill_time(struct fit *f, unsigned cached, double *s)
{
    char routing[SN_PIPE_ROUTING_TEXT];
    struct sn_pipe p = prefill(f, routing, cached);
    sn_pipe_routing(&p, routing);
    struct sn_pipe_step step;
    int status = sn_pipe_step(&p, (unsigned)omp_get_num_procs(), &step);
    if (!status)
        *s = step.s;
    if (!status)
        sn_pipe_step_free(&step);
    return status;
}

/* More skew, slower: bisection. */
static int fit_prefill(struct fit *f)
{
    enum { STEPS = 11 };
    const double tokens = 16384;
    double lo = 0.01, hi = 1, s = 0;
    int status = SN_OK;
    for (int i = 0; i < STEPS && !status; i++) {
        set(&f->device->skew, (lo + hi) / 2, ids[ROW_PREFILL]);
        status = prefill_time(f, 0, &s);
        if (tokens / s > f->want[ROW_PREFILL])
            lo = f->device->skew.value;
        else
            hi = f->device->skew.value;
    }
    f->got[ROW_PREFILL] = tokens / s;
    if (!status && fabs(f->got[ROW_PREFILL] / f->want[ROW_PREFILL] - 1) > 0.01)
        status = SN_FAIL(SN_EINVAL,
                         "prefill.default: %g token/s at no skew from 0.01 to 1; the "
                         "nearest is %g",
                         f->want[ROW_PREFILL], f->got[ROW_PREFILL]);
    return status;
}

/* What is left to explain of the time with half of the prompts cached, block by block. */
static int fit_block(struct fit *f)
{
    enum { CACHED = 2048, BLOCKS = 2 * CACHED / SN_PIPE_BLOCK_TOKENS }; /* of two prompts */
    double whole = 0, half = 0;
    f->device->block = (struct sn_figure){.value = NAN, .class = SN_FIGURE_NONE};
    int status = prefill_time(f, 0, &whole);
    status = status ? status : prefill_time(f, CACHED, &half);
    double block = (whole / f->want[ROW_REUSE] - half) / BLOCKS;
    if (status)
        return status;
    if (!(block > 0))
        return SN_FAIL(SN_EINVAL,
                       "cache.50: half of the prompts cached take %g s more than the row "
                       "says without any cost of blocks",
                       -block * BLOCKS);
    set(&f->device->block, block, ids[ROW_REUSE]);
    status = prefill_time(f, CACHED, &half);
    f->got[ROW_REUSE] = whole / half;
    return status;
}

/* --- all of it ----------------------------------------------------------------------------------
 */

static int read_rows(struct fit *f)
{
    struct sn_published_table table = {0};
    struct sn_datadir dirs;
    int status = sn_datadir_open(&dirs);
    if (status)
        return status;
    char *path = sn_strdupf("%s/published/cloudmatrix384.csv", dirs.results);
    sn_datadir_close(&dirs);
    status = sn_published_table_load(&table, path);
    for (unsigned i = 0; i < ROWS && !status; i++) {
        const struct sn_published_figure *row = sn_published_find(&table, ids[i]);
        if (row)
            f->want[i] = row->value;
        else
            status = SN_FAIL(SN_EINVAL, "%s: no figure %s", path, ids[i]);
    }
    sn_published_table_free(&table);
    free(path);
    return status;
}

int sn_calibrate_steps_fit(struct sn_device *d, struct sn_step_fit *out)
{
    struct fit f = {.device = d};
    int status = read_rows(&f);
    status = status ? status : sn_llm_open(&f.llm, "deepseek-r1");
    if (status)
        return status;
    status = sn_profile_open(&f.fabric, "cloudmatrix384-ub");
    if (!status) {
        status = route_decode(&f);
        status = status ? status : fit_decode(&f);
        status = status ? status : fit_prefill(&f);
        status = status ? status : fit_block(&f);
        for (unsigned b = 0; b < 2; b++)
            for (unsigned mb = 0; mb < 2; mb++)
                sn_pipe_step_free(&f.routed[b][mb]);
        sn_profile_close(&f.fabric);
    }
    sn_llm_close(&f.llm);
    *out = (struct sn_step_fit){.n = ROWS};
    for (unsigned i = 0; i < ROWS; i++) {
        out->rows[i].id = ids[i];
        out->rows[i].published = f.want[i];
        out->rows[i].modelled = f.got[i];
    }
    return status;
}

static void print(const struct sn_device *d, const struct sn_step_fit *fit, FILE *out)
{
    const struct {
        const char *name;
        const struct sn_figure *f;
        double scale;
        const char *unit;
    } figures[] = {{"peak.f32", &d->peak[SN_PEAK_F32], 1e-12, "Top/s"},
                   {"host", &d->host, 1e3, "ms"},
                   {"skew", &d->skew, 1, ""},
                   {"block", &d->block, 1e3, "ms"}};
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (sn_figure_given(figures[i].f))
            fprintf(out, "%-9s %10.4g %-6s from %s\n", figures[i].name,
                    figures[i].f->value * figures[i].scale, figures[i].unit, figures[i].f->source);
    fprintf(out, "\n%-17s %12s %12s %8s\n", "calibration row", "published", "modelled", "error");
    for (size_t i = 0; i < fit->n; i++)
        fprintf(out, "%-17s %12.6g %12.6g %+7.1f%%\n", fit->rows[i].id, fit->rows[i].published,
                fit->rows[i].modelled, 100 * (fit->rows[i].modelled / fit->rows[i].published - 1));
    fprintf(out,
            "\n4 parameters, %zu rows (%.2f a row); prefill.default and cache.50 have one each "
            "and are met.\n",
            fit->n, 4.0 / (double)fit->n);
}

int sn_calibrate_steps(const struct sn_options *o, FILE *out)
{
    struct sn_device d;
    struct sn_step_fit fit;
    struct sn_buf yaml = {0};
    if (!o->out)
        return SN_FAIL(SN_EINVAL, "calibrate steps: where to? -o FILE.yaml");
    int status = sn_device_open(&d, o->device ? o->device : "ascend910c-die");
    if (status)
        return status;
    status = sn_calibrate_steps_fit(&d, &fit);
    if (!status) {
        sn_device_write(&d, &yaml);
        status = sn_buf_write_file(&yaml, o->out);
    }
    if (!status) {
        print(&d, &fit, out);
        fprintf(out, "\nwritten: %s; use it with --clock=model --device=%s\n", o->out, o->out);
    }
    sn_buf_free(&yaml);
    sn_device_close(&d);
    return status;
}

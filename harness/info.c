/* The page of `snbench info`: what sn_machine_describe(), sn_roofs_measure() and
 * sn_counters_list() know, in about 45 lines. */
#include "harness/info.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/counters.h"
#include "harness/machine.h"
#include "harness/machine_parts.h"
#include "harness/roof.h"

/* --- helpers on JSON ------------------------------------------------------------------------- */

static const char *text_of(const json_t *j, const char *key, const char *otherwise)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : otherwise;
}

static long long int_of(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

static const char *plural(long long n)
{
    return n == 1 ? "" : "s";
}

/* One line: the key in its column (NULL: none), then printf-style words. */
__attribute__((format(printf, 3, 4))) static void line(struct sn_buf *b, const char *key,
                                                       const char *fmt, ...)
{
    char words[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    sn_buf_addf(b, "  %-13s %s\n", key ? key : "", words);
}

/* Words one after the other, folded at 100 columns. */
struct fold {
    struct sn_buf *page;
    const char *key;
    struct sn_buf words;
};

static void fold_flush(struct fold *f)
{
    if (f->words.len)
        line(f->page, f->key, "%s", f->words.data);
    f->key = NULL;
    sn_buf_reset(&f->words);
}

static void fold_add(struct fold *f, const char *word, const char *separator)
{
    enum { COLUMNS = 84 };
    if (f->words.len && f->words.len + strlen(separator) + strlen(word) > COLUMNS) {
        if (*separator == ',')
            sn_buf_add(&f->words, ",");
        fold_flush(f);
    }
    if (f->words.len)
        sn_buf_add(&f->words, separator);
    sn_buf_add(&f->words, word);
}

static void fold_end(struct fold *f, const char *when_empty)
{
    if (!f->words.len && f->key && when_empty)
        sn_buf_add(&f->words, when_empty);
    fold_flush(f);
    sn_buf_free(&f->words);
}

/* --- machine --------------------------------------------------------------------------------- */

static void add_caches(struct sn_buf *b, const json_t *topology)
{
    struct fold f = {.page = b, .key = "caches"};
    size_t i;
    json_t *c;
    json_array_foreach (json_object_get(topology, "caches"), i, c) {
        const char *type = text_of(c, "type", "");
        char size[32], word[96];
        sn_units_format(size, sizeof size, (double)int_of(c, "bytes"), SN_UNIT_BYTES);
        snprintf(word, sizeof word, "L%lld%s %s x %lld", int_of(c, "level"),
                 *type == 'd'   ? "d"
                 : *type == 'i' ? "i"
                                : "",
                 size, int_of(c, "count"));
        fold_add(&f, word, ", ");
    }
    fold_end(&f, "unknown");
}

static void format_gib(char *out, size_t size, long long bytes)
{
    snprintf(out, size, "%.1f GiB", (double)bytes / 0x1p30);
}

static void add_memory(struct sn_buf *b, const json_t *m, const json_t *topology)
{
    char total[32], bytes[32], word[160];
    struct fold f = {.page = b, .key = "memory"};
    const json_t *nodes = json_object_get(topology, "numa");
    format_gib(total, sizeof total, int_of(m, "memory_bytes"));
    snprintf(word, sizeof word, "%s; huge pages %s", total, text_of(m, "huge_pages", "unknown"));
    fold_add(&f, word, "");
    size_t i;
    json_t *n;
    json_array_foreach (nodes, i, n) {
        format_gib(bytes, sizeof bytes, int_of(n, "bytes"));
        snprintf(word, sizeof word, "NUMA node %lld: %s, CPUs %s", int_of(n, "node"), bytes,
                 text_of(n, "cpus", "?"));
        fold_add(&f, word, "; ");
    }
    fold_end(&f, NULL);
}

static void add_machine(struct sn_buf *b, const json_t *m)
{
    const json_t *cpu = json_object_get(m, "cpu"), *t = json_object_get(m, "topology");
    const json_t *kernel = json_object_get(m, "kernel"), *load = json_object_get(m, "load");
    sn_buf_add(b, "machine\n");
    line(b, "host", "%s", text_of(m, "host", "unknown"));
    if (json_is_integer(json_object_get(cpu, "family")))
        line(b, "cpu", "%s (%s family %lld model %lld stepping %lld)",
             text_of(cpu, "model", "unknown"), text_of(cpu, "vendor", "unknown"),
             int_of(cpu, "family"), int_of(cpu, "model_number"), int_of(cpu, "stepping"));
    else
        line(b, "cpu", "%s", text_of(cpu, "model", "unknown"));
    line(b, "cores", "%lld core%s, %lld hardware thread%s, %lld package%s", int_of(t, "cores"),
         plural(int_of(t, "cores")), int_of(t, "pus"), plural(int_of(t, "pus")),
         int_of(t, "packages"), plural(int_of(t, "packages")));
    struct fold f = {.page = b, .key = "features"};
    size_t i;
    json_t *word;
    json_array_foreach (json_object_get(cpu, "features"), i, word)
        fold_add(&f, json_string_value(word), " ");
    fold_end(&f, "none that snbench uses");
    add_caches(b, t);
    add_memory(b, m, t);
    line(b, "kernel", "%s %s %s, governor %s", text_of(kernel, "system", "unknown"),
         text_of(kernel, "release", ""), text_of(kernel, "architecture", ""),
         text_of(m, "governor", "unknown"));
    line(b, "inside", "virtual machine: %s; container: %s",
         text_of(m, "virtual_machine", "none seen"), text_of(m, "container", "none seen"));
    if (json_is_number(json_object_get(load, "load1")))
        line(b, "load", "%.2f %.2f %.2f over 1, 5, 15 minutes; %lld of %lld tasks running",
             json_number_value(json_object_get(load, "load1")),
             json_number_value(json_object_get(load, "load5")),
             json_number_value(json_object_get(load, "load15")), int_of(load, "running"),
             int_of(load, "tasks"));
}

static void add_build(struct sn_buf *b, const json_t *m)
{
    const json_t *build = json_object_get(m, "build");
    const char *key;
    json_t *value;
    char word[512];
    sn_buf_add(b, "build\n");
    line(b, "compiler", "%s %s, %s, %s", text_of(build, "compiler", "unknown"),
         text_of(build, "version", ""), text_of(build, "config", "unknown configuration"),
         text_of(build, "flags", "flags unknown"));
    struct fold f = {.page = b, .key = "libraries"};
    json_object_foreach (json_object_get(m, "libraries"), key, value) {
        if (!strcmp(key, "mpi"))
            continue; /* below */
        snprintf(word, sizeof word, "%s %s", key, json_string_value(value));
        fold_add(&f, word, ", ");
    }
    fold_end(&f, NULL);
    f = (struct fold){.page = b, .key = "environment"};
    json_object_foreach (json_object_get(m, "environment"), key, value) {
        snprintf(word, sizeof word, "%s=%s", key,
                 json_is_string(value) ? json_string_value(value) : "(not text)");
        fold_add(&f, word, " ");
    }
    fold_end(&f, "no variable set that changes MPI or OpenMP");
}

/* --- MPI ------------------------------------------------------------------------------------- */

/* Ranks that follow each other with the same CPUs share a line. */
static void add_binding(struct sn_buf *b, const json_t *mpi)
{
    const json_t *binding = json_object_get(mpi, "binding"), *hosts = json_object_get(mpi, "hosts");
    const char *key = "binding";
    size_t n = json_array_size(binding);
    for (size_t from = 0, to; from < n; from = to) {
        const json_t *first = json_array_get(binding, from);
        for (to = from + 1; to < n; to++) {
            const json_t *next = json_array_get(binding, to);
            if (int_of(next, "host") != int_of(first, "host") ||
                strcmp(text_of(next, "cpus", ""), text_of(first, "cpus", "")))
                break;
        }
        char ranks[48], where[160] = "";
        snprintf(ranks, sizeof ranks, to - from > 1 ? "ranks %zu-%zu" : "rank %zu", from, to - 1);
        if (json_array_size(hosts) > 1)
            snprintf(where, sizeof where, " on %s",
                     json_string_value(json_array_get(hosts, (size_t)int_of(first, "host"))));
        line(b, key, "%s%s: CPUs %s%s", ranks, where, text_of(first, "cpus", "?"),
             json_is_true(json_object_get(first, "bound")) ? "" : " (not bound)");
        key = NULL;
    }
}

static void add_mpi(struct sn_buf *b, const json_t *mpi, const json_t *m)
{
    sn_buf_add(b, "MPI\n");
    if (!mpi) {
        line(b, "library", "%s; not started",
             text_of(json_object_get(m, "libraries"), "mpi", "unknown"));
        return;
    }
    long long ranks = int_of(mpi, "ranks"), cores = int_of(mpi, "cores");
    size_t hosts = json_array_size(json_object_get(mpi, "hosts"));
    const json_t *clock = json_object_get(mpi, "clock");
    char error[32], bcast[32];
    line(b, "library", "%s (MPI %s)", text_of(mpi, "library", "unknown"),
         text_of(mpi, "standard", "?"));
    line(b, "ranks", "%lld rank%s on %zu host%s, %lld core%s per host: %soversubscribed", ranks,
         plural(ranks), hosts, plural((long long)hosts), cores, plural(cores),
         json_is_true(json_object_get(mpi, "oversubscribed")) ? "" : "not ");
    add_binding(b, mpi);
    sn_units_format(error, sizeof error, json_number_value(json_object_get(clock, "error_s")),
                    SN_UNIT_SECONDS);
    sn_units_format(bcast, sizeof bcast, json_number_value(json_object_get(clock, "bcast_s")),
                    SN_UNIT_SECONDS);
    line(b, "clock", "%s, within %s; a small broadcast takes %s",
         json_is_true(json_object_get(clock, "common")) ? "common to all ranks"
                                                        : "one per host, offsets measured",
         error, bcast);
}

/* --- counters -------------------------------------------------------------------------------- */

struct counter_words {
    struct fold have, lack;
    struct sn_buf reason;
};

static void add_counter(void *out, const char *name, const char *brief, const char *unavailable)
{
    struct counter_words *w = out;
    if (!unavailable) {
        fold_add(&w->have, name, " ");
        return;
    }
    fold_add(&w->lack, name, " ");
    if (!w->reason.len)
        sn_buf_addf(&w->reason, "e.g. %s", unavailable);
}

static void add_counters(struct sn_buf *b)
{
    struct sn_buf lacking = {0};
    struct counter_words w = {.have = {.page = b, .key = "available"},
                              .lack = {.page = &lacking, .key = "unavailable"}};
    sn_buf_add(b, "counters (PAPI)\n");
    sn_counters_list(add_counter, &w);
    fold_end(&w.have, "none");
    fold_end(&w.lack, "none");
    sn_buf_add(b, lacking.data);
    if (w.reason.len)
        line(b, NULL, "%s", w.reason.data);
    sn_buf_free(&lacking);
    sn_buf_free(&w.reason);
}

/* --- roofs ----------------------------------------------------------------------------------- */

/* The figure of the point of exactly `bytes`, as "12.31 GB/s"; "-" without one. */
static void format_point(char *out, size_t size, const struct sn_roof_curve *c, uint64_t bytes)
{
    double rate = NAN;
    for (size_t i = 0; i < c->n; i++)
        if (c->bytes[i] == bytes)
            rate = c->bytes_per_s[i];
    if (isnan(rate))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%.2f", rate / 1e9);
}

static void add_roofs(struct sn_buf *b, const struct sn_roofs *r)
{
    const struct {
        const char *title;
        const struct sn_roof_curve *curve;
    } columns[] = {{"copy", &r->copy},
                   {"read", &r->read},
                   {"neighbour", &r->copy_shared},
                   {"all at once", &r->copy_all}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    char call[32], step[32], hz[32];
    sn_buf_addf(b, "roofs (best of several passes; measured in %.1f s)\n", r->seconds_spent);
    sn_units_format(call, sizeof call, r->timer_call_s, SN_UNIT_SECONDS);
    sn_units_format(step, sizeof step, r->timer_resolution_s, SN_UNIT_SECONDS);
    line(b, "timer", "%s a call, smallest step %s", call, step);
    line(b, "core clock", "%s", sn_units_format(hz, sizeof hz, r->core_hz, SN_UNIT_HERTZ));
    if (r->core_hz_reason)
        line(b, NULL, "%s", r->core_hz_reason);
    for (int kind = 0; kind < SN_PEAKS; kind++) {
        char title[32];
        snprintf(title, sizeof title, "%s peak", sn_peak_words[kind]);
        if (isnan(r->peak_ops_per_s[kind]))
            line(b, title, "- (no such instructions)");
        else
            line(b, title, "%.1f Gop/s a core, %.1f op/cycle", r->peak_ops_per_s[kind] / 1e9,
                 r->peak_ops_per_s[kind] / r->core_hz);
    }
    line(b, "DRAM", "read %.2f GB/s, copy %.2f; %.0f cores together: read %.2f, copy %.2f",
         r->dram_read / 1e9, r->dram_copy / 1e9, r->threads, r->dram_read_all / 1e9,
         r->dram_copy_all / 1e9);
    sn_buf_addf(b, "  %-13s", "GB/s per rank");
    for (int k = 0; k < COLUMNS; k++)
        sn_buf_addf(b, " %12s", columns[k].title);
    sn_buf_add(b, "\n");
    for (size_t i = 0; i < r->copy.n; i++) {
        char size[32], figure[32];
        sn_units_format(size, sizeof size, (double)r->copy.bytes[i], SN_UNIT_BYTES);
        sn_buf_addf(b, "  %13s", size);
        for (int k = 0; k < COLUMNS; k++) {
            format_point(figure, sizeof figure, columns[k].curve, r->copy.bytes[i]);
            sn_buf_addf(b, " %12s", figure);
        }
        sn_buf_add(b, "\n");
    }
    for (int k = 0; k < COLUMNS; k++)
        if (columns[k].curve->reason)
            line(b, NULL, "%s: %s", columns[k].title, columns[k].curve->reason);
    line(b, NULL, "%s", "copy, read: one core in its own memory. neighbour: one rank copies from");
    line(b, NULL, "%s", "the next rank's shared window. all at once: every rank does. Bytes once.");
}

/* --------------------------------------------------------------------------------------------- */

int sn_info_print(FILE *out, const struct sn_world *w)
{
    json_t *machine = w && w->rank ? NULL : sn_machine_describe(); /* the load before the roofs */
    json_t *mpi = w ? sn_machine_describe_mpi(w) : NULL;
    struct sn_roofs roofs;
    int status = sn_roofs_measure(w, &roofs);
    if (status == SN_OK && machine) {
        struct sn_buf page = {0};
        add_machine(&page, machine);
        add_build(&page, machine);
        add_mpi(&page, mpi, machine);
        add_counters(&page);
        add_roofs(&page, &roofs);
        if (fputs(page.data, out) < 0 || fflush(out))
            status = SN_FAIL(SN_EIO, "cannot write the page: %s", strerror(errno));
        sn_buf_free(&page);
    }
    json_decref(mpi);
    json_decref(machine);
    return status;
}

int sn_info_run(FILE *out)
{
    struct sn_world w;
    int provided;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return SN_FAIL(SN_EENV, "MPI_Init failed; run under the mpiexec of the MPI library that "
                                "snbench was built with");
    int status = sn_world_open(&w);
    if (status == SN_OK) {
        status = sn_info_print(out, &w);
        if (w.rank != 0)
            sn_status_clear(); /* only rank 0 speaks */
        sn_world_close(&w);
    }
    MPI_Finalize();
    return status;
}

/* Writing a device profile: the schema of bench/device.c, every figure on one line. */
#include "bench/device.h"
#include "bench/figure.h"
#include "bench/profile_words.h"

static void put_pair(struct sn_buf *out, const char *key, const char *text)
{
    sn_buf_addf(out, "%s: ", key);
    sn_figure_write_text(out, text ? text : "none");
    sn_buf_add(out, "\n");
}

/* A group of figures under a head; nothing where none is given. */
static void put_group(struct sn_buf *out, const char *head, const char *const *keys,
                      const struct sn_figure *const *figures, const enum sn_unit *units, size_t n)
{
    struct sn_buf body = {0};
    for (size_t i = 0; i < n; i++)
        sn_figure_write(&body, "  ", keys[i], figures[i], units[i]);
    if (body.len)
        sn_buf_addf(out, "%s:\n%s", head, body.data);
    sn_buf_free(&body);
}

static void put_table(struct sn_buf *out, const struct sn_device_table *t)
{
    sn_buf_add(out, "  - of: [");
    bool first = true;
    for (unsigned op = 0; op < SN_OPS; op++)
        if (t->ops & 1u << op) {
            sn_buf_addf(out, "%s%s", first ? "" : ", ", sn_op_names[op]);
            first = false;
        }
    sn_buf_addf(out, "]\n    roof: %s\n", sn_device_roof_words[t->roof]);
    if (t->over)
        sn_buf_addf(out, "    over: %s\n", t->over);
    sn_buf_add(out, "    points:\n");
    for (size_t i = 0; i < t->n_points; i++)
        if (t->over)
            sn_buf_addf(out, "      - {at: %.6g, efficiency: %.4g}\n", t->points[i].at,
                        t->points[i].efficiency);
        else
            sn_buf_addf(out, "      - {efficiency: %.4g}\n", t->points[i].efficiency);
    if (t->n_valid)
        sn_buf_add(out, "    valid:\n");
    for (size_t i = 0; i < t->n_valid; i++)
        sn_buf_addf(out, "      - {shape: %s, min: %.17g, max: %.17g}\n", t->valid[i].shape,
                    t->valid[i].min, t->valid[i].max);
    sn_buf_addf(out, "    class: %s\n", sn_profile_class_words[t->class]);
    put_pair(out, "    source", t->source);
}

static void put_streams(struct sn_buf *out, const struct sn_device *d)
{
    static const char *const streams[] = {"attention", "experts"}, *const cores[] = {"cube",
                                                                                     "vector"};
    if (!sn_figure_given(&d->streams[0][0]))
        return;
    sn_buf_add(out, "streams:\n");
    for (unsigned s = 0; s < 2; s++) {
        sn_buf_addf(out, "  %s:\n", streams[s]);
        for (unsigned k = 0; k < 2; k++)
            sn_figure_write(out, "    ", cores[k], &d->streams[s][k], SN_UNIT_COUNT);
    }
}

void sn_device_write(const struct sn_device *d, struct sn_buf *out)
{
    static const char *const tile[] = {"rows", "cols"}, *const memory[] = {"bandwidth", "size"};
    static const enum sn_unit counts[] = {SN_UNIT_COUNT, SN_UNIT_COUNT},
                              moved[] = {SN_UNIT_BYTES_PER_S, SN_UNIT_BYTES},
                              rates[SN_PEAKS] = {SN_UNIT_OPS_PER_S, SN_UNIT_OPS_PER_S,
                                                 SN_UNIT_OPS_PER_S};
    put_pair(out, "name", d->name);
    put_pair(out, "brief", d->brief);
    sn_figure_write(out, "", "cores", &d->cores, SN_UNIT_COUNT);
    sn_figure_write(out, "", "vector_cores", &d->vector_cores, SN_UNIT_COUNT);
    put_streams(out, d);
    sn_figure_write(out, "", "host", &d->host, SN_UNIT_SECONDS);
    sn_figure_write(out, "", "block", &d->block, SN_UNIT_SECONDS);
    sn_figure_write(out, "", "skew", &d->skew, SN_UNIT_COUNT);
    put_group(out, "tile", tile, (const struct sn_figure *[]){&d->tile_rows, &d->tile_cols}, counts,
              2);
    put_group(out, "peak", sn_peak_words,
              (const struct sn_figure *[]){&d->peak[0], &d->peak[1], &d->peak[2]}, rates, SN_PEAKS);
    put_group(out, "memory", memory, (const struct sn_figure *[]){&d->memory, &d->memory_bytes},
              moved, 2);
    put_group(out, "l2", memory, (const struct sn_figure *[]){&d->l2, &d->l2_bytes}, moved, 2);
    sn_figure_write(out, "", "launch", &d->launch, SN_UNIT_SECONDS);
    if (d->n_tables)
        sn_buf_add(out, "efficiency:\n");
    for (size_t i = 0; i < d->n_tables; i++)
        put_table(out, &d->tables[i]);
    if (d->n_warnings)
        sn_buf_add(out, "warnings:\n");
    for (size_t i = 0; i < d->n_warnings; i++) {
        sn_buf_add(out, "  - ");
        sn_figure_write_text(out, d->warnings[i]);
        sn_buf_add(out, "\n");
    }
}

/* The table of the fields of a row, in the order of the file. */
#include "harness/row_fields.h"

#include <math.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))
#define AT(member)      offsetof(struct sn_row, member)

static const char *const clocks[] = {"wall", "model", NULL};
static const char *const syncs[] = {"round", "round-yield", "local", NULL};
static const char *const origins[] = {"measured", "emulated", "modelled", "published", "imported"};
static const char *const statuses[] = {"ok", "skipped", "failed"};
static const char *const stops[] = {NULL, "ci", "max", "budget"};
static const char *const betters[] = {"lower", "higher"}; /* index: higher_is_better */

static const struct sn_row_field stats_fields[] = {
    {"min", SN_FIELD_REAL, .at = AT(stats.min), .null = true},
    {"median", SN_FIELD_REAL, .at = AT(stats.median), .null = true},
    {"ci95", SN_FIELD_PAIR, .at = AT(stats.ci95_lo), .null = true},
    {"p95", SN_FIELD_REAL, .at = AT(stats.p95), .null = true},
    {"p99", SN_FIELD_REAL, .at = AT(stats.p99), .null = true},
    {"max", SN_FIELD_REAL, .at = AT(stats.max), .null = true},
    {"mean", SN_FIELD_REAL, .at = AT(stats.mean), .null = true},
    {"stddev", SN_FIELD_REAL, .at = AT(stats.stddev), .null = true},
    {0},
};
_Static_assert(AT(stats.ci95_hi) == AT(stats.ci95_lo) + sizeof(double), "a PAIR is two in a row");

static const struct sn_row_field bytes_fields[] = {
    {"logical", SN_FIELD_COUNT, .at = AT(bytes.logical)},
    {"wire", SN_FIELD_COUNT, .at = AT(bytes.wire)},
    {"local", SN_FIELD_COUNT, .at = AT(bytes.local)},
    {0},
};

static const struct sn_row_field check_fields[] = {
    {"what", SN_FIELD_TEXT, .at = AT(check.what), .null = true},
    {"compared", SN_FIELD_COUNT, .at = AT(check.compared)},
    {"errors", SN_FIELD_COUNT, .at = AT(check.errors)},
    {"tolerance", SN_FIELD_REAL, .at = AT(check.tolerance)},
    {"first", SN_FIELD_TEXT, .at = AT(check.first), .null = true},
    {"checksum", SN_FIELD_TEXT, .at = AT(check.checksum), .optional = true},
    {0},
};

/* The row: this order is the order in the file. */
const struct sn_row_field sn_row_fields[] = {
    {.key = "schema", .kind = SN_FIELD_SCHEMA},
    {"bench", SN_FIELD_TEXT, .at = AT(bench)},
    {.key = "params", .kind = SN_FIELD_PARAMS},
    {"id", SN_FIELD_TEXT, .at = AT(id)},
    {"origin", SN_FIELD_CHOICE, .at = AT(origin), .words = origins, .n_words = COUNT_OF(origins)},
    {"clock", SN_FIELD_WORD, .at = AT(clock), .null = true, .words = clocks},
    {"status", SN_FIELD_CHOICE, .at = AT(status), .words = statuses, .n_words = COUNT_OF(statuses)},
    {"reason", SN_FIELD_TEXT, .at = AT(reason), .null = true},
    {"ranks", SN_FIELD_INTEGER, .at = AT(ranks), .null = true, .low = 1},
    {"endpoints", SN_FIELD_INTEGER, .at = AT(endpoints), .null = true, .low = 1},
    {"seed", SN_FIELD_COUNT, .at = AT(seed)},
    {"launch", SN_FIELD_INTEGER, .at = AT(launch)},
    {"n", SN_FIELD_COUNT, .at = AT(n)},
    {"warmup", SN_FIELD_COUNT, .at = AT(warmup)},
    {"invalid", SN_FIELD_COUNT, .at = AT(invalid)},
    {"batch", SN_FIELD_BATCH, .at = AT(batch)},
    {"steady", SN_FIELD_BOOL, .at = AT(steady)},
    {"stop", SN_FIELD_CHOICE, .at = AT(stop), .null = true, .words = stops,
     .n_words = COUNT_OF(stops)},
    {"sync", SN_FIELD_WORD, .at = AT(sync), .null = true, .words = syncs},
    {.key = "samples_s", .kind = SN_FIELD_SAMPLES},
    {"stats", SN_FIELD_OBJECT, .fields = stats_fields},
    {"bytes", SN_FIELD_OBJECT, .fields = bytes_fields},
    {.key = "metrics", .kind = SN_FIELD_METRICS},
    {"limit_s", SN_FIELD_REAL, .at = AT(limit_s), .null = true},
    {"limit_why", SN_FIELD_TEXT, .at = AT(limit_why), .null = true},
    {"efficiency", SN_FIELD_REAL, .at = AT(efficiency), .null = true},
    {"check", SN_FIELD_OBJECT, .fields = check_fields},
    {.key = "breakdown", .kind = SN_FIELD_BREAKDOWN},
    {.key = "timeline", .kind = SN_FIELD_TIMELINE, .optional = true},
    {.key = "sensitivity", .kind = SN_FIELD_SENSITIVITY, .optional = true},
    {.key = "counters", .kind = SN_FIELD_COUNTERS},
    {.key = "flags", .kind = SN_FIELD_FLAGS},
    {0},
};

const struct sn_row_field sn_row_metric_fields[] = {
    {"value", SN_FIELD_REAL, .at = offsetof(struct sn_metric, value), .null = true,
     .low = -INFINITY},
    {"unit", SN_FIELD_TEXT, .at = offsetof(struct sn_metric, unit)},
    {"better", SN_FIELD_BOOL, .at = offsetof(struct sn_metric, higher_is_better), .words = betters},
    {"formula", SN_FIELD_TEXT, .at = offsetof(struct sn_metric, formula)},
    {0},
};

const struct sn_row_field sn_row_part_fields[] = {
    {"part", SN_FIELD_TEXT, .at = offsetof(struct sn_part, part)},
    {"s", SN_FIELD_REAL, .at = offsetof(struct sn_part, s)},
    {0},
};

const struct sn_row_field sn_row_span_fields[] = {
    {"lane", SN_FIELD_TEXT, .at = offsetof(struct sn_row_span, lane)},
    {"name", SN_FIELD_TEXT, .at = offsetof(struct sn_row_span, name)},
    {"start_s", SN_FIELD_REAL, .at = offsetof(struct sn_row_span, start_s)},
    {"s", SN_FIELD_REAL, .at = offsetof(struct sn_row_span, s)},
    {0},
};

const struct sn_row_field sn_row_change_fields[] = {
    {"name", SN_FIELD_TEXT, .at = offsetof(struct sn_row_change, name)},
    {"minus", SN_FIELD_REAL, .at = offsetof(struct sn_row_change, minus), .low = -INFINITY},
    {"plus", SN_FIELD_REAL, .at = offsetof(struct sn_row_change, plus), .low = -INFINITY},
    {0},
};

const char *sn_origin_name(enum sn_origin o)
{
    return origins[o];
}

const char *sn_row_status_name(enum sn_row_status s)
{
    return statuses[s];
}

const char *sn_stop_name(enum sn_stop s)
{
    return stops[s] ? stops[s] : "none";
}

#include "harness/options.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

struct option_row {
    const char *name;
    char letter;     /* or 0 */
    const char *arg; /* how the value is shown, or NULL: a switch */
    unsigned commands;
    int (*set)(struct sn_options *, const char *value);
    const char *def; /* the default, set through set(), or NULL */
    const char *help;
};

static int word_of(const char *what, const char *value, const char *const *words, size_t n,
                   int *out)
{
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(value, words[i])) {
            sn_buf_free(&all);
            *out = (int)i;
            return SN_OK;
        }
        sn_buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = sn_nearest(value, words, n);
    int status = near ? SN_FAIL(SN_EINVAL, "--%s %s: unknown; did you mean '%s'? (%s)", what, value,
                                near, all.data)
                      : SN_FAIL(SN_EINVAL, "--%s %s: unknown; one of %s", what, value, all.data);
    sn_buf_free(&all);
    return status;
}

static int set_clock(struct sn_options *o, const char *v)
{
    static const char *const words[] = {"wall", "model"};
    int i = 0, status = word_of("clock", v, words, 2, &i);
    if (status == SN_OK)
        o->clock = i ? SN_CLOCK_MODEL : SN_CLOCK_WALL;
    return status;
}

/* An integer in [min, max] in the words of the option. */
static int int_of(const char *what, const char *v, int64_t min, int64_t max, int64_t *out)
{
    int64_t i = 0;
    if (sn_units_parse_int(v, SN_UNIT_COUNT, &i) != SN_OK || i < min || i > max)
        return SN_FAIL(SN_EINVAL, "--%s %s: must be an integer of %lld to %lld", what, v,
                       (long long)min, (long long)max);
    *out = i;
    return SN_OK;
}

static int set_seed(struct sn_options *o, const char *v)
{
    int64_t i = 0;
    int status = int_of("seed", v, 0, INT64_MAX, &i);
    if (status == SN_OK)
        o->seed = (uint64_t)i;
    return status;
}

static int set_samples(struct sn_options *o, const char *v)
{
    char first[32];
    const char *colon = strchr(v, ':');
    size_t n = colon ? (size_t)(colon - v) : strlen(v);
    int64_t min = 0, max = 0;
    if (n < sizeof first) {
        memcpy(first, v, n);
        first[n] = 0;
        if (sn_units_parse_int(first, SN_UNIT_COUNT, &min) != SN_OK)
            min = 0;
        max = min;
        if (colon && sn_units_parse_int(colon + 1, SN_UNIT_COUNT, &max) != SN_OK)
            max = 0;
    }
    if (min < 1 || max < min || max > 10000000)
        return SN_FAIL(
            SN_EINVAL,
            "--samples %s: must be MIN:MAX with 1 <= MIN <= MAX <= 10m, for example 20:1000", v);
    o->sample.min = (uint64_t)min;
    o->sample.max = (uint64_t)max;
    return SN_OK;
}

static int real_of(const char *what, const char *v, enum sn_unit unit, double min, double max,
                   const char *right, double *out)
{
    double x;
    if (sn_units_parse_real(v, unit, &x) != SN_OK || !(x >= min && x <= max))
        return SN_FAIL(SN_EINVAL, "--%s %s: must be %s", what, v, right);
    *out = x;
    return SN_OK;
}

static int set_budget(struct sn_options *o, const char *v)
{
    return real_of("budget", v, SN_UNIT_SECONDS, 1e-3, 86400,
                   "a time of 1ms to 24h, for example 500ms", &o->sample.budget_s);
}

static int set_ci(struct sn_options *o, const char *v)
{
    return real_of("ci", v, SN_UNIT_FRACTION, 1e-4, 1, "a share of 0.01% to 100%, for example 2.5%",
                   &o->sample.ci);
}

static int set_timeout(struct sn_options *o, const char *v)
{
    return real_of("timeout", v, SN_UNIT_SECONDS, 0, 86400,
                   "a time up to 24h, for example 60s; 0 for none", &o->timeout_s);
}

static int set_launches(struct sn_options *o, const char *v)
{
    int64_t i = 0;
    int status = int_of("launches", v, 1, 1000, &i);
    if (status == SN_OK)
        o->launches = (int)i;
    return status;
}

static int set_launch(struct sn_options *o, const char *v)
{
    int64_t i = 0;
    int status = int_of("launch", v, 0, 999, &i);
    if (status == SN_OK)
        o->launch = (int)i;
    return status;
}

static int set_format(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("format", v, sn_format_words, SN_FORMATS, &i);
    if (status == SN_OK)
        o->format = (enum sn_format)i;
    return status;
}

static int set_run_format(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("format", v, sn_format_words, SN_FORMAT_OSU + 1, &i);
    if (status == SN_OK)
        o->format = (enum sn_format)i;
    return status;
}

static int set_validate_format(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("format", v, sn_format_words, SN_FORMAT_CSV + 1, &i);
    if (status == SN_OK)
        o->format = (enum sn_format)i;
    return status;
}

static int set_compared_format(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("format", v, sn_format_words, SN_FORMAT_JSON + 1, &i);
    if (status == SN_OK)
        o->format = (enum sn_format)i;
    return status;
}

static int set_alpha(struct sn_options *o, const char *v)
{
    return real_of("alpha", v, SN_UNIT_FRACTION, 1e-6, 0.5,
                   "a share of 0.0001% to 50%, for example 1%", &o->diagnose.alpha);
}

static int set_threshold(struct sn_options *o, const char *v)
{
    return real_of("threshold", v, SN_UNIT_FRACTION, 0, 10, "a share of 0 to 1000%, for example 5%",
                   &o->diagnose.threshold);
}

static int set_compare_alpha(struct sn_options *o, const char *v)
{
    return real_of("alpha", v, SN_UNIT_FRACTION, 1e-6, 0.5,
                   "a share of 0.0001% to 50%, for example 5%", &o->compare.alpha);
}

static int set_compare_threshold(struct sn_options *o, const char *v)
{
    return real_of("threshold", v, SN_UNIT_FRACTION, 0, 10, "a share of 0 to 1000%, for example 3%",
                   &o->compare.threshold);
}

static int set_fail_on(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("fail-on", v, sn_fail_on_words, 4, &i);
    if (status == SN_OK)
        o->compare.fail_on = (enum sn_fail_on)i;
    return status;
}

static int set_noise(struct sn_options *o, const char *v)
{
    o->compare.noise = v;
    return SN_OK;
}

static int set_detect(struct sn_options *o, const char *v)
{
    return real_of("detect", v, SN_UNIT_FRACTION, 1, 1e6, "a factor of 1 to 1e6, for example 2",
                   &o->diagnose.detect);
}

static int set_node(struct sn_options *o, const char *v)
{
    int64_t i = 0;
    int status = int_of("node", v, 1, 65536, &i);
    if (status == SN_OK)
        o->diagnose.node = (int)i;
    return status;
}

static int set_mutate(struct sn_options *o, const char *v)
{
    static const char *const words[] = {"none", "bitflip", "swap", "drop", "wrong-rank"};
    int i = 0, status = word_of("mutate", v, words, 5, &i);
    if (status == SN_OK)
        o->mutate = (enum sn_mutation)i;
    return status;
}

static int set_isa(struct sn_options *o, const char *v)
{
    int i = 0, status = word_of("isa", v, sn_isa_words, SN_ISAS, &i);
    if (status == SN_OK)
        o->isa = (enum sn_isa)i;
    return status;
}

static int set_inject(struct sn_options *o, const char *v)
{
    int64_t i = 0;
    if (strncmp(v, "hang=", 5) || sn_units_parse_int(v + 5, SN_UNIT_COUNT, &i) != SN_OK || i < 0 ||
        i > INT32_MAX)
        return SN_FAIL(SN_EINVAL, "--inject %s: must be hang=RANK, for example hang=1", v);
    o->hang_rank = (int)i;
    return SN_OK;
}

static int add_plugin(struct sn_options *o, const char *v)
{
    o->plugins = sn_realloc(o->plugins, o->n_plugins + 1, sizeof *o->plugins);
    o->plugins[o->n_plugins++] = v;
    return SN_OK;
}

#define STRING_OPTION(field)                                                                       \
    static int set_##field(struct sn_options *o, const char *v)                                    \
    {                                                                                              \
        o->field = v;                                                                              \
        return SN_OK;                                                                              \
    }
#define SWITCH_OPTION(field)                                                                       \
    static int set_##field(struct sn_options *o, const char *v)                                    \
    {                                                                                              \
        o->field = true;                                                                           \
        return SN_OK;                                                                              \
    }
STRING_OPTION(suite)
STRING_OPTION(out)
STRING_OPTION(counters)
STRING_OPTION(map)
STRING_OPTION(mpiexec)
STRING_OPTION(roofs)
STRING_OPTION(profile)
STRING_OPTION(degrade)
STRING_OPTION(device)
STRING_OPTION(trace)
STRING_OPTION(against)
STRING_OPTION(form)
SWITCH_OPTION(resume)
SWITCH_OPTION(dry_run)
SWITCH_OPTION(quiet)
SWITCH_OPTION(progress)
SWITCH_OPTION(verbose)
SWITCH_OPTION(help)

static const struct option_row table[] = {
    {"suite", 0, "FILE|NAME", SN_CMD_RUN, set_suite, NULL,
     "run the cases of a suite (YAML file, or a name of `snbench list suites`)"},
    {"out", 'o', "DIR", SN_CMD_RUN, set_out, NULL,
     "run directory (default: a new one under results/runs)"},
    {"out", 'o', "PATH", SN_CMD_APP, set_out, NULL, "what to write, as the usage above says"},
    {"resume", 0, NULL, SN_CMD_RUN, set_resume, NULL,
     "go on with the run in DIR: run only what is missing"},
    {"clock", 0, "wall|model", SN_CMD_RUN, set_clock, "wall",
     "real time, or virtual time from a fabric or device profile"},
    {"profile", 0, "NAME|FILE", SN_CMD_RUN | SN_CMD_APP, set_profile, NULL,
     "fabric profile of the model clock: snbench list profiles (the axis `profile` sweeps "
     "several)"},
    {"degrade", 0, "SPEC", SN_CMD_RUN, set_degrade, NULL,
     "slowed or cut links of the model clock, as degrade=SPEC: plane=3:0, node=7.link=2:0.5, ..."},
    {"trace", 0, "FILE", SN_CMD_RUN, set_trace, NULL,
     "model clock: a Chrome trace (Perfetto) of the one case of the run, of a step: decode, "
     "prefill"},
    {"device", 0, "NAME|FILE", SN_CMD_RUN | SN_CMD_APP, set_device, NULL,
     "device profile of the model clock: snbench list devices (the axis `device` sweeps several)"},
    {"seed", 0, "N", SN_CMD_RUN, set_seed, "1", "seed of every random choice"},
    {"samples", 0, "MIN:MAX", SN_CMD_RUN, set_samples, "20:1000",
     "fewest and most samples of a case"},
    {"ci", 0, "SHARE", SN_CMD_RUN, set_ci, "2.5%",
     "stop when the interval's half-width is at most this share of the median"},
    {"budget", 0, "TIME", SN_CMD_RUN, set_budget, "500ms",
     "time for warm-up and samples of a case"},
    {"timeout", 0, "TIME", SN_CMD_RUN, set_timeout, "120s",
     "end the run (exit 5) when one case takes longer; 0: never"},
    {"launches", 0, "N", SN_CMD_RUN, set_launches, "1",
     "repeat the whole run in N fresh mpiexec launches, into one run directory"},
    {"launch", 0, "I", SN_CMD_RUN, set_launch, NULL,
     "be launch I of --launches N alone (for job systems)"},
    {"mpiexec", 0, "COMMAND", SN_CMD_RUN, set_mpiexec, "mpiexec",
     "the launcher that --launches uses, followed by -n RANKS"},
    {"map", 0, "FILE", SN_CMD_RUN, set_map, NULL,
     "placement of dies on ranks: lines 'die rank' (default: blocks)"},
    {"roofs", 0, "DIR", SN_CMD_RUN, set_roofs, NULL,
     "take the roofs that the run in DIR measured on this machine, instead of measuring them"},
    {"counters", 0, "NAMES", SN_CMD_RUN, set_counters, NULL,
     "hardware counters to read, for example cycles,instructions,llc-misses"},
    {"format", 0, "FORMAT", SN_CMD_RUN, set_run_format, "text",
     "of the tables on standard output: text, md, csv, json, osu"},
    {"format", 0, "FORMAT", SN_CMD_APP, set_form, NULL, "form of what is written"},
    {"format", 0, "FORMAT", SN_CMD_REPORT, set_format, "md", "text, md, csv, json, osu, html, tex"},
    {"against", 0, "FILE", SN_CMD_VALIDATE, set_against, NULL,
     "expected figures (YAML, form in results/published/README.md)"},
    {"format", 0, "FORMAT", SN_CMD_VALIDATE, set_validate_format, "text", "text, md, csv"},
    {"format", 0, "FORMAT", SN_CMD_DIAGNOSE | SN_CMD_COMPARE | SN_CMD_NOISE, set_compared_format,
     "text", "text, md, csv, json"},
    {"alpha", 0, "SHARE", SN_CMD_DIAGNOSE, set_alpha, "1%",
     "chance of a finding where nothing is wrong"},
    {"threshold", 0, "SHARE", SN_CMD_DIAGNOSE, set_threshold, "5%",
     "what takes at most this much longer than its peers is no finding"},
    {"alpha", 0, "SHARE", SN_CMD_COMPARE, set_compare_alpha, "5%",
     "chance that any row is called slower or faster where nothing changed"},
    {"threshold", 0, "SHARE", SN_CMD_COMPARE, set_compare_threshold, "3%",
     "a change of at most this much is no change"},
    {"noise", 0, "DIR|FILE", SN_CMD_COMPARE, set_noise, NULL,
     "A/A noise of the rows, from `snbench noise` (default: BASE/noise.json where it is)"},
    {"fail-on", 0, "WORD", SN_CMD_COMPARE, set_fail_on, "slower",
     "what ends with exit 3 (and 4 where it cannot be excluded): slower, faster, any, none"},
    {"out", 'o', "FILE", SN_CMD_COMPARE, set_out, NULL, "file to write (default: standard output)"},
    {"out", 'o', "FILE", SN_CMD_NOISE, set_out, NULL,
     "file that keeps the noise (default: DIR/noise.json of the first DIR)"},
    {"detect", 0, "FACTOR", SN_CMD_DIAGNOSE, set_detect, "2",
     "inconclusive (exit 4) when what is this many times slower could be missed"},
    {"node", 0, "N", SN_CMD_DIAGNOSE, set_node, NULL,
     "endpoints of a node (default: as the rows tell; on the wall clock nodes are not known)"},
    {"mutate", 0, "KIND", SN_CMD_RUN, set_mutate, "none",
     "damage the data under test: bitflip, swap, drop, wrong-rank; must end with exit 1"},
    {"isa", 0, "LEVEL", SN_CMD_RUN, set_isa, "avx512bf16",
     "the most that kernels may use: generic, avx2, avx512, avx512vnni, avx512bf16"},
    {"plugin", 0, "FILE.so", SN_CMD_RUN | SN_CMD_LIST | SN_CMD_DESCRIBE, add_plugin, NULL,
     "load kernels and transports from a shared object (snbench.h); may be given several times"},
    {"inject", 0, "hang=RANK", SN_CMD_RUN, set_inject, NULL,
     "make a rank stop answering, to see the time-out work"},
    {"dry-run", 0, NULL, SN_CMD_RUN, set_dry_run, NULL,
     "list the cases and their memory, run nothing"},
    {"progress", 0, NULL, SN_CMD_RUN, set_progress, NULL,
     "show progress although standard error is no terminal, as under mpiexec"},
    {"quiet", 'q', NULL, SN_CMD_RUN, set_quiet, NULL, "no progress, no tables"},
    {"verbose", 'v', NULL, SN_CMD_RUN, set_verbose, NULL,
     "a line per case on standard error; where an error was seen"},
    {"help", 'h', NULL, ~0u, set_help, NULL, "this help"},
};
enum { N_TABLE = sizeof table / sizeof *table };

static int unknown_option(const char *arg, enum sn_command cmd)
{
    const char *words[N_TABLE];
    size_t n = 0;
    for (size_t i = 0; i < N_TABLE; i++)
        if (table[i].commands & cmd)
            words[n++] = table[i].name;
    const char *name = arg + strspn(arg, "-");
    char *bare = sn_strdup(name);
    bare[strcspn(bare, "=")] = 0;
    const char *near = sn_nearest(bare, words, n);
    free(bare);
    return near ? SN_FAIL(SN_EINVAL, "unknown option %s; did you mean --%s?", arg, near)
                : SN_FAIL(SN_EINVAL, "unknown option %s; --help lists the options", arg);
}

int sn_options_parse(struct sn_options *out, enum sn_command cmd, int argc, char **argv, int first)
{
    struct sn_options o = {.launch = -1, .hang_rank = -1};
    struct option longs[N_TABLE + 1];
    char letters[2 * N_TABLE + 2] = ":";
    size_t n = 0;
    for (size_t i = 0; i < N_TABLE; i++) {
        const struct option_row *r = &table[i];
        if (!(r->commands & cmd))
            continue;
        longs[n++] =
            (struct option){r->name, r->arg ? required_argument : no_argument, NULL, 256 + (int)i};
        if (r->letter)
            snprintf(letters + strlen(letters), 3, "%c%s", r->letter, r->arg ? ":" : "");
        if (r->def && r->set(&o, r->def) != SN_OK)
            abort(); /* a default that its own parser refuses */
    }
    longs[n] = (struct option){0};

    int status = SN_OK;
    opterr = 0;
    optind = 0; /* glibc: start afresh, also after an earlier parse */
    for (int c; status == SN_OK && (c = getopt_long(argc - first + 1, argv + first - 1, letters,
                                                    longs, NULL)) != -1;) {
        const char *arg = argv[first - 1 + optind - 1];
        const struct option_row *row = c >= 256 ? &table[c - 256] : NULL;
        for (size_t i = 0; !row && c != '?' && c != ':' && i < N_TABLE; i++)
            if (table[i].letter == c && (table[i].commands & cmd))
                row = &table[i];
        if (c == ':')
            status = SN_FAIL(SN_EINVAL, "option %s needs a value; --help shows which", arg);
        else if (!row)
            status = unknown_option(arg, cmd);
        else
            status = row->set(&o, optarg);
    }
    if (status == SN_OK && o.launch >= o.launches && o.launch >= 0 && cmd == SN_CMD_RUN)
        status = SN_FAIL(SN_EINVAL, "--launch %d: must be below --launches %d (they count from 0)",
                         o.launch, o.launches);
    const struct {
        const char *option, *value, *what;
    } of_model[] = {{"profile", o.profile, "a profile belongs"},
                    {"device", o.device, "a device belongs"},
                    {"degrade", o.degrade, "links belong"},
                    {"trace", o.trace, "a trace belongs"}};
    for (size_t i = 0; i < sizeof of_model / sizeof *of_model && status == SN_OK; i++)
        if (of_model[i].value && cmd == SN_CMD_RUN && o.clock != SN_CLOCK_MODEL)
            status = SN_FAIL(SN_EINVAL, "--%s %s: %s to the model clock; add --clock=model",
                             of_model[i].option, of_model[i].value, of_model[i].what);
    if (status != SN_OK) {
        sn_options_free(&o);
        return status;
    }
    o.n_args = (size_t)(argc - (first - 1) - optind);
    o.args = sn_calloc(o.n_args + 1, sizeof *o.args);
    for (size_t i = 0; i < o.n_args; i++)
        o.args[i] = argv[first - 1 + optind + (int)i];
    *out = o;
    return SN_OK;
}

void sn_options_free(struct sn_options *o)
{
    free(o->args);
    free(o->plugins);
    o->args = o->plugins = NULL;
}

void sn_options_help(FILE *out, enum sn_command cmd)
{
    fprintf(out, "\noptions:\n");
    for (size_t i = 0; i < N_TABLE; i++) {
        const struct option_row *r = &table[i];
        if (!(r->commands & cmd))
            continue;
        char left[64];
        snprintf(left, sizeof left, "%s--%s%s%s",
                 r->letter ? (char[]){'-', r->letter, ',', ' ', 0} : "    ", r->name,
                 r->arg ? " " : "", r->arg ? r->arg : "");
        fprintf(out, "  %-26s %s", left, r->help);
        if (r->def)
            fprintf(out, " [%s]", r->def);
        fputc('\n', out);
    }
}

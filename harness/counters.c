/* Counters through PAPI's low-level interface.
 *
 * PAPI knows many events that a machine cannot count (virtual machines rarely pass the hardware's
 * on, and some fail only when started), so each counter is tried alone, started and stopped, before
 * it is called available; then as many as go together share one event set, and the others say with
 * whom they conflict. Hardware events count this thread in user mode; the kernel's software events
 * count what happened to it in the kernel too. Cost: a system call at start and at stop. */
#include "harness/counters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <papi.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

static const struct counter {
    const char *name, *brief;
    const char *events[2]; /* PAPI names, the second when the first is not there; else NULL */
} counters[] = {
    {"cycles", "core cycles, user mode", {"PAPI_TOT_CYC"}},
    {"instructions", "instructions retired, user mode", {"PAPI_TOT_INS"}},
    {"branches", "branch instructions retired", {"PAPI_BR_INS", "PAPI_BR_CN"}},
    {"branch-misses", "branches predicted wrongly", {"PAPI_BR_MSP"}},
    {"l1d-misses", "level 1 data cache misses", {"PAPI_L1_DCM"}},
    {"l2-misses", "level 2 cache misses", {"PAPI_L2_TCM", "PAPI_L2_DCM"}},
    {"llc-misses", "last-level cache misses", {"PAPI_L3_TCM", "perf::CACHE-MISSES"}},
    {"dtlb-misses", "data TLB misses", {"PAPI_TLB_DM"}},
    {"page-faults",
     "page faults, by the kernel",
     {"perf::PAGE-FAULTS:u=1:k=1", "perf::PAGE-FAULTS"}},
    /* These happen in the kernel: counted in user mode alone they would be 0 for ever. */
    {"context-switches", "times this thread lost its core", {"perf::CONTEXT-SWITCHES:u=1:k=1"}},
    {"migrations", "times this thread changed its core", {"perf::CPU-MIGRATIONS:u=1:k=1"}},
};
enum { COUNTERS = sizeof counters / sizeof *counters };

struct asked {
    const struct counter *what;
    const char *event; /* the name that works, or NULL */
    int slot;          /* index among the values of the event set, -1: not in it */
    char reason[160];  /* why it is not counted */
};

struct sn_counters {
    struct asked asked[COUNTERS];
    int n, set, n_set;
    bool running;
};

/* --- PAPI ------------------------------------------------------------------------------------ */

/* NULL, or why PAPI cannot be used at all. */
static const char *papi_ready(void)
{
    if (PAPI_is_initialized() == PAPI_NOT_INITED) {
        int version = PAPI_library_init(PAPI_VER_CURRENT);
        if (version != PAPI_VER_CURRENT)
            return version > 0 ? "PAPI: the library is another version than the headers"
                               : PAPI_strerror(version);
        PAPI_set_debug(PAPI_QUIET);
    }
    return NULL;
}

static void set_free(int *set)
{
    if (*set == PAPI_NULL)
        return;
    PAPI_cleanup_eventset(*set);
    PAPI_destroy_eventset(set);
    *set = PAPI_NULL;
}

/* PAPI_OK when the events of `set` can really be started. */
static int set_try(int set)
{
    long long values[COUNTERS];
    int r = PAPI_start(set);
    return r == PAPI_OK ? PAPI_stop(set, values) : r;
}

static int try_alone(const char *event)
{
    int set = PAPI_NULL, r = PAPI_create_eventset(&set);
    if (r == PAPI_OK)
        r = PAPI_add_named_event(set, event);
    if (r == PAPI_OK)
        r = set_try(set);
    set_free(&set);
    return r;
}

/* Finds the event that works, or the reason why none does. */
static void find_event(struct asked *a)
{
    const char *missing = papi_ready();
    a->slot = -1;
    if (missing) {
        snprintf(a->reason, sizeof a->reason, "%s", missing);
        return;
    }
    for (int i = 0; i < 2 && a->what->events[i]; i++) {
        int r = try_alone(a->what->events[i]);
        if (r == PAPI_OK) {
            a->event = a->what->events[i];
            a->reason[0] = '\0';
            return;
        }
        if (i == 0) /* the first is the one that was meant */
            snprintf(a->reason, sizeof a->reason, "%s: %s", a->what->events[0], PAPI_strerror(r));
    }
}

/* --- opening --------------------------------------------------------------------------------- */

static const struct counter *counter_named(const char *name, size_t n)
{
    for (int i = 0; i < COUNTERS; i++)
        if (strlen(counters[i].name) == n && !memcmp(counters[i].name, name, n))
            return &counters[i];
    return NULL;
}

static int unknown_counter(const char *name, size_t n)
{
    const char *words[COUNTERS];
    for (int i = 0; i < COUNTERS; i++)
        words[i] = counters[i].name;
    char *word = sn_strdupf("%.*s", (int)(n < 64 ? n : 64), name);
    const char *nearest = sn_nearest(word, words, COUNTERS);
    int status = nearest
                     ? SN_FAIL(SN_EINVAL, "--counters: unknown counter '%s'; did you mean '%s'?",
                               word, nearest)
                     : SN_FAIL(SN_EINVAL,
                               "--counters: unknown counter '%s'; "
                               "`snbench list counters` names them",
                               word);
    free(word);
    return status;
}

static int parse(struct sn_counters *c, const char *names)
{
    for (const char *p = names;; p++) {
        size_t n = strcspn(p, ",");
        if (!n)
            return SN_FAIL(SN_EINVAL, "--counters: an empty name in '%s'; e.g. %s,%s", names,
                           counters[0].name, counters[1].name);
        const struct counter *what = counter_named(p, n);
        if (!what)
            return unknown_counter(p, n);
        for (int i = 0; i < c->n; i++)
            if (c->asked[i].what == what)
                return SN_FAIL(SN_EINVAL, "--counters: '%s' is named twice", what->name);
        c->asked[c->n++].what = what;
        p += n;
        if (!*p)
            return SN_OK;
    }
}

/* Names of the counters in the set, for the reason of one that does not go with them. */
static void conflict(struct sn_counters *c, struct asked *a, int error)
{
    int at = snprintf(a->reason, sizeof a->reason, "cannot be counted together with");
    for (int i = 0; i < c->n && at < (int)sizeof a->reason; i++)
        if (c->asked[i].slot >= 0)
            at += snprintf(a->reason + at, sizeof a->reason - (size_t)at, " %s",
                           c->asked[i].what->name);
    if (at < (int)sizeof a->reason)
        snprintf(a->reason + at, sizeof a->reason - (size_t)at, ": %s", PAPI_strerror(error));
}

/* Puts `a` into the common set if the set can still be started with it. */
static void join(struct sn_counters *c, struct asked *a)
{
    int r = PAPI_OK;
    if (c->set == PAPI_NULL)
        r = PAPI_create_eventset(&c->set);
    if (r == PAPI_OK)
        r = PAPI_add_named_event(c->set, a->event);
    if (r == PAPI_OK && (r = set_try(c->set)) != PAPI_OK)
        PAPI_remove_named_event(c->set, a->event);
    if (r == PAPI_OK)
        a->slot = c->n_set++;
    else
        conflict(c, a, r);
}

int sn_counters_open(struct sn_counters **out, const char *names)
{
    struct sn_counters *c = sn_calloc(1, sizeof *c);
    c->set = PAPI_NULL;
    int status = names ? parse(c, names) : SN_OK;
    if (status) {
        free(c);
        return status;
    }
    for (int i = 0; i < c->n; i++)
        find_event(&c->asked[i]);
    for (int i = 0; i < c->n; i++)
        if (c->asked[i].event)
            join(c, &c->asked[i]);
    *out = c;
    return SN_OK;
}

void sn_counters_close(struct sn_counters *c)
{
    if (!c)
        return;
    long long values[COUNTERS];
    if (c->running)
        PAPI_stop(c->set, values);
    set_free(&c->set);
    free(c);
}

/* --- counting -------------------------------------------------------------------------------- */

void sn_counters_start(struct sn_counters *c)
{
    if (c && c->n_set)
        c->running = PAPI_start(c->set) == PAPI_OK;
}

void sn_counters_stop(struct sn_counters *c, uint64_t operations, struct sn_row *row)
{
    if (!c)
        return;
    long long values[COUNTERS];
    bool counted = c->running && PAPI_stop(c->set, values) == PAPI_OK && operations;
    c->running = false;
    for (int i = 0; i < c->n; i++) {
        const struct asked *a = &c->asked[i];
        if (a->slot >= 0 && counted)
            sn_row_add_counter(row, a->what->name, (double)values[a->slot] / (double)operations,
                               NULL);
        else
            sn_row_add_counter(row, a->what->name, NAN,
                               a->slot >= 0 ? "PAPI did not start or nothing was run" : a->reason);
    }
}

void sn_counters_list(void (*emit)(void *out, const char *name, const char *brief,
                                   const char *unavailable),
                      void *out)
{
    for (int i = 0; i < COUNTERS; i++) {
        struct asked a = {.what = &counters[i]};
        find_event(&a);
        emit(out, a.what->name, a.what->brief, a.event ? NULL : a.reason);
    }
}

/* Opening endpoints and transport for a case; barriers; lower bounds from the copy roofs. */
#include "bench/micro/fabric.h"

#include <math.h>
#include <sched.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/base/units.h"

const struct sn_transport *sn_fabric_transport(const struct sn_case *c)
{
    if (c->env->clock != SN_CLOCK_MODEL)
        return sn_transports[sn_case_word(c, "transport")];
    return c->env->world->hosts > 1 ? &sn_transport_p2p : &sn_transport_shm;
}

const char *sn_fabric_unsupported(const struct sn_case *c)
{
    const struct sn_transport *t = sn_fabric_transport(c);
    /* Rank 0 alone is asked, and a transport's own answer is collective: setup asks that one. */
    if (t->mapped && c->env->world->hosts > 1)
        return "the ranks are on several hosts: the transport needs all of them on one";
    return NULL;
}

int sn_fabric_agree(const struct sn_env *env, int status)
{
    int worst = status;
    MPI_Allreduce(MPI_IN_PLACE, &worst, 1, MPI_INT, MPI_MIN, env->world->comm);
    if (status == SN_OK && worst != SN_OK)
        return SN_FAIL(worst, "another rank failed");
    return status;
}

int sn_fabric_open_endpoints(struct sn_fabric *f, const struct sn_case *c, unsigned n)
{
    const struct sn_world *w = c->env->world;
    struct sn_fabric g = {.env = c->env};
    int status = sn_endpoints_open(&g.endpoints, n, w->size, SN_DIES_PER_NODE, c->env->map_file);
    /* A map may be readable on one host only: agreed before the collective calls that follow. */
    int agreed = sn_fabric_agree(c->env, status);
    if (agreed == SN_OK)
        *f = g;
    else if (status == SN_OK)
        sn_endpoints_close(&g.endpoints);
    return agreed;
}

int sn_fabric_open(struct sn_fabric *f, const struct sn_case *c, unsigned n, size_t segment_bytes,
                   unsigned flags)
{
    const struct sn_world *w = c->env->world;
    int status = sn_fabric_open_endpoints(f, c, n);
    if (status != SN_OK)
        return status;
    const struct sn_transport *t = f->transport = sn_fabric_transport(c);
    const char *reason = t->unsupported(t, w->comm);
    if (reason)
        status = SN_FAIL(SN_EENV, "transport %s: %s", t->name, reason);
    else
        status =
            t->open(t, &f->link, w->comm, &f->endpoints, segment_bytes, flags, w->oversubscribed);
    if (status != SN_OK)
        sn_fabric_close(f);
    return status;
}

void sn_fabric_close(struct sn_fabric *f)
{
    if (!f->env)
        return;
    if (f->link)
        f->transport->close(f->link);
    sn_endpoints_close(&f->endpoints);
    *f = (struct sn_fabric){0};
}

static void poll(struct sn_fabric *f)
{
    if (f->link)
        f->transport->poll(f->link);
}

void sn_fabric_barrier(struct sn_fabric *f)
{
    MPI_Request r;
    int done;
    poll(f);
    MPI_Ibarrier(f->env->world->comm, &r);
    for (MPI_Test(&r, &done, MPI_STATUS_IGNORE); !done; MPI_Test(&r, &done, MPI_STATUS_IGNORE)) {
        poll(f);
        if (f->env->world->oversubscribed)
            sched_yield();
    }
    poll(f);
}

void sn_fabric_count_begin(struct sn_fabric *f)
{
    memcpy(f->counted, f->link->bytes, sizeof f->counted);
}

void sn_fabric_count_check(struct sn_fabric *f, struct sn_check *k, int status,
                           const uint64_t expected[SN_TIERS])
{
    const struct sn_world *w = f->env->world;
    /* The bytes of each tier, and behind them the ranks that failed. */
    uint64_t sums[SN_TIERS + 1] = {[SN_TIERS] = status != SN_OK};
    for (int t = 0; t < SN_TIERS; t++)
        sums[t] = f->link->bytes[t] - f->counted[t];
    MPI_Allreduce(MPI_IN_PLACE, sums, SN_TIERS + 1, MPI_UINT64_T, MPI_SUM, w->comm);
    for (int t = 0; t < SN_TIERS && w->rank == 0 && !sums[SN_TIERS]; t++) {
        k->compared++;
        if (sums[t] != expected[t])
            sn_check_fail(k, "tier %s: the transport counted %llu bytes, the formula says %llu",
                          sn_tier_name((enum sn_tier)t), (unsigned long long)sums[t],
                          (unsigned long long)expected[t]);
    }
}

enum sn_copy_roof sn_fabric_roof(const struct sn_case *c, unsigned acting)
{
    return acting > 1 && acting >= (unsigned)c->env->world->size ? SN_COPY_ALL : SN_COPY_SHARED;
}

void sn_fabric_limit(const struct sn_case *c, struct sn_row *row, enum sn_copy_roof roof,
                     uint64_t bytes, uint64_t footprint)
{
    if (c->env->clock == SN_CLOCK_MODEL)
        return;
    const struct sn_roofs *roofs = c->env->roofs;
    const struct {
        const struct sn_roof_curve *curve;
        const char *how;
    } kinds[] = {
        [SN_COPY_OWN] = {&roofs->copy, "copied by one core inside its process (roof copy)"},
        [SN_COPY_SHARED] = {&roofs->copy_shared,
                            "copied by one core out of a shared window (roof copy_shared)"},
        [SN_COPY_ALL] = {&roofs->copy_all,
                         "copied by each core at once out of shared windows (roof copy_all)"},
    };
    char what[32], rate[32];
    double at = c->env->world->hosts > 1 && roof != SN_COPY_OWN
                    ? NAN
                    : sn_roof_at(kinds[roof].curve, footprint);
    if (isnan(at)) {
        row->limit_s = NAN;
        row->limit_why = NULL;
        return;
    }
    row->limit_s = (double)bytes / at;
    row->limit_why = sn_row_str(
        row, "%s %s at %s", sn_units_format(what, sizeof what, (double)bytes, SN_UNIT_BYTES),
        kinds[roof].how, sn_units_format(rate, sizeof rate, at, SN_UNIT_BYTES_PER_S));
}

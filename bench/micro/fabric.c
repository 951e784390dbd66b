/* Opening endpoints and transport for a case; barriers; lower bounds from the copy roofs. */
#include "bench/micro/fabric.h"

#include <math.h>
#include <sched.h>

#include "harness/base/status.h"
#include "harness/base/units.h"

const char *sn_fabric_unsupported(const struct sn_case *c)
{
    const struct sn_transport *t = sn_transports[sn_case_word(c, "transport")];
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

int sn_fabric_open(struct sn_fabric *f, const struct sn_case *c, unsigned n, size_t segment_bytes,
                   unsigned flags)
{
    const struct sn_world *w = c->env->world;
    struct sn_fabric g = {
        .env = c->env,
        .transport = sn_transports[sn_case_word(c, "transport")],
    };
    int status = sn_endpoints_open(&g.endpoints, n, w->size, SN_DIES_PER_NODE, c->env->map_file);
    /* A map may be readable on one host only: agreed before the collective calls below. */
    int agreed = sn_fabric_agree(c->env, status);
    if (agreed != SN_OK) {
        if (status == SN_OK)
            sn_endpoints_close(&g.endpoints);
        return agreed;
    }
    *f = g;
    const char *reason = g.transport->unsupported(w->comm);
    if (reason)
        status = SN_FAIL(SN_EENV, "transport %s: %s", g.transport->name, reason);
    else
        status = g.transport->open(&f->link, w->comm, &f->endpoints, segment_bytes, flags,
                                   w->oversubscribed);
    if (status != SN_OK)
        sn_endpoints_close(&f->endpoints);
    return status;
}

void sn_fabric_close(struct sn_fabric *f)
{
    if (!f->link)
        return;
    f->transport->close(f->link);
    f->link = NULL;
    sn_endpoints_close(&f->endpoints);
}

void sn_fabric_barrier(struct sn_fabric *f)
{
    MPI_Request r;
    int done;
    f->transport->poll(f->link);
    MPI_Ibarrier(f->env->world->comm, &r);
    for (MPI_Test(&r, &done, MPI_STATUS_IGNORE); !done; MPI_Test(&r, &done, MPI_STATUS_IGNORE)) {
        f->transport->poll(f->link);
        if (f->env->world->oversubscribed)
            sched_yield();
    }
    f->transport->poll(f->link);
}

enum sn_copy_roof sn_fabric_roof(const struct sn_case *c, unsigned acting)
{
    return acting > 1 && acting >= (unsigned)c->env->world->size ? SN_COPY_ALL : SN_COPY_SHARED;
}

void sn_fabric_limit(const struct sn_case *c, struct sn_row *row, enum sn_copy_roof roof,
                     uint64_t bytes, uint64_t footprint)
{
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

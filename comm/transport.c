/* The list of transports, and what they share. */
#include "comm/transport.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "comm/transport_impl.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

const struct sn_transport *sn_transports[SN_TRANSPORTS_MAX + 1] = {
#define SN_TRANSPORT(name) &sn_transport_##name,
#include "comm/transports.def"
#undef SN_TRANSPORT
    NULL,
};

const char *sn_transport_words[SN_TRANSPORTS_MAX + 1] = {
#define SN_TRANSPORT(name) #name,
#include "comm/transports.def"
#undef SN_TRANSPORT
    NULL,
};

void sn_transport_list(void (*emit)(void *out, const char *name, const char *brief,
                                    const char *unavailable),
                       void *out)
{
    for (const struct sn_transport **t = sn_transports; *t; t++)
        emit(out, (*t)->name, (*t)->brief, NULL);
}

static int check_fields(const struct sn_transport_plugin *p)
{
    const char *name = p->name && *p->name ? p->name : "(without a name)";
    const struct {
        const char *what, *field;
        bool missing;
    } fields[] = {{"field", "name", !p->name || !*p->name},
                  {"field", "brief", !p->brief},
                  {"hook", "open", !p->open},
                  {"hook", "close", !p->close},
                  {"hook", "put", !p->put},
                  {"hook", "get", !p->get},
                  {"hook", "add", !p->add},
                  {"hook", "signal", !p->signal},
                  {"hook", "flush", !p->flush},
                  {"hook", "send", p->recv && !p->send},
                  {"hook", "recv", p->send && !p->recv},
                  {"hook", "progress", p->flags & SN_TRANSPORT_NEEDS_TARGET && !p->progress}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].missing)
            return SN_FAIL(SN_EINVAL, "transport %s: its %s '%s' is missing", name, fields[i].what,
                           fields[i].field);
    return SN_OK;
}

int sn_transport_add(const struct sn_transport_plugin *p)
{
    if (p->abi != SN_ABI_VERSION || p->size != sizeof *p)
        return SN_FAIL(SN_EINVAL,
                       "a transport for version %u of snbench.h (descriptor of %u bytes); this is "
                       "version %u (%zu bytes): compile it with this snbench's header",
                       p->abi, p->size, SN_ABI_VERSION, sizeof *p);
    int status = check_fields(p);
    if (status != SN_OK)
        return status;
    if (!sn_is_word(p->name))
        return SN_FAIL(SN_EINVAL, "transport %.64s: a name is made of letters, digits, _ . -",
                       p->name);
    size_t n = 0;
    for (; sn_transports[n]; n++)
        if (!strcmp(sn_transports[n]->name, p->name))
            return SN_FAIL(SN_EINVAL, "transport %s: there is one of that name already", p->name);
    if (!strcmp(p->name, "all"))
        return SN_FAIL(SN_EINVAL, "transport %s: the name means something else already", p->name);
    if (n == SN_TRANSPORTS_MAX)
        return SN_FAIL(SN_EINVAL, "transport %s: more than %d transports", p->name,
                       SN_TRANSPORTS_MAX);
    struct sn_transport *t = sn_calloc(1, sizeof *t); /* for the life of the process */
    *t = sn_transport_of_plugin;
    t->name = p->name;
    t->brief = p->brief;
    t->needs_target = p->flags & SN_TRANSPORT_NEEDS_TARGET;
    t->mapped = p->map != NULL;
    t->plugin = p;
    sn_transports[n] = t;
    sn_transport_words[n] = p->name;
    return SN_OK;
}

int sn_link_mpi_error(int rc, const char *call)
{
    char text[MPI_MAX_ERROR_STRING];
    int n = 0;
    if (MPI_Error_string(rc, text, &n) != MPI_SUCCESS)
        n = 0;
    text[n] = 0;
    return SN_FAIL(SN_EENV, "%s: %s", call, n ? text : "failed without words");
}

int sn_link_init(struct sn_link *l, const struct sn_transport *t, MPI_Comm comm,
                 const struct sn_endpoints *e, size_t segment_bytes, unsigned flags, bool yield)
{
    int size;
    *l = (struct sn_link){
        .transport = t,
        .endpoints = e,
        .comm = MPI_COMM_NULL,
        .yield = yield,
        .segment_bytes = segment_bytes,
        .chunk_bytes = SN_CHUNK_BYTES,
        .flags = flags,
    };
    SN_LINK_MPI(MPI_Comm_size, comm, &size);
    assert(size == e->ranks);
    SN_LINK_MPI(MPI_Comm_rank, comm, &l->rank);
    SN_LINK_MPI(MPI_Comm_dup, comm, &l->comm);
    SN_LINK_MPI(MPI_Comm_set_errhandler, l->comm, MPI_ERRORS_RETURN);
    return SN_OK;
}

void sn_link_fini(struct sn_link *l)
{
    if (l->comm != MPI_COMM_NULL)
        MPI_Comm_free(&l->comm);
}

int sn_link_agree(MPI_Comm comm, int status)
{
    enum { WORDS = 512 };
    struct {
        int status, rank;
    } worst = {.status = status};
    char words[WORDS];
    MPI_Comm_rank(comm, &worst.rank);
    snprintf(words, sizeof words, "rank %d: %s", worst.rank, sn_status_message());
    SN_LINK_MPI(MPI_Allreduce, MPI_IN_PLACE, &worst, 1, MPI_2INT, MPI_MINLOC, comm);
    if (worst.status == SN_OK)
        return SN_OK;
    SN_LINK_MPI(MPI_Bcast, words, sizeof words, MPI_CHAR, worst.rank, comm);
    return status != SN_OK ? status : SN_FAIL(worst.status, "%s", words);
}

static int check_shm_of_host(const struct sn_link *l, size_t bytes)
{
    MPI_Comm host;
    int ranks;
    uint64_t need = bytes;
    char needed[32], left[32];
    SN_LINK_MPI(MPI_Comm_split_type, l->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &ranks);
    MPI_Allreduce(MPI_IN_PLACE, &need, 1, MPI_UINT64_T, MPI_SUM, host);
    MPI_Comm_free(&host);
    /* Asked after the sum: by then every rank has given back the windows it had before. */
    struct statvfs fs;
    if (ranks == 1 || statvfs("/dev/shm", &fs) != 0)
        return SN_OK;
    uint64_t unused = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (fs.f_blocks == 0 || need <= unused) /* no blocks at all: no limit */
        return SN_OK;
    return SN_FAIL(SN_ENOMEM, "a window of %d ranks needs %s of /dev/shm, %s are free", ranks,
                   sn_units_format(needed, sizeof needed, (double)need, SN_UNIT_BYTES),
                   sn_units_format(left, sizeof left, (double)unused, SN_UNIT_BYTES));
}

int sn_link_check_shm(const struct sn_link *l, size_t bytes)
{
    return sn_link_agree(l->comm, check_shm_of_host(l, bytes));
}

void sn_link_count(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages)
{
    enum sn_tier t = sn_endpoints_tier(l->endpoints, me, to);
    l->bytes[t] += bytes;
    l->messages[t] += messages;
}

int sn_layout_make(struct sn_layout *out, const struct sn_link *l, size_t mail)
{
    const struct sn_endpoints *e = l->endpoints;
    unsigned slots = 0;
    for (int r = 0; r < e->ranks; r++)
        if (sn_endpoints_count(e, r) > slots)
            slots = sn_endpoints_count(e, r);
    size_t align = l->segment_bytes >= SN_HUGE_BYTES ? SN_HUGE_BYTES : SN_LINE, segments;
    struct sn_layout y = {
        .mail = sn_mem_round_up(mail, SN_LINE),
        .flags_stride = (size_t)l->flags * SN_LINE,
        .align = align,
    };
    if (l->segment_bytes > SIZE_MAX / 4)
        goto too_large;
    y.seg_stride = sn_mem_round_up(l->segment_bytes, align);
    if (!sn_mem_mul(y.seg_stride, slots, &segments) || segments > SIZE_MAX / 4)
        goto too_large;
    *out = y;
    return SN_OK;
too_large:
    return SN_FAIL(SN_ENOMEM, "%u segments of %zu bytes on a rank do not fit its address space",
                   slots, l->segment_bytes);
}

size_t sn_layout_bytes(const struct sn_layout *y, unsigned slots)
{
    return sn_mem_round_up(y->mail + slots * y->flags_stride, y->align) + slots * y->seg_stride;
}

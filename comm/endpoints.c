/* Endpoints: the map between logical dies and MPI ranks, in blocks or from a file. */
#include "comm/endpoints.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { DIES_PER_NPU = 2 };

const char *sn_tier_name(enum sn_tier t)
{
    static const char *const names[SN_TIERS] = {
        [SN_TIER_SELF] = "self",
        [SN_TIER_PACKAGE] = "package",
        [SN_TIER_NODE] = "node",
        [SN_TIER_SUPERNODE] = "supernode",
    };
    assert((unsigned)t < SN_TIERS);
    return names[t];
}

enum sn_tier sn_endpoints_tier(const struct sn_endpoints *e, unsigned a, unsigned b)
{
    if (a == b)
        return SN_TIER_SELF;
    if (a / e->dies_per_npu == b / e->dies_per_npu)
        return SN_TIER_PACKAGE;
    return sn_endpoints_node(e, a) == sn_endpoints_node(e, b) ? SN_TIER_NODE : SN_TIER_SUPERNODE;
}

static void place_in_blocks(struct sn_endpoints *e)
{
    unsigned ranks = (unsigned)e->ranks, die = 0;
    for (unsigned r = 0; r < ranks; r++)
        for (unsigned k = e->n / ranks + (r < e->n % ranks); k > 0; k--)
            e->rank_of[die++] = (int)r;
}

/* One number of a line of the map; false when there is none. */
static bool take_number(char **at, long *out)
{
    char *end;
    errno = 0;
    *out = strtol(*at, &end, 10);
    if (end == *at || errno)
        return false;
    *at = end;
    return true;
}

static int place_line(struct sn_endpoints *e, char *line, const char *map, int lineno)
{
    line[strcspn(line, "#\r")] = 0;
    line += strspn(line, " \t");
    if (!*line)
        return SN_OK;
    char *at = line;
    long die, rank;
    if (!take_number(&at, &die) || !take_number(&at, &rank) || at[strspn(at, " \t")])
        return SN_FAIL(SN_EINVAL, "%s:%d: \"%.40s\" is no placement; right: DIE RANK, e.g. \"0 0\"",
                       map, lineno, line);
    if (die < 0 || die >= (long)e->n)
        return SN_FAIL(SN_EINVAL, "%s:%d: die %ld does not exist; right: 0 to %u", map, lineno, die,
                       e->n - 1);
    if (rank < 0 || rank >= e->ranks)
        return SN_FAIL(SN_EINVAL, "%s:%d: rank %ld does not exist; right: 0 to %d", map, lineno,
                       rank, e->ranks - 1);
    if (e->rank_of[die] >= 0)
        return SN_FAIL(SN_EINVAL, "%s:%d: die %ld is placed twice; right: every die once", map,
                       lineno, die);
    e->rank_of[die] = (int)rank;
    return SN_OK;
}

static int place_by_map(struct sn_endpoints *e, const char *map)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, map), lineno = 0;
    for (unsigned d = 0; d < e->n; d++)
        e->rank_of[d] = -1;
    if (status == SN_OK && text.len && strlen(text.data) != text.len)
        status = SN_FAIL(SN_EINVAL, "%s: a NUL byte; right: a text file of lines DIE RANK", map);
    for (char *line = text.data, *next; status == SN_OK && line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        status = place_line(e, line, map, ++lineno);
    }
    sn_buf_free(&text);
    for (unsigned d = 0; status == SN_OK && d < e->n; d++)
        if (e->rank_of[d] < 0)
            status = SN_FAIL(SN_EINVAL,
                             "%s:%d: die %u is not placed; right: a line for each of "
                             "the %u dies",
                             map, lineno, d, e->n);
    return status;
}

/* first, order and slot_of from rank_of: a counting sort by rank. */
static void group_by_rank(struct sn_endpoints *e)
{
    for (unsigned d = 0; d < e->n; d++)
        e->first[e->rank_of[d] + 1]++;
    for (int r = 0; r < e->ranks; r++)
        e->first[r + 1] += e->first[r];
    unsigned *filled = sn_calloc((size_t)e->ranks, sizeof *filled);
    for (unsigned d = 0; d < e->n; d++) {
        int r = e->rank_of[d];
        e->slot_of[d] = filled[r]++;
        e->order[e->first[r] + e->slot_of[d]] = d;
    }
    free(filled);
}

int sn_endpoints_open(struct sn_endpoints *out, unsigned n, int ranks, unsigned dies_per_node,
                      const char *map)
{
    if (n == 0 || ranks <= 0)
        return SN_FAIL(SN_EINVAL, "%u endpoints on %d ranks; right: at least one of each", n,
                       ranks);
    if (dies_per_node == 0)
        return SN_FAIL(SN_EINVAL, "0 dies per node; right: at least 1, e.g. 16");
    struct sn_endpoints e = {
        .n = n,
        .ranks = ranks,
        .dies_per_npu = dies_per_node % DIES_PER_NPU ? 1 : DIES_PER_NPU,
        .dies_per_node = dies_per_node,
        .rank_of = sn_calloc(n, sizeof(int)),
        .first = sn_calloc((size_t)ranks + 1, sizeof(unsigned)),
        .order = sn_calloc(n, sizeof(unsigned)),
        .slot_of = sn_calloc(n, sizeof(unsigned)),
    };
    int status = SN_OK;
    if (map)
        status = place_by_map(&e, map);
    else
        place_in_blocks(&e);
    if (status != SN_OK) {
        sn_endpoints_close(&e);
        return status;
    }
    group_by_rank(&e);
    *out = e;
    return SN_OK;
}

void sn_endpoints_close(struct sn_endpoints *e)
{
    free(e->rank_of);
    free(e->first);
    free(e->order);
    free(e->slot_of);
    *e = (struct sn_endpoints){0};
}

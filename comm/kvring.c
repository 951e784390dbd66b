/* Consistent hashing (comm/kvring.h): points sorted by hash, and a table over the top bits of the
 * hash that says where to begin, so that a lookup walks about one point. */
#include "comm/kvring.h"

#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum { MOST_POINTS = 1 << 24 };

struct sn_kvring_point {
    uint64_t hash;
    uint32_t id, member;
};

/* Streams of sn_rng_at(), so that keys and points are hashed apart. */
enum { STREAM_KEY = 0, STREAM_POINT = 1 };

/* Equal hashes (2^-64) are ordered by id, not by the order in which members were listed. */
static int by_hash(const void *a, const void *b)
{
    const struct sn_kvring_point *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static int by_number(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int check_ids(const uint32_t *ids, unsigned n)
{
    uint32_t *sorted = sn_calloc(n, sizeof *sorted);
    int status = SN_OK;
    for (unsigned i = 0; i < n; i++)
        sorted[i] = ids[i];
    qsort(sorted, n, sizeof *sorted, by_number);
    for (unsigned i = 1; i < n && status == SN_OK; i++)
        if (sorted[i] == sorted[i - 1])
            status = SN_FAIL(SN_EINVAL, "pool member %u is named twice", sorted[i]);
    free(sorted);
    return status;
}

/* start[i]: the first point whose top bits are i or more. */
static void index_points(struct sn_kvring *r, uint32_t points)
{
    while (r->bits < 24 && (1u << r->bits) < points)
        r->bits++;
    r->start = sn_calloc(((size_t)1 << r->bits) + 1, sizeof *r->start);
    uint32_t at = 0;
    for (uint32_t i = 0; i < 1u << r->bits; i++) {
        while (at < points && r->bits && r->point[at].hash >> (64 - r->bits) < i)
            at++;
        r->start[i] = at;
    }
    r->start[(size_t)1 << r->bits] = points;
}

int sn_kvring_open(struct sn_kvring *out, const uint32_t *ids, unsigned n, unsigned vnodes,
                   uint64_t seed)
{
    if (n < 1 || vnodes < 1 || (uint64_t)n * vnodes > MOST_POINTS)
        return SN_FAIL(SN_EINVAL, "a ring of %u members x %u points; each at least 1, at most %d",
                       n, vnodes, MOST_POINTS);
    int status = ids ? check_ids(ids, n) : SN_OK;
    if (status)
        return status;
    struct sn_kvring r = {.members = n, .vnodes = vnodes, .seed = seed};
    const uint32_t points = n * vnodes;
    r.point = sn_calloc(points, sizeof *r.point);
    for (unsigned m = 0; m < n; m++)
        for (unsigned v = 0; v < vnodes; v++) {
            const uint32_t id = ids ? ids[m] : m;
            r.point[(size_t)m * vnodes + v] = (struct sn_kvring_point){
                .hash = sn_rng_at(seed, STREAM_POINT, (uint64_t)id << 32 | v),
                .id = id,
                .member = m};
        }
    qsort(r.point, points, sizeof *r.point, by_hash);
    index_points(&r, points);
    *out = r;
    return SN_OK;
}

void sn_kvring_close(struct sn_kvring *r)
{
    free(r->point);
    free(r->start);
    *r = (struct sn_kvring){0};
}

unsigned sn_kvring_owner(const struct sn_kvring *r, uint64_t key)
{
    const uint64_t hash = sn_rng_at(r->seed, STREAM_KEY, key);
    const uint32_t points = r->members * r->vnodes;
    uint32_t at = r->start[r->bits ? hash >> (64 - r->bits) : 0];
    while (at < points && r->point[at].hash < hash)
        at++;
    return r->point[at < points ? at : 0].member;
}

void sn_kvring_shares(const struct sn_kvring *r, double *share)
{
    const uint32_t points = r->members * r->vnodes;
    for (unsigned m = 0; m < r->members; m++)
        share[m] = 0;
    /* each point owns the arc behind it, the first one across zero: unsigned differences wrap */
    for (uint32_t i = 0; i < points; i++) {
        const uint64_t before = r->point[i ? i - 1 : points - 1].hash;
        share[r->point[i].member] += (double)(r->point[i].hash - before) * 0x1p-64;
    }
    if (points == 1)
        share[0] = 1; /* the difference of the point with itself is 0, not 2^64 */
}

/* Routing by popularity: zipf, hot, and what curve shares with them.
 *
 * Expert e takes the share s_e of all activations exactly as asked: a token's subset is drawn with
 * inclusion probabilities k s_e by conditional Poisson sampling (comm/subset.h). No expert can take
 * more than 1/k, all tokens: a popularity above that is cut to 1/k and the excess dealt to the
 * others in proportion (zipf, curve), or refused (hot, where the share is the very thing asked).
 * Cost of a token: O(k log E).
 */
#include <math.h>
#include <stdlib.h>

#include "comm/routing_kind.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { STREAM_POPULARITY = 0x706f70 }; /* of (seed, stream): which expert is how popular */

int sn_routing_open_popular(struct sn_routing *r, const double *popularity)
{
    const unsigned n = r->experts;
    double *inclusion = sn_calloc(n, sizeof *inclusion);
    double *dealt = sn_calloc(n, sizeof *dealt);
    uint16_t *expert = sn_calloc(n, sizeof *expert);
    struct sn_subset *subset = sn_calloc(1, sizeof *subset);
    struct sn_rng rng = sn_rng_make(r->seed, STREAM_POPULARITY);

    for (unsigned i = 0; i < n; i++)
        expert[i] = (uint16_t)i;
    sn_subset_shuffle(expert, n, &rng);
    sn_subset_inclusion(popularity, n, r->topk, inclusion);
    for (unsigned i = 0; i < n; i++) {
        dealt[expert[i]] = inclusion[i];
        r->share[expert[i]] = inclusion[i] / r->topk;
    }
    int rc = sn_subset_open(subset, dealt, n, r->topk);
    if (rc == SN_OK)
        r->state = subset;
    else
        free(subset);
    free(inclusion);
    free(dealt);
    free(expert);
    return rc;
}

void sn_routing_draw_popular(const struct sn_routing *r, uint64_t layer, uint64_t token,
                             struct sn_rng *rng, uint16_t *expert)
{
    sn_subset_draw(r->state, rng, expert);
}

void sn_routing_close_popular(struct sn_routing *r)
{
    sn_subset_close(r->state);
    free(r->state);
}

static int open_zipf(struct sn_routing *r, const struct sn_routing_args *args)
{
    double *popularity = sn_calloc(r->experts, sizeof *popularity);
    /* Cut to 40 bits below the leading one: libraries differ in the last bit of pow(). */
    for (unsigned i = 0; i < r->experts; i++) {
        int exponent;
        double x = frexp(pow(i + 1.0, -args->value[0]), &exponent);
        popularity[i] = ldexp(rint(ldexp(x, 40)), exponent - 40);
    }
    int rc = sn_routing_open_popular(r, popularity);
    free(popularity);
    return rc;
}

const struct sn_routing_kind sn_routing_zipf = {
    .name = "zipf",
    .form = "zipf(S)",
    .example = "zipf(1.2)",
    .brief = "the n-th most popular expert takes activations in proportion to n^-S",
    /* 65535^-20 is far above the smallest double */
    .params = {{"S", SN_UNIT_COUNT, false, 0, 20}},
    .open = open_zipf,
    .draw = sn_routing_draw_popular,
    .close = sn_routing_close_popular,
};

static int open_hot(struct sn_routing *r, const struct sn_routing_args *args)
{
    const unsigned n = (unsigned)args->value[0], cold = r->experts - n;
    const double share = args->value[1];

    if (n >= r->experts)
        return SN_FAIL(SN_EINVAL, "%u hot experts of %u: at most %u", n, r->experts,
                       r->experts - 1);
    const double most = fmin(1, (double)n / r->topk), least = fmax(0, 1 - (double)cold / r->topk);
    if (share > most || share < least)
        return SN_FAIL(SN_EINVAL,
                       "%u of %u experts can take %g%% to %g%% of the activations at top-%u, not "
                       "%g%%: a token uses an expert at most once",
                       n, r->experts, 100 * least, 100 * most, r->topk, 100 * share);

    double *popularity = sn_calloc(r->experts, sizeof *popularity);
    for (unsigned i = 0; i < r->experts; i++)
        popularity[i] = i < n ? share / n : (1 - share) / cold;
    int rc = sn_routing_open_popular(r, popularity);
    free(popularity);
    return rc;
}

const struct sn_routing_kind sn_routing_hot = {
    .name = "hot",
    .form = "hot(N,SHARE)",
    .example = "hot(8,0.3)",
    .brief = "N experts take SHARE of all activations together, the others the rest, both evenly",
    .params = {{"N", SN_UNIT_COUNT, true, 1, UINT16_MAX}, {"SHARE", SN_UNIT_FRACTION, false, 0, 1}},
    .open = open_hot,
    .draw = sn_routing_draw_popular,
    .close = sn_routing_close_popular,
};

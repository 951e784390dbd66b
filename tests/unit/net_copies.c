/* sn_net_run_copies() against sn_net_run() with the same messages one by one: the same end, to the
 * picosecond, and refused where the network is not that simple. */
#include <criterion/criterion.h>

#include <stdlib.h>

#include "bench/profile.h"
#include "comm/fabric/net.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

struct problem {
    unsigned dies;
    uint32_t *count, *turn;
    int64_t *ready;
    struct sn_net_copies copies;
};

/* Random counts, most of them 0 or 1, with one die that gets far more. */
static void draw(struct problem *p, struct sn_rng *r, unsigned dies)
{
    size_t pairs = (size_t)dies * dies;
    unsigned hot = (unsigned)sn_rng_below(r, dies);
    *p = (struct problem){.dies = dies,
                          .count = calloc(pairs, sizeof *p->count),
                          .turn = calloc(pairs, sizeof *p->turn),
                          .ready = calloc(dies, sizeof *p->ready)};
    for (size_t i = 0; i < pairs; i++)
        p->count[i] = (uint32_t)(sn_rng_below(r, 3) * sn_rng_below(r, 2)) +
                      (i % dies == hot ? (uint32_t)sn_rng_below(r, 40) : 0);
    for (unsigned d = 0; d < dies; d++) {
        p->ready[d] = (int64_t)sn_rng_below(r, 5000000);
        for (unsigned i = 0; i < dies; i++) /* any order */
            p->turn[d * dies + i] = i;
        for (unsigned n = dies; n > 1; n--) {
            unsigned at = (unsigned)sn_rng_below(r, n);
            uint32_t *t = &p->turn[d * dies], keep = t[n - 1];
            t[n - 1] = t[at];
            t[at] = keep;
        }
    }
    p->copies = (struct sn_net_copies){.dies = dies,
                                       .count = p->count,
                                       .back = sn_rng_below(r, 2),
                                       .bytes = 1 + sn_rng_below(r, 20000),
                                       .turn = p->turn,
                                       .ready_ps = p->ready,
                                       .issue_ps = (int64_t)sn_rng_below(r, 200000)};
}

static int64_t one_by_one(struct sn_net *net, const struct problem *p)
{
    struct sn_net_result r;
    size_t n = 0, all = 0;
    for (size_t i = 0; i < (size_t)p->dies * p->dies; i++)
        all += p->count[i];
    struct sn_msg *msgs = calloc(all + 1, sizeof *msgs);
    for (unsigned d = 0; d < p->dies; d++) {
        int64_t at = p->ready[d];
        for (unsigned i = 0; i < p->dies; i++) {
            unsigned to = p->turn[d * p->dies + i];
            uint32_t copies =
                p->copies.back ? p->count[to * p->dies + d] : p->count[d * p->dies + to];
            for (; copies; copies--, at += p->copies.issue_ps)
                msgs[n++] = (struct sn_msg){.bytes = p->copies.bytes,
                                            .src = d,
                                            .dst = to,
                                            .issue_ps = at,
                                            .after = SN_MSG_NONE};
        }
    }
    cr_assert_eq(sn_net_run(net, msgs, n, p->copies.issue_ps, &r), SN_OK, "%s",
                 sn_status_message());
    free(msgs);
    return r.end_ps;
}

static void close_problem(struct problem *p)
{
    free(p->count);
    free(p->turn);
    free(p->ready);
}

Test(net_copies, end_as_in_the_engine)
{
    static const char *const profiles[] = {"cloudmatrix384-ub", "ideal", "h800-deepep"};
    static const unsigned dies[] = {1, 2, 3, 16, 17, 40, 97, 320};
    struct sn_rng r = sn_rng_make(20261130, 0);
    for (unsigned i = 0; i < 3; i++) {
        struct sn_profile p;
        cr_assert_eq(sn_profile_open(&p, profiles[i]), SN_OK, "%s", sn_status_message());
        for (unsigned k = 0; k < sizeof dies / sizeof *dies; k++) {
            struct sn_net *net;
            cr_assert_eq(sn_net_open(&net, &p, dies[k], NULL), SN_OK, "%s", sn_status_message());
            for (unsigned draws = 0; draws < (dies[k] > 100 ? 1 : 6); draws++) {
                struct problem x;
                int64_t end;
                draw(&x, &r, dies[k]);
                int64_t want = one_by_one(net, &x);
                if (sn_net_run_copies(net, &x.copies, &end))
                    cr_expect_eq(end, want, "%s, %u dies: %lld, not %lld", profiles[i], dies[k],
                                 (long long)end, (long long)want);
                else
                    cr_expect_neq(i, 0, "the UB plane is simple");
                close_problem(&x);
            }
            sn_net_close(net);
        }
        sn_profile_close(&p);
    }
}

/* More arrivals at a port than are counted in 16 bits, and all at the same instant. */
Test(net_copies, many_at_once)
{
    struct sn_profile p;
    struct sn_net *net;
    cr_assert_eq(sn_profile_open(&p, "cloudmatrix384-ub"), SN_OK);
    cr_assert_eq(sn_net_open(&net, &p, 3, NULL), SN_OK);
    for (uint32_t each = 30; each < 100000; each *= 1000) {
        uint32_t count[9] = {0, 0, each, 0, 0, each, 0, 0, 0},
                 turn[9] = {1, 2, 0, 2, 0, 1, 0, 1, 2};
        int64_t ready[3] = {0, 0, 0}, end;
        struct problem x = {.dies = 3, .count = count, .turn = turn, .ready = ready};
        x.copies = (struct sn_net_copies){.dies = 3,
                                          .count = count,
                                          .bytes = 512,
                                          .turn = turn,
                                          .ready_ps = ready,
                                          .issue_ps = 0};
        cr_assert(sn_net_run_copies(net, &x.copies, &end));
        cr_expect_eq(end, one_by_one(net, &x));
    }
    sn_net_close(net);
    sn_profile_close(&p);
}

Test(net_copies, refuses_what_is_not_simple)
{
    static const struct {
        const char *profile, *degrade;
    } t[] = {{"cloudmatrix384-ub", "die=1:0.5"},
             {"cloudmatrix384-ub", "pair=0-1:0.5"},
             {"cloudmatrix384-vpc", "none"}};
    for (unsigned i = 0; i < 3; i++) {
        struct sn_profile p;
        struct sn_net *net;
        struct sn_rng r = sn_rng_make(1, i);
        struct problem x;
        int64_t end;
        struct sn_net_options o = {.degrade = t[i].degrade};
        cr_assert_eq(sn_profile_open(&p, t[i].profile), SN_OK);
        cr_assert_eq(sn_net_open(&net, &p, 32, &o), SN_OK, "%s", sn_status_message());
        draw(&x, &r, 32);
        cr_expect_not(sn_net_run_copies(net, &x.copies, &end), "%s %s", t[i].profile, t[i].degrade);
        close_problem(&x);
        sn_net_close(net);
        sn_profile_close(&p);
    }
}

#include "harness/sample_turns.h"

#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/sample_parts.h"
#include "harness/watch.h"

enum { FEWEST_BLOCKS = 6 };

struct player {
    struct sn_sampler s;
    struct sn_turn *t;
    bool over; /* no further sample: failed, `max` or the budget */
};

struct match {
    struct player *players;
    size_t n;
    const struct sn_turn_hook *hook;
    bool interrupted;
};

static void take(const struct match *m, size_t i)
{
    if (m->hook && m->hook->take)
        m->hook->take(m->hook->arg, i);
}

static void ended(struct match *m, struct player *p, int status)
{
    p->t->status = status;
    if (status == SN_OK)
        return;
    p->over = true;
    m->interrupted |= status == SN_EINTR;
    p->t->row->stop = SN_STOP_NONE;
    p->t->row->status = SN_ROW_FAILED;
    p->t->row->reason = sn_row_str(p->t->row, "%s", sn_status_message());
}

static bool done(const struct player *p)
{
    return p->over || p->t->row->stop != SN_STOP_NONE;
}

static void warm_up(struct match *m, struct player *p, const struct sn_sample_opts *o)
{
    struct sn_case *c = p->t->c;

    sn_watch_phase(c->env->watch, "warm-up");
    sn_sampler_open(&p->s, c, o, p->t->row);
    p->s.fewest = FEWEST_BLOCKS * SN_TURN_BLOCK;
    ended(m, p, sn_sampler_warm_up(&p->s));
    sn_sampler_pause(&p->s);
    p->s.hang = c->env->hang_rank == c->env->world->rank;
}

/* Up to SN_TURN_BLOCK samples behind one repetition that is none. */
static int samples_of_block(struct player *p)
{
    struct sn_row *row = p->t->row;
    double ignored_s;
    bool kept;
    int status = sn_sampler_warm_repeat(&p->s, &ignored_s);

    for (int n = 0; n < SN_TURN_BLOCK && status == SN_OK && !p->over; n += kept) {
        status = sn_sampler_step(&p->s, &kept);
        if (status != SN_OK || !kept)
            continue;
        enum sn_stop spent = sn_sampler_spent(&p->s);
        if (row->stop == SN_STOP_NONE)
            row->stop = sn_sampler_narrow(&p->s) ? SN_STOP_CI : spent;
        p->over = spent != SN_STOP_NONE;
    }
    return status;
}

static void block(struct match *m, size_t i)
{
    struct player *p = &m->players[i];

    take(m, i);
    sn_watch_phase(p->s.watch, "sample");
    sn_sampler_go_on(&p->s);
    ended(m, p, samples_of_block(p));
    sn_sampler_pause(&p->s);
}

/* There is nobody left to play, or all are done, have returned, and have blocks enough. */
static bool finished(const struct match *m, size_t rounds)
{
    bool all_over = true, all_done = true;

    for (size_t i = 0; i < m->n; i++) {
        all_over &= m->players[i].over;
        all_done &= done(&m->players[i]);
    }
    return m->interrupted || all_over || (all_done && rounds % 2 == 0 && rounds >= FEWEST_BLOCKS);
}

static void play(struct match *m)
{
    for (size_t round = 0; !finished(m, round); round++)
        for (size_t j = 0; j < m->n && !m->interrupted; j++) {
            size_t i = round % 2 ? m->n - 1 - j : j;
            if (!m->players[i].over)
                block(m, i);
        }
}

int sn_sample_turns(struct sn_turn *t, size_t n, const struct sn_sample_opts *o,
                    struct sn_counters *counters, const struct sn_turn_hook *hook)
{
    struct match m = {.players = sn_calloc(n, sizeof *m.players), .n = n, .hook = hook};
    size_t together = 0;

    for (size_t i = 0; i < n && !m.interrupted; i++) {
        m.players[i].t = &t[i];
        take(&m, i);
        warm_up(&m, &m.players[i], o);
        together += !m.players[i].over;
    }
    if (!m.interrupted)
        play(&m);
    for (size_t i = 0; i < n && !m.interrupted; i++) {
        struct player *p = &m.players[i];
        if (t[i].status != SN_OK)
            continue;
        take(&m, i);
        ended(&m, p, sn_sampler_finish(&p->s, counters));
        if (together > 1 && t[i].status == SN_OK)
            sn_row_add_flag(t[i].row, SN_FLAG_INTERLEAVED);
    }
    for (size_t i = 0; i < n; i++)
        sn_sampler_close(&m.players[i].s);
    free(m.players);
    return m.interrupted ? SN_FAIL(SN_EINTR, "interrupted by a signal") : SN_OK;
}

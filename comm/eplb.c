/* EPLB (comm/eplb.h). */
#include "comm/eplb.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "harness/base/buf.h"

/* A binary heap; the top has the smallest key, among equals the lowest id. */
struct entry {
    double key;
    uint32_t id;
};

static bool before(struct entry a, struct entry b)
{
    return a.key != b.key ? a.key < b.key : a.id < b.id;
}

static void sift_down(struct entry *heap, unsigned n, unsigned i)
{
    for (;;) {
        unsigned child = 2 * i + 1;
        if (child >= n)
            return;
        if (child + 1 < n && before(heap[child + 1], heap[child]))
            child++;
        if (!before(heap[child], heap[i]))
            return;
        struct entry t = heap[i];
        heap[i] = heap[child];
        heap[child] = t;
        i = child;
    }
}

static void sift_up(struct entry *heap, unsigned i)
{
    while (i > 0 && before(heap[i], heap[(i - 1) / 2])) {
        struct entry t = heap[i];
        heap[i] = heap[(i - 1) / 2];
        heap[(i - 1) / 2] = t;
        i = (i - 1) / 2;
    }
}

static void make_heap(struct entry *heap, unsigned n)
{
    for (unsigned i = n / 2; i-- > 0;)
        sift_down(heap, n, i);
}

void sn_eplb_replicate(const double *load, unsigned experts, unsigned redundant, uint32_t *replicas)
{
    struct entry *heap = sn_calloc(experts, sizeof *heap);
    for (unsigned e = 0; e < experts; e++) {
        replicas[e] = 1;
        heap[e] = (struct entry){-load[e], e};
    }
    make_heap(heap, experts);
    for (unsigned i = 0; i < redundant; i++) {
        uint32_t e = heap[0].id;
        heap[0].key = -load[e] / ++replicas[e];
        sift_down(heap, experts, 0);
    }
    free(heap);
}

struct replica {
    double load;
    uint32_t expert, index; /* index in the output */
};

static int heaviest_first(const void *a, const void *b)
{
    const struct replica *x = a, *y = b;
    if (x->load != y->load)
        return x->load < y->load ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

struct packing {
    struct entry *heap; /* dies with room, least loaded on top */
    unsigned n;
    double max;          /* largest load of a die so far */
    struct entry *aside; /* (dies) dies passed over for the replica at hand */
    uint32_t *room;      /* (dies) */
    uint32_t
        *holds; /* (dies) 1 + the expert packed last: replicas of an expert follow each other */
};

static struct entry pop(struct packing *p)
{
    struct entry top = p->heap[0];
    p->heap[0] = p->heap[--p->n];
    sift_down(p->heap, p->n, 0);
    return top;
}

static void push(struct packing *p, struct entry e)
{
    p->heap[p->n] = e;
    sift_up(p->heap, p->n++);
}

/* The least loaded die with room; rather one that does not hold the expert yet, where that leaves
 * the largest load as it is. */
static struct entry take_die(struct packing *p, const struct replica *r)
{
    unsigned passed = 0;
    while (p->n && p->holds[p->heap[0].id] == r->expert + 1)
        p->aside[passed++] = pop(p);
    bool other = p->n && (!passed || p->heap[0].key + r->load <= p->max);
    struct entry taken = other ? pop(p) : p->aside[0];
    for (unsigned i = other ? 0 : 1; i < passed; i++)
        push(p, p->aside[i]);
    return taken;
}

void sn_eplb_pack(const double *load, const uint32_t *replicas, unsigned experts,
                  const uint32_t *room, unsigned dies, uint32_t *die)
{
    unsigned total = 0;
    for (unsigned e = 0; e < experts; e++)
        total += replicas[e];
    struct replica *replica = sn_calloc(total, sizeof *replica);
    for (unsigned e = 0, i = 0; e < experts; e++)
        for (unsigned j = 0; j < replicas[e]; j++, i++)
            replica[i] = (struct replica){load[e] / replicas[e], e, i};
    qsort(replica, total, sizeof *replica, heaviest_first);

    struct packing p = {.heap = sn_calloc(dies, sizeof *p.heap),
                        .aside = sn_calloc(dies, sizeof *p.aside),
                        .room = sn_calloc(dies, sizeof *p.room),
                        .holds = sn_calloc(dies, sizeof *p.holds)};
    for (unsigned d = 0; d < dies; d++) {
        p.room[d] = room[d];
        if (room[d])
            p.heap[p.n++] = (struct entry){0, d};
    }
    make_heap(p.heap, p.n);
    for (unsigned i = 0; i < total; i++) {
        assert(p.n > 0);
        struct entry d = take_die(&p, &replica[i]);
        die[replica[i].index] = d.id;
        p.holds[d.id] = replica[i].expert + 1;
        d.key += replica[i].load;
        p.max = d.key > p.max ? d.key : p.max;
        if (--p.room[d.id])
            push(&p, d);
    }
    free(replica);
    free(p.heap);
    free(p.aside);
    free(p.room);
    free(p.holds);
}

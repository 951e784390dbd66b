/* Inside the network: its tables, the FIFOs a message passes and what each does to it. Shared by
 * the two engines (net_stages.c, net_events.c) and their tests; users include net.h. */
#ifndef SN_COMM_FABRIC_NET_IMPL_H
#define SN_COMM_FABRIC_NET_IMPL_H

#include "comm/fabric/net.h"

/* Where a message can queue, in the order it gets there; every message goes upwards, so traffic
 * without `after` can be served stage by stage. */
enum sn_stage {
    SN_STAGE_ISSUE,  /* its issuer: one FIFO per endpoint and port for sends, one for reads */
    SN_STAGE_INJECT, /* the source's port */
    SN_STAGE_UP,     /* hashed: the source's link to the plane */
    SN_STAGE_L1,     /* hashed: L1 chip to one L2 chip; sprayed: all uplinks of a node */
    SN_STAGE_L2,     /* the same on the way down, at the other node */
    SN_STAGE_DOWN,   /* hashed: the plane's link to the destination */
    SN_STAGE_EJECT,  /* the destination's port */
    SN_STAGES
};

#define SN_FIFO_NONE UINT32_MAX
enum { SN_MAX_LANES = 64 };

struct sn_net_path {
    int port;              /* -1: no such path */
    bool per_node, planar; /* planar: goes through the planes */
    uint64_t bandwidth[2]; /* B/s of sends and of reads, all planes whole */
    uint64_t rate[2];      /* with the factor of the planes where there are no lane tables */
    uint64_t port_rate;    /* physical B/s of the port */
    int64_t latency;       /* of sends, and of the data of reads in `data` */
    int64_t request, data;
    uint64_t *link,
        *trunk; /* hashed: (2, lanes) B/s of sends and reads over whole links, or NULL */
};

struct sn_net_pair {
    uint32_t src, dst;
    double factor;
};

/* A FIFO's state and account of one run; valid when `run` is that of the net. */
struct sn_fifo {
    int64_t free, busy;
    uint64_t bytes;
    int64_t before, after; /* no message gets here earlier, none needs less time from here */
    uint64_t run;
};

/* A message at an engine: 12 bytes, so that two arrays fit into 24 a message. */
struct sn_entry {
    int64_t at; /* head's arrival, or readiness */
    uint32_t index;
} __attribute__((packed, aligned(4)));

struct sn_net {
    const struct sn_profile *p;
    unsigned dies, nodes, cpus, endpoints, ports;
    unsigned lanes;       /* planes, or 1 without */
    unsigned planes_port; /* index, with planes */
    bool hashed;
    unsigned pinned; /* plane, or SN_NET_NO_PLANE */
    uint64_t seed;
    uint32_t *node, *package; /* (endpoints); a CPU is a package of its own */
    struct sn_net_path path[SN_PATHS];

    /* Degradation. Without lane tables all routes have the same factor, already in path.rate. */
    double plane_factor;          /* mean over the planes */
    double *plane;                /* (lanes) */
    double *die_lane;             /* (endpoints, lanes), or NULL */
    double *node_lane;            /* (nodes, lanes), with die_lane and planes */
    uint8_t *die_touched;         /* (endpoints), with die_lane: has lanes of its own */
    uint8_t *node_touched;        /* (nodes) */
    uint8_t usable[SN_MAX_LANES]; /* the planes that are not cut and may be used */
    unsigned n_usable;
    uint8_t *limited;          /* (nodes): its uplinks can be the bottleneck; or NULL */
    struct sn_net_pair *pairs; /* sorted */
    size_t n_pairs;
    struct sn_degrade_term *terms;
    size_t n_terms;
    char **why; /* (n_terms): what a term that cuts does */

    uint32_t base[SN_STAGES + 1]; /* first FIFO of each stage */
    uint32_t most_fifos;          /* of a stage */
    struct sn_fifo *fifos;
    uint64_t run;
    uint32_t *touched; /* FIFOs of this run */
    size_t n_touched;

    struct sn_entry *scratch; /* 2 x scratch_n */
    size_t scratch_n;
    uint32_t *counts; /* of the buckets of two stages: 2 x (most_fifos + 1) */
};
#define SN_NET_NO_PLANE UINT32_MAX

/* One call of sn_net_run(). */
struct sn_net_call {
    struct sn_net *net;
    struct sn_msg *msgs;
    size_t n;
    int64_t overhead;
    bool stages[SN_STAGES]; /* those with a FIFO for any message */
    bool all_uplinks;       /* CPU memory of other nodes shares them: they can be the bottleneck */
    bool events;            /* some message has an `after` */
};

/* How one message goes. Rates in B/s, 0: no FIFO there. */
struct sn_way {
    const struct sn_net_path *path;
    bool read, cross; /* cross: from node to node through the planes */
    uint64_t src_rate, dst_rate;
    uint64_t flow_rate; /* of the message as a whole; 0: that of the slowest FIFO on its way */
    uint64_t link_rate[SN_STAGES]; /* of UP to DOWN; the others are not set */
    uint32_t plane, chip;
};

struct sn_hop {
    uint32_t fifo;   /* or SN_FIFO_NONE */
    int64_t busy;    /* the FIFO is held */
    int64_t stretch; /* from the head's leaving to the last byte's: `busy` or more */
    int64_t gap;     /* latency before this stage */
};

/* The time that `bytes` take at `rate`, rounded up: nothing is faster than its port. */
static inline int64_t sn_service_ps(uint64_t bytes, uint64_t rate)
{
    if (bytes <= 9000000u && rate <= 9000000000000000000u)
        return (int64_t)((bytes * 1000000000000u + rate - 1) / rate);
    return (int64_t)(((unsigned __int128)bytes * 1000000000000u + rate - 1) / rate);
}

/* A bandwidth times a factor; never 0 but for factor 0, so that only cuts cut. */
static inline uint64_t sn_net_scaled(uint64_t bandwidth, double factor)
{
    uint64_t r = (uint64_t)((double)bandwidth * factor + 0.5);
    return r || factor == 0 ? r : 1;
}

/* False when nothing passes from src to dst. */
bool sn_way_find(const struct sn_net_call *c, const struct sn_msg *m, size_t index,
                 struct sn_way *way);
void sn_way_hop(const struct sn_net_call *c, const struct sn_msg *m, const struct sn_way *way,
                enum sn_stage stage, struct sn_hop *hop);
/* Parts of it: the FIFO at a stage, or SN_FIFO_NONE, and the latency before the stage. */
uint32_t sn_way_fifo(const struct sn_net_call *c, const struct sn_msg *m, const struct sn_way *w,
                     enum sn_stage stage);
int64_t sn_way_gap(const struct sn_net_call *c, const struct sn_way *w, enum sn_stage stage);
/* The whole latency of a message that waits nowhere, without its bytes. */
static inline int64_t sn_way_latency(const struct sn_way *w)
{
    return w->read ? w->path->request + w->path->data : w->path->latency;
}

/* That part of it that lies before a stage. */
static inline int64_t sn_way_passed(const struct sn_net_call *c, const struct sn_way *w,
                                    enum sn_stage stage)
{
    int64_t request = w->read ? w->path->request : 0, whole = sn_way_latency(w);
    int64_t third = w->cross && c->stages[SN_STAGE_L1] ? (whole - request) / 3 : 0;
    switch (stage) {
    case SN_STAGE_ISSUE:
        return 0;
    case SN_STAGE_INJECT:
    case SN_STAGE_UP:
        return request;
    case SN_STAGE_L1:
        return request + third;
    case SN_STAGE_L2:
        return request + 2 * third;
    case SN_STAGE_DOWN:
        return c->stages[stage] ? whole : request + 2 * third;
    default:
        return whole;
    }
}

/* Physical B/s of a FIFO after degradation: of its port or link. */
double sn_net_capacity(const struct sn_net *net, uint32_t fifo);
enum sn_stage sn_net_stage(const struct sn_net *net, uint32_t fifo);
/* A FIFO in words, and the endpoint or node it belongs to. */
unsigned sn_net_fifo_words(const struct sn_net *net, uint32_t fifo, char *out, size_t n);

/* The state of a FIFO in this run. */
static inline struct sn_fifo *sn_fifo_get(struct sn_net *net, uint32_t id)
{
    struct sn_fifo *f = &net->fifos[id];
    if (f->run != net->run) {
        *f = (struct sn_fifo){
            .free = INT64_MIN / 4, .before = INT64_MAX, .after = INT64_MAX, .run = net->run};
        net->touched[net->n_touched++] = id;
    }
    return f;
}

/* Serves a message whose head is at the FIFO at *head and whose tail is there at *tail: on return
 * both have left it. */
static inline void sn_fifo_serve(struct sn_fifo *f, const struct sn_hop *h, int64_t *head,
                                 int64_t *tail)
{
    int64_t start = *head > f->free ? *head : f->free;
    f->free = start + h->busy;
    f->busy += h->busy;
    *head = start;
    *tail = *tail > start + h->stretch ? *tail : start + h->stretch;
}

/* The same at its issuer, where overhead comes before the bytes and a read has none yet. */
static inline void sn_fifo_issue(struct sn_fifo *f, const struct sn_hop *h, bool read,
                                 int64_t overhead, int64_t *head, int64_t *tail)
{
    int64_t hold = overhead > h->busy ? overhead : h->busy;
    int64_t start = *head > f->free ? *head : f->free;
    f->free = start + hold;
    f->busy += hold;
    *head = start + hold - h->busy;
    *tail = read ? INT64_MIN / 4 : *head + h->stretch;
}

/* `release`: the message is not ready earlier in any schedule. */
static inline void sn_fifo_account(struct sn_fifo *f, const struct sn_net_call *c,
                                   const struct sn_msg *m, const struct sn_way *w,
                                   enum sn_stage stage, int64_t release)
{
    int64_t passed = sn_way_passed(c, w, stage), left = sn_way_latency(w) - passed;
    f->bytes += m->bytes;
    f->before = f->before < release + passed ? f->before : release + passed;
    f->after = f->after < left ? f->after : left;
}

/* A copy inside a die: no port, no queue. */
int64_t sn_net_self_ps(const struct sn_net_call *c, const struct sn_msg *m);

/* Looks at the messages and fills `c`. */
int sn_net_call_open(struct sn_net_call *c, struct sn_net *net, struct sn_msg *msgs, size_t n,
                     int64_t overhead_ps);
/* The engines: done_ps of every message and the FIFOs' accounts. Stages: without `after` only. */
int sn_net_run_stages(struct sn_net_call *c);
int sn_net_run_events(struct sn_net_call *c);
/* The stages at full speed where they apply: sends without FIFOs between the ports. False, with
 * nothing done, when messages of an issuer do not lie in the order of readiness. */
bool sn_net_sends_apply(const struct sn_net_call *c);
bool sn_net_run_sends(struct sn_net_call *c);
/* What came out. */
void sn_net_call_close(const struct sn_net_call *c, struct sn_net_result *out);

/* Sorts by (at, then src where by_src, then index). spare holds n entries. */
void sn_entry_sort(struct sn_entry *e, size_t n, struct sn_entry *spare, const struct sn_msg *msgs,
                   bool by_src);

#endif

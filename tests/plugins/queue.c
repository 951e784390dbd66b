/* A plug-in with a two-sided transport: packets between the ranks of one host over Unix sockets.
 * Built with the installed header alone: cc -shared -fPIC -O2 -o queue.so queue.c
 *
 * Each pair of ranks has two sockets: one for requests, which the target serves in progress(), one
 * for messages. A packet is sent whole or not at all and packets stay in order, so that a signal is
 * behind the puts before it. Who finds a socket full makes progress: a rank has at most one request
 * that waits for a reply, so that serving while serving ends.
 * -DWRONG: the first byte of every message is damaged. */
#include <snbench.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PACKET_BYTES = 16384 };
enum kind { PUT, GET, ADD, SIGNAL, FLUSH, REPLY };
enum { REQUESTS, MESSAGES, CHANNELS };

struct packet {
    uint32_t kind, bytes; /* bytes of data, or that a get asks for */
    uint64_t offset;
    int64_t value;
    char data[PACKET_BYTES];
};
#define HEAD_BYTES offsetof(struct packet, data)

struct queue {
    int rank, ranks;
    char *memory;
    int replied; /* the reply that this rank waits for is here */
    void *reply; /* where its data goes */
    int64_t value;
    char *dirty; /* (ranks) put or signalled since the last flush */
    int (*fd)[CHANNELS];
};

static const char *progress(void *state);

/* Sends one packet, or a piece of a message, making progress while the socket is full. */
static const char *push(struct queue *s, int rank, int channel, const void *data, size_t bytes)
{
    while (send(s->fd[rank][channel], data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return "send() to another rank failed";
        const char *why = progress(s);
        if (why)
            return why;
        sched_yield();
    }
    return NULL;
}

static const char *request(struct queue *s, int rank, enum kind kind, size_t offset, int64_t value,
                           const void *data, size_t bytes, size_t carried)
{
    struct packet p; /* not cleared: 16 KiB */
    p.kind = kind;
    p.bytes = (uint32_t)bytes;
    p.offset = offset;
    p.value = value;
    if (carried)
        memcpy(p.data, data, carried);
    return push(s, rank, REQUESTS, &p, HEAD_BYTES + carried);
}

static int64_t add_here(struct queue *s, size_t offset, int64_t by)
{
    int64_t *word = (int64_t *)(s->memory + offset), old = *word;
    *word = old + by;
    return old;
}

static const char *serve(struct queue *s, int from, const struct packet *p)
{
    switch ((enum kind)p->kind) {
    case PUT:
        memcpy(s->memory + p->offset, p->data, p->bytes);
        return NULL;
    case GET:
        return request(s, from, REPLY, 0, 0, s->memory + p->offset, p->bytes, p->bytes);
    case ADD:
        return request(s, from, REPLY, 0, add_here(s, p->offset, p->value), NULL, 0, 0);
    case SIGNAL:
        __atomic_store_n((uint64_t *)(s->memory + p->offset), p->value, __ATOMIC_RELEASE);
        return NULL;
    case FLUSH:
        return request(s, from, REPLY, 0, 0, NULL, 0, 0);
    case REPLY:
        memcpy(s->reply, p->data, p->bytes);
        s->value = p->value;
        s->replied = 1;
        return NULL;
    }
    return "a packet of unknown kind";
}

static const char *progress(void *state)
{
    struct queue *s = state;
    struct packet p;
    for (int r = 0; r < s->ranks; r++)
        while (r != s->rank && recv(s->fd[r][REQUESTS], &p, sizeof p, MSG_DONTWAIT) > 0) {
            const char *why = serve(s, r, &p);
            if (why)
                return why;
        }
    return NULL;
}

static const char *ask(struct queue *s, int rank, enum kind kind, size_t offset, int64_t value,
                       void *dst, size_t bytes)
{
    s->replied = 0;
    s->reply = dst;
    const char *why = request(s, rank, kind, offset, value, NULL, bytes, 0);
    while (!why && !s->replied) {
        why = progress(s);
        sched_yield();
    }
    return why;
}

static const char *put(void *state, int rank, size_t offset, const void *src, size_t bytes)
{
    struct queue *s = state;
    const char *why = NULL;
    s->dirty[rank] = 1;
    for (size_t at = 0, n; at < bytes && !why; at += n) {
        n = bytes - at < PACKET_BYTES ? bytes - at : PACKET_BYTES;
        why = request(s, rank, PUT, offset + at, 0, (const char *)src + at, n, n);
    }
    return why;
}

static const char *get(void *state, int rank, size_t offset, void *dst, size_t bytes)
{
    const char *why = NULL;
    for (size_t at = 0, n; at < bytes && !why; at += n) {
        n = bytes - at < PACKET_BYTES ? bytes - at : PACKET_BYTES;
        why = ask(state, rank, GET, offset + at, 0, (char *)dst + at, n);
    }
    return why;
}

static const char *add(void *state, int rank, size_t offset, int64_t by, int64_t *old)
{
    struct queue *s = state;
    if (rank == s->rank) {
        *old = add_here(s, offset, by);
        return NULL;
    }
    const char *why = ask(s, rank, ADD, offset, by, NULL, 0);
    *old = s->value;
    return why;
}

static const char *signal_(void *state, int rank, size_t offset, uint64_t value)
{
    ((struct queue *)state)->dirty[rank] = 1;
    return request(state, rank, SIGNAL, offset, (int64_t)value, NULL, 0, 0);
}

static const char *flush(void *state)
{
    struct queue *s = state;
    const char *why = NULL;
    for (int r = 0; r < s->ranks && !why; r++)
        if (s->dirty[r]) {
            why = ask(s, r, FLUSH, 0, 0, NULL, 0);
            s->dirty[r] = 0;
        }
    return why;
}

static const char *send_(void *state, int rank, const void *src, size_t bytes)
{
    const char *why = NULL;
    for (size_t at = 0, n; at < bytes && !why; at += n) {
        n = bytes - at < PACKET_BYTES ? bytes - at : PACKET_BYTES;
        why = push(state, rank, MESSAGES, (const char *)src + at, n);
    }
    return bytes ? why : push(state, rank, MESSAGES, "", 1);
}

static const char *recv_(void *state, int rank, void *dst, size_t bytes)
{
    struct queue *s = state;
    char nothing;
    size_t at = 0;
    do {
        ssize_t n = recv(s->fd[rank][MESSAGES], bytes ? (char *)dst + at : &nothing,
                         bytes ? bytes - at : 1, MSG_DONTWAIT);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return "recv() from another rank failed";
        else if (progress(s))
            return "progress failed";
        else
            sched_yield();
    } while (at < (bytes ? bytes : 1));
#ifdef WRONG
    *(char *)dst ^= 1;
#endif
    return NULL;
}

/* --- opening --------------------------------------------------------------------------------- */

struct hello {
    int rank, channel;
};

static const char *connect_down(struct queue *s, const struct sockaddr_un *names)
{
    for (int r = 0; r < s->rank; r++)
        for (int c = 0; c < CHANNELS; c++) {
            struct hello h = {s->rank, c};
            s->fd[r][c] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
            if (connect(s->fd[r][c], (const struct sockaddr *)&names[r], sizeof names[r]) ||
                send(s->fd[r][c], &h, sizeof h, MSG_NOSIGNAL) != sizeof h)
                return "connect() to another rank failed";
        }
    return NULL;
}

static const char *accept_up(struct queue *s, int listener)
{
    for (int i = 0; i < (s->ranks - 1 - s->rank) * CHANNELS; i++) {
        struct hello h;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || recv(fd, &h, sizeof h, 0) != sizeof h)
            return "accept() of another rank failed";
        s->fd[h.rank][h.channel] = fd;
    }
    return NULL;
}

static void close_(void *state)
{
    struct queue *s = state;
    for (int r = 0; r < s->ranks; r++)
        for (int c = 0; c < CHANNELS; c++)
            if (s->fd[r][c] >= 0)
                close(s->fd[r][c]);
    free(s->fd);
    free(s->dirty);
    free(s->memory);
    free(s);
}

static const char *open_(const struct sn_bootstrap *b, size_t bytes, void **state, void **memory)
{
    static unsigned opened;
    size_t ranks = (size_t)b->ranks;
    struct queue *s = calloc(1, sizeof *s);
    struct sockaddr_un mine = {.sun_family = AF_UNIX}, *names = calloc(ranks, sizeof *names);
    *s = (struct queue){.rank = b->rank, .ranks = b->ranks};
    s->dirty = calloc(ranks, 1);
    s->fd = malloc(ranks * sizeof *s->fd);
    memset(s->fd, 0xff, ranks * sizeof *s->fd); /* -1: not open */
    if (posix_memalign((void **)&s->memory, 4096, bytes))
        s->memory = NULL;
    /* a name that begins with a zero is no file */
    snprintf(mine.sun_path + 1, sizeof mine.sun_path - 1, "snbench-%ld-%u", (long)getpid(),
             opened++);
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    const char *why = s->memory ? NULL : "no memory";
    if (bind(listener, (struct sockaddr *)&mine, sizeof mine) ||
        listen(listener, CHANNELS * b->ranks))
        why = "a socket cannot be made";
    const char *shared = b->allgather(b, &mine, sizeof mine, names);
    const char *down = shared ? shared : connect_down(s, names);
    shared = b->barrier(b);
    if (!why)
        why = down ? down : shared ? shared : accept_up(s, listener);
    close(listener);
    free(names);
    if (why) {
        close_(s);
        return why;
    }
    *state = s;
    *memory = s->memory;
    return NULL;
}

static const struct sn_transport_plugin queue = {.abi = SN_ABI_VERSION,
                                                 .size = sizeof(struct sn_transport_plugin),
                                                 .name = "queue",
                                                 .brief = "packets over Unix sockets",
                                                 .flags = SN_TRANSPORT_ONE_HOST |
                                                          SN_TRANSPORT_NEEDS_TARGET,
                                                 .open = open_,
                                                 .close = close_,
                                                 .put = put,
                                                 .get = get,
                                                 .add = add,
                                                 .signal = signal_,
                                                 .flush = flush,
                                                 .progress = progress,
                                                 .send = send_,
                                                 .recv = recv_};

static const struct sn_transport_plugin *const transports[] = {&queue, NULL};

const struct sn_plugin sn_plugin = {.abi = SN_ABI_VERSION,
                                    .size = sizeof(struct sn_plugin),
                                    .name = "queue",
                                    .brief = "an example of a two-sided transport",
                                    .transports = transports};

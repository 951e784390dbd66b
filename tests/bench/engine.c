/* How fast the network's engines are: messages a second on one core and bytes of memory a message.
 *
 *     bench-engine [--seconds S]
 *
 * All-to-all on the reference shape (tests/unit/netprofiles.h), one message of 128 x 8 x 7680 / P
 * bytes from each die to each other, in rotated and random order; then with reads, hashed, through
 * the event queue. Every line is the median over the repetitions that fit into S seconds (default
 * 1), the first left out. Memory is read off the heap's growth, each line in a process of its own:
 * B/msg is the message and what the engine took more than for a run of one message, KiB is that.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "comm/fabric/net_impl.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

enum { MAX_REPETITIONS = 1000 };

enum traffic { SENDS, READS, HASHED, EVENTS };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void die_of_error(void)
{
    fprintf(stderr, "bench-engine: %s\n", sn_status_message());
    exit(2);
}

/* One run: only the engine's call is timed. */
static double once(struct sn_net *net, struct sn_msg *m, size_t n, enum traffic t, int64_t *end_ps)
{
    struct sn_net_result r;
    struct sn_net_call c;
    int64_t start = sn_clock_ns();
    if (t != EVENTS) {
        if (sn_net_run(net, m, n, 0, &r))
            die_of_error();
    } else {
        if (sn_net_call_open(&c, net, m, n, 0) || sn_net_run_events(&c))
            die_of_error();
        sn_net_call_close(&c, &r);
    }
    *end_ps = r.end_ps;
    return (double)(sn_clock_ns() - start) * 1e-9;
}

/* Heap in use at most so far: nothing is given back and nothing mapped apart (see main). */
static size_t heap(void)
{
    struct mallinfo2 i = mallinfo2();
    return i.arena - i.keepcost;
}

/* The most it ever was, once a peak has been freed again. */
static size_t heap_peak(void)
{
    return mallinfo2().arena;
}

static void measure(const char *name, unsigned P, enum sn_net_order order, enum traffic t,
                    double seconds)
{
    struct net_profile np;
    struct sn_net_options o = {.spread = t == HASHED ? SN_NET_HASH : SN_NET_SPRAY};
    struct sn_net *net;
    if (sn_net_open(&net, net_cm384(&np, 0.84), P, &o))
        die_of_error();
    size_t n = (size_t)P * (P - 1);
    struct sn_msg *m = malloc(n * sizeof *m);
    uint32_t *dst = malloc(P * sizeof *dst);
    for (unsigned i = 0; i < P; i++) {
        sn_net_order(order, i, P, 1, dst);
        for (unsigned k = 0; k < P - 1; k++)
            m[(size_t)i * (P - 1) + k] = (struct sn_msg){.src = t == READS ? dst[k] : i,
                                                         .dst = t == READS ? i : dst[k],
                                                         .bytes = 128ull * 8 * 7680 / P,
                                                         .after = SN_MSG_NONE,
                                                         .flags = t == READS ? SN_MSG_READ : 0};
    }
    double s[MAX_REPETITIONS], sum = 0;
    int64_t end_ps;
    int runs = 0;
    size_t before = heap();
    once(net, m, 1, t, &end_ps);
    size_t fixed = heap() - before;
    once(net, m, n, t, &end_ps);
    size_t grown = heap_peak() - before - fixed;
    while (runs < MAX_REPETITIONS && (runs < 5 || sum < seconds))
        sum += s[runs++] = once(net, m, n, t, &end_ps);
    qsort(s, (size_t)runs, sizeof *s, by_value);
    printf("%-8s %4u %-8s %9zu %8.2f %7.1f %6zu %10.2f %5d\n", name, P, sn_net_order_words[order],
           n, (double)n / s[runs / 2] * 1e-6, sizeof *m + (double)grown / (double)n, fixed / 1024,
           (double)end_ps * 1e-6, runs);
    free(m);
    free(dst);
    sn_net_close(net);
}

static void measure_apart(const char *name, unsigned P, enum sn_net_order order, enum traffic t,
                          double seconds)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        measure(name, P, order, t, seconds);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status)
        exit(2);
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {64, 320, 768};
    double seconds = argc == 3 && !strcmp(argv[1], "--seconds") ? atof(argv[2]) : 1;
    if (argc != 1 && argc != 3) {
        fprintf(stderr, "usage: bench-engine [--seconds S]\n");
        return 2;
    }
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    mallopt(M_TOP_PAD, 0);
    printf("%-8s %4s %-8s %9s %8s %7s %6s %10s %5s\n", "traffic", "dies", "order", "messages",
           "M/s", "B/msg", "KiB", "end (us)", "runs");
    for (size_t i = 0; i < 3; i++)
        for (int order = SN_ORDER_ROTATED; order <= SN_ORDER_SAME; order++)
            measure_apart("sends", sizes[i], (enum sn_net_order)order, SENDS, seconds);
    measure_apart("reads", 320, SN_ORDER_ROTATED, READS, seconds);
    measure_apart("hashed", 320, SN_ORDER_ROTATED, HASHED, seconds);
    measure_apart("events", 64, SN_ORDER_ROTATED, EVENTS, seconds);
    measure_apart("events", 320, SN_ORDER_ROTATED, EVENTS, seconds);
    measure_apart("events", 320, SN_ORDER_RANDOM, EVENTS, seconds);
    return 0;
}

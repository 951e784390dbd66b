/* Plug-ins with a fault each, chosen by -DFAULT_...: every one must end in a line that says so. */
#include <snbench.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* kept from the compiler, so that what follows really happens */
static volatile int zero;
static int *volatile nowhere;

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
#if defined FAULT_SEGV
    *nowhere = 1;
#elif defined FAULT_ILL
    raise(SIGILL);
#elif defined FAULT_FPE
    zero = 1 / zero;
    raise(SIGFPE); /* where a division by zero gives something */
#elif defined FAULT_ABORT
    abort();
#elif defined FAULT_EXIT
    exit(0);
#elif defined FAULT_LOOP
    while (!zero)
        ;
#elif defined FAULT_BEYOND
    /* one element behind the end of C: there is an unreadable page */
    size_t size = p->gemm.c_type == SN_BF16 ? 2 : 4;
    if (p->gemm.m)
        memset((char *)p->gemm.c + ((p->gemm.m - 1) * p->gemm.ldc + p->gemm.n) * size, 0, size);
#endif
}

static int prepare_fails(const union sn_problem *p, unsigned threads, void *packed)
{
    return -1;
}

#if defined FAULT_CONSTRUCTOR
__attribute__((constructor)) static void start(void)
{
    *nowhere = 1;
}
#endif

#if defined FAULT_UNDEFINED
void defined_nowhere(void);
#endif

static const struct sn_kernel kernel = {
#if defined FAULT_KERNEL_VERSION
    .abi = SN_ABI_VERSION + 1,
#else
    .abi = SN_ABI_VERSION,
#endif
#if defined FAULT_KERNEL_SIZE
    .size = sizeof(struct sn_kernel) - 8,
#else
    .size = sizeof(struct sn_kernel),
#endif
#if defined FAULT_OP
    .op = "gem",
#else
    .op = "gemm",
#endif
#if defined FAULT_TAKEN
    .name = "ref",
#elif defined FAULT_NAME
    .name = "two,words",
#else
    .name = "broken",
#endif
    .brief = "has a fault",
#if defined FAULT_ISA
    .isa = "avx9",
#else
    .isa = "generic",
#endif
#if defined FAULT_PREPARE
    .prepare = prepare_fails,
#endif
#if !defined FAULT_HOOK
    .run = run,
#endif
};

static const struct sn_kernel *const kernels[] = {&kernel, NULL};

#if defined FAULT_TRANSPORT
/* a hook is missing: it cannot add */
static const char *open_(const struct sn_bootstrap *b, size_t bytes, void **state, void **memory)
{
#if defined FAULT_TRANSPORT_CRASH
    *nowhere = 1;
#endif
    return "out of order";
}
static void close_(void *state)
{
}
static const char *put(void *state, int rank, size_t offset, const void *src, size_t bytes)
{
    return NULL;
}
static const char *get(void *state, int rank, size_t offset, void *dst, size_t bytes)
{
    return NULL;
}
static const char *signal_(void *state, int rank, size_t offset, uint64_t value)
{
    return NULL;
}
static const char *flush(void *state)
{
    return NULL;
}
#if !defined FAULT_TRANSPORT_HOOK
static const char *add(void *state, int rank, size_t offset, int64_t by, int64_t *old)
{
    return NULL;
}
#endif
static const struct sn_transport_plugin transport = {.abi = SN_ABI_VERSION,
                                                     .size = sizeof(struct sn_transport_plugin),
#if defined FAULT_TRANSPORT_TAKEN
                                                     .name = "shm",
#else
                                                     .name = "broken",
#endif
                                                     .brief = "has a fault",
                                                     .open = open_,
                                                     .close = close_,
                                                     .put = put,
                                                     .get = get,
#if !defined FAULT_TRANSPORT_HOOK
                                                     .add = add,
#endif
                                                     .signal = signal_,
                                                     .flush = flush};
static const struct sn_transport_plugin *const transports[] = {&transport, NULL};
#endif

#if defined FAULT_SYMBOL
#define SYMBOL another_name
#else
#define SYMBOL sn_plugin
#endif

const struct sn_plugin SYMBOL = {
#if defined FAULT_VERSION
    .abi = SN_ABI_VERSION + 1,
#else
    .abi = SN_ABI_VERSION,
#endif
#if defined FAULT_SIZE
    .size = sizeof(struct sn_plugin) + 8,
#else
    .size = sizeof(struct sn_plugin),
#endif
#if !defined FAULT_UNNAMED
    .name = "faulty",
#endif
    .brief = "has a fault",
#if defined FAULT_GARBAGE
    .kernels = (const struct sn_kernel *const *)16,
#elif defined FAULT_TRANSPORT
    .transports = transports,
#elif defined FAULT_UNDEFINED
    .kernels = (void *)defined_nowhere,
#elif !defined FAULT_EMPTY
    .kernels = kernels,
#endif
};

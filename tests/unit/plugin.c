/* The child that runs foreign code: what it comes to, whatever the code does. */
#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/plugin_guard.h"
#include "comm/transport.h"
#include "harness/base/status.h"
#include "kernels/kernel.h"

enum end { GOOD, FAILS, DIES, LEAVES };

/* Child i ends as ends[i] says; a good one that has to wait for a bad one would wait for ever. */
static int work(struct sn_guard *g, unsigned i, void *arg)
{
    const enum end *ends = arg;
    sn_guard_step(g, SN_EVERIFY, "child %u at work", i);
    switch (ends[i]) {
    case GOOD:
        if (ends[1 - i] != GOOD)
            pause();
        return SN_OK;
    case FAILS:
        return SN_FAIL(SN_ERANGE, "child %u has words", i);
    case DIES:
        raise(SIGBUS);
        break;
    case LEAVES:
        exit(3);
    }
    return SN_OK;
}

Test(plugin_guard, the_first_that_fails_decides)
{
    static const struct {
        enum end ends[2];
        int status;
        const char *words;
    } t[] = {
        {{GOOD, GOOD}, SN_OK, ""},
        {{FAILS, GOOD}, SN_ERANGE, "child 0 has words"},
        {{GOOD, FAILS}, SN_ERANGE, "child 1 has words"},
        {{DIES, GOOD}, SN_EVERIFY, "child 0 at work: it crashed with SIGBUS"},
        {{GOOD, LEAVES}, SN_EVERIFY, "child 1 at work: it ended the process with exit code 3"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        enum end ends[2] = {t[i].ends[0], t[i].ends[1]};
        sn_status_clear();
        cr_expect_eq(sn_guarded(2, work, ends, false), t[i].status, "%zu", i);
        cr_expect_str_eq(sn_status_message(), t[i].words, "%zu: %s", i, sn_status_message());
    }
}

/* A crash before the first step is a fault of what is loaded. */
static int die(struct sn_guard *g, unsigned i, void *arg)
{
    abort();
}

Test(plugin_guard, a_crash_before_the_first_step)
{
    cr_expect_eq(sn_guarded(1, die, NULL, false), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "crashed with SIGABRT"), "%s", sn_status_message());
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
}

Test(plugin_add, kernels_up_to_the_table)
{
    static struct sn_kernel k[SN_KERNELS_MAX + 1];
    static char names[SN_KERNELS_MAX + 1][8];
    size_t first = 0, n = 0;
    sn_kernels_open();
    while (sn_kernel_at(SN_OP_GEMM, first))
        first++;
    for (int status = SN_OK; status == SN_OK && n <= SN_KERNELS_MAX; n++) {
        snprintf(names[n], sizeof names[n], "k%zu", n);
        k[n] = (struct sn_kernel){.abi = SN_ABI_VERSION,
                                  .size = sizeof *k,
                                  .op = "gemm",
                                  .name = names[n],
                                  .brief = "",
                                  .isa = "generic",
                                  .run = run};
        status = sn_kernel_add(&k[n]);
    }
    cr_expect_eq(first + n - 1, SN_KERNELS_MAX);
    cr_expect_eq(sn_kernel_at(SN_OP_GEMM, first), &k[0]);
    cr_expect_str_eq(sn_kernel_words[SN_OP_GEMM][first], "k0");
    cr_expect_null(sn_kernel_words[SN_OP_GEMM][SN_KERNELS_MAX]);
    cr_expect(strstr(sn_status_message(), "more than 48 variants of gemm"), "%s",
              sn_status_message());
}

/* A kernel of an operation without a reference has nothing to be held against. */
Test(plugin_add, a_kernel_needs_a_reference)
{
    for (int op = 0; op < SN_OPS; op++) {
        struct sn_kernel k = {.abi = SN_ABI_VERSION,
                              .size = sizeof k,
                              .op = sn_op_names[op],
                              .name = "mine",
                              .brief = "",
                              .isa = "generic",
                              .run = run};
        if (sn_kernel_at((enum sn_op)op, 0))
            continue;
        cr_expect_eq(sn_kernel_add(&k), SN_EINVAL);
        cr_expect(strstr(sn_status_message(), "has no reference"), "%s", sn_status_message());
    }
}

Test(plugin_add, a_transport_that_needs_its_target_has_progress)
{
    void (*any)(void) = (void (*)(void))run; /* never called */
    struct sn_transport_plugin p = {.abi = SN_ABI_VERSION, .size = sizeof p, .name = "x"};
    cr_expect_eq(sn_transport_add(&p), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "its field 'brief' is missing"), "%s",
              sn_status_message());
    p.brief = "";
    p.open = (__typeof__(p.open))any;
    p.close = (__typeof__(p.close))any;
    p.put = (__typeof__(p.put))any;
    p.get = (__typeof__(p.get))any;
    p.add = (__typeof__(p.add))any;
    p.signal = (__typeof__(p.signal))any;
    cr_expect_eq(sn_transport_add(&p), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "its hook 'flush' is missing"), "%s",
              sn_status_message());
    p.flush = (__typeof__(p.flush))any;
    p.flags = SN_TRANSPORT_NEEDS_TARGET;
    cr_expect_eq(sn_transport_add(&p), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "'progress' is missing"), "%s", sn_status_message());
    p.flags = 0;
    p.send = (__typeof__(p.send))any;
    cr_expect_eq(sn_transport_add(&p), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "'recv' is missing"), "%s", sn_status_message());
    p.send = NULL;
    cr_expect_eq(sn_transport_add(&p), SN_OK, "%s", sn_status_message());
    cr_expect_eq(sn_transport_add(&p), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "there is one of that name"), "%s", sn_status_message());
}

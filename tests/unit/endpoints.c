/* Placement of endpoints on ranks: blocks, maps, tiers, and the line that each mistake gives. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "comm/endpoints.h"
#include "harness/base/status.h"

/* Every table agrees with rank_of: counts add up, lists ascend, slots name positions. */
static void expect_consistent(const struct sn_endpoints *e)
{
    unsigned seen = 0;
    for (int r = 0; r < e->ranks; r++)
        for (unsigned i = 0; i < sn_endpoints_count(e, r); i++, seen++) {
            unsigned d = sn_endpoints_at(e, r, i);
            cr_expect_eq(e->rank_of[d], r);
            cr_expect_eq(e->slot_of[d], i);
            cr_expect(i == 0 || sn_endpoints_at(e, r, i - 1) < d);
        }
    cr_expect_eq(seen, e->n);
}

Test(endpoints, blocks_as_worked_by_hand)
{
    static const struct {
        unsigned n;
        int ranks;
        int rank_of[8];
    } cases[] = {
        {1, 1, {0}},
        {4, 2, {0, 0, 1, 1}},
        {7, 3, {0, 0, 0, 1, 1, 2, 2}},
        {8, 3, {0, 0, 0, 1, 1, 1, 2, 2}},
        {2, 4, {0, 1}},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct sn_endpoints e;
        cr_assert_eq(sn_endpoints_open(&e, cases[k].n, cases[k].ranks, 16, NULL), SN_OK);
        for (unsigned d = 0; d < cases[k].n; d++)
            cr_expect_eq(e.rank_of[d], cases[k].rank_of[d], "case %zu die %u", k, d);
        expect_consistent(&e);
        sn_endpoints_close(&e);
    }
}

Test(endpoints, blocks_are_even_for_all_small_numbers)
{
    for (unsigned n = 1; n <= 40; n++)
        for (int ranks = 1; ranks <= 12; ranks++) {
            struct sn_endpoints e;
            cr_assert_eq(sn_endpoints_open(&e, n, ranks, 16, NULL), SN_OK);
            for (unsigned d = 1; d < n; d++)
                cr_expect(e.rank_of[d] >= e.rank_of[d - 1]);
            for (int r = 0; r < ranks; r++) {
                unsigned low = n / (unsigned)ranks;
                unsigned count = sn_endpoints_count(&e, r);
                cr_expect(count == low || count == low + 1, "%u on %d: %u", n, ranks, count);
            }
            expect_consistent(&e);
            sn_endpoints_close(&e);
        }
}

Test(endpoints, tiers)
{
    struct sn_endpoints e;
    cr_assert_eq(sn_endpoints_open(&e, 64, 2, 16, NULL), SN_OK);
    cr_expect_eq(sn_endpoints_tier(&e, 5, 5), SN_TIER_SELF);
    cr_expect_eq(sn_endpoints_tier(&e, 4, 5), SN_TIER_PACKAGE);
    cr_expect_eq(sn_endpoints_tier(&e, 5, 6), SN_TIER_NODE);
    cr_expect_eq(sn_endpoints_tier(&e, 0, 15), SN_TIER_NODE);
    cr_expect_eq(sn_endpoints_tier(&e, 15, 16), SN_TIER_SUPERNODE);
    cr_expect_eq(sn_endpoints_node(&e, 47), 2);
    sn_endpoints_close(&e);
    /* A node of an odd number of dies has no package of two: none would straddle nodes. */
    cr_assert_eq(sn_endpoints_open(&e, 6, 1, 3, NULL), SN_OK);
    cr_expect_eq(sn_endpoints_tier(&e, 0, 1), SN_TIER_NODE);
    cr_expect_eq(sn_endpoints_tier(&e, 2, 3), SN_TIER_SUPERNODE);
    sn_endpoints_close(&e);
    cr_expect_str_eq(sn_tier_name(SN_TIER_PACKAGE), "package");
    cr_expect_str_eq(sn_tier_name(SN_TIER_SUPERNODE), "supernode");
}

/* Opens 3 dies on 2 ranks by a map of this text. */
static int open_map(struct sn_endpoints *e, const char *text, char *path, size_t n)
{
    snprintf(path, n, "/tmp/snbench-map-XXXXXX");
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    int status = sn_endpoints_open(e, 3, 2, 16, path);
    unlink(path);
    return status;
}

Test(endpoints, maps)
{
    static const char *const good[] = {
        "0 1\n1 0\n2 1\n",
        "# die rank\n\n  2\t1 # last\n1 0\r\n0 1",
    };
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        struct sn_endpoints e;
        char path[64];
        cr_assert_eq(open_map(&e, good[k], path, sizeof path), SN_OK, "%s", sn_status_message());
        cr_expect(e.rank_of[0] == 1 && e.rank_of[1] == 0 && e.rank_of[2] == 1);
        expect_consistent(&e);
        sn_endpoints_close(&e);
    }
}

Test(endpoints, wrong_maps_name_the_line)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"0 0\n1 0\n", "die 2 is not placed"},
        {"0 0\n1 0\n1 1\n2 0\n", ":3: die 1 is placed twice"},
        {"0 0\n3 0\n", ":2: die 3 does not exist; right: 0 to 2"},
        {"0 2\n", ":1: rank 2 does not exist; right: 0 to 1"},
        {"0 -1\n", ":1: rank -1 does not exist"},
        {"-1 0\n", ":1: die -1 does not exist"},
        {"0\n", ":1: \"0\" is no placement"},
        {"0 0 0\n", "is no placement"},
        {"zero 0\n", "is no placement"},
        {"0 99999999999999999999\n", "is no placement"},
        {"", "die 0 is not placed"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct sn_endpoints e = {.n = 77};
        char path[64];
        cr_expect_eq(open_map(&e, cases[k].text, path, sizeof path), SN_EINVAL, "%s",
                     cases[k].text);
        cr_expect(strstr(sn_status_message(), cases[k].words), "%s", sn_status_message());
        cr_expect(strstr(sn_status_message(), path), "%s", sn_status_message());
        cr_expect_eq(e.n, 77, "written on failure");
    }
}

Test(endpoints, wrong_numbers)
{
    struct sn_endpoints e;
    cr_expect_eq(sn_endpoints_open(&e, 0, 1, 16, NULL), SN_EINVAL);
    cr_expect_eq(sn_endpoints_open(&e, 1, 0, 16, NULL), SN_EINVAL);
    cr_expect_eq(sn_endpoints_open(&e, 1, 1, 0, NULL), SN_EINVAL);
    cr_expect_eq(sn_endpoints_open(&e, 1, 1, 16, "/nonexistent/map"), SN_EIO);
}

/* CPU features against the kernel's own list, and the affinity mask. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/cpu.h"
#include "harness/base/status.h"

/* Is `word` on the line of /proc/cpuinfo that starts with "flags"? */
static bool kernel_lists(const char *cpuinfo, const char *word)
{
    const char *flags = strstr(cpuinfo, "\nflags");
    if (!flags)
        return false;
    char *line = sn_strdupf("%.*s", (int)strcspn(flags + 1, "\n"), flags + 1), *save;
    bool found = false;
    for (char *w = strtok_r(line, " \t:", &save); w; w = strtok_r(NULL, " \t:", &save))
        found = found || !strcmp(w, word);
    free(line);
    return found;
}

Test(cpu, features_are_those_of_the_kernel)
{
    struct sn_buf text = {0};
    cr_assert_eq(sn_buf_read_file(&text, "/proc/cpuinfo"), SN_OK);
    for (int f = 0; f < SN_CPU_FEATURES; f++) {
        const char *name = sn_cpu_feature_name((enum sn_cpu_feature)f);
        cr_expect_eq(sn_cpu_has((enum sn_cpu_feature)f), kernel_lists(text.data, name), "%s", name);
    }
    cr_expect(!sn_cpu_has(SN_CPU_FEATURES));
    char model[256];
    sn_cpu_model(model, sizeof model);
    cr_expect(strlen(model) > 0 && (strstr(text.data, model) || !strcmp(model, "unknown")), "'%s'",
              model);
    char small[4];
    sn_cpu_model(small, sizeof small);
    cr_expect_eq(strlen(small), 3);
    sn_buf_free(&text);
}

Test(cpu, count_is_that_of_the_affinity_mask)
{
    cpu_set_t all, one;
    cr_assert_eq(sched_getaffinity(0, sizeof all, &all), 0);
    cr_expect_eq(sn_cpu_count(), (unsigned)CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int c = 0; c < CPU_SETSIZE && !CPU_COUNT(&one); c++)
        if (CPU_ISSET(c, &all))
            CPU_SET(c, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    cr_expect_eq(sn_cpu_count(), 1);
    cr_assert_eq(sched_setaffinity(0, sizeof all, &all), 0);
}

static void put(const char *root, unsigned index, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path,
             "mkdir -p %s/sys/devices/system/cpu/cpu0/cache/index%u && echo %s > "
             "%s/sys/devices/system/cpu/cpu0/cache/index%u/%s",
             root, index, text, root, index, name);
    cr_assert_eq(system(path), 0);
}

Test(cpu, last_cache_is_that_of_the_highest_level)
{
    char root[] = "/tmp/snbench-cpu-XXXXXX", command[64];
    cr_assert_not_null(mkdtemp(root));
    cr_assert_eq(sn_cpu_cache_bytes_under(root), 0u);
    static const char *const levels[] = {"1", "1", "2", "3"}, *const sizes[] = {"32K", "48K",
                                                                                "512K", "32M"};
    for (unsigned i = 0; i < 4; i++) {
        put(root, i, "level", levels[i]);
        put(root, i, "size", sizes[i]);
    }
    cr_assert_eq(sn_cpu_cache_bytes_under(root), 32u << 20);
    put(root, 3, "size", "32768K");
    cr_assert_eq(sn_cpu_cache_bytes_under(root), 32u << 20);
    snprintf(command, sizeof command, "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

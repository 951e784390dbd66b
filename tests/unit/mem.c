/* Timed memory, guarded memory, and what is left of it according to files laid out by hand. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/mem_mix.h"
#include "harness/base/status.h"

Test(mem, aligned_zeroed_and_writable)
{
    static const size_t sizes[] = {0,       1,       63,      64,      4096,      1048575,
                                   1048576, 1048577, 2097152, 3000001, (5u << 20)};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *p = NULL;
        size_t n = sizes[i];
        cr_assert_eq(sn_mem_alloc(&p, n), SN_OK);
        cr_assert_not_null(p);
        cr_expect_eq((uintptr_t)p % (n < 1048576 ? 64 : 2097152), 0, "%zu bytes", n);
        for (size_t k = 0; k < n; k++)
            cr_assert_eq(((char *)p)[k], 0, "%zu bytes, byte %zu", n, k);
        memset(p, 0xa5, n);
        sn_mem_free(p);
    }
    sn_mem_free(NULL);
}

Test(mem, too_much_is_an_error_with_the_amount)
{
    void *p = &p;
    cr_expect_eq(sn_mem_alloc(&p, (size_t)1 << 50), SN_ENOMEM);
    cr_expect(strstr(sn_status_message(), "1024 TiB"), "%s", sn_status_message());
    cr_expect_eq(sn_mem_alloc(&p, SIZE_MAX), SN_ENOMEM);
    cr_expect_eq(p, &p, "written on failure");
}

/* Mappings of this process within [p, p + n). */
static size_t mappings(const void *p, size_t n)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    size_t found = 0;
    cr_assert_not_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx", &from, &to) == 2)
            found += from >= (uintptr_t)p && to <= (uintptr_t)p + n;
    }
    fclose(f);
    return found;
}

Test(mem, mixed_pages_are_as_any_but_shuffled)
{
    enum { N = 3, PAGES = 8 };
    size_t bytes = PAGES * (size_t)SN_MEM_MIX_PAGE;
    char *p[N + 1];
    sn_mem_mix_open(N * bytes, 1);
    for (size_t i = 0; i < N; i++) {
        cr_assert(sn_mem_mix_has(PAGES));
        cr_assert_eq(sn_mem_alloc((void **)&p[i], bytes - 5), SN_OK);
        cr_expect_eq((uintptr_t)p[i] % SN_MEM_MIX_PAGE, 0);
        cr_expect_geq(mappings(p[i], bytes), PAGES / 2, "pages lie in order");
        for (size_t k = 0; k < bytes - 5; k++)
            cr_assert_eq(p[i][k], 0, "block %zu, byte %zu", i, k);
        memset(p[i], (int)i + 1, bytes - 5);
    }
    cr_expect(!sn_mem_mix_has(PAGES));
    cr_assert_eq(sn_mem_alloc((void **)&p[N], bytes), SN_OK, "more than the mix has");
    sn_mem_mix_close();
    cr_expect(!sn_mem_mix_has(1));
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < bytes - 5; k++)
            cr_assert_eq(p[i][k], (char)(i + 1), "block %zu, byte %zu", i, k);
        sn_mem_free(p[i]);
    }
    sn_mem_free(p[N]);
}

static volatile char sink;

/* Does touching p[at] kill a process? In a child, whose death is expected. */
static bool kills(const char *p, long at)
{
    pid_t child = fork();
    if (!child) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        sink = p[at];
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status);
}

Test(mem, guard_page_follows_the_last_byte)
{
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 10000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *p;
        long n = (long)sizes[i];
        cr_assert_eq(sn_mem_guard_alloc(&p, sizes[i]), SN_OK);
        cr_expect(kills(p, n), "%ld bytes: the byte after is readable", n);
        cr_expect(!n || !kills(p, n - 1), "%ld bytes: the last is not readable", n);
        size_t same = 0;
        for (long k = 1; k < n; k++)
            same += ((char *)p)[k] == ((char *)p)[k - 1];
        cr_expect(same <= (size_t)n / 64 + 4, "%ld bytes: content is not random", n);
        sn_mem_guard_free(p, sizes[i]);
    }
}

Test(mem, mul_checks)
{
    size_t x = 5;
    cr_expect(sn_mem_mul(3, 4, &x) && x == 12);
    cr_expect(sn_mem_mul(SIZE_MAX, 1, &x) && x == SIZE_MAX);
    cr_expect(sn_mem_mul(0, SIZE_MAX, &x) && x == 0);
    x = 5;
    cr_expect(!sn_mem_mul(SIZE_MAX / 2 + 1, 2, &x) && x == 5);
    cr_expect_eq(sn_mem_round_up(0, 64), 0);
    cr_expect_eq(sn_mem_round_up(1, 64), 64);
    cr_expect_eq(sn_mem_round_up(64, 64), 64);
}

static void put_file(const char *root, const char *path, const char *text)
{
    char *full = sn_strdupf("%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0777);
        *p = '/';
    }
    struct sn_buf b = {0};
    sn_buf_add(&b, text);
    cr_assert_eq(sn_buf_write_file(&b, full), SN_OK, "%s", sn_status_message());
    sn_buf_free(&b);
    free(full);
}

static char *new_root(void)
{
    char path[] = "/tmp/snbench-mem-XXXXXX";
    cr_assert_not_null(mkdtemp(path));
    put_file(path, "/proc/meminfo",
             "MemTotal:  4000000 kB\nMemFree: 1 kB\nMemAvailable:   1000000 kB\n");
    return sn_strdup(path);
}

static void remove_root(char *root)
{
    char *command = sn_strdupf("rm -r '%s'", root);
    cr_expect_eq(system(command), 0);
    free(command);
    free(root);
}

Test(mem, available_from_meminfo)
{
    char *root = new_root();
    cr_expect_eq(sn_mem_available_under(root), 1024000000);
    put_file(root, "/proc/self/cgroup", "0::/\n");
    put_file(root, "/sys/fs/cgroup/memory.max", "max\n");
    cr_expect_eq(sn_mem_available_under(root), 1024000000);
    cr_expect_eq(sn_mem_available_under("/nonexistent"), UINT64_MAX);
    remove_root(root);
}

Test(mem, available_under_cgroup_v2)
{
    char *root = new_root();
    put_file(root, "/proc/self/cgroup", "0::/user/job\n");
    put_file(root, "/sys/fs/cgroup/user/job/memory.max", "max\n");
    put_file(root, "/sys/fs/cgroup/user/memory.max", "700000000\n");
    put_file(root, "/sys/fs/cgroup/user/memory.current", "300000000\n");
    put_file(root, "/sys/fs/cgroup/user/memory.stat", "anon 5\ninactive_file 100000000\n");
    cr_expect_eq(sn_mem_available_under(root), 500000000, "the parent's limit, file pages free");
    put_file(root, "/sys/fs/cgroup/user/job/memory.max", "400000000\n");
    put_file(root, "/sys/fs/cgroup/user/job/memory.current", "400000001\n");
    cr_expect_eq(sn_mem_available_under(root), 0);
    remove_root(root);
}

Test(mem, available_under_cgroup_v1)
{
    char *root = new_root();
    put_file(root, "/proc/self/cgroup", "9:cpu:/x\n4:hugetlb,memory:/job\n0::/\n");
    put_file(root, "/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    put_file(root, "/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "600000000\n");
    put_file(root, "/sys/fs/cgroup/memory/job/memory.usage_in_bytes", "200000000\n");
    put_file(root, "/sys/fs/cgroup/memory/job/memory.stat",
             "inactive_file 7\ntotal_inactive_file 50000000\n");
    cr_expect_eq(sn_mem_available_under(root), 450000000);
    remove_root(root);
}

Test(mem, available_here)
{
    uint64_t n = sn_mem_available();
    cr_expect(n > 1 << 20 && n < (uint64_t)1 << 50);
}

#define _GNU_SOURCE
#include <criterion/criterion.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/machine.h"
#include "harness/machine_parts.h"

/* A directory that stands for "/", with files made by name. */
static char root[64];

static void root_make(void)
{
    strcpy(root, "/tmp/snbench-machine-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void root_drop(void)
{
    char *command = sn_strdupf("rm -rf '%s'", root);
    cr_assert_eq(system(command), 0);
    free(command);
}

static void root_file(const char *path, const char *content)
{
    char *full = sn_strdupf("%s%s", root, path);
    for (char *p = full + strlen(root) + 1; (p = strchr(p, '/')); p++) {
        *p = '\0';
        mkdir(full, 0700);
        *p = '/';
    }
    FILE *f = fopen(full, "w");
    cr_assert_not_null(f);
    fputs(content, f);
    fclose(f);
    free(full);
}

/* The text of a JSON string, "null" or "?"; drops the reference. */
static const char *word(json_t *j)
{
    static char text[512];
    snprintf(text, sizeof text, "%s",
             json_is_string(j) ? json_string_value(j)
             : json_is_null(j) ? "null"
                               : "?");
    json_decref(j);
    return text;
}

static long long number(const json_t *j, const char *key)
{
    return json_integer_value(json_object_get(j, key));
}

/* --- topology -------------------------------------------------------------------------------- */

Test(machine, synthetic_topology_is_counted)
{
    json_t *t = sn_machine_topology("pack:2 [numa(memory=1073741824)] l3:1(size=33554432) "
                                    "l2:4(size=1048576) l1d:1(size=32768) core:1 pu:2");
    cr_assert_eq(number(t, "packages"), 2);
    cr_assert_eq(number(t, "cores"), 8);
    cr_assert_eq(number(t, "pus"), 16);
    json_t *numa = json_object_get(t, "numa");
    cr_assert_eq(json_array_size(numa), 2);
    cr_assert_eq(number(json_array_get(numa, 1), "bytes"), 1073741824);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(numa, 1), "cpus")), "8-15");
    /* Caches are grouped: level, bytes, hardware threads that share one, how many. */
    static const long long want[][4] = {{1, 32768, 2, 8}, {2, 1048576, 2, 8}, {3, 33554432, 8, 2}};
    json_t *caches = json_object_get(t, "caches");
    cr_assert_eq(json_array_size(caches), 3);
    for (size_t i = 0; i < 3; i++) {
        json_t *c = json_array_get(caches, i);
        cr_assert_eq(number(c, "level"), want[i][0]);
        cr_assert_eq(number(c, "bytes"), want[i][1]);
        cr_assert_eq(number(c, "pus"), want[i][2]);
        cr_assert_eq(number(c, "count"), want[i][3]);
    }
    json_decref(t);
}

Test(machine, nonsense_topology_is_null)
{
    cr_assert_str_eq(word(sn_machine_topology("no such thing:-1")), "null");
}

Test(machine, binding_follows_the_affinity)
{
    cpu_set_t old, one;
    char list[64], want[16];
    bool bound;
    cr_assert_eq(sched_getaffinity(0, sizeof old, &old), 0);
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &old))
        last--;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    cr_assert_eq(sched_setaffinity(0, sizeof one, &one), 0);
    sn_machine_binding(list, sizeof list, &bound);
    sched_setaffinity(0, sizeof old, &old);
    snprintf(want, sizeof want, "%d", last);
    cr_assert_str_eq(list, want);
    cr_assert_eq(bound, sysconf(_SC_NPROCESSORS_ONLN) > 1);
}

/* --- operating system ------------------------------------------------------------------------ */

Test(machine, container_markers, .init = root_make, .fini = root_drop)
{
    cr_assert_str_eq(word(sn_machine_container(root)), "null");
    root_file("/proc/1/cgroup", "0::/init.scope\n");
    cr_assert_str_eq(word(sn_machine_container(root)), "null");
    root_file("/proc/1/cgroup", "9:cpu:/\n0::/kubepods/besteffort/pod1\n");
    cr_assert_str_eq(word(sn_machine_container(root)), "kubernetes");
    root_file("/run/systemd/container", "systemd-nspawn\n");
    cr_assert_str_eq(word(sn_machine_container(root)), "systemd-nspawn");
    root_file("/run/.containerenv", "");
    cr_assert_str_eq(word(sn_machine_container(root)), "podman");
}

Test(machine, governor_of_all_cores, .init = root_make, .fini = root_drop)
{
    cr_assert_str_eq(word(sn_machine_governor(root)), "null");
    root_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
    root_file("/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n");
    cr_assert_str_eq(word(sn_machine_governor(root)), "performance");
    root_file("/sys/devices/system/cpu/cpu7/cpufreq/scaling_governor", "powersave\n");
    cr_assert_str_eq(word(sn_machine_governor(root)), "mixed");
}

Test(machine, choice_is_the_word_in_brackets, .init = root_make, .fini = root_drop)
{
    char *path = sn_strdupf("%s/enabled", root);
    cr_assert_str_eq(word(sn_machine_choice(path)), "null");
    root_file("/enabled", "always [madvise] never\n");
    cr_assert_str_eq(word(sn_machine_choice(path)), "madvise");
    root_file("/enabled", "always madvise never\n");
    cr_assert_str_eq(word(sn_machine_choice(path)), "null");
    free(path);
}

Test(machine, environment_is_read_by_an_allow_list)
{
    char text[301];
    memset(text, 'x', 300);
    text[300] = '\0';
    clearenv();
    setenv("UCX_TLS", text, 1);
    setenv("OMP_NUM_THREADS", "2", 1);
    setenv("KMP_AFFINITY", "compact", 1);
    setenv("MPIR_CVAR_DEBUG", "\xff\xfe", 1); /* not UTF-8 */
    setenv("PATH", "/bin", 1);
    setenv("AWS_SECRET", "secret", 1);
    setenv("XOMP_SECRET", "secret", 1);
    setenv("KMP_AFFINITY_SECRET", "secret", 1);
    json_t *e = sn_machine_environment();
    char *dump = json_dumps(e, JSON_COMPACT);
    text[256] = '\0';
    /* Sorted by name, cut after 256 bytes. */
    char *want = sn_strdupf("{\"KMP_AFFINITY\":\"compact\",\"MPIR_CVAR_DEBUG\":null,"
                            "\"OMP_NUM_THREADS\":\"2\",\"UCX_TLS\":\"%s\"}",
                            text);
    cr_assert_str_eq(dump, want);
    free(want);
    free(dump);
    json_decref(e);
}

Test(machine, long_value_is_cut_between_characters)
{
    char text[301];
    for (int i = 0; i < 150; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa9", 2); /* e with acute accent: bytes 1-2, 3-4, ... */
    text[0] = 'a';
    text[300] = '\0';
    clearenv();
    setenv("UCX_NAME", text, 1);
    json_t *e = sn_machine_environment();
    cr_assert_eq(strlen(json_string_value(json_object_get(e, "UCX_NAME"))), 255);
    json_decref(e);
}

/* --- the whole ------------------------------------------------------------------------------- */

Test(machine, two_descriptions_differ_only_in_the_load)
{
    json_t *a = sn_machine_describe(), *b = sn_machine_describe();
    json_object_del(a, "load");
    json_object_del(b, "load");
    cr_assert(json_equal(a, b));
    static const char *const keys[] = {"host",      "cpu",      "topology",   "memory_bytes",
                                       "kernel",    "governor", "huge_pages", "virtual_machine",
                                       "container", "build",    "libraries",  "environment"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_assert_not_null(json_object_get(a, keys[i]), "%s", keys[i]);
    cr_assert_eq(json_object_size(a), sizeof keys / sizeof *keys);
    json_t *libraries = json_object_get(a, "libraries");
    cr_assert_not_null(json_string_value(json_object_get(libraries, "mpi")));
    cr_assert_null(strpbrk(json_string_value(json_object_get(libraries, "mpi")), "\n\t"));
    json_decref(a);
    json_decref(b);
}

Test(machine, load_has_its_keys)
{
    json_t *load = sn_machine_load();
    cr_assert(json_is_real(json_object_get(load, "load1")));
    cr_assert_gt(number(load, "running"), 0, "this process runs");
    json_decref(load);
}

static json_t *facts(void)
{
    return json_pack("{s:{s:s}, s:{s:i, s:i}, s:I, s:{s:s}, s:{s:s}, s:s, s:{s:f}}", "cpu", "model",
                     "A", "topology", "cores", 2, "pus", 4, "memory_bytes", (json_int_t)64 << 30,
                     "kernel", "release", "6.1", "libraries", "mpi", "M 1", "host", "h", "load",
                     "load1", 0.5);
}

static void fingerprint_with(const char *outer, const char *inner, json_t *value, char out[17])
{
    json_t *m = facts();
    if (inner)
        json_object_set_new(json_object_get(m, outer), inner, value);
    else if (outer)
        json_object_set_new(m, outer, value);
    sn_machine_fingerprint(m, out);
    json_decref(m);
}

Test(machine, fingerprint_sees_what_makes_machines_differ)
{
    char base[17], other[17];
    fingerprint_with(NULL, NULL, NULL, base);
    cr_assert_eq(strlen(base), 16);
    cr_assert_eq(strspn(base, "0123456789abcdef"), 16);
    const struct {
        const char *outer, *inner;
        json_t *value;
        int same;
    } cases[] = {
        {"cpu", "model", json_string("B"), 0},
        {"topology", "cores", json_integer(4), 0},
        {"topology", "pus", json_integer(2), 0},
        {"memory_bytes", NULL, json_integer((json_int_t)128 << 30), 0},
        {"memory_bytes", NULL, json_null(), 0},
        {"kernel", "release", json_string("6.2"), 0},
        {"libraries", "mpi", json_string("M 2"), 0},
        /* A few pages less after a kernel update, another host of the same kind, another load. */
        {"memory_bytes", NULL, json_integer(((json_int_t)64 << 30) - (100 << 20)), 1},
        {"host", NULL, json_string("g"), 1},
        {"load", "load1", json_real(9), 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fingerprint_with(cases[i].outer, cases[i].inner, cases[i].value, other);
        cr_assert_eq(!strcmp(base, other), cases[i].same, "%s.%s", cases[i].outer,
                     cases[i].inner ? cases[i].inner : "");
    }
}

Test(machine, fingerprint_of_this_machine_repeats)
{
    char a[17], b[17];
    json_t *m = sn_machine_describe();
    sn_machine_fingerprint(m, a);
    json_decref(m);
    m = sn_machine_describe();
    sn_machine_fingerprint(m, b);
    json_decref(m);
    cr_assert_str_eq(a, b);
}

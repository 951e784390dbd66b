/* What the operating system and the CPU tell: model and flags, kernel, governor, memory, load,
 * hypervisor, container, environment. Read from /proc, /sys and CPUID; nothing is executed. */
#define _GNU_SOURCE
#include "harness/machine.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "harness/base/buf.h"
#include "harness/base/cpu.h"
#include "harness/machine_parts.h"

extern char **environ;

static json_t *text_or_null(const char *text)
{
    json_t *j = text && *text ? json_string(text) : NULL;
    return j ? j : json_null(); /* json_string() refuses what is not UTF-8 */
}

/* The first line of a file without its newline; false when it cannot be read. */
static bool first_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    bool ok = fgets(line, (int)size, f) != NULL;
    fclose(f);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

/* --- CPU ------------------------------------------------------------------------------------- */

/* Flags that explain a figure: vector and matrix units, string and cache instructions, clocks. */
static bool flag_matters(const char *flag)
{
    static const char *const prefixes[] = {"avx", "amx", "sse4", "sve", "sme", "asimd"};
    static const char *const names[] = {
        "fma",        "f16c",        "bmi2", "gfni",         "erms",        "fsrm",
        "clflushopt", "clwb",        "i8mm", "cldemote",     "movdiri",     "movdir64b",
        "rdtscp",     "svei8mm",     "bf16", "constant_tsc", "nonstop_tsc", "tsc_known_freq",
        "hypervisor", "atomics",     "fphp", "arat",         "pdpe1gb",     "cppc",
        "hwp",        "tsc_reliable"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(flag, prefixes[i], strlen(prefixes[i])))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(flag, names[i]))
            return true;
    return false;
}

static json_t *cpu_flags(void)
{
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (!f)
        return json_null();
    char *line = NULL;
    size_t cap = 0;
    json_t *flags = NULL;
    while (!flags && getline(&line, &cap, f) > 0) {
        char *colon = strchr(line, ':');
        if (!colon || (strncmp(line, "flags", 5) && strncmp(line, "Features", 8)))
            continue;
        flags = json_array();
        char *rest = NULL;
        for (char *w = strtok_r(colon + 1, " \t\n", &rest); w; w = strtok_r(NULL, " \t\n", &rest))
            if (flag_matters(w))
                json_array_append_new(flags, json_string(w));
    }
    free(line);
    fclose(f);
    return flags ? flags : json_null();
}

json_t *sn_machine_cpu(void)
{
    char model[256];
    sn_cpu_model(model, sizeof model);
    json_t *features = json_array(), *j = json_object();
    for (int i = 0; i < SN_CPU_FEATURES; i++)
        if (sn_cpu_has((enum sn_cpu_feature)i))
            json_array_append_new(features, json_string(sn_cpu_feature_name(i)));
    json_object_set_new(j, "model", text_or_null(model));
    json_t *vendor = json_null(), *family = json_null(), *number = json_null(), *step = json_null();
#if defined(__x86_64__)
    unsigned a, b, c, d;
    char name[13] = "";
    if (__get_cpuid(0, &a, &b, &c, &d)) {
        memcpy(name, &b, 4);
        memcpy(name + 4, &d, 4);
        memcpy(name + 8, &c, 4);
        vendor = text_or_null(name);
    }
    if (__get_cpuid(1, &a, &b, &c, &d)) {
        /* Intel SDM and AMD APM, CPUID Fn0000_0001_EAX: the extended parts count where the base
         * family is 15 (model: also where it is 6). */
        unsigned base = a >> 8 & 15;
        family = json_integer(base == 15 ? 15 + (a >> 20 & 255) : base);
        number = json_integer((a >> 4 & 15) | (base == 15 || base == 6 ? (a >> 16 & 15) << 4 : 0));
        step = json_integer(a & 15);
    }
#endif
    json_object_set_new(j, "vendor", vendor);
    json_object_set_new(j, "family", family);
    json_object_set_new(j, "model_number", number);
    json_object_set_new(j, "stepping", step);
    json_object_set_new(j, "features", features);
    json_object_set_new(j, "flags", cpu_flags());
    return j;
}

/* --- kernel ---------------------------------------------------------------------------------- */

json_t *sn_machine_kernel(void)
{
    struct utsname u;
    if (uname(&u))
        return json_null();
    return json_pack("{s:s, s:s, s:s}", "system", u.sysname, "release", u.release, "architecture",
                     u.machine);
}

json_t *sn_machine_governor(const char *root)
{
    char *pattern =
        sn_strdupf("%s/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor", root);
    glob_t g = {0};
    char found[64] = "", line[64];
    if (!glob(pattern, GLOB_NOSORT, NULL, &g))
        for (size_t i = 0; i < g.gl_pathc; i++) {
            if (!first_line(g.gl_pathv[i], line, sizeof line))
                continue;
            if (*found && strcmp(found, line)) {
                strcpy(found, "mixed");
                break;
            }
            strcpy(found, line);
        }
    globfree(&g);
    free(pattern);
    return text_or_null(found);
}

json_t *sn_machine_choice(const char *path)
{
    char line[256];
    if (!first_line(path, line, sizeof line))
        return json_null();
    char *open = strchr(line, '['), *close = open ? strchr(open, ']') : NULL;
    if (!close)
        return json_null();
    *close = '\0';
    return text_or_null(open + 1);
}

json_t *sn_machine_memory(void)
{
    unsigned long long kib = 0;
    char line[128];
    if (!first_line("/proc/meminfo", line, sizeof line) ||
        sscanf(line, "MemTotal: %llu kB", &kib) != 1)
        return json_null();
    return json_integer((json_int_t)(kib * 1024));
}

json_t *sn_machine_load(void)
{
    char line[128];
    double load[3];
    int running, tasks;
    if (!first_line("/proc/loadavg", line, sizeof line) ||
        sscanf(line, "%lf %lf %lf %d/%d", &load[0], &load[1], &load[2], &running, &tasks) != 5)
        return json_pack("{s:n, s:n, s:n, s:n, s:n}", "load1", "load5", "load15", "running",
                         "tasks");
    return json_pack("{s:f, s:f, s:f, s:i, s:i}", "load1", load[0], "load5", load[1], "load15",
                     load[2], "running", running, "tasks", tasks);
}

/* --- hypervisor and container ---------------------------------------------------------------- */

json_t *sn_machine_hypervisor(void)
{
#if defined(__x86_64__)
    /* CPUID leaf 1 ECX bit 31 is 0 on hardware and set by hypervisors, whose signature is then in
     * leaf 0x40000000 (EBX, ECX, EDX). */
    static const struct {
        const char *signature, *name;
    } known[] = {{"KVMKVMKVM", "KVM"},     {"Microsoft Hv", "Hyper-V"}, {"VMwareVMware", "VMware"},
                 {"XenVMMXenVMM", "Xen"},  {"TCGTCGTCGTCG", "QEMU"},    {"bhyve bhyve ", "bhyve"},
                 {"ACRNACRNACRN", "ACRN"}, {"QNXQVMBSQG", "QNX"}};
    unsigned a, b, c, d;
    char signature[13] = "";
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c >> 31))
        return json_null();
    __cpuid(0x40000000, a, b, c, d);
    memcpy(signature, &b, 4);
    memcpy(signature + 4, &c, 4);
    memcpy(signature + 8, &d, 4);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(signature, known[i].signature))
            return json_string(known[i].name);
    json_t *j = *signature ? json_string(signature) : NULL;
    return j ? j : json_string("unknown");
#else
    return json_null();
#endif
}

json_t *sn_machine_container(const char *root)
{
    static const struct {
        const char *file, *name;
    } markers[] = {{"/.dockerenv", "docker"},
                   {"/run/.containerenv", "podman"},
                   {"/.singularity.d", "apptainer"}};
    static const struct {
        const char *part, *name;
    } groups[] = {{"kubepods", "kubernetes"},
                  {"docker", "docker"},
                  {"libpod", "podman"},
                  {"lxc", "lxc"},
                  {"containerd", "containerd"}};
    const char *name = NULL;
    char line[512];
    for (size_t i = 0; !name && i < sizeof markers / sizeof *markers; i++) {
        char *path = sn_strdupf("%s%s", root, markers[i].file);
        if (!access(path, F_OK))
            name = markers[i].name;
        free(path);
    }
    char *path = sn_strdupf("%s/run/systemd/container", root);
    if (!name && first_line(path, line, sizeof line) && *line)
        name = line;
    free(path);
    path = sn_strdupf("%s/proc/1/cgroup", root);
    FILE *f = name ? NULL : fopen(path, "r");
    free(path);
    while (f && !name && fgets(line, sizeof line, f))
        for (size_t i = 0; !name && i < sizeof groups / sizeof *groups; i++)
            if (strstr(line, groups[i].part))
                name = groups[i].name;
    if (f)
        fclose(f);
    return text_or_null(name);
}

/* --- environment ----------------------------------------------------------------------------- */

static bool variable_allowed(const char *name)
{
    static const char *const prefixes[] = {"OMP_", "MPIR_CVAR_", "UCX_"};
    static const char *const names[] = {"KMP_AFFINITY", "GOMP_CPU_AFFINITY"};
    /* Set by MPICH's mpiexec for itself: the host's name. */
    if (!strcmp(name, "MPIR_CVAR_CH3_INTERFACE_HOSTNAME"))
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

json_t *sn_machine_environment(void)
{
    enum { LONGEST = 256 };
    json_t *all = json_object();
    for (char **e = environ; e && *e; e++) {
        const char *equals = strchr(*e, '=');
        char name[128];
        if (!equals || equals - *e >= (long)sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - *e), *e);
        if (!variable_allowed(name))
            continue;
        /* The cut may fall into a UTF-8 sequence of up to 4 bytes. */
        size_t n = strnlen(equals + 1, LONGEST), most = equals[1 + n] ? 3 : 0;
        json_t *value = NULL;
        for (size_t less = 0; !value && less <= most; less++)
            value = json_stringn(equals + 1, n - less);
        json_object_set_new(all, name, value ? value : json_null());
    }
    /* The order of the environment is an accident; the same settings give the same text. */
    json_t *sorted = json_object();
    size_t n = 0;
    const char **names = sn_calloc(json_object_size(all) + 1, sizeof *names);
    for (void *it = json_object_iter(all); it; it = json_object_iter_next(all, it))
        names[n++] = json_object_iter_key(it);
    for (size_t done = 0; done < n; done++) {
        size_t least = done;
        for (size_t i = done + 1; i < n; i++)
            if (strcmp(names[i], names[least]) < 0)
                least = i;
        const char *swap = names[done];
        names[done] = names[least];
        names[least] = swap;
        json_object_set(sorted, names[done], json_object_get(all, names[done]));
    }
    free(names);
    json_decref(all);
    return sorted;
}

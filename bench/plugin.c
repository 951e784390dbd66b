/* Loading plug-ins. What each file brings is first loaded, looked at and run in child processes
 * (plugin_guard.h); a file that passes is then loaded here in the same way. dlopen() gets an
 * absolute path, so that no search path is asked, RTLD_NOW, so that a missing symbol is found at
 * once, and RTLD_LOCAL, so that plug-ins do not see each other's symbols. */
#include "bench/plugin.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "bench/plugin_check.h"
#include "comm/transport.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/sums.h"
#include "kernels/kernel.h"

enum { ITEMS_MAX = 256 }; /* kernels, and transports, of one plug-in */

struct loaded {
    const char *file; /* as given */
    char *path;       /* absolute */
    char sha256[65];
    const struct sn_plugin *plugin;
    unsigned *checked; /* (kernels) problems that each passed; shared with the children */
};

/* The plug-ins of this process: loaded once, by main's command, for as long as it lives. */
static struct loaded *all;
static size_t n_all;

static int find(const struct sn_plugin **out, const struct loaded *l)
{
    dlerror();
    void *handle = dlopen(l->path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *why = dlerror();
        return SN_FAIL(SN_EINVAL, "cannot be loaded: %s", why ? why : "for no given reason");
    }
    const struct sn_plugin *p = dlsym(handle, "sn_plugin");
    if (!p)
        return SN_FAIL(SN_EINVAL, "has no symbol 'sn_plugin': define `const struct sn_plugin "
                                  "sn_plugin = {...}` (snbench.h)");
    if (p->abi != SN_ABI_VERSION || p->size != sizeof *p)
        return SN_FAIL(SN_EINVAL,
                       "is a plug-in for version %u of snbench.h (descriptor of %u bytes); this is "
                       "version %u (%zu bytes): compile it with this snbench's header",
                       p->abi, p->size, SN_ABI_VERSION, sizeof *p);
    if (!p->name || !sn_is_word(p->name))
        return SN_FAIL(SN_EINVAL, "its plug-in has no name of letters, digits, _ . -");
    if (!p->brief)
        return SN_FAIL(SN_EINVAL, "plug-in %s: its field 'brief' is missing", p->name);
    *out = p;
    return SN_OK;
}

static size_t count(const void *const *items)
{
    size_t n = 0;
    while (items && items[n] && n < ITEMS_MAX)
        n++;
    return n;
}

static size_t kernels_of(const struct sn_plugin *p)
{
    return count((const void *const *)p->kernels);
}

static size_t transports_of(const struct sn_plugin *p)
{
    return count((const void *const *)p->transports);
}

/* Adds everything that the plug-in has to the lists. */
static int add(const struct sn_plugin *p)
{
    int status = SN_OK;
    for (size_t i = 0; i < n_all && status == SN_OK; i++)
        if (!strcmp(all[i].plugin->name, p->name))
            status = SN_FAIL(SN_EINVAL, "there is one of that name already, from %s", all[i].file);
    if (status == SN_OK && !kernels_of(p) && !transports_of(p))
        status = SN_FAIL(SN_EINVAL, "it brings neither a kernel nor a transport");
    if (status == SN_OK && (kernels_of(p) == ITEMS_MAX || transports_of(p) == ITEMS_MAX))
        status = SN_FAIL(SN_EINVAL, "its list does not end with NULL within %d entries", ITEMS_MAX);
    for (size_t i = 0; i < kernels_of(p) && status == SN_OK; i++)
        status = sn_kernel_add(p->kernels[i]);
    for (size_t i = 0; i < transports_of(p) && status == SN_OK; i++)
        status = sn_transport_add(p->transports[i]);
    if (status != SN_OK)
        sn_status_prefix("plug-in %s", p->name);
    return status;
}

/* --- in a child ------------------------------------------------------------------------------ */

struct check {
    struct loaded *l;
    struct sn_plugin_pair *pair;
    size_t *transports; /* shared: number of transports, for those that come later */
    size_t transport;   /* the one to check */
};

static int load(struct sn_guard *g, const struct loaded *l, const struct sn_plugin **p)
{
    sn_guard_step(g, SN_EINVAL, "while it is loaded");
    int status = find(p, l);
    if (status != SN_OK)
        return status;
    sn_guard_step(g, SN_EINVAL, "plug-in %s: while its descriptors are read", (*p)->name);
    return add(*p);
}

static int check_kernels(struct sn_guard *g, unsigned i, void *arg)
{
    struct check *c = arg;
    const struct sn_plugin *p;
    int status = load(g, c->l, &p);
    (void)i;
    if (status != SN_OK)
        return status;
    for (size_t k = 0; k < kernels_of(p) && status == SN_OK; k++)
        status = sn_plugin_check_kernel(g, p->name, p->kernels[k], &c->l->checked[k]);
    *c->transports = transports_of(p);
    return status;
}

static int check_transport(struct sn_guard *g, unsigned rank, void *arg)
{
    struct check *c = arg;
    const struct sn_plugin *p;
    int status = load(g, c->l, &p);
    if (status == SN_OK)
        status =
            sn_plugin_check_transport(g, p->name, p->transports[c->transport], (int)rank, c->pair);
    return status;
}

/* --- in the program -------------------------------------------------------------------------- */

static int check(struct loaded *l, bool speak)
{
    enum { BYTES = ITEMS_MAX * sizeof(unsigned) + sizeof(size_t) };
    void *shared = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct check c = {.l = l, .pair = sn_plugin_pair_open()};
    if (shared == MAP_FAILED || !c.pair)
        return SN_FAIL(SN_ENOMEM, "no memory to check a plug-in");
    c.transports = shared;
    l->checked = (unsigned *)(c.transports + 1);
    int status = sn_guarded(1, check_kernels, &c, speak);
    for (; status == SN_OK && c.transport < *c.transports; c.transport++)
        status = sn_guarded(2, check_transport, &c, speak);
    sn_plugin_pair_close(c.pair);
    return status;
}

static int open_one(struct loaded *l, bool speak)
{
    struct stat st;
    l->path = realpath(l->file, NULL);
    if (!l->path || stat(l->path, &st))
        return SN_FAIL(SN_EINVAL, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return SN_FAIL(SN_EINVAL, "is no file; right: a shared object (cc -shared -fPIC)");
    int status = sn_sums_of_file(l->path, l->sha256);
    if (status == SN_OK)
        status = check(l, speak);
    if (status == SN_OK)
        status = find(&l->plugin, l);
    return status == SN_OK ? add(l->plugin) : status;
}

int sn_plugins_open(const char *const *files, size_t n, bool speak)
{
    int status = SN_OK;
    all = sn_calloc(n + 1, sizeof *all);
    for (size_t i = 0; i < n && status == SN_OK; i++) {
        struct loaded l = {.file = files[i]};
        status = open_one(&l, speak);
        if (status == SN_OK)
            all[n_all++] = l;
        else
            sn_status_prefix("--plugin %s", files[i]);
    }
    return status;
}

json_t *sn_plugins_describe(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n_all; i++) {
        const struct loaded *l = &all[i];
        json_t *kernels = json_array(), *transports = json_array();
        for (size_t k = 0; k < kernels_of(l->plugin); k++)
            json_array_append_new(
                kernels, json_pack("{s:s, s:s, s:b}", "op", l->plugin->kernels[k]->op, "name",
                                   l->plugin->kernels[k]->name, "checked", l->checked[k] > 0));
        for (size_t t = 0; t < transports_of(l->plugin); t++)
            json_array_append_new(transports, json_string(l->plugin->transports[t]->name));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "path", l->path,
                                              "sha256", l->sha256, "name", l->plugin->name,
                                              "kernels", kernels, "transports", transports));
    }
    return list;
}

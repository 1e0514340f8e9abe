/* SPDX-License-Identifier: Apache-2.0
 *
 * load.c - a module file to a descriptor in structs of our size.
 */
#include "kit.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static const char *load_filename; /* NULL: linked in */

const char *
kit_load_filename(void)
{
    return load_filename;
}

static lt_dlhandle
load_open(const char *path, struct err *e)
{
    lt_dladvise advise;
    lt_dlhandle h = NULL;
    const char *why;

    if (lt_dlinit() || lt_dladvise_init(&advise) ||
        lt_dladvise_local(&advise)) {
        err_set(e, ERR_IO, "libltdl: %s", lt_dlerror());
        return NULL;
    }
    h = lt_dlopenadvise(path, advise);
    if (!h) {
        why = lt_dlerror();
        err_set(e, ERR_IO, "%s: %s", path, why ? why : "cannot be opened");
        /* libltdl says "file not found" for much else; the linker knows */
        if (!str_ends(str_of(path), STR(".la")) &&
            !dlopen(path, RTLD_NOW | RTLD_LOCAL) && (why = dlerror()))
            err_set(e, ERR_IO, "%s", why);
    }
    lt_dladvise_destroy(&advise);
    return h;
}

/* Copy n bytes of a table into zeroed memory of our size. */
static void
load_copy(void *to, size_t size, const void *from, size_t n)
{
    memset(to, 0, size);
    memcpy(to, from, MIN_OF(n, size));
}

static int
load_stamp(const struct impel_module *d, struct err *e)
{
    if (d->abi.magic != IMPEL_ABI_MAGIC)
        return err_set(e, ERR_VERSION, "no Impel module: the stamp is wrong");
    if (d->abi.major != IMPEL_ABI_MAJOR)
        return err_set(e, ERR_VERSION,
            "another major: wants ABI %u.%u, this core provides %u.%u",
            d->abi.major, d->abi.minor, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    if (d->abi.minor > IMPEL_ABI_MINOR)
        return err_set(e, ERR_VERSION,
            "newer: wants ABI %u.%u, this core provides %u.%u", d->abi.major,
            d->abi.minor, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    if (d->size < offsetof(struct impel_module, filter) + sizeof(void *))
        return err_set(e, ERR_VERSION,
            "short: a descriptor of %u bytes, 1.0 has %zu", d->size,
            sizeof(struct impel_module));
    return 0;
}

/* The rows at the module's stride become rows at ours. */
static int
load_tables(struct kit_module *k, struct err *e)
{
    struct impel_module *m = &k->m;

    if ((m->option_count && (!m->options || m->option_size < 16)) ||
        (m->counter_count && (!m->counters || m->counter_size < 16)) ||
        m->option_count > 1000 || m->counter_count > 1000)
        return err_set(e, ERR_INVAL, "option or counter table: wrong sizes");
    k->option = xcalloc(m->option_count + 1, sizeof(*k->option));
    for (uint32_t i = 0; i < m->option_count; i++)
        load_copy(&k->option[i], sizeof(k->option[i]),
            (const char *)m->options + (size_t)i * m->option_size,
            m->option_size);
    m->options = k->option;
    k->counter = xcalloc(m->counter_count + 1, sizeof(*k->counter));
    for (uint32_t i = 0; i < m->counter_count; i++)
        load_copy(&k->counter[i], sizeof(k->counter[i]),
            (const char *)m->counters + (size_t)i * m->counter_size,
            m->counter_size);
    m->counters = k->counter;
    return 0;
}

int
kit_load(const char *path, struct kit_module *m, struct err *e)
{
    lt_dlhandle h = load_open(path, e);
    const struct impel_module *d;
    const lt_dlinfo *info;

    if (!h)
        return ERR_IO;
    info = lt_dlgetinfo(h);
    load_filename = info ? info->filename : path;
    if (access(load_filename, F_OK))
        load_filename = NULL; /* it is among the preloaded symbols */
    d = lt_dlsym(h, "impel_module");
    if (!d)
        return err_set(e, ERR_NOTFOUND,
            "no Impel module: it exports no NAME_LTX_impel_module");
    return kit_take(d, path, m, e);
}

int
kit_take(const struct impel_module *d, const char *path, struct kit_module *m,
    struct err *e)
{
    memset(m, 0, sizeof(*m));
    m->path = path;
    m->is_linked = !load_filename;
    if (load_stamp(d, e))
        return e->code;
    load_copy(&m->m, sizeof(m->m), d, d->size);
    m->has_transport = d->transport != NULL;
    m->has_listener = d->listener != NULL;
    if (m->has_transport)
        load_copy(&m->transport, sizeof(m->transport), d->transport,
            d->transport->size);
    if (m->has_listener)
        load_copy(
            &m->listener, sizeof(m->listener), d->listener, d->listener->size);
    m->has_filter = d->filter != NULL;
    if (m->has_filter)
        load_copy(&m->filter, sizeof(m->filter), d->filter, d->filter->size);
    return load_tables(m, e);
}

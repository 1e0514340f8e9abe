/* SPDX-License-Identifier: Apache-2.0
 *
 * loader.c - opening a module, and the checks of its stamp and tables.  What
 * the tables hold is checked in vet.c.
 */
#include "xport/loader.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "xport/vet.h"
#include "base/banned.h"

/* How long each table was in 1.0: up to the last member it had. */
#define UPTO(type, field) \
    (offsetof(type, field) + sizeof(((type *)NULL)->field))
static const size_t v1_module = UPTO(struct impel_module, filter);
static const size_t v1_option = UPTO(struct impel_option, since);
static const size_t v1_counter = UPTO(struct impel_counter, reserved);
static const size_t v1_transport = UPTO(struct impel_transport, release);
static const size_t v1_listener = UPTO(struct impel_listener, release);
static const size_t v1_filter = UPTO(struct impel_filter, release);

/* libltdl says "file not found" for much else: the linker knows the reason. */
static int
loader_reason(const char *file, const char *ltdl, struct err *e)
{
    char first[300];
    const char *why = NULL;

    snprintf(first, sizeof(first), "%s", ltdl ? ltdl : "unknown error");
    if (access(file, F_OK))
        return err_set(e, ERR_NOTFOUND, "%s: no such file", file);
    if (!dlopen(file, RTLD_NOW | RTLD_LOCAL))
        why = dlerror();
    return err_set(
        e, ERR_IO, "%s: cannot be loaded: %s", file, why ? why : first);
}

static int
loader_dlopen(const char *file, lt_dlhandle *to, struct err *e)
{
    static bool ready;
    lt_dladvise advise;
    int rc = 0;

    if (!ready && lt_dlinit())
        return err_set(e, ERR_IO, "libltdl: %s", lt_dlerror());
    ready = true;
    if (lt_dladvise_init(&advise) || lt_dladvise_local(&advise))
        return err_set(e, ERR_IO, "libltdl: %s", lt_dlerror());
    *to = lt_dlopenadvise(file, advise);
    if (!*to)
        rc = loader_reason(file, lt_dlerror(), e);
    lt_dladvise_destroy(&advise);
    return rc;
}

/* "esmtp" of "/usr/lib/impel/modules/esmtp.so", as a C name. */
static void
loader_stem(const char *file, char *to, size_t size)
{
    const char *slash = strrchr(file, '/');
    struct str s = str_of(slash ? slash + 1 : file);
    size_t dot = str_chr(s, '.', 0);

    if (dot != SIZE_MAX)
        s.n = dot;
    (void)str_copy(to, size, s);
    for (char *p = to; *p; p++) {
        if (*p == '-')
            *p = '_';
    }
}

static int
loader_check_stamp(
    const struct impel_module *m, const char *file, struct err *e)
{
    if (m->abi.magic != IMPEL_ABI_MAGIC)
        return err_set(e, ERR_PROTO,
            "%s: what it exports as impel_module is no module descriptor "
            "(stamp 0x%08x)",
            file, m->abi.magic);
    if (m->abi.major != IMPEL_ABI_MAJOR)
        return err_set(e, ERR_VERSION,
            "%s: another major: wants ABI %u.%u, this core provides %u.%u",
            file, m->abi.major, m->abi.minor, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    if (m->abi.minor > IMPEL_ABI_MINOR)
        return err_set(e, ERR_VERSION,
            "%s: newer: wants ABI %u.%u, this core provides %u.%u", file,
            m->abi.major, m->abi.minor, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR);
    if (m->size < v1_module)
        return err_set(e, ERR_PROTO,
            "%s: its descriptor has %u bytes, that of ABI 1.0 has %zu", file,
            m->size, v1_module);
    return 0;
}

static void
loader_copy(void *to, size_t size, const void *from, size_t n)
{
    memset(to, 0, size);
    memcpy(to, from, MIN_OF(n, size));
}

/* The module's rows, each of its own stride, as rows of our size. */
static void *
loader_rows(const void *rows, uint32_t count, uint32_t stride, size_t size)
{
    char *to = xcalloc(count ? count : 1, size);

    for (uint32_t i = 0; i < count; i++)
        loader_copy(to + i * size, size,
            (const char *)rows + (size_t)i * stride, stride);
    return to;
}

static int
loader_copy_rows(struct module *m, struct err *e)
{
    struct impel_module *d = &m->desc;

    if (d->option_count > LOADER_OPTIONS_MAX ||
        (d->option_count && !d->options))
        return err_set(e, ERR_PROTO,
            "%s: option table: %u rows where at most %d are allowed, or none "
            "are there",
            m->file, d->option_count, LOADER_OPTIONS_MAX);
    if (d->option_count && d->option_size < v1_option)
        return err_set(e, ERR_PROTO,
            "%s: option rows have %u bytes, those of ABI 1.0 have %zu", m->file,
            d->option_size, v1_option);
    if (d->counter_count > LOADER_COUNTERS_MAX ||
        (d->counter_count && !d->counters))
        return err_set(e, ERR_PROTO,
            "%s: counter table: %u rows where at most %d are allowed, or none "
            "are there",
            m->file, d->counter_count, LOADER_COUNTERS_MAX);
    if (d->counter_count && d->counter_size < v1_counter)
        return err_set(e, ERR_PROTO,
            "%s: counter rows have %u bytes, those of ABI 1.0 have %zu",
            m->file, d->counter_size, v1_counter);
    d->options = loader_rows(d->options, d->option_count, d->option_size,
        sizeof(struct impel_option));
    d->counters = loader_rows(d->counters, d->counter_count, d->counter_size,
        sizeof(struct impel_counter));
    return 0;
}

static int
loader_copy_parts(struct module *m, struct err *e)
{
    const struct impel_module *d = &m->desc;

    m->has_transport = d->transport != NULL;
    m->has_listener = d->listener != NULL;
    m->has_filter = d->filter != NULL;
    if (m->has_filter && d->filter->size < v1_filter)
        return err_set(e, ERR_PROTO,
            "%s: its filter has %u bytes, that of ABI 1.0 has %zu", m->file,
            d->filter->size, v1_filter);
    if (m->has_filter)
        loader_copy(&m->filter, sizeof(m->filter), d->filter, d->filter->size);
    if (m->has_transport && d->transport->size < v1_transport)
        return err_set(e, ERR_PROTO,
            "%s: its transport has %u bytes, that of ABI 1.0 has %zu", m->file,
            d->transport->size, v1_transport);
    if (m->has_listener && d->listener->size < v1_listener)
        return err_set(e, ERR_PROTO,
            "%s: its listener has %u bytes, that of ABI 1.0 has %zu", m->file,
            d->listener->size, v1_listener);
    if (m->has_transport)
        loader_copy(&m->transport, sizeof(m->transport), d->transport,
            d->transport->size);
    if (m->has_listener)
        loader_copy(
            &m->listener, sizeof(m->listener), d->listener, d->listener->size);
    return 0;
}

int
loader_check(const struct impel_module *theirs, const char *file,
    struct module **to, struct err *e)
{
    struct module *m;
    char stem[64];
    int rc = loader_check_stamp(theirs, file, e);

    if (rc < 0)
        return rc;
    m = xnew(struct module);
    m->magic = MODULE_MAGIC;
    m->file = xdup(file);
    loader_copy(&m->desc, sizeof(m->desc), theirs, theirs->size);
    m->abi_major = theirs->abi.major;
    m->abi_minor = theirs->abi.minor;
    m->name = m->desc.name;
    m->version = m->desc.version;
    m->brief = m->desc.brief;
    m->desc.options = NULL;
    m->desc.counters = NULL;
    loader_stem(file, stem, sizeof(stem));
    rc = vet_names(m, stem, e);
    if (rc == 0) {
        m->desc.options = theirs->options;
        m->desc.counters = theirs->counters;
        rc = loader_copy_rows(m, e);
        if (rc < 0) {
            m->desc.options = NULL;
            m->desc.counters = NULL;
        }
    }
    if (rc == 0)
        rc = loader_copy_parts(m, e);
    if (rc == 0)
        rc = vet_parts(m, e);
    if (rc == 0)
        rc = vet_options(m, e);
    if (rc == 0)
        rc = vet_counters(m, e);
    if (rc < 0)
        loader_free(&m);
    *to = m;
    return rc;
}

int
loader_open(const char *file, struct module **to, struct err *e)
{
    const struct impel_module *theirs;
    lt_dlhandle handle;
    char stem[64];
    int rc;

    *to = NULL;
    rc = loader_dlopen(file, &handle, e);
    if (rc < 0)
        return rc;
    /* finds STEM_LTX_impel_module first */
    theirs = lt_dlsym(handle, "impel_module");
    if (!theirs) {
        loader_stem(file, stem, sizeof(stem));
        (void)lt_dlclose(handle);
        return err_set(e, ERR_PROTO,
            "%s: exports no %s_LTX_impel_module, so it is no Impel module",
            file, stem);
    }
    rc = loader_check(theirs, file, to, e);
    if (rc < 0)
        (void)lt_dlclose(handle); /* another file may take its place */
    return rc;
}

/* The core's id of each row the module has, imports included. */
static int
loader_import(struct module *m, struct err *e)
{
    const struct impel_module *d = &m->desc;

    for (uint32_t i = 0; i < d->option_count; i++) {
        if (d->options[i].type != IMPEL_OPT_IMPORT)
            continue;
        m->option_ids[i] = option_find(str_of(d->options[i].name));
        if (m->option_ids[i] == UINT32_MAX)
            return err_set(e, ERR_NOTFOUND,
                "%s: imports option %s, which this core does not have", m->file,
                d->options[i].name);
        option_import(m->option_ids[i]);
    }
    return 0;
}

int
loader_declare(struct module *m, struct err *e)
{
    const struct impel_module *d = &m->desc;
    uint32_t own = 0;
    int rc;

    CHECK(m, MODULE_MAGIC);
    rc = loader_import(m, e);
    if (rc == 0 && m->options.count)
        rc = option_add(&m->options, e);
    if (rc < 0)
        return e && rc != ERR_NOTFOUND ? err_prefix(e, "%s", m->file) : rc;
    for (uint32_t i = 0; i < d->option_count; i++) {
        if (d->options[i].type != IMPEL_OPT_IMPORT)
            m->option_ids[i] = OPT(m->options, own++);
    }
    return 0;
}

void
loader_free(struct module **mp)
{
    struct module *m = *mp;

    *mp = NULL;
    if (!m)
        return;
    CHECK(m, MODULE_MAGIC);
    free((void *)(uintptr_t)m->file);
    free((void *)(uintptr_t)m->desc.options);
    free((void *)(uintptr_t)m->desc.counters);
    free((void *)(uintptr_t)m->options.rows);
    free(m->option_ids);
    m->magic = 0;
    free(m);
}

static void
loader_print_list(struct buf *to, const char *key, const char *const *names)
{
    for (size_t i = 0; names && names[i]; i++)
        buf_printf(to, "%s %s\n", key, names[i]);
}

void
loader_print_serves(const struct module *m, struct buf *to)
{
    CHECK(m, MODULE_MAGIC);
    buf_printf(to, "module %s\nversion %s\nabi %u.%u\n", m->name, m->version,
        m->abi_major, m->abi_minor);
    loader_print_list(to, "method", m->desc.methods);
    loader_print_list(to, "scheme", m->desc.schemes);
    loader_print_list(to, "listener", m->desc.listeners);
    if (m->has_filter)
        buf_cstr(to, "filter yes\n");
}

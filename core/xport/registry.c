/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.c - name to module: opened, declared, loaded, or refused and why.
 *
 * Entries are made once and sorted by name.  A lock guards them: modules are
 * loaded by the main thread, later by the scheduler, and a candidate
 * configuration may be checked elsewhere.
 */
#include "xport/registry_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/xmem.h"
#include "conf/uninstalled.h"
#include "route/resolve.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "xport/loader.h"
#include "xport/xport_options.h"
#include "base/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static size_t entry_count;
static char *folders;
/* Option tables must stay after registry_close(): their modules do. */
static struct module **retired;
static size_t retired_count;
/* Modules that filter, once they are loaded, by name; read without the lock,
 * since each connection asks for them. */
static _Atomic(struct module *) filters;

void
registry_lock(void)
{
    pthread_mutex_lock(&lock);
}

void
registry_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

struct entry *
registry_entry(size_t i)
{
    return i < entry_count ? &entries[i] : NULL;
}

struct entry **
registry_entries(size_t **count)
{
    *count = &entry_count;
    return &entries;
}

const char *
registry_folders(void)
{
    return folders;
}

struct entry *
registry_by_name(struct str name)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (str_ieq(str_of(entries[i].name), name))
            return &entries[i];
    }
    return NULL;
}

struct entry *
registry_by_method(const char *method)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (!entries[i].gone && names_has(&entries[i].methods, method))
            return &entries[i];
    }
    return NULL;
}

struct entry *
registry_by_listener(const char *stanza)
{
    for (size_t i = 0; i < entry_count; i++) {
        if (!entries[i].gone && names_has(&entries[i].listeners, stanza))
            return &entries[i];
    }
    return NULL;
}

void
registry_refuse(struct entry *x, const char *why)
{
    x->state = MODULE_REFUSED;
    (void)str_copy(x->why, sizeof(x->why), str_of(why)); /* cut if long */
    log_warn(
        LOG_MOD, "module-refused", "module=%s reason=\"%s\"", x->name, why);
}

/* Stanzas, methods and schemes of an opened module. */
int
registry_announce(struct entry *x, struct err *e)
{
    const struct impel_module *d = &x->module->desc;
    int rc = option_add_module_stanza(x->module->name, e);

    for (size_t i = 0; rc == 0 && d->listeners && d->listeners[i]; i++)
        rc = option_add_listener(d->listeners[i], x->module->name, e);
    for (size_t i = 0; rc == 0 && d->methods && d->methods[i]; i++) {
        rc = option_add_method(d->methods[i], x->module->name, e);
        if (rc == 0 && method_find(str_of(d->methods[i])) < 0)
            (void)method_add(d->methods[i]); /* its number is asked later */
    }
    for (size_t i = 0; rc == 0 && d->schemes && d->schemes[i]; i++)
        rc = option_add_scheme(d->schemes[i], x->module->name, e);
    return rc;
}

void
registry_inspect(struct entry *x)
{
    struct err e = {0};
    struct module *m = NULL;

    if (loader_open(x->file, &m, &e) < 0) {
        registry_refuse(x, e.text);
        return;
    }
    x->module = m;
    free(x->name); /* mod-x.so holds mod_x */
    x->name = xdup(m->name);
    names_set(&x->methods, m->desc.methods);
    names_set(&x->schemes, m->desc.schemes);
    names_set(&x->listeners, m->desc.listeners);
    free(x->version);
    x->version = xdup(m->version);
    x->declared = loader_declare(m, &e) == 0;
    if (!x->declared || registry_announce(x, &e) < 0) {
        registry_refuse(x, e.text);
        if (!x->declared)
            loader_free(&x->module);
    }
}

int
registry_open(const char *dirs, struct err *e)
{
    int rc;

    registry_lock();
    BUG_ON(entries);
    folders = xdup(dirs ? dirs : "");
    rc = moduledir_scan(dirs, &entries, &entry_count, e);
    registry_unlock();
    return rc;
}

int
registry_declare(struct err *e)
{
    (void)e; /* a module that is refused is known as such, no more */
    registry_lock();
    for (size_t i = 0; i < entry_count; i++) {
        if (!entries[i].module && entries[i].state == MODULE_INSTALLED)
            registry_inspect(&entries[i]);
    }
    registry_unlock();
    return 0;
}

static void
registry_retire(struct module *m)
{
    retired = xgrow(retired, retired_count + 1, sizeof(struct module *));
    retired[retired_count++] = m;
}

void
registry_close(void)
{
    registry_lock();
    atomic_store(&filters, NULL);
    for (size_t i = 0; i < entry_count; i++) {
        struct module *m = entries[i].module;

        if (!m)
            continue;
        if (entries[i].state == MODULE_LOADED && m->desc.unload)
            m->desc.unload(m->ctx);
        instance_free(&m->instance);
        registry_retire(m);
    }
    moduledir_free(entries, entry_count);
    entries = NULL;
    entry_count = 0;
    xfree(&folders);
    registry_unlock();
}

static void
filters_add(struct module *m)
{
    _Atomic(struct module *) *at = &filters;
    struct module *next;

    while ((next = atomic_load(at)) != NULL && strcmp(next->name, m->name) < 0)
        at = &next->next_filter;
    atomic_store(&m->next_filter, next);
    atomic_store(at, m);
}

void
registry_load(struct entry *x)
{
    struct impel_error why = {0};
    struct module *m = x->module;
    int rc;

    if (x->state != MODULE_INSTALLED || !m)
        return;
    m->instance = instance_new(m);
    bug_doing(m->name, 0);
    rc = m->desc.load(hostapi_get(m->has_listener), m->instance, &m->ctx, &why);
    bug_doing(NULL, 0);
    if (rc >= 0) {
        x->state = MODULE_LOADED;
        if (m->has_filter)
            filters_add(m);
        log_info(LOG_MOD, "module-loaded", "module=%s version=%s file=%s",
            m->name, m->version, m->file);
        return;
    }
    instance_free(&m->instance);
    why.text[sizeof(why.text) - 1] = '\0';
    if (!why.text[0])
        snprintf(why.text, sizeof(why.text), "load() failed with %d", rc);
    registry_refuse(x, why.text);
}

static bool
name_enabled(
    const struct generation *g, const char *name, const struct stanza **to)
{
    const struct stanza *s = NULL;
    bool on = true;

    if (to)
        *to = NULL;
    while (g && (s = generation_stanza(g, SCOPE_MODULE, NULL, s)) != NULL) {
        if (!str_ieq(stanza_keyword(s), str_of(name)))
            continue;
        on = scope_int(
            stanza_scope(s), OPT(xport_options, XPORT_MODULE_ENABLED));
        if (to)
            *to = s;
    }
    return on;
}

bool
registry_enabled(
    const struct generation *g, const struct entry *x, const struct stanza **to)
{
    return name_enabled(g, x->name, to);
}

static void
registry_set_level(const struct entry *x, const struct stanza *s)
{
    uint32_t id = OPT(xport_options, XPORT_MODULE_DEBUG_LEVEL);
    int level = -1;

    if (s && scope_is_set(stanza_scope(s), id))
        level = (int)scope_int(stanza_scope(s), id);
    if (x->module && x->module->instance)
        atomic_store(&x->module->instance->level, level);
}

void
registry_adopt(const struct generation *g)
{
    const struct stanza *s;

    registry_lock();
    for (size_t i = 0; i < entry_count; i++) {
        (void)registry_enabled(g, &entries[i], &s);
        registry_set_level(&entries[i], s);
    }
    registry_unlock();
}

/* Fill *to for what serves `name`; load it if the caller is to use it. */
static void
registry_found(struct generation *g, struct entry *x, struct module_found *to)
{
    const struct stanza *s;

    if (!registry_enabled(g, x, &s)) {
        to->state = MODULE_DISABLED;
        snprintf(to->why, sizeof(to->why),
            "module %s is kept out by enabled = false (%s:%d)", x->name,
            stanza_file(s), stanza_line(s));
        return;
    }
    if (x->state != MODULE_LOADED) {
        registry_load(x);
        registry_set_level(x, s);
    }
    to->state = x->state;
    if (x->state == MODULE_LOADED)
        to->module = x->module;
    else
        snprintf(to->why, sizeof(to->why), "module %s would not load: %.320s",
            x->name, x->why[0] ? x->why : "it was not opened");
}

static void
registry_missing(
    enum installed_kind kind, const char *name, struct module_found *to)
{
    const char *module = uninstalled_find(kind, str_of(name));
    const char *what = kind == INSTALLED_METHOD ? "method" : "listener";
    const struct entry *x = module ? registry_by_name(str_of(module)) : NULL;
    char package[120];

    if (!module) {
        to->state = MODULE_ABSENT;
        snprintf(
            to->why, sizeof(to->why), "no module serves %s %.60s", what, name);
        return;
    }
    if (x && !x->gone && x->state == MODULE_REFUSED) {
        to->state = MODULE_REFUSED; /* and it has no list beside it */
        snprintf(to->why, sizeof(to->why), "module %s would not load: %.320s",
            module, x->why);
        return;
    }
    uninstalled_package(module, package, sizeof(package));
    to->state = MODULE_KNOWN;
    snprintf(to->why, sizeof(to->why),
        "%s %.60s needs module %s, which is not installed (%s)", what, name,
        module, package);
}

static void
registry_find(struct generation *g, enum installed_kind kind, const char *name,
    struct module_found *to)
{
    struct entry *x;

    memset(to, 0, sizeof(*to));
    registry_lock();
    x = kind == INSTALLED_METHOD ? registry_by_method(name)
                                 : registry_by_listener(name);
    if (x)
        registry_found(g, x, to);
    else
        registry_missing(kind, name, to);
    registry_unlock();
}

void
registry_method(
    struct generation *g, const char *method, struct module_found *to)
{
    registry_find(g, INSTALLED_METHOD, method, to);
}

void
registry_listener(
    struct generation *g, const char *stanza, struct module_found *to)
{
    registry_find(g, INSTALLED_LISTENER, stanza, to);
}

struct module *
registry_next(struct module *prev)
{
    struct module *next = NULL;
    bool seen = !prev;

    registry_lock();
    for (size_t i = 0; i < entry_count && !next; i++) {
        if (entries[i].state == MODULE_LOADED && seen)
            next = entries[i].module;
        else if (entries[i].module == prev)
            seen = true;
    }
    registry_unlock();
    return next;
}

struct module *
registry_next_filter(const struct generation *g, struct module *prev)
{
    struct module *m = atomic_load_explicit(
        prev ? &prev->next_filter : &filters, memory_order_acquire);

    while (m && !name_enabled(g, m->name, NULL))
        m = atomic_load_explicit(&m->next_filter, memory_order_acquire);
    return m;
}

void
registry_counters(registry_counter_f *fn, void *arg)
{
    struct module *m = NULL;

    while ((m = registry_next(m)) != NULL) {
        for (uint32_t i = 0; i < m->desc.counter_count; i++)
            fn(arg, m, &m->desc.counters[i], instance_sum(m->instance, i));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/uninstalled.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "conf/option.h"
#include "base/banned.h"

enum { INSTALLED_MAX = 1024 };

static const struct uninstalled {
    enum installed_kind kind;
    const char *name, *module;
} uninstalled_rows[] = {
    {INSTALLED_METHOD, "ESMTP", "esmtp"},
    {INSTALLED_METHOD, "SMTP", "esmtp"},
    {INSTALLED_METHOD, "LMTP", "lmtp"},
    {INSTALLED_METHOD, "ECSTREAM", "ecstream"},
    {INSTALLED_METHOD, "APN", "apn"},
    {INSTALLED_METHOD, "GCM", "gcm"},
    {INSTALLED_METHOD, "MM7", "mm7"},
    {INSTALLED_SCHEME, "smtp", "esmtp"},
    {INSTALLED_SCHEME, "lmtp", "lmtp"},
    {INSTALLED_SCHEME, "ecstream", "ecstream"},
    {INSTALLED_SCHEME, "apn", "apn"},
    {INSTALLED_SCHEME, "gcm", "gcm"},
    {INSTALLED_SCHEME, "mm7", "mm7"},
    {INSTALLED_SCHEME, "http", "apn, gcm or mm7"},
    {INSTALLED_SCHEME, "https", "apn, gcm or mm7"},
    {INSTALLED_LISTENER, "esmtp_listener", "esmtp"},
    {INSTALLED_LISTENER, "ecstream_listener", "ecstream"},
    {INSTALLED_LISTENER, "lmtp_listener", "lmtp"},
    {INSTALLED_LISTENER, "mm7_listener", "mm7"},
    {INSTALLED_MODULE, "esmtp", "esmtp"},
    {INSTALLED_MODULE, "lmtp", "lmtp"},
    {INSTALLED_MODULE, "ecstream", "ecstream"},
    {INSTALLED_MODULE, "apn", "apn"},
    {INSTALLED_MODULE, "gcm", "gcm"},
    {INSTALLED_MODULE, "mm7", "mm7"},
    {INSTALLED_MODULE, "milter", "milter"},
    {INSTALLED_MODULE, "null", "null"},
};
static const char *const installed_words[] = {
    "delivery_method", "scheme", "listener", "module"};

static pthread_rwlock_t installed_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct {
    struct uninstalled is;
    bool gone; /* it was served once */
} installed_rows[INSTALLED_MAX];
static size_t installed_count;

static bool
installed_is(size_t i, enum installed_kind kind, struct str name, bool gone)
{
    const struct uninstalled *u = &installed_rows[i].is;

    return installed_rows[i].gone == gone && u->kind == kind &&
        str_ieq(name, str_of(u->name));
}

static const char *
installed_look(enum installed_kind kind, struct str name, bool gone)
{
    const char *module = NULL;

    (void)pthread_rwlock_rdlock(&installed_lock);
    for (size_t i = 0; i < installed_count && !module; i++)
        if (installed_is(i, kind, name, gone))
            module = installed_rows[i].is.module;
    (void)pthread_rwlock_unlock(&installed_lock);
    return module;
}

const char *
installed_find(enum installed_kind kind, struct str name)
{
    return installed_look(kind, name, false);
}

/* A new row, or that one again.  false: there is no room. */
static bool
installed_put(
    enum installed_kind kind, const char *name, const char *module, bool gone)
{
    size_t at = 0;

    (void)pthread_rwlock_wrlock(&installed_lock);
    while (at < installed_count &&
        !(installed_is(at, kind, str_of(name), true) &&
            strcmp(installed_rows[at].is.module, module) == 0))
        at++;
    if (at < INSTALLED_MAX) {
        struct uninstalled *u = &installed_rows[at].is;

        if (at == installed_count) {
            *u = (struct uninstalled){kind, xdup(name), xdup(module)};
            installed_count++;
        }
        installed_rows[at].gone = gone;
    }
    (void)pthread_rwlock_unlock(&installed_lock);
    return at < INSTALLED_MAX;
}

int
installed_add(enum installed_kind kind, const char *name, const char *module,
    struct err *e)
{
    const char *was = installed_find(kind, str_of(name));

    if (was && strcmp(was, module) == 0)
        return 0;
    if (was)
        return err_set(e, ERR_BUSY,
            "module %s: %s %s is served by module %s already", module,
            installed_words[kind], name, was);
    if (installed_put(kind, name, module, false))
        return 0;
    return err_set(e, ERR_LIMIT, "module %s: too many names", module);
}

void
installed_forget(const char *module)
{
    (void)pthread_rwlock_wrlock(&installed_lock);
    for (size_t i = 0; i < installed_count; i++)
        if (strcmp(installed_rows[i].is.module, module) == 0)
            installed_rows[i].gone = true;
    (void)pthread_rwlock_unlock(&installed_lock);
}

bool
uninstalled_remember(
    enum installed_kind kind, const char *name, const char *module)
{
    return !uninstalled_find(kind, str_of(name)) &&
        installed_put(kind, name, module, true);
}

static const char *
uninstalled_row(enum installed_kind kind, struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(uninstalled_rows); i++)
        if (uninstalled_rows[i].kind == kind &&
            str_ieq(name, str_of(uninstalled_rows[i].name)))
            return uninstalled_rows[i].module;
    return NULL;
}

static bool
uninstalled_is_own(const char *module)
{
    const char *row = uninstalled_row(INSTALLED_MODULE, str_of(module));

    return row && strcmp(row, module) == 0;
}

void
installed_foreign(installed_row_f *fn, void *arg)
{
    (void)pthread_rwlock_rdlock(&installed_lock);
    for (size_t i = 0; i < installed_count; i++) {
        const struct uninstalled *u = &installed_rows[i].is;

        if (!uninstalled_row(u->kind, str_of(u->name)))
            fn(arg, u->kind, u->name, u->module);
    }
    (void)pthread_rwlock_unlock(&installed_lock);
}

const char *
uninstalled_find(enum installed_kind kind, struct str name)
{
    const char *module = installed_find(kind, name);

    if (!module)
        module = uninstalled_row(kind, name);
    return module ? module : installed_look(kind, name, true);
}

/* Their modules come with the daemon. */
static bool
is_of_the_core(const char *module)
{
    static const char *const names[] = {"esmtp", "lmtp", "null"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strcmp(module, names[i]) == 0)
            return true;
    return false;
}

void
uninstalled_package(const char *module, char *to, size_t size)
{
    if (strchr(module, ' '))
        (void)snprintf(to, size, "one of the packages of modules %s", module);
    else if (!uninstalled_is_own(module))
        (void)snprintf(to, size, "it was before");
    else if (is_of_the_core(module))
        (void)snprintf(to, size, "package impel");
    else
        (void)snprintf(to, size, "package impel-module-%s", module);
}

/* Appends the names of a kind: those that are known, and those installed. */
static void
installed_names(
    enum installed_kind kind, struct str near, char *to, size_t size)
{
    const char *names[ARRAY_SIZE(uninstalled_rows) + INSTALLED_MAX];
    const char *best;
    size_t n = 0, used = 0;

    for (size_t i = 0; i < ARRAY_SIZE(uninstalled_rows); i++)
        if (uninstalled_rows[i].kind == kind)
            names[n++] = uninstalled_rows[i].name;
    (void)pthread_rwlock_rdlock(&installed_lock);
    for (size_t i = 0; i < installed_count; i++)
        if (installed_rows[i].is.kind == kind && n < ARRAY_SIZE(names))
            names[n++] = installed_rows[i].is.name;
    (void)pthread_rwlock_unlock(&installed_lock);
    best = str_nearest(near, names, n);
    if (best) {
        (void)snprintf(to, size, "did you mean %s?", best);
        return;
    }
    used = (size_t)snprintf(to, size, "expected one of");
    for (size_t i = 0; i < n && i < 16 && used + 40 < size; i++)
        used += (size_t)snprintf(
            to + used, size - used, "%s %s", i ? "," : "", names[i]);
}

int
installed_check(enum installed_kind kind, struct str name, struct err *e)
{
    const char *module = uninstalled_find(kind, name);
    char text[300] = "", package[120];

    if (installed_find(kind, name))
        return 0;
    if (!module) {
        installed_names(kind, name, text, sizeof(text));
        return err_set(e, ERR_CONF, "unknown %s '%.*s': %s",
            installed_words[kind], (int)MIN_OF(name.n, (size_t)60), name.p,
            text);
    }
    uninstalled_package(module, package, sizeof(package));
    (void)err_set(e, ERR_CONF,
        "%.*s needs module %s, which is not installed (%s); its mail waits "
        "until it is",
        STR_ARG(name), module, package);
    return OPTION_WARN;
}

/* The module may have "_" in its name, as its options have: the longest counts.
 */
const char *
uninstalled_option(struct str option)
{
    for (size_t cut = option.n; cut-- > 0;) {
        struct str stem = str_sub(option, 0, cut);
        const char *module;

        if (option.p[cut] != '_')
            continue;
        if (installed_find(INSTALLED_MODULE, stem))
            return NULL;
        module = uninstalled_find(INSTALLED_MODULE, stem);
        if (module)
            return module;
    }
    return NULL;
}

void
installed_reset(void)
{
    (void)pthread_rwlock_wrlock(&installed_lock);
    for (size_t i = 0; i < installed_count; i++) {
        free((char *)(uintptr_t)installed_rows[i].is.name);
        free((char *)(uintptr_t)installed_rows[i].is.module);
    }
    installed_count = 0;
    (void)pthread_rwlock_unlock(&installed_lock);
}

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
/* Those that are not in this version. */
static const struct {
    const char *module, *version;
} uninstalled_versions[] = {
    {"gcm", "0.2"},
};
static const char *const installed_words[] = {
    "delivery_method", "scheme", "listener", "module"};

static pthread_rwlock_t installed_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct uninstalled installed_rows[INSTALLED_MAX];
static size_t installed_count;

const char *
installed_find(enum installed_kind kind, struct str name)
{
    const char *module = NULL;

    (void)pthread_rwlock_rdlock(&installed_lock);
    for (size_t i = 0; i < installed_count && !module; i++)
        if (installed_rows[i].kind == kind &&
            str_ieq(name, str_of(installed_rows[i].name)))
            module = installed_rows[i].module;
    (void)pthread_rwlock_unlock(&installed_lock);
    return module;
}

int
installed_add(enum installed_kind kind, const char *name, const char *module,
    struct err *e)
{
    const char *was = installed_find(kind, str_of(name));
    bool room;

    if (was && strcmp(was, module) == 0)
        return 0;
    if (was)
        return err_set(e, ERR_BUSY,
            "module %s: %s %s is served by module %s already", module,
            installed_words[kind], name, was);
    (void)pthread_rwlock_wrlock(&installed_lock);
    room = installed_count < INSTALLED_MAX;
    if (room) {
        struct uninstalled *u = &installed_rows[installed_count++];

        u->kind = kind;
        u->name = xdup(name);
        u->module = xdup(module);
    }
    (void)pthread_rwlock_unlock(&installed_lock);
    return room ? 0
                : err_set(e, ERR_LIMIT, "module %s: too many names", module);
}

const char *
uninstalled_find(enum installed_kind kind, struct str name)
{
    const char *module = installed_find(kind, name);

    for (size_t i = 0; i < ARRAY_SIZE(uninstalled_rows) && !module; i++)
        if (uninstalled_rows[i].kind == kind &&
            str_ieq(name, str_of(uninstalled_rows[i].name)))
            module = uninstalled_rows[i].module;
    return module;
}

const char *
uninstalled_version(const char *module)
{
    for (size_t i = 0; i < ARRAY_SIZE(uninstalled_versions); i++)
        if (strcmp(uninstalled_versions[i].module, module) == 0)
            return uninstalled_versions[i].version;
    return NULL;
}

void
uninstalled_package(const char *module, char *to, size_t size)
{
    if (strchr(module, ' '))
        (void)snprintf(to, size, "one of the packages of modules %s", module);
    else
        (void)snprintf(to, size, "package impel-%s", module);
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
        if (installed_rows[i].kind == kind && n < ARRAY_SIZE(names))
            names[n++] = installed_rows[i].name;
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

const char *
uninstalled_option(struct str option)
{
    size_t cut = str_chr(option, '_', 0);
    struct str stem;

    if (cut == SIZE_MAX)
        return NULL;
    stem = str_sub(option, 0, cut);
    if (installed_find(INSTALLED_MODULE, stem))
        return NULL;
    return uninstalled_find(INSTALLED_MODULE, stem);
}

void
installed_reset(void)
{
    (void)pthread_rwlock_wrlock(&installed_lock);
    for (size_t i = 0; i < installed_count; i++) {
        free((char *)(uintptr_t)installed_rows[i].name);
        free((char *)(uintptr_t)installed_rows[i].module);
    }
    installed_count = 0;
    (void)pthread_rwlock_unlock(&installed_lock);
}

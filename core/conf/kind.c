/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/kind.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "base/banned.h"

#define GLOBAL IMPEL_SCOPE_GLOBAL
#define ABOVE_DOMAIN (GLOBAL | IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING)

enum { KIND_ADDED_MAX = 256 };

static const struct kind kind_rows[] = {
    {"binding_group", IMPEL_SCOPE_GROUP, GLOBAL, KIND_NAMED, NULL},
    {"binding", IMPEL_SCOPE_BINDING, GLOBAL | IMPEL_SCOPE_GROUP, KIND_NAMED,
        NULL},
    {"domain", IMPEL_SCOPE_DOMAIN, ABOVE_DOMAIN, KIND_NAMED, NULL},
    {"host", IMPEL_SCOPE_HOST, ABOVE_DOMAIN, KIND_NAMED, NULL},
    {"listen", IMPEL_SCOPE_LISTEN, IMPEL_SCOPE_LISTENER, KIND_NAMED, NULL},
    {"listen", SCOPE_CONTROL_LISTEN, SCOPE_CONTROL, KIND_NAMED, NULL},
    {"peer", IMPEL_SCOPE_PEER, SCOPE_LISTENERS, KIND_NAMED, NULL},
    {"eventloop", SCOPE_EVENTLOOP, GLOBAL, KIND_NAMED, NULL},
    {"threadpool", SCOPE_THREADPOOL, GLOBAL, KIND_NAMED, NULL},
    {"ec_logger", SCOPE_EC_LOGGER, GLOBAL, KIND_OPTIONAL, NULL},
    {"bounce_logger", SCOPE_BOUNCE_LOGGER, GLOBAL, KIND_OPTIONAL, NULL},
    {"security", SCOPE_SECURITY, GLOBAL, KIND_BARE, NULL},
    {"debug_flags", SCOPE_DEBUG_FLAGS, GLOBAL, KIND_BARE, NULL},
    {"opendkim", SCOPE_OPENDKIM, GLOBAL, KIND_OPTIONAL, NULL},
    {"dkim_domain", SCOPE_DKIM_DOMAIN, SCOPE_OPENDKIM, KIND_NAMED, NULL},
    {"control_listener", SCOPE_CONTROL, GLOBAL, KIND_OPTIONAL, NULL},
    {"mxip", SCOPE_MXIP, GLOBAL, KIND_OPTIONAL, NULL},
};
static const struct {
    uint32_t bit;
    const char *word;
} kind_words[] = {
    {GLOBAL, "global"},
    {IMPEL_SCOPE_LISTENER, "a listener"},
    {SCOPE_CONTROL_LISTEN, "listen of control_listener"},
    {SCOPE_MODULE, "a module"},
};

static pthread_rwlock_t kind_lock = PTHREAD_RWLOCK_INITIALIZER;
static struct kind kind_added[KIND_ADDED_MAX];
static size_t kind_added_count;

static const struct kind *
kind_find_added(struct str keyword)
{
    const struct kind *k = NULL;

    (void)pthread_rwlock_rdlock(&kind_lock);
    for (size_t i = 0; i < kind_added_count && !k; i++)
        if (str_ieq(keyword, str_of(kind_added[i].keyword)))
            k = &kind_added[i];
    (void)pthread_rwlock_unlock(&kind_lock);
    return k;
}

const struct kind *
kind_find(struct str keyword, uint32_t parent)
{
    const struct kind *other = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(kind_rows); i++) {
        if (!str_ieq(keyword, str_of(kind_rows[i].keyword)))
            continue;
        if (!parent || kind_rows[i].parents & parent)
            return &kind_rows[i];
        if (!other)
            other = &kind_rows[i];
    }
    return other ? other : kind_find_added(keyword);
}

static char *
kind_lower(const char *keyword)
{
    char *z = xdup(keyword);

    for (char *c = z; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    return z;
}

int
kind_add(const char *keyword, uint32_t scope, const char *module, struct err *e)
{
    const struct kind *was = kind_find(str_of(keyword), 0);
    struct kind *k;

    if (was && was->scope == scope && was->module &&
        strcmp(was->module, module) == 0)
        return 0;
    if (was)
        return err_set(e, ERR_BUSY, "module %s: the stanza %s is %s%s already",
            module, keyword, was->module ? "served by module " : "the core's",
            was->module ? was->module : "");
    (void)pthread_rwlock_wrlock(&kind_lock);
    k = kind_added_count < KIND_ADDED_MAX ? &kind_added[kind_added_count]
                                          : NULL;
    if (k) {
        k->keyword = kind_lower(keyword);
        k->module = xdup(module);
        k->scope = scope;
        k->parents = GLOBAL;
        k->naming = KIND_OPTIONAL;
        kind_added_count++;
    }
    (void)pthread_rwlock_unlock(&kind_lock);
    return k ? 0
             : err_set(e, ERR_LIMIT, "module %s: more than %d stanzas", module,
                   KIND_ADDED_MAX);
}

const char *
kind_word(uint32_t bit)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind_words); i++)
        if (kind_words[i].bit == bit)
            return kind_words[i].word;
    for (size_t i = 0; i < ARRAY_SIZE(kind_rows); i++)
        if (kind_rows[i].scope == bit)
            return kind_rows[i].keyword;
    return NULL;
}

void
kind_near(struct str keyword, char *to, size_t size)
{
    const char *names[ARRAY_SIZE(kind_rows) + KIND_ADDED_MAX];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(kind_rows); i++)
        names[n++] = kind_rows[i].keyword;
    (void)pthread_rwlock_rdlock(&kind_lock);
    for (size_t i = 0; i < kind_added_count; i++)
        names[n++] = kind_added[i].keyword;
    (void)pthread_rwlock_unlock(&kind_lock);
    near = str_nearest(keyword, names, n);
    (void)str_copy(to, size, near ? str_of(near) : str_make("", 0));
}

void
kind_reset(void)
{
    (void)pthread_rwlock_wrlock(&kind_lock);
    for (size_t i = 0; i < kind_added_count; i++) {
        free((char *)(uintptr_t)kind_added[i].keyword);
        free((char *)(uintptr_t)kind_added[i].module);
    }
    kind_added_count = 0;
    (void)pthread_rwlock_unlock(&kind_lock);
}

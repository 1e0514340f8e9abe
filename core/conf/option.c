/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/option.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base/xmem.h"
#include "conf/kind.h"
#include "conf/uninstalled.h"
#include "conf/value.h"
#include "base/banned.h"

enum { OPTION_MAX = 4096, OPTION_SETS_MAX = 256 };

/* Rows are added under the lock and never move, so that reading one by id
 * takes none. */
static pthread_rwlock_t option_lock = PTHREAD_RWLOCK_INITIALIZER;
static const struct option *option_rows[OPTION_MAX];
static const struct option_set *option_owner[OPTION_MAX];
static const struct option_set *option_sets[OPTION_SETS_MAX];
static _Atomic bool option_imports[OPTION_MAX];
static _Atomic uint32_t option_rows_count;
static uint32_t option_sets_count;
static struct map option_names = {.fold = true};

static int
option_fits(const struct option_set *set, struct err *e)
{
    uint32_t have = atomic_load(&option_rows_count);

    if (set->count > OPTION_MAX - have || option_sets_count == OPTION_SETS_MAX)
        return err_set(
            e, ERR_LIMIT, "%s: more than %d options", set->layer, OPTION_MAX);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct option *o = &set->rows[i];
        const struct option *was;

        if (!o->name || !o->name[0])
            return err_set(
                e, ERR_INVAL, "%s: option row %u has no name", set->layer, i);
        was = map_find(&option_names, str_of(o->name));
        if (was)
            return err_set(e, ERR_BUSY, "%s: option %s exists already",
                set->layer, o->name);
    }
    return 0;
}

int
option_add(struct option_set *set, struct err *e)
{
    uint32_t at;
    int rc;

    (void)pthread_rwlock_wrlock(&option_lock); /* never fails so used */
    rc = option_fits(set, e);
    if (rc == 0) {
        at = atomic_load(&option_rows_count);
        set->first = at;
        for (uint32_t i = 0; i < set->count; i++, at++) {
            option_rows[at] = &set->rows[i];
            option_owner[at] = set;
            (void)map_put(&option_names, str_of(set->rows[i].name),
                (void *)(uintptr_t)(at + 1));
        }
        option_sets[option_sets_count++] = set;
        atomic_store(&option_rows_count, at);
    }
    (void)pthread_rwlock_unlock(&option_lock);
    return rc;
}

uint32_t
option_count(void)
{
    return atomic_load(&option_rows_count);
}

const struct option *
option_get(uint32_t id)
{
    return id < option_count() ? option_rows[id] : NULL;
}

const char *
option_layer(uint32_t id)
{
    return id < option_count() ? option_owner[id]->layer : NULL;
}

uint32_t
option_find(struct str name)
{
    uintptr_t at;

    (void)pthread_rwlock_rdlock(&option_lock);
    at = (uintptr_t)map_find(&option_names, name);
    (void)pthread_rwlock_unlock(&option_lock);
    return at ? (uint32_t)(at - 1) : UINT32_MAX;
}

void
option_import(uint32_t id)
{
    if (id < OPTION_MAX)
        atomic_store(&option_imports[id], true);
}

bool
option_is_imported(uint32_t id)
{
    return id < OPTION_MAX && atomic_load(&option_imports[id]);
}

uint32_t
option_set_count(void)
{
    uint32_t n;

    (void)pthread_rwlock_rdlock(&option_lock);
    n = option_sets_count;
    (void)pthread_rwlock_unlock(&option_lock);
    return n;
}

const struct option_set *
option_set_get(uint32_t i)
{
    return option_sets[i];
}

void
option_near(struct str name, char *to, size_t size)
{
    const char **names, *near;
    size_t n = option_count(), used = 0;

    to[0] = 0;
    if (!n)
        return;
    names = xgrow(NULL, n, sizeof(*names));
    for (size_t i = 0; i < n; i++)
        names[i] = option_rows[i]->name;
    for (int k = 0; k < 3 && n; k++) {
        size_t i = 0;

        near = str_nearest(name, names, n);
        if (!near || used + strlen(near) + 3 > size)
            break;
        used += (size_t)snprintf(
            to + used, size - used, "%s%s", k ? ", " : "", near);
        while (names[i] != near)
            i++;
        names[i] = names[--n];
    }
    free(names);
}

int
option_judge(
    const struct option *o, const struct option_value *v, struct err *e)
{
    struct arena *a = arena_new(1024);
    struct value made;
    int rc = value_make(o, v, a, &made, e);

    value_fini(&made);
    arena_free(&a);
    return rc;
}

int
option_bool(struct str s)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "enabled"};
    static const char *const no[] = {"false", "no", "off", "0", "disabled"};

    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (str_ieq(s, str_of(yes[i])))
            return 1;
        if (str_ieq(s, str_of(no[i])))
            return 0;
    }
    return -1;
}

void
option_scope_names(uint32_t scopes, char *to, size_t size)
{
    size_t used = 0;

    to[0] = 0;
    for (uint32_t bit = 1; bit && bit <= scopes; bit <<= 1) {
        const char *word = scopes & bit ? kind_word(bit) : NULL;

        if (!word || used + strlen(word) + 3 > size)
            continue;
        used += (size_t)snprintf(
            to + used, size - used, "%s%s", used ? ", " : "", word);
    }
}

void
option_reset(void)
{
    (void)pthread_rwlock_wrlock(&option_lock);
    map_fini(&option_names);
    map_init(&option_names, true);
    atomic_store(&option_rows_count, 0);
    for (uint32_t i = 0; i < OPTION_MAX; i++)
        atomic_store(&option_imports[i], false);
    option_sets_count = 0;
    (void)pthread_rwlock_unlock(&option_lock);
    kind_reset();
    installed_reset();
}

int
option_add_listener(const char *stanza, const char *module, struct err *e)
{
    int rc = kind_add(stanza, IMPEL_SCOPE_LISTENER, module, e);

    return rc ? rc : installed_add(INSTALLED_LISTENER, stanza, module, e);
}

int
option_add_module_stanza(const char *module, struct err *e)
{
    int rc = kind_add(module, SCOPE_MODULE, module, e);

    return rc ? rc : installed_add(INSTALLED_MODULE, module, module, e);
}

int
option_add_method(const char *method, const char *module, struct err *e)
{
    return installed_add(INSTALLED_METHOD, method, module, e);
}

int
option_add_scheme(const char *scheme, const char *module, struct err *e)
{
    return installed_add(INSTALLED_SCHEME, scheme, module, e);
}

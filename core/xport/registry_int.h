/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_int.h - what registry.c, moduledir.c and registry_use.c share.
 * Everything here is under the registry's lock.
 */
#ifndef IMPEL_REGISTRY_INT_H
#define IMPEL_REGISTRY_INT_H

#include "xport/registry.h"

struct names {
    char **item;
    size_t count;
};
struct entry { /* one installed file */
    char *name, *file, *version;
    bool has_list; /* NAME.serves is beside it */
    struct names methods, schemes, listeners;
    enum module_state state; /* INSTALLED, LOADED, REFUSED */
    bool declared;
    struct module *module; /* NULL: not opened, or refused */
    char why[400];         /* REFUSED */
};

/* --- moduledir.c: what lies in the folders --- */
int moduledir_scan(
    const char *dirs, struct entry **to, size_t *count, struct err *e);
void moduledir_free(struct entry *entry, size_t count);
void names_add(struct names *n, struct str s);
void names_set(struct names *n, const char *const *from);
bool names_has(const struct names *n, const char *name);

/* --- registry.c --- */
struct entry *registry_by_method(const char *method);
struct entry *registry_by_listener(const char *stanza);
struct entry *registry_by_name(struct str name);
/* load() it unless that was done; its state says the rest. */
void registry_load(struct entry *x);
/* enabled = false of its stanza; *st: that stanza, or NULL. */
bool registry_enabled(const struct generation *g, const struct entry *x,
    const struct stanza **st);
struct entry *registry_entry(size_t i); /* NULL: no more */
void registry_lock(void);
void registry_unlock(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * registry_int.h - what registry.c, moduledir.c, registry_use.c and
 * registry_again.c share.  Everything here is under the registry's lock.
 */
#ifndef IMPEL_REGISTRY_INT_H
#define IMPEL_REGISTRY_INT_H

#include "xport/registry.h"

struct names {
    char **item;
    size_t count;
};
struct file_id { /* it is another file when one of these differs */
    uint64_t device, inode, bytes;
    int64_t changed_ns;
};
struct entry { /* one installed file */
    char *name, *file, *version;
    bool has_list; /* NAME.serves is beside it */
    struct names methods, schemes, listeners;
    enum module_state state; /* INSTALLED, LOADED, REFUSED */
    bool declared;
    bool gone;    /* its file was there when it was opened */
    bool changed; /* there is another file now, for the next start */
    struct file_id id;
    struct module *module; /* NULL: not opened, or refused */
    char why[400];         /* REFUSED */
};

/* --- moduledir.c: what lies in the folders --- */
int moduledir_scan(
    const char *dirs, struct entry **to, size_t *count, struct err *e);
void moduledir_free(struct entry *entry, size_t count);
void moduledir_entry_fini(struct entry *x);
void moduledir_sort(struct entry *entry, size_t count);
/* What is in the folder of that file can be told: an entry that is not found
 * there is gone. */
bool moduledir_can_look(const char *file);
bool file_id_eq(const struct file_id *a, const struct file_id *b);
void names_add(struct names *n, struct str s);
void names_set(struct names *n, const char *const *from);
bool names_has(const struct names *n, const char *name);

/* --- registry.c --- */
struct entry *registry_by_method(const char *method);
struct entry *registry_by_listener(const char *stanza);
struct entry *registry_by_name(struct str name);
/* Open it, check it, and declare what it has; its state says what it came to.
 */
void registry_inspect(struct entry *x);
/* Its methods, schemes and stanzas are served (once more). */
int registry_announce(struct entry *x, struct err *e);
void registry_refuse(struct entry *x, const char *why);
/* All entries, to be changed. */
struct entry **registry_entries(size_t **count);
const char *registry_folders(void);
/* load() it unless that was done; its state says the rest. */
void registry_load(struct entry *x);
/* enabled = false of its stanza; *st: that stanza, or NULL. */
bool registry_enabled(const struct generation *g, const struct entry *x,
    const struct stanza **st);
struct entry *registry_entry(size_t i); /* NULL: no more */
void registry_lock(void);
void registry_unlock(void);

#endif

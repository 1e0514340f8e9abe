/* SPDX-License-Identifier: Apache-2.0
 *
 * registry.h - name to module: what is installed, loaded, kept out, and why.
 *
 * A list beside each installed module (NAME.serves) says what it serves, so
 * use finds a module before it is loaded.  Scheduler thread (main thread until
 * it runs); what is loaded is read-only for the loops afterwards.
 */
#ifndef IMPEL_REGISTRY_H
#define IMPEL_REGISTRY_H

#include <impel/module.h>
#include "conf/generation.h"
#include "conf/option.h"

struct module { /* immutable once loaded, but for counters, next_filter */
    uint32_t magic;
    const char *name, *file, *version, *brief;
    uint16_t abi_major, abi_minor;
    struct impel_module desc; /* normalised copies, of our size */
    struct impel_transport transport;
    struct impel_listener listener;
    struct impel_filter filter;
    bool has_transport, has_listener, has_filter;
    void *ctx; /* load()'s */
    struct impel_instance *instance;
    struct option_set options; /* own rows; imports are resolved */
    uint32_t *option_ids;      /* row -> id of the core's or its own */
    _Atomic(struct module *) next_filter; /* registry.c */
};
enum module_state {
    MODULE_ABSENT, /* nothing serves this */
    MODULE_KNOWN,  /* the name is known, but it is not installed (any more) */
    MODULE_INSTALLED,
    MODULE_LOADED,
    MODULE_DISABLED, /* enabled = false */
    MODULE_REFUSED   /* would not load */
};
struct module_found {
    enum module_state state;
    struct module *module; /* MODULE_LOADED */
    char why[400];         /* all others: one sentence, package included */
};

/* dirs: colon-separated; read once for NAME.so and NAME.serves files. */
int registry_open(const char *dirs, struct err *e);
void registry_close(void); /* unload() of each; no dlclose while running */
/* Register options, stanzas and method names of what is installed, from the
 * descriptors (the objects are opened and checked, load() is not called). */
int registry_declare(struct err *e);
/* Look into the folders again, before a generation is read: what has come is
 * declared, what has gone is no longer used (its sessions end by themselves),
 * and is used again when it is back.  A module that was opened once stays in
 * memory: another file in its place is for the next start.  A folder that
 * cannot be read, as behind chroot, changes nothing. */
void registry_again(void);
/* load() what this generation uses (methods of any scope, listeners, module
 * stanzas) and is not kept out; call check() for scopes that set its options.
 * A generation_check_f. */
int registry_check(void *arg, struct generation *g, struct conf_report *r);
/* It is in force: modules that are loaded write as debug_level says. */
void registry_adopt(const struct generation *g);
/* Who delivers that method; loads it if need be (a method by name). */
void registry_method(
    struct generation *g, const char *method, struct module_found *to);
void registry_listener(
    struct generation *g, const char *stanza, struct module_found *to);
struct module *registry_next(struct module *prev); /* loaded ones */
/* The same of those that filter, and are not kept out.  Any thread, no lock. */
struct module *registry_next_filter(
    const struct generation *g, struct module *prev);
/* `module list`: file, version, ABI, what it serves, state, what it has
 * counted, slow callbacks, broken rules; also the refused ones with their
 * sentence. */
void registry_print(struct buf *to, bool json);
/* Counters of modules, summed over loops, for metrics. */
typedef void registry_counter_f(void *arg, const struct module *m,
    const struct impel_counter *c, int64_t value);
void registry_counters(registry_counter_f *fn, void *arg);

#endif

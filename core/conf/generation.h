/* SPDX-License-Identifier: Apache-2.0
 *
 * generation.h - one immutable, counted configuration.
 *
 * Built and checked by the helper thread, published to the scheduler, adopted
 * lazily by queues and sessions that compare numbers; a running session keeps
 * the one it began with by holding a reference.
 */
#ifndef IMPEL_GENERATION_H
#define IMPEL_GENERATION_H

#include <stdbool.h>
#include "base/buf.h"
#include "base/cidr.h"
#include "conf/scope.h"

struct generation;

/* Everything a load has to say: errors stop it, warnings do not.  Each has
 * file, line, column and one sentence with what was expected. */
struct conf_note {
    int error; /* 1: error, 0: warning */
    const char *file;
    int line, column;
    const char *text;
};
struct conf_report;
struct conf_report *conf_report_new(void);
void conf_report_free(struct conf_report **r);
size_t conf_report_count(const struct conf_report *r, bool errors_only);
const struct conf_note *conf_report_note(const struct conf_report *r, size_t i);
/* "impel.conf:12:5: error: ..." lines. */
void conf_report_print(const struct conf_report *r, struct buf *to);

/* strict: what is not installed and what Impel does not have are errors.
 * check: more to ask of a candidate, e.g. the modules; NULL: none. */
typedef int generation_check_f(
    void *arg, struct generation *g, struct conf_report *r);
struct generation_load {
    const char *path; /* .yaml, .yml: YAML; else ecelerity.conf notation */
    bool strict;
    generation_check_f *check;
    void *check_arg;
};
/* Any thread (one build at a time).  0 and a reference in *to, or ERR_CONF;
 * the report says more either way. */
int generation_load(const struct generation_load *how, struct generation **to,
    struct conf_report *r, struct err *e);
/* The same from text, for tests and the console: name stands for the file. */
int generation_parse(struct str text, bool yaml, const char *name,
    struct generation **to, struct conf_report *r, struct err *e);

/* The same configuration once more, as a new generation. */
int generation_again(
    const struct generation *g, struct generation **to, struct err *e);

struct generation *generation_ref(struct generation *g); /* any thread */
void generation_unref(struct generation **g);            /* any thread */
uint64_t generation_number(const struct generation *g);  /* rises */

/* The generation in force.  Set by the scheduler; get from any thread returns
 * a reference. */
void generation_publish(struct generation *g);
struct generation *generation_current(void);

/* --- scopes.  Outbound ones are compiled on demand; any thread. --- */
const struct scope *generation_global(const struct generation *g);
/* binding: its name minding case; absent: "default".  domain in any case;
 * absent: the binding's own values. */
const struct scope *generation_scope(
    struct generation *g, struct str binding, struct str domain);
/* What holds for a group as such, whichever of its bindings. */
const struct scope *generation_group_scope(
    struct generation *g, struct str group);
/* Host stanzas have no fallback to wider scopes (MC 2.3): only to those for
 * the host in a wider place.  What none of them sets is unset, whatever its
 * default, and reads as -1. */
const struct scope *generation_host_scope(
    struct generation *g, struct str binding, struct str host);
/* The group of a binding, "default" if it is in none; absent: no such binding
 * is configured ("default" always is). */
struct str generation_binding_group(
    const struct generation *g, struct str binding);
/* A group's stanza, or NULL; its bindings are its children. */
const struct stanza *generation_group(
    const struct generation *g, struct str name);
/* Is there a domain stanza (exact, global container) of that name? */
bool generation_has_domain(const struct generation *g, struct str domain);

/* --- stanzas: listeners, listens, loggers, event loops, modules --- */
/* Stanzas of a kind (one IMPEL_SCOPE_* or SCOPE_* bit) in file order, merged
 * by name; parent NULL: at the top level.  Start with prev NULL. */
const struct stanza *generation_stanza(const struct generation *g,
    uint32_t kind, const struct stanza *parent, const struct stanza *prev);
struct str stanza_name(const struct stanza *s);    /* the instance; or absent */
struct str stanza_keyword(const struct stanza *s); /* "esmtp_listener" */
struct str stanza_path(
    const struct stanza *s); /* "binding b1, domain x.test" */
/* It is an override (override.h), and ends then: wall, 0: never. */
bool stanza_is_override(const struct stanza *s);
int64_t stanza_expires(const struct stanza *s);
int64_t stanza_set_at(const struct stanza *s); /* the same; 0: it is none */
uint64_t stanza_id(const struct stanza *s); /* same stanza, same text: same id
                                               in the next generation */
/* The container it stands in: IMPEL_SCOPE_GROUP, _BINDING, else _GLOBAL. */
uint32_t stanza_place(const struct stanza *s);
const char *stanza_file(const struct stanza *s);
int stanza_line(const struct stanza *s);
/* Values of a stanza that is no outbound scope: itself, its parents, global,
 * defaults. */
const struct scope *stanza_scope(const struct stanza *s);
/* What the stanza itself says of an option; false: nothing.  The parts live as
 * long as the generation. */
bool stanza_value(const struct stanza *s, uint32_t id, struct option_value *to);
/* Where that was written; false: nowhere. */
bool stanza_value_at(const struct stanza *s, uint32_t id, const char **file,
    int *line, int *column);
/* The scope for a peer of a listen stanza: the longest matching `peer` in the
 * listen, then in its listener, else the listen's own.  Any thread. */
const struct scope *generation_peer_scope(const struct generation *g,
    const struct stanza *listen, const struct cidr *peer);

#endif

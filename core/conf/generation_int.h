/* SPDX-License-Identifier: Apache-2.0
 *
 * generation_int.h - what a generation is made of, for the files that build,
 * read and print it.
 */
#ifndef IMPEL_GENERATION_INT_H
#define IMPEL_GENERATION_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "conf/generation.h"
#include "conf/kind.h"
#include "conf/tree.h"
#include "conf/value.h"

enum {                              /* bounds */
    GENERATION_MATCHES_MAX = 65536, /* remembered (binding, domain) pairs */
    GENERATION_CHAIN_MAX = 64,      /* stanzas that one domain may match */
    GENERATION_NAME_MAX = 320
};

struct setting {
    uint32_t id;
    struct value *value;
    const struct node *body; /* the text it is from, to see repetitions */
};
struct stanza_list {
    struct stanza **items;
    size_t count, size;
};
/* Domains or hosts of one container. */
struct match_set {
    struct map exact; /* folded name -> stanza */
    struct stanza_list regexes;
};
struct stanza {
    struct generation *g;
    bool override;   /* it stands in no file (overlay.h) */
    int64_t set_at;  /* of an override: wall */
    int64_t expires; /* the same; 0: never */
    struct stanza *parent, *first, *last, *next; /* children in file order */
    const struct kind *kind;                     /* NULL: global */
    uint32_t scope;                              /* one bit */
    uint32_t index;
    struct str keyword, name, path;
    struct report_at at;
    uint64_t id;
    int64_t order;
    void *regex;      /* of a domain or host "/pattern/" */
    struct cidr peer; /* of a peer */
    struct setting *settings;
    size_t setting_count, setting_size;
    struct match_set *domains, *hosts; /* of containers that have any */
};
struct scope {
    uint32_t magic;
    struct generation *g;
    const struct value **values; /* by id; NULL: unset */
    uint32_t count;
    bool host;
    const struct setting *over; /* what comes before values (overlay.h) */
    size_t over_count;
    const struct stanza **chain; /* most specific first */
    size_t chain_count;
};
struct generation {
    uint32_t magic;
    _Atomic uint32_t refs;
    uint64_t number;
    const char *path;
    struct tree tree;    /* as written; its arena holds everything */
    struct arena *arena; /* of what is compiled */
    struct stanza global;
    struct stanza_list all;
    struct map known; /* "parent/scope/name" -> stanza, for merging */
    struct map bindings, groups; /* by name */
    struct value *defaults;      /* by id */
    bool *has_default;
    uint32_t option_count;
    pthread_mutex_t lock; /* of the four below, and arena once built */
    struct map scopes;    /* chain -> scope */
    struct map matches, old_matches; /* "binding/domain" -> scope */
    struct overlay *overlay;         /* or NULL */
    _Atomic bool overlaid;           /* there is something in it */
    _Atomic uint64_t overrides;      /* number of the change it has */
    _Atomic size_t overlays;         /* stanzas and scopes made for them */
};

/* build.c: compile g->tree; what is wrong goes to r. */
void generation_build(struct generation *g, struct conf_report *r);
/* A generation with an empty tree; number 0. */
struct generation *generation_new(const char *path);
/* Number it and hand it over, or free it if r has errors. */
int generation_finish(struct generation *g, struct conf_report *r,
    struct generation **to, struct err *e);

/* names.c: a stanza's name as it is matched, at most GENERATION_NAME_MAX
 * bytes; regex set: "/pattern/".  ERR_CONF. */
int names_fold(struct str name, uint32_t scope, char *to, size_t *n);
bool names_is_regex(struct str name, struct str *pattern);
int names_check(struct str name, uint32_t scope, struct err *e);
/* "x.test", "[192.0.2.1]", "[ipv6:2001:db8::1]"; false: too long. */
bool names_domain(struct str name, char *to, size_t *n);

/* scope.c: the shared scope of a chain; takes the lock. */
const struct scope *scope_of_chain(struct generation *g,
    const struct stanza *const *chain, size_t n, bool host);
const struct setting *stanza_setting(const struct stanza *s, uint32_t id);
const struct value *scope_value(const struct scope *s, uint32_t id);
/* As scope_print_origin(); v NULL: it is unset. */
void value_print_origin(const struct value *v, struct buf *to);

/* The stanza of that kind and name at a place, or NULL. */
struct stanza *generation_find(const struct generation *g,
    const struct stanza *parent, const struct kind *k, struct str name);
/* lookup.c: as generation_scope(), with the stanzas found; any may be NULL or
 * absent. */
const struct scope *generation_place_scope(struct generation *g,
    const struct stanza *binding, const struct stanza *group,
    struct str domain);
void generation_forget_matches(struct generation *g);
/* build.c */
void stanza_list_add(struct stanza_list *l, struct stanza *s);

#endif

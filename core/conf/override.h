/* SPDX-License-Identifier: Apache-2.0
 *
 * override.h - values that come before all stanzas while the daemon runs: an
 * operator's (`suspend`, `override set`), or those of a layer above that
 * adapts to what peers say.
 *
 * Every override comes before every stanza, an operator's before an adaptive
 * one; among those of one source the most specific place first: a binding's
 * domain, a group's domain, a binding, a group, a domain, all.  An adaptive
 * value is kept within what the option adaptive_NAME says for the place that
 * reads it, an operator's is not (decision 16).
 *
 * The store belongs to one thread.  What it holds is compiled into a generation
 * by overrides_install(): from then on generation_scope() and whoever reads a
 * scope follow, in any thread.  While there is none, that costs one load.
 */
#ifndef IMPEL_OVERRIDE_H
#define IMPEL_OVERRIDE_H

#include "conf/generation.h"

enum {
    OVERRIDES_MAX = 20000, /* a new generation takes them in one turn: 30 ms */
    OVERRIDE_ITEMS_MAX = 64, /* of a list */
    OVERRIDE_VALUE_MAX = 4096,
    OVERRIDE_WORDS_MAX = 200 /* who, why: what is longer is cut */
};

/* A group and a binding exclude each other; nothing at all: everything. */
struct override_place {
    struct str group, binding, domain; /* or absent */
};
enum override_source { OVERRIDE_OPERATOR, OVERRIDE_ADAPTIVE };
struct override {
    struct override_place place;
    enum override_source source;
    uint32_t option;
    struct option_value value; /* no DICT */
    int64_t set_at;            /* wall */
    int64_t expires;           /* wall; 0: never */
    struct str who, why;       /* or absent */
};

struct overrides;
struct overrides *overrides_new(void);
void overrides_free(struct overrides **o);

/* Take it, instead of an earlier one of its place, source and option.  All of
 * it is copied.  ERR_INVAL: the option cannot be overridden there; ERR_CONF: a
 * bad value; ERR_LIMIT. */
int overrides_set(struct overrides *o, const struct override *v, struct err *e);
/* false: there is none. */
bool overrides_clear(struct overrides *o, const struct override_place *place,
    enum override_source source, uint32_t option);
/* The one of exactly that place, or NULL. */
const struct override *overrides_find(const struct overrides *o,
    const struct override_place *place, enum override_source source,
    uint32_t option);
/* All of them, the oldest first; prev NULL: the first.  It lives until it is
 * set again or cleared. */
const struct override *overrides_next(
    const struct overrides *o, const struct override *prev);
size_t overrides_count(const struct overrides *o);
/* The one that ends first, if it has an end; or NULL. */
const struct override *overrides_first_end(const struct overrides *o);

/* Make a generation follow.  Little work for one that did before. */
void overrides_install(struct overrides *o, struct generation *g);

/* "binding b, domain d", "all" */
void override_print_place(const struct override_place *p, struct buf *to);
/* A name that no other has: of place, source and option. */
void override_print_key(const struct override *v, struct buf *to);
void override_print_value(const struct override *v, struct buf *to);
/* The place with its names checked and its domain folded into `room`. */
int override_place_check(const struct override_place *p, struct buf *room,
    struct override_place *to, struct err *e);

/* What a row that bounds another begins with. */
#define OVERRIDE_BOUNDS "adaptive_"
/* Are these two values of NAME, in order?  option: adaptive_NAME. */
int override_check_bounds(
    uint32_t option, const struct option_value *v, struct err *e);

/* How many stanzas and scopes overrides have made in it so far: memory that
 * goes with the generation, whether they still hold or not.  Any thread. */
size_t generation_overlays(const struct generation *g);
/* Rises with each change that was installed; 0: none ever was.  Any thread. */
uint64_t generation_overrides(const struct generation *g);

#endif

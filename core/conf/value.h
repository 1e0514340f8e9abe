/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - one value of one option, typed once and then only read.
 *
 * Lives in the arena of its generation; value_fini() gives back what libraries
 * allocated.  A file, env or other reference of a SECRET is read here.
 */
#ifndef IMPEL_VALUE_H
#define IMPEL_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "conf/scope.h"

struct value {
    int type;
    int64_t number; /* BOOL to CHOICE, PERMS; throttle: count */
    int64_t window_ms;
    double real;
    struct str text;          /* scalars as written, folded by flags */
    struct str *items, *keys; /* LIST, DICT, CIDRS */
    size_t count;
    struct cidr *cidrs;
    void *regex; /* pcre2_code */
    /* where it was written; NULL, 0: the default */
    const struct stanza *origin;
    const char *file;
    int line, column;
};

/* 0, OPTION_WARN with a sentence in e, or ERR_CONF. *to is zeroed first. */
int value_make(const struct option *o, const struct option_value *v,
    struct arena *a, struct value *to, struct err *e);
/* The row's default; false: it has none. */
bool value_default(const struct option *o, struct arena *a, struct value *to);
void value_fini(struct value *v);
/* As an operator would write it; a secret is not shown. */
void value_print(const struct value *v, struct buf *to);

/* PCRE with limits on its work.  ERR_CONF says the offset. */
int value_regex(struct str pattern, void **code, struct err *e);
bool value_regex_matches(const void *code, struct str text);
void value_regex_free(void *code);

#endif

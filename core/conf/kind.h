/* SPDX-License-Identifier: Apache-2.0
 *
 * kind.h - the kinds of stanzas: their keywords, where each may stand, and
 * whether it has a name.
 *
 * Threads as option.h says.
 */
#ifndef IMPEL_KIND_H
#define IMPEL_KIND_H

#include "conf/option.h"

enum kind_naming {
    KIND_NAMED,   /* binding "b" {}: always with a name */
    KIND_BARE,    /* security {}: never with one */
    KIND_OPTIONAL /* ec_logger "l" {} or ec_logger {} */
};
struct kind {
    const char *keyword; /* lower case */
    uint32_t scope;      /* one bit */
    uint32_t parents;    /* scopes it may stand in */
    enum kind_naming naming;
    const char *module; /* who serves it, or NULL: the core */
};

/* By keyword in any case; NULL: none.  In a control_listener "listen" is
 * another kind than in other listeners: parent decides (0: any). */
const struct kind *kind_find(struct str keyword, uint32_t parent);
/* A listener (IMPEL_SCOPE_LISTENER) or a module's stanza (SCOPE_MODULE). */
int kind_add(
    const char *keyword, uint32_t scope, const char *module, struct err *e);
/* "binding_group"; for bits with many keywords "a listener", "a module". */
const char *kind_word(uint32_t bit);
/* The nearest keyword, or "". */
void kind_near(struct str keyword, char *to, size_t size);
void kind_reset(void); /* tests: forget what was added */

#endif

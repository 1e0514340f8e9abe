/* SPDX-License-Identifier: Apache-2.0
 *
 * ecconf.h - the notation of ecelerity.conf (MC 1.1, 1.2): text to tree and
 * back.
 *
 *     name = value          name = ( a "b c" )      name = [ k = v ]
 *     scope { ... }         scope "name" { ... }    include "file"
 */
#ifndef IMPEL_ECCONF_H
#define IMPEL_ECCONF_H

#include "base/buf.h"
#include "conf/tree.h"

/* Errors go to the tree's report; one ends the file.  file must stay. */
void ecconf_parse(
    struct tree *t, struct node *parent, struct str text, const char *file);
void ecconf_print(const struct node *root, struct buf *to);
/* One value as it is written: ( a b ), [ k = v ], "x y". */
void ecconf_print_value(const struct node *n, struct buf *to);
/* A word, in quotes if it needs them. */
void ecconf_print_word(struct str s, struct buf *to);

#endif

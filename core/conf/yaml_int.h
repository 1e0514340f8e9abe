/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_int.h - between reading YAML (yaml.c), making a tree of it
 * (yaml_tree.c) and printing a tree as YAML (yaml_print.c).
 */
#ifndef IMPEL_YAML_INT_H
#define IMPEL_YAML_INT_H

#include "conf/kind.h"
#include "conf/yaml.h"

enum yaml_type { YAML_TEXT, YAML_LIST, YAML_MAP };
struct yaml_node {
    enum yaml_type type;
    struct str text;
    bool plain;                            /* without quotes */
    struct yaml_node *first, *last, *next; /* a map: key, value, key, ... */
    size_t count;
    struct report_at at;
};

bool yaml_is_null(const struct yaml_node *n); /* nothing, ~ or null */
void yaml_tree_body(struct tree *t, struct node *parent,
    const struct yaml_node *map, int depth);
/* How stanzas of a keyword are named; false: no stanza is known by it. */
bool yaml_naming(struct str keyword, enum kind_naming *to);
/* Would a key of a body be taken for something known? */
bool yaml_is_keyword(struct str key);

#endif

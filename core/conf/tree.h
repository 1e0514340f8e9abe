/* SPDX-License-Identifier: Apache-2.0
 *
 * tree.h - a configuration as it was written: stanzas, options, includes, in
 * their order, each with file, line and column.  Both notations make it; it
 * knows no types and no scopes.
 *
 * Everything lives in the tree's arena.  One thread.
 */
#ifndef IMPEL_TREE_H
#define IMPEL_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "conf/report_int.h"

enum {                          /* bounds on what a file may hold */
    TREE_FILE_MAX = 64 << 20,   /* bytes of one file */
    TREE_BYTES_MAX = 256 << 20, /* of all files */
    TREE_FILES_MAX = 4096,
    TREE_INCLUDES_MAX = 16, /* nesting of includes */
    TREE_DEPTH_MAX = 12,    /* nesting of stanzas */
    TREE_NODES_MAX = 4000000,
    TREE_ITEMS_MAX = 200000, /* of one list */
    TREE_TEXT_MAX = 65536    /* bytes of one word */
};

enum node_kind {
    NODE_STANZA,
    NODE_OPTION,
    NODE_INCLUDE /* text: the path; gone once it was expanded */
};
enum node_shape { NODE_ONE, NODE_LIST, NODE_DICT }; /* of an option's value */

struct node {
    enum node_kind kind;
    struct str keyword; /* stanza or option, as written */
    struct str name;    /* instance of a stanza; absent: none */
    enum node_shape shape;
    struct str text;          /* NODE_ONE, and the path of an include */
    struct str *items, *keys; /* NODE_LIST; NODE_DICT has both */
    size_t count;
    bool readonly;       /* readonly_include */
    bool strict_keys;    /* from YAML: an option must not repeat */
    struct report_at at; /* of the keyword */
    struct report_at value_at;
    struct node *next, *first, *last; /* children of a stanza */
};

struct tree {
    uint32_t magic;
    struct arena *arena;
    struct node root; /* the global scope */
    size_t nodes, bytes, files;
    struct conf_report *report;
};

void tree_init(struct tree *t, struct conf_report *r);
void tree_fini(struct tree *t);

/* A new node at the end of parent; NULL: too many, and the report says so. */
struct node *tree_add(struct tree *t, struct node *parent, enum node_kind kind,
    struct str keyword, struct report_at at);
/* A growing list of words while one is parsed. */
struct words {
    struct str *items;
    size_t count, size;
};
/* false: more than TREE_ITEMS_MAX. */
bool words_add(struct words *w, struct str s);
void words_fini(struct words *w);
/* Give the collected words to a node; w is empty after. */
void tree_set_items(
    struct tree *t, struct node *n, struct words *items, struct words *keys);
/* A deep copy of from's children behind those of to. */
void tree_copy(struct tree *t, struct node *to, const struct node *from);
/* The same keywords, names, values and order; where they stand aside. */
bool tree_eq(const struct node *a, const struct node *b);

/* Parse text into parent; errors go to the report.  name: of the file. */
void tree_parse(struct tree *t, struct node *parent, struct str text, bool yaml,
    const char *name);
/* ".yaml" or ".yml" */
bool tree_is_yaml(const char *path);
/* Read a file, or a folder of files, and all it includes.  expand false:
 * includes stay as they are written. */
void tree_load(struct tree *t, const char *path, bool expand);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_tree.c - what the mappings of a YAML file mean.
 */
#include "conf/yaml_int.h"

#include "conf/absent.h"
#include "conf/uninstalled.h"
#include "base/banned.h"

static void
yaml_tree_fail(
    struct tree *t, struct report_at at, const char *why, struct str about)
{
    conf_report_add(t->report, REPORT_ERROR, at, "%.*s: %s",
        (int)MIN_OF(about.n, (size_t)80), about.p ? about.p : "", why);
}

bool
yaml_naming(struct str keyword, enum kind_naming *to)
{
    const struct kind *k = kind_find(keyword, 0);

    *to = k ? k->naming : KIND_OPTIONAL;
    return k || absent_find(keyword, ABSENT_STANZA, 0) ||
        uninstalled_find(INSTALLED_LISTENER, keyword) ||
        uninstalled_find(INSTALLED_MODULE, keyword);
}

bool
yaml_is_keyword(struct str key)
{
    enum kind_naming naming;

    key = str_cut(&key, ' '); /* "ec_logger main" is of ec_logger */
    return yaml_naming(key, &naming) || option_find(key) != UINT32_MAX ||
        str_ieq(key, STR("include")) || str_ieq(key, STR("readonly_include"));
}

static void
yaml_tree_stanza(struct tree *t, struct node *parent, struct str keyword,
    struct str name, const struct yaml_node *key, const struct yaml_node *body,
    int depth)
{
    struct node *n;

    if (body->type != YAML_MAP && !yaml_is_null(body)) {
        yaml_tree_fail(
            t, body->at, "expected a mapping: the body of a stanza", keyword);
        return;
    }
    if (depth >= TREE_DEPTH_MAX) {
        yaml_tree_fail(t, key->at, "stanzas nested too deep", keyword);
        return;
    }
    n = tree_add(t, parent, NODE_STANZA, keyword, key->at);
    if (!n)
        return;
    n->name = arena_str(t->arena, name);
    yaml_tree_body(t, n, body, depth + 1);
}

/* All values mappings (or nothing), and no key that is known: instances. */
static bool
yaml_tree_has_instances(const struct yaml_node *map)
{
    for (const struct yaml_node *k = map->first; k && k->next;
         k = k->next->next)
        if ((k->next->type != YAML_MAP && !yaml_is_null(k->next)) ||
            yaml_is_keyword(k->text))
            return false;
    return map->first != NULL;
}

static void
yaml_tree_instances(struct tree *t, struct node *parent, struct str keyword,
    const struct yaml_node *map, int depth)
{
    for (const struct yaml_node *k = map->first; k && k->next;
         k = k->next->next) {
        if (k->type != YAML_TEXT)
            yaml_tree_fail(t, k->at, "expected a name", keyword);
        else
            yaml_tree_stanza(t, parent, keyword, k->text, k, k->next, depth);
    }
}

static void
yaml_tree_list(struct tree *t, struct node *n, const struct yaml_node *list)
{
    struct words items = {0};

    for (const struct yaml_node *i = list->first; i; i = i->next) {
        if (i->type != YAML_TEXT) {
            yaml_tree_fail(t, i->at, "expected a value, not a list or mapping",
                n->keyword);
            break;
        }
        if (!words_add(&items, i->text)) {
            yaml_tree_fail(t, i->at, "a list of too many items", n->keyword);
            break;
        }
    }
    tree_set_items(t, n, &items, NULL);
}

static void
yaml_tree_dict(struct tree *t, struct node *n, const struct yaml_node *map)
{
    struct words keys = {0}, items = {0};

    for (const struct yaml_node *k = map->first; k && k->next;
         k = k->next->next) {
        if (k->type != YAML_TEXT || k->next->type != YAML_TEXT) {
            yaml_tree_fail(
                t, k->next->at, "expected one value for each key", n->keyword);
            break;
        }
        if (!words_add(&keys, k->text) || !words_add(&items, k->next->text)) {
            yaml_tree_fail(t, k->at, "a mapping of too many keys", n->keyword);
            break;
        }
    }
    tree_set_items(t, n, &items, &keys);
}

static void
yaml_tree_option(struct tree *t, struct node *parent,
    const struct yaml_node *key, const struct yaml_node *value)
{
    struct node *n = tree_add(t, parent, NODE_OPTION, key->text, key->at);

    if (!n)
        return;
    n->value_at = value->at;
    n->strict_keys = true;
    if (value->type == YAML_TEXT)
        n->text = value->text;
    else if (value->type == YAML_LIST)
        yaml_tree_list(t, n, value);
    else
        yaml_tree_dict(t, n, value);
}

static void
yaml_tree_include(struct tree *t, struct node *parent,
    const struct yaml_node *key, const struct yaml_node *value)
{
    const struct yaml_node *one =
        value->type == YAML_LIST ? value->first : value;

    for (; one; one = value->type == YAML_LIST ? one->next : NULL) {
        struct node *n;

        if (one->type != YAML_TEXT) {
            yaml_tree_fail(t, one->at, "expected a path", key->text);
            return;
        }
        n = tree_add(t, parent, NODE_INCLUDE, key->text, key->at);
        if (!n)
            return;
        n->text = one->text;
        n->value_at = one->at;
        n->readonly = str_ieq(key->text, STR("readonly_include"));
    }
}

/* A list of mappings: stanzas without names. */
static bool
yaml_tree_is_bodies(const struct yaml_node *value)
{
    return value->type == YAML_LIST && value->first &&
        value->first->type == YAML_MAP;
}

static void
yaml_tree_known(struct tree *t, struct node *parent,
    const struct yaml_node *key, const struct yaml_node *value,
    enum kind_naming naming, int depth)
{
    if (naming == KIND_NAMED ||
        (naming == KIND_OPTIONAL && yaml_tree_has_instances(value)))
        yaml_tree_instances(t, parent, key->text, value, depth);
    else
        yaml_tree_stanza(t, parent, key->text, STR_NONE, key, value, depth);
}

static void
yaml_tree_entry(struct tree *t, struct node *parent,
    const struct yaml_node *key, const struct yaml_node *value, int depth)
{
    struct str name = key->text, word = str_cut(&name, ' ');
    enum kind_naming naming;
    bool known = yaml_naming(key->text, &naming);

    if (str_ieq(key->text, STR("include")) ||
        str_ieq(key->text, STR("readonly_include"))) {
        yaml_tree_include(t, parent, key, value);
    } else if (name.p) {
        yaml_tree_stanza(t, parent, word, name, key, value, depth);
    } else if (yaml_tree_is_bodies(value)) {
        for (const struct yaml_node *b = value->first; b; b = b->next)
            yaml_tree_stanza(t, parent, key->text, STR_NONE, b, b, depth);
    } else if (known && (value->type == YAML_MAP || yaml_is_null(value))) {
        yaml_tree_known(t, parent, key, value, naming, depth);
    } else {
        yaml_tree_option(t, parent, key, value);
    }
}

void
yaml_tree_body(
    struct tree *t, struct node *parent, const struct yaml_node *map, int depth)
{
    for (const struct yaml_node *k = map->first; k && k->next;
         k = k->next->next) {
        if (k->type != YAML_TEXT)
            yaml_tree_fail(t, k->at,
                "expected the name of an option or "
                "stanza",
                parent->keyword);
        else if (k->plain && str_eq(k->text, STR("<<")))
            yaml_tree_fail(t, k->at,
                "merge keys are not part of this "
                "notation",
                k->text);
        else
            yaml_tree_entry(t, parent, k, k->next, depth);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "conf/yaml_int.h"
#include "base/banned.h"

enum { YAML_DEPTH_MAX = 2 * TREE_DEPTH_MAX + 4 };

struct reader {
    yaml_parser_t parser;
    struct tree *tree;
    const char *file;
    bool failed;
};

static struct report_at
yaml_at(const struct reader *r, const yaml_mark_t *mark)
{
    return (struct report_at){
        r->file, (int)mark->line + 1, (int)mark->column + 1};
}

static void
yaml_fail(struct reader *r, struct report_at at, const char *why)
{
    if (!r->failed)
        conf_report_add(r->tree->report, REPORT_ERROR, at, "%s", why);
    r->failed = true;
}

static bool
yaml_event(struct reader *r, yaml_event_t *event)
{
    yaml_mark_t *mark = &r->parser.problem_mark;

    if (r->failed)
        return false;
    if (yaml_parser_parse(&r->parser, event))
        return true;
    if (!mark->line && !mark->column)
        mark = &r->parser.mark;
    yaml_fail(r, yaml_at(r, mark),
        r->parser.problem ? r->parser.problem : "this is not YAML");
    return false;
}

static struct yaml_node *yaml_read(
    struct reader *r, yaml_event_t *event, int depth);

static void
yaml_append(struct yaml_node *to, struct yaml_node *n)
{
    if (to->last)
        to->last->next = n;
    else
        to->first = n;
    to->last = n;
    to->count++;
}

/* Children up to the end event; those of a mapping come in pairs. */
static void
yaml_children(
    struct reader *r, struct yaml_node *to, yaml_event_type_t end, int depth)
{
    yaml_event_t event;

    while (yaml_event(r, &event)) {
        if (event.type == end) {
            yaml_event_delete(&event);
            return;
        }
        if (r->tree->nodes++ > 2 * (size_t)TREE_NODES_MAX)
            yaml_fail(r, yaml_at(r, &event.start_mark), "too many values");
        yaml_append(to, yaml_read(r, &event, depth + 1));
        if (r->failed)
            return;
    }
}

static void
yaml_refuse(struct reader *r, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    }
    if (event->type == YAML_ALIAS_EVENT || anchor)
        yaml_fail(r, yaml_at(r, &event->start_mark),
            "anchors and aliases (& and *) are not part of this notation; a "
            "value that begins so stands in quotes");
    else if (tag)
        yaml_fail(r, yaml_at(r, &event->start_mark),
            "tags (!) are not part of this notation; a value that begins so "
            "stands in quotes");
}

static void
yaml_scalar(struct reader *r, struct yaml_node *n, const yaml_event_t *event)
{
    n->text = arena_str(r->tree->arena,
        str_make(event->data.scalar.value, event->data.scalar.length));
    n->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (n->text.n > TREE_TEXT_MAX)
        yaml_fail(r, n->at, "a value that is too long");
    else if (n->text.n && memchr(n->text.p, 0, n->text.n))
        yaml_fail(r, n->at, "a NUL byte");
}

/* The node that begins with event, which is given back. */
static struct yaml_node *
yaml_read(struct reader *r, yaml_event_t *event, int depth)
{
    struct yaml_node *n = arena_alloc(r->tree->arena, sizeof(*n));

    n->at = yaml_at(r, &event->start_mark);
    yaml_refuse(r, event);
    if (depth > YAML_DEPTH_MAX)
        yaml_fail(r, n->at, "values nested too deep");
    if (!r->failed && event->type == YAML_SCALAR_EVENT) {
        yaml_scalar(r, n, event);
    } else if (!r->failed && event->type == YAML_MAPPING_START_EVENT) {
        n->type = YAML_MAP;
        yaml_children(r, n, YAML_MAPPING_END_EVENT, depth);
    } else if (!r->failed && event->type == YAML_SEQUENCE_START_EVENT) {
        n->type = YAML_LIST;
        yaml_children(r, n, YAML_SEQUENCE_END_EVENT, depth);
    }
    yaml_event_delete(event);
    return n;
}

static struct yaml_node *
yaml_document(struct reader *r)
{
    struct yaml_node *root = NULL;
    yaml_event_t event;

    while (yaml_event(r, &event)) {
        yaml_event_type_t type = event.type;

        if (type == YAML_DOCUMENT_START_EVENT && root)
            yaml_fail(r, yaml_at(r, &event.start_mark),
                "a second document; expected one");
        if (type == YAML_SCALAR_EVENT || type == YAML_MAPPING_START_EVENT ||
            type == YAML_SEQUENCE_START_EVENT || type == YAML_ALIAS_EVENT)
            root = yaml_read(r, &event, 0);
        else
            yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            break;
    }
    return root;
}

bool
yaml_is_null(const struct yaml_node *n)
{
    return n->type == YAML_TEXT && n->plain &&
        (!n->text.n || str_eq(n->text, STR("~")) ||
            str_ieq(n->text, STR("null")));
}

void
yaml_parse(
    struct tree *t, struct node *parent, struct str text, const char *file)
{
    struct reader r = {.tree = t, .file = file};
    struct yaml_node *root;
    struct report_at at = {file, 1, 1};

    if (!yaml_parser_initialize(&r.parser)) {
        yaml_fail(&r, at, "out of memory");
        return;
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(
        &r.parser, (const unsigned char *)text.p, text.n);
    root = yaml_document(&r);
    yaml_parser_delete(&r.parser);
    if (r.failed || !root || yaml_is_null(root))
        return;
    if (root->type != YAML_MAP)
        yaml_fail(&r, root->at, "expected option: value at the top level");
    else
        yaml_tree_body(t, parent, root, 0);
}

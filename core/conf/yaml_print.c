/* SPDX-License-Identifier: Apache-2.0
 *
 * yaml_print.c - a tree as YAML; what is read again is the same tree.
 */
#include "conf/yaml_int.h"

#include <yaml.h>

#include "base/banned.h"

struct printer {
    yaml_emitter_t emitter;
    struct buf *to;
    bool failed;
    struct report_at at; /* of what is being printed */
};

static int
yaml_write(void *arg, unsigned char *bytes, size_t n)
{
    buf_add(((struct printer *)arg)->to, bytes, n);
    return 1;
}

/* ready: whether the event could be made. */
static void
yaml_emit(struct printer *p, yaml_event_t *event, int ready)
{
    if (p->failed) {
        if (ready)
            yaml_event_delete(event);
        return;
    }
    if (!ready || !yaml_emitter_emit(&p->emitter, event))
        p->failed = true; /* emitting takes the event either way */
}

static yaml_scalar_style_t
yaml_style(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return YAML_DOUBLE_QUOTED_SCALAR_STYLE;
    if (!s.n || str_eq(s, STR("~")) || str_eq(s, STR("<<")) ||
        str_ieq(s, STR("null")))
        return YAML_SINGLE_QUOTED_SCALAR_STYLE;
    return YAML_ANY_SCALAR_STYLE;
}

static void
yaml_text(struct printer *p, struct str s)
{
    yaml_event_t event;
    bool fits = s.n <= 0x7fffffff;

    yaml_emit(p, &event,
        fits &&
            yaml_scalar_event_initialize(&event, NULL, NULL,
                (const yaml_char_t *)(s.p ? s.p : ""), (int)s.n, 1, 1,
                yaml_style(s)));
}

/* Keywords in lower case, as documented. */
static void
yaml_keyword(struct printer *p, struct str keyword, const struct str *name)
{
    struct buf b = BUF_INIT;

    buf_str(&b, keyword);
    for (size_t i = 0; i < b.n; i++)
        if (b.p[i] >= 'A' && b.p[i] <= 'Z')
            b.p[i] = (char)(b.p[i] | 0x20);
    if (name) {
        buf_char(&b, ' ');
        buf_str(&b, *name);
    }
    yaml_text(p, buf_get(&b));
    buf_fini(&b);
}

static void
yaml_map_start(struct printer *p, bool flow)
{
    yaml_event_t event;

    yaml_emit(p, &event,
        yaml_mapping_start_event_initialize(&event, NULL, NULL, 1,
            flow ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE));
}

static void
yaml_map_end(struct printer *p)
{
    yaml_event_t event;

    yaml_emit(p, &event, yaml_mapping_end_event_initialize(&event));
}

static void
yaml_list_start(struct printer *p, bool flow)
{
    yaml_event_t event;

    yaml_emit(p, &event,
        yaml_sequence_start_event_initialize(&event, NULL, NULL, 1,
            flow ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE));
}

static void
yaml_list_end(struct printer *p)
{
    yaml_event_t event;

    yaml_emit(p, &event, yaml_sequence_end_event_initialize(&event));
}

static void
yaml_value(struct printer *p, const struct node *n)
{
    if (n->shape == NODE_ONE) {
        yaml_text(p, n->text);
    } else if (n->shape == NODE_LIST) {
        yaml_list_start(p, true);
        for (size_t i = 0; i < n->count; i++)
            yaml_text(p, n->items[i]);
        yaml_list_end(p);
    } else {
        yaml_map_start(p, true);
        for (size_t i = 0; i < n->count; i++) {
            yaml_text(p, n->keys[i]);
            yaml_text(p, n->items[i]);
        }
        yaml_map_end(p);
    }
}

static void yaml_body(struct printer *p, const struct node *stanza);

/* Would the body be read as instances?  As yaml_tree_has_instances(). */
static bool
yaml_is_ambiguous(const struct node *stanza)
{
    for (const struct node *n = stanza->first; n; n = n->next)
        if ((n->kind != NODE_STANZA && n->shape != NODE_DICT) ||
            yaml_is_keyword(n->keyword))
            return false;
    return stanza->first != NULL;
}

static void
yaml_anonymous(struct printer *p, const struct node *n, bool known, bool named)
{
    bool listed = !known || named || yaml_is_ambiguous(n);

    yaml_keyword(p, n->keyword, NULL);
    if (listed)
        yaml_list_start(p, false);
    yaml_body(p, n);
    if (listed)
        yaml_list_end(p);
}

/* Neighbours of one keyword stand together; the last of them is returned. */
static const struct node *
yaml_instances(struct printer *p, const struct node *n)
{
    struct str keyword = n->keyword;

    yaml_keyword(p, keyword, NULL);
    yaml_map_start(p, false);
    for (;;) {
        yaml_text(p, n->name);
        yaml_body(p, n);
        if (!n->next || n->next->kind != NODE_STANZA || !n->next->name.p ||
            !str_ieq(n->next->keyword, keyword))
            break;
        n = n->next;
    }
    yaml_map_end(p);
    return n;
}

static const struct node *
yaml_stanza(struct printer *p, const struct node *n)
{
    enum kind_naming naming;
    bool known = yaml_naming(n->keyword, &naming);

    if (!n->name.p) {
        yaml_anonymous(p, n, known, naming == KIND_NAMED);
    } else if (known && naming == KIND_NAMED) {
        n = yaml_instances(p, n);
    } else {
        yaml_keyword(p, n->keyword, &n->name);
        yaml_body(p, n);
    }
    return n;
}

static void
yaml_body(struct printer *p, const struct node *stanza)
{
    yaml_map_start(p, stanza->first == NULL);
    for (const struct node *n = stanza->first; n && !p->failed; n = n->next) {
        p->at = n->at;
        if (n->kind == NODE_STANZA) {
            n = yaml_stanza(p, n);
            continue;
        }
        yaml_keyword(p, n->keyword, NULL);
        if (n->kind == NODE_INCLUDE)
            yaml_text(p, n->text);
        else
            yaml_value(p, n);
    }
    yaml_map_end(p);
}

int
yaml_print(const struct node *root, struct buf *to, struct err *e)
{
    struct printer p = {.to = to};
    yaml_event_t event;

    if (!yaml_emitter_initialize(&p.emitter))
        return err_set(e, ERR_LIMIT, "out of memory");
    yaml_emitter_set_output(&p.emitter, yaml_write, &p);
    yaml_emitter_set_unicode(&p.emitter, 1);
    yaml_emitter_set_width(&p.emitter, -1);
    yaml_emit(&p, &event,
        yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
    yaml_emit(&p, &event,
        yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
    yaml_body(&p, root);
    yaml_emit(&p, &event, yaml_document_end_event_initialize(&event, 1));
    yaml_emit(&p, &event, yaml_stream_end_event_initialize(&event));
    if (!p.failed)
        (void)yaml_emitter_flush(&p.emitter); /* writes to memory */
    yaml_emitter_delete(&p.emitter);
    if (p.failed)
        return err_set(e, ERR_CONF,
            "%s:%d: cannot be written as YAML (is it not UTF-8?)",
            p.at.file ? p.at.file : "", p.at.line);
    return 0;
}

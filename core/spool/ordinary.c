/* SPDX-License-Identifier: Apache-2.0
 *
 * ordinary.c - take a message out of its container.
 */
#include "spool/ordinary.h"

#include <impel/module.h>
#include "spool/content_int.h"
#include "spool/entity.h"
#include "spool/large.h"
#include "spool/render.h"
#include "spool/spool_int.h"

#include "base/banned.h"

enum {
    READ_MOST = 64 << 20,
    PARTS_MOST = 1000,
    BOUNDARY_ROOM = 204 /* as modules/lib/mime.h has it */
};

bool
ordinary_is_in(const struct message *m)
{
    for (size_t i = 0; i < m->env.meta_count; i++)
        if (str_eq(m->env.meta[i].key, STR("mcmt")))
            return true;
    return false;
}

/* --- where it is --- */

static bool
type_is(struct str type, struct str name)
{
    return str_istarts(type, name) &&
        (type.n == name.n || strchr("; \t\r\n(", type.p[name.n]));
}

static bool
is_message(const struct entity *t)
{
    return t->type.p &&
        (type_is(t->type, STR("message/rfc822")) ||
            type_is(t->type, STR("message/global")) ||
            type_is(t->type, STR("message/rfc2822")));
}

/* RFC 2046 5.2.1 allows these for a message, and no other. */
static bool
is_plain(const struct entity *t)
{
    struct str v = t->encoding_value;

    return !v.p || str_ieq(v, STR("7bit")) || str_ieq(v, STR("8bit")) ||
        str_ieq(v, STR("binary"));
}

/* Empty: *why says what is wrong. */
static struct str
find_in(
    const struct entity *t, struct str boundary, bool binary, const char **why)
{
    struct str s = t->body;
    enum entity_delimiter kind;
    size_t line, end, at;

    (void)entity_part_end(s, 0, boundary, binary, &line, &kind);
    for (int n = 0; kind == ENTITY_NEXT && n < PARTS_MOST; n++) {
        struct entity part;

        at = line + entity_line(s, line).n;
        end = entity_part_end(s, at, boundary, binary, &line, &kind);
        entity_read(str_sub(s, at, end - at), &part);
        if (!is_message(&part))
            continue;
        if (!is_plain(&part))
            *why = "the ordinary message in the container is encoded";
        return is_plain(&part) ? part.body : STR("");
    }
    return STR("");
}

struct str
ordinary_find(struct str s, bool binary, const char **why)
{
    char boundary[BOUNDARY_ROOM];
    struct entity t;

    *why = "the container has no ordinary message";
    entity_read(s, &t);
    if (!t.type.p ||
        !entity_param(t.type, STR("boundary"), boundary, sizeof(boundary)))
        return STR("");
    return find_in(&t, str_of(boundary), binary, why);
}

/* --- taking it out --- */

static bool
gather(void *arg, struct str piece)
{
    buf_str(arg, piece);
    return true;
}

/* The container as received: its own bytes, or those of its file in `to`. */
static int
read_whole(struct message *m, struct buf *to, struct str *whole, struct err *e)
{
    struct render *r;
    int rc;

    if (!m->content->large) {
        *whole = buf_get(&m->content->body);
        return 0;
    }
    if (m->content->facts.body_size > READ_MOST)
        return err_set(e, ERR_LIMIT, "the container is too large");
    r = render_new(m, IMPEL_BODY_RAW, STR(""), e);
    if (!r)
        return e->code;
    buf_reserve(to, (size_t)render_size(r));
    rc = render_each(r, gather, to, e);
    render_free(&r);
    *whole = str_from(buf_get(to), m->content->prefix.n);
    return rc;
}

/* The Received fields of the container, which tell its way so far (RFC 5321
 * 4.4). */
static void
keep_trace(struct str container, struct buf *to)
{
    struct entity t;
    bool received = false;

    entity_read(container, &t);
    for (size_t at = 0; at < t.header.n;) {
        struct str line = entity_line(t.header, at);

        if (line.p[0] != ' ' && line.p[0] != '\t')
            received = str_istarts(line, STR("Received:"));
        if (received)
            buf_str(to, line);
        at += line.n;
    }
}

static struct content *
content_of(struct str prefix, struct str container, struct str body)
{
    struct content *c = content_new();
    struct content_watch w = {.line = 0};

    buf_str(&c->prefix, prefix);
    keep_trace(container, &c->prefix);
    buf_str(&c->body, body);
    if (!str_ends(body, STR("\r\n"))) /* the delimiter had it */
        buf_str(&c->body, STR("\r\n"));
    content_watch_add(&w, c->body.p, c->body.n);
    content_watch_facts(&w, &c->facts);
    c->facts.size += c->prefix.n;
    return c;
}

static bool
addresses_are_ascii(const struct envelope *env)
{
    bool ascii = str_is_ascii(env->sender);

    for (size_t i = 0; ascii && i < env->rcpt_count; i++)
        ascii = str_is_ascii(env->rcpt[i].address);
    return ascii;
}

/* The same but for what is known of the bytes; its text is the container's. */
static struct envelope
envelope_of(const struct envelope *from, const struct content *c)
{
    struct envelope env = *from;

    memset(env.body_sum, 0, sizeof(env.body_sum));
    if (!c->facts.eight_bit) {
        env.needs &= ~(uint32_t)IMPEL_NEED_8BIT;
        if (addresses_are_ascii(&env))
            env.needs &= ~(uint32_t)IMPEL_NEED_UTF8;
    }
    if (!entity_has_octets(buf_get(&c->body)))
        env.needs &= ~(uint32_t)IMPEL_NEED_BINARY;
    return env;
}

struct message *
ordinary_new(struct message *m, struct err *e)
{
    struct buf read = BUF_INIT;
    struct str whole, found;
    struct message *o = NULL;
    const char *why;

    if (read_whole(m, &read, &whole, e) == 0) {
        found = ordinary_find(whole, message_is_binary(m), &why);
        if (found.n) {
            o = message_new(m->id);
            o->within = message_ref(m);
            o->content = content_of(buf_get(&m->content->prefix), whole, found);
            o->env = envelope_of(&m->env, o->content);
        } else {
            (void)err_set(e, ERR_PROTO, "%s", why);
        }
    }
    buf_fini(&read);
    return o;
}

/* --- elsewhere --- */

bool
ordinary_takes_long(const struct message *m)
{
    return m->content->large != NULL;
}

static void
work_do(struct pool_job *j)
{
    struct ordinary_work *w = CONTAINER_OF(j, struct ordinary_work, job);

    w->found = ordinary_new(w->container, &w->error);
}

static void
work_done(struct pool_job *j)
{
    struct ordinary_work *w = CONTAINER_OF(j, struct ordinary_work, job);

    message_unref(&w->container);
    w->done(w);
}

void
ordinary_begin(struct ordinary_work *w, struct mailbox *home)
{
    struct spool *s = large_spool(w->container->content->large);

    pool_submit(s->readers, &w->job, home, work_do, work_done);
}

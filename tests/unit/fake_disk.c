/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/xmem.h"
#include "fake_disk.h"
#include <impel/module.h>
#include "loop/defer.h"
#include "spool/render.h"

/* --- the turn of a loop, and what the disk says later --- */

struct fake_disk fake_disk;

void
defer_post(
    struct loop *l, struct defer *d, defer_f *fn, void *arg, const char *what)
{
    (void)l, (void)what;
    d->fn = fn;
    d->arg = arg;
    if (!list_linked(&d->node))
        list_push(&fake_disk.deferred, &d->node);
}

void
defer_cancel(struct defer *d)
{
    if (list_linked(&d->node))
        list_remove(&d->node);
}

/* What this step of the disk comes to: 0, ERR_IO at once, or ERR_AGAIN and
 * then 0 or ERR_IO to fn. */
static int
disk(void (*fn)(void *, int), void *arg)
{
    if (++fake_disk.step != fake_disk.fail_at)
        return 0;
    if (fake_disk.fail_with == ERR_IO)
        return ERR_IO;
    assert_null(fake_disk.later.fn);
    fake_disk.later = (struct fake_later){
        fn, arg, fake_disk.fail_with == ERR_AGAIN ? 0 : ERR_IO};
    return ERR_AGAIN;
}

/* --- contents --- */

struct content_builder {
    struct content *c;
    content_room_f *room;
    void *arg;
};
struct render {
    struct content *c;
    void *waits; /* whom a read of it has said AGAIN */
};

static void
content_drop(struct content **c)
{
    if (!*c)
        return;
    buf_fini(&(*c)->all);
    free(*c);
    *c = NULL;
    fake_disk.alive--;
}

struct content_builder *
content_builder_new(struct spool *s, uint64_t id, struct mailbox *home,
    content_room_f *room, void *arg)
{
    struct content_builder *b = xnew(struct content_builder);

    (void)s, (void)id, (void)home;
    b->c = xnew(struct content);
    b->room = room;
    b->arg = arg;
    fake_disk.alive += 2;
    return b;
}

void
content_builder_expect(struct content_builder *b, uint64_t octets)
{
    (void)b, (void)octets;
}

int
content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e)
{
    int rc = disk(b->room, b->arg);

    buf_add(&b->c->all, p, n);
    return rc ? err_set(e, rc, "as told") : 0;
}

static size_t
header_of(struct str all)
{
    size_t at = str_find(all, STR("\r\n\r\n"), 0);

    return at == SIZE_MAX ? 0 : at + 4;
}

static void
facts_of(const struct content *c, struct content_facts *f)
{
    memset(f, 0, sizeof(*f));
    f->size = c->all.n;
    f->header_size = header_of(buf_get(&c->all));
    f->body_size = c->all.n;
    f->ends_crlf = str_ends(buf_get(&c->all), STR("\r\n"));
    f->large = true;
}

void
content_builder_facts(const struct content_builder *b, struct content_facts *f)
{
    facts_of(b->c, f);
}

void
content_get_facts(const struct content *c, struct content_facts *f)
{
    facts_of(c, f);
}

struct str
content_builder_header(const struct content_builder *b)
{
    return str_sub(buf_get(&b->c->all), 0, header_of(buf_get(&b->c->all)));
}

void
content_builder_finish(struct content_builder **b, struct message *m)
{
    if (fake_disk.later.fn == (*b)->room && fake_disk.later.arg == (*b)->arg)
        fake_disk.later.fn = NULL; /* nobody waits for room any more */
    assert_null(m->content);
    m->content = (*b)->c;
    free(*b);
    *b = NULL;
    fake_disk.alive--;
}

void
content_builder_abandon(struct content_builder **b)
{
    if (fake_disk.later.fn == (*b)->room && fake_disk.later.arg == (*b)->arg)
        fake_disk.later.fn = NULL;
    content_drop(&(*b)->c);
    free(*b);
    *b = NULL;
    fake_disk.alive--;
}

static content_settled_f *settled_fn;
static void *settled_arg;

static void
settled_later(void *arg, int result)
{
    (void)arg;
    settled_fn(settled_arg, result, NULL);
}

bool
content_settle(struct content *c, content_settled_f *done, void *arg)
{
    int rc = disk(settled_later, NULL);

    c->settled = true;
    settled_fn = done;
    settled_arg = arg;
    if (rc == ERR_IO)
        fake_disk.later = (struct fake_later){settled_later, NULL, ERR_IO};
    return rc != 0;
}

void
content_move(struct message *from, struct message *to)
{
    assert_null(to->content);
    to->content = from->content;
    from->content = NULL;
}

void
content_rename(struct content *c, uint64_t id)
{
    (void)c;
    assert_int_equal(id, FAKE_DISK_ID);
}

struct message *
message_new(uint64_t id)
{
    struct message *m = xnew(struct message);

    m->id = id;
    fake_disk.alive++;
    return m;
}

void
message_unref(struct message **m)
{
    content_drop(&(*m)->content);
    free(*m);
    *m = NULL;
    fake_disk.alive--;
}

struct str
message_str(struct message *m, struct str s)
{
    (void)m;
    return arena_str(fake_disk.arena, s);
}

struct render *
render_new(struct message *m, int form, struct str prefix, struct err *e)
{
    struct render *r;

    assert_int_equal(form, IMPEL_BODY_RAW);
    assert_int_equal(prefix.n, 0);
    assert_true(m->content->settled);
    if (disk(NULL, NULL) == ERR_IO) { /* it never waits */
        err_set(e, ERR_IO, "as told");
        return NULL;
    }
    r = xnew(struct render);
    r->c = m->content;
    fake_disk.alive++;
    return r;
}

void
render_free(struct render **r)
{
    if (!*r)
        return;
    if (fake_disk.later.fn && fake_disk.later.arg == (*r)->waits)
        fake_disk.later.fn = NULL;
    fake_disk.alive--;
    free(*r);
    *r = NULL;
}

int64_t
render_read(struct render *r, uint64_t at, void *to, size_t n,
    struct mailbox *home, render_ready_f *ready, void *arg)
{
    int rc = disk(ready, arg);
    struct str rest;

    (void)home;
    r->waits = arg;
    if (rc)
        return rc;
    rest = str_from(buf_get(&r->c->all), (size_t)at);
    n = MIN_OF(n, rest.n);
    memcpy(to, rest.p, n);
    return (int64_t)n;
}

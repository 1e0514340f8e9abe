/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_fake_spool.c - a spool in memory, for tests of the scheduler.
 */
#include "queue_world.h"

#include "queue/scheduler.h"
#include "spool/content.h"
#include "spool/ordinary.h"
#include "spool/render.h"

struct fake_store fake_store;

enum { KEPT = 4096 };
static struct message *kept[KEPT];
static struct spool_load *held[KEPT];
static size_t held_count;
static uint32_t place;

void
fake_store_reset(void)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i])
            message_unref(&kept[i]);
    if (fake_store.last_accepted)
        message_unref(&fake_store.last_accepted);
    buf_fini(&fake_store.awaited);
    buf_fini(&fake_store.accepted);
    buf_fini(&fake_store.attempted);
    memset(&fake_store, 0, sizeof(fake_store));
    held_count = 0;
    place = 0;
}

void
fake_store_keep(struct message *m)
{
    for (size_t i = 0; i < KEPT; i++) {
        if (!kept[i]) {
            kept[i] = message_ref(m);
            return;
        }
    }
    fail_msg("too many messages");
}

void
fake_store_forget(uint64_t id)
{
    for (size_t i = 0; i < KEPT; i++)
        if (kept[i] && kept[i]->id == id)
            message_unref(&kept[i]);
}

uint64_t
spool_next_ids(struct spool *s, uint64_t count)
{
    static uint64_t id = 0x7700000000;

    (void)s, (void)count;
    return id += 0x100;
}

uint64_t
spool_identity(const struct spool *s)
{
    (void)s;
    return 0xdef;
}

int
spool_accepting(const struct spool *s, struct err *e)
{
    (void)s, (void)e;
    return 0;
}

/* --- accept --- */

struct posted {
    struct mail mail;
    struct spool_accept *a;
    struct spool_load *l;
    void (*durable)(void *arg);
    spool_placed_f *placed;
    void *arg;
    uint64_t token;
    struct message *m;
};

static void
accepted(struct mail *mail)
{
    struct posted *p = CONTAINER_OF(mail, struct posted, mail);
    const struct spool_events *ev = scheduler_spool_events(world.s);
    struct message *m = p->m;

    if (fake_store.accept_result == 0) {
        m->place = (struct spool_place){2, (uint32_t)m->id};
        fake_store_keep(m);
        if (fake_store.last_accepted)
            message_unref(&fake_store.last_accepted);
        fake_store.last_accepted = message_ref(m);
        ev->accepted(ev->arg, message_ref(m));
        if (p->a->with)
            spool_state_put(NULL, p->a->with->ns, p->a->with->key,
                p->a->with->value, p->a->with->expiry, NULL);
    }
    p->a->done(p->a, fake_store.accept_result, NULL);
    message_unref(&m);
    free(p);
}

static struct posted *unplaced[64];
static size_t unplaced_count;

static struct posted *
posted(void)
{
    return xnew(struct posted);
}

void
spool_accept(struct spool *s, struct spool_accept *a)
{
    struct posted *p = posted();

    (void)s;
    fake_store.accepts++;
    p->a = a;
    p->m = message_ref(a->message);
    mailbox_post(a->home, &p->mail, accepted);
}

/* --- results --- */

static void
placed(struct mail *mail)
{
    struct posted *p = CONTAINER_OF(mail, struct posted, mail);

    ++place;
    if (p->placed)
        p->placed(p->arg, p->token, (struct spool_place){3, place});
    free(p);
}

void
spool_attempt(struct spool *s, const struct attempt *a, spool_placed_f *fn,
    void *arg, uint64_t token)
{
    struct posted *p = posted();

    (void)s;
    fake_store.attempts++;
    fake_store.last.id = a->id;
    fake_store.last.retries = a->retries;
    fake_store.last.next = a->next_attempt;
    fake_store.last.rcpt_count = (uint32_t)a->rcpt_count;
    fake_store.last.before = a->before.offset;
    buf_str(&fake_store.attempted, a->domain);
    buf_printf(&fake_store.attempted, ":%zu ", a->rcpt_count);
    (void)str_copy(
        fake_store.last.domain, sizeof(fake_store.last.domain), a->domain);
    (void)str_copy(
        fake_store.last.moved, sizeof(fake_store.last.moved), a->moved);
    (void)str_copy(
        fake_store.last.text, sizeof(fake_store.last.text), a->rcpt[0].text);
    p->placed = fn;
    p->arg = arg;
    p->token = token;
    if (fake_store.hold_places) {
        assert_true(unplaced_count < ARRAY_SIZE(unplaced));
        unplaced[unplaced_count++] = p;
    } else {
        mailbox_post(loop_mailbox(world.loop), &p->mail, placed);
    }
}

void
fake_store_place(void)
{
    for (size_t i = 0; i < unplaced_count; i++)
        mailbox_post(loop_mailbox(world.loop), &unplaced[i]->mail, placed);
    unplaced_count = 0;
    world_run();
}

void
spool_finish(struct spool *s, const struct finish *f,
    void (*durable)(void *arg), void *arg)
{
    (void)s;
    assert_null(durable);
    (void)arg;
    fake_store.finished++;
    fake_store.last_finished = f->id;
    fake_store.last_count = (uint32_t)f->rcpt_count;
    if (!f->rcpt_count)
        fake_store.finished_all++;
}

uint64_t
spool_unwritten(const struct spool *s)
{
    (void)s;
    return fake_store.unwritten;
}

/* --- values --- */

static struct posted *untold[16];
static size_t untold_count;

static void
value_stored(struct mail *mail)
{
    struct posted *p = CONTAINER_OF(mail, struct posted, mail);

    if (p->durable)
        p->durable(p->arg);
    free(p);
}

int
spool_state_put_told(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry, void (*durable)(void *arg), void *arg,
    struct err *e)
{
    struct posted *p = posted();

    p->durable = durable;
    p->arg = arg;
    if (fake_store.hold_values) {
        assert_true(untold_count < ARRAY_SIZE(untold));
        untold[untold_count++] = p;
    } else {
        mailbox_post(loop_mailbox(world.loop), &p->mail, value_stored);
    }
    return spool_state_put(s, ns, key, value, expiry, e);
}

void
spool_barrier(struct spool *s, void (*durable)(void *arg), void *arg)
{
    struct posted *p = posted();

    (void)s;
    fake_store.barriers++;
    p->durable = durable;
    p->arg = arg;
    if (fake_store.hold_values) {
        assert_true(untold_count < ARRAY_SIZE(untold));
        untold[untold_count++] = p;
    } else {
        mailbox_post(loop_mailbox(world.loop), &p->mail, value_stored);
    }
}

void
fake_store_values(void)
{
    for (size_t i = 0; i < untold_count; i++)
        mailbox_post(loop_mailbox(world.loop), &untold[i]->mail, value_stored);
    untold_count = 0;
    world_run();
}

size_t
fake_store_held(void)
{
    return untold_count;
}

static void
value_put(struct str key, struct str text, int64_t expiry)
{
    size_t i = 0;

    while (i < fake_store.value_count &&
        !str_eq(str_of(fake_store.values[i].key), key))
        i++;
    if (!text.p) {
        if (i < fake_store.value_count)
            fake_store.values[i] = fake_store.values[--fake_store.value_count];
        return;
    }
    assert_true(i < ARRAY_SIZE(fake_store.values));
    if (i == fake_store.value_count)
        fake_store.value_count++;
    assert_true(str_copy(
        fake_store.values[i].key, sizeof(fake_store.values[i].key), key));
    assert_true(str_copy(
        fake_store.values[i].text, sizeof(fake_store.values[i].text), text));
    fake_store.values[i].expiry = expiry;
}

int
spool_state_put(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry, struct err *e)
{
    (void)s, (void)e;
    if (str_eq(ns, STR("awaited"))) {
        buf_cut(&fake_store.awaited, 0);
        buf_str(&fake_store.awaited, value);
        return 0;
    }
    if (str_starts(key, STR("override/")) || str_starts(key, STR("import/"))) {
        value_put(key, value, expiry);
        return 0;
    }
    fake_store.state_puts++;
    assert_true(str_copy(fake_store.state, sizeof(fake_store.state), value));
    return 0;
}

int
spool_state_put_limited(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry, struct err *e)
{
    return spool_state_put(s, ns, key, value, expiry, e);
}

int
spool_state_get(struct spool *s, struct str ns, struct str key, struct buf *to)
{
    (void)s;
    if (str_eq(ns, STR("awaited"))) {
        buf_str(to, buf_get(&fake_store.awaited));
        return fake_store.awaited.n ? 0 : ERR_NOTFOUND;
    }
    for (size_t i = 0; i < fake_store.value_count; i++) {
        if (str_eq(str_of(fake_store.values[i].key), key)) {
            buf_cstr(to, fake_store.values[i].text);
            return 0;
        }
    }
    if (str_starts(key, STR("import/")) || !fake_store.state[0])
        return ERR_NOTFOUND;
    buf_cstr(to, fake_store.state);
    return 0;
}

void
spool_state_each(struct spool *s, struct str ns, spool_state_f *fn, void *arg)
{
    (void)s;
    if (!str_eq(ns, STR("core")))
        return;
    for (size_t i = 0; i < fake_store.value_count; i++)
        if (fake_store.values[i].expiry == 0 ||
            fake_store.values[i].expiry > clock_wall())
            fn(arg, str_of(fake_store.values[i].key),
                str_of(fake_store.values[i].text));
}

/* --- loads --- */

/* Without content it borrows the text of the one that is kept. */
static struct message *
load_message(struct message *m, bool content)
{
    struct message *bare;

    if (content)
        return message_ref(m);
    bare = message_new(m->id);
    bare->env = m->env;
    bare->place = m->place;
    return bare;
}

static void
load_answer(struct spool_load *l)
{
    struct err e = {.text = "the test said so"};
    int result = ERR_NOTFOUND;

    l->message = NULL;
    if (fake_store.load_result && l->want_content) {
        result = fake_store.load_result;
    } else {
        for (size_t i = 0; i < KEPT; i++) {
            if (kept[i] && kept[i]->id == l->id) {
                l->message = load_message(kept[i], l->want_content);
                result = 0;
            }
        }
    }
    l->done(l, result, result ? &e : NULL);
}

static void
loaded(struct mail *mail)
{
    struct posted *p = CONTAINER_OF(mail, struct posted, mail);

    load_answer(p->l);
    free(p);
}

void
spool_load(struct spool *s, struct spool_load *l)
{
    struct posted *p;

    (void)s;
    fake_store.loads++;
    if (fake_store.hold_loads) {
        assert_true(held_count < KEPT);
        held[held_count++] = l;
        return;
    }
    p = posted();
    p->l = l;
    mailbox_post(l->home, &p->mail, loaded);
}

void
fake_store_answer(void)
{
    size_t n = held_count;

    held_count = 0;
    for (size_t i = 0; i < n; i++)
        load_answer(held[i]);
    world_run();
}

/* --- content --- */

struct content {
    char *text;
};
struct content_builder {
    struct buf text;
};
struct render {
    struct message *m;
};

struct content *
fake_store_content(const char *text)
{
    struct content *c = xnew(struct content);

    c->text = xdup(text);
    return c;
}

void
content_free(struct content **c)
{
    if (*c)
        free((*c)->text);
    xfree(c);
}

uint64_t
content_resident(const struct content *c)
{
    return strlen(c->text);
}

void
content_get_facts(const struct content *c, struct content_facts *f)
{
    const char *blank = strstr(c->text, "\r\n\r\n");

    memset(f, 0, sizeof(*f));
    f->size = f->body_size = strlen(c->text);
    f->header_size = blank ? (uint64_t)(blank + 4 - c->text) : f->size;
}

struct content_builder *
content_builder_new(struct spool *s, uint64_t id, struct mailbox *home,
    content_room_f *room, void *arg)
{
    (void)s, (void)id, (void)home, (void)room, (void)arg;
    return xnew(struct content_builder);
}

void
content_builder_facts(const struct content_builder *b, struct content_facts *f)
{
    struct str s = buf_get(&b->text);

    memset(f, 0, sizeof(*f));
    f->size = s.n;
    for (size_t i = 0; i < s.n; i++)
        f->bare_lf =
            f->bare_lf || (s.p[i] == '\n' && (!i || s.p[i - 1] != '\r'));
}

int
content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e)
{
    (void)e;
    buf_add(&b->text, p, n);
    return 0;
}

void
content_builder_finish(struct content_builder **b, struct message *m)
{
    buf_cut(&fake_store.accepted, 0);
    buf_str(&fake_store.accepted, buf_get(&(*b)->text));
    m->content = fake_store_content((*b)->text.p);
    content_builder_abandon(b);
}

void
content_builder_abandon(struct content_builder **b)
{
    buf_fini(&(*b)->text);
    xfree(b);
}

/* No containers here. */
bool
ordinary_is_in(const struct message *m)
{
    (void)m;
    return false;
}

bool
ordinary_takes_long(const struct message *m)
{
    (void)m;
    return false;
}

struct message *
ordinary_new(struct message *m, struct err *e)
{
    (void)m, (void)e;
    return NULL;
}

void
ordinary_begin(struct ordinary_work *w, struct mailbox *home)
{
    (void)w, (void)home;
}

struct render *
render_new(struct message *m, int form, struct str prefix, struct err *e)
{
    struct render *r = xnew(struct render);

    (void)prefix, (void)e;
    assert_int_equal(form, IMPEL_BODY_RAW);
    r->m = m;
    return r;
}

void
render_free(struct render **r)
{
    xfree(r);
}

int64_t
render_read(struct render *r, uint64_t at, void *to, size_t n,
    struct mailbox *home, render_ready_f *ready, void *arg)
{
    size_t size = strlen(r->m->content->text);

    (void)home, (void)ready, (void)arg;
    if (at >= size)
        return 0;
    n = MIN_OF(n, size - (size_t)at);
    memcpy(to, r->m->content->text + at, n);
    return (int64_t)n;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * envelope.c - envelopes to bytes and back.
 */
#include "spool/envelope.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "spool/content_int.h"

#include "base/banned.h"

/* In this order on disk. */
static struct str *
envelope_text(struct envelope *e, int i)
{
    switch (i) {
    case 0:
        return &e->sender;
    case 1:
        return &e->envid;
    case 2:
        return &e->auth;
    case 3:
        return &e->binding;
    case 4:
        return &e->peer_addr;
    case 5:
        return &e->protocol;
    default:
        return NULL;
    }
}
enum { TEXT_BINDING = 3, TEXT_COUNT = 6 };

/* Extras by tag; numbers are never used again. */
enum {
    EXTRA_HELO = 1,
    EXTRA_LOGIN = 2,
    EXTRA_PEER_PORT = 3,
    EXTRA_BODY_SUM = 4 /* and as many as there are forms */
};

static void
put_extra(struct buf *to, uint32_t tag, struct str text)
{
    if (!text.p)
        return;
    wire_put32(to, tag);
    wire_put_str(to, text);
}

/* An extra that is not known is absent, and is not written. */
static void
put_extras(struct buf *to, const struct envelope *e)
{
    char port[12];
    struct str text = {NULL, 0};
    uint32_t count;

    if (e->peer_port) {
        snprintf(port, sizeof(port), "%" PRIu32, e->peer_port);
        text = str_of(port);
    }
    count = !!e->helo.p + !!e->login.p + !!text.p;
    for (int i = 0; i < BODYHASH_FORMS; i++)
        count += !!e->body_sum[i].p;
    wire_put32(to, count);
    put_extra(to, EXTRA_HELO, e->helo);
    put_extra(to, EXTRA_LOGIN, e->login);
    put_extra(to, EXTRA_PEER_PORT, text);
    for (int i = 0; i < BODYHASH_FORMS; i++)
        put_extra(to, EXTRA_BODY_SUM + (uint32_t)i, e->body_sum[i]);
}

static void
get_port(struct envelope *e, struct str text)
{
    uint64_t port;

    if (num_u64(text, &port) == 0 && port <= UINT16_MAX)
        e->peer_port = (uint32_t)port;
}

/* Those with a tag of a later version are passed over. */
static void
get_extras(struct wire *w, struct message *m)
{
    uint32_t count = wire_get32(w);

    while (count-- && !w->bad) {
        uint32_t tag = wire_get32(w);
        struct str text = wire_get_str(w);

        if (tag == EXTRA_HELO)
            m->env.helo = message_str(m, text);
        else if (tag == EXTRA_LOGIN)
            m->env.login = message_str(m, text);
        else if (tag == EXTRA_PEER_PORT)
            get_port(&m->env, text);
        else if (tag - EXTRA_BODY_SUM < BODYHASH_FORMS &&
            text.n == BODYHASH_SIZE)
            m->env.body_sum[tag - EXTRA_BODY_SUM] = message_str(m, text);
    }
}

static void
put_rcpt(struct buf *to, const struct rcpt *r)
{
    wire_put_str(to, r->address);
    wire_put_str(to, r->domain);
    wire_put_str(to, r->original);
    wire_put32(to, r->notify);
}

/* Enough for all of it, and hardly more. */
static size_t
envelope_room(struct envelope *e)
{
    size_t n = RECORD_ACCEPT_FIXED + 4 + 8 + sizeof("65535");

    for (int i = 0; i < TEXT_COUNT; i++)
        n += 4 + envelope_text(e, i)->n;
    for (size_t i = 0; i < e->meta_count; i++)
        n += 8 + e->meta[i].key.n + e->meta[i].value.n;
    for (size_t i = 0; i < e->rcpt_count; i++) {
        const struct rcpt *r = &e->rcpt[i];

        n += 16 + r->address.n + r->domain.n + r->original.n;
    }
    n += 16 + e->helo.n + e->login.n;
    for (int i = 0; i < BODYHASH_FORMS; i++)
        n += e->body_sum[i].p ? 8 + e->body_sum[i].n : 0;
    return n;
}

void
envelope_encode(const struct message *m, struct buf *to)
{
    struct envelope e = m->env;
    struct record_accept head = {.received = e.received,
        .deadline = e.deadline,
        .hold_until = e.hold_until,
        .connection = e.connection,
        .needs = e.needs,
        .ret = (uint32_t)e.ret,
        .by = e.by,
        .rcpt_count = (uint32_t)e.rcpt_count,
        .meta_count = (uint32_t)e.meta_count};
    size_t at = to->n;

    buf_fit(to, envelope_room(&e));
    content_put_head(m->content, &head);
    record_put_accept(to, &head);
    for (int i = 0; i < TEXT_COUNT; i++)
        wire_put_str(to, *envelope_text(&e, i));
    for (size_t i = 0; i < e.meta_count; i++) {
        wire_put_str(to, e.meta[i].key);
        wire_put_str(to, e.meta[i].value);
    }
    for (size_t i = 0; i < e.rcpt_count; i++)
        put_rcpt(to, &e.rcpt[i]);
    put_extras(to, &e);
    record_end_accept(to, at, (uint32_t)(to->n - at));
}

static void
get_metas(struct wire *w, struct message *m, uint32_t count)
{
    struct meta *list;
    if (!count || (uint64_t)count * 8 > w->n) {
        w->bad = w->bad || count;
        return;
    }
    list = arena_alloc(m->arena, count * sizeof(*list));
    for (uint32_t i = 0; i < count; i++) {
        list[i].key = message_str(m, wire_get_str(w));
        list[i].value = message_str(m, wire_get_str(w));
    }
    m->env.meta = list;
    m->env.meta_count = count;
}

static void
get_rcpts(struct wire *w, struct message *m, uint32_t count)
{
    struct rcpt *list;
    if (!count || (uint64_t)count * 16 > w->n) {
        w->bad = w->bad || count;
        return;
    }
    list = arena_alloc(m->arena, count * sizeof(*list));
    for (uint32_t i = 0; i < count; i++) {
        list[i].address = message_str(m, wire_get_str(w));
        list[i].domain = message_str(m, wire_get_str(w));
        list[i].original = message_str(m, wire_get_str(w));
        list[i].notify = wire_get32(w);
    }
    m->env.rcpt = list;
    m->env.rcpt_count = count;
}

int
envelope_decode(
    const uint8_t *p, size_t n, struct record_accept *head, struct message *m)
{
    struct wire w;

    if (record_get_accept(p, n, head))
        return ERR_DAMAGED;
    m->env.received = head->received;
    m->env.deadline = head->deadline;
    m->env.hold_until = head->hold_until;
    m->env.connection = head->connection;
    m->env.needs = head->needs;
    m->env.ret = (int32_t)head->ret;
    m->env.by = head->by;
    w = head->rest;
    for (int i = 0; i < TEXT_COUNT; i++)
        *envelope_text(&m->env, i) = message_str(m, wire_get_str(&w));
    get_metas(&w, m, head->meta_count);
    get_rcpts(&w, m, head->rcpt_count);
    get_extras(&w, m);
    return w.bad || !m->env.sender.p ? ERR_DAMAGED : 0;
}

int
envelope_scan(const struct record_accept *head, struct envelope_scan *to)
{
    struct wire w = head->rest;
    for (int i = 0; i < TEXT_COUNT; i++) {
        struct str s = wire_get_str(&w);
        if (i == TEXT_BINDING)
            to->binding = s;
    }
    for (uint32_t i = 0; i < head->meta_count && !w.bad; i++) {
        (void)wire_get_str(&w); /* key and value are not wanted here */
        (void)wire_get_str(&w);
    }
    to->rcpts = w;
    to->left = head->rcpt_count;
    return w.bad ? ERR_DAMAGED : 0;
}

bool
envelope_next_domain(struct envelope_scan *s, struct str *domain)
{
    if (!s->left)
        return false;
    s->left--;
    (void)wire_get_str(&s->rcpts); /* the address is not wanted here */
    *domain = wire_get_str(&s->rcpts);
    (void)wire_get_str(&s->rcpts); /* nor ORCPT and NOTIFY */
    (void)wire_get32(&s->rcpts);
    return !s->rcpts.bad;
}

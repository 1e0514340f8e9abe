/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_spool.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/magic.h"
#include "base/xmem.h"
#include "spool/ordinary.h"
#include "spool/render.h"
#include "spool/spool.h"

struct content {
    char *bytes;
    size_t size;
};
_Atomic int fake_messages, fake_body_again;
_Atomic uint64_t fake_body_bad;
_Atomic int fake_body_bad_code = ERR_IO;

struct message *
fake_message(uint32_t rcpts, const char *body, size_t size)
{
    struct message *m = xnew(struct message);
    struct rcpt *r = xcalloc(rcpts, sizeof(*r));

    m->magic = MESSAGE_MAGIC;
    m->refs = 1;
    m->id = 0x1234;
    m->env.sender = STR("from@example.com");
    m->env.rcpt = r;
    m->env.rcpt_count = rcpts;
    for (uint32_t i = 0; i < rcpts; i++)
        r[i].address = STR("to@example.com");
    m->content = xnew(struct content);
    m->content->bytes = xdupn(body, size);
    m->content->size = size;
    fake_messages++;
    return m;
}

struct message *
message_ref(struct message *m)
{
    m->refs++;
    return m;
}

void
message_unref(struct message **mp)
{
    struct message *m = *mp;

    *mp = NULL;
    if (!m || --m->refs)
        return;
    free(m->content->bytes);
    free(m->content);
    free((void *)(uintptr_t)m->env.rcpt);
    free(m);
    fake_messages--;
}

void
message_id_print(uint64_t id, char to[MESSAGE_ID_SIZE])
{
    snprintf(to, MESSAGE_ID_SIZE, "%llx", (unsigned long long)id);
}

struct buf fake_awaited_key, fake_awaited;

bool fake_state_full;

int
spool_state_put_limited(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry, struct err *e)
{
    (void)s, (void)expiry;
    if (fake_state_full)
        return err_set(e, ERR_FULL, "too many");
    if (str_eq(ns, STR("awaited"))) {
        buf_fini(&fake_awaited_key);
        buf_fini(&fake_awaited);
        buf_str(&fake_awaited_key, key);
        buf_str(&fake_awaited, value);
        return 0;
    }
    return err_set(e, ERR_IO, "no spool");
}

void
spool_state_forget(struct spool *s, struct str ns, struct str key)
{
    (void)s, (void)ns, (void)key;
}

int
spool_state_get(struct spool *s, struct str ns, struct str key, struct buf *to)
{
    (void)s;
    if (!str_eq(ns, STR("awaited")) || !fake_awaited_key.n ||
        !str_eq(key, buf_get(&fake_awaited_key)))
        return ERR_NOTFOUND;
    buf_str(to, buf_get(&fake_awaited));
    return 0;
}

void (*fake_barrier)(void *arg);
void *fake_barrier_arg;

void
spool_barrier(struct spool *s, void (*durable)(void *arg), void *arg)
{
    (void)s;
    fake_barrier = durable;
    fake_barrier_arg = arg;
}

struct render {
    struct message *m;
    struct mail mail;
    render_ready_f *ready;
    void *arg;
    bool *gone;
};

int fake_container;
const char *fake_ordinary;
struct ordinary_work *fake_work;

bool
ordinary_is_in(const struct message *m)
{
    (void)m;
    return fake_container != FAKE_PLAIN;
}

bool
ordinary_takes_long(const struct message *m)
{
    (void)m;
    return fake_container == FAKE_LARGE_CONTAINER;
}

struct message *
ordinary_new(struct message *m, struct err *e)
{
    if (fake_ordinary)
        return fake_message(
            (uint32_t)m->env.rcpt_count, fake_ordinary, strlen(fake_ordinary));
    (void)err_set(e, ERR_PROTO, "no such part");
    return NULL;
}

void
ordinary_begin(struct ordinary_work *w, struct mailbox *home)
{
    (void)home;
    w->found = ordinary_new(w->container, &w->error);
    message_unref(&w->container);
    fake_work = w;
}

struct render *
render_new(struct message *m, int form, struct str prefix, struct err *e)
{
    struct render *r = xnew(struct render);

    (void)form, (void)prefix, (void)e;
    r->m = m;
    return r;
}

void
render_free(struct render **r)
{
    free(*r);
    *r = NULL;
}

uint64_t
render_size(const struct render *r)
{
    return r->m->content->size;
}

static void
fake_ready(struct mail *m)
{
    struct render *r = CONTAINER_OF(m, struct render, mail);

    r->ready(r->arg, 0);
}

int64_t
render_read(struct render *r, uint64_t at, void *to, size_t n,
    struct mailbox *home, render_ready_f *ready, void *arg)
{
    const struct content *c = r->m->content;
    size_t got = at < c->size ? MIN_OF(n, c->size - (size_t)at) : 0;

    if (fake_body_bad && at >= fake_body_bad)
        return fake_body_bad_code;
    if (fake_body_again > 0) {
        fake_body_again--;
        r->ready = ready;
        r->arg = arg;
        mailbox_post(home, &r->mail, fake_ready);
        return ERR_AGAIN;
    }
    if (got)
        memcpy(to, c->bytes + at, got);
    return (int64_t)got;
}

bool
render_pieces(const struct render *r, struct str piece[2])
{
    const struct content *c = r->m->content;

    if (c->size > 4096 || fake_body_again)
        return false;
    piece[0] = str_make(c->bytes, c->size / 2);
    piece[1] = str_make(c->bytes + c->size / 2, c->size - c->size / 2);
    return true;
}

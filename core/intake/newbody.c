/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/newbody.h"

#include <stdlib.h>
#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "intake/credits.h"
#include "base/banned.h"

struct newbody {
    uint32_t magic;
    struct impel_incoming *m;
    struct content_builder *builder;
    struct message *message; /* once it is whole */
    uint64_t most, bytes;
    bool cr;       /* the piece before ended in one */
    bool no_room;  /* the builder waits for the disk */
    bool settling; /* its end frees it if nobody has it */
    bool dropped;
    int failed;
    void (*room)(void *);
    void *room_arg;
    void (*done)(void *, int);
    void *done_arg;
};

static void
builder_room(void *arg, int result)
{
    struct newbody *b = arg;

    CHECK(b, NEWBODY_MAGIC);
    b->no_room = false;
    if (result < 0)
        b->failed = result;
    b->room(b->room_arg);
}

struct newbody *
newbody_new(
    struct impel_incoming *m, uint64_t most, void (*room)(void *), void *arg)
{
    struct newbody *b = xnew(struct newbody);
    struct spool *s = m->il->intake->spool;

    b->magic = NEWBODY_MAGIC;
    b->m = m;
    b->most = most;
    b->room = room;
    b->room_arg = arg;
    b->builder = content_builder_new(
        s, spool_next_ids(s, 1), loop_mailbox(m->il->loop), builder_room, b);
    return b;
}

static void
newbody_put(struct newbody *b, struct str s)
{
    struct err e;
    int rc = s.n ? content_builder_add(b->builder, s.p, s.n, &e) : 0;

    if (rc == ERR_AGAIN)
        b->no_room = true;
    else if (rc < 0)
        b->failed = rc;
}

/* Appends s with its line ends made CRLF; a CR at the end waits. */
static void
mend(struct newbody *b, struct str s, struct buf *to)
{
    size_t from = 0;

    if (b->cr && s.n) {
        buf_cstr(to, "\r\n");
        from = s.p[0] == '\n';
        b->cr = false;
    }
    for (size_t i = from; i < s.n; i++) {
        if (s.p[i] != '\r' && s.p[i] != '\n')
            continue;
        buf_add(to, s.p + from, i - from);
        if (s.p[i] == '\r' && i + 1 == s.n) {
            b->cr = true;
            return;
        }
        buf_cstr(to, "\r\n");
        if (s.p[i] == '\r' && s.p[i + 1] == '\n')
            i++;
        from = i + 1;
    }
    buf_add(to, s.p + from, s.n - from);
}

int
newbody_add(struct newbody *b, struct str piece)
{
    struct content_facts facts;
    struct buf mended = BUF_INIT;

    CHECK(b, NEWBODY_MAGIC);
    if (b->failed)
        return IMPEL_E_CLOSED;
    if (b->no_room)
        return IMPEL_E_AGAIN;
    if (b->most && piece.n > b->most - b->bytes)
        return IMPEL_E_FULL;
    b->bytes += piece.n;
    mend(b, piece, &mended);
    newbody_put(b, buf_get(&mended));
    content_builder_facts(b->builder, &facts);
    if (!facts.large)
        credits_force(b->m, (int64_t)mended.n);
    buf_fini(&mended);
    return b->failed ? IMPEL_E_CLOSED : 0;
}

static void
settled(void *arg, int result, const struct err *e)
{
    struct newbody *b = arg;

    (void)e;
    CHECK(b, NEWBODY_MAGIC);
    b->settling = false;
    if (b->dropped)
        newbody_free(&b);
    else
        b->done(b->done_arg, result);
}

void
newbody_settle(struct newbody *b, void (*done)(void *, int), void *arg)
{
    struct content_facts facts;

    CHECK(b, NEWBODY_MAGIC);
    if (b->cr)
        newbody_put(b, STR("\r\n"));
    b->cr = false;
    content_builder_facts(b->builder, &facts);
    if (facts.body_size && !facts.ends_crlf)
        newbody_put(b, STR("\r\n"));
    if (b->failed) {
        done(arg, b->failed);
        return;
    }
    b->message = message_new(0);
    content_builder_finish(&b->builder, b->message);
    b->done = done;
    b->done_arg = arg;
    b->settling = true;
    if (content_settle(b->message->content, settled, b))
        return;
    b->settling = false;
    done(arg, 0);
}

struct message *
newbody_take(struct newbody **to)
{
    struct message *m = (*to)->message;

    BUG_ON(!m);
    (*to)->message = NULL;
    newbody_free(to);
    return m;
}

void
newbody_free(struct newbody **to)
{
    struct newbody *b = *to;

    *to = NULL;
    if (!b)
        return;
    CHECK(b, NEWBODY_MAGIC);
    if (b->settling) {
        b->dropped = true;
        return;
    }
    if (b->builder)
        content_builder_abandon(&b->builder);
    if (b->message)
        message_unref(&b->message);
    b->magic = 0;
    free(b);
}

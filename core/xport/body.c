/* SPDX-License-Identifier: Apache-2.0
 *
 * body.c - the forms of a body, as a module reads or sends them.
 *
 * send_body() streams through the connection with its back-pressure: what fits
 * goes at once, the rest whenever output fell below low water, or when a large
 * body's next part was read.  A body that cannot be read ends the connection,
 * so that no peer takes half a message for a whole one; one that is damaged on
 * disk fails, for it would be no better at the next attempt.
 */
#include "xport/session_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "xport/hostapi.h"
#include "base/banned.h"

enum { BODY_STEP = 16384 };

/* The renderer of a form, made when it is first asked for; NULL: *rc, one of
 * ERR_*. */
static struct render *
body_render(struct impel_batch *b, int form, int *rc)
{
    struct err e = {0};
    char *own = NULL;
    const char *prefix;

    CHECK(b, LENT_MAGIC);
    if (!b->batch || form < 0 || form >= BODY_FORMS) {
        session_broken(b->session, "a body of no batch, or of no form");
        *rc = ERR_INVAL;
        return NULL;
    }
    if (b->render[form])
        return b->render[form];
    if (form & IMPEL_BODY_SEVENBIT && batch_preparer)
        own = batch_preparer->prefix(b->batch, form);
    prefix = own ? own : b->batch->prefix ? b->batch->prefix : "";
    b->render[form] = render_new(b->batch->sent, form, str_of(prefix), &e);
    free(own);
    if (!b->render[form]) {
        log_error(LOG_MOD, "body-unreadable",
            "message=%s form=%d reason=\"%s\"", b->id, form, e.text);
        *rc = e.code;
    }
    return b->render[form];
}

int64_t
body_size(struct impel_batch *b, int form)
{
    int rc = 0;
    struct render *r = body_render(b, form, &rc);

    return r ? (int64_t)render_size(r) : hostapi_code(rc);
}

static void
body_count(struct impel_batch *b, uint64_t upto)
{
    if (b->batch->bytes < upto)
        b->batch->bytes = upto;
}

/* A part of a large body was read (or cannot be: the next read says so). */
static void
body_more(void *arg, int result)
{
    struct impel_batch *b = arg;

    (void)result;
    if (!b->batch)
        return;
    if (b->session->streaming == b) {
        body_go_on(b->session);
    } else {
        b->body_due = true;
        session_mark(b->session, PENDING_BODY);
    }
}

/* Half a body is out.  It is our fault, so the account of the recipients is
 * ours too: no module is to blame the peer for it. */
static void
body_broken(struct impel_batch *b, int rc)
{
    struct impel_session *s = b->session;

    log_error(LOG_MOD, "body-unreadable", "message=%s at=%" PRIu64 " code=%d",
        b->id, b->stream_at, rc);
    link_fail(s, IMPEL_E_CLOSED);
    if (s->conn)
        conn_read_enable(s->conn, false);
    if (rc == ERR_DAMAGED)
        lent_take_back(b, IMPEL_FAILED, 550, "5.3.0",
            "[internal] the message is damaged on disk");
    else
        lent_take_back(b, IMPEL_RETRY, 451, "4.3.0",
            "[internal] the message could not be read");
}

int64_t
body_read(struct impel_batch *b, int form, uint64_t at, void *p, size_t n)
{
    int rc = 0;
    struct render *r = body_render(b, form, &rc);
    int64_t got;

    if (!r && rc == ERR_DAMAGED)
        body_broken(b, rc);
    if (!r)
        return hostapi_code(rc);
    got =
        render_read(r, at, p, n, loop_mailbox(b->session->loop), body_more, b);
    if (got == ERR_DAMAGED)
        body_broken(b, (int)got);
    if (got < 0)
        return hostapi_code((int)got);
    body_count(b, at + (uint64_t)got);
    return got;
}

static void
body_done(struct impel_batch *b)
{
    struct impel_session *s = b->session;

    s->streaming = NULL;
    b->body_due = true;
    if (tracer_sees(s))
        tracer_note(
            s, "%" PRIu64 " octets of content of %s", b->stream_at, b->id);
    session_mark(s, PENDING_BODY);
}

/* Hand a part to the connection: false when it has to wait, or is lost. */
static bool
body_put(struct impel_batch *b, const char *p, size_t n)
{
    struct impel_session *s = b->session;
    int rc = conn_write(s->conn, p, n);

    if (rc == ERR_FULL) {
        /* CONN_DRAINED goes on.  The part is kept: to render it once more
         * could mean to begin at the first byte. */
        if (!b->held.n)
            buf_add(&b->held, p, n);
        return false;
    }
    if (rc < 0) {
        s->streaming = NULL; /* CONN_LOST is under way */
        return false;
    }
    b->stream_at += n;
    body_count(b, b->stream_at);
    return true;
}

/* One step of a stream: false when it has to wait, or is over. */
static bool
body_step(struct impel_batch *b)
{
    char part[BODY_STEP];
    int64_t got;

    if (b->held.n) {
        if (!body_put(b, b->held.p, b->held.n))
            return false;
        buf_cut(&b->held, 0);
    }
    got = render_read(b->render[b->stream_form], b->stream_at, part,
        sizeof(part), loop_mailbox(b->session->loop), body_more, b);
    if (got > 0)
        return body_put(b, part, (size_t)got);
    if (got == 0)
        body_done(b);
    else if (got != ERR_AGAIN)
        body_broken(b, (int)got);
    return false;
}

void
body_go_on(struct impel_session *s)
{
    struct impel_batch *b = s->streaming;

    while (b && s->streaming == b && body_step(b))
        ;
}

/* What is resident and fits needs no copy here; false: stream it. */
static bool
body_send_whole(struct impel_batch *b, struct render *r)
{
    struct impel_session *s = b->session;
    struct str piece[2] = {STR_NONE, STR_NONE};
    size_t total;

    if (!render_pieces(r, piece))
        return false;
    total = piece[0].n + piece[1].n;
    if (total < piece[0].n || total > conn_room(s->conn))
        return false;
    for (int i = 0; i < 2; i++) {
        if (piece[i].n && conn_write(s->conn, piece[i].p, piece[i].n) < 0)
            return false;
        b->stream_at += piece[i].n;
    }
    body_count(b, total);
    body_done(b);
    return true;
}

int
body_send(struct impel_batch *b, int form)
{
    struct impel_session *s;
    struct render *r;
    int rc = 0;

    CHECK(b, LENT_MAGIC);
    s = b->session;
    if (!s->conn || !s->up || s->lost || s->state >= SESSION_CLOSED)
        return IMPEL_E_CLOSED;
    if (s->streaming)
        return IMPEL_E_AGAIN;
    r = body_render(b, form, &rc);
    if (!r && rc == ERR_DAMAGED) {
        body_broken(b, rc);
        return 0; /* IMPEL_EV_LOST is under way */
    }
    if (!r)
        return hostapi_code(rc);
    b->batch->begun = true;
    b->stream_form = form;
    b->stream_at = 0;
    s->streaming = b;
    if (!body_send_whole(b, r))
        body_go_on(s);
    return 0;
}

void
body_end(struct impel_batch *b)
{
    if (b->session->streaming == b) {
        /* The peer has half a body: whatever is written next would be taken
         * for the rest of it. */
        b->session->streaming = NULL;
        session_request_close(b->session, true);
    }
    buf_fini(&b->held);
    for (int i = 0; i < BODY_FORMS; i++) {
        if (b->render[i])
            render_free(&b->render[i]);
        b->render[i] = NULL;
    }
}

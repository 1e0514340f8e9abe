/* SPDX-License-Identifier: Apache-2.0
 *
 * control_session.c - one client of the console: lines in, lines out.
 *
 * A session lives as long as its connection, a call until it is answered; the
 * one that ends first lets go of the other.
 */
#include "ctl/control_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/commands.h"
#include "ctl/jsontext.h"
#include "ctl/request.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "net/conn.h"
#include "base/banned.h"

enum { PART_BYTES = 32768, PROGRESS_MS = 200, FINISH_MS = 5000 };

struct session {
    struct list node;
    struct control *control;
    struct conn *conn;
    struct call *call; /* that runs */
    struct defer next;
    struct timer idle;
    int64_t timeout_ms;
    struct buf text; /* of the answer, sent up to text_at */
    size_t text_at;
    int status;
    bool ok, sending; /* an answer is under way */
    bool eof;         /* the client has said everything */
    char who[64];
};
struct call {
    struct command_call command;
    struct session *session; /* NULL: it went away */
    struct request request;
    struct list node; /* of orphans */
    int64_t told_at;  /* the last progress */
};

/* Calls whose session ended before them: they may be answered yet, even after
 * the control is gone. */
static struct list orphans;

static void session_next(struct session *s);

/* --- life --- */

static void
session_free(struct session *s)
{
    if (s->call) {
        if (!orphans.next)
            list_init(&orphans);
        list_push(&orphans, &s->call->node);
        s->call->session = NULL;
    }
    defer_cancel(&s->next);
    timer_stop(&s->idle);
    if (s->conn)
        conn_free(&s->conn);
    list_remove(&s->node);
    s->control->session_count--;
    buf_fini(&s->text);
    free(s);
}

/* What was written still goes out. */
static void
session_finish(struct session *s)
{
    conn_finish(&s->conn, loop_now(s->control->on.loop) + FINISH_MS);
    session_free(s);
}

static void
session_timeout(void *arg)
{
    session_free(arg);
}

static void
session_continue(void *arg)
{
    session_next(arg);
}

/* --- out --- */

/* One line: a part, or with the last of the text the answer. */
static void
print_line(const struct session *s, struct str text, bool last, struct buf *to)
{
    if (!last)
        buf_cstr(to, "{\"part\": ");
    else if (s->ok)
        buf_printf(to, "{\"ok\": true, \"status\": %d, \"text\": ", s->status);
    else
        buf_cstr(to, "{\"ok\": false, \"error\": ");
    jsontext_str(to, text);
    buf_cstr(to, "}\n");
}

/* An error is one sentence, in one line; a text may be long. */
static void
session_send(struct session *s)
{
    struct buf line = BUF_INIT;
    while (s->sending) {
        struct str rest = str_from(buf_get(&s->text), s->text_at);
        struct str piece = s->ok ? jsontext_head(rest, PART_BYTES) : rest;
        bool last = piece.n == rest.n;
        buf_cut(&line, 0);
        print_line(s, piece, last, &line);
        if (conn_write(s->conn, line.p, line.n) < 0)
            break; /* CONN_DRAINED or CONN_LOST follows */
        s->text_at += piece.n;
        s->sending = !last;
    }
    buf_fini(&line);
    timer_start(&s->idle, s->timeout_ms);
    if (!s->sending) {
        buf_fini(&s->text);
        s->text_at = 0;
        defer_post(
            s->control->on.loop, &s->next, session_continue, s, "control next");
    }
}

static void
session_answer(struct session *s, bool ok, int status, struct str text)
{
    s->ok = ok;
    s->status = status;
    s->sending = true;
    buf_cut(&s->text, 0);
    buf_str(&s->text, ok ? text : str_sub(text, 0, CONTROL_REQUEST_MAX));
    session_send(s);
}

static void
call_answer(struct command_call *c, bool ok, struct str text)
{
    struct call *call = c->arg;
    struct session *s = call->session;
    if (s) {
        s->call = NULL;
        session_answer(s, ok, c->status, text);
    }
    list_remove(&call->node);
    request_fini(&call->request);
    free(call);
}

static void
call_progress(struct command_call *c, uint64_t done, uint64_t total)
{
    struct call *call = c->arg;
    struct session *s = call->session;
    char line[96];
    int64_t now = clock_mono();
    if (!s || conn_pending(s->conn) || now - call->told_at < PROGRESS_MS)
        return;
    call->told_at = now;
    int n = snprintf(line, sizeof(line),
        "{\"done\": %" PRIu64 ", \"total\": %" PRIu64 "}\n", done, total);
    (void)conn_write(s->conn, line, (size_t)n); /* the next one says more */
}

/* --- in --- */

static void
session_run(struct session *s, struct str line)
{
    struct call *call = xnew(struct call);
    struct err e;
    if (request_parse(line, &call->request, &e) < 0) {
        free(call);
        session_answer(s, false, 0, str_of(e.text));
        return;
    }
    timer_stop(&s->idle); /* it is our turn */
    call->session = s;
    s->call = call;
    call->command = (struct command_call){.on = &s->control->on,
        .words = call->request.words,
        .word_count = call->request.word_count,
        .json = call->request.json,
        .who = s->who,
        .answer = call_answer,
        .progress = call_progress,
        .arg = call};
    commands_run(&call->command);
}

/* Take the next line if nothing runs.  May free s. */
static void
session_next(struct session *s)
{
    if (s->call || s->sending)
        return;
    struct str in = conn_input(s->conn);
    size_t end = str_chr(in, '\n', 0);
    if (end != SIZE_MAX) {
        struct buf line = BUF_INIT;
        buf_add(&line, in.p, end);
        conn_consume(s->conn, end + 1);
        session_run(s, buf_get(&line));
        buf_fini(&line);
    } else if (in.n >= CONTROL_REQUEST_MAX) {
        log_warn(LOG_NET, "control-request-refused", "%s", s->who);
        session_free(s);
    } else if (s->eof || s->control->closing)
        session_finish(s);
}

static void
session_event(void *arg, struct conn *conn, enum conn_event event, int error)
{
    struct session *s = arg;
    (void)conn;
    if (event == CONN_DRAINED)
        session_send(s);
    else if (event == CONN_INPUT)
        session_next(s);
    else if (event == CONN_LOST && error == 0) {
        s->eof = true;
        session_next(s);
    } else if (event == CONN_LOST)
        session_free(s);
}

/* --- sessions of a control --- */

static void
print_who(int fd, char *to, size_t size)
{
    struct ucred peer = {0};
    socklen_t n = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0)
        snprintf(to, size, "uid=%ld pid=%ld", (long)peer.uid, (long)peer.pid);
    else
        snprintf(to, size, "uid=? pid=?");
}

static void
refuse(int fd)
{
    static const char sorry[] = "{\"ok\": false, \"error\": "
                                "\"too many sessions of the console\"}\n";
    (void)send(fd, sorry, sizeof(sorry) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd); /* nothing more to say to it */
}

void
control_session_new(struct control *c, int fd, int64_t timeout_ms)
{
    if (c->session_count >= CONTROL_SESSIONS_MAX) {
        refuse(fd);
        return;
    }
    struct session *s = xnew(struct session);
    s->control = c;
    s->timeout_ms = timeout_ms;
    print_who(fd, s->who, sizeof(s->who));
    list_push(&c->sessions, &s->node);
    c->session_count++;
    timer_init(&s->idle, c->on.loop, session_timeout, s, "control idle");
    timer_start(&s->idle, timeout_ms);
    struct netaddr nowhere = {0};
    s->conn =
        conn_accepted(c->on.loop, fd, &nowhere, &nowhere, session_event, s);
}

void
control_session_end_idle(struct control *c)
{
    struct list *it, *tmp;
    LIST_FOREACH_SAFE (it, tmp, &c->sessions) {
        struct session *s = LIST_ENTRY(it, struct session, node);
        if (!s->call && !s->sending && conn_pending(s->conn) == 0)
            session_free(s);
    }
}

void
control_session_free_all(struct control *c)
{
    struct list *n;
    while ((n = list_first(&c->sessions)) != NULL)
        session_free(LIST_ENTRY(n, struct session, node));
}

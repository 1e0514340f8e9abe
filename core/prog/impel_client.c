/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_client.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/xmem.h"
#include "ctl/control.h"
#include "ctl/jsontext.h"
#include "prog/impel_bar.h"
#include "base/banned.h"

enum { CONNECT_S = 5, TICK_MS = 250, LINE_MAX_BYTES = 4 << 20, READ = 65536 };

struct impel_client {
    int fd;
    struct buf in;
};

const char *
impel_client_default_path(void)
{
    return CONTROL_DEFAULT_PATH;
}

static int
refused(const char *path, int errnum, struct err *e)
{
    if (errnum == ENOENT || errnum == ECONNREFUSED)
        return err_set(e, ERR_CLOSED,
            "no daemon answers at %s; is impeld running, and is this its "
            "control_listener (-s)?",
            path);
    return err_errno(e, ERR_CLOSED, errnum, "cannot connect to %s", path);
}

int
impel_client_open(const char *path, struct impel_client **to, struct err *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = CONNECT_S};
    if (!str_copy(at.sun_path, sizeof(at.sun_path), str_of(path)))
        return err_set(e, ERR_INVAL, "the path %s is too long", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "socket");
    /* Bounds connect() too, when the daemon's backlog is full. */
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        int rc = refused(path, errno, e);
        (void)close(fd); /* never connected */
        return rc;
    }
    *to = xnew(struct impel_client);
    (*to)->fd = fd;
    return 0;
}

void
impel_client_close(struct impel_client **c)
{
    if (!*c)
        return;
    (void)close((*c)->fd); /* all that mattered was answered */
    buf_fini(&(*c)->in);
    xfree(c);
}

bool
impel_client_is_gone(const struct impel_client *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0; /* it speaks only when asked */
}

/* --- ask --- */

static int
send_request(struct impel_client *c, const struct impel_ask *ask, struct err *e)
{
    struct buf line = BUF_INIT;
    int rc = 0;
    buf_cstr(&line, "{\"words\": [");
    for (size_t i = 0; i < ask->count; i++) {
        if (i)
            buf_cstr(&line, ", ");
        jsontext_str(&line, ask->words[i]);
    }
    buf_printf(&line, "], \"json\": %s}\n", ask->json ? "true" : "false");
    if (line.n > CONTROL_REQUEST_MAX)
        rc = err_set(e, ERR_LIMIT, "the command is too long");
    for (size_t at = 0; rc == 0 && at < line.n;) {
        ssize_t n = send(c->fd, line.p + at, line.n - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            rc = err_errno(e, ERR_CLOSED, errno, "the daemon went away");
    }
    buf_fini(&line);
    return rc;
}

/* Wait for more input: 0, or what went wrong. */
static int
read_more(struct impel_client *c, struct err *e)
{
    buf_reserve(&c->in, READ);
    ssize_t n = recv(c->fd, c->in.p + c->in.n, READ, 0);
    if (n < 0 && errno == EINTR)
        return 0;
    if (n < 0)
        return err_errno(e, ERR_CLOSED, errno, "the daemon went away");
    if (n == 0)
        return err_set(e, ERR_CLOSED, "the daemon went away");
    c->in.n += (size_t)n;
    return c->in.n > LINE_MAX_BYTES
        ? err_set(e, ERR_PROTO, "the daemon's answer makes no sense")
        : 0;
}

static int
wait_more(struct impel_client *c, const struct impel_ask *ask,
    struct impel_bar *bar, struct err *e)
{
    int64_t until = clock_mono() + ask->timeout_ms;
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    for (;;) {
        int n = poll(&p, 1, TICK_MS);
        if (n > 0)
            return read_more(c, e);
        impel_bar_draw(bar);
        if (ask->timeout_ms > 0 && clock_mono() > until)
            return err_set(e, ERR_TIMEOUT,
                "the daemon said nothing for %lld s; what was begun goes on",
                (long long)(ask->timeout_ms / 1000));
    }
}

static void
give_text(const struct impel_ask *ask, const json_t *j, struct impel_bar *bar,
    bool *ends)
{
    struct str s = str_make(json_string_value(j), json_string_length(j));
    if (!s.n)
        return;
    impel_bar_clear(bar);
    ask->text(ask->arg, s);
    *ends = s.p[s.n - 1] == '\n';
}

/* One line: 1 if it was the answer. */
static int
take_line(const struct impel_ask *ask, json_t *j, struct impel_bar *bar,
    bool *ends, struct impel_answer *to)
{
    json_t *ok = json_object_get(j, "ok"), *part = json_object_get(j, "part");
    if (json_is_string(part)) {
        give_text(ask, part, bar, ends);
        return 0;
    }
    if (!ok) {
        json_int_t done = json_integer_value(json_object_get(j, "done"));
        json_int_t total = json_integer_value(json_object_get(j, "total"));
        impel_bar_move(bar, done > 0 ? (uint64_t)done : 0,
            total > 0 ? (uint64_t)total : 0);
        impel_bar_draw(bar);
        return 0;
    }
    to->ok = json_is_true(ok);
    to->status = (int)json_integer_value(json_object_get(j, "status"));
    if (to->ok) {
        give_text(ask, json_object_get(j, "text"), bar, ends);
        if (!*ends)
            ask->text(ask->arg, STR("\n"));
    } else {
        const char *why = json_string_value(json_object_get(j, "error"));
        buf_cstr(&to->error, why ? why : "failed");
    }
    return 1;
}

static int
take_lines(struct impel_client *c, const struct impel_ask *ask,
    struct impel_bar *bar, bool *ends, struct impel_answer *to, struct err *e)
{
    size_t end;
    int rc = 0;
    while (rc == 0 && (end = str_chr(buf_get(&c->in), '\n', 0)) != SIZE_MAX) {
        json_t *j = json_loadb(c->in.p, end, JSON_ALLOW_NUL, NULL);
        buf_consume(&c->in, end + 1);
        rc = j ? take_line(ask, j, bar, ends, to)
               : err_set(e, ERR_PROTO, "the daemon's answer makes no sense");
        json_decref(j);
    }
    return rc;
}

int
impel_client_ask(struct impel_client *c, const struct impel_ask *ask,
    struct impel_answer *to, struct err *e)
{
    struct impel_bar bar;
    bool ends = true; /* with LF; nothing at all does too */
    *to = (struct impel_answer){0};
    impel_bar_start(&bar, ask->bar);
    int rc = send_request(c, ask, e);
    while (rc == 0) {
        rc = wait_more(c, ask, &bar, e);
        if (rc == 0)
            rc = take_lines(c, ask, &bar, &ends, to, e);
    }
    impel_bar_clear(&bar);
    return rc < 0 ? rc : 0;
}

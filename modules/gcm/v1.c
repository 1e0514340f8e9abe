/* SPDX-License-Identifier: Apache-2.0
 *
 * v1.c - FCM HTTP v1: a request for each device by HTTP/2, with an access token
 * of the project's account.
 *
 * Without a token nothing is taken; the session is woken when there is one, or
 * why there is none is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

struct v1 {
    struct pushh2 base;
    bool waiting; /* for a token */
    uint64_t number;
    char path[ACCOUNT_WORD_MOST + 32];
};

static struct v1 *
v1_of(struct pushconn *c)
{
    return (struct v1 *)c;
}

/* --- tokens --- */

/* 0: none; why is "" while it is waited for. */
static uint64_t
v1_token(
    struct pushconn *c, char to[OAUTH_TOKEN_MOST], char why[OAUTH_WHY_MOST])
{
    struct gcm *m = c->module;
    uint64_t number =
        oauth_token(&m->oauth, c->host->opt_str(c->scope, OPT_ACCOUNT, 0),
            pushconn_wall(), c->host->token(c->io), to, why);

    v1_of(c)->waiting = !number && !why[0];
    return number;
}

/* The same, where only the answer counts. */
static bool
v1_has_token(struct pushconn *c, char why[OAUTH_WHY_MOST])
{
    char token[OAUTH_TOKEN_MOST];
    bool has = v1_token(c, token, why) != 0;

    explicit_bzero(token, sizeof(token));
    return has;
}

static void
v1_text(const char *why, char to[OAUTH_WHY_MOST + 40])
{
    (void)snprintf(to, OAUTH_WHY_MOST + 40, "451 4.7.8 [internal] %s", why);
}

/* What was sent is still answered. */
static void
v1_without_token(struct pushconn *c, const char *why)
{
    struct pushh2 *h = &v1_of(c)->base;
    char text[OAUTH_WHY_MOST + 40];

    v1_text(why, text);
    if (!h->h2 || !h2_open(h->h2)) {
        pushconn_fails(c, IMPEL_BLAME_ROUTE, IMPEL_AT_LOGIN, text);
        return;
    }
    while (c->todo)
        pushconn_cannot(pushconn_next(c), IMPEL_RETRY, IMPEL_BLAME_ROUTE, text);
    pushh2_leave(c);
    pushh2_hold(c, false); /* for messages that are still being read */
    pushh2_flush(c);
}

/* --- requests --- */

static void
v1_send(struct pushconn *c, struct pushconn_request *r)
{
    char token[OAUTH_TOKEN_MOST], why[OAUTH_WHY_MOST];
    char text[OAUTH_WHY_MOST + 40];
    struct h2_field field[] = {{line_str("authorization"), {NULL, 0}, false},
        {line_str("content-type"), line_str("application/json;charset=utf-8"),
            false}};
    struct h2_request q = {.method = line_str("POST"),
        .path = line_str(v1_of(c)->path),
        .field = field,
        .field_count = 2};
    char *body;

    r->credential = v1_token(c, token, why);
    if (!r->credential && !why[0]) {
        pushconn_puts_off(r);
        pushh2_hold(c, true);
        return;
    }
    if (!r->credential) {
        v1_text(why, text);
        pushconn_cannot(r, IMPEL_RETRY, IMPEL_BLAME_ROUTE, text);
        return;
    }
    body = session_body(r);
    if (body) {
        field[0].value = line_str(token);
        q.body = line_str(body);
        pushh2_request(c, r, &q);
    }
    free(body);
    explicit_bzero(token, sizeof(token));
}

/* The token was revoked, or expired before its time: once more with another,
 * on this connection. */
static bool
v1_again(struct pushconn *c, struct pushconn_request *r)
{
    struct gcm *m = c->module;

    if (r->again || !pushh2_may_again(c) ||
        !oauth_refused(&m->oauth, c->host->opt_str(c->scope, OPT_ACCOUNT, 0),
            r->credential))
        return false;
    r->again = true;
    return true;
}

static void
v1_answered(
    struct pushconn *c, struct pushconn_request *r, const struct h2_answer *a)
{
    struct answer answer;

    answer_v1(a->status, a->body, h2_retry_after(a, pushconn_wall()), &answer);
    if (answer.unauthorized && v1_again(c, r)) {
        r->id = 0;
        if (v1_of(c)->base.held)
            pushconn_puts_off(r);
        else
            v1_send(c, r);
        return;
    }
    session_answered(r, &answer, v1_of(c)->number);
    if (answer.unauthorized && !c->over)
        pushh2_leave(c);
}

/* --- events --- */

static void
v1_connected(struct pushconn *c)
{
    char why[OAUTH_WHY_MOST] = "";

    if (!v1_of(c)->waiting && !v1_has_token(c, why) && why[0]) {
        v1_without_token(c, why);
        return;
    }
    pushh2_hold(c, v1_of(c)->waiting);
    pushh2_connected(c);
}

static void
v1_woken(struct pushconn *c, int64_t arg)
{
    char why[OAUTH_WHY_MOST] = "";

    (void)arg;
    v1_of(c)->waiting = false;
    if (!c->up)
        return;
    if (v1_has_token(c, why)) {
        pushh2_hold(c, false);
        pushh2_flush(c);
    } else if (why[0]) {
        v1_without_token(c, why);
    }
}

/* It is fetched while the connection comes up. */
void
v1_opened(struct pushconn *c, const char *project)
{
    struct v1 *v = v1_of(c);
    char why[OAUTH_WHY_MOST];

    (void)snprintf(
        v->path, sizeof(v->path), "/v1/projects/%s/messages:send", project);
    v->number = quota_project(line_str(project));
    (void)v1_has_token(c, why);
}

const struct pushh2_speech v1_speech = {
    .speech = {PUSHH2_SPEECH(struct v1, v1_connected), .woken = v1_woken},
    .half = {v1_send, v1_answered},
};

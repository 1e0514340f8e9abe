/* SPDX-License-Identifier: Apache-2.0
 *
 * http.c - the HTTP/2 provider API: what a request says, and what an answer to
 * it means.
 */
#include <stdio.h>
#include <string.h>

#include "session.h"

enum { FIELDS = 7 };

static struct provider_key
http_key(const struct pushconn *c)
{
    return (struct provider_key){
        .pem = c->host->opt_str(c->scope, OPT_AUTH_KEY, 0),
        .key_id = c->host->opt_str(c->scope, OPT_KEY_ID, 0),
        .team_id = c->host->opt_str(c->scope, OPT_TEAM_ID, 0)};
}

static size_t
put_field(struct h2_field *to, size_t n, const char *name, const char *value,
    bool varies)
{
    if (!value[0])
        return n;
    to[n] = (struct h2_field){line_str(name), line_str(value), varies};
    return n + 1;
}

static size_t
http_fields(const struct notice *n, const char *authorization,
    char expiration[24], struct h2_field to[FIELDS])
{
    size_t count = 0;

    (void)snprintf(expiration, 24, "%lld", (long long)n->expiration);
    count = put_field(to, count, "authorization", authorization, false);
    count = put_field(to, count, "apns-topic", n->topic, false);
    count = put_field(to, count, "apns-push-type", n->push_type, false);
    count = put_field(to, count, "apns-priority", n->priority, false);
    count = put_field(to, count, "apns-expiration", expiration, true);
    count = put_field(to, count, "apns-collapse-id", n->collapse_id, true);
    return put_field(to, count, "apns-id", n->id, true);
}

/* false: *why says what is wrong with the key. */
static bool
http_authorize(struct pushconn *c, struct pushconn_request *r,
    char to[PROVIDER_TOKEN_MOST], const char **why)
{
    struct provider_key key = http_key(c);
    struct apn *m = c->module;

    to[0] = '\0';
    *why = NULL;
    if (!key.pem.n) /* the certificate says who we are */
        return true;
    r->credential =
        provider_token(&m->provider, &key, pushconn_wall(), to, why);
    return r->credential != 0;
}

static void
http_send(struct pushconn *c, struct pushconn_request *r)
{
    const struct notice *n = r->job->notice;
    char token[PROVIDER_TOKEN_MOST], expiration[24];
    char path[NOTICE_TOKEN_MOST + 16], text[200];
    struct h2_field field[FIELDS];
    const char *why;
    struct h2_request q = {.method = line_str("POST"),
        .field = field,
        .body = {n->payload, n->payload_n}};

    if (!http_authorize(c, r, token, &why)) {
        (void)snprintf(text, sizeof(text), "451 4.7.8 [internal] %s", why);
        pushconn_cannot(r, IMPEL_RETRY, IMPEL_BLAME_ROUTE, text);
        return;
    }
    (void)snprintf(path, sizeof(path), "/3/device/%s", r->device);
    q.path = line_str(path);
    q.field_count = http_fields(n, token, expiration, field);
    pushh2_request(c, r, &q);
    explicit_bzero(token, sizeof(token));
}

/* Apple wants a newer token: once more with it, on this connection. */
static bool
http_again(struct pushconn *c, struct pushconn_request *r)
{
    struct provider_key key = http_key(c);
    struct apn *m = c->module;

    if (r->again || !pushh2_may_again(c) || !r->credential ||
        !provider_expired(&m->provider, &key, r->credential, pushconn_wall()))
        return false;
    c->host->count(c->instance, COUNT_TOKENS, 1);
    r->again = true;
    return true;
}

static void
http_answered(
    struct pushconn *c, struct pushconn_request *r, const struct h2_answer *a)
{
    struct reason reason;

    reason_of(a, pushconn_wall(), &reason);
    if (reason.expired && http_again(c, r)) {
        http_send(c, r);
        return;
    }
    /* our key or certificate: there may be another by then */
    if (a->status == 403 && reason.result.blame == IMPEL_BLAME_ROUTE)
        pushh2_leave(c);
    session_answered(r, &reason, h2_header(a, "apns-id"));
}

const struct pushh2_speech http_speech = {
    .speech = {PUSHH2_SPEECH(struct pushh2, pushh2_connected)},
    .half = {http_send, http_answered},
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - what both protocols share.
 */
#include "session.h"

#include <stdio.h>

/* --- answers --- */

static void
say_unregistered(const struct pushconn_request *r, const struct reason *reason,
    struct impel_str id)
{
    struct pushconn *c = r->job->conn;
    char since[24];

    (void)snprintf(
        since, sizeof(since), "%lld", (long long)(reason->since / 1000));
    struct impel_pair p[] = {{line_str("rcpt"), pushconn_rcpt(r)},
        {line_str("token"), line_str(r->device)},
        {line_str("reason"), line_str(reason->words)},
        {line_str("since"), line_str(since)}, {line_str("apns-id"), id}};

    c->host->count(c->instance, COUNT_UNREGISTERED, 1);
    c->host->event(c->instance, r->job->batch, "apn-unregistered", 5, p);
}

void
session_answered(
    struct pushconn_request *r, struct reason *reason, struct impel_str id)
{
    if (reason->unregistered)
        say_unregistered(r, reason, id);
    pushconn_answered(r, &reason->result, "apns-id", id);
}

/* --- messages --- */

static struct push_want
session_want(struct pushconn *c, struct impel_batch *b)
{
    return notice_want(c->module, c->scope, b);
}

static const char *
session_notice(struct pushconn *c, struct pushconn_job *j,
    const struct push_found *found, struct pushconn_made *made)
{
    struct notice *n = j->notice;
    const char *wrong = notice_make(c->module, c->scope, j->batch, j->envelope,
        found, c->speech == &binary_speech, n);

    made->device = n->token;
    made->converted = n->converted;
    return wrong;
}

static void
session_notice_fini(void *notice)
{
    notice_fini(notice);
}

static bool
session_device(struct pushconn *c, struct impel_str local, char *to)
{
    (void)c;
    return notice_token(local, to);
}

static const struct pushconn_service session_service = {
    .notice_size = sizeof(struct notice),
    .counter = {.delivered = COUNT_DELIVERED,
        .converted = COUNT_CONVERTED,
        .uncertain = COUNT_UNCERTAIN,
        .untouched = COUNT_UNTOUCHED,
        .timeouts = COUNT_TIMEOUTS,
        .goaways = COUNT_GOAWAYS},
    .want = session_want,
    .notice = session_notice,
    .notice_fini = session_notice_fini,
    .device = session_device,
};

/* --- opening --- */

static const struct pushconn_speech *
speech_of(const struct apn *m, const struct impel_scope *scope, uint16_t port)
{
    int64_t protocol = m->host->opt_int(scope, OPT_PROTOCOL);

    if (protocol == PROTOCOL_AUTO)
        protocol = port == APN_BINARY_PORT ? PROTOCOL_BINARY : PROTOCOL_HTTP2;
    return protocol == PROTOCOL_BINARY ? &binary_speech : &http_speech.speech;
}

static int
session_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct apn *m = ctx;
    uint16_t port =
        peer->port ? peer->port : (uint16_t)m->host->opt_int(scope, OPT_PORT);
    struct pushconn_open how = {.speech = speech_of(m, scope, port),
        .service = &session_service,
        .module = m,
        .host = m->host,
        .instance = m->instance,
        .scope = scope,
        .peer = peer,
        .port = port,
        .connect_wait = m->host->opt_int(scope, OPT_CONNECT_TIMEOUT),
        .answer_wait = m->host->opt_int(scope, OPT_RESPONSE_TIMEOUT)};
    struct pushconn *c;
    int rc = pushconn_open(&how, io, &c, e);

    if (rc == 0)
        *sp = c;
    return rc;
}

const struct impel_transport apn_transport = {
    .size = sizeof(struct impel_transport),
    .open = session_open,
    .event = pushconn_event,
    .deliver = pushconn_deliver,
    .cancel = pushconn_cancel,
    .probe = pushconn_probe,
    .close = pushconn_close,
    .release = pushconn_release,
};

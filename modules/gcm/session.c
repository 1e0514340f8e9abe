/* SPDX-License-Identifier: Apache-2.0
 *
 * session.c - what both protocols share.
 */
#include "session.h"

#include <stdlib.h>
#include <string.h>

enum gcm_protocol
session_protocol(const struct pushconn *c)
{
    return c->speech == &legacy_speech ? PROTOCOL_LEGACY : PROTOCOL_V1;
}

/* --- requests and answers --- */

char *
session_body(struct pushconn_request *r)
{
    struct pushconn_job *j = r->job;
    char *body = notice_body(j->notice, session_protocol(j->conn), r->device);

    if (!body)
        pushconn_cannot(r, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.3.0 [internal] no memory");
    return body;
}

/* Of a registration id: it is dead, or has another name by now. */
static void
say(const struct pushconn_request *r, const char *event, const char *key,
    const char *value, uint32_t counter)
{
    struct pushconn *c = r->job->conn;
    struct impel_pair p[] = {{line_str("rcpt"), pushconn_rcpt(r)},
        {line_str("token"), line_str(r->device)},
        {line_str(key), line_str(value)}};

    c->host->count(c->instance, counter, 1);
    c->host->event(c->instance, r->job->batch, event, 3, p);
}

void
session_answered(struct pushconn_request *r, struct answer *a, uint64_t project)
{
    struct pushconn *c = r->job->conn;
    struct gcm *m = c->module;
    struct impel_pair info[] = {{line_str("fcm-id"), line_str(a->id)},
        {line_str("canonical-id"), line_str(a->canonical)}};

    if (a->unregistered)
        say(r, "gcm-unregistered", "reason", a->words, COUNT_UNREGISTERED);
    if (a->canonical[0])
        say(r, "gcm-canonical-id", "canonical", a->canonical, COUNT_CANONICAL);
    if (a->quota) {
        c->host->count(c->instance, COUNT_QUOTA, 1);
        a->result.retry_after =
            quota_refused(&m->quota, project, c->host->now(), a->after);
    } else if (a->result.verdict == IMPEL_DELIVERED) {
        quota_taken(&m->quota, project, c->host->now());
    }
    if (a->id[0]) {
        a->result.info = info;
        a->result.info_count = a->canonical[0] ? 2 : 1;
    }
    pushconn_answered(r, &a->result, "fcm-id", (struct impel_str){NULL, 0});
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
    const char *wrong = notice_make(
        c->module, c->scope, j->batch, found, session_protocol(c), n);

    made->device = n->device;
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
    return notice_address(local, to);
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

/* Whose devices are meant; false: nobody says. */
static bool
session_project(const struct gcm *m, const struct impel_scope *scope,
    struct impel_str account, char to[ACCOUNT_WORD_MOST + 1])
{
    struct impel_str own = m->host->opt_str(scope, OPT_PROJECT, 0);

    if (!own.n || own.n > ACCOUNT_WORD_MOST)
        return account_project(account, to);
    memcpy(to, own.p, own.n);
    to[own.n] = '\0';
    return true;
}

static int
session_open(void *ctx, struct impel_session *io,
    const struct impel_scope *scope, const struct impel_peer *peer, void **sp,
    struct impel_error *e)
{
    struct gcm *m = ctx;
    struct impel_str account = m->host->opt_str(scope, OPT_ACCOUNT, 0);
    struct impel_str key = m->host->opt_str(scope, OPT_KEY, 0);
    bool legacy = gcm_protocol_of(m->host->opt_int(scope, OPT_PROTOCOL),
                      peer->host, key.n > 0, account.n > 0) == PROTOCOL_LEGACY;
    struct pushconn_open how = {
        .speech = legacy ? &legacy_speech : &v1_speech.speech,
        .service = &session_service,
        .module = m,
        .host = m->host,
        .instance = m->instance,
        .scope = scope,
        .peer = peer,
        .port = peer->port ? peer->port
                           : (uint16_t)m->host->opt_int(scope, OPT_PORT),
        .connect_wait = m->host->opt_int(scope, OPT_CONNECT_TIMEOUT),
        .answer_wait = m->host->opt_int(scope, OPT_RESPONSE_TIMEOUT)};
    char project[ACCOUNT_WORD_MOST + 1];
    struct pushconn *c;
    int rc;

    if (legacy && !key.n)
        return outcome_refuse(e, IMPEL_E_INVAL,
            "gcm_authorization_token_id is not set: the legacy protocol needs "
            "a server key");
    if (!legacy && (!account.n || !session_project(m, scope, account, project)))
        return outcome_refuse(e, IMPEL_E_INVAL,
            "gcm_service_account is not set: FCM HTTP v1 needs a service "
            "account");
    rc = pushconn_open(&how, io, &c, e);
    if (rc < 0)
        return rc;
    if (legacy)
        legacy_opened(c, peer);
    else
        v1_opened(c, project);
    *sp = c;
    return 0;
}

const struct impel_transport gcm_transport = {
    .size = sizeof(struct impel_transport),
    .open = session_open,
    .event = pushconn_event,
    .deliver = pushconn_deliver,
    .cancel = pushconn_cancel,
    .probe = pushconn_probe,
    .close = pushconn_close,
    .release = pushconn_release,
};

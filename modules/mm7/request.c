/* SPDX-License-Identifier: Apache-2.0
 *
 * request.c - one SubmitReq out by HTTP, and its answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "answer.h"
#include "reportkey.h"
#include "retryafter.h"
#include "session.h"

enum { WRITE_STEP = 16384 };

/* --- who we are --- */

/* "user:password" of http_basic_auth, or the two old options. */
static bool
login_of(
    const struct session *s, struct impel_str *user, struct impel_str *password)
{
    struct impel_str both = s->host->opt_str(s->scope, OPT_BASIC_AUTH, 0);
    const char *colon = both.n ? memchr(both.p, ':', both.n) : NULL;

    if (!both.n) {
        *user = s->host->opt_str(s->scope, OPT_AUTH_USER, 0);
        *password = s->host->opt_str(s->scope, OPT_AUTH_PASSWORD, 0);
        return user->n > 0;
    }
    *user =
        (struct impel_str){both.p, colon ? (size_t)(colon - both.p) : both.n};
    *password = (struct impel_str){
        colon ? colon + 1 : "", colon ? both.n - user->n - 1 : 0};
    return true;
}

static void
put_login(struct session *s, struct http1_out *o)
{
    struct impel_str user, password;
    char value[AUTH_VALUE_MOST];
    bool has;

    if (!login_of(s, &user, &password))
        return;
    if (s->host->opt_int(s->scope, OPT_AUTH_SCHEME) == AUTH_DIGEST)
        has = digests_answer(
            &s->module->digests, s->place, user, password, s->uri, value);
    else
        has = auth_basic(user, password, value);
    s->proven = has;
    if (has)
        http1_put_field(o, "Authorization", line_str(value));
    explicit_bzero(value, sizeof(value));
}

/* --- out --- */

static bool
put_head(struct session *s, const char *type)
{
    struct http1_out o = {s->head, sizeof(s->head), 0, false};

    http1_put_request(&o, "POST", s->uri, line_str(s->name));
    http1_put_field(&o, "User-Agent", line_str("Impel"));
    http1_put_field(&o, "SOAPAction", line_str("\"\""));
    http1_put_field(&o, "Content-Type", line_str(type));
    put_login(s, &o);
    http1_put_end(&o, s->body.n);
    s->left_head = (struct impel_str){s->head, o.n};
    s->left_body = (struct impel_str){s->body.p, s->body.n};
    return !o.bad;
}

/* 0; FULL: some of it is left. */
static int
write_some(struct session *s, struct impel_str *left)
{
    while (left->n > 0) {
        size_t n = left->n < WRITE_STEP ? left->n : WRITE_STEP;
        int rc = s->host->write(s->io, left->p, n);

        if (rc < 0)
            return rc;
        left->p += n;
        left->n -= n;
    }
    return 0;
}

void
request_write(struct session *s)
{
    int rc;

    if (!s->asking)
        return;
    rc = write_some(s, &s->left_head);
    if (rc == 0)
        rc = write_some(s, &s->left_body);
    if (rc < 0 && rc != IMPEL_E_FULL)
        session_fails(s, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] connection closed by remote host");
}

bool
request_is_out(const struct session *s)
{
    return s->asking && s->left_body.n == 0 && s->left_head.n == 0;
}

/* Once more after a challenge, with the same body; its type is made of the
 * boundary alone. */
static void
request_starts(struct session *s, const char *type)
{
    if (!put_head(s, type)) {
        job_fails(s,
            "451 4.3.5 [internal] http_uri or http_host is nothing for HTTP, "
            "or too long");
        return;
    }
    s->asking = true;
    s->used = true;
    http1_next(s->http);
    s->host->timer(
        s->io, TIMER_ANSWER, s->host->opt_int(s->scope, OPT_RESPONSE_TIMER));
    request_write(s);
}

void
request_send(struct session *s)
{
    const struct impel_envelope *e = s->envelope;
    const struct impel_rcpt *r = e->rcpt[s->rcpt];
    char type[SUBMIT_TYPE_MOST];
    const char *wrong;

    text_wipe(&s->body);
    s->challenged = s->proven = false;
    (void)snprintf(s->transaction, sizeof(s->transaction), "%.*s.%u.%d",
        (int)(e->id.n < 64 ? e->id.n : 64), e->id.p, r->number, e->attempt);
    wrong = submit_body(&s->want, &s->content, r->address, s->transaction,
        e->received, &s->body, type);
    if (wrong)
        job_fails(s, wrong);
    else
        request_starts(s, type);
}

/* --- answers --- */

/* Of what the MMSC has promised to report. */
static void
request_awaits(struct session *s, const struct answer *a)
{
    char space[REPORTKEY];
    struct impel_str key = reportkey(
        s->host->opt_str(s->scope, OPT_MMSC_NAME, 0), a->message_id, space);

    if (!key.p || (!s->want.delivery_report && !s->want.read_reply))
        return;
    (void)s->host->await(s->batch, s->rcpt, key,
        s->host->opt_int(s->scope, OPT_REPORT_TIME),
        s->want.delivery_report ? 0 : IMPEL_AWAIT_LOG); /* or without it */
}

static void
request_ends(struct session *s, struct impel_result *r, const struct answer *a)
{
    char code[12];
    struct impel_pair info[] = {{line_str("mm7-status"), {NULL, 0}},
        {line_str("mm7-message-id"), line_str(a->message_id)},
        {line_str("mm7-transaction-id"), line_str(s->transaction)}};
    const struct impel_host *host = s->host;
    struct impel_instance *me = s->module->instance;

    (void)snprintf(code, sizeof(code), "%d", a->code);
    info[0].value = line_str(code);
    if (a->code) {
        r->info = info;
        r->info_count = 3;
    }
    host->timer(s->io, TIMER_ANSWER, -1);
    s->asking = false;
    if (r->verdict == IMPEL_DELIVERED) {
        host->count(me, COUNT_DELIVERED, 1);
        request_awaits(s, a);
    } else if (r->verdict == IMPEL_FAILED) {
        host->count(me, COUNT_REFUSED, 1);
    }
    if (a->fault)
        host->count(me, COUNT_FAULTS, 1);
    if (r->flags & IMPEL_UNCERTAIN)
        host->count(me, COUNT_UNCERTAIN, 1);
    host->rcpt_done(s->batch, s->rcpt, r);
}

/* A login by Digest is wanted, and was not tried with that challenge. */
static bool
is_challenge(struct session *s, const struct http1_message *m)
{
    struct impel_str user, password;
    struct auth_digest d;

    if (m->status != 401 ||
        s->host->opt_int(s->scope, OPT_AUTH_SCHEME) != AUTH_DIGEST ||
        !login_of(s, &user, &password) || s->challenged)
        return false;
    for (size_t i = 0; i < m->field_count; i++) {
        struct impel_str key = m->field[i].key;

        if (key.n == 16 && strncasecmp(key.p, "WWW-Authenticate", 16) == 0 &&
            auth_challenge(m->field[i].value, &d)) {
            digests_keep(&s->module->digests, s->place, &d);
            return true;
        }
    }
    return false;
}

static void
answer_challenge(struct session *s)
{
    char type[SUBMIT_TYPE_MOST];

    s->challenged = true;
    submit_type(&s->content, type);
    request_starts(s, type);
}

/* Nothing of it was taken, and who connects next knows what to prove. */
static void
leave_challenge(struct session *s)
{
    static const struct answer none;
    struct impel_result later =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_LOGIN,
            "451 4.7.8 [internal] the server asks for a login, and closes");

    request_ends(s, &later, &none);
    session_ends_here(s);
}

static struct impel_result
result_of(struct session *s, const struct http1_message *m, struct answer *a,
    char words[ANSWER_CODE_TEXT], bool *stranger)
{
    const char *why = answer_read(http1_field(m, "Content-Type"), m->body, a);
    struct impel_result r;

    *stranger = !why && a->transaction[0] &&
        strcmp(a->transaction, s->transaction) != 0;
    if (*stranger)
        why = "the answer to another transaction";
    if (!why && a->code && (m->status == 200 || m->status >= 400))
        return answer_result(a, words);
    if (!why)
        why = a->text;
    a->code = 0;
    r = answer_http(m->status, why, words);
    if (m->status / 100 == 2) /* it may have meant yes */
        r.flags = IMPEL_UNCERTAIN;
    if (r.verdict == IMPEL_RETRY)
        r.retry_after = retryafter_read(
            http1_field(m, "Retry-After"), (int64_t)time(NULL) * 1000);
    if (r.retry_after > 0 && r.blame == IMPEL_BLAME_HOST)
        r.blame = IMPEL_BLAME_ROUTE; /* it is well, and asks for time */
    return r;
}

/* more: there are octets behind it, which would be taken for the next answer.
 */
static void
request_answered(struct session *s, bool more)
{
    const struct http1_message *m = http1_read(s->http);
    bool stranger, keep = m->keep && !more, whole = request_is_out(s);
    char words[ANSWER_CODE_TEXT];
    struct impel_result r;
    struct answer a;

    if (is_challenge(s, m)) {
        s->host->count(s->module->instance, COUNT_CHALLENGES, 1);
        if (keep && whole) {
            answer_challenge(s);
            return;
        }
        if (!s->proven) {
            leave_challenge(s);
            return;
        }
    }
    r = result_of(s, m, &a, words, &stranger);
    request_ends(s, &r, &a);
    if (keep && whole && !stranger)
        job_next(s);
    else
        session_ends_here(s);
}

static void
request_nonsense(struct session *s)
{
    char text[300];

    (void)snprintf(text, sizeof(text),
        "451 4.5.0 [internal] the server breaks the rules of HTTP: %s",
        http1_fault(s->http, NULL));
    session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL, text);
}

void
request_input(struct session *s)
{
    while (!s->over) {
        struct impel_str in = s->host->input(s->io);
        enum http1_step step;
        size_t n;

        if (in.n == 0)
            return;
        if (!s->asking) { /* such as 408 before the server closes */
            session_over(s, NULL);
            return;
        }
        n = http1_feed(s->http, in.p, in.n, &step);
        s->host->consume(s->io, n);
        if (step == HTTP1_WHOLE)
            request_answered(s, n < in.n);
        else if (step == HTTP1_BAD)
            request_nonsense(s);
    }
}

void
request_lost(struct session *s)
{
    request_input(s);
    if (!s->over && s->asking && http1_end(s->http) == HTTP1_WHOLE)
        request_answered(s, false);
}

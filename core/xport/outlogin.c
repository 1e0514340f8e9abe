/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/outlogin.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "conf/secretref.h"
#include "net/sasl.h"
#include "net/tls.h"
#include "xport/loginpool.h"
#include "xport/outlogin_options.h"
#include "xport/session_int.h"
#include "base/banned.h"

enum { BACKLOG_MAX = 1024, REASON_MAX = 200 };

/* What a thread does; outlives its session if need be. */
struct errand {
    struct pool_job job;
    struct outlogin *login; /* NULL: nobody waits for it any more */
    int mechanism;
    struct sasl *sasl; /* NULL: to be made, with the token of that file */
    char *file;
    struct sasl_client how;
    struct secret user, binding;
    char *host;
    struct buf in, out;
    int rc;
    struct err why;
};
struct outlogin {
    struct impel_session *session;
    struct sasl *sasl;
    struct errand *errand;
    bool came; /* the errand's words wait for the module */
    int rc;
    int mechanism;
    char reason[REASON_MAX];
    struct buf out, text;
};

#define ROW(row) OPT(outlogin_options, row)

/* --- what can be used --- */

static struct str
binding_of(const struct impel_session *s)
{
    return tls_binding(conn_tls(s->conn));
}

static bool
names_mechanism(struct str list, int mechanism)
{
    while (list.p)
        if (sasl_find(str_cut(&list, ' ')) == mechanism)
            return true;
    return false;
}

/* Is there what it needs? */
static bool
can_use(const struct impel_session *s, int mechanism)
{
    const struct scope *c = s->scope.scope;

    if (sasl_takes_token(mechanism))
        return scope_str(c, ROW(OUTLOGIN_KEY)).n ||
            scope_str(c, ROW(OUTLOGIN_KEY_FILE)).n;
    if (mechanism == SASL_SCRAM_SHA_256_PLUS && !binding_of(s).n)
        return false;
    return scope_str(c, ROW(OUTLOGIN_PASS)).n > 0;
}

/* -1: none. */
static int
choose(const struct impel_session *s, struct str offered)
{
    int wanted = (int)scope_int(s->scope.scope, ROW(OUTLOGIN_TYPE)) - 1;

    for (int i = 0; i < SASL_MECHANISMS; i++)
        if ((wanted < 0 || wanted == i) && can_use(s, i) &&
            names_mechanism(offered, i))
            return i;
    return -1;
}

/* --- errands --- */

static void
errand_free(struct errand *w)
{
    sasl_free(&w->sasl);
    free(w->file);
    free(w->host);
    secret_fini(&w->user);
    secret_fini(&w->binding);
    buf_wipe(&w->in);
    buf_wipe(&w->out);
    free(w);
}

/* The token's file, and what begins with it. */
static int
errand_begin(struct errand *w)
{
    struct buf ref = BUF_INIT, token = BUF_INIT;
    int rc;

    buf_cstr(&ref, "file:");
    buf_cstr(&ref, w->file);
    rc = secretref_read(buf_get(&ref), &token, &w->why);
    if (rc == 0) {
        w->how.secret = str_trim(buf_get(&token));
        w->sasl = sasl_client(w->mechanism, &w->how);
    }
    buf_wipe(&token);
    buf_fini(&ref);
    return rc;
}

static void
errand_work(struct pool_job *j)
{
    struct errand *w = CONTAINER_OF(j, struct errand, job);

    w->rc = w->sasl ? 0 : errand_begin(w);
    if (w->rc == 0)
        w->rc = sasl_step(
            w->sasl, w->in.p ? buf_get(&w->in) : STR_NONE, &w->out, &w->why);
}

static void
errand_done(struct pool_job *j)
{
    struct errand *w = CONTAINER_OF(j, struct errand, job);
    struct outlogin *l = w->login;

    if (l) {
        l->errand = NULL;
        l->came = true;
        l->sasl = w->sasl;
        w->sasl = NULL;
        l->rc = w->rc;
        buf_wipe(&l->out);
        l->out = w->out;
        w->out = (struct buf)BUF_INIT;
        (void)str_copy(l->reason, sizeof(l->reason), str_of(w->why.text));
        session_mark(l->session, PENDING_LOGIN);
    }
    errand_free(w);
}

static int
fail(struct impel_error *e, const char *text)
{
    if (e) {
        e->code = IMPEL_E_INVAL;
        (void)str_copy(e->text, sizeof(e->text), str_of(text));
    }
    return IMPEL_E_INVAL;
}

static int
errand_send(struct outlogin *l, struct errand *w, struct impel_error *e)
{
    struct pool *p = loginpool_get();

    if (!p || pool_backlog(p) > BACKLOG_MAX) {
        errand_free(w);
        return fail(e, "too many logins now");
    }
    w->login = l;
    l->errand = w;
    pool_submit(
        p, &w->job, loop_mailbox(l->session->loop), errand_work, errand_done);
    return IMPEL_E_AGAIN;
}

/* --- a login --- */

static struct sasl_client
client_of(const struct impel_session *s, int mechanism)
{
    const struct scope *c = s->scope.scope;
    int row = sasl_takes_token(mechanism) ? OUTLOGIN_KEY : OUTLOGIN_PASS;

    return (struct sasl_client){.user = scope_str(c, ROW(OUTLOGIN_USER)),
        .secret = scope_str(c, ROW(row)),
        .host = str_of(s->host ? s->host : ""),
        .port = s->to.port,
        .binding = binding_of(s)};
}

/* Words for the peer; absent where it has none to say. */
static int
give(struct outlogin *l, struct impel_sasl *q, bool first)
{
    buf_wipe(&l->text);
    if (first && !l->out.n) {
        q->out = (struct impel_str){NULL, 0};
        return 0;
    }
    base64_encode(&l->text, buf_get(&l->out));
    q->out = (struct impel_str){l->text.p ? l->text.p : "", l->text.n};
    buf_wipe(&l->out);
    return 0;
}

static int
begin_with_file(struct outlogin *l, struct str file, struct impel_error *e)
{
    struct impel_session *s = l->session;
    struct errand *w = xnew(struct errand);

    w->mechanism = l->mechanism;
    w->file = xdupn(file.p, file.n);
    w->host = xdup(s->host ? s->host : "");
    w->how = client_of(s, l->mechanism);
    secret_set(&w->user, w->how.user);
    secret_set(&w->binding, w->how.binding);
    w->how.user = secret_get(&w->user);
    w->how.binding = secret_get(&w->binding);
    w->how.host = str_of(w->host);
    return errand_send(l, w, e);
}

static int
begin(struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    const struct scope *c = s->scope.scope;
    struct str file = scope_str(c, ROW(OUTLOGIN_KEY_FILE));
    struct sasl_client how;
    struct err why = {0};
    int mechanism;

    if (!conn_tls(s->conn) && !scope_int(c, ROW(OUTLOGIN_WITHOUT_TLS)))
        return fail(e, "no login in clear: TLS is not up");
    if (!can_use(s, SASL_PLAIN) && !can_use(s, SASL_XOAUTH2))
        return fail(e, "there is a user, and neither password nor token");
    mechanism = choose(s, str_make(q->mechanism.p, q->mechanism.n));
    if (mechanism < 0)
        return fail(e, "the host offers no mechanism that can be used");
    outlogin_free(&s->login);
    s->login = xnew(struct outlogin);
    s->login->session = s;
    s->login->mechanism = mechanism;
    q->mechanism =
        (struct impel_str){sasl_name(mechanism), strlen(sasl_name(mechanism))};
    if (sasl_takes_token(mechanism) && file.n)
        return begin_with_file(s->login, file, e);
    how = client_of(s, mechanism);
    s->login->sasl = sasl_client(mechanism, &how);
    if (sasl_step(s->login->sasl, STR_NONE, &s->login->out, &why) < 0)
        return fail(e, why.text);
    return give(s->login, q, true);
}

/* What an errand has brought. */
static int
fetch(struct outlogin *l, struct impel_sasl *q, struct impel_error *e)
{
    l->came = false;
    if (l->rc < 0)
        return fail(e, l->reason);
    return give(l, q, false);
}

static int
go_on(struct outlogin *l, struct impel_sasl *q, struct impel_error *e)
{
    struct buf in = BUF_INIT;
    struct err why = {0};
    struct errand *w;
    int rc;

    if (!l->sasl || l->errand)
        return fail(e, "not now");
    if (q->in.n > (size_t)SASL_IN_MAX * 4 / 3 ||
        base64_decode(&in, str_make(q->in.p ? q->in.p : "", q->in.n)) < 0)
        return fail(e, "a challenge that is no base64");
    if (sasl_is_slow(l->sasl)) {
        w = xnew(struct errand);
        w->sasl = l->sasl;
        l->sasl = NULL;
        w->in = in;
        return errand_send(l, w, e);
    }
    rc = sasl_step(l->sasl, buf_get(&in), &l->out, &why);
    buf_wipe(&in);
    return rc < 0 ? fail(e, why.text) : give(l, q, false);
}

int
outlogin_step(
    struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    q->out = (struct impel_str){NULL, 0};
    if (s->kind->inbound || !s->scope.scope ||
        !scope_str(s->scope.scope, ROW(OUTLOGIN_USER)).n)
        return IMPEL_E_UNSUP;
    if (!s->conn || !s->up || s->lost)
        return fail(e, "there is no connection");
    if (q->mechanism.p)
        return begin(s, q, e);
    if (!s->login)
        return fail(e, "not now");
    if (q->end)
        return s->login->sasl && sasl_may_end(s->login->sasl)
            ? 0
            : fail(e, "the host has not proven that it knows the password");
    if (s->login->came && !q->in.p)
        return fetch(s->login, q, e);
    return go_on(s->login, q, e);
}

void
outlogin_free(struct outlogin **to)
{
    struct outlogin *l = *to;

    *to = NULL;
    if (!l)
        return;
    if (l->errand)
        l->errand->login = NULL;
    sasl_free(&l->sasl);
    buf_wipe(&l->out);
    buf_wipe(&l->text);
    free(l);
}

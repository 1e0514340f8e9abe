/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/login.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "intake/auth_options.h"
#include "intake/intake_options.h"
#include "intake/jwt.h"
#include "intake/loginlimit.h"
#include "intake/policy.h"
#include "intake/users.h"
#include "net/tls.h"
#include "xport/loginpool.h"
#include "base/banned.h"

enum { BACKLOG_MAX = 256, OFFER_MAX = 128 };

/* A password on its way through the pool; outlives its session if need be. */
struct check {
    struct pool_job job;
    struct login *login; /* NULL: nobody waits for it any more */
    struct intake_loop *il;
    struct users *users;
    struct secret name, password;
    bool right;
};
struct login {
    struct intake_session *is;
    struct sasl *sasl; /* an exchange is under way */
    struct users *users;
    struct check *check;
    struct timer delay;
    int64_t failed_at; /* when that is told; 0: nothing is to be told */
    unsigned failures;
    bool busy;      /* the last word has been said, the verdict has not */
    bool explained; /* a token was refused, and the peer is being told why */
    struct buf in, out;
    char offer[OFFER_MAX], mechanism[24], name[NAME_SHOWN_MAX + 1];
};

static struct {
    _Atomic uint64_t logins, failures, refused;
} all;

#define A(is, row) scope_int((is)->scope, OPT(auth_options, row))

void
login_fini(void)
{
    loginpool_end();
    users_drop();
    jwt_drop();
    loginlimit_drop();
}

void
login_get_stats(struct intake_stats *to)
{
    to->logins = atomic_load(&all.logins);
    to->login_failures = atomic_load(&all.failures);
    to->logins_refused = atomic_load(&all.refused);
}

/* --- what is offered --- */

static bool
is_loopback(const struct cidr *addr)
{
    static const struct cidr v4 = {.family = 4, .bits = 8, .addr = {127}};
    static const struct cidr v6 = {
        .family = 6, .bits = 128, .addr = {[15] = 1}};

    return !addr->family || cidr_contains(&v4, addr) ||
        cidr_contains(&v6, addr);
}

/* A Unix socket ends on this host, too. */
static bool
is_safe(const struct intake_session *is)
{
    int64_t clear = A(is, AUTH_WITHOUT_TLS);

    return session_tls(is->session) || clear == AUTH_CLEAR_YES ||
        (clear == AUTH_CLEAR_LOOPBACK &&
            is_loopback(&session_peer(is->session)->ip));
}

static bool
list_has(const struct scope *s, uint32_t id, struct str word)
{
    for (size_t i = 0; i < scope_count(s, id); i++)
        if (str_ieq(scope_item(s, id, i), word))
            return true;
    return false;
}

/* "AUTH", or "AUTH PLAIN LOGIN", among smtp_extensions. */
static bool
extensions_have(const struct scope *s, struct str mechanism)
{
    uint32_t id = OPT(intake_options, INTAKE_SMTP_EXTENSIONS);

    if (!scope_is_set(s, id))
        return true;
    for (size_t i = 0; i < scope_count(s, id); i++) {
        struct str rest = scope_item(s, id, i);

        if (!str_ieq(str_cut(&rest, ' '), STR("AUTH")))
            continue;
        if (!rest.p)
            return true;
        while (rest.p)
            if (str_ieq(str_cut(&rest, ' '), mechanism))
                return true;
    }
    return false;
}

static struct str
binding_of(const struct intake_session *is)
{
    return tls_binding(session_tls(is->session));
}

static struct str
text_of(const struct intake_session *is, int row)
{
    return scope_str(is->scope, OPT(auth_options, row));
}

static bool
has_token_keys(const struct intake_session *is)
{
    return text_of(is, AUTH_TOKEN_KEYS).n && text_of(is, AUTH_TOKEN_ISSUER).n &&
        text_of(is, AUTH_TOKEN_AUDIENCE).n;
}

/* Is there what that mechanism needs, and is it wanted? */
static bool
may_offer(const struct intake_session *is, const struct users *u, int mechanism)
{
    struct str name = str_of(sasl_name(mechanism));
    uint32_t id = OPT(auth_options, AUTH_MECHANISMS);

    if ((scope_is_set(is->scope, id) && !list_has(is->scope, id, name)) ||
        !extensions_have(is->scope, name))
        return false;
    if (sasl_takes_token(mechanism))
        return has_token_keys(is);
    if (!u || (sasl_is_scram(mechanism) && !users_know_scram(u)))
        return false;
    return mechanism != SASL_SCRAM_SHA_256_PLUS || binding_of(is).n > 0;
}

static struct users *
users_of(const struct intake_session *is)
{
    struct str path =
        scope_str(is->scope, OPT(auth_options, AUTH_PASSWORD_FILE));
    struct users *u = NULL;
    struct err e = {0};

    if (path.n && !(u = users_get(path, &e)))
        log_error(LOG_NET, "password-file", "reason=\"%s\"", e.text);
    return u;
}

static bool
is_open(const struct intake_session *is)
{
    return A(is, AUTH_ENABLE) && !is->over_limit && !is->logged_in &&
        is_safe(is);
}

static struct login *
login_of(struct intake_session *is)
{
    if (!is->auth) {
        is->auth = xnew(struct login);
        is->auth->is = is;
    }
    return is->auth;
}

struct impel_str
login_mechanisms(struct intake_session *is)
{
    struct buf b = BUF_INIT;
    struct login *l;
    struct users *u;

    if (!is_open(is))
        return (struct impel_str){NULL, 0};
    u = users_of(is);
    for (int i = 0; i < SASL_MECHANISMS; i++)
        if (may_offer(is, u, i)) {
            buf_cstr(&b, b.n ? " " : "");
            buf_cstr(&b, sasl_name(i));
        }
    users_put(&u);
    if (!b.n)
        return (struct impel_str){NULL, 0};
    l = login_of(is);
    (void)str_copy(l->offer, sizeof(l->offer), buf_get(&b));
    buf_fini(&b);
    return (struct impel_str){l->offer, strlen(l->offer)};
}

/* --- the end --- */

/* The exchange is over; what is counted stays. */
static void
exchange_end(struct login *l)
{
    l->explained = false;
    sasl_free(&l->sasl);
    users_put(&l->users);
    buf_wipe(&l->in);
    buf_wipe(&l->out);
}

static void
log_refusal(const struct login *l, const char *why)
{
    log_notice(LOG_NET, "login-refused",
        "session=%llu peer=%s mechanism=%s reason=%s",
        (unsigned long long)l->is->id, l->is->peer, l->mechanism, why);
}

static void
tell(struct login *l, int verdict, int code, const char *status,
    const char *text)
{
    struct impel_result r;

    l->busy = false;
    exchange_end(l);
    policy_say(&r, verdict, IMPEL_AT_LOGIN, code, status, text);
    session_verdict(l->is->session, 0, SIZE_MAX, &r);
}

static void
tell_failed(void *arg)
{
    struct login *l = arg;
    int64_t most = A(l->is, AUTH_MAX_FAILURES);

    l->failed_at = 0;
    if (most > 0 && l->failures >= (uint64_t)most)
        tell(l, IMPEL_RETRY, 421, "4.7.0", "Too many logins have failed");
    else
        tell(l, IMPEL_FAILED, 535, "5.7.8",
            "Authentication credentials invalid");
}

/* why: for the log, not for the peer.  A name is logged if it is a user's: what
 * is none may be a password that was typed too early. */
static void
count_failure(struct login *l, const char *why)
{
    struct intake_session *is = l->is;

    l->failures++;
    atomic_fetch_add(&all.failures, 1);
    loginlimit_failed(&session_peer(is->session)->ip,
        scope_throttle(is->scope, OPT(auth_options, AUTH_FAILURE_RATE)),
        loop_now(is->il->loop));
    if (!l->users || !users_has(l->users, str_of(l->name)))
        l->name[0] = '\0';
    log_notice(LOG_NET, "login-failed",
        "session=%llu peer=%s mechanism=%s user=\"%s\" reason=%s",
        (unsigned long long)is->id, is->peer, l->mechanism, l->name, why);
}

/* The verdict, when it is due. */
static void
fail_later(struct login *l)
{
    struct loop *loop = l->is->il->loop;

    l->busy = true;
    exchange_end(l);
    timer_init(&l->delay, loop, tell_failed, l, "login failed");
    timer_start(&l->delay, MAX_OF(l->failed_at - loop_now(loop), (int64_t)0));
}

static void
failed(struct login *l, const char *why)
{
    count_failure(l, why);
    fail_later(l);
}

static void
succeeded(struct login *l)
{
    struct intake_session *is = l->is;

    is->logged_in = true;
    is->login_said = false;
    (void)str_copy(is->login, sizeof(is->login), str_of(l->name));
    (void)str_copy(is->mechanism, sizeof(is->mechanism), str_of(l->mechanism));
    atomic_fetch_add(&all.logins, 1);
    log_info(LOG_NET, "login", "session=%llu peer=%s mechanism=%s user=\"%s\"",
        (unsigned long long)is->id, is->peer, l->mechanism, l->name);
    tell(l, IMPEL_DELIVERED, 235, "2.7.0", "Authentication succeeded");
}

/* --- a password --- */

static void
check_work(struct pool_job *j)
{
    struct check *c = CONTAINER_OF(j, struct check, job);

    c->right =
        users_check(c->users, secret_get(&c->name), secret_get(&c->password));
}

static void
check_free(struct check *c)
{
    users_put(&c->users);
    secret_fini(&c->name);
    secret_fini(&c->password);
    free(c);
}

static void
check_done(struct pool_job *j)
{
    struct check *c = CONTAINER_OF(j, struct check, job);
    struct login *l = c->login;
    bool right = c->right;

    c->il->checking--;
    check_free(c);
    if (!l)
        return;
    l->check = NULL;
    if (right)
        succeeded(l);
    else
        failed(l, "password");
}

static void
check_begin(struct login *l, struct str password)
{
    struct pool *pool = loginpool_get();
    struct check *c;

    if (!pool || pool_backlog(pool) > BACKLOG_MAX) {
        log_refusal(l, "busy");
        atomic_fetch_add(&all.refused, 1);
        tell(l, IMPEL_RETRY, 454, "4.7.0", "Too many logins now, try later");
        return;
    }
    c = xnew(struct check);
    c->login = l;
    c->il = l->is->il;
    c->users = l->users;
    l->users = users_of(l->is); /* another reference, for the log */
    secret_set(&c->name, str_of(l->name));
    secret_set(&c->password, password);
    l->check = c;
    c->il->checking++;
    pool_submit(
        pool, &c->job, loop_mailbox(c->il->loop), check_work, check_done);
}

/* A token: what it says stands, if one of the keys has signed it, and whom the
 * peer says it is must be the same. */
static bool
token_is_good(struct login *l, const struct sasl_claim *c)
{
    struct intake_session *is = l->is;
    struct jwt_want want = {.issuer = text_of(is, AUTH_TOKEN_ISSUER),
        .audience = text_of(is, AUTH_TOKEN_AUDIENCE),
        .claim = text_of(is, AUTH_TOKEN_CLAIM),
        .now = clock_wall() / 1000};
    struct buf name = BUF_INIT;
    struct err e = {0};
    struct jwt_keys *keys = jwt_get(text_of(is, AUTH_TOKEN_KEYS), &e);
    bool right = keys && jwt_check(keys, c->secret, &want, &name, &e) == 0;

    jwt_put(&keys);
    if (!right || !policy_is_shown(buf_get(&name), false) ||
        (c->user.n && !str_eq(c->user, buf_get(&name)))) {
        log_info(LOG_NET, "token-refused", "session=%llu reason=\"%s\"",
            (unsigned long long)is->id, right ? "another name" : e.text);
        right = false;
    } else {
        (void)str_copy(l->name, sizeof(l->name), buf_get(&name));
    }
    buf_fini(&name);
    return right;
}

/* 0: the peer is told why not, in JSON, and has to say a word to that before it
 * hears the verdict (RFC 7628 3.2.2, 3.2.3).  It counts as failed already. */
static int
judge_token(struct login *l, const struct sasl_claim *c, struct impel_sasl *q)
{
    bool bearer = sasl_mechanism(l->sasl) == SASL_OAUTHBEARER;

    if (token_is_good(l, c)) {
        l->busy = true;
        succeeded(l);
        return IMPEL_E_AGAIN;
    }
    count_failure(l, "token");
    l->explained = true;
    buf_cut(&l->out, 0);
    base64_encode(&l->out,
        bearer ? STR("{\"status\":\"invalid_token\"}")
               : STR("{\"status\":\"401\",\"schemes\":\"bearer\"}"));
    q->out = (struct impel_str){l->out.p, l->out.n};
    return 0;
}

/* The peer has said who it is, and maybe proven it. */
static void
judge_claim(struct login *l, const struct sasl_claim *c)
{
    struct buf name = BUF_INIT;

    (void)sasl_prepare(c->user, &name);
    if (!name.n || !policy_is_shown(buf_get(&name), false)) {
        failed(l, "name");
    } else if (c->as.n && !str_eq(c->as, c->user)) {
        (void)str_copy(l->name, sizeof(l->name), buf_get(&name));
        failed(l, "acts-for-another");
    } else {
        (void)str_copy(l->name, sizeof(l->name), buf_get(&name));
        if (c->proven)
            succeeded(l);
        else
            check_begin(l, c->secret);
    }
    buf_fini(&name);
}

/* --- an exchange --- */

static void
give_keys(void *arg, struct str name, struct sasl_keys *to)
{
    struct login *l = arg;

    (void)str_copy(l->name, sizeof(l->name), name);
    users_keys(l->users, name, to);
}

static int
refuse_step(struct impel_error *e, int code, const char *text)
{
    if (e) {
        e->code = code;
        (void)str_copy(e->text, sizeof(e->text), str_of(text));
    }
    return code;
}

static int
begin(struct login *l, const struct impel_sasl *q, struct impel_error *e)
{
    struct intake_session *is = l->is;
    int mechanism = sasl_find(str_make(q->mechanism.p, q->mechanism.n));
    struct sasl_server how = {.keys = give_keys, .arg = l};
    struct users *u;

    if (l->sasl || l->busy || is->logged_in)
        return refuse_step(e, IMPEL_E_INVAL, "not now");
    u = is_open(is) ? users_of(is) : NULL;
    if (mechanism < 0 || !may_offer(is, u, mechanism)) {
        users_put(&u);
        return refuse_step(e, IMPEL_E_UNSUP, "no such mechanism");
    }
    how.plus = may_offer(is, u, SASL_SCRAM_SHA_256_PLUS);
    how.binding = binding_of(is);
    l->users = u;
    l->name[0] = '\0';
    (void)str_copy(
        l->mechanism, sizeof(l->mechanism), str_of(sasl_name(mechanism)));
    l->sasl = sasl_server(mechanism, &how);
    return 0;
}

/* Too many have failed from there: nothing is even looked at. */
static bool
is_shut_out(struct login *l)
{
    struct intake_session *is = l->is;

    if (loginlimit_has(&session_peer(is->session)->ip,
            scope_throttle(is->scope, OPT(auth_options, AUTH_FAILURE_RATE)),
            loop_now(is->il->loop)))
        return false;
    atomic_fetch_add(&all.refused, 1);
    log_refusal(l, "failures");
    tell(l, IMPEL_RETRY, 454, "4.7.0",
        "Too many logins have failed from your address, try later");
    return true;
}

/* What a step has come to. */
static int
proceed(struct login *l, int rc, struct buf *octets, struct impel_sasl *q)
{
    struct sasl_claim claim;

    if (rc == SASL_SEND) {
        base64_encode(&l->out, buf_get(octets));
        q->out = (struct impel_str){l->out.p ? l->out.p : "", l->out.n};
        buf_wipe(octets);
        return 0;
    }
    buf_wipe(octets);
    l->failed_at = loop_now(l->is->il->loop) + A(l->is, AUTH_FAILURE_DELAY);
    if (rc == SASL_CLAIM) {
        sasl_get_claim(l->sasl, &claim);
        if (sasl_takes_token(sasl_mechanism(l->sasl)))
            return judge_token(l, &claim, q);
        l->busy = true;
        judge_claim(l, &claim);
    } else {
        failed(l, rc == ERR_DENIED ? "proof" : "syntax");
    }
    return IMPEL_E_AGAIN;
}

int
login_step(
    struct intake_session *is, struct impel_sasl *q, struct impel_error *e)
{
    struct login *l = login_of(is);
    struct buf octets = BUF_INIT;
    struct str in = STR_NONE;
    int rc = 0;

    q->out = (struct impel_str){NULL, 0};
    if (q->end) {
        if (!l->busy)
            exchange_end(l);
        return 0;
    }
    if (q->mechanism.p && (rc = begin(l, q, e)) < 0)
        return rc;
    if (!l->sasl || l->busy)
        return refuse_step(e, IMPEL_E_INVAL, "not now");
    if (q->mechanism.p && is_shut_out(l))
        return IMPEL_E_AGAIN;
    if (l->explained) { /* whatever the word is, it says nothing new */
        fail_later(l);
        return IMPEL_E_AGAIN;
    }
    buf_wipe(&l->in);
    buf_wipe(&l->out);
    if (q->in.n > (size_t)SASL_IN_MAX * 4 / 3)
        rc = ERR_LIMIT;
    else if (q->in.p &&
        (rc = base64_decode(&l->in, str_make(q->in.p, q->in.n))) == 0)
        in = buf_get(&l->in);
    if (rc == 0)
        rc = sasl_step(l->sasl, in, &octets, NULL);
    return proceed(l, rc, &octets, q);
}

void
login_forget(struct intake_session *is)
{
    struct login *l = is->auth;

    is->logged_in = false;
    if (!is->login_said)
        is->login[0] = '\0';
    if (!l)
        return;
    if (l->check)
        l->check->login = NULL;
    if (l->delay.loop)
        timer_stop(&l->delay);
    exchange_end(l);
    free(l);
    is->auth = NULL;
}

bool
login_is_missing(const struct intake_session *is)
{
    return !is->logged_in && !is->can_relay && A(is, AUTH_REQUIRED);
}

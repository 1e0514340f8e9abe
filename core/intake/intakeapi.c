/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/intakeapi.h"

#include <string.h>
#include "base/log.h"
#include "intake/chain.h"
#include "intake/listener.h"
#include "intake/login.h"
#include "intake/policy.h"
#include "intake/receive.h"
#include "intake/reject.h"
#include "base/banned.h"

/* The intake side of a session; learns its handle from the first call, since
 * a module may speak before session_accept() has returned. */
static struct intake_session *
session_of(struct impel_session *s)
{
    struct intake_session *is = session_arg(s);
    is->session = s;
    return is;
}

static int
api_greet(struct impel_session *s, struct impel_str name)
{
    struct intake_session *is = session_of(s);
    struct str n = str_make(name.p, name.n);
    struct impel_result r;
    if (policy_greet(is, n, &r) == 0) {
        if (!is->helo_said)
            (void)str_copy(is->helo, sizeof(is->helo), n);
        if (chain_greet(is))
            return 0;
        policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_CONNECT, 250, "", "OK");
    } else {
        reject_note(is, STR(""), STR(""), &r);
    }
    session_verdict(s, 0, SIZE_MAX, &r);
    if (is->over_limit)
        session_end(s, false);
    return 0;
}

/* What XCLIENT said the client had said.  What the proxy has said of itself is
 * not the client's. */
static void
set_words(struct intake_session *is, const struct impel_peer *p)
{
    bool told = IMPEL_HAS(struct impel_peer, p, login);
    if (!is->helo_said)
        is->helo[0] = '\0';
    if (!is->login_said)
        is->login[0] = '\0';
    if (told && p->helo.p) {
        (void)str_copy(
            is->helo, sizeof(is->helo), str_make(p->helo.p, p->helo.n));
        is->helo_said = true;
    }
    if (told && p->login.p) {
        (void)str_copy(
            is->login, sizeof(is->login), str_make(p->login.p, p->login.n));
        is->login_said = true;
    }
}

/* An address of XCLIENT: absent leaves what stands, empty is not known. */
static int
set_addr(struct netaddr *to, struct impel_str said, uint16_t port)
{
    struct cidr ip;
    if (said.p && !said.n) {
        memset(to, 0, sizeof(*to));
        (void)str_copy(to->path, sizeof(to->path), STR("unknown"));
    } else if (said.p) {
        if (cidr_parse(str_make(said.p, said.n), 0, &ip, NULL) < 0)
            return IMPEL_E_INVAL;
        netaddr_from_ip(to, &ip, 0);
    }
    to->port = port;
    return 0;
}

static bool
words_are_clean(const struct impel_peer *p)
{
    return !IMPEL_HAS(struct impel_peer, p, login) ||
        (policy_is_shown(str_make(p->helo.p, p->helo.n), false) &&
            policy_is_shown(str_make(p->login.p, p->login.n), true));
}

/* XCLIENT named the true peer: judge everything anew. */
static int
api_set_peer(struct impel_session *s, const struct impel_peer *p)
{
    struct intake_session *is = session_of(s);
    if (!is->may_name || is->over_limit)
        return IMPEL_E_UNSUP;
    if (!p)
        return 0;
    if (!list_empty(&is->incoming))
        return IMPEL_E_CLOSED;
    struct netaddr to = *session_peer(s), local = *session_local(s);
    bool moved = IMPEL_HAS(struct impel_peer, p, local_port) && p->local.p;
    if (!words_are_clean(p) || set_addr(&to, p->addr, p->port) < 0 ||
        (moved && set_addr(&local, p->local, p->local_port) < 0))
        return IMPEL_E_INVAL;
    if (!listener_session_rename(is, &to))
        return IMPEL_E_UNSUP;
    login_forget(is);
    session_set_local(s, &local);
    set_words(is, p);
    return is->over_limit ? IMPEL_E_AGAIN : 0;
}

static struct impel_str
api_mechanisms(struct impel_session *s)
{
    return login_mechanisms(session_of(s));
}

static int
api_sasl(struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    return login_step(session_of(s), q, e);
}

static struct impel_incoming *
api_begin(struct impel_session *s, uint64_t tag)
{
    return receive_begin(session_of(s), tag);
}

/* What the module refused: within a message it has a sender. */
static void
api_refused(struct impel_session *s, struct impel_str rcpt,
    const struct impel_result *r)
{
    struct intake_session *is = session_of(s);
    reject_note(is, receive_open_sender(is),
        rcpt.p ? str_make(rcpt.p, rcpt.n) : STR(""), r);
}

static int
api_may_relay(struct impel_session *s)
{
    const struct intake_session *is = session_of(s);

    return is->can_relay || is->logged_in;
}

const struct impel_intake *
intakeapi_table(void)
{
    static const struct impel_intake table = {
        .size = sizeof(struct impel_intake),
        .greet = api_greet,
        .set_peer = api_set_peer,
        .begin = api_begin,
        .sender = receive_sender,
        .recipient = receive_recipient,
        .set_meta = receive_meta,
        .body = receive_body,
        .commit = receive_commit,
        .abandon = receive_abandon,
        .keep = receive_keep,
        .mechanisms = api_mechanisms,
        .sasl = api_sasl,
        .refused = api_refused,
        .may_relay = api_may_relay,
    };
    return &table;
}

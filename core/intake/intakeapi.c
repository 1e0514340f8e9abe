/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/intakeapi.h"

#include "base/log.h"
#include "intake/policy.h"
#include "intake/receive.h"
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
        (void)str_copy(is->helo, sizeof(is->helo), n);
        policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_CONNECT, 250, "", "OK");
    }
    session_verdict(s, 0, SIZE_MAX, &r);
    if (is->over_limit)
        session_end(s, false);
    return 0;
}

static int
api_login(struct impel_session *s, struct impel_str identity)
{
    struct intake_session *is = session_of(s);
    struct impel_result r;
    (void)identity; /* nobody is known here: AUTH has no user table yet */
    policy_say(&r, IMPEL_FAILED, IMPEL_AT_LOGIN, 535, "5.7.8",
        "Authentication credentials invalid");
    atomic_fetch_add(&is->il->intake->rejected, 1);
    session_verdict(s, 0, SIZE_MAX, &r);
    return 0;
}

/* A proxy or XCLIENT named the true peer: judge relaying anew. */
static int
api_set_peer(struct impel_session *s, const struct impel_peer *peer)
{
    (void)session_of(s);
    (void)peer;
    return IMPEL_E_UNSUP;
}

static struct impel_incoming *
api_begin(struct impel_session *s, uint64_t tag)
{
    return receive_begin(session_of(s), tag);
}

const struct impel_intake *
intakeapi_table(void)
{
    static const struct impel_intake table = {
        .size = sizeof(struct impel_intake),
        .greet = api_greet,
        .login = api_login,
        .set_peer = api_set_peer,
        .begin = api_begin,
        .sender = receive_sender,
        .recipient = receive_recipient,
        .set_meta = receive_meta,
        .body = receive_body,
        .commit = receive_commit,
        .abandon = receive_abandon,
    };
    return &table;
}

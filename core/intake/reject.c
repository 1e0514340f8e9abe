/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/reject.h"

#include "queue/maillog.h"
#include "base/banned.h"

/* Momentum's words where it has one (momentum-modules.md 5.1). */
static const char *
reject_phase(int stage)
{
    switch (stage) {
    case IMPEL_AT_CONNECT:
    case IMPEL_AT_BANNER:
        return "connect";
    case IMPEL_AT_TLS:
        return "starttls";
    case IMPEL_AT_LOGIN:
        return "auth";
    case IMPEL_AT_SENDER:
        return "mailfrom";
    case IMPEL_AT_RCPT:
        return "rcptto";
    case IMPEL_AT_DATA:
    case IMPEL_AT_BODY:
    case IMPEL_AT_FINAL:
        return "data";
    default:
        return "ehlo";
    }
}

void
reject_note(const struct intake_session *is, struct str sender, struct str rcpt,
    const struct impel_result *r)
{
    struct maillog_rejection x = {.connection = is->id,
        .peer = str_of(is->peer),
        .can_relay = is->can_relay,
        .helo = str_of(is->helo),
        .sender = sender,
        .rcpt = rcpt,
        .phase = str_of(reject_phase(r->stage))};
    struct buf peer = BUF_INIT, local = BUF_INIT, text = BUF_INIT;

    atomic_fetch_add(&is->il->intake->rejected, 1);
    buf_printf(&text, "%u ", r->code);
    if (r->status[0])
        buf_printf(
            &text, "%u.%u.%u ", r->status[0], r->status[1], r->status[2]);
    buf_add(&text, r->text.p ? r->text.p : "", r->text.p ? r->text.n : 0);
    x.text = buf_get(&text);
    if (is->session) {
        netaddr_print(session_peer(is->session), &peer);
        netaddr_print(session_local(is->session), &local);
        x.peer = buf_get(&peer);
        x.local = buf_get(&local);
    }
    maillog_rejection(&x);
    buf_fini(&peer);
    buf_fini(&local);
    buf_fini(&text);
}

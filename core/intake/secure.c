/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/secure.h"

#include "base/log.h"
#include "intake/listener.h"
#include "xport/tlsin_options.h"
#include "base/banned.h"

static void
secure_failed(struct intake_session *is, const char *why)
{
    atomic_fetch_add(&is->il->intake->tls_failed, 1);
    log_info(LOG_NET, "client-tls-failed",
        "session=%llu peer=%s reason=\"%.300s\"", (unsigned long long)is->id,
        is->peer, why);
}

bool
secure_comes_first(const struct intake_session *is)
{
    return scope_int(is->scope, OPT(tlsin_options, TLSIN_USE_SSL));
}

void
secure_begin(struct intake_session *is)
{
    struct err e = {0};
    if (secure_comes_first(is) && session_secure(is->session, &e) < 0)
        log_error(LOG_NET, "client-tls-impossible",
            "session=%llu peer=%s reason=\"%s\"", (unsigned long long)is->id,
            is->peer, e.text);
}

static bool
is_verified(const struct intake_session *is)
{
    const struct tls_facts *f = is->session ? session_tls(is->session) : NULL;
    return f && strcmp(f->how, "ca") == 0;
}

void
secure_done(void *arg, struct impel_session *s, const char *why)
{
    struct intake_session *is = arg;
    struct intake *in = is->il->intake;
    is->session = s;
    if (why) {
        secure_failed(is, why);
        return;
    }
    atomic_fetch_add(&in->tls, 1);
    if (session_tls(s)->resumed)
        atomic_fetch_add(&in->tls_resumed, 1);
    if (is_verified(is))
        atomic_fetch_add(&in->tls_verified, 1);
    log_debug(LOG_NET, "client-tls", "session=%llu peer=%s resumed=%d %s",
        (unsigned long long)is->id, is->peer, session_tls(s)->resumed,
        session_tls_text(s));
    listener_session_forget(is);
}

bool
secure_may_relay(const struct intake_session *is)
{
    return !is->named && is_verified(is) &&
        scope_int(is->scope, OPT(tlsin_options, TLSIN_VERIFIED_PEER_CAN_RELAY));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server_tls.c - STARTTLS of a peer (RFC 3207).
 *
 * Nothing may stand behind the command: whoever is between a peer and us could
 * have put it there, to be run in the peer's name (CVE-2011-0411).  What the
 * session was told before is forgotten afterwards; so is whom it was named
 * (XCLIENT), which the host sees to.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include "capability.h"

bool
server_may_tls(struct server *s)
{
    return !s->tls && s->host->info(s->session, IMPEL_INFO_TLS_MAY).n > 0;
}

const char *
server_protocol(const struct server *s, bool login)
{
    static const char *const names[2][4] = {
        {"esmtp", "esmtps", "esmtpa", "esmtpsa"},
        {"lmtp", "lmtps", "lmtpa", "lmtpsa"}};

    if (s->named.proto)
        return s->named.proto;
    if (!s->module->lmtp && !s->esmtp)
        return "smtp"; /* RFC 3848 has no word for HELO behind TLS */
    return names[s->module->lmtp][(s->tls ? 1 : 0) + (login ? 2 : 0)];
}

void
command_starttls(struct server *s, struct impel_str args)
{
    if (!command_cut_blanks(s, &args) || args.n > 0)
        server_error(s, "501 5.5.4 STARTTLS takes no argument");
    else if (s->tls)
        server_error(s, "503 5.5.1 TLS is on already");
    else if (!(s->offered & CAPABILITY_STARTTLS))
        server_error(s, "502 5.5.1 not offered");
    else if (s->mail)
        server_error(s, "503 5.5.1 a message is open");
    else if (!server_may_tls(s))
        server_reply(s, "454 4.7.0 TLS is not available now");
    else
        s->state = SERVER_STARTTLS;
}

size_t
server_tls_take(struct server *s, size_t n)
{
    bool said = s->state == SERVER_GO;

    if (n > 0) {
        s->host->count(s->module->instance, COUNT_STARTTLS_INJECTIONS, 1);
        if (s->host->opt_int(s->scope, OPT_INJECTION) == INJECTION_IGNORE)
            return n;
        if (said) /* no word of ours would be heard as one */
            server_cut(s, "more came in clear behind STARTTLS");
        else
            server_turn_out(s, "554 5.7.0 more came in clear behind STARTTLS");
        return n;
    }
    if (!said) {
        server_reply(s, "220 2.0.0 go ahead");
        s->state = SERVER_GO;
    }
    return 0;
}

void
server_tls_go(struct server *s)
{
    struct impel_error e = {.text = ""};
    char text[300];

    if (s->host->start_tls(s->session, &e) == 0) {
        s->state = SERVER_SHAKING;
        deadline_clear(&s->deadline); /* the host sees to the time */
        return;
    }
    e.text[sizeof(e.text) - 1] = '\0';
    snprintf(text, sizeof(text), "TLS cannot start: %.200s", e.text);
    server_cut(s, text);
}

/* As on a new connection that nothing was said on, but for what it has used up
 * of its limits. */
static void
secured(struct server *s)
{
    server_reset(s);
    s->tls = true;
    s->greeted = s->esmtp = s->auth_offered = s->logged_in = false;
    memset(&s->line, 0, sizeof(s->line));
    s->named =
        (struct named){.offered = s->named.offered, .port = s->peer_port};
    s->offered = server_offer(s);
    s->state = SERVER_COMMAND;
    server_deadline(s, OPT_IDLE_TIME);
}

void
server_tls_done(struct server *s, int64_t arg)
{
    struct impel_str why;
    char text[300];

    if (s->state != SERVER_SHAKING)
        return;
    if (arg == 0) {
        secured(s);
        return;
    }
    why = s->host->info(s->session, IMPEL_INFO_TLS_ERROR);
    snprintf(text, sizeof(text), "TLS failed: %.*s",
        (int)(why.n < 200 ? why.n : 200), why.p ? why.p : "");
    server_cut(s, text);
}

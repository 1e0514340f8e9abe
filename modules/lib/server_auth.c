/* SPDX-License-Identifier: Apache-2.0
 *
 * server_auth.c - AUTH (RFC 4954): words of a login between the peer and the
 * host, who knows mechanisms and users.
 */
#include "server.h"

#include <string.h>
#include <strings.h>

#include "wording.h"

enum { AUTH_LINE_MAX = 12288 + 2 /* RFC 4954 4, and the line's end */ };

void
auth_offer(struct server *s)
{
    struct impel_str names = {NULL, 0};

    if (!s->esmtp)
        return;
    names = s->host->intake->mechanisms(s->session);
    s->auth_offered = s->logged_in || names.n > 0;
    if (names.n == 0 || names.n > 400)
        return;
    out_text(&s->out, "250-AUTH ");
    out_str(&s->out, names);
    out_put(&s->out, "\r\n", 2);
}

size_t
auth_line_max(const struct server *s, const char *p, size_t n)
{
    static const char verb[] = "AUTH ";

    if (s->state == SERVER_AUTH)
        return AUTH_LINE_MAX;
    if (!s->auth_offered || n < sizeof(verb) - 1 ||
        strncasecmp(p, verb, sizeof(verb) - 1) != 0)
        return 0;
    return AUTH_LINE_MAX;
}

/* What the host says to a step. */
static void
auth_step(struct server *s, struct impel_sasl *q)
{
    struct impel_error e = {.text = ""};

    q->size = sizeof(*q);
    switch (s->host->intake->sasl(s->session, q, &e)) {
    case 0:
        s->state = SERVER_AUTH;
        out_text(&s->out, "334 ");
        out_str(&s->out, q->out);
        out_put(&s->out, "\r\n", 2);
        break;
    case IMPEL_E_AGAIN:
        s->state = SERVER_COMMAND;
        server_await(s, WAIT_LOGIN);
        break;
    case IMPEL_E_UNSUP:
        s->state = SERVER_COMMAND;
        server_error(s, "504 5.5.4 mechanism is not offered");
        break;
    default:
        s->state = SERVER_COMMAND;
        server_error(s, "503 5.5.1 not now");
        break;
    }
}

void
command_auth(struct server *s, struct impel_str args)
{
    struct impel_sasl q = {.mechanism = {args.p, 0}};

    while (q.mechanism.n < args.n && args.p[q.mechanism.n] != ' ')
        q.mechanism.n++;
    if (q.mechanism.n < args.n) {
        q.in.p = args.p + q.mechanism.n + 1;
        q.in.n = args.n - q.mechanism.n - 1;
    }
    if (s->logged_in) {
        server_error(s, "503 5.5.1 you have logged in already");
    } else if (s->mail) {
        server_error(s, "503 5.5.1 a message is open");
    } else if (!s->auth_offered) {
        server_error(s, "502 5.5.1 not offered");
    } else if (q.mechanism.n == 0 || (q.in.p && q.in.n == 0) ||
        (q.in.p && memchr(q.in.p, ' ', q.in.n))) {
        server_error(s, "501 5.5.4 syntax is AUTH mechanism [response]");
    } else {
        if (q.in.p && line_same(q.in, "="))
            q.in.n = 0; /* it is there, and empty */
        auth_step(s, &q);
    }
}

void
auth_abandon(struct server *s)
{
    struct impel_sasl q = {.size = sizeof(q), .end = 1};

    if (s->state != SERVER_AUTH)
        return;
    (void)s->host->intake->sasl(s->session, &q, NULL);
    s->state = SERVER_COMMAND;
}

void
server_auth_line(struct server *s, struct impel_str line)
{
    struct impel_sasl q = {.in = line};

    if (line_same(line, "*")) {
        auth_abandon(s);
        server_error(s, "501 5.7.0 login was cancelled");
        return;
    }
    if (!q.in.p)
        q.in.p = "";
    auth_step(s, &q);
}

void
auth_verdict(struct server *s, const struct impel_result *r)
{
    static const struct wording words = {"235 2.7.0 logged in",
        "454 4.7.0 no login now", "535 5.7.8 login failed"};
    char line[SERVER_LINE_MAX];

    wording_verdict(line, sizeof(line), r, &words, 0);
    s->logged_in = r->verdict == IMPEL_DELIVERED;
    if (memcmp(line, "421", 3) == 0)
        server_turn_out(s, line);
    else if (s->logged_in)
        server_reply(s, line);
    else
        server_error(s, line);
}

/* "<>", or a mailbox; either in xtext. */
const char *
auth_sender(struct impel_str value)
{
    if (value.n == 0 || value.n > 500 || !verb_is_xtext(value, false))
        return "501 5.5.4 bad AUTH";
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * xclient.c - XCLIENT before a message.
 */
#include "xclient.h"

#include <stdio.h>
#include <string.h>

#include "line.h"

/* All of the command but the names is 166 octets at most. */
enum { HELO_MAX = 200, LOGIN_MAX = 120, ADDR_MAX = 45 };

static const char unavailable[] = "[UNAVAILABLE]";

/* xtext of RFC 3461 4. */
static bool
is_plain(unsigned char b)
{
    return b > ' ' && b < 127 && b != '+' && b != '=';
}

static size_t
xtext_size(struct impel_str s)
{
    size_t i, n = 0;

    for (i = 0; i < s.n; i++)
        n += is_plain((unsigned char)s.p[i]) ? 1 : 3;
    return n;
}

/* NAME=value; one that is absent or too long is unavailable. */
static void
put_text(struct out *o, const char *name, struct impel_str s, size_t max)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t i;

    out_text(o, name);
    if (s.n == 0 || s.n > max || xtext_size(s) > max) {
        out_text(o, unavailable);
        return;
    }
    for (i = 0; i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        char code[3] = {'+', hex[b >> 4], hex[b & 15]};

        if (is_plain(b))
            out_put(o, s.p + i, 1);
        else
            out_put(o, code, sizeof(code));
    }
}

static bool
is_addr(struct impel_str s)
{
    size_t i;

    for (i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdefABCDEF.:", s.p[i]) || !s.p[i])
            return false;
    return s.n > 0 && s.n <= ADDR_MAX;
}

static void
put_addr(struct out *o, struct impel_str addr)
{
    out_text(o, " ADDR=");
    if (!is_addr(addr)) {
        out_text(o, unavailable);
        return;
    }
    if (memchr(addr.p, ':', addr.n))
        out_text(o, "IPV6:");
    out_str(o, addr);
}

static void
put_port(struct out *o, uint32_t port)
{
    out_text(o, " PORT=");
    if (port > 0 && port <= 65535)
        out_number(o, port);
    else
        out_text(o, unavailable);
}

void
xclient_put(struct out *o, uint32_t offered, const struct impel_envelope *e)
{
    struct impel_str none = {NULL, 0};

    out_text(o, "XCLIENT");
    if (offered & CAPABILITY_XCLIENT_NAME)
        put_text(o, " NAME=", e->client_name, 0);
    if (offered & CAPABILITY_XCLIENT_ADDR)
        put_addr(o, e->client_addr);
    if (offered & CAPABILITY_XCLIENT_PORT)
        put_port(o, e->client_port);
    /* there is no word for another protocol */
    if (offered & CAPABILITY_XCLIENT_PROTO)
        out_text(o,
            line_same(e->client_proto, "smtp") ? " PROTO=SMTP"
                                               : " PROTO=ESMTP");
    if (offered & CAPABILITY_XCLIENT_HELO)
        put_text(o, " HELO=", e->client_helo, HELO_MAX);
    if (offered & CAPABILITY_XCLIENT_LOGIN)
        put_text(o, " LOGIN=", e->client_login, LOGIN_MAX);
    /* where the client had connected to is not kept */
    if (offered & CAPABILITY_XCLIENT_DESTADDR)
        put_text(o, " DESTADDR=", none, 0);
    if (offered & CAPABILITY_XCLIENT_DESTPORT)
        put_text(o, " DESTPORT=", none, 0);
    out_text(o, "\r\n");
}

/* The message is put off, and for this reason the session ends. */
static void
give_up(struct client *c, int verdict, int blame, const char *text)
{
    struct impel_result r =
        outcome_internal(verdict, blame, IMPEL_AT_CLIENT, text);

    client_fail(c, &r);
}

static void
say(struct client *c)
{
    c->state = CLIENT_XCLIENT;
    xclient_put(&c->out, c->capability.xclient, c->t.envelope);
    client_wait(c, OPT_EHLO_TIMEOUT);
}

static bool
is_offered(const struct client *c)
{
    return (c->capability.has & CAPABILITY_XCLIENT) && c->capability.xclient &&
        !c->xclient_refused;
}

bool
xclient_is_spent(const struct client *c)
{
    return c->introduced && !is_offered(c);
}

bool
xclient_begin(struct client *c)
{
    int64_t want = c->host->opt_int(c->scope, OPT_XCLIENT);
    bool offered = is_offered(c);

    if (want == XCLIENT_NO && !c->introduced)
        return true;
    if (xclient_is_spent(c)) {
        give_up(c, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] session belongs to another client");
        return false;
    }
    if (!offered && want == XCLIENT_REQUIRED) {
        give_up(c, IMPEL_RETRY, IMPEL_BLAME_HOST,
            "451 4.7.6 [internal] XCLIENT required but not advertised");
        return false;
    }
    if (!offered)
        return true;
    if (!c->need_reset) {
        say(c);
        return false;
    }
    client_say(c, CLIENT_XRESET, "RSET", false);
    client_wait(c, OPT_RSET_TIMEOUT);
    return false;
}

/* Postfix answers as it would have greeted that client: then it is the client
 * that is refused, and nothing else will be taken on this connection.  All
 * others speak of the command. */
static bool
is_of_client(const struct reply *r)
{
    static const uint16_t command[] = {500, 501, 502, 503, 504, 550, 555};
    size_t i;

    for (i = 0; i < sizeof(command) / sizeof(command[0]); i++)
        if (r->code == command[i])
            return false;
    return true;
}

/* The host will not have it. */
static void
refused(struct client *c, const struct reply *r)
{
    struct impel_result why;

    c->host->log(c->module->instance, c->session, IMPEL_LOG_NOTICE,
        "event=xclient-refused code=%u", (unsigned)r->code);
    c->xclient_refused = true;
    if (c->introduced && r->code != 421) {
        give_up(c, IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
            "451 4.4.2 [internal] session belongs to another client");
    } else if (is_of_client(r)) {
        why = outcome_reply(r, IMPEL_AT_CLIENT);
        why.verdict = IMPEL_RETRY;
        why.blame = IMPEL_BLAME_SESSION;
        client_fail(c, &why);
    } else if (c->host->opt_int(c->scope, OPT_XCLIENT) == XCLIENT_REQUIRED) {
        give_up(c, IMPEL_RETRY, IMPEL_BLAME_HOST,
            "451 4.7.6 [internal] XCLIENT required but refused");
    } else {
        client_transact(c);
    }
}

/* A host may refuse the client that was named: that is no word on the mail. */
static void
hello(struct client *c, const struct reply *r)
{
    if (reply_class(r) != 2) {
        give_up(c, IMPEL_RETRY, IMPEL_BLAME_SESSION,
            "451 4.7.6 [internal] EHLO refused after XCLIENT");
        return;
    }
    capability_parse(&c->capability, r);
    client_transact(c);
}

void
xclient_reply(struct client *c, const struct reply *r)
{
    struct impel_result why;

    switch (c->state) {
    case CLIENT_XRESET:
        if (reply_class(r) != 2) {
            why = outcome_reply(r, IMPEL_AT_RESET);
            why.verdict = IMPEL_UNTRIED;
            why.blame = IMPEL_BLAME_SESSION;
            client_fail(c, &why);
            return;
        }
        c->need_reset = false;
        say(c);
        return;
    case CLIENT_XCLIENT:
        if (reply_class(r) != 2) {
            refused(c, r);
            return;
        }
        c->introduced = true;
        client_say(c, CLIENT_XHELLO, client_hello_verb(c), true);
        client_wait(c, OPT_EHLO_TIMEOUT);
        return;
    default:
        hello(c, r);
        return;
    }
}

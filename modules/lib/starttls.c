/* SPDX-License-Identifier: Apache-2.0
 *
 * starttls.c - STARTTLS to a host.
 */
#include "starttls.h"

#include <stdio.h>
#include <string.h>

#include "client_auth.h"
#include "line.h"

enum { WHY_MAX = 300 };

bool
starttls_is_on(const struct client *c)
{
    return c->state == CLIENT_STARTTLS || c->state == CLIENT_GO ||
        c->state == CLIENT_SHAKING;
}

static bool
may_fall_back(const struct client *c)
{
    return c->host->opt_int(c->scope, OPT_TLS) == TLS_IFAVAILABLE &&
        c->host->opt_int(c->scope, OPT_TLS_FALLBACK) && !c->in_clear;
}

static void
give_up(struct client *c, const char *text)
{
    struct impel_result r =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_TLS, text);

    client_fail(c, &r);
}

/* RFC 8689 4.2.1: what is offered behind TLS counts, for all mail of such a
 * session. */
static bool
lacks_requiretls(const struct client *c)
{
    return c->host->info(c->session, IMPEL_INFO_TLS_NEED).n > 0 &&
        !(c->capability.has & CAPABILITY_REQUIRETLS);
}

bool
starttls_begin(struct client *c)
{
    int64_t want = c->host->opt_int(c->scope, OPT_TLS);

    if (c->secured && lacks_requiretls(c)) {
        give_up(
            c, "451 4.7.30 [internal] REQUIRETLS required but not advertised");
        return false;
    }
    if (want == TLS_NO || c->secured || c->in_clear)
        return true;
    if (c->state == CLIENT_EHLO && (c->capability.has & CAPABILITY_STARTTLS)) {
        client_say(c, CLIENT_STARTTLS, "STARTTLS", false);
        client_wait(c, OPT_EHLO_TIMEOUT);
        return false;
    }
    if (want != TLS_REQUIRED)
        return true;
    give_up(c, "451 4.7.6 [internal] STARTTLS required but not advertised");
    return false;
}

void
starttls_reply(struct client *c, const struct reply *r)
{
    struct impel_result why;

    if (reply_class(r) == 2) {
        c->state = CLIENT_GO;
        return;
    }
    if (r->code != 421 && may_fall_back(c)) {
        c->host->count(c->module->instance, COUNT_TLS_FALLBACKS, 1);
        c->in_clear = true;
        client_auth_begin(c);
        return;
    }
    why = outcome_reply(r, IMPEL_AT_TLS);
    why.blame = IMPEL_BLAME_HOST;
    client_fail(c, &why);
}

void
starttls_go(struct client *c, size_t more)
{
    struct impel_error e = {.text = ""};
    char text[WHY_MAX];
    int rc;

    if (more > 0) {
        client_protocol_error(c);
        return;
    }
    rc = c->host->start_tls(c->session, &e);
    if (rc == 0) {
        c->state = CLIENT_SHAKING;
        client_wait(c, OPT_EHLO_TIMEOUT);
        return;
    }
    if (rc == IMPEL_E_CLOSED) {
        starttls_failed(c, "connection closed by remote host");
        return;
    }
    /* a fault of ours, such as a key that fits nothing: no reason to be
     * content with less */
    e.text[sizeof(e.text) - 1] = '\0';
    snprintf(text, sizeof(text),
        "451 4.7.5 [internal] TLS cannot start: %.200s", e.text);
    give_up(c, text);
}

/* Once more without TLS, on a connection of its own, or not at all: then text
 * is the reason. */
static void
dial_in_clear(struct client *c, const char *why, const char *text)
{
    struct impel_error e = {.text = ""};

    if (!may_fall_back(c)) {
        give_up(c, text);
        return;
    }
    c->host->count(c->module->instance, COUNT_TLS_FALLBACKS, 1);
    c->host->log(c->module->instance, c->session, IMPEL_LOG_NOTICE,
        "event=tls-fallback reason=\"%.200s\"", why);
    c->in_clear = true;
    c->lost = c->full = false;
    memset(&c->scan, 0, sizeof(c->scan));
    memset(&c->capability, 0, sizeof(c->capability));
    c->out.n = 0;
    if (client_dial(c, &e) < 0)
        give_up(c, text);
}

void
starttls_failed(struct client *c, const char *why)
{
    char text[WHY_MAX];

    snprintf(text, sizeof(text),
        "451 4.7.5 [internal] TLS negotiation failed: %.200s", why);
    dial_in_clear(c, why, text);
}

void
starttls_unanswered(struct client *c)
{
    dial_in_clear(c, "no tls go-ahead", "451 4.7.5 [internal] no tls go-ahead");
}

static void
secured(struct client *c)
{
    c->secured = true;
    memset(&c->scan, 0, sizeof(c->scan));
    memset(&c->capability, 0, sizeof(c->capability));
    client_say(c, CLIENT_EHLO, client_hello_verb(c), true);
    client_wait(c, OPT_EHLO_TIMEOUT);
    (void)client_flush(c); /* a loss is an event of its own */
}

void
starttls_done(struct client *c, int64_t arg)
{
    struct impel_str why;
    char text[200];

    if (c->state != CLIENT_SHAKING)
        return;
    if (arg == 0) {
        secured(c);
        return;
    }
    why = c->host->info(c->session, IMPEL_INFO_TLS_ERROR);
    snprintf(text, sizeof(text), "%.*s",
        (int)(why.n < sizeof(text) ? why.n : sizeof(text) - 1),
        why.p ? why.p : "");
    starttls_failed(c, text[0] ? text : "no reason is known");
}

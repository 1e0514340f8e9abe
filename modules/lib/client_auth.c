/* SPDX-License-Identifier: Apache-2.0
 *
 * client_auth.c - AUTH at a host.
 */
#include "client_auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

enum { COMMAND_MAX = 512 - 2 /* RFC 4954 4, RFC 5321 4.5.3.1.4 */ };

bool
client_auth_is_on(const struct client *c)
{
    return c->state == CLIENT_AUTH || c->state == CLIENT_AUTH_WORK;
}

static void
give_up(struct client *c, const char *code, const char *text)
{
    char line[400];
    struct impel_result r;

    snprintf(line, sizeof(line), "%s [internal] login: %.300s", code, text);
    r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_LOGIN, line);
    c->host->count(c->module->instance, COUNT_LOGIN_FAILURES, 1);
    client_fail(c, &r);
}

static void
give_up_for(struct client *c, struct impel_error *e)
{
    e->text[sizeof(e->text) - 1] = '\0';
    give_up(c, "451 4.7.0", e->text[0] ? e->text : "no reason is known");
}

void
client_auth_drop(struct client *c)
{
    if (c->line)
        explicit_bzero(c->line, c->line_size);
    free(c->line);
    c->line = NULL;
    c->line_size = 0;
}

void
client_auth_send(struct client *c)
{
    int rc;

    if (!c->line)
        return;
    rc = c->host->write(c->session, c->line, c->line_size);
    if (rc == IMPEL_E_FULL) {
        c->full = true;
        return;
    }
    if (rc < 0)
        c->lost = true; /* which is an event of its own */
    client_auth_drop(c);
}

/* A line of its own, past the buffer of commands: tokens are longer.  It goes
 * when there is room, whole. */
static void
say(struct client *c, const char *verb, struct impel_str name,
    struct impel_str words)
{
    const struct impel_str parts[] = {
        line_str(verb), name, {" ", name.n > 0 && words.p}, words, {"\r\n", 2}};
    size_t n = 0, i;

    client_auth_drop(c);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        n += parts[i].n;
    c->line = malloc(n);
    if (!c->line) {
        c->lost = true; /* what it should have said ends in a timeout */
        return;
    }
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].n > 0)
            memcpy(c->line + c->line_size, parts[i].p, parts[i].n);
        c->line_size += parts[i].n;
    }
    if (client_flush(c))
        client_auth_send(c);
}

/* The first words, which go with the command if the line is not too long. */
static void
say_first(struct client *c, struct impel_str words)
{
    struct impel_str name = line_str(c->mechanism);

    if (words.p && words.n == 0)
        words = line_str("=");
    c->held = (struct impel_str){NULL, 0};
    if (words.p && strlen("AUTH ") + name.n + 1 + words.n > COMMAND_MAX) {
        c->held = words; /* lent until the next step, which is behind it */
        words = (struct impel_str){NULL, 0};
    }
    c->state = CLIENT_AUTH;
    client_wait(c, OPT_EHLO_TIMEOUT);
    say(c, "AUTH ", name, words);
    c->auth_said = true;
}

static void
take_step(struct client *c, struct impel_sasl *q)
{
    struct impel_error e = {.text = ""};
    int rc;

    q->size = sizeof(*q);
    rc = c->host->login(c->session, q, &e);
    if (q->mechanism.p && rc != IMPEL_E_UNSUP)
        snprintf(c->mechanism, sizeof(c->mechanism), "%.*s",
            (int)(q->mechanism.n < 64 ? q->mechanism.n : 64), q->mechanism.p);
    switch (rc) {
    case 0:
        if (!c->auth_said) {
            say_first(c, q->out);
            break;
        }
        c->state = CLIENT_AUTH;
        client_wait(c, OPT_EHLO_TIMEOUT);
        say(c, "", (struct impel_str){NULL, 0}, q->out);
        break;
    case IMPEL_E_AGAIN:
        c->state = CLIENT_AUTH_WORK;
        client_wait(c, OPT_EHLO_TIMEOUT);
        break;
    case IMPEL_E_UNSUP:
        client_ready(c);
        break;
    default:
        if (c->auth_said) /* RFC 4954 4: it is cancelled, not broken off */
            say(c, "*", (struct impel_str){NULL, 0},
                (struct impel_str){NULL, 0});
        give_up_for(c, &e);
        break;
    }
}

void
client_auth_begin(struct client *c)
{
    struct impel_sasl q = {.mechanism = line_str(c->capability.auth)};

    c->auth_said = false;
    take_step(c, &q);
}

void
client_auth_event(struct client *c)
{
    struct impel_sasl q = {.size = sizeof(q)};

    if (c->state == CLIENT_AUTH_WORK)
        take_step(c, &q);
}

static void
accepted(struct client *c)
{
    struct impel_sasl q = {.size = sizeof(q), .end = 1};
    struct impel_error e = {.text = ""};

    if (c->host->login(c->session, &q, &e) < 0) {
        give_up_for(c, &e);
        return;
    }
    c->host->count(c->module->instance, COUNT_LOGINS, 1);
    client_ready(c);
}

static void
challenged(struct client *c, const struct reply *r)
{
    struct impel_sasl q = {.in = reply_line(r, 0)};
    struct impel_str words = c->held;

    if (!q.in.p)
        q.in.p = "";
    if (!words.p) {
        take_step(c, &q);
        return;
    }
    c->held = (struct impel_str){NULL, 0};
    client_wait(c, OPT_EHLO_TIMEOUT);
    say(c, "", (struct impel_str){NULL, 0}, words);
}

void
client_auth_reply(struct client *c, const struct reply *r)
{
    char text[128], code[32];

    if (c->state != CLIENT_AUTH || c->line) { /* it was not its turn */
        client_protocol_error(c);
        return;
    }
    if (r->code == 334 && r->lines == 1) {
        challenged(c, r);
        return;
    }
    if (r->code == 235) {
        accepted(c);
        return;
    }
    if (r->code == 421 || reply_class(r) == 4 || reply_class(r) == 5) {
        snprintf(text, sizeof(text), "the host refuses it by %s", c->mechanism);
        if (r->status[0] != 0)
            snprintf(code, sizeof(code), "%u %u.%u.%u", r->code, r->status[0],
                r->status[1], r->status[2]);
        else
            snprintf(code, sizeof(code), "%u %d.7.8", r->code, reply_class(r));
        give_up(c, code, text);
        return;
    }
    client_protocol_error(c);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * outcome.c - replies of a host as results for the core.
 */
#include "outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

static struct impel_result
outcome_make(int verdict, int blame, int stage)
{
    return (struct impel_result){.size = sizeof(struct impel_result),
        .verdict = verdict,
        .blame = blame,
        .stage = stage,
        .retry_after = -1};
}

static int
outcome_blame(const struct reply *r, int stage)
{
    if (r->code == 421)
        return IMPEL_BLAME_SESSION;
    switch (stage) {
    case IMPEL_AT_CONNECT:
    case IMPEL_AT_TLS:
    case IMPEL_AT_LOGIN:
    case IMPEL_AT_BANNER:
    case IMPEL_AT_HELLO:
        return IMPEL_BLAME_HOST;
    case IMPEL_AT_RCPT:
        return IMPEL_BLAME_RCPT;
    default:
        return IMPEL_BLAME_MESSAGE;
    }
}

struct impel_result
outcome_reply(const struct reply *r, int stage)
{
    int verdict = reply_class(r) == 2 ? IMPEL_DELIVERED
        : reply_class(r) == 5         ? IMPEL_FAILED
                                      : IMPEL_RETRY;
    struct impel_result result =
        outcome_make(verdict, outcome_blame(r, stage), stage);

    /* RFC 5321 4.5.3.1.10: too many recipients used to be a 552 */
    if (stage == IMPEL_AT_RCPT && r->code == 552)
        result.verdict = IMPEL_RETRY;
    /* a host that will not talk fails no message: others may */
    if (outcome_blame(r, stage) == IMPEL_BLAME_HOST &&
        result.verdict == IMPEL_FAILED)
        result.verdict = IMPEL_RETRY;
    result.code = r->code;
    memcpy(result.status, r->status, sizeof(result.status));
    result.text = r->text;
    return result;
}

struct impel_result
outcome_internal(int verdict, int blame, int stage, const char *text)
{
    struct impel_result result = outcome_make(verdict, blame, stage);

    result.text = line_str(text);
    result.code = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 +
        (text[2] - '0'));
    (void)reply_status(/* a literal of ours always has one */
        (struct impel_str){result.text.p + 4, result.text.n - 4},
        result.status);
    return result;
}

struct impel_result
outcome_unconnected(const struct impel_host *host,
    struct impel_session *session, char text[OUTCOME_TEXT])
{
    struct impel_str tls = host->info(session, IMPEL_INFO_TLS_ERROR);

    if (!tls.n)
        return outcome_internal(IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_CONNECT,
            "451 4.4.1 [internal] no connection");
    (void)snprintf(text, OUTCOME_TEXT, "451 4.7.5 [internal] TLS: %.*s",
        tls.n > 240 ? 240 : (int)tls.n, tls.p);
    return outcome_internal(IMPEL_RETRY, IMPEL_BLAME_HOST, IMPEL_AT_TLS, text);
}

void
outcome_keep(struct outcome *o, const struct impel_result *r)
{
    outcome_drop(o);
    o->result = *r;
    if (!r->text.n)
        return;
    o->copy = malloc(r->text.n);
    if (o->copy) {
        memcpy(o->copy, r->text.p, r->text.n);
        o->result.text.p = o->copy;
    } else { /* the code stands */
        o->result.text = line_str("[internal] no memory for the host's words");
    }
}

void
outcome_drop(struct outcome *o)
{
    free(o->copy);
    memset(o, 0, sizeof(*o));
}

int
outcome_refuse(struct impel_error *e, int code, const char *format, ...)
{
    va_list args;

    e->code = code;
    va_start(args, format);
    (void)vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    return code;
}

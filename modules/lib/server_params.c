/* SPDX-License-Identifier: Apache-2.0
 *
 * server_params.c - DELIVERBY (RFC 2852), FUTURERELEASE (RFC 4865) and LIMITS
 * (RFC 9422) of an inbound session.
 */
#include "server_params.h"

#include <time.h>

#include "capability.h"
#include "param.h"

enum { SEEN_BY = 256, SEEN_HOLD = 512 };

/* Wall clock, in seconds: the peer's times are those of the world. */
static int64_t
params_now(void)
{
    return (int64_t)time(NULL);
}

static int64_t
params_seconds(struct server *s, enum option_row row)
{
    return s->host->opt_int(s->scope, row) / 1000;
}

static void
put_pair(struct server *s, const char *word, int64_t value)
{
    if (value <= 0)
        return;
    out_text(&s->out, word);
    out_number(&s->out, (uint64_t)value);
}

/* Nobody is told of a limit that is none. */
static void
put_limits(struct server *s)
{
    int64_t mails = s->host->opt_int(s->scope, OPT_MAX_RECEPTIONS);
    int64_t rcpts = s->host->opt_int(s->scope, OPT_MAX_RECIPIENTS);

    if (!(s->offered & CAPABILITY_LIMITS) || (mails <= 0 && rcpts <= 0))
        return;
    out_text(&s->out, "250-LIMITS");
    put_pair(s, " MAILMAX=", mails);
    put_pair(s, " RCPTMAX=", rcpts);
    out_text(&s->out, "\r\n");
}

static void
put_future(struct server *s)
{
    int64_t max = params_seconds(s, OPT_FUTURE_RELEASE_MAX);
    char until[PARAM_TIME_SIZE];

    if (!(s->offered & CAPABILITY_FUTURERELEASE))
        return;
    param_print_time(params_now() + max, until);
    put_pair(s, "250-FUTURERELEASE ", max);
    out_text(&s->out, " ");
    server_reply(s, until);
}

void
params_put(struct server *s)
{
    put_limits(s);
    if (s->offered & CAPABILITY_DELIVERBY) {
        out_text(&s->out, "250-DELIVERBY");
        put_pair(s, " ", params_seconds(s, OPT_DELIVER_BY_MIN));
        out_text(&s->out, "\r\n");
    }
    put_future(s);
}

static const char *
take_by(struct server *s, struct impel_sender *sender, struct impel_str value)
{
    struct param_by by;

    if (!param_by(value, &by))
        return "501 5.5.4 bad BY";
    if ((by.by & IMPEL_BY_RETURN) &&
        by.seconds < params_seconds(s, OPT_DELIVER_BY_MIN))
        return "501 5.5.4 BY is too soon";
    sender->by = by.by;
    sender->deadline = (params_now() + by.seconds) * 1000;
    return NULL;
}

/* until: in seconds since 1970. */
static const char *
take_hold(struct server *s, struct impel_sender *sender, int64_t until)
{
    int64_t now = params_now();

    if (until - now > params_seconds(s, OPT_FUTURE_RELEASE_MAX))
        return "501 5.5.4 that is too far in the future";
    /* what is over already holds nothing up */
    sender->hold_until = until > now ? until * 1000 : 0;
    return NULL;
}

static const char *
take_hold_for(
    struct server *s, struct impel_sender *sender, struct impel_str value)
{
    int64_t seconds;

    if (!param_hold_for(value, &seconds))
        return "501 5.5.4 bad HOLDFOR";
    return take_hold(s, sender, params_now() + seconds);
}

static const char *
take_hold_until(
    struct server *s, struct impel_sender *sender, struct impel_str value)
{
    int64_t until;

    if (!param_time(value, &until))
        return "501 5.5.4 bad HOLDUNTIL";
    return take_hold(s, sender, until);
}

/* A keyword, or one of two that exclude each other, may stand once. */
static bool
is_first(uint32_t *seen, uint32_t bit, const char **wrong)
{
    bool again = *seen & bit;

    *seen |= bit;
    if (again)
        *wrong = "501 5.5.4 parameter is said twice";
    return !again;
}

bool
params_take(struct server *s, struct impel_sender *sender, uint32_t *seen,
    struct impel_str key, struct impel_str value, const char **wrong)
{
    bool by = (s->offered & CAPABILITY_DELIVERBY) && line_same(key, "BY");
    bool future = s->offered & CAPABILITY_FUTURERELEASE;

    *wrong = NULL;
    if (by) {
        if (is_first(seen, SEEN_BY, wrong))
            *wrong = take_by(s, sender, value);
        return true;
    }
    if (future && line_same(key, "HOLDFOR")) {
        if (is_first(seen, SEEN_HOLD, wrong))
            *wrong = take_hold_for(s, sender, value);
        return true;
    }
    if (future && line_same(key, "HOLDUNTIL")) {
        if (is_first(seen, SEEN_HOLD, wrong))
            *wrong = take_hold_until(s, sender, value);
        return true;
    }
    return false;
}

const char *
params_clash(const struct impel_sender *sender)
{
    if (sender->by && sender->hold_until > 0 &&
        sender->deadline <= sender->hold_until)
        return "501 5.5.4 it is held for longer than BY allows";
    return NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * client_needs.c - what a message asks of the host it is given to.
 */
#include "client_needs.h"

#include <time.h>

#include "alabel.h"

static uint32_t
envelope_by(const struct impel_envelope *e)
{
    return e->deadline > 0 ? e->by : 0;
}

/* Seconds until the deadline; rounded down, so that no host is told more. */
static int64_t
seconds_left(const struct impel_envelope *e)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now); /* it is always there */
    return (e->deadline - (int64_t)now.tv_sec * 1000 - now.tv_nsec / 1000000) /
        1000;
}

/* The parameter is for those who need it: RFC 6531 3.4. */
static bool
wants_utf8(const struct impel_envelope *e)
{
    size_t i;

    if ((e->needs & IMPEL_NEED_UTF8) || verb_is_utf8(e->sender))
        return true;
    for (i = 0; i < e->rcpt_count; i++)
        if (verb_is_utf8(e->rcpt[i]->address))
            return true;
    return false;
}

/* How the body is sent: as it is, or in 7 bits for a host that asks for it or
 * cannot do better. */
static void
choose_form(struct client *c)
{
    struct transaction *t = &c->t;
    uint32_t has = c->capability.has;
    uint32_t octets = CAPABILITY_BINARYMIME | CAPABILITY_CHUNKING;
    uint32_t needs = t->envelope->needs;
    int64_t transform = c->host->opt_int(c->scope, OPT_TRANSFORM_8BITMIME);

    t->form = IMPEL_BODY_RAW;
    if (needs & IMPEL_NEED_BINARY) {
        t->binary = (has & octets) == octets &&
            c->host->opt_int(c->scope, OPT_CHUNKING);
        if (!t->binary)
            t->form = IMPEL_BODY_SEVENBIT;
        return;
    }
    if ((needs & IMPEL_NEED_8BIT) && !t->utf8 &&
        (transform == TRANSFORM_STRIP ||
            (transform != TRANSFORM_NO && !(has & CAPABILITY_8BITMIME))))
        t->form = IMPEL_BODY_SEVENBIT;
    t->eightbit = (needs & IMPEL_NEED_8BIT) && t->form == IMPEL_BODY_RAW &&
        (has & CAPABILITY_8BITMIME) &&
        (t->utf8 ||
            c->host->opt_int(c->scope, OPT_SEND_8BITMIME) ==
                SEND_8BITMIME_IFAVAILABLE);
}

static bool
begin_forms(struct client *c)
{
    struct transaction *t = &c->t;
    uint32_t has = c->capability.has;

    choose_form(c);
    t->size = c->host->body_size(t->batch, t->form);
    t->pipelined = (has & CAPABILITY_PIPELINING) &&
        c->host->opt_int(c->scope, OPT_PIPELINING);
    t->bdat = t->size >= 0 && (has & CAPABILITY_CHUNKING) &&
        c->host->opt_int(c->scope, OPT_CHUNKING);
    /* LMTP: how many replies will come must be known */
    t->eager = !c->module->lmtp &&
        t->size <= c->host->opt_int(c->scope, OPT_EAGER_BODY);
    return t->size != IMPEL_E_UNSUP && (t->bdat || !t->binary);
}

/* RFC 8689 4.2.1: what this session is short of for mail with REQUIRETLS.  The
 * host has seen to the rest: where the name that was verified came from. */
static const char *
tls_obstacle(struct client *c)
{
    if (!c->host->info(c->session, IMPEL_INFO_TLS_VERSION).p)
        return "451 4.7.10 [internal] REQUIRETLS: TLS is not in use";
    if (!c->host->info(c->session, IMPEL_INFO_TLS_PEER).p)
        return "451 4.7.10 [internal] REQUIRETLS: the certificate is not "
               "verified";
    if (!(c->capability.has & CAPABILITY_REQUIRETLS))
        return "451 4.7.30 [internal] REQUIRETLS required but not advertised";
    return NULL;
}

/* RFC 2852 4.1.4: with by-mode R only hosts that keep the time may have it.  By
 * LMTP it is delivered here and now. */
static const char *
by_obstacle(const struct client *c)
{
    const struct impel_envelope *e = c->t.envelope;
    int64_t left;

    if (!(envelope_by(e) & IMPEL_BY_RETURN))
        return NULL;
    left = seconds_left(e);
    if (left <= 0)
        return "554 5.4.7 [internal] not delivered by the time asked for";
    if (c->module->lmtp)
        return NULL;
    if (!(c->capability.has & CAPABILITY_DELIVERBY))
        return "550 5.3.3 [internal] DELIVERBY required but not advertised";
    if (left < c->capability.by_min)
        return "554 5.4.7 [internal] the host does not deliver so soon";
    return NULL;
}

static const char *
form_obstacle(struct client *c)
{
    const struct impel_envelope *e = c->t.envelope;

    if ((e->needs & IMPEL_NEED_BINARY) && !c->t.binary &&
        c->host->opt_int(c->scope, OPT_TRANSFORM_8BITMIME) == TRANSFORM_NO)
        return "550 5.6.1 [internal] BINARYMIME required but not advertised";
    return NULL;
}

/* Can the sender be named to this host? */
static const char *
sender_obstacle(struct client *c)
{
    struct impel_str sender = c->t.envelope->sender;
    struct alabel as;

    if (!c->t.utf8)
        sender = alabel_address(sender, &as);
    if (!sender.p && c->t.envelope->sender.n > 0)
        return "550 5.6.7 [internal] SMTPUTF8 required but not advertised";
    if (sender.n > 0 && !verb_is_mailbox(sender, c->t.utf8, true))
        return "550 5.1.7 [internal] sender address cannot be sent";
    return NULL;
}

const char *
needs_begin(struct client *c, struct impel_result *r)
{
    const struct impel_envelope *e = c->t.envelope;
    bool offered = c->capability.has & CAPABILITY_SMTPUTF8;
    const char *lacks;

    c->t.utf8 = offered && wants_utf8(e);
    if ((e->needs & IMPEL_NEED_TLS) && (lacks = tls_obstacle(c)) != NULL) {
        *r = (struct impel_result){.verdict = IMPEL_RETRY, /* elsewhere */
            .blame = IMPEL_BLAME_HOST,
            .stage = IMPEL_AT_TLS};
        return lacks;
    }
    *r = (struct impel_result){.verdict = IMPEL_FAILED,
        .blame = IMPEL_BLAME_MESSAGE,
        .stage = IMPEL_AT_SENDER};
    if ((e->needs & IMPEL_NEED_UTF8) && !offered)
        return "550 5.6.7 [internal] SMTPUTF8 required but not advertised";
    if ((lacks = sender_obstacle(c)) != NULL ||
        (lacks = by_obstacle(c)) != NULL)
        return lacks;
    if (!begin_forms(c))
        return e->needs & IMPEL_NEED_BINARY
            ? "550 5.6.1 [internal] BINARYMIME required but not advertised"
            : "550 5.6.3 [internal] 8BITMIME required but not advertised";
    if ((lacks = form_obstacle(c)) != NULL)
        return lacks;
    if (c->capability.size_limit > 0 && c->t.size > 0 &&
        (uint64_t)c->t.size > c->capability.size_limit)
        return "552 5.3.4 [internal] message is larger than the host takes";
    return NULL;
}

void
needs_by(const struct client *c, struct verb_mail *m)
{
    const struct impel_envelope *e = c->t.envelope;

    if (!(c->capability.has & CAPABILITY_DELIVERBY))
        return;
    m->by = envelope_by(e);
    if (!m->by)
        return;
    m->by_seconds = seconds_left(e);
    if ((m->by & IMPEL_BY_RETURN) && m->by_seconds <= 0)
        m->by_seconds = 1; /* it has passed since the last look */
}

void
needs_tell(const struct client *c, struct impel_result *r)
{
    static const struct impel_pair rows[] = {
        {{"dsn", 3}, {"no", 2}}, {{"by", 2}, {"no", 2}}};
    const struct impel_envelope *e = c->t.envelope;
    bool dsn = false, by;
    size_t i;

    if (r->verdict != IMPEL_DELIVERED)
        return;
    for (i = 0; i < e->rcpt_count && !dsn; i++)
        dsn = e->rcpt[i]->notify & IMPEL_NOTIFY_SUCCESS;
    dsn = dsn && !(c->capability.has & CAPABILITY_DSN);
    by = envelope_by(e) && !(c->capability.has & CAPABILITY_DELIVERBY);
    r->info = rows + (dsn ? 0 : 1);
    r->info_count = (size_t)dsn + by;
    if (r->info_count == 0)
        r->info = NULL;
}

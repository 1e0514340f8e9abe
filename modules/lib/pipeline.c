/* SPDX-License-Identifier: Apache-2.0
 *
 * pipeline.c - one transaction of an outbound session.
 *
 * Each recipient is reported once: a refused one when its reply is read, the
 * accepted ones all together at the end, or (LMTP) each by its own reply.  What
 * would end the batch is kept until the last reply was read, since the body is
 * lent no longer than the batch lasts, and the host may have another batch at
 * hand at once.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#include "alabel.h"
#include "client_needs.h"
#include "verb.h"

static const struct impel_envelope *
envelope_of(const struct client *c)
{
    return c->t.envelope;
}

static size_t
next_rcpt(const struct client *c, size_t i)
{
    while (i < envelope_of(c)->rcpt_count && c->rcpt[i] == RCPT_LEFT_OUT)
        i++;
    return i;
}

const char *
pipeline_doing(const struct client *c)
{
    static const char *const names[] = {[STEP_RSET] = "RSET",
        [STEP_MAIL] = "MAIL FROM",
        [STEP_RCPT] = "RCPT TO",
        [STEP_DATA] = "DATA",
        [STEP_BODY] = "BODY",
        [STEP_END] = "BODY"};

    return names[c->t.read];
}

int
pipeline_stage(const struct client *c)
{
    switch (c->t.read) {
    case STEP_RSET:
        return IMPEL_AT_RESET;
    case STEP_MAIL:
        return IMPEL_AT_SENDER;
    case STEP_RCPT:
        return IMPEL_AT_RCPT;
    case STEP_DATA:
        return IMPEL_AT_DATA;
    default:
        return c->t.body_out ? IMPEL_AT_FINAL : IMPEL_AT_BODY;
    }
}

/* A body is being sent: ms for each part that the host has buffers for, and at
 * least 4 KiB/s in all. */
static int64_t
time_for_body(struct client *c, int64_t ms)
{
    int64_t now = c->host->now();

    if (!c->t.over)
        c->t.over = now + ms + c->t.size / 4;
    return now + ms < c->t.over ? ms : c->t.over > now ? c->t.over - now : 1;
}

static void
wait_for_reply(struct client *c)
{
    static const enum option_row rows[] = {[STEP_RSET] = OPT_RSET_TIMEOUT,
        [STEP_MAIL] = OPT_MAILFROM_TIMEOUT,
        [STEP_RCPT] = OPT_RCPTTO_TIMEOUT,
        [STEP_DATA] = OPT_DATA_TIMEOUT,
        [STEP_BODY] = OPT_BODY_TIMEOUT,
        [STEP_END] = OPT_BODY_TIMEOUT};
    int64_t ms = options_ms(c->module, c->scope, rows[c->t.read]);

    if (c->t.early)
        ms = 1000;
    else if (c->t.sending && c->t.size > 0)
        ms = time_for_body(c, ms);
    deadline_set(&c->deadline, c->host, c->session, ms);
}

void
pipeline_moved(struct client *c)
{
    if (!c->t.sending || c->t.early)
        return;
    wait_for_reply(c);
}

/* Report what is left and let go of the batch. */
static void
report_rest(struct client *c, const struct impel_result *r)
{
    struct impel_batch *batch = c->t.batch;
    struct impel_result told = *r;

    c->t.batch = NULL;
    if (r->flags & IMPEL_UNCERTAIN)
        c->host->count(c->module->instance, COUNT_UNCERTAIN, 1);
    needs_tell(c, c->t.kept ? &c->t.keep.result : &told);
    if (c->t.kept && c->t.keep_rcpt != SIZE_MAX)
        c->host->rcpt_done(batch, c->t.keep_rcpt, &c->t.keep.result);
    else if (c->t.kept)
        c->host->rest_done(batch, &c->t.keep.result);
    else
        c->host->rest_done(batch, &told);
    outcome_drop(&c->t.keep);
    c->t.kept = false;
}

void
pipeline_abandon(struct client *c, const struct impel_result *r)
{
    struct impel_result uncertain = *r;

    if (!c->t.batch)
        return;
    /* without EV_BODY nobody knows how much of the body is out */
    if ((c->t.body_out || c->t.sending) && !c->t.refused &&
        r->verdict != IMPEL_DELIVERED) {
        uncertain.verdict = IMPEL_RETRY;
        uncertain.stage = IMPEL_AT_FINAL;
        uncertain.flags |= IMPEL_UNCERTAIN;
    }
    report_rest(c, &uncertain);
}

static void
keep(struct client *c, size_t rcpt, const struct impel_result *r)
{
    outcome_keep(&c->t.keep, r);
    c->t.keep_rcpt = rcpt;
    c->t.kept = true;
}

/* All is reported without a word to the peer. */
static void
refuse_all(struct client *c, const struct impel_result *r)
{
    report_rest(c, r);
    client_finished(c);
}

/* Why this recipient is not named to this host; false: it is. */
static bool
rcpt_obstacle(struct client *c, size_t i, struct impel_result *r)
{
    struct impel_str address = envelope_of(c)->rcpt[i]->address;
    struct alabel as;

    if (!c->t.utf8)
        address = alabel_address(address, &as);
    if (!address.p && !(c->capability.has & CAPABILITY_SMTPUTF8))
        *r = outcome_internal(IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT,
            "550 5.6.7 [internal] SMTPUTF8 required but not advertised");
    else if (!address.p || !verb_is_mailbox(address, c->t.utf8, true))
        *r = outcome_internal(IMPEL_FAILED, IMPEL_BLAME_RCPT, IMPEL_AT_RCPT,
            "553 5.1.3 [internal] address cannot be sent");
    else if (!limits_take(&c->limits, &c->capability, address))
        *r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_RCPT,
            "452 4.5.3 [internal] the host takes no more recipients at once");
    else
        return false;
    return true;
}

/* Recipients that are not named to this host; false if none is left. */
static bool
begin_rcpts(struct client *c)
{
    struct impel_result r;
    size_t i, n = envelope_of(c)->rcpt_count;

    for (i = 0; i < n; i++) {
        if (!rcpt_obstacle(c, i, &r))
            continue;
        c->rcpt[i] = RCPT_LEFT_OUT;
        if (c->t.left == 1) {
            refuse_all(c, &r);
            return false;
        }
        c->t.left--;
        c->host->rcpt_done(c->t.batch, i, &r);
    }
    return true;
}

/* Nothing is known of any of them yet.  False: no memory. */
static bool
begin_marks(struct client *c)
{
    size_t n = envelope_of(c)->rcpt_count;
    uint8_t *more;

    if (c->rcpt_room < n) {
        more = realloc(c->rcpt, n);
        if (!more)
            return false;
        c->rcpt = more;
        c->rcpt_room = n;
    }
    if (n > 0)
        memset(c->rcpt, RCPT_OPEN, n);
    c->final = 0;
    return true;
}

void
pipeline_begin(struct client *c, struct impel_batch *batch,
    const struct impel_envelope *envelope)
{
    struct transaction *t = &c->t;
    struct impel_result r;
    const char *obstacle;

    memset(t, 0, sizeof(*t));
    t->batch = batch;
    t->envelope = envelope;
    t->left = envelope->rcpt_count;
    t->send = t->read = c->need_reset ? STEP_RSET : STEP_MAIL;
    obstacle = needs_begin(c, &r);
    if (!obstacle && !limits_begin(&c->limits, &c->capability)) {
        r = (struct impel_result){.verdict = IMPEL_UNTRIED,
            .blame = IMPEL_BLAME_SESSION,
            .stage = IMPEL_AT_SENDER};
        obstacle = "452 4.5.3 [internal] the host takes no more messages now";
    }
    if (!obstacle && !begin_marks(c)) {
        r = (struct impel_result){.verdict = IMPEL_UNTRIED,
            .blame = IMPEL_BLAME_SESSION,
            .stage = IMPEL_AT_SENDER};
        obstacle = "451 4.3.1 [internal] no memory";
    }
    if (obstacle) {
        r = outcome_internal(r.verdict, r.blame, r.stage, obstacle);
        refuse_all(c, &r);
        return;
    }
    if (!begin_rcpts(c))
        return;
    t->send_rcpt = t->read_rcpt = next_rcpt(c, 0);
    if (t->send_rcpt >= envelope->rcpt_count) {
        client_finished(c); /* for nobody at all: nothing to report either */
        return;
    }
    wait_for_reply(c);
}

static void
send_mail(struct client *c)
{
    const struct impel_envelope *e = envelope_of(c);
    bool dsn = c->capability.has & CAPABILITY_DSN;
    struct alabel as;
    struct verb_mail m = {
        .sender = c->t.utf8 ? e->sender : alabel_address(e->sender, &as),
        .size = c->capability.has & CAPABILITY_SIZE ? c->t.size : -1,
        .eightbit = c->t.eightbit,
        .binary = c->t.binary,
        .utf8 = c->t.utf8,
        .requiretls = e->needs & IMPEL_NEED_TLS,
        .ret = dsn ? e->ret : 0};

    if (dsn)
        m.envid = e->envid;
    needs_by(c, &m);
    verb_put_mail(&c->out, &m);
    c->limits.mails++;
    c->t.outstanding++;
    c->t.send = STEP_RCPT;
}

static void
send_rcpt(struct client *c)
{
    const struct impel_envelope *e = envelope_of(c);
    const struct impel_rcpt *rcpt = e->rcpt[c->t.send_rcpt];
    struct alabel as;

    verb_put_rcpt(&c->out,
        c->t.utf8 ? rcpt->address : alabel_address(rcpt->address, &as),
        c->capability.has & CAPABILITY_DSN, rcpt->notify, rcpt->original,
        c->t.utf8);
    c->t.outstanding++;
    c->t.send_rcpt = next_rcpt(c, c->t.send_rcpt + 1);
    if (c->t.send_rcpt >= e->rcpt_count)
        c->t.send = STEP_DATA;
}

/* To the body: LMTP has one for each recipient that was taken (RFC 2033 4.2).
 */
static size_t
final_replies(const struct client *c)
{
    return c->module->lmtp ? c->t.accepted : 1;
}

/* DATA or BDAT.  False: it is not time yet. */
static bool
send_data(struct client *c)
{
    struct transaction *t = &c->t;

    if (t->bdat && !t->eager && t->read <= STEP_RCPT)
        return false;
    if (t->bdat) {
        out_text(&c->out, "BDAT ");
        out_number(&c->out, (uint64_t)t->size);
        out_text(&c->out, " LAST\r\n");
        t->outstanding += final_replies(c);
    } else {
        out_text(&c->out, "DATA\r\n");
        t->outstanding++;
    }
    t->send = STEP_BODY;
    return true;
}

/* The host has taken over the body; with nothing to send it is out at once. */
static bool
send_body(struct client *c)
{
    struct transaction *t = &c->t;
    struct impel_result r;
    int rc;

    if (t->sending || (!t->bdat && !t->go))
        return false;
    if (!client_flush(c))
        return false;
    if (t->bdat && t->size == 0) {
        pipeline_body_sent(c);
        return true;
    }
    rc = c->host->send_body(
        t->batch, t->bdat ? t->form : t->form | IMPEL_BODY_DOTTED);
    if (rc == IMPEL_E_FULL) {
        c->full = true;
        return false;
    }
    if (rc < 0 && rc != IMPEL_E_AGAIN) {
        r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY,
            "451 4.3.0 [internal] message body unavailable");
        client_fail(c, &r);
        return false;
    }
    t->sending = true;
    if (!t->bdat)
        t->outstanding += final_replies(c);
    wait_for_reply(c);
    return false;
}

/* RFC 2920 3.1: a 354 without any recipient is answered with a lone dot. */
static bool
send_nothing(struct client *c)
{
    out_text(&c->out, ".\r\n");
    c->t.outstanding++;
    c->t.send = STEP_END;
    return true;
}

static bool
send_step(struct client *c)
{
    switch (c->t.send) {
    case STEP_RSET:
        out_text(&c->out, "RSET\r\n");
        c->t.outstanding++;
        c->t.send = STEP_MAIL;
        return true;
    case STEP_MAIL:
        send_mail(c);
        return true;
    case STEP_RCPT:
        send_rcpt(c);
        return true;
    case STEP_DATA:
        return send_data(c);
    case STEP_BODY:
        if (c->t.go && c->t.accepted == 0)
            return send_nothing(c);
        return send_body(c);
    default:
        return false;
    }
}

void
pipeline_pump(struct client *c)
{
    struct transaction *t = &c->t;
    bool more = true;

    while (more && c->state == CLIENT_BUSY && !c->full && !c->lost) {
        /* the octets of a BDAT belong to it; they wait for nobody */
        bool body = t->send == STEP_BODY && (t->bdat || t->go);

        if (!t->pipelined && t->outstanding > 0 && !body)
            break;
        if (out_room(&c->out) < VERB_MAX_COMMAND && !client_flush(c))
            return;
        more = send_step(c);
    }
    if (c->state != CLIENT_DEAD && !c->full && !c->lost)
        (void)client_flush(c); /* a loss is an event of its own */
}

/* The last reply was read and nothing is left to send. */
static void
finish_if_over(struct client *c)
{
    struct impel_result none = {.size = sizeof(none)};

    if (c->t.outstanding > 0 || c->t.send != STEP_END)
        return;
    if (c->t.batch)
        report_rest(c, &none);
    client_finished(c);
}

void
pipeline_body_sent(struct client *c)
{
    c->t.sending = false;
    c->t.body_out = true;
    c->t.send = STEP_END;
    wait_for_reply(c);
    finish_if_over(c);
}

/* Nobody is left to send to: what was not begun is not begun. */
static void
stop_sending(struct client *c)
{
    if (c->t.send <= STEP_DATA)
        c->t.send = STEP_END;
}

static void
read_mail(struct client *c, const struct reply *r)
{
    struct impel_result result;

    c->t.read = STEP_RCPT;
    if (reply_class(r) == 2) {
        c->need_reset = true;
        return;
    }
    result = outcome_reply(r, IMPEL_AT_SENDER);
    c->t.refused = true;
    keep(c, SIZE_MAX, &result);
    stop_sending(c);
}

static void
refuse_rcpt(struct client *c, size_t i, const struct reply *r)
{
    struct impel_result result = outcome_reply(r, IMPEL_AT_RCPT);

    /* enough for one transaction, so the rest may go at once in another */
    if (c->t.accepted > 0 && result.verdict == IMPEL_RETRY &&
        r->status[1] == 5 && r->status[2] == 3)
        result.blame = IMPEL_BLAME_SESSION;
    if (c->t.left == 1) {
        keep(c, i, &result);
        return;
    }
    c->t.left--;
    c->host->rcpt_done(c->t.batch, i, &result);
}

static void
read_rcpt(struct client *c, const struct reply *r)
{
    struct transaction *t = &c->t;
    size_t i = t->read_rcpt;

    t->read_rcpt = next_rcpt(c, i + 1);
    if (t->read_rcpt >= t->envelope->rcpt_count)
        t->read = t->bdat ? STEP_BODY : STEP_DATA;
    if (t->refused)
        return;
    if (reply_class(r) == 2) {
        t->accepted++;
        if (c->module->lmtp)
            c->rcpt[i] = RCPT_TAKEN;
    } else {
        refuse_rcpt(c, i, r);
    }
    if (t->read > STEP_RCPT && t->accepted == 0) {
        t->refused = true;
        stop_sending(c);
    }
}

static void
read_data(struct client *c, const struct reply *r)
{
    struct impel_result result;

    c->t.read = STEP_BODY;
    /* RFC 2033 4.2: DATA for nobody is refused, for no reply would follow it */
    if (reply_class(r) == 3 && c->module->lmtp && c->t.accepted == 0) {
        client_protocol_error(c);
        return;
    }
    if (reply_class(r) == 3) {
        c->t.go = true;
        return;
    }
    c->t.send = STEP_END;
    if (c->t.accepted == 0 || c->t.kept)
        return; /* it only confirms what was said before */
    result = outcome_reply(r, IMPEL_AT_DATA);
    keep(c, SIZE_MAX, &result);
}

/* A verdict while EV_BODY is still to come: the body may be out, and the reply
 * have overtaken the event; or the peer has heard enough.  A small rest is sent
 * to keep the connection, a large one only if that takes no time. */
static void
read_early(struct client *c, const struct impel_result *result)
{
    if (!c->t.kept)
        keep(c, SIZE_MAX, result);
    c->t.early = result->verdict != IMPEL_DELIVERED && !c->t.eager;
}

/* LMTP: the verdict on the next of those that were taken. */
static void
read_final_of_one(struct client *c, const struct reply *r)
{
    struct transaction *t = &c->t;
    struct impel_result result = outcome_reply(r, IMPEL_AT_FINAL);

    while (c->rcpt[c->final] != RCPT_TAKEN)
        c->final++;
    if (result.verdict != IMPEL_DELIVERED)
        result.blame = IMPEL_BLAME_RCPT;
    c->need_reset = t->bdat && reply_class(r) != 2;
    needs_tell(c, &result);
    if (t->outstanding > 0) {
        t->left--;
        c->host->rcpt_done(t->batch, c->final++, &result);
        return;
    }
    t->read = STEP_END;
    keep(c, c->final, &result);
    if (t->send == STEP_END)
        report_rest(c, &result);
}

static void
read_final(struct client *c, const struct reply *r)
{
    struct transaction *t = &c->t;
    struct impel_result result = outcome_reply(r, IMPEL_AT_FINAL);

    t->read = STEP_END;
    /* RFC 3030: after a failed BDAT the transaction must be reset */
    c->need_reset = t->bdat && reply_class(r) != 2;
    if (t->send != STEP_END)
        read_early(c, &result);
    else if (!t->kept)
        report_rest(c, &result);
}

/* May a reply of this class answer the step? */
static bool
class_fits(enum step step, const struct reply *r)
{
    switch (reply_class(r)) {
    case 2:
        return step != STEP_DATA;
    case 3:
        return step == STEP_DATA;
    default:
        return true;
    }
}

/* The peer ends the session: what happened so far counts, and the rest of
 * this message, but no other, is put off. */
static void
read_farewell(struct client *c, const struct reply *r)
{
    struct impel_result result = outcome_reply(
        r, c->t.read == STEP_BODY ? IMPEL_AT_FINAL : pipeline_stage(c));

    result.blame = IMPEL_BLAME_SESSION;
    if (c->t.read == STEP_RSET)
        result.verdict = IMPEL_UNTRIED;
    /* an answer: so the peer has not taken it, whatever was sent */
    if (!c->t.kept)
        keep(c, SIZE_MAX, &result);
    client_fail(c, &result);
}

void
pipeline_reply(struct client *c, const struct reply *r)
{
    struct transaction *t = &c->t;

    if (t->outstanding == 0 || !class_fits(t->read, r)) {
        client_protocol_error(c);
        return;
    }
    t->outstanding--;
    if (t->read != STEP_RSET)
        t->answered = true;
    if (r->code == 421) {
        read_farewell(c, r);
        return;
    }
    switch (t->read) {
    case STEP_RSET:
        if (reply_class(r) == 2) {
            c->need_reset = false;
            t->read = STEP_MAIL;
            break;
        }
        read_farewell(c, r);
        return;
    case STEP_MAIL:
        read_mail(c, r);
        break;
    case STEP_RCPT:
        read_rcpt(c, r);
        break;
    case STEP_DATA:
        read_data(c, r);
        break;
    default:
        if (c->module->lmtp && (t->bdat || t->go))
            read_final_of_one(c, r);
        else
            read_final(c, r);
        break;
    }
    if (c->state != CLIENT_BUSY)
        return;
    wait_for_reply(c);
    finish_if_over(c);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * incoming.c - a message of an MMSC into the intake: its sender, its
 * recipients, its text, the disk; and what the MMSC is told.
 *
 * What makes one known again is the id that the MMSC has for it together with
 * all that it consists of: ids alone are not unique with everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>

#include "server.h"

enum { INCOMING_STEP = 16384 };

/* --- the end of it --- */

static void
incoming_clear(struct server *s)
{
    struct incoming *m = &s->incoming;

    if (m->taking)
        taking_end(&s->module->taking, &m->key);
    text_wipe(&m->letter);
    m->taking = m->committing = false;
    m->in = NULL;
    m->tag++; /* verdicts that still come are of another */
}

void
incoming_drop(struct server *s)
{
    struct incoming *m = &s->incoming;

    if (m->in && !m->committing)
        s->host->intake->abandon(m->in);
    incoming_clear(s);
}

static void
incoming_answer(struct server *s, int status, const char *details)
{
    incoming_drop(s);
    server_answer(s, status, details);
}

/* --- what it is --- */

static struct letter_names
names_of(const struct server *s)
{
    const struct impel_host *h = s->host;
    struct impel_str host = h->info(s->session, IMPEL_INFO_EHLO_NAME);
    struct letter_names n = {
        .from_domain = h->opt_str(s->scope, OPT_FROM_DOMAIN, 0),
        .to_domain = h->opt_str(s->scope, OPT_TO_DOMAIN, 0),
        .from = h->opt_str(s->scope, OPT_FROM_ADDRESS, 0),
        .to = h->opt_str(s->scope, OPT_TO_ADDRESS, 0),
        .host = host};

    if (!n.from_domain.n)
        n.from_domain = host;
    if (!n.to_domain.n)
        n.to_domain = host;
    return n;
}

/* The n-th to send to; false: there are no more, or *wrong. */
static bool
rcpt_at(const struct server *s, const struct letter_names *names, size_t n,
    char to[LETTER_ADDRESS], bool *wrong)
{
    const struct call *c = &s->call;
    size_t seen = 0;

    *wrong = false;
    for (size_t i = 0; i < c->rcpt_count; i++) {
        if (c->rcpt[i].shown || seen++ < n)
            continue;
        *wrong = !letter_address(&c->rcpt[i], names->to_domain, to);
        return !*wrong;
    }
    return seen == 0 && n == 0 && letter_default(names, to);
}

static bool
key_of(struct server *s, const char *sender, const struct letter_names *names)
{
    const struct call *c = &s->call;
    const char *id = c->linked_id[0] ? c->linked_id : c->transaction;
    char rcpt[LETTER_ADDRESS];
    gnutls_hash_hd_t h;
    unsigned char sum[32];
    bool wrong;

    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
        return false;
    (void)gnutls_hash(h, id, strlen(id) + 1);
    (void)gnutls_hash(h, sender, strlen(sender) + 1);
    for (size_t i = 0; rcpt_at(s, names, i, rcpt, &wrong); i++)
        (void)gnutls_hash(h, rcpt, strlen(rcpt) + 1);
    (void)gnutls_hash(h, c->subject, strlen(c->subject) + 1);
    for (size_t i = 0; i < s->body.count; i++)
        (void)gnutls_hash(h, s->body.part[i].body.p, s->body.part[i].body.n);
    gnutls_hash_deinit(h, sum);
    memcpy(s->incoming.key.key, "in/", 4);
    for (int i = 0; i < 32; i++)
        (void)snprintf(s->incoming.key.key + 3 + 2 * i, 3, "%02x", sum[i]);
    return true;
}

/* --- the way in --- */

/* The letter, as far as there is room.  Then the disk. */
void
incoming_goes_on(struct server *s)
{
    struct incoming *m = &s->incoming;
    const struct impel_intake *intake = s->host->intake;
    struct impel_str key = {m->key.key, strlen(m->key.key)}, yes = {"1", 1};
    int64_t wall = (int64_t)time(NULL) * 1000;

    if (!m->in || m->committing || m->judged < m->rcpt_count || !m->kept)
        return;
    while (m->sent < m->letter.n) {
        size_t n = m->letter.n - m->sent;
        int rc;

        if (n > INCOMING_STEP)
            n = INCOMING_STEP;
        rc = intake->body(m->in, m->letter.p + m->sent, n);
        s->no_credit = rc == IMPEL_E_AGAIN;
        if (s->no_credit) {
            if (s->ended)
                server_give_up(s);
            return;
        }
        if (rc < 0) {
            incoming_answer(s, CALL_SERVER_ERROR, "it cannot be stored now");
            return;
        }
        m->sent += n;
    }
    (void)intake->keep(
        m->in, yes, wall + s->host->opt_int(s->scope, OPT_RESEND_TIME));
    if (intake->commit(m->in, key) < 0)
        incoming_answer(s, CALL_SERVER_ERROR, "it cannot be stored now");
    else
        m->committing = true;
}

static void
incoming_name(struct server *s)
{
    struct letter_names names = names_of(s);
    struct incoming *m = &s->incoming;
    char address[LETTER_ADDRESS];
    bool wrong;

    while (rcpt_at(s, &names, m->rcpt_count, address, &wrong)) {
        struct impel_rcpt r = {.size = sizeof(r), .address = line_str(address)};

        m->rcpt_count++;
        if (s->host->intake->recipient(m->in, &r) < 0) {
            incoming_answer(s, CALL_SERVER_ERROR, "no recipients now");
            return;
        }
    }
    if (wrong)
        incoming_answer(
            s, CALL_ADDRESS_ERROR, "a recipient that is no address of mail");
    else if (!m->rcpt_count)
        incoming_answer(s, CALL_ADDRESS_ERROR, "no recipient");
}

static void
incoming_judged(struct server *s, const struct impel_result *r)
{
    struct incoming *m = &s->incoming;

    m->judged++;
    if (r->verdict == IMPEL_DELIVERED)
        m->kept++;
    else if (r->verdict == IMPEL_RETRY)
        m->later = true;
    if (m->judged < m->rcpt_count)
        return;
    /* one that may be taken later: then all of it, so that nobody has it
     * twice */
    if (m->later)
        incoming_answer(s, CALL_SERVER_ERROR, "a recipient cannot be had now");
    else if (!m->kept)
        incoming_answer(s, CALL_NO_ADDRESS, "no such recipient here");
    else
        incoming_goes_on(s);
}

static void
incoming_stored(struct server *s, const struct impel_result *r)
{
    struct incoming *m = &s->incoming;
    bool partly = m->kept < m->rcpt_count;

    m->in = NULL;
    if (r->verdict == IMPEL_DELIVERED) {
        s->host->count(s->module->instance, COUNT_MESSAGES, 1);
        incoming_answer(s, partly ? CALL_PARTLY : CALL_SUCCESS, NULL);
    } else if (r->verdict == IMPEL_RETRY) {
        incoming_answer(s, CALL_SERVER_ERROR, "it cannot be stored now");
    } else {
        incoming_answer(s, CALL_REJECTED, "the message is refused");
    }
}

void
incoming_verdict(
    struct server *s, uint64_t tag, size_t rcpt, const struct impel_result *r)
{
    struct incoming *m = &s->incoming;

    if (!m->in || tag != m->tag)
        return;
    if (r->code == 421) /* such as a filter's: its answer is the last */
        s->leaving = true;
    if (r->stage == IMPEL_AT_FINAL)
        incoming_stored(s, r);
    else if (rcpt != SIZE_MAX)
        incoming_judged(s, r);
    else if (r->verdict == IMPEL_DELIVERED)
        incoming_name(s);
    else
        incoming_answer(s,
            r->verdict == IMPEL_RETRY ? CALL_SERVER_ERROR : CALL_REJECTED,
            "the sender is refused");
}

/* --- the beginning --- */

static void
incoming_ask(struct server *s, const char *sender)
{
    struct incoming *m = &s->incoming;
    const struct impel_intake *intake = s->host->intake;
    struct impel_sender from = {.size = sizeof(from),
        .address = line_str(sender),
        .declared_size = (int64_t)m->letter.n};

    m->in = intake->begin(s->session, ++m->tag);
    if (!m->in) {
        incoming_answer(s, CALL_SERVER_ERROR, "not now");
        return;
    }
    (void)intake->set_meta(m->in, line_str("protocol"), line_str("mm7"));
    if (intake->sender(m->in, &from) < 0)
        incoming_answer(s, CALL_SERVER_ERROR, "not now");
}

void
incoming_begin(struct server *s)
{
    struct incoming *m = &s->incoming;
    struct letter_names names = names_of(s);
    char sender[LETTER_ADDRESS];
    const char *wrong;

    m->sent = m->rcpt_count = m->judged = m->kept = 0;
    m->later = m->committing = m->taking = false;
    if (!letter_sender(&s->call, &names, sender)) {
        server_answer(
            s, CALL_ADDRESS_ERROR, "the sender is no address of mail");
        return;
    }
    wrong = letter_write(
        &s->call, &s->body, &names, (int64_t)time(NULL), &m->letter);
    if (!wrong && !key_of(s, sender, &names))
        wrong = mime_no_memory;
    if (wrong) {
        incoming_answer(s,
            wrong == mime_no_memory ? CALL_SERVER_ERROR : CALL_FORMAT, wrong);
        return;
    }
    m->taking = taking_begin(&s->module->taking, &m->key);
    if (!m->taking) {
        incoming_answer(
            s, CALL_SERVER_ERROR, "it is being stored on another connection");
    } else if (s->host->state_get(s->module->instance, line_str(m->key.key))
                   .p) {
        s->host->count(s->module->instance, COUNT_KNOWN, 1);
        incoming_answer(s, CALL_SUCCESS, "taken before");
    } else {
        incoming_ask(s, sender);
    }
}

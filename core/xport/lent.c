/* SPDX-License-Identifier: Apache-2.0
 *
 * lent.c - a batch while the module has it: the envelope it sees, and the
 * account of its recipients: each is reported exactly once.
 */
#include "xport/session_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

static struct impel_str
lent_str(struct str s)
{
    return (struct impel_str){s.p, s.n};
}

/* An ended one of the session, oldest first, so that a late second report
 * still meets it ended; or a new one. */
static struct impel_batch *
lent_get(struct impel_session *s, size_t rcpt_count)
{
    struct list *node = list_take(&s->spare);
    struct impel_batch *b;

    if (node) {
        b = LIST_ENTRY(node, struct impel_batch, node);
    } else {
        b = xnew(struct impel_batch);
        b->magic = LENT_MAGIC;
        b->session = s;
    }
    if (b->room < rcpt_count) {
        b->rcpt = xgrow(b->rcpt, rcpt_count, sizeof(*b->rcpt));
        b->rcpt_ptr = xgrow(b->rcpt_ptr, rcpt_count, sizeof(*b->rcpt_ptr));
        b->room = rcpt_count;
    }
    return b;
}

static void
lent_fill(struct impel_batch *b, const struct batch *batch)
{
    const struct envelope *env = &batch->sent->env;

    for (uint32_t i = 0; i < batch->rcpt_count; i++) {
        const struct rcpt *r = &env->rcpt[batch->rcpt[i]];

        b->rcpt[i] = (struct impel_rcpt){.size = sizeof(b->rcpt[i]),
            .notify = r->notify,
            .address = lent_str(r->address),
            .original = lent_str(r->original),
            .number = batch->rcpt[i]};
        b->rcpt_ptr[i] = &b->rcpt[i];
    }
    message_id_print(batch->message->id, b->id);
    b->envelope = (struct impel_envelope){.size = sizeof(b->envelope),
        .needs = env->needs & ~MESSAGE_ANY_TLS,
        .id = lent_str(str_of(b->id)),
        .sender = lent_str(env->sender),
        .envid = lent_str(env->envid),
        .received = env->received,
        .deadline = env->deadline,
        .ret = env->ret,
        .attempt = batch->attempt,
        .rcpt_count = batch->rcpt_count,
        .rcpt = b->rcpt_ptr,
        .client_addr = lent_str(env->peer_addr),
        .client_helo = lent_str(env->helo),
        .client_login = lent_str(env->login),
        .client_proto = lent_str(env->protocol),
        .client_port = env->peer_port,
        .by = env->by};
}

struct impel_batch *
lent_open(struct impel_session *s, struct batch *batch)
{
    struct impel_batch *b;

    CHECK(batch, BATCH_MAGIC);
    b = lent_get(s, batch->rcpt_count);
    b->batch = batch;
    b->left = batch->rcpt_count;
    b->mine = NULL;
    b->opened = s->writes;
    b->cancel_due = b->cancelled = b->body_due = b->taken_back = false;
    lent_fill(b, batch);
    batch->lent = b;
    batch->begun_at = clock_mono(); /* the turn may be a long one */
    list_push(&s->open, &b->node);
    s->open_count++;
    tracer_lent(s, batch);
    if (s->open_count == 1) {
        s->overdue = false;
        session_watch(s);
    }
    return b;
}

void
lent_begun(struct impel_session *s)
{
    if (!s->current)
        s->writes++; /* lent_is_begun() sees whether that was in its time */
    else if (s->current->batch)
        s->current->batch->begun = true;
}

bool
lent_is_begun(const struct impel_batch *b)
{
    return b->batch->begun || b->opened != b->session->writes;
}

/* The last recipient was reported: the batch goes home. */
static void
lent_end(struct impel_batch *b)
{
    struct impel_session *s = b->session;
    struct batch *batch = b->batch;

    batch->begun = lent_is_begun(b);
    body_end(b);
    list_remove(&b->node);
    list_push(&s->spare, &b->node);
    b->batch = NULL;
    b->body_due = b->cancel_due = false;
    batch->lent = NULL;
    batch->done_at = clock_mono();
    s->open_count--;
    if (s->state == SESSION_OPEN) {
        s->overdue = false;
        session_watch(s);
    }
    s->kind->back(s, batch);
    session_kick(s);
}

static void
lent_report(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    struct impel_session *s = b->session;
    struct result *to = &b->batch->result[i];
    bool awaited = to->awaited;

    if (result_copy(to, r) < 0) {
        session_broken(s, "a result without a verdict");
        result_set(to, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL, 451,
            "4.3.0", "[internal] module gave no result");
    }
    to->awaited = awaited && to->verdict == IMPEL_DELIVERED;
    if (s->tls_said)
        to->tls = xdup(s->tls_said);
    if (to->verdict != IMPEL_UNTRIED)
        b->batch->begun = true;
    b->left--;
}

void
lent_rcpt_done(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    struct impel_session *s;

    CHECK(b, LENT_MAGIC);
    s = b->session;
    if (b->taken_back)
        return;
    if (!b->batch)
        return session_broken(s, "a report after the last one of its batch");
    if (i >= b->batch->rcpt_count)
        return session_broken(s, "a report of a recipient that is not there");
    if (b->batch->result[i].verdict)
        return session_broken(s, "a recipient reported twice");
    lent_report(b, i, r);
    if (!b->left)
        lent_end(b);
}

void
lent_rest_done(struct impel_batch *b, const struct impel_result *r)
{
    CHECK(b, LENT_MAGIC);
    if (b->taken_back)
        return;
    if (!b->batch)
        return session_broken(
            b->session, "a report after the last one of its batch");
    for (uint32_t i = 0; i < b->batch->rcpt_count; i++) {
        if (!b->batch->result[i].verdict)
            lent_report(b, i, r);
    }
    lent_end(b);
}

void
lent_abandon(struct impel_session *s, const char *text)
{
    struct list *node;
    char *words;

    if (list_empty(&s->open))
        return;
    words = xprintf("[internal] module %s %s", s->module->name, text);
    while ((node = list_first(&s->open)) != NULL) {
        struct impel_batch *b = LIST_ENTRY(node, struct impel_batch, node);

        log_warn(LOG_MOD, "reports-missing",
            "module=%s session=%016" PRIx64 " message=%s count=%u",
            s->module->name, s->id, b->id, b->left);
        batch_fill(b->batch, IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            451, "4.4.2", words);
        b->left = 0;
        lent_end(b);
    }
    free(words);
}

void
lent_take_back(struct impel_batch *b, int verdict, int code, const char *status,
    const char *text)
{
    batch_fill(b->batch, verdict, IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY, code,
        status, text);
    b->left = 0;
    b->taken_back = true;
    lent_end(b);
}

void
lent_cancel_all(struct impel_session *s)
{
    struct list *it;

    LIST_FOREACH (it, &s->open) {
        LIST_ENTRY(it, struct impel_batch, node)->cancel_due = true;
    }
    session_mark(s, PENDING_CANCEL);
}

void
lent_free_spare(struct impel_session *s)
{
    struct list *node;

    while ((node = list_take(&s->spare)) != NULL) {
        struct impel_batch *b = LIST_ENTRY(node, struct impel_batch, node);

        b->magic = 0;
        free(b->rcpt);
        free(b->rcpt_ptr);
        free(b);
    }
}

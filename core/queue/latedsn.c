/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/latedsn.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/err.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "queue/dsn.h"
#include "queue/maillog.h"
#include "queue/notice.h"
#include "queue/queue_options.h"
#include "queue/scheduler_int.h"
#include "base/banned.h"

enum latedsn_how { LATEDSN_NO, LATEDSN_AGAIN, LATEDSN_LOG, LATEDSN_DSN };

struct latedsn { /* what is done about one word: late.work */
    struct scheduler *s;
    struct late *late;
    struct generation *generation;
    const struct scope *scope;
    struct buf record, next; /* the value, and as it will be */
    struct awaited awaited;  /* in record */
    struct message *about;
    enum latedsn_how how;
};

static void latedsn_run(void *arg);

/* --- the end --- */

static const char *
how_text(enum latedsn_how how)
{
    static const char *const texts[] = {"no", "before", "log", "dsn"};

    return texts[how];
}

/* As the bouncelog has a bounce that comes as mail. */
static void
latedsn_record(struct latedsn *d)
{
    const struct awaited *a = &d->awaited;
    struct result *r = &d->late->result;
    struct maillog_report record = {.id = a->id + a->number,
        .original = a->address,
        .sender = a->sender,
        .binding = a->binding,
        .group = generation_binding_group(d->generation, a->binding),
        .peer_addr = STR(""),
        .delayed = r->verdict == IMPEL_RETRY,
        .result = r,
        .text = str_of(r->text ? r->text : "")};

    if (r->verdict == IMPEL_FAILED || r->verdict == IMPEL_RETRY)
        maillog_reported(&record);
}

static void
latedsn_log(struct latedsn *d)
{
    const struct awaited *a = &d->awaited;
    const struct result *r = &d->late->result;
    struct buf text = BUF_INIT;
    char id[MESSAGE_ID_SIZE];

    message_id_print(a->id + a->number, id);
    result_print(r, &text);
    const struct log_pair pairs[] = {{STR("module"), str_of(d->late->module)},
        {STR("message"), str_of(id)}, {STR("rcpt"), a->address},
        {STR("verdict"), str_of(result_verdict_name(r->verdict))},
        {STR("told"), str_of(how_text(d->how))}, {STR("text"), buf_get(&text)},
        {STR(""), str_of(r->info ? r->info : "")}};
    log_pairs(LOG_LEVEL_NOTICE, LOG_MOD, "late-report", pairs,
        r->info ? ARRAY_SIZE(pairs) : ARRAY_SIZE(pairs) - 1);
    buf_fini(&text);
    if (d->how == LATEDSN_LOG || d->how == LATEDSN_DSN)
        latedsn_record(d);
}

static void
latedsn_free(struct latedsn *d)
{
    d->late->work = NULL;
    if (d->about)
        message_unref(&d->about);
    generation_unref(&d->generation);
    buf_fini(&d->record);
    buf_fini(&d->next);
    free(d);
}

/* Another word with its key may begin. */
static void
latedsn_end(struct latedsn *d, bool stored)
{
    struct scheduler *s = d->s;
    struct late *l = d->late;

    if (stored)
        latedsn_log(d);
    latedsn_free(d);
    list_remove(&l->node);
    l->done(l, stored);
    if (!list_empty(&s->lates))
        defer_post(s->loop, &s->late_turn, latedsn_run, s, "late reports");
}

/* --- what is to be told --- */

/* As much of the message as a notification speaks of. */
static struct message *
latedsn_message(const struct awaited *a)
{
    struct message *m = message_new(a->id);
    struct rcpt *r = arena_alloc(m->arena, sizeof(*r));
    size_t at = str_rchr(a->address, '@');

    *r = (struct rcpt){
        .address = message_str(m, a->address), .notify = a->notify};
    r->domain = at == SIZE_MAX ? STR("") : str_from(r->address, at + 1);
    if (a->original.p)
        r->original = message_str(m, a->original);
    m->env.sender = message_str(m, a->sender);
    if (a->envid.p)
        m->env.envid = message_str(m, a->envid);
    m->env.received = a->received;
    m->env.needs = a->needs & ~(uint32_t)IMPEL_NEED_BINARY;
    m->env.rcpt = r;
    m->env.rcpt_count = 1;
    return m;
}

static enum dsn_action
latedsn_action(const struct latedsn *d)
{
    switch (d->late->result.verdict) {
    case IMPEL_DELIVERED:
        return DSN_DELIVERED;
    case IMPEL_RETRY:
        return DSN_DELAYED;
    default:
        return DSN_FAILED;
    }
}

/* Delays are told to those who have asked for that: how long this one lasts is
 * not ours to say. */
static bool
latedsn_is_wanted(const struct latedsn *d)
{
    enum dsn_action action = latedsn_action(d);
    const struct rcpt *r = &d->about->env.rcpt[0];

    if (scope_int(d->scope, OPT(queue_options, QUEUE_LATE_REPORTS)) !=
        QUEUE_LATE_DSN)
        return false;
    if (action == DSN_FAILED &&
        !scope_int(d->scope, OPT(queue_options, QUEUE_GENERATE_BOUNCES)))
        return false;
    if (action == DSN_DELAYED && !(r->notify & NOTIFY_DELAY))
        return false;
    return dsn_is_wanted(r, action) &&
        dsn_address(d->about, d->scope, action).n > 0;
}

static enum latedsn_how
latedsn_how(const struct latedsn *d)
{
    uint32_t last = 1u << IMPEL_DELIVERED | 1u << IMPEL_FAILED;
    int verdict = d->late->result.verdict;

    if (verdict == IMPEL_UNTRIED)
        return LATEDSN_NO;
    if (d->awaited.told & (last | 1u << verdict))
        return LATEDSN_AGAIN;
    return latedsn_is_wanted(d) ? LATEDSN_DSN : LATEDSN_LOG;
}

/* --- telling it --- */

static void
latedsn_told(void *arg, bool stored)
{
    latedsn_end(arg, stored);
}

static void
latedsn_durable(void *arg)
{
    latedsn_end(arg, true);
}

static void
latedsn_store(struct latedsn *d)
{
    struct spool_value v = awaited_value(
        buf_get(&d->late->key), buf_get(&d->next), d->awaited.expiry);
    struct err e = {0};

    if (spool_state_put_told(d->s->spool, v.ns, v.key, v.value, v.expiry,
            latedsn_durable, d, &e) == 0)
        return;
    log_warn(LOG_MOD, "state-put-failed", "module=%s reason=\"%s\"",
        d->late->module, e.text);
    latedsn_end(d, false);
}

static void
latedsn_tell(struct latedsn *d)
{
    struct notice_late tell = {.generation = d->generation,
        .scope = d->scope,
        .binding = d->awaited.binding,
        .about = d->about,
        .action = latedsn_action(d),
        .result = &d->late->result,
        .with = awaited_value(
            buf_get(&d->late->key), buf_get(&d->next), d->awaited.expiry),
        .done = latedsn_told,
        .arg = d};

    notice_late(d->s, &tell);
}

static void
latedsn_go(struct latedsn *d)
{
    struct awaited next = d->awaited;

    d->how = latedsn_how(d);
    if (d->how == LATEDSN_NO || d->how == LATEDSN_AGAIN) {
        latedsn_end(d, true);
        return;
    }
    next.told |= 1u << d->late->result.verdict;
    awaited_print(&next, &d->next);
    if (d->how == LATEDSN_DSN)
        latedsn_tell(d);
    else
        latedsn_store(d);
}

/* --- beginning --- */

static void
latedsn_begin(struct scheduler *s, struct late *l)
{
    struct latedsn *d = xnew(struct latedsn);

    d->s = s;
    d->late = l;
    d->generation = generation_ref(s->generation);
    l->work = d;
    if (s->draining ||
        awaited_get(s->spool, buf_get(&l->key), &d->record, &d->awaited) < 0) {
        latedsn_end(d, false); /* it has expired since */
        return;
    }
    d->about = latedsn_message(&d->awaited);
    d->scope = generation_scope(
        s->generation, d->awaited.binding, d->about->env.rcpt[0].domain);
    latedsn_go(d);
}

/* Two words of one key would change one value. */
static bool
latedsn_is_busy(const struct scheduler *s, const struct buf *key)
{
    struct list *it;

    LIST_FOREACH (it, &s->lates) {
        const struct late *l = LIST_ENTRY(it, struct late, node);

        if (l->work && str_eq(buf_get(&l->key), buf_get(key)))
            return true;
    }
    return false;
}

static void
latedsn_run(void *arg)
{
    struct scheduler *s = arg;
    struct list *it, *next;

    LIST_FOREACH_SAFE (it, next, &s->lates) {
        struct late *l = LIST_ENTRY(it, struct late, node);

        if (!l->work && !latedsn_is_busy(s, &l->key))
            latedsn_begin(s, l);
    }
}

void
latedsn_take(void *arg, struct late *l)
{
    struct scheduler *s = arg;

    CHECK(s, SCHEDULER_MAGIC);
    list_push(&s->lates, &l->node);
    defer_post(s->loop, &s->late_turn, latedsn_run, s, "late reports");
}

void
latedsn_fini(struct scheduler *s)
{
    struct list *node;

    defer_cancel(&s->late_turn);
    while ((node = list_take(&s->lates)) != NULL) {
        struct late *l = LIST_ENTRY(node, struct late, node);

        if (l->work)
            latedsn_free(l->work);
        l->done(l, false);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tlssend.c - a report on its way: the domain is asked once more where to, then
 * each place gets it that does not have it yet, one after the other.
 */
#include "queue/tlsrpt_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/maillog.h"
#include "queue/tlsrpt_options.h"
#include "route/binding.h"
#include "spool/content.h"
#include "base/banned.h"

enum { POST_TIMEOUT_MS = 60000, POST_ANSWER_MOST = 16 << 10 };

struct sending { /* an attempt */
    struct errand *x;
    struct generation *generation;
    char *from; /* what x->report points to besides */
    struct tlsreport report;
    struct dns_question *question;
    struct tlsrua rua;
    size_t at; /* the place it is at */
    size_t failed;
    struct buf packed;
    char why[200]; /* of the last failure */
    /* by mail */
    struct message *message;
    struct content_builder *builder;
    struct spool_accept accept;
    bool accepting;
    /* by HTTPS */
    struct fetch *fetch;
};

static void sending_next(struct sending *g);

/* --- errands --- */

struct errand *
tlssend_new(struct tlsrpt *t, struct tlstally *tally, uint64_t id, int64_t due)
{
    struct errand *x = xnew(struct errand);

    x->t = t;
    x->tally = tally;
    x->id = id;
    t->errand_count++;
    t->bytes += tally->bytes;
    list_push(&t->all_errands, &x->node);
    heap_set(&t->errands, &x->due, due);
    tlsrpt_wake(t, MAX_OF(due - clock_wall(), (int64_t)0));
    return x;
}

void
tlssend_note(struct errand *x, struct str place)
{
    x->sent = xgrow(x->sent, x->sent_count + 1, sizeof(*x->sent));
    x->sent[x->sent_count++] = str_make(xdupn(place.p, place.n), place.n);
}

static void
sending_free(struct sending *g)
{
    BUG_ON(g->accepting);
    if (g->question)
        dns_cancel(&g->question);
    fetch_cancel(&g->fetch);
    if (g->builder)
        content_builder_abandon(&g->builder);
    if (g->message)
        message_unref(&g->message);
    g->x->sending = NULL;
    g->x->t->sending--;
    tlsrpt_wake(g->x->t, 0);
    tlsrua_fini(&g->rua);
    buf_fini(&g->packed);
    generation_unref(&g->generation);
    free(g->from);
    free(g);
}

void
tlssend_free(struct errand *x)
{
    struct tlsrpt *t = x->t;

    if (x->sending)
        sending_free(x->sending);
    heap_remove(&t->errands, &x->due);
    list_remove(&x->node);
    t->errand_count--;
    t->bytes -= x->tally->bytes;
    tlstally_free(&x->tally);
    for (size_t i = 0; i < x->sent_count; i++)
        free((void *)(uintptr_t)x->sent[i].p);
    free(x->sent);
    free(x);
}

static bool
errand_has(const struct errand *x, struct str place)
{
    for (size_t i = 0; i < x->sent_count; i++)
        if (str_eq(x->sent[i], place))
            return true;
    return false;
}

/* --- what it says --- */

/* What the options say, and what stands for what they do not say.  Returns the
 * text that *to points into, to be freed. */
static char *
report_of(const struct tlstally *tally, uint64_t id, struct generation *g,
    struct tlsreport *to)
{
    const struct scope *s = generation_global(g);
    struct str from = scope_str(s, OPT(tlsrpt_options, TLSRPT_FROM));
    struct str contact = scope_str(s, OPT(tlsrpt_options, TLSRPT_CONTACT));
    struct str who = scope_str(s, OPT(tlsrpt_options, TLSRPT_ORGANIZATION));
    char *text;

    text = from.n ? xdupn(from.p, from.n)
                  : xprintf("tlsrpt@%.*s", STR_ARG(binding_hostname(s)));
    *to = (struct tlsreport){.tally = tally, .from = str_of(text), .id = id};
    to->contact = contact.n ? contact : to->from;
    to->organization = who.n ? who : tlsreport_submitter(to);
    return text;
}

void
tlssend_print(const struct tlsrpt *t, const struct tlstally *tally, uint64_t id,
    struct buf *to)
{
    struct tlsreport r;
    char *from = report_of(tally, id, t->c.generation, &r);

    tlsreport_print(&r, to);
    free(from);
}

/* --- the end of an attempt --- */

static int64_t
retry_wait(uint32_t tries)
{
    int64_t wait = TLSRPT_FIRST_RETRY_MS;

    for (uint32_t i = 1; i < tries && wait < TLSRPT_MOST_RETRY_MS; i++)
        wait *= 2;
    return MIN_OF(wait, (int64_t)TLSRPT_MOST_RETRY_MS);
}

static void
errand_over(struct errand *x)
{
    tlsstore_drop_errand(x);
    tlssend_free(x);
}

/* Again later, or it is given up. */
static void
sending_failed(struct sending *g)
{
    struct errand *x = g->x;
    struct tlsrpt *t = x->t;
    int64_t now = clock_wall(), next = now + retry_wait(x->tries);

    log_notice(LOG_QUEUE, "tls-report-failed",
        "domain=%s report=%llx tries=%u reason=\"%s\"", x->tally->domain,
        (unsigned long long)x->id, x->tries, g->why);
    sending_free(g);
    if (next - x->first > TLSRPT_GIVE_UP_MS) {
        t->stats.given_up++;
        log_warn(LOG_QUEUE, "tls-report-given-up", "domain=%s report=%llx",
            x->tally->domain, (unsigned long long)x->id);
        errand_over(x);
        return;
    }
    t->stats.retries++;
    heap_set(&t->errands, &x->due, next);
    tlsstore_put_errand(x);
    tlsrpt_wake(t, next - now);
}

static void
place_failed(struct sending *g, const char *why)
{
    (void)str_copy(g->why, sizeof(g->why), str_of(why));
    g->failed++;
    g->at++;
    sending_next(g);
}

static void
place_done(struct sending *g)
{
    const struct tlsrua_place *p = &g->rua.place[g->at];
    struct errand *x = g->x;

    if (p->https)
        x->t->stats.posted++;
    else
        x->t->stats.mailed++;
    log_info(LOG_QUEUE, "tls-report-sent",
        "domain=%s report=%llx to=\"%s\" successful=%llu failed=%llu",
        x->tally->domain, (unsigned long long)x->id, p->to,
        (unsigned long long)x->tally->good, (unsigned long long)x->tally->bad);
    tlssend_note(x, str_of(p->to));
    tlsstore_put_errand(x);
    g->at++;
    sending_next(g);
}

/* --- by mail --- */

static void
mail_stored(struct spool_accept *a, int result, const struct err *e)
{
    struct sending *g = CONTAINER_OF(a, struct sending, accept);
    struct tlsrpt *t = g->x->t;

    g->accepting = false;
    t->accepting--;
    if (result == 0)
        maillog_reception(g->message, t->c.generation);
    message_unref(&g->message);
    if (t->stopped) {
        if (result == 0)
            tlssend_note(g->x, str_of(g->rua.place[g->at].to));
        tlsstore_put_errand(g->x);
        sending_free(g);
        if (!t->accepting && t->c.idle)
            t->c.idle(t->c.idle_arg);
    } else if (result < 0) {
        place_failed(g, e ? e->text : "not stored");
    } else {
        place_done(g);
    }
}

static void
mail_finish(struct sending *g)
{
    content_builder_finish(&g->builder, g->message);
    g->accepting = true;
    g->x->t->accepting++;
    g->accept = (struct spool_accept){.message = g->message,
        .home = loop_mailbox(g->x->t->c.loop),
        .done = mail_stored};
    spool_accept(g->x->t->c.spool, &g->accept);
}

static void
mail_room(void *arg, int result)
{
    struct sending *g = arg;

    if (result == 0) {
        mail_finish(g);
        return;
    }
    content_builder_abandon(&g->builder);
    message_unref(&g->message);
    place_failed(g, "the spool has no room");
}

/* It goes whatever TLS is like there, is nobody's bounce, and is worth nothing
 * after a day. */
static void
mail_envelope(struct sending *g, struct str to)
{
    struct message *m = g->message;
    struct rcpt *r = arena_alloc(m->arena, sizeof(*r));
    struct envelope *env = &m->env;
    struct str binding = scope_str(
        generation_global(g->generation), OPT(tlsrpt_options, TLSRPT_BINDING));
    struct buf domain = BUF_INIT;

    (void)idna_fold(str_from(to, str_rchr(to, '@') + 1), &domain);
    *r = (struct rcpt){.address = message_str(m, to),
        .domain = message_str(m, buf_get(&domain)),
        .notify = NOTIFY_NEVER};
    buf_fini(&domain);
    env->sender = message_str(m, g->report.from);
    env->received = clock_wall();
    env->deadline = env->received + TLSRPT_GIVE_UP_MS;
    env->binding = message_str(m, binding.p ? binding : STR(""));
    env->protocol = STR("internal");
    env->needs = MESSAGE_ANY_TLS;
    env->rcpt = r;
    env->rcpt_count = 1;
}

static void
send_mail(struct sending *g, struct str to)
{
    struct spool *spool = g->x->t->c.spool;
    uint64_t id = spool_next_ids(spool, 1);
    struct buf text = BUF_INIT;
    struct err e = {0};
    int rc;

    g->message = message_new(id);
    mail_envelope(g, to);
    g->builder = content_builder_new(
        spool, id, loop_mailbox(g->x->t->c.loop), mail_room, g);
    tlsreport_print_mail(&g->report, buf_get(&g->packed), to, id,
        g->message->env.received, &text);
    rc = content_builder_add(g->builder, text.p, text.n, &e);
    buf_fini(&text);
    if (rc == 0) {
        mail_finish(g);
    } else if (rc != ERR_AGAIN) {
        content_builder_abandon(&g->builder);
        message_unref(&g->message);
        place_failed(g, e.text);
    }
}

/* --- by HTTPS --- */

static void
post_done(void *arg, const struct fetch_answer *a)
{
    struct sending *g = arg;
    char why[200];

    g->fetch = NULL;
    if (a->outcome == FETCH_ANSWERED && a->status / 100 == 2) {
        place_done(g);
        return;
    }
    if (a->outcome == FETCH_ANSWERED)
        (void)snprintf(why, sizeof(why), "HTTP status %d", a->status);
    else
        (void)snprintf(why, sizeof(why), "%s: %s",
            fetch_outcome_name(a->outcome), a->error);
    place_failed(g, why);
}

static void
send_post(struct sending *g, const char *url)
{
    static const struct fetch_header type = {
        STR("Content-Type"), STR("application/tlsrpt+gzip")};
    struct fetch_request r = {.method = "POST",
        .url = url,
        .body = buf_get(&g->packed),
        .header_count = 1,
        .header = &type,
        .timeout_ms = POST_TIMEOUT_MS,
        .most = POST_ANSWER_MOST};
    struct tlsrpt *t = g->x->t;
    struct err e = {0};

    if (!t->c.fetcher) {
        place_failed(g, "there is no HTTPS here");
        return;
    }
    g->fetch = fetch_begin(t->c.fetcher, t->c.loop, &r, post_done, g, &e);
    if (!g->fetch)
        place_failed(g, e.text);
}

/* --- an attempt --- */

/* The next place, or the end. */
static void
sending_next(struct sending *g)
{
    struct errand *x = g->x;
    const struct tlsrua_place *p;

    while (
        g->at < g->rua.count && errand_has(x, str_of(g->rua.place[g->at].to)))
        g->at++;
    if (g->at == g->rua.count) {
        if (g->failed) {
            sending_failed(g);
            return;
        }
        sending_free(g);
        errand_over(x);
        return;
    }
    p = &g->rua.place[g->at];
    if (p->https)
        send_post(g, p->to);
    else
        send_mail(g, str_of(p->to));
}

static int
sending_pack(struct sending *g, struct err *e)
{
    struct buf json = BUF_INIT;
    int rc;

    g->from = report_of(g->x->tally, g->x->id, g->generation, &g->report);
    tlsreport_print(&g->report, &json);
    rc = tlsreport_pack(buf_get(&json), &g->packed, e);
    buf_fini(&json);
    return rc;
}

static void
sending_answer(void *arg, const struct dns_answer *a)
{
    struct sending *g = arg;
    struct errand *x = g->x;
    struct err e = {0};
    int rc = tlsrpt_read(a, &g->rua, &e);

    g->question = NULL;
    if (rc == 0)
        rc = sending_pack(g, &e) < 0 ? ERR_AGAIN : 0;
    if (rc == 0) {
        sending_next(g);
    } else if (rc == ERR_AGAIN) {
        (void)str_copy(g->why, sizeof(g->why), str_of(e.text));
        sending_failed(g);
    } else {
        log_info(LOG_QUEUE, "tls-report-unwanted", "domain=%s reason=\"%s\"",
            x->tally->domain, e.text);
        sending_free(g);
        errand_over(x);
    }
}

static void
sending_begin(struct errand *x)
{
    struct tlsrpt *t = x->t;
    struct sending *g = xnew(struct sending);

    heap_remove(&t->errands, &x->due);
    g->x = x;
    g->generation = generation_ref(t->c.generation);
    x->sending = g;
    x->tries++;
    if (!x->first)
        x->first = MAX_OF(clock_wall(), (int64_t)1);
    t->sending++;
    g->question = tlsrpt_ask(t, str_of(x->tally->domain), sending_answer, g);
}

void
tlssend_run(struct tlsrpt *t)
{
    int64_t now = clock_wall();
    struct heap_node *first;

    while (t->sending < TLSRPT_AT_ONCE &&
        (first = heap_first(&t->errands)) != NULL && first->when <= now)
        sending_begin(CONTAINER_OF(first, struct errand, due));
}

int64_t
tlssend_next(const struct tlsrpt *t)
{
    const struct heap_node *first = heap_first(&t->errands);

    return first ? first->when : INT64_MAX;
}

/* What is on its way to the spool stays until that has answered. */
void
tlssend_stop(struct tlsrpt *t)
{
    struct list *n;

    LIST_FOREACH (n, &t->all_errands) {
        struct errand *x = LIST_ENTRY(n, struct errand, node);

        if (!x->sending)
            continue;
        heap_set(&t->errands, &x->due, clock_wall());
        tlsstore_put_errand(x);
        if (!x->sending->accepting)
            sending_free(x->sending);
    }
}

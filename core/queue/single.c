/* SPDX-License-Identifier: Apache-2.0
 *
 * single.c - the console's verbs about one message: details, retry, fail.
 */
#include "queue/logrecord.h"
#include "queue/print.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/xmem.h"
#include "queue/doom.h"
#include "queue/explain.h"
#include "queue/outcome.h"
#include "queue/queue.h"
#include "queue/settle.h"
#include "spool/content.h"
#include "spool/render.h"
#include "base/banned.h"

enum { DETAILS_BODY_MOST = 1024 * 1024 };

static void
single_reply(const struct scheduler_ask *ask, const char *text, uint64_t count)
{
    const struct err ok = {0};
    struct buf b = BUF_INIT;

    if (ask->json)
        print_json(json_pack("{s:s,s:I}", "result", text, "parcels",
                       (json_int_t)count),
            &b);
    else
        buf_printf(&b, "%s\n", text);
    ask->reply(ask->arg, buf_get(&b), &ok);
    buf_fini(&b);
}

static void
single_refuse(const struct scheduler_ask *ask, uint64_t id)
{
    char text[MESSAGE_ID_SIZE];
    struct err e;

    message_id_print(id, text);
    (void)err_set(&e, ERR_NOTFOUND, "message %s is not queued", text);
    ask->reply(ask->arg, STR(""), &e);
}

/* Does the verb mean this parcel?  An id with a recipient's index means the
 * parcel with that recipient. */
static bool
single_means(const struct parcel *p, uint32_t rcpt)
{
    if (rcpt == UINT32_MAX)
        return true;
    for (uint32_t i = 0; i < p->rcpt_count; i++)
        if (parcel_rcpt(p)[i] == rcpt)
            return true;
    return false;
}

void
scheduler_message_retry(
    struct scheduler *s, uint64_t id, const struct scheduler_ask *ask)
{
    uint32_t rcpt;
    struct parcel *p = print_find(s, id, &rcpt);
    uint64_t count = 0;

    if (!p) {
        single_refuse(ask, id);
        return;
    }
    for (; p; p = parcel_next(p)) {
        if (p->state != PARCEL_DELAYED || !single_means(p, rcpt))
            continue;
        p->flags |= PARCEL_LAST_TRY;
        queue_reschedule(p, MIN_OF(p->in.due.when, clock_wall()));
        count++;
    }
    single_reply(ask,
        count ? "Message requeued for delivery"
              : "Message is in the active queue already",
        count);
}

struct single { /* that is failing */
    struct scheduler_ask ask;
    struct doom *doom;
    uint64_t count;
    struct settle settle;
};

static void
single_settled(struct settle *w)
{
    struct single *one = CONTAINER_OF(w, struct single, settle);
    struct scheduler *s = w->s;
    struct buf text = BUF_INIT;

    buf_cstr(&text, "Message failed\n");
    settle_print(w, &text);
    buf_cut(&text, text.n - 1);
    single_reply(&one->ask, text.p, one->count);
    buf_fini(&text);
    doom_unref(&one->doom);
    free(one);
    s->jobs--;
    scheduler_check_drained(s);
}

void
scheduler_message_fail(struct scheduler *s, uint64_t id, bool quiet,
    struct str text, const struct scheduler_ask *ask)
{
    uint32_t rcpt;
    struct parcel *p = print_find(s, id, &rcpt), *next;
    struct single *one;

    if (!p) {
        single_refuse(ask, id);
        return;
    }
    one = xnew(struct single);
    one->ask = *ask;
    one->doom = doom_new(text, "[internal] manually failed", quiet);
    for (; p; p = next) {
        next = parcel_next(p);
        if (!single_means(p, rcpt) || p->state == PARCEL_FAILING)
            continue;
        (void)doom_parcel(p, one->doom);
        one->count++;
    }
    one->settle =
        (struct settle){.s = s, .doom = one->doom, .done = single_settled};
    s->jobs++;
    settle_start(&one->settle);
}

/* --- details --- */

struct details {
    struct spool_load load;
    struct scheduler *s;
    struct scheduler_ask ask;
    uint64_t id;
    uint32_t rcpt;
    bool full;
    uint32_t retries;
    int64_t next;
    enum wait_reason reason;
    struct render *render;
    uint64_t at;
    struct buf text;
    json_t *json;
};

static void
details_end(struct details *d, const struct err *e)
{
    const struct err ok = {0};
    struct scheduler *s = d->s;

    if (d->json && !e)
        print_json(json_incref(d->json), &d->text);
    d->ask.reply(d->ask.arg, e ? STR("") : buf_get(&d->text), e ? e : &ok);
    render_free(&d->render);
    message_unref(&d->load.message);
    free(d->load.rcpt);
    json_decref(d->json);
    buf_fini(&d->text);
    free(d);
    s->jobs--;
    scheduler_check_drained(s);
}

static void
details_body(void *arg, int result)
{
    struct details *d = arg;
    char chunk[8192];
    int64_t n = result;

    while (n >= 0 && d->at < DETAILS_BODY_MOST) {
        n = render_read(d->render, d->at, chunk, sizeof(chunk),
            loop_mailbox(d->s->loop), details_body, d);
        if (n == ERR_AGAIN)
            return;
        if (n <= 0)
            break;
        buf_add(&d->text, chunk, (size_t)n);
        d->at += (uint64_t)n;
    }
    if (d->json) {
        json_object_set_new(d->json, "body", print_str(buf_get(&d->text)));
        buf_cut(&d->text, 0);
    }
    details_end(d, NULL);
}

static const struct rcpt_state *
details_state(const struct details *d, uint32_t rcpt)
{
    for (size_t i = 0; i < d->load.rcpt_count; i++)
        if (d->load.rcpt[i].rcpt == rcpt)
            return &d->load.rcpt[i];
    return NULL;
}

static void
details_code(const struct rcpt_state *st, struct buf *to)
{
    struct result r = {.verdict = IMPEL_RETRY, .retry_after = -1};

    if (!st || !st->code)
        return;
    r.code = st->code;
    memcpy(r.status, st->status, sizeof(r.status));
    r.text = xdupn(st->text.p ? st->text.p : "", st->text.n);
    result_print(&r, to);
    result_fini(&r);
}

static void
details_rcpt(struct details *d, uint32_t i, json_t *rows)
{
    const struct message *m = d->load.message;
    struct buf code = BUF_INIT;

    details_code(details_state(d, i), &code);
    if (rows)
        json_array_append_new(rows,
            json_pack("{s:o,s:o}", "address", print_str(m->env.rcpt[i].address),
                "code", print_str(buf_get(&code))));
    else
        buf_printf(&d->text, "Recipient:     %.*s\nCode:          %.*s\n",
            STR_ARG(m->env.rcpt[i].address), STR_ARG(buf_get(&code)));
    buf_fini(&code);
}

static void
details_print(struct details *d)
{
    const struct message *m = d->load.message;
    struct content_facts f = {0};
    struct str tls = logrecord_tls(m);
    json_t *rows = d->ask.json ? json_array() : NULL;
    char id[MESSAGE_ID_SIZE];

    if (m->content)
        content_get_facts(m->content, &f);
    message_id_print(d->id, id);
    for (uint32_t i = 0; rows && i < m->env.rcpt_count; i++)
        if (d->rcpt == UINT32_MAX || d->rcpt == i)
            details_rcpt(d, i, rows);
    if (rows) {
        d->json = json_pack("{s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:s}", "message",
            id, "created", (json_int_t)(m->env.received / 1000), "next_attempt",
            (json_int_t)(d->next / 1000), "retries", (json_int_t)d->retries,
            "received_via", print_str(m->env.protocol), "sender",
            print_str(m->env.sender), "recipients", rows, "size",
            (json_int_t)f.size, "waits", wait_key(d->reason));
        if (tls.n)
            (void)json_object_set_new(d->json, "received_tls", print_str(tls));
        return;
    }
    buf_printf(&d->text,
        "Message:       %s\nCreated:       %lld\nNext Attempt:  %lld\n"
        "Retries:       %u\nReceived Via:  %.*s%s%.*s\nSender:        %.*s\n"
        "Waits:         %s\n",
        id, (long long)(m->env.received / 1000), (long long)(d->next / 1000),
        d->retries, STR_ARG(m->env.protocol), tls.n ? " " : "", STR_ARG(tls),
        STR_ARG(m->env.sender), wait_key(d->reason));
    for (uint32_t i = 0; i < m->env.rcpt_count; i++)
        if (d->rcpt == UINT32_MAX || d->rcpt == i)
            details_rcpt(d, i, NULL);
    buf_printf(&d->text, "Size:          %llu\n", (unsigned long long)f.size);
}

static void
details_loaded(struct spool_load *l, int result, const struct err *e)
{
    struct details *d = CONTAINER_OF(l, struct details, load);

    if (result < 0) {
        details_end(d, e);
        return;
    }
    details_print(d);
    if (!d->full || !l->message->content) {
        details_end(d, NULL);
        return;
    }
    if (!d->json)
        buf_cstr(&d->text, "\n");
    d->render = render_new(l->message, IMPEL_BODY_RAW, STR_NONE, NULL);
    if (d->render)
        details_body(d, 0);
    else
        details_end(d, NULL);
}

void
scheduler_message_details(struct scheduler *s, uint64_t id, bool full,
    const struct scheduler_ask *ask)
{
    uint32_t rcpt;
    struct parcel *p = print_find(s, id, &rcpt);
    struct explanation x;
    struct details *d;

    if (!p) {
        single_refuse(ask, id);
        return;
    }
    while (!single_means(p, rcpt) && parcel_next(p))
        p = parcel_next(p);
    explain_parcel(p, &x);
    d = xnew(struct details);
    d->s = s;
    d->ask = *ask;
    d->id = id;
    d->rcpt = rcpt;
    d->full = full;
    d->retries = p->retries;
    d->next = x.until;
    d->reason = x.reason;
    s->jobs++;
    d->load = (struct spool_load){.accept = p->accept,
        .attempt = p->attempt,
        .id = p->id,
        .want_content = true,
        .home = loop_mailbox(s->loop),
        .done = details_loaded};
    spool_load(s->spool, &d->load);
}

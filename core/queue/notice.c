/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/notice.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/xmem.h"
#include "queue/active.h"
#include "queue/doom.h"
#include "queue/dsn.h"
#include "queue/limits.h"
#include "queue/maillog.h"
#include "queue/outcome.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "route/binding.h"
#include "spool/render.h"
#include "base/banned.h"

enum {
    NOTICE_CHUNK = 32 * 1024,
    NOTICE_CHUNKS_A_TURN = 4,
    NOTICE_AGAIN_MS = 5000
};

struct notice {
    struct scheduler *s;
    struct parcel *parcel;         /* FAILING, or NULL: a success */
    struct doom *doom;             /* who said so, or NULL */
    struct generation *generation; /* pins scope */
    const struct scope *scope;
    struct str binding;    /* owned */
    struct message *about; /* NULL: being read */
    struct result *result;
    uint32_t *rcpt;
    size_t count;
    enum dsn_action action;
    int64_t until; /* of a delay */
    char *mta;

    struct dsn_rcpt *told;
    struct dsn_report report;
    struct message *message; /* the notification */
    struct content_builder *builder;
    struct render *render;
    uint64_t at, end; /* of the original */
    char *chunk;
    struct spool_accept accept;
    struct timer timer;
    struct defer defer;
    struct notice_late late; /* done: whom to tell, or NULL */
    bool headed;
    bool stored;
    bool alone; /* without the original */
};

static void notice_go(void *arg);

bool
notice_has_room(const struct scheduler *s)
{
    return s->notices < NOTICES_MOST;
}

static void
notice_free(struct notice *n)
{
    struct scheduler *s = n->s;

    timer_stop(&n->timer);
    defer_cancel(&n->defer);
    render_free(&n->render);
    if (n->builder)
        content_builder_abandon(&n->builder);
    if (n->message)
        message_unref(&n->message);
    if (n->about)
        message_unref(&n->about);
    doom_unref(&n->doom);
    outcome_free_results(n->result, n->count);
    generation_unref(&n->generation);
    free((void *)(uintptr_t)n->binding.p);
    free(n->rcpt);
    free(n->told);
    free(n->mta);
    free(n->chunk);
    s->notices--;
    if (n->late.done)
        n->late.done(n->late.arg, n->stored);
    free(n);
    scheduler_check_drained(s);
}

/* Nothing more to be told: what the parcel stood for is over. */
static void
notice_finish(struct notice *n)
{
    if (n->parcel)
        outcome_finish(n->parcel);
    n->parcel = NULL;
    notice_free(n);
}

/* The disk does not take it now: from the start, later.  While the daemon
 * stops, recovery will meet the parcel again. */
static void
notice_again(struct notice *n)
{
    render_free(&n->render);
    if (n->builder)
        content_builder_abandon(&n->builder);
    if (n->message)
        message_unref(&n->message);
    xfree(&n->told);
    n->headed = false;
    if (n->s->draining)
        notice_free(n);
    else
        timer_start(&n->timer, NOTICE_AGAIN_MS);
}

/* --- storing --- */

static void
notice_stored(struct spool_accept *a, int result, const struct err *e)
{
    struct notice *n = CONTAINER_OF(a, struct notice, accept);

    if (result < 0) {
        log_warn(LOG_QUEUE, "bounce-not-stored",
            "message=%016llx reason=\"%s\"", (unsigned long long)n->about->id,
            e ? e->text : "");
        notice_again(n);
        return;
    }
    n->stored = true;
    n->s->stats.bounced++;
    maillog_reception(n->message, n->s->generation);
    notice_finish(n);
}

static void
notice_store(struct notice *n)
{
    content_builder_finish(&n->builder, n->message);
    n->accept = (struct spool_accept){.message = n->message,
        .home = loop_mailbox(n->s->loop),
        .done = notice_stored,
        .with = n->late.done ? &n->late.with : NULL};
    spool_accept(n->s->spool, &n->accept);
}

/* --- the envelope --- */

static struct str
notice_domain(struct message *m, struct str address)
{
    size_t at = str_rchr(address, '@');
    struct buf name = BUF_INIT;
    struct str d;

    (void)idna_fold(str_from(address, at + 1), &name); /* no name: as it is */
    d = message_str(m, buf_get(&name));
    buf_fini(&name);
    return d;
}

static void
notice_envelope(struct notice *n, struct str to, bool eight_bit)
{
    struct message *m = n->message;
    struct rcpt *r = arena_alloc(m->arena, sizeof(*r));
    struct envelope *env = &m->env;

    r->address = message_str(m, to);
    r->domain = notice_domain(m, to);
    env->sender = STR("");
    env->received = n->report.now;
    env->binding = message_str(m, n->binding);
    env->protocol = STR("internal");
    env->needs = eight_bit ? IMPEL_NEED_8BIT : 0;
    if (dsn_is_global(&n->report))
        env->needs |= IMPEL_NEED_UTF8;
    /* RFC 8689 5: it tells of the message, and goes as that had to go */
    env->needs |= n->about->env.needs & IMPEL_NEED_TLS;
    env->rcpt = r;
    env->rcpt_count = 1;
}

/* --- building --- */

static void
notice_room(void *arg, int result)
{
    struct notice *n = arg;

    if (result < 0)
        notice_again(n);
    else
        notice_go(n);
}

static void
notice_ready(void *arg, int result)
{
    struct notice *n = arg;

    if (result < 0) /* the original cannot be read: do without it */
        n->end = n->at;
    notice_go(n);
}

/* How much of the original is returned. */
static void
notice_extent(struct notice *n)
{
    struct content_facts f;

    n->at = n->end = 0;
    if (!n->about->content || n->alone)
        n->report.original = QUEUE_ORIGINAL_NONE;
    if (n->report.original == QUEUE_ORIGINAL_NONE)
        return;
    content_get_facts(n->about->content, &f);
    n->report.eight_bit = f.header_eight_bit;
    n->end = f.size - f.body_size + f.header_size;
    if (n->report.original == QUEUE_ORIGINAL_ALL) {
        n->end = f.size;
        n->report.eight_bit = f.eight_bit;
    }
    n->render = render_new(n->about, IMPEL_BODY_RAW, STR_NONE, NULL);
    if (!n->render)
        n->end = 0;
}

static size_t
notice_choose(struct notice *n)
{
    size_t count = 0;

    n->told = xcalloc(n->count, sizeof(*n->told));
    for (size_t i = 0; i < n->count; i++)
        if (!n->result[i].awaited &&
            dsn_is_wanted(&n->about->env.rcpt[n->rcpt[i]], n->action))
            n->told[count++] = (struct dsn_rcpt){n->rcpt[i], &n->result[i]};
    return count;
}

/* false: nobody is to be told. */
static bool
notice_head(struct notice *n)
{
    struct str to = dsn_address(n->about, n->scope, n->action);
    struct buf b = BUF_INIT;
    int rc;

    n->report = (struct dsn_report){.message = n->about,
        .action = n->action,
        .reporting = binding_hostname(n->scope),
        .from = scope_str(n->scope, OPT(queue_options, QUEUE_MAILERDAEMON)),
        .to = to,
        .mta = str_of(n->mta),
        .now = clock_wall(),
        .until = n->until,
        .original = dsn_original(n->about, n->scope, n->action)};
    if (!to.n || !(n->report.count = notice_choose(n)))
        return false;
    n->report.id = spool_next_ids(n->s->spool, 1);
    (void)getrandom(&n->report.chance, sizeof(n->report.chance), 0);
    n->report.rcpt = n->told;
    n->message = message_new(n->report.id);
    notice_extent(n);
    notice_envelope(n, to, n->report.eight_bit);
    n->builder = content_builder_new(
        n->s->spool, n->report.id, loop_mailbox(n->s->loop), notice_room, n);
    dsn_print_head(&n->report, &b);
    rc = content_builder_add(n->builder, b.p, b.n, NULL);
    buf_fini(&b);
    n->headed = true;
    if (rc == 0)
        defer_post(n->s->loop, &n->defer, notice_go, n, "notice");
    else if (rc != ERR_AGAIN)
        notice_again(n);
    return true;
}

/* A report is lines, whatever the original was taken for. */
static bool
notice_is_lines(const struct notice *n)
{
    struct content_facts f;

    content_builder_facts(n->builder, &f);
    return !f.bare_cr && !f.bare_lf;
}

static void
notice_tail(struct notice *n)
{
    struct buf b = BUF_INIT;
    int rc;

    if (!n->alone && !notice_is_lines(n)) {
        n->alone = true;
        notice_again(n);
        return;
    }
    dsn_print_tail(&n->report, &b);
    rc = content_builder_add(n->builder, b.p, b.n, NULL);
    buf_fini(&b);
    n->end = UINT64_MAX;
    if (rc == 0)
        notice_store(n);
    else if (rc != ERR_AGAIN)
        notice_again(n);
}

/* A part of the original.  true: go on at once. */
static bool
notice_copy(struct notice *n)
{
    uint64_t want = MIN_OF(n->end - n->at, (uint64_t)NOTICE_CHUNK);
    int64_t got;
    int rc;

    if (!n->chunk)
        n->chunk = xmalloc(NOTICE_CHUNK);
    got = render_read(n->render, n->at, n->chunk, (size_t)want,
        loop_mailbox(n->s->loop), notice_ready, n);
    if (got == ERR_AGAIN)
        return false;
    if (got <= 0) {
        n->end = n->at;
        return true;
    }
    n->at += (uint64_t)got;
    rc = content_builder_add(n->builder, n->chunk, (size_t)got, NULL);
    if (rc < 0 && rc != ERR_AGAIN)
        notice_again(n);
    return rc == 0;
}

/* From wherever it is. */
static void
notice_go(void *arg)
{
    struct notice *n = arg;

    if (!n->headed) {
        if (!notice_head(n))
            notice_finish(n);
        return;
    }
    if (n->end == UINT64_MAX) {
        notice_store(n);
        return;
    }
    for (int i = 0; n->at < n->end; i++) {
        if (i == NOTICE_CHUNKS_A_TURN) {
            defer_post(n->s->loop, &n->defer, notice_go, n, "notice");
            return;
        }
        if (!notice_copy(n))
            return;
    }
    notice_tail(n);
}

/* --- beginning --- */

static struct notice *
notice_make(struct scheduler *s, struct generation *g,
    const struct scope *scope, struct str binding)
{
    struct notice *n = xnew(struct notice);

    n->s = s;
    s->notices++;
    n->generation = generation_ref(g);
    n->scope = scope;
    n->binding =
        str_make(xdupn(binding.n ? binding.p : "", binding.n), binding.n);
    timer_init(&n->timer, s->loop, notice_go, n, "notice");
    return n;
}

static struct notice *
notice_new(struct queue *q, struct message *m, struct str mta,
    const uint32_t *rcpt, size_t count)
{
    struct notice *n =
        notice_make(q->s, q->generation, q->scope, str_of(q->binding->name));

    n->rcpt = (uint32_t *)(void *)xdupn(rcpt, count * sizeof(*rcpt));
    n->count = count;
    n->mta = xdupn(mta.n ? mta.p : "", mta.n);
    if (m)
        n->about = message_ref(m);
    return n;
}

static bool
notice_is_off(const struct notice *n)
{
    return (n->parcel->flags & PARCEL_QUIET) ||
        !scope_int(n->scope, OPT(queue_options, QUEUE_GENERATE_BOUNCES));
}

static void
notice_loaded(struct load *l, int result)
{
    struct notice *n = l->arg;

    if (result < 0 && l->spool.want_content) {
        (void)active_load(n->parcel, false, notice_loaded, n);
        return;
    }
    n->about = l->spool.message;
    l->spool.message = NULL;
    outcome_log_failed(n->parcel, n->about, NULL, n->result);
    if (!n->about || notice_is_off(n))
        notice_finish(n);
    else
        notice_go(n);
}

void
notice_fail(struct parcel *p, struct message *m, struct str mta,
    struct result *result, struct doom *doom)
{
    struct notice *n =
        notice_new(p->queue, m, mta, parcel_rcpt(p), p->rcpt_count);

    n->parcel = p;
    n->result = result;
    n->action = DSN_FAILED;
    n->doom = doom ? doom_ref(doom) : NULL;
    if (!m)
        (void)active_load(p, !notice_is_off(n), notice_loaded, n);
    else if (notice_is_off(n))
        notice_finish(n);
    else
        notice_go(n);
}

/* Only a transport that ends at a mailbox or a device knows of delivery; a
 * relay reports itself if it can, and says "dsn=no" if it cannot.  With a time
 * to be delivered by, RFC 2852 4.1.4, that it was relayed is told to whoever
 * asked to be told of each step, or if the host knows nothing of that time. */
static bool
notice_success_action(const struct queue *q, const struct message *m,
    const struct result *r, enum dsn_action *to)
{
    struct str info = str_of(r->info ? r->info : "");

    *to = DSN_DELIVERED;
    if (q->method != METHOD_ESMTP && q->method != METHOD_SMTP)
        return true;
    *to = DSN_HANDED;
    if ((m->env.by & BY_TRACE) ||
        ((m->env.by & BY_NOTIFY) &&
            str_find(info, STR("by=no"), 0) != SIZE_MAX))
        return true;
    *to = DSN_RELAYED;
    return str_find(info, STR("dsn=no"), 0) != SIZE_MAX;
}

void
notice_success(struct queue *q, struct message *m, struct str mta,
    const uint32_t *rcpt, const struct result *result, size_t count)
{
    enum dsn_action action;
    struct notice *n;

    if (!m->env.sender.n || !notice_success_action(q, m, &result[0], &action))
        return;
    n = notice_new(q, m, mta, rcpt, count);
    n->action = action;
    n->result = xcalloc(count, sizeof(*result));
    for (size_t i = 0; i < count; i++)
        result_dup(&n->result[i], &result[i]);
    notice_go(n);
}

void
notice_delay(struct queue *q, struct message *m, const uint32_t *rcpt,
    struct result *result, size_t count, int64_t until)
{
    struct notice *n = notice_new(q, m, STR(""), rcpt, count);

    n->action = DSN_DELAYED;
    n->result = result;
    n->until = until;
    notice_go(n);
}

void
notice_late(struct scheduler *s, const struct notice_late *l)
{
    static const uint32_t first = 0;
    struct notice *n = notice_make(s, l->generation, l->scope, l->binding);

    n->late = *l;
    n->about = message_ref(l->about);
    n->action = l->action;
    n->rcpt = (uint32_t *)(void *)xdupn(&first, sizeof(first));
    n->count = 1;
    n->mta = xdupn("", 0);
    n->result = xcalloc(1, sizeof(*n->result));
    result_dup(n->result, l->result);
    notice_go(n);
}

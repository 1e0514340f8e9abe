/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/filtered.h"

#include <stdlib.h>
#include <string.h>
#include "base/address.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "intake/credits.h"
#include "intake/fields.h"
#include "intake/intake_options.h"
#include "intake/newbody.h"
#include "intake/policy.h"
#include "intake/trace.h"
#include "loop/defer.h"
#include "spool/render.h"
#include "base/banned.h"

enum {
    HEADER_MOST = 1 << 20,
    PIECE = 65535,
    CHANGES_MOST = 10000 /* of one filter */
};

struct change { /* of the filter that is at the end, kept until it says yes */
    enum filtering_kind kind;
    int64_t at;
    struct str name, value;
    struct impel_sender sender;
    struct impel_rcpt rcpt;
};
enum filtered_phase {
    PHASE_SETTLE,  /* a large body goes to its file */
    PHASE_HEADER,  /* is read */
    PHASE_FILTERS, /* one by one: its header, body, end */
    PHASE_COPY     /* header and body as they are now, to a new content */
};

struct filtered {
    uint32_t magic;
    enum filtered_phase phase;
    struct impel_incoming *m;
    struct message *source; /* holds the content that the body is read from */
    struct render *render;  /* of it */
    uint64_t body_at;       /* where the body begins in it */
    uint64_t at;            /* how far it was read */
    bool apart;             /* a blank line stands before the body */
    bool rebuilt;           /* header or body are not what was received */
    struct buf header, missing, piece;
    struct fields fields;
    size_t which;   /* filter */
    int step;       /* that it was told */
    bool body_over; /* it has seen all, or enough */
    bool holds;     /* its changes do */
    struct change *change;
    size_t change_count;
    size_t added;          /* recipients */
    struct arena *changes; /* text of them */
    struct newbody *body;  /* what is to replace it, or NULL */
    struct content_builder *copy;
    uint64_t copy_id;
    bool no_room;
    int failed;
    struct defer run;
};

static void filtered_run(void *arg);
static void next_filter(struct filtered *f);

static void
go_on(struct filtered *f)
{
    defer_post(f->m->il->loop, &f->run, filtered_run, f, "filtered");
}

/* --- how it ends; f is gone afterwards --- */

static void
fail(struct filtered *f, int verdict, int code, const char *status,
    const char *text)
{
    struct impel_result r;

    policy_say(&r, verdict, IMPEL_AT_FINAL, code, status, text);
    receive_refuse(f->m, &r);
}

static void
fail_disk(struct filtered *f, int code)
{
    log_error(LOG_SPOOL, "message-not-filtered", "session=%llu code=%d",
        (unsigned long long)f->m->is->id, code);
    fail(
        f, IMPEL_RETRY, 451, "4.3.0", "Message could not be stored, try again");
}

/* --- the source --- */

static void
source_ready(void *arg, int result)
{
    struct filtered *f = arg;

    (void)result; /* the next read says so */
    CHECK(f, FILTERED_MAGIC);
    go_on(f);
}

/* Up to PIECE octets from f->at on, into f->piece.  0: at the end; ERR_AGAIN:
 * filtered_run() again later; other errors. */
static int64_t
source_read(struct filtered *f, uint64_t most)
{
    int64_t got;

    buf_cut(&f->piece, 0);
    buf_reserve(&f->piece, PIECE);
    got = render_read(f->render, f->at, f->piece.p,
        (size_t)MIN_OF(most, (uint64_t)PIECE), loop_mailbox(f->m->il->loop),
        source_ready, f);
    if (got > 0) {
        f->piece.n = (size_t)got;
        f->at += (uint64_t)got;
    }
    return got;
}

static int
source_open(struct filtered *f)
{
    struct err e;

    render_free(&f->render);
    f->render = render_new(f->source, IMPEL_BODY_RAW, STR(""), &e);
    return f->render ? 0 : e.code;
}

/* --- begin: settle, read the header --- */

static void
settled(void *arg, int result, const struct err *e)
{
    struct filtered *f = arg;

    (void)e;
    CHECK(f, FILTERED_MAGIC);
    if (!f->m) { /* the message went meanwhile */
        filtered_free(&f);
        return;
    }
    f->failed = result;
    f->phase = PHASE_HEADER;
    go_on(f);
}

struct filtered *
filtered_begin(struct impel_incoming *m)
{
    struct filtered *f = xnew(struct filtered);

    f->magic = FILTERED_MAGIC;
    f->m = m;
    f->source = message_new(0);
    f->changes = arena_new(1024);
    fields_init(&f->fields);
    trace_missing(
        m->is, m->message, content_builder_header(m->builder), &f->missing);
    content_builder_finish(&m->builder, f->source);
    f->phase = PHASE_SETTLE;
    if (!content_settle(f->source->content, settled, f)) {
        f->phase = PHASE_HEADER;
        go_on(f);
    }
    return f;
}

void
filtered_free(struct filtered **to)
{
    struct filtered *f = *to;

    *to = NULL;
    if (!f)
        return;
    CHECK(f, FILTERED_MAGIC);
    defer_cancel(&f->run);
    if (f->phase == PHASE_SETTLE) { /* settled() frees it */
        f->m = NULL;
        f->phase = PHASE_HEADER;
        return;
    }
    newbody_free(&f->body);
    if (f->copy)
        content_builder_abandon(&f->copy);
    render_free(&f->render);
    message_unref(&f->source);
    fields_fini(&f->fields);
    arena_free(&f->changes);
    buf_fini(&f->header);
    buf_fini(&f->missing);
    buf_fini(&f->piece);
    free(f->change);
    f->magic = 0;
    free(f);
}

/* Date and Message-ID that the host adds are shown as if they had come. */
static void
show_missing(struct filtered *f)
{
    struct fields missing;
    size_t used;

    fields_init(&missing);
    (void)fields_parse(&missing, buf_get(&f->missing), &used); /* our own */
    for (size_t i = missing.count; i-- > 0;)
        fields_prepend(&f->fields,
            str_make(missing.pair[i].key.p, missing.pair[i].key.n),
            str_make(missing.pair[i].value.p, missing.pair[i].value.n));
    fields_fini(&missing);
}

/* false: refused. */
static bool
take_header(struct filtered *f)
{
    struct str h = buf_get(&f->header);
    size_t used;
    int rc = fields_parse(&f->fields, h, &used);

    if (rc == ERR_LIMIT) {
        fail(f, IMPEL_FAILED, 552, "5.3.4", "Header is too large to be judged");
        return false;
    }
    if (rc < 0) {
        fail(f, IMPEL_FAILED, 550, "5.6.0", "NUL in the header");
        return false;
    }
    f->apart = str_starts(str_from(h, used), STR("\r\n"));
    f->body_at = used + (f->apart ? 2 : 0);
    buf_fini(&f->header);
    show_missing(f);
    return true;
}

static void
read_header(struct filtered *f)
{
    struct content_facts facts;
    int64_t got;

    if (!f->failed && !f->render)
        f->failed = source_open(f);
    if (f->failed) {
        fail_disk(f, f->failed);
        return;
    }
    content_get_facts(f->source->content, &facts);
    if (facts.header_size > HEADER_MOST) {
        fail(f, IMPEL_FAILED, 552, "5.3.4", "Header is too large to be judged");
        return;
    }
    while (f->at < facts.header_size) {
        got = source_read(f, facts.header_size - f->at);
        if (got == ERR_AGAIN)
            return;
        if (got <= 0) {
            fail_disk(f, (int)got);
            return;
        }
        buf_str(&f->header, buf_get(&f->piece));
    }
    credits_force(f->m, (int64_t)(2 * facts.header_size + PIECE));
    if (!take_header(f))
        return;
    f->phase = PHASE_FILTERS;
    next_filter(f);
}

/* --- changes --- */

static struct str
keep(struct filtered *f, struct str s)
{
    return s.p ? arena_str(f->changes, s) : STR_NONE;
}

static struct impel_str
keep_abi(struct filtered *f, struct impel_str s)
{
    struct str k = keep(f, str_make(s.p, s.n));

    return (struct impel_str){s.p ? k.p : NULL, k.n};
}

/* An address that may stand in the envelope. */
static bool
is_address(struct impel_str s, bool null)
{
    struct address a;

    if (!s.n)
        return null;
    return s.p &&
        address_parse(str_make(s.p, s.n), ADDRESS_UTF8, &a, NULL) == 0;
}

static int
keep_envelope(
    struct filtered *f, const struct filtering_change *from, struct change *to)
{
    if (from->sender) {
        if (!is_address(from->sender->address, true))
            return IMPEL_E_INVAL;
        memcpy(&to->sender, from->sender,
            MIN_OF((size_t)from->sender->size, sizeof(to->sender)));
        to->sender.address = keep_abi(f, from->sender->address);
        to->sender.envid = keep_abi(f, from->sender->envid);
    }
    if (from->rcpt) {
        if (!is_address(from->rcpt->address, false))
            return IMPEL_E_INVAL;
        if (++f->added > FILTERED_RCPTS_MOST)
            return IMPEL_E_FULL;
        memcpy(&to->rcpt, from->rcpt,
            MIN_OF((size_t)from->rcpt->size, sizeof(to->rcpt)));
        to->rcpt.address = keep_abi(f, from->rcpt->address);
        to->rcpt.original = keep_abi(f, from->rcpt->original);
    }
    return 0;
}

static void
body_room(void *arg)
{
    struct filtered *f = arg;

    chain_credit(f->m->chain, f->which);
}

static int
change_body(struct filtered *f, struct str piece)
{
    uint64_t most = (uint64_t)scope_int(
        f->m->is->scope, OPT(intake_options, INTAKE_MAX_MESSAGE_SIZE));

    if (!f->body)
        f->body = newbody_new(f->m, most, body_room, f);
    return newbody_add(f->body, piece);
}

static int
keep_change(void *arg, const struct filtering_change *ch)
{
    struct filtered *f = arg;
    struct change *to;
    int rc;

    if (ch->kind == FILTERING_BODY)
        return change_body(f, ch->value);
    if (f->change_count == CHANGES_MOST ||
        arena_size(f->changes) > FIELDS_BYTES_MOST)
        return IMPEL_E_FULL;
    if ((f->change_count & (f->change_count - 1)) == 0)
        f->change = xgrow(f->change, f->change_count ? 2 * f->change_count : 1,
            sizeof(*f->change));
    to = &f->change[f->change_count];
    memset(to, 0, sizeof(*to));
    to->kind = ch->kind;
    to->at = ch->at;
    rc = keep_envelope(f, ch, to);
    if (rc < 0)
        return rc;
    to->name = keep(f, ch->name);
    to->value = keep(f, ch->value);
    f->change_count++;
    return 0;
}

/* What the filter before has told holds no more. */
static void
forget_changes(struct filtered *f)
{
    f->change_count = 0;
    arena_free(&f->changes);
    f->changes = arena_new(1024);
    newbody_free(&f->body);
}

static void
set_sender(struct impel_incoming *m, const struct impel_sender *s)
{
    struct envelope *env = &m->message->env;

    env->sender = message_str(
        m->message, str_make(s->address.p ? s->address.p : "", s->address.n));
    if (s->envid.p)
        env->envid = message_str(m->message, str_make(s->envid.p, s->envid.n));
    if (s->ret)
        env->ret = s->ret;
}

/* In any case, local parts as well: that is what a filter was told. */
static bool
same_address(struct str a, struct str b)
{
    return str_ieq(a, b);
}

static void
remove_rcpt(struct impel_incoming *m, struct str address)
{
    struct envelope *env = &m->message->env;
    size_t kept = 0;

    for (size_t i = 0; i < env->rcpt_count; i++)
        if (!same_address(m->rcpt[i].address, address))
            m->rcpt[kept++] = m->rcpt[i];
    env->rcpt_count = kept;
}

static void
add_rcpt(struct impel_incoming *m, const struct impel_rcpt *rcpt)
{
    struct str a = str_make(rcpt->address.p, rcpt->address.n);

    for (size_t i = 0; i < m->message->env.rcpt_count; i++)
        if (same_address(m->rcpt[i].address, a))
            return;
    receive_add_rcpt(m, a, rcpt);
}

/* 0, or the fields do not allow it. */
static int
apply_one(struct filtered *f, const struct change *c)
{
    switch (c->kind) {
    case FILTERING_ADD_FIELD:
        return fields_add(&f->fields, c->at, c->name, c->value);
    case FILTERING_CHANGE_FIELD:
        return fields_change(&f->fields, (uint32_t)c->at, c->name, c->value);
    case FILTERING_SENDER:
        set_sender(f->m, &c->sender);
        return 0;
    case FILTERING_ADD_RCPT:
        add_rcpt(f->m, &c->rcpt);
        return 0;
    case FILTERING_REMOVE_RCPT:
        remove_rcpt(f->m, c->name);
        return 0;
    default:
        return 0;
    }
}

/* All that a filter that said yes has changed. */
static int
apply_changes(struct filtered *f)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->change_count; i++)
        rc = apply_one(f, &f->change[i]);
    if (rc < 0 || !f->body)
        return rc;
    message_unref(&f->source);
    f->source = newbody_take(&f->body);
    f->body_at = 0;
    f->apart = f->rebuilt = true;
    return source_open(f);
}

/* --- one filter --- */

static void
tell(struct filtered *f, int step, struct str body)
{
    struct chain_request *q = &f->m->asked;

    memset(&q->step, 0, sizeof(q->step));
    f->step = step;
    q->step.step = step;
    if (step == IMPEL_STEP_HEADER) {
        q->step.field_count = f->fields.count;
        q->step.field = f->fields.pair;
    }
    q->step.body = (struct impel_str){body.p, body.n};
    go_on(f); /* told from there: nothing runs inside an answer */
}

/* What the client is told, by the answer of one filter. */
static bool
is_over(struct filtered *f, const struct chain_answer *a)
{
    struct impel_incoming *m = f->m;

    switch (a->answer) {
    case IMPEL_REFUSE:
        receive_refuse(m, a->result);
        return true;
    case IMPEL_DISCARD:
        log_info(LOG_NET, "message-discarded", "session=%llu filter=\"%s\"",
            (unsigned long long)m->is->id, a->filter);
        receive_drop(m, "OK");
        return true;
    default:
        return false;
    }
}

/* What it has changed holds, or it wants nothing more. */
static void
filter_over(struct filtered *f, int rc)
{
    if (rc == 0 && f->holds)
        rc = apply_changes(f);
    forget_changes(f);
    if (rc < 0) {
        log_warn(LOG_NET, "filter-changes-refused",
            "session=%llu filter=\"%s\" code=%d",
            (unsigned long long)f->m->is->id, chain_name(f->m->chain, f->which),
            rc);
        fail(f, IMPEL_RETRY, 451, "4.3.0",
            "What a filter has changed could not be stored, try again");
        return;
    }
    f->which++;
    next_filter(f);
}

static void
body_settled(void *arg, int result)
{
    filter_over(arg, result);
}

/* It has said yes to all, or wants nothing more. */
static void
filter_done(struct filtered *f, int answer)
{
    f->holds = f->step == IMPEL_STEP_END && answer != IMPEL_ABSENT;
    if (!f->holds || !f->body)
        filter_over(f, 0);
    else
        newbody_settle(f->body, body_settled, f);
}

static void
answered(void *arg, const struct chain_answer *a)
{
    struct filtered *f = arg;
    bool passed = a->answer == IMPEL_PASS || a->answer == IMPEL_ABSENT;

    CHECK(f, FILTERED_MAGIC);
    f->m->asking = false;
    if (is_over(f, a))
        return;
    /* a finish without a name: this one is spared all of it */
    if (passed || !a->filter || f->step == IMPEL_STEP_END) {
        filter_done(f, a->answer);
        return;
    }
    if (a->answer == IMPEL_ENOUGH)
        f->body_over = true;
    f->step = 0; /* the next one is due */
    go_on(f);
}

static void
next_filter(struct filtered *f)
{
    while (f->which < chain_count(f->m->chain) &&
        chain_has_passed(f->m->chain, f->which))
        f->which++;
    f->at = f->body_at;
    f->body_over = false;
    if (f->which < chain_count(f->m->chain))
        tell(f, IMPEL_STEP_HEADER, STR_NONE);
    else
        go_on(f);
}

/* The next piece of the body for this filter, or its end. */
static void
next_piece(struct filtered *f)
{
    int64_t got = f->body_over ? 0 : source_read(f, PIECE);

    if (got == ERR_AGAIN)
        return;
    if (got < 0)
        fail_disk(f, (int)got);
    else if (got > 0)
        tell(f, IMPEL_STEP_BODY, buf_get(&f->piece));
    else
        tell(f, IMPEL_STEP_END, STR_NONE);
}

/* --- the end: as it came, or anew --- */

static void
finish(struct filtered *f)
{
    struct impel_incoming *m = f->m;
    struct buf trace = BUF_INIT, header = BUF_INIT;
    bool utf8 = m->message->env.needs & IMPEL_NEED_UTF8;
    struct content_facts facts;

    fields_print_top(&f->fields, &trace);
    fields_print(&f->fields, &header);
    content_get_facts(m->message->content, &facts);
    receive_needs(m, buf_get(&header), &facts);
    buf_fini(&header);
    trace_received(m->is, m->message, utf8, &trace);
    if (!f->rebuilt) {
        buf_str(&trace, buf_get(&f->missing));
        if (trace.n && !f->apart && !f->body_at)
            buf_cstr(&trace, "\r\n"); /* it has no header of its own */
    }
    content_rename(m->message->content, m->message->id);
    filtered_free(&m->filtered);
    chain_message_over(&m->chain, &m->asked);
    if (!m->message->env.rcpt_count) {
        log_info(LOG_NET, "message-discarded",
            "session=%llu filter=\"no recipient is left\"",
            (unsigned long long)m->is->id);
        receive_drop(m, "OK");
    } else {
        receive_submit(m, buf_get(&trace));
    }
    buf_fini(&trace);
}

static void
copy_room(void *arg, int result)
{
    struct filtered *f = arg;

    CHECK(f, FILTERED_MAGIC);
    f->no_room = false;
    if (result < 0)
        f->failed = result;
    go_on(f);
}

static void
copy_add(struct filtered *f, struct str s)
{
    struct err e;
    int rc = s.n ? content_builder_add(f->copy, s.p, s.n, &e) : 0;

    if (rc == ERR_AGAIN)
        f->no_room = true;
    else if (rc < 0)
        f->failed = rc;
}

static void
copy_begin(struct filtered *f)
{
    struct impel_incoming *m = f->m;
    struct spool *s = m->il->intake->spool;
    struct buf header = BUF_INIT;

    fields_print(&f->fields, &header);
    if (f->apart || !f->body_at)
        buf_cstr(&header, "\r\n");
    f->phase = PHASE_COPY;
    f->at = f->body_at;
    f->copy = content_builder_new(
        s, spool_next_ids(s, 1), loop_mailbox(m->il->loop), copy_room, f);
    copy_add(f, buf_get(&header));
    buf_fini(&header);
    go_on(f);
}

static void
copy_go_on(struct filtered *f)
{
    struct content_facts facts;
    int64_t got = 1;

    while (!f->no_room && !f->failed && got > 0) {
        got = source_read(f, PIECE);
        if (got > 0)
            copy_add(f, buf_get(&f->piece));
        if (got < 0 && got != ERR_AGAIN)
            f->failed = (int)got;
    }
    if (f->failed) {
        fail_disk(f, f->failed);
        return;
    }
    if (f->no_room || got < 0)
        return;
    content_builder_facts(f->copy, &facts);
    if (!facts.large)
        credits_force(f->m, (int64_t)facts.body_size);
    content_builder_finish(&f->copy, f->m->message);
    finish(f);
}

/* All have said yes. */
static void
conclude(struct filtered *f)
{
    f->rebuilt = f->rebuilt || f->fields.changed;
    if (f->rebuilt) {
        copy_begin(f);
        return;
    }
    render_free(&f->render);
    content_move(f->source, f->m->message);
    finish(f);
}

static void
filtered_run(void *arg)
{
    struct filtered *f = arg;
    struct impel_incoming *m = f->m;

    CHECK(f, FILTERED_MAGIC);
    if (f->phase == PHASE_HEADER) {
        read_header(f);
    } else if (f->phase == PHASE_COPY) {
        copy_go_on(f);
    } else if (m->asking) {
        return; /* the filter is */
    } else if (f->which == chain_count(m->chain)) {
        conclude(f);
    } else if (f->step) {
        m->asking = true;
        chain_on_change(m->chain, keep_change, f);
        chain_one(m->chain, &m->asked, m->message, f->which, answered, f);
    } else {
        next_piece(f);
    }
}

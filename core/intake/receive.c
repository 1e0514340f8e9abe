/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/receive_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/address.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "intake/assign.h"
#include "intake/bounces.h"
#include "intake/credits.h"
#include "intake/filtered.h"
#include "intake/incoming.h"
#include "intake/intake_options.h"
#include "intake/needs.h"
#include "intake/mcmt.h"
#include "intake/policy.h"
#include "intake/qualify.h"
#include "intake/reject.h"
#include "intake/trace.h"
#include "queue/choose.h"
#include "queue/maillog.h"
#include "base/banned.h"

enum {
    META_MAX = 64, /* context values of one message */
    META_BYTES_MAX = 16384,
    KEEP_BYTES_MAX = 65536, /* as of state_put() */
    RESEND_KEY_MAX = 256,
    RCPT_HARD_MAX = 100000, /* whatever max_recipients_per_message says */
    ENVELOPE_FREE = 65536,  /* of recipients, past the limit if need be */
    TRACE_ROOM = 511        /* what most trace fields have room in */
};

static void
answer(struct impel_incoming *m, size_t rcpt, const struct impel_result *r)
{
    if (m->is && m->is->session)
        session_verdict(m->is->session, m->tag, rcpt, r);
}

/* Note a refusal, then tell it. */
static void
refuse(struct impel_incoming *m, size_t rcpt, struct str address,
    const struct impel_result *r)
{
    reject_note(m->is, m->message->env.sender, address, r);
    answer(m, rcpt, r);
}

static void
incoming_free(struct impel_incoming *m)
{
    CHECK(m, INCOMING_MAGIC);
    list_remove(&m->node);
    filtered_free(&m->filtered);
    chain_message_over(&m->chain, &m->asked);
    credits_release(m);
    inbound_throttle_refund(m->il->intake, &m->charge);
    if (m->builder)
        content_builder_abandon(&m->builder);
    message_unref(&m->message);
    assign_free(&m->assign);
    oob_free(&m->oob);
    bounces_free(&m->bounces);
    free(m->meta);
    incoming_give(m);
}

/* Its parts may still come. */
static bool
is_open(const struct impel_incoming *m)
{
    return m->is && !m->submitted && !m->filtered;
}

/* --- the parts --- */

static void
builder_room(void *arg, int result)
{
    struct impel_incoming *m = arg;
    CHECK(m, INCOMING_MAGIC);
    m->no_room = false;
    if (result < 0)
        m->failure = result;
    if (m->is && m->is->session)
        session_credit(m->is->session);
}

static struct str
take_text(struct impel_incoming *m, struct impel_str s)
{
    return s.p ? message_str(m->message, str_make(s.p, s.n)) : STR_NONE;
}

/* A name that is no binding's or group's here is that of none. */
static void
meta_assign(struct impel_incoming *m, struct str name)
{
    if (assign_is_known(m->is->generation, name))
        m->message->env.binding = message_str(m->message, name);
}

/* Too much: IMPEL_E_FULL, and what came first stays. */
static int
meta_add(struct impel_incoming *m, struct impel_str key, struct impel_str value)
{
    struct envelope *env = &m->message->env;
    size_t left = META_BYTES_MAX - m->meta_bytes;

    if (str_ieq(str_make(key.p, key.n), STR("binding"))) {
        meta_assign(m, str_make(value.p, value.n));
        return 0;
    }
    if (key.n > left || value.n > left - key.n || env->meta_count == META_MAX)
        return IMPEL_E_FULL;
    m->meta_bytes += key.n + value.n;
    m->meta = xgrow(m->meta, env->meta_count + 1, sizeof(*m->meta));
    m->meta[env->meta_count].key = take_text(m, key);
    m->meta[env->meta_count].value = take_text(m, value);
    env->meta_count++;
    return 0;
}

/* What the listener's context option gives to each message. */
static void
take_context(struct impel_incoming *m)
{
    const struct scope *s = m->is->scope;
    uint32_t id = OPT(intake_options, INTAKE_CONTEXT);

    for (size_t i = 0; i < scope_count(s, id); i++) {
        struct str k = scope_key(s, id, i), v = scope_item(s, id, i);

        (void)meta_add(m, (struct impel_str){k.p, k.n},
            (struct impel_str){v.p, v.n}); /* too many: the first ones */
    }
}

struct impel_incoming *
receive_begin(struct intake_session *is, uint64_t tag)
{
    struct impel_incoming *m = incoming_take(is->il);
    m->tag = tag;
    m->is = is;
    m->message = message_new(0); /* until body_begin() */
    m->message->env.received = clock_wall();
    m->message->env.connection = is->id;
    list_push(&is->incoming, &m->node);
    m->chain = chain_of_message(is);
    take_context(m);
    if (is->trusted) {
        m->assign = assign_new();
        m->in_header = true;
    }
    return m;
}

/* The recipients are known: logs name each by an id of its own, the message's
 * and those that follow it. */
static void
body_begin(struct impel_incoming *m)
{
    struct intake *in = m->il->intake;
    uint64_t rcpts = m->message->env.rcpt_count, file;
    if (m->chain) /* filters may add some */
        rcpts += FILTERED_RCPTS_MOST;
    file = m->message->id = spool_next_ids(in->spool, rcpts ? rcpts : 1);
    if (m->chain) /* what is stored in the end may be another */
        file = spool_next_ids(in->spool, 1);
    m->builder = content_builder_new(
        in->spool, file, loop_mailbox(m->il->loop), builder_room, m);
    content_builder_expect(m->builder, m->expected);
}

static void
say_sender(struct impel_incoming *m)
{
    struct impel_result r;
    policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_SENDER, 250, "2.1.0", "Sender OK");
    answer(m, SIZE_MAX, &r);
}

/* The filters have said what they think of the sender or of a recipient.
 * false: it is refused, which was told. */
static bool
judged(struct impel_incoming *m, const struct chain_answer *a, int stage,
    size_t rcpt)
{
    struct impel_result r;
    m->asking = false;
    if (a->answer == IMPEL_DISCARD)
        m->discarded = true;
    if (a->answer != IMPEL_REFUSE)
        return true;
    r = *a->result;
    r.stage = stage;
    refuse(
        m, rcpt, rcpt == SIZE_MAX ? STR_NONE : m->rcpt[m->judged].address, &r);
    return false;
}

static void
sender_judged(void *arg, const struct chain_answer *a)
{
    struct impel_incoming *m = arg;
    if (judged(m, a, IMPEL_AT_SENDER, SIZE_MAX)) {
        m->has_sender = true;
        say_sender(m);
        return;
    }
    /* another may be named: for the filters, of another message */
    inbound_throttle_refund(m->il->intake, &m->charge);
    chain_message_over(&m->chain, &m->asked);
    m->chain = chain_of_message(m->is);
}

int
receive_sender(struct impel_incoming *m, const struct impel_sender *from)
{
    CHECK(m, INCOMING_MAGIC);
    struct envelope *env = &m->message->env;
    struct impel_result r;
    if (!is_open(m) || m->builder || m->has_sender || m->asking)
        return IMPEL_E_INVAL;
    uint64_t size = from->declared_size > 0 ? (uint64_t)from->declared_size : 0;
    struct str a = qualify_sender(
        m->is, m->message->arena, str_make(from->address.p, from->address.n));
    m->expected = size;
    env->sender = message_str(m->message, a.p ? a : STR(""));
    if (policy_accepting(m->is, size, &r) < 0 ||
        policy_sender(m->is, env->sender, from->needs & IMPEL_NEED_UTF8, &r) <
            0) {
        refuse(m, SIZE_MAX, STR_NONE, &r);
        return 0;
    }
    if (!inbound_throttle_take(m->is, &m->charge)) {
        policy_say(&r, IMPEL_RETRY, IMPEL_AT_SENDER, 451, "4.3.2",
            "Too many messages for now, try later");
        refuse(m, SIZE_MAX, STR_NONE, &r);
        return 0;
    }
    env->envid = take_text(m, from->envid);
    /* RFC 4954 5: who has not logged in is not believed */
    if (m->is->logged_in || !from->auth.p)
        env->auth = take_text(m, from->auth);
    else
        env->auth = message_str(m->message, STR("<>"));
    env->ret = from->ret;
    env->needs = from->needs & ~MESSAGE_ANY_TLS;
    env->hold_until = from->hold_until;
    env->deadline = from->deadline;
    if (IMPEL_HAS(struct impel_sender, from, by))
        env->by = from->deadline ? from->by : 0;
    if (m->chain) {
        m->asking = true;
        m->asked.sender.declared_size = from->declared_size;
        chain_sender(m->chain, &m->asked, m->message, sender_judged, m);
        return 0;
    }
    m->has_sender = true;
    say_sender(m);
    return 0;
}

static struct str
fold_domain(struct impel_incoming *m, struct str domain)
{
    struct buf b = BUF_INIT;
    struct str to;
    if (!idna_is_plain(domain)) {
        (void)idna_fold(domain, &b); /* no name: as it is */
        to = message_str(m->message, buf_get(&b));
        buf_fini(&b);
        return to;
    }
    to = message_str(m->message, domain);
    for (size_t i = 0; i < to.n; i++) {
        char *c = (char *)to.p + i; /* our own fresh copy */
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    }
    return to;
}

void
receive_add_rcpt(
    struct impel_incoming *m, struct str address, const struct impel_rcpt *to)
{
    struct envelope *env = &m->message->env;
    struct address a;
    bool full = env->rcpt_count == m->rcpt_size;
    if (full) {
        m->rcpt_size = m->rcpt_size ? 2 * m->rcpt_size : 4;
        m->rcpt = xgrow(m->rcpt, m->rcpt_size, sizeof(*m->rcpt));
    }
    if (m->chain && (full || !m->place))
        m->place = xgrow(m->place, m->rcpt_size, sizeof(*m->place));
    struct rcpt *rc = &m->rcpt[env->rcpt_count++];
    memset(rc, 0, sizeof(*rc));
    rc->address = message_str(m->message, address);
    (void)address_parse(rc->address, ADDRESS_UTF8, &a, NULL); /* was checked */
    rc->domain = fold_domain(m, a.domain);
    rc->original = take_text(m, to->original);
    rc->notify = to->notify;
}

/* Recipients take memory too.  A few are let in whatever the limit says, since
 * waiting for credits is for bodies. */
static bool
envelope_take(struct impel_incoming *m, size_t text)
{
    int64_t n = (int64_t)(text + 2 * sizeof(struct rcpt));
    if (!purse_take(&m->il->credits, n)) {
        if (m->held_envelope + n > ENVELOPE_FREE)
            return false;
        budget_force(&m->il->intake->credits, n);
    }
    m->held += n;
    m->held_envelope += n;
    return true;
}

static void
say_rcpt(struct impel_incoming *m, struct str address, size_t place)
{
    struct impel_result r;
    if (!m->oob && bounces_takes(m->is, address))
        m->oob = oob_new();
    policy_say(
        &r, IMPEL_DELIVERED, IMPEL_AT_RCPT, 250, "2.1.5", "Recipient OK");
    answer(m, place, &r);
}

/* The one that is judged, and the filters want it. */
static void
take_judged(struct impel_incoming *m)
{
    struct rcpt *rc = &m->rcpt[m->kept++];
    *rc = m->rcpt[m->judged];
    say_rcpt(m, rc->address, m->place[m->judged++]);
}

static void ask_next(struct impel_incoming *m);

static void
rcpt_judged(void *arg, const struct chain_answer *a)
{
    struct impel_incoming *m = arg;
    if (judged(m, a, IMPEL_AT_RCPT, m->place[m->judged]))
        take_judged(m);
    else
        m->judged++;
    ask_next(m);
}

/* A module may name several before the first was judged: they wait. */
static void
ask_next(struct impel_incoming *m)
{
    struct envelope *env = &m->message->env;
    while (m->discarded && m->judged < env->rcpt_count)
        take_judged(m);
    if (m->judged == env->rcpt_count) {
        env->rcpt_count = m->judged = m->kept;
        return;
    }
    m->asking = true;
    chain_rcpt(
        m->chain, &m->asked, m->message, &m->rcpt[m->judged], rcpt_judged, m);
}

int
receive_recipient(struct impel_incoming *m, const struct impel_rcpt *to)
{
    CHECK(m, INCOMING_MAGIC);
    struct impel_result r;
    struct envelope *env = &m->message->env;
    if (!is_open(m) || m->builder || !m->has_sender)
        return IMPEL_E_INVAL;
    size_t index = m->rcpt_seen++;
    bool to_us;
    struct str a = qualify_recipient(m->is, m->message->arena,
        str_make(to->address.p, to->address.n), &to_us);
    if (env->rcpt_count >= RCPT_HARD_MAX) {
        policy_say(&r, IMPEL_RETRY, IMPEL_AT_RCPT, 452, "4.5.3",
            "Too many recipients");
        refuse(m, index, a, &r);
        return 0;
    }
    if (!to_us &&
        policy_recipient(m->is, env->binding, env->sender, a,
            env->needs & IMPEL_NEED_UTF8, &r) < 0) {
        refuse(m, index, a, &r);
        return 0;
    }
    if (!envelope_take(m, a.n + to->original.n)) {
        policy_say(&r, IMPEL_RETRY, IMPEL_AT_RCPT, 452, "4.3.1",
            "Not enough memory now, try later");
        refuse(m, index, a, &r);
        return 0;
    }
    receive_add_rcpt(m, a, to);
    if (!m->chain) {
        say_rcpt(m, m->rcpt[env->rcpt_count - 1].address, index);
        return 0;
    }
    m->place[env->rcpt_count - 1] = (uint32_t)index;
    if (!m->asking)
        ask_next(m);
    return 0;
}

int
receive_meta(
    struct impel_incoming *m, struct impel_str key, struct impel_str value)
{
    CHECK(m, INCOMING_MAGIC);
    if (!is_open(m) || !key.p || !key.n)
        return IMPEL_E_INVAL;
    if (str_eq(str_make(key.p, key.n), STR("protocol"))) {
        if (value.n > META_BYTES_MAX - m->meta_bytes)
            return IMPEL_E_FULL;
        m->meta_bytes += value.n;
        m->message->env.protocol = take_text(m, value);
        return 0;
    }
    return m->is->trusted ? meta_add(m, key, value) : IMPEL_E_UNSUP;
}

int
receive_keep(struct impel_incoming *m, struct impel_str value, int64_t expiry)
{
    CHECK(m, INCOMING_MAGIC);
    if (!is_open(m))
        return IMPEL_E_INVAL;
    if (value.n > KEEP_BYTES_MAX)
        return IMPEL_E_FULL;
    m->with.value = take_text(m, value);
    m->with.expiry = expiry;
    return 0;
}

/* What makes a resend known is stored with the message. */
static int
receive_key(struct impel_incoming *m, struct impel_str key)
{
    if (!key.n || key.n > RESEND_KEY_MAX)
        return IMPEL_E_INVAL;
    m->with.ns = str_of(session_module_name(m->is->session));
    m->with.key = take_text(m, key);
    if (!m->with.value.p)
        m->with.value = STR("");
    m->accept.with = &m->with;
    return 0;
}

/* No module is trusted to stop at the limit. */
static bool
body_is_too_large(struct impel_incoming *m, size_t n)
{
    uint64_t most = (uint64_t)scope_int(
        m->is->scope, OPT(intake_options, INTAKE_MAX_MESSAGE_SIZE));
    if (most && (m->bytes > most || n > most - m->bytes))
        m->too_large = true;
    return m->too_large;
}

static void
body_store(struct impel_incoming *m, struct str s)
{
    struct err e;
    int rc = s.n ? content_builder_add(m->builder, s.p, s.n, &e) : 0;
    if (rc == ERR_AGAIN)
        m->no_room = true;
    else if (rc < 0) {
        log_warn(LOG_SPOOL, "body-not-stored", "session=%llu reason=\"%s\"",
            (unsigned long long)m->is->id, e.text);
        m->failure = rc;
    }
}

/* What a trusted peer's header says of the binding is not stored. */
static void
body_store_header(struct impel_incoming *m, struct str s)
{
    struct buf kept = BUF_INIT;
    m->in_header = assign_filter(m->assign, s, &kept);
    body_store(m, buf_get(&kept));
    buf_fini(&kept);
}

/* All octets are there: what the header says goes before what is known of the
 * peer. */
static void
settle_header(struct impel_incoming *m)
{
    struct envelope *env = &m->message->env;
    struct buf kept = BUF_INIT;
    if (!m->assign)
        return;
    struct str name = assign_said(m->assign);
    assign_end(m->assign, &kept);
    body_store(m, buf_get(&kept));
    buf_fini(&kept);
    if (name.p && assign_is_known(m->is->generation, name))
        env->binding = message_str(m->message, name);
}

int
receive_body(struct impel_incoming *m, const void *p, size_t n)
{
    CHECK(m, INCOMING_MAGIC);
    if (!is_open(m) || m->asking)
        return IMPEL_E_INVAL;
    if (!m->builder)
        body_begin(m);
    if (m->failure || body_is_too_large(m, n))
        return 0; /* swallowed: commit() will say so */
    if (m->no_room || !credits_take(m, (int64_t)n))
        return IMPEL_E_AGAIN;
    m->bytes += n;
    if (m->oob)
        oob_feed(m->oob, p, n);
    if (m->in_header)
        body_store_header(m, str_make(p, n));
    else
        body_store(m, str_make(p, n));
    credits_spilled(m);
    return 0;
}

/* --- the end of a message --- */

static void
log_reception(struct impel_incoming *m)
{
    struct generation *g =
        m->is ? generation_ref(m->is->generation) : generation_current();
    if (!g) /* the daemon is at its very end */
        return;
    maillog_reception(m->message, g);
    generation_unref(&g);
}

/* The spool has answered: here, and only here, a message is acknowledged. */
static void
stored(struct spool_accept *a, int result, const struct err *e)
{
    struct impel_incoming *m = CONTAINER_OF(a, struct impel_incoming, accept);
    struct intake *in = m->il->intake;
    struct impel_result r;
    char text[64], id[MESSAGE_ID_SIZE];
    m->il->committing--;
    if (result < 0) {
        log_error(LOG_SPOOL, "message-not-stored", "reason=\"%s\"", e->text);
        policy_say(&r, IMPEL_RETRY, IMPEL_AT_FINAL, 451, "4.3.0",
            "Message could not be stored, try again");
    } else {
        message_id_print(m->message->id, id);
        snprintf(text, sizeof(text), "OK %s", id);
        policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_FINAL, 250, "2.0.0", text);
        log_reception(m);
        m->charge.of = NULL;
        if (m->bounces)
            bounces_log(m->bounces);
        atomic_fetch_add(&in->received, 1);
        atomic_fetch_add(&in->received_recipients, m->message->env.rcpt_count);
        atomic_fetch_add(&in->received_bytes, m->message->record_size);
    }
    answer(m, SIZE_MAX, &r);
    incoming_free(m);
}

/* Known reports to bounce_domains.  true: nobody is left to get it. */
static bool
settle_bounces(struct impel_incoming *m)
{
    struct message *msg = m->message;
    struct content_facts f;
    struct oob *o = m->oob;
    if (!msg->env.binding.p)
        msg->env.binding = STR(""); /* nobody has said */
    msg->env.peer_addr = message_str(msg, str_of(m->is->peer));
    if (m->is->session)
        msg->env.peer_port = session_peer(m->is->session)->port;
    if (m->is->helo[0])
        msg->env.helo = message_str(msg, str_of(m->is->helo));
    if (m->is->login[0])
        msg->env.login = message_str(msg, str_of(m->is->login));
    m->oob = NULL;
    if (!o)
        return false;
    content_get_facts(m->message->content, &f);
    m->bounces = bounces_settle(m->is, o, msg, m->rcpt, f.body_size);
    if (msg->env.rcpt_count)
        return false;
    bounces_log(m->bounces);
    receive_drop(m, "OK, the bounce was logged");
    return true;
}

/* What modules have said of it, and how it came if that was behind TLS. */
static void
settle_meta(struct impel_incoming *m)
{
    struct envelope *env = &m->message->env;
    struct arena *arena = m->message->arena;
    const char *tls = m->is->session ? session_tls_text(m->is->session) : NULL;
    struct meta *me;

    if (!env->meta_count && !tls && !m->container)
        return;
    me = arena_alloc(arena, (env->meta_count + 2) * sizeof(struct meta));
    if (env->meta_count)
        memcpy(me, m->meta, env->meta_count * sizeof(struct meta));
    if (tls) {
        me[env->meta_count].key = STR("tls");
        me[env->meta_count++].value = message_str(m->message, str_of(tls));
    }
    if (m->container) {
        me[env->meta_count].key = STR("mcmt");
        me[env->meta_count++].value = STR("allow");
    }
    env->meta = me;
}

void
receive_needs(
    struct impel_incoming *m, struct str header, const struct content_facts *f)
{
    struct envelope *env = &m->message->env;
    env->rcpt = m->rcpt; /* for now */
    m->container = mcmt_is_allowed(m->is->scope, env->protocol) &&
        mcmt_is_container(header);
    /* RFC 8689 5: beside REQUIRETLS it says nothing */
    if (!(env->needs & IMPEL_NEED_TLS) &&
        trace_says(header, STR("TLS-Required"), STR("No")))
        env->needs |= MESSAGE_ANY_TLS;
    /* of a container the header that counts stands within */
    if (!m->container && !needs_utf8(env, f, header))
        env->needs &= ~(uint32_t)IMPEL_NEED_UTF8;
}

void
receive_submit(struct impel_incoming *m, struct str trace)
{
    struct message *msg = m->message;
    struct envelope *env = &msg->env;
    if (settle_bounces(m))
        return;
    struct rcpt *rc =
        arena_alloc(msg->arena, env->rcpt_count * sizeof(struct rcpt));
    memcpy(rc, m->rcpt, env->rcpt_count * sizeof(struct rcpt));
    env->rcpt = rc;
    settle_meta(m);
    content_prepend(msg->content, trace);
    m->submitted = true;
    m->accept.message = msg;
    m->accept.home = loop_mailbox(m->il->loop);
    m->accept.done = stored;
    if (m->il->overdraft == m)
        m->il->overdraft = NULL; /* what it holds comes back by itself */
    m->il->committing++;
    spool_accept(m->il->intake->spool, &m->accept);
}

/* Everything is there: put trace fields in front, hand it to the spool. */
static void
submit(struct impel_incoming *m)
{
    struct buf trace = BUF_INIT;
    struct str header = content_builder_header(m->builder);
    struct content_facts f;
    bool utf8 = m->message->env.needs & IMPEL_NEED_UTF8;
    buf_reserve(&trace, TRACE_ROOM);
    content_builder_facts(m->builder, &f);
    receive_needs(m, header, &f);
    trace_fields(m->is, m->message, utf8, header, &trace);
    content_builder_finish(&m->builder, m->message);
    receive_submit(m, buf_get(&trace));
    buf_fini(&trace);
}

void
receive_refuse(struct impel_incoming *m, const struct impel_result *refusal)
{
    struct impel_result r = *refusal;
    r.stage = IMPEL_AT_FINAL;
    refuse(m, SIZE_MAX, STR_NONE, &r);
    incoming_free(m);
}

void
receive_drop(struct impel_incoming *m, const char *text)
{
    struct impel_result r;
    m->charge.of = NULL;
    policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_FINAL, 250, "2.0.0", text);
    answer(m, SIZE_MAX, &r);
    incoming_free(m);
}

static int
check_bindings(const struct impel_incoming *m, struct impel_result *r)
{
    const struct envelope *env = &m->message->env;
    for (size_t i = 0; i < env->rcpt_count; i++)
        if (assign_refuses(
                m->is->generation, env->binding, m->rcpt[i].domain)) {
            policy_say(r, IMPEL_RETRY, IMPEL_AT_FINAL, 451, "4.3.5",
                "No binding is assigned to this message");
            return -1;
        }
    return 0;
}

static void
take_whole(struct impel_incoming *m)
{
    if (!m->message->env.protocol.p)
        m->message->env.protocol = STR("esmtp");
    if (m->discarded)
        receive_drop(m, "OK");
    else if (m->chain)
        m->filtered = filtered_begin(m);
    else
        submit(m);
}

int
receive_commit(struct impel_incoming *m, struct impel_str key)
{
    CHECK(m, INCOMING_MAGIC);
    struct impel_result r;
    struct content_facts f;
    if (!is_open(m) || m->asking || m->message->env.rcpt_count == 0)
        return IMPEL_E_INVAL;
    if (!m->builder) /* an empty message */
        body_begin(m);
    if (key.p && receive_key(m, key) < 0)
        return IMPEL_E_INVAL;
    settle_header(m);
    content_builder_facts(m->builder, &f);
    if (m->failure) {
        policy_say(&r, IMPEL_RETRY, IMPEL_AT_FINAL, 452, "4.3.1",
            "Message could not be stored, try later");
    } else if (m->too_large) {
        policy_say(&r, IMPEL_FAILED, IMPEL_AT_FINAL, 552, "5.3.4",
            "Message size exceeds the limit");
    } else if (policy_message(m->is, m->message->env.needs, &f,
                   content_builder_header(m->builder), &r) == 0 &&
        check_bindings(m, &r) == 0 &&
        policy_accepting(m->is, f.body_size, &r) == 0) {
        take_whole(m);
        return 0;
    }
    receive_refuse(m, &r);
    return 0;
}

void
receive_abandon(struct impel_incoming *m)
{
    CHECK(m, INCOMING_MAGIC);
    if (!m->submitted)
        incoming_free(m);
}

void
receive_session_gone(struct intake_session *is)
{
    struct list *n;
    while ((n = list_take(&is->incoming)) != NULL) {
        struct impel_incoming *m = LIST_ENTRY(n, struct impel_incoming, node);
        m->is = NULL;
        if (!m->submitted)
            incoming_free(m);
    }
}

struct str
receive_open_sender(const struct intake_session *is)
{
    if (list_empty(&is->incoming))
        return STR("");
    struct str sender =
        LIST_ENTRY(is->incoming.prev, struct impel_incoming, node)
            ->message->env.sender;
    return sender.p ? sender : STR("");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * receipt.c - a message on its way in: envelope, body, commit, answer; and
 * which of its recipients were taken before.
 *
 * What is kept of a key is its recipients' numbers, four octets each, as a
 * durable value of the module.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RCPT_LEAST = 4 + 1 + 2 + 2, META_MOST = 256 };

static struct impel_str
receipt_key(const struct receipt *m)
{
    return (struct impel_str){m->key, m->key_n};
}

static void
rcpt_say(struct rcpt *r, const struct impel_result *said)
{
    size_t n = said->text.n < 400 ? said->text.n : 400;

    r->code = said->code;
    for (int i = 0; i < 3; i++)
        r->status[i] = (uint8_t)said->status[i];
    free(r->text);
    r->text = malloc(n + 1);
    if (r->text) {
        memcpy(r->text, n ? said->text.p : "", n);
        r->text[n] = '\0';
    }
}

static void
rcpt_say_text(struct rcpt *r, const char *text)
{
    struct impel_result said = ecstream_result(0, 0, 0, text);

    said.text.p += 10; /* "250 2.0.0 " */
    said.text.n -= 10;
    rcpt_say(r, &said);
}

/* Was it taken by a message of this key before? */
static bool
rcpt_was_taken(const struct receipt *m, uint32_t number)
{
    struct frame_in in = {m->was.p, m->was.n, false};

    while (in.n >= 4)
        if (frame_u32(&in) == number)
            return true;
    return false;
}

/* All but tag and key. */
static void
receipt_forget(struct receipt *m)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        free(m->rcpt[i].text);
    free(m->rcpt);
    free(m->places);
    m->rcpt = NULL;
    m->places = NULL;
    m->rcpt_count = 0;
    frame_out_fini(&m->was);
    frame_out_fini(&m->envelope);
}

void
receipt_free(struct server *s, struct receipt *m)
{
    if (m->in && m->state < RECEIPT_COMMIT)
        s->host->intake->abandon(m->in);
    if (m->flying)
        flying_end(&s->module->flying, receipt_key(m));
    if (s->body_of == m)
        s->body_of = NULL;
    if (s->setup == m)
        s->setup = NULL;
    tags_remove(&s->tags, m->tag);
    s->octets -= m->octets;
    s->counted--;
    receipt_forget(m);
    free(m);
}

/* Nothing more will become of it: say so.  It stays if its key does. */
static void
receipt_answer(struct server *s, struct receipt *m)
{
    bool known = false;

    if (m->in && m->state < RECEIPT_COMMIT)
        s->host->intake->abandon(m->in);
    m->in = NULL;
    if (m->flying)
        flying_end(&s->module->flying, receipt_key(m));
    m->flying = false;
    for (size_t i = 0; i < m->rcpt_count; i++)
        known = known || m->rcpt[i].code / 100 == 2;
    m->state = RECEIPT_ANSWERED;
    server_answer(s, m);
    s->octets -= m->octets;
    m->octets = 0;
    if (s->body_of == m)
        s->body_of = NULL;
    receipt_forget(m);
    if (!known)
        receipt_free(s, m);
}

/* For those that nothing was said of, or that it was taken. */
static void
receipt_say_rest(struct receipt *m, const struct impel_result *r)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].code == 0 || m->rcpt[i].taken)
            rcpt_say(&m->rcpt[i], r);
}

static void
receipt_refuse(struct server *s, struct receipt *m, const char *text)
{
    struct impel_result r = ecstream_result(0, 0, 0, text);

    r.text.p += 10;
    r.text.n -= 10;
    receipt_say_rest(m, &r);
    receipt_answer(s, m);
}

/* --- the envelope --- */

struct envelope {
    struct impel_sender from;
    struct frame_in meta, rcpt; /* where they begin */
    uint16_t meta_count;
    uint32_t rcpt_count;
};

static bool
envelope_read_lists(struct envelope *e, struct frame_in *in)
{
    e->meta_count = frame_u16(in);
    e->meta = *in;
    for (uint16_t i = 0; i < e->meta_count && !in->bad; i++) {
        (void)frame_text(in);
        (void)frame_text(in);
    }
    e->rcpt_count = frame_u32(in);
    e->rcpt = *in;
    if (in->bad || !e->rcpt_count || e->rcpt_count > in->n / RCPT_LEAST ||
        e->meta_count > META_MOST)
        return false;
    for (uint32_t i = 0; i < e->rcpt_count && !in->bad; i++) {
        (void)frame_u32(in);
        (void)frame_u8(in);
        (void)frame_text(in);
        (void)frame_text(in);
    }
    return frame_is_done(in);
}

/* What stands behind tag and key. */
static bool
envelope_read(struct envelope *e, struct frame_in *in)
{
    uint8_t flags = frame_u8(in);
    uint8_t ret = frame_u8(in);
    uint64_t size = frame_u64(in);

    memset(e, 0, sizeof(*e));
    e->from.size = sizeof(e->from);
    e->from.address = frame_text(in);
    e->from.envid = frame_text(in);
    if (!e->from.envid.n)
        e->from.envid.p = NULL;
    e->from.ret = ret;
    e->from.needs = (flags & FRAME_FLAG_8BIT ? IMPEL_NEED_8BIT : 0u) |
        (flags & FRAME_FLAG_UTF8 ? IMPEL_NEED_UTF8 : 0u) |
        (flags & FRAME_FLAG_TLS ? IMPEL_NEED_TLS : 0u);
    if (flags & ~FRAME_FLAGS || ret > IMPEL_RET_FULL || size > INT64_MAX)
        return false;
    e->from.declared_size = (int64_t)size;
    return envelope_read_lists(e, in);
}

static struct receipt *
receipt_new(struct server *s, struct impel_str key, uint32_t rcpt_count)
{
    struct receipt *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->rcpt = calloc(rcpt_count, sizeof(*m->rcpt));
    m->places = calloc(rcpt_count, sizeof(*m->places));
    m->rcpt_count = rcpt_count;
    m->tag = ++s->last_tag;
    memcpy(m->key, s->stream, FRAME_STREAM);
    memcpy(m->key + FRAME_STREAM, key.p, key.n);
    m->key_n = FRAME_STREAM + key.n;
    s->counted++;
    if (!m->rcpt || !m->places || !tags_add(&s->tags, m->tag, m)) {
        m->rcpt_count = m->rcpt ? m->rcpt_count : 0;
        receipt_free(s, m);
        return NULL;
    }
    return m;
}

/* Numbers, and what is known of them already. */
static size_t
receipt_look(struct server *s, struct receipt *m, struct frame_in rcpt)
{
    struct impel_str was =
        s->host->state_get(s->module->instance, receipt_key(m));
    size_t open = 0;

    frame_put(&m->was, was.p, was.n - was.n % 4);
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct rcpt *r = &m->rcpt[i];

        r->number = frame_u32(&rcpt);
        (void)frame_u8(&rcpt);
        (void)frame_text(&rcpt);
        (void)frame_text(&rcpt);
        if (rcpt_was_taken(m, r->number))
            rcpt_say_text(r, "250 2.0.0 OK, taken before");
        else
            open++;
    }
    return open;
}

static void
receipt_start(struct server *s, struct receipt *m, const struct envelope *e)
{
    const struct impel_intake *intake = s->host->intake;

    m->in = intake->begin(s->session, m->tag);
    if (!m->in || intake->sender(m->in, &e->from) < 0) {
        receipt_refuse(s, m, "451 4.3.0 message cannot be taken now");
        return;
    }
    (void)intake->set_meta(
        m->in, ecstream_str("protocol"), ecstream_str("ecstream"));
    m->state = RECEIPT_SENDER;
    s->setup = m;
    s->state = SERVER_SETUP;
}

static bool
receipt_is_too_large(const struct server *s, const struct envelope *e)
{
    int64_t most = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);

    return most > 0 && e->from.declared_size > most;
}

bool
receipt_begin(struct server *s, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};
    uint32_t tag = frame_u32(&in);
    struct impel_str key = frame_blob(&in);
    struct envelope e;
    struct receipt *m;

    if (!envelope_read(&e, &in) || tag != s->last_tag + 1 ||
        tag == UINT32_MAX || !key.n || key.n > FRAME_KEY_MOST ||
        s->counted >= s->window)
        return false;
    m = receipt_new(s, key, e.rcpt_count);
    if (!m)
        return false;
    if (s->going) {
        receipt_refuse(s, m, "421 4.3.2 closing down");
    } else if (!receipt_look(s, m, e.rcpt)) {
        s->host->count(s->module->instance, COUNT_KNOWN, 1);
        receipt_answer(s, m);
    } else if (receipt_is_too_large(s, &e)) {
        receipt_refuse(s, m, "552 5.3.4 message is too large");
    } else if (m->rcpt_count > server_most_rcpts(s)) {
        receipt_refuse(s, m, "452 4.5.3 too many recipients");
    } else {
        frame_put(&m->envelope, payload.p, payload.n);
        if (m->envelope.failed || m->was.failed)
            receipt_refuse(s, m, "451 4.3.0 no memory");
        else
            receipt_start(s, m, &e);
    }
    return true;
}

/* The envelope again, from its frame. */
static void
receipt_envelope(const struct receipt *m, struct envelope *e)
{
    struct frame_in in = {m->envelope.p, m->envelope.n, false};

    (void)frame_u32(&in);
    (void)frame_blob(&in);
    (void)envelope_read(e, &in); /* it was read before */
}

static void
receipt_ask_meta(struct server *s, struct receipt *m, struct envelope *e)
{
    for (uint16_t i = 0; i < e->meta_count; i++) {
        struct impel_str key = frame_text(&e->meta);
        struct impel_str value = frame_text(&e->meta);

        /* the name of the protocol is not the peer's to choose */
        if (key.n && (key.n != 8 || memcmp(key.p, "protocol", 8) != 0))
            (void)s->host->intake->set_meta(m->in, key, value);
    }
}

/* All open recipients at once: their verdicts name the place among these. */
static void
receipt_ask_rcpts(struct server *s, struct receipt *m)
{
    struct envelope e;

    receipt_envelope(m, &e);
    receipt_ask_meta(s, m, &e);
    m->state = RECEIPT_RCPTS;
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct impel_rcpt rcpt = {.size = sizeof(rcpt)};

        (void)frame_u32(&e.rcpt);
        rcpt.notify = frame_u8(&e.rcpt);
        rcpt.address = frame_text(&e.rcpt);
        rcpt.original = frame_text(&e.rcpt);
        if (!rcpt.original.n)
            rcpt.original.p = NULL;
        if (m->rcpt[i].code)
            continue;
        if (rcpt.notify > 15 || s->host->intake->recipient(m->in, &rcpt) < 0)
            rcpt_say_text(&m->rcpt[i], "553 5.1.3 recipient makes no sense");
        else
            m->places[m->asked++] = (uint32_t)i;
    }
}

/* With the last verdict the set-up is over. */
static void
receipt_look_on(struct server *s, struct receipt *m)
{
    if (m->verdicts < m->asked)
        return;
    s->setup = NULL;
    s->state = SERVER_OPEN;
    frame_out_fini(&m->envelope);
    if (m->accepted)
        m->state = RECEIPT_BODY;
    else
        receipt_answer(s, m);
}

void
receipt_judged(struct server *s, size_t rcpt, const struct impel_result *r)
{
    struct receipt *m = s->setup;
    struct rcpt *to;

    if (m->state == RECEIPT_SENDER) {
        if (r->verdict != IMPEL_DELIVERED) {
            s->setup = NULL;
            s->state = SERVER_OPEN;
            receipt_say_rest(m, r);
            receipt_answer(s, m);
            return;
        }
        receipt_ask_rcpts(s, m);
        receipt_look_on(s, m);
        return;
    }
    if (rcpt >= m->asked)
        return;
    to = &m->rcpt[m->places[rcpt]];
    m->verdicts++;
    if (r->verdict == IMPEL_DELIVERED) {
        to->taken = true;
        m->accepted++;
    }
    rcpt_say(to, r);
    receipt_look_on(s, m);
}

/* --- the body and the end --- */

size_t
receipt_body(struct server *s, struct receipt *m, const char *p, size_t n)
{
    int rc = s->host->intake->body(m->in, p, n);

    if (rc == IMPEL_E_AGAIN)
        return 0;
    if (rc < 0) {
        receipt_refuse(s, m, "451 4.3.0 message cannot be stored now");
        return n;
    }
    return n;
}

/* Another connection has committed something of this key meanwhile. */
static bool
receipt_is_overtaken(struct server *s, const struct receipt *m)
{
    struct impel_str now =
        s->host->state_get(s->module->instance, receipt_key(m));

    return now.n != m->was.n;
}

void
receipt_end(struct server *s, struct receipt *m)
{
    const struct impel_intake *intake = s->host->intake;
    int64_t until = (int64_t)time(NULL) * 1000 +
        s->host->opt_int(s->scope, OPT_RESEND_TIME);

    if (m->state != RECEIPT_BODY)
        return;
    m->flying = flying_begin(&s->module->flying, receipt_key(m));
    if (!m->flying || receipt_is_overtaken(s, m)) {
        receipt_refuse(s, m, "451 4.3.2 this key is being taken elsewhere");
        return;
    }
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].taken)
            frame_put_u32(&m->was, m->rcpt[i].number);
    if (m->was.failed ||
        intake->keep(m->in,
            (struct impel_str){(const char *)m->was.p, m->was.n}, until) < 0 ||
        intake->commit(m->in, receipt_key(m)) < 0) {
        receipt_refuse(s, m, "451 4.3.0 message cannot be stored now");
        return;
    }
    m->state = RECEIPT_COMMIT;
    s->committing++;
}

void
receipt_abandon(struct server *s, struct receipt *m)
{
    receipt_refuse(s, m, "451 4.4.2 abandoned by the client");
}

void
receipt_final(struct server *s, struct receipt *m, const struct impel_result *r)
{
    s->committing--;
    receipt_say_rest(m, r);
    receipt_answer(s, m);
}

void
receipt_confirm(struct server *s, struct receipt *m)
{
    (void)s->host->state_put(
        s->module->instance, receipt_key(m), (struct impel_str){NULL, 0}, 0);
    receipt_free(s, m);
}

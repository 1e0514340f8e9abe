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

#include "verb.h"

enum { RCPT_LEAST = 4 + 1 + 2 + 2, META_MOST = 256 };

static struct impel_str
receipt_key(const struct receipt *m)
{
    return (struct impel_str){m->key, m->key_n};
}

/* NULL: no memory; an answer without words will do. */
static char *
words_of(const struct impel_result *said)
{
    size_t n = said->text.n < 400 ? said->text.n : 400;
    char *to = malloc(n + 1);

    if (!to)
        return NULL;
    memcpy(to, n ? said->text.p : "", n);
    to[n] = '\0';
    return to;
}

static void
rcpt_say_code(struct rcpt *r, const struct impel_result *said)
{
    r->code = said->code;
    for (int i = 0; i < 3; i++)
        r->status[i] = (uint8_t)said->status[i];
    free(r->text);
    r->text = NULL;
}

static void
rcpt_say(struct rcpt *r, const struct impel_result *said)
{
    rcpt_say_code(r, said);
    r->text = words_of(said);
}

static void
rcpt_say_text(struct rcpt *r, const char *text)
{
    struct impel_result said = outcome_internal(0, 0, 0, text);

    said.text.p += 10; /* "250 2.0.0 " */
    said.text.n -= 10;
    rcpt_say(r, &said);
}

static int
number_cmp(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static bool
number_is_in(uint32_t number, const uint32_t *list, size_t count)
{
    return list && bsearch(&number, list, count, sizeof(*list), number_cmp);
}

/* Those taken by messages of this key before, ascending; NULL: none, or there
 * is no memory, which m->was says then. */
static uint32_t *
numbers_taken(struct receipt *m, size_t *count)
{
    struct frame_in in = {m->was.p, m->was.n, false};
    uint32_t *list = m->was.n ? malloc(m->was.n) : NULL;

    *count = 0;
    if (!list) {
        m->was.failed |= m->was.n > 0;
        return NULL;
    }
    while (in.n >= 4)
        list[(*count)++] = frame_u32(&in);
    qsort(list, *count, sizeof(*list), number_cmp);
    return list;
}

/* What is known of the key by now. */
static void
receipt_recall(struct server *s, struct receipt *m)
{
    struct impel_str is =
        s->host->state_get(s->module->instance, receipt_key(m));

    m->was.n = 0;
    frame_put(&m->was, is.p, is.n - is.n % 4);
}

/* All but tag, key, and the numbers that are known by it. */
static void
receipt_forget(struct receipt *m)
{
    m->asked = 0;
    for (size_t i = 0; i < m->rcpt_count; i++) {
        free(m->rcpt[i].text);
        if (m->rcpt[i].code / 100 == 2)
            m->places[m->asked++] = m->rcpt[i].number;
    }
    free(m->rcpt);
    free(m->words);
    m->rcpt = NULL;
    m->words = NULL;
    m->rcpt_count = 0;
    frame_out_fini(&m->was);
    frame_out_fini(&m->envelope);
}

/* It is not to be committed any more. */
static void
receipt_land(struct server *s, struct receipt *m)
{
    if (m->in && m->state < RECEIPT_COMMIT)
        s->host->intake->abandon(m->in);
    m->in = NULL;
    if (m->flying)
        flying_end(&s->module->flying, receipt_key(m), s->module);
    m->flying = false;
    if (m->state == RECEIPT_WAIT) {
        flying_leave(&s->module->flying, receipt_key(m), &m->wait);
        s->waiting--;
    }
    if (s->body_of == m)
        s->body_of = NULL;
}

void
receipt_free(struct server *s, struct receipt *m)
{
    receipt_land(s, m);
    if (s->setup == m)
        s->setup = NULL;
    tags_remove(&s->tags, m->tag);
    s->octets -= m->octets;
    s->counted--;
    receipt_forget(m);
    free(m->places);
    free(m);
}

/* Nothing more will become of it: say so.  It stays if its key does. */
static void
receipt_answer(struct server *s, struct receipt *m)
{
    receipt_land(s, m);
    m->state = RECEIPT_ANSWERED;
    server_answer(s, m);
    s->octets -= m->octets;
    m->octets = 0;
    receipt_forget(m);
    if (!m->asked)
        receipt_free(s, m);
}

/* For those that nothing was said of, or that it was taken. */
static void
receipt_say_rest(struct receipt *m, const struct impel_result *r)
{
    free(m->words);
    m->words = words_of(r);
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].code == 0 || m->rcpt[i].taken)
            rcpt_say_code(&m->rcpt[i], r);
}

static void
receipt_refuse(struct server *s, struct receipt *m, const char *text)
{
    struct impel_result r = outcome_internal(0, 0, 0, text);

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
    size_t open = 0, count;
    uint32_t *taken;

    receipt_recall(s, m);
    taken = numbers_taken(m, &count);
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct rcpt *r = &m->rcpt[i];

        r->number = frame_u32(&rcpt);
        (void)frame_u8(&rcpt);
        (void)frame_text(&rcpt);
        (void)frame_text(&rcpt);
        if (number_is_in(r->number, taken, count))
            rcpt_say_text(r, "250 2.0.0 OK, taken before");
        else
            open++;
    }
    free(taken);
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
    (void)intake->set_meta(m->in, line_str("protocol"), line_str("ecstream"));
    m->state = RECEIPT_SENDER;
    s->setup = m;
    s->state = SERVER_SETUP;
}

/* As MAIL and RCPT have them: what is none would be lost on the next hop. */
static bool
envid_is_fit(struct impel_str s)
{
    return !s.p || (s.n <= VERB_MAX_ENVID && verb_is_xtext(s, false));
}

static bool
original_is_fit(struct impel_str s, uint32_t needs)
{
    return !s.p || verb_is_original(s, needs & IMPEL_NEED_UTF8);
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
    } else if (m->rcpt_count > server_most_rcpts(s)) {
        receipt_refuse(s, m, "452 4.5.3 too many recipients");
    } else if (!receipt_look(s, m, e.rcpt)) {
        s->host->count(s->module->instance, COUNT_KNOWN, 1);
        receipt_answer(s, m);
    } else if (receipt_is_too_large(s, &e)) {
        receipt_refuse(s, m, "552 5.3.4 message is too large");
    } else if (!envid_is_fit(e.from.envid)) {
        receipt_refuse(s, m, "501 5.5.4 bad ENVID");
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
        if (!original_is_fit(rcpt.original, e.from.needs))
            rcpt_say_text(&m->rcpt[i], "501 5.5.4 bad ORCPT");
        else if (rcpt.notify > 15 ||
            s->host->intake->recipient(m->in, &rcpt) < 0)
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
        to->taken = true; /* the words come with the commit */
        m->accepted++;
        rcpt_say_code(to, r);
    } else {
        rcpt_say(to, r);
    }
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

/* Of those that are to be taken, how many another connection has committed
 * meanwhile. */
static size_t
receipt_overtaken(struct server *s, struct receipt *m)
{
    size_t count = 0, taken_count;
    uint32_t *taken;

    receipt_recall(s, m);
    taken = numbers_taken(m, &taken_count);
    for (size_t i = 0; i < m->rcpt_count; i++)
        count += m->rcpt[i].taken &&
            number_is_in(m->rcpt[i].number, taken, taken_count);
    free(taken);
    return count;
}

static void
receipt_commit(struct server *s, struct receipt *m)
{
    const struct impel_intake *intake = s->host->intake;
    int64_t until = (int64_t)time(NULL) * 1000 +
        s->host->opt_int(s->scope, OPT_RESEND_TIME);

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

/* It is alone with its key now. */
static void
receipt_fly(struct server *s, struct receipt *m)
{
    size_t overtaken = receipt_overtaken(s, m);

    if (!overtaken)
        receipt_commit(s, m);
    else if (overtaken == m->accepted)
        receipt_refuse(s, m, "250 2.0.0 OK, taken before");
    else
        receipt_refuse(s, m, "451 4.3.2 this key was being taken elsewhere");
}

void
receipt_end(struct server *s, struct receipt *m)
{
    if (m->state != RECEIPT_BODY)
        return;
    m->wait.token = s->host->token(s->session);
    m->wait.arg = m->tag;
    switch (flying_begin(&s->module->flying, receipt_key(m), &m->wait)) {
    case FLYING_BEGUN:
        m->flying = true;
        receipt_fly(s, m);
        break;
    case FLYING_WAITS:
        m->state = RECEIPT_WAIT;
        s->waiting++;
        break;
    case FLYING_NO_MEMORY:
        receipt_refuse(s, m, "451 4.3.0 no memory");
        break;
    }
}

void
receipt_woken(struct server *s, struct receipt *m)
{
    if (m->state != RECEIPT_WAIT)
        return;
    s->waiting--;
    m->state = RECEIPT_BODY;
    receipt_end(s, m);
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

static bool
receipt_has(const struct receipt *m, uint32_t number)
{
    for (size_t i = 0; i < m->asked; i++)
        if (m->places[i] == number)
            return true;
    return false;
}

/* What others have taken of this key, and did not confirm. */
static void
receipt_keep_others(struct server *s, const struct receipt *m)
{
    struct impel_str is =
        s->host->state_get(s->module->instance, receipt_key(m));
    struct frame_in in = {(const uint8_t *)is.p, is.n, false};
    struct frame_out rest = {0};
    int64_t until = -1; /* forgotten */

    while (in.n >= 4) {
        uint32_t number = frame_u32(&in);

        if (!receipt_has(m, number))
            frame_put_u32(&rest, number);
    }
    if (rest.n)
        until = (int64_t)time(NULL) * 1000 +
            s->host->opt_int(s->scope, OPT_RESEND_TIME);
    if (!rest.failed)
        (void)s->host->state_put(s->module->instance, receipt_key(m),
            (struct impel_str){(const char *)rest.p, rest.n}, until);
    frame_out_fini(&rest);
}

void
receipt_confirm(struct server *s, struct receipt *m)
{
    receipt_keep_others(s, m);
    receipt_free(s, m);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * receipt.c - a message on its way in: envelope, body, commit, answer.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "envelope.h"
#include "known.h"
#include "verb.h"

enum {
    WORDS_MOST = 400,
    SPARES_MOST = 256,      /* receipts of a connection that are kept, */
    SPARE_WAS_MOST = 256,   /* with so many octets each, */
    SPARE_FRAME_MOST = 4096 /* and of the connection's envelope */
};

static struct impel_str
receipt_key(const struct receipt *m)
{
    return (struct impel_str){m->key, m->key_n};
}

/* Until when what is stored now is known: ms, wall clock. */
static int64_t
remembers(const struct server *s)
{
    return (int64_t)time(NULL) * 1000 +
        s->host->opt_int(s->scope, OPT_RESEND_TIME);
}

static struct impel_str
words_of(const struct impel_result *said)
{
    return (struct impel_str){
        said->text.p, said->text.n < WORDS_MOST ? said->text.n : WORDS_MOST};
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
    struct impel_str words = words_of(said);

    rcpt_say_code(r, said);
    r->text = malloc(words.n + 1);
    if (!r->text)
        return; /* an answer without words will do */
    memcpy(r->text, words.n ? words.p : "", words.n);
    r->text[words.n] = '\0';
}

static void
rcpt_say_text(struct rcpt *r, const char *text)
{
    struct impel_result said = outcome_internal(0, 0, 0, text);

    said.text.p += 10; /* "250 2.0.0 " */
    said.text.n -= 10;
    rcpt_say(r, &said);
}

static void
receipt_free_rcpts(struct receipt *m)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        free(m->rcpt[i].text);
    m->rcpt_count = 0;
    if (m->rcpt != &m->one)
        free(m->rcpt);
    m->rcpt = NULL;
}

/* All but tag, key, and the numbers that are known by it. */
static void
receipt_forget(struct receipt *m)
{
    m->asked = 0;
    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].code / 100 == 2)
            m->places[m->asked++] = m->rcpt[i].number;
    receipt_free_rcpts(m);
    m->words = line_str("");
    if (m->was.size > SPARE_WAS_MOST)
        frame_out_fini(&m->was);
}

/* With the memory of one that is gone, if there is such. */
static struct receipt *
receipt_take(struct server *s)
{
    struct receipt *m = s->spare;
    struct frame_out was;

    if (!m)
        return calloc(1, sizeof(*m));
    s->spare = m->next;
    s->spare_count--;
    was = m->was;
    memset(m, 0, sizeof(*m));
    m->was.p = was.p;
    m->was.size = was.size;
    return m;
}

static void
receipt_give(struct server *s, struct receipt *m)
{
    if (s->spare_count == SPARES_MOST) {
        frame_out_fini(&m->was);
        free(m);
        return;
    }
    m->next = s->spare;
    s->spare = m;
    s->spare_count++;
}

void
receipt_fini(struct server *s)
{
    struct receipt *m;

    while ((m = s->spare) != NULL) {
        s->spare = m->next;
        frame_out_fini(&m->was);
        free(m);
    }
    frame_out_fini(&s->envelope);
}

/* It is not to be committed any more. */
static void
receipt_land(struct server *s, struct receipt *m)
{
    if (m->in && m->state < RECEIPT_COMMIT)
        s->host->intake->abandon(m->in);
    m->in = NULL;
    if (m->flying)
        flying_end(&s->module->flying, &m->flight, s->module);
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
    if (m->places != &m->one_place)
        free(m->places);
    receipt_give(s, m);
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

static bool
receipt_room(struct receipt *m, uint32_t rcpt_count)
{
    m->rcpt = &m->one;
    m->places = &m->one_place;
    if (rcpt_count > 1) {
        m->rcpt = calloc(rcpt_count, sizeof(*m->rcpt));
        m->places = calloc(rcpt_count, sizeof(*m->places));
    }
    m->rcpt_count = m->rcpt ? rcpt_count : 0;
    return m->rcpt && m->places;
}

static struct receipt *
receipt_new(struct server *s, struct impel_str key, uint32_t rcpt_count)
{
    struct receipt *m = receipt_take(s);

    if (!m)
        return NULL;
    m->tag = ++s->last_tag;
    memcpy(m->key, s->stream, FRAME_STREAM);
    memcpy(m->key + FRAME_STREAM, key.p, key.n);
    m->key_n = FRAME_STREAM + key.n;
    s->counted++;
    if (receipt_room(m, rcpt_count) && tags_add(&s->tags, m->tag, m))
        return m;
    m->rcpt_count = m->places ? m->rcpt_count : 0;
    receipt_free(s, m);
    return NULL;
}

/* Numbers, and what is known of them already. */
static size_t
receipt_look(struct server *s, struct receipt *m, struct frame_in rcpt)
{
    size_t open = 0, count;
    uint32_t *taken;

    known_recall(s->module, receipt_key(m), &m->was);
    taken = known_numbers(&m->was, &count);
    for (size_t i = 0; i < m->rcpt_count; i++) {
        struct rcpt *r = &m->rcpt[i];

        r->number = frame_u32(&rcpt);
        (void)frame_u8(&rcpt);
        (void)frame_text(&rcpt);
        (void)frame_text(&rcpt);
        if (known_has(r->number, taken, count))
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

/* Its frame is gone when the verdicts come. */
static void
setup_begin(struct server *s, struct impel_str payload)
{
    if (s->envelope.failed || s->envelope.size > SPARE_FRAME_MOST)
        frame_out_fini(&s->envelope);
    s->envelope.n = 0;
    frame_put(&s->envelope, payload.p, payload.n);
}

static void
setup_end(struct server *s)
{
    s->setup = NULL;
    s->state = SERVER_OPEN;
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
        setup_begin(s, payload);
        if (s->envelope.failed || m->was.failed)
            receipt_refuse(s, m, "451 4.3.0 no memory");
        else
            receipt_start(s, m, &e);
    }
    return true;
}

/* The envelope again, from its frame. */
static void
receipt_envelope(const struct server *s, struct envelope *e)
{
    struct frame_in in = {s->envelope.p, s->envelope.n, false};

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

    receipt_envelope(s, &e);
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
    setup_end(s);
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
            setup_end(s);
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

    known_recall(s->module, receipt_key(m), &m->was);
    taken = known_numbers(&m->was, &taken_count);
    for (size_t i = 0; i < m->rcpt_count; i++)
        count += m->rcpt[i].taken &&
            known_has(m->rcpt[i].number, taken, taken_count);
    free(taken);
    return count;
}

static void
receipt_commit(struct server *s, struct receipt *m)
{
    const struct impel_intake *intake = s->host->intake;

    for (size_t i = 0; i < m->rcpt_count; i++)
        if (m->rcpt[i].taken)
            frame_put_u32(&m->was, m->rcpt[i].number);
    if (m->was.failed ||
        intake->keep(m->in,
            (struct impel_str){(const char *)m->was.p, m->was.n},
            remembers(s)) < 0 ||
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
    m->flight.key = receipt_key(m);
    switch (flying_begin(&s->module->flying, &m->flight, &m->wait)) {
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

void
receipt_confirm(struct server *s, struct receipt *m)
{
    known_forget(s->module, receipt_key(m), m->places, m->asked, remembers(s));
    receipt_free(s, m);
}

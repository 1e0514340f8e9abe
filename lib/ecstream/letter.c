/* SPDX-License-Identifier: Apache-2.0
 *
 * letter.c - messages: taken from the caller, sent, and sent again.
 */
#include "stream.h"

#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 65536,
    OUT_MOST = 262144,
    LETTERS_MOST = 64 << 20, /* octets of all letters, without bodies */
    UNKNOWN_MOST = 1000,     /* open while the window is not known */
    TEXT_MOST = 65535,
    AGAIN_MS = 100,
    AGAIN_MOST_MS = 5000,
    /* of version 1; it stays when members are added */
    MESSAGE_FIRST = offsetof(struct ecstream_message, arg) + sizeof(void *)
};

void
letter_add(struct line *to, struct letter *l)
{
    l->next = NULL;
    if (!to->first)
        to->last = &to->first;
    *to->last = l;
    to->last = &l->next;
}

struct letter *
letter_take(struct line *from)
{
    struct letter *l = from->first;

    if (l)
        from->first = l->next;
    return l;
}

static size_t
letter_cost(const struct letter *l)
{
    return l->envelope_n + l->rcpt_count * sizeof(*l->results);
}

void
letter_trim(struct ecstream *s, struct letter *l)
{
    if (l->envelope)
        s->letter_octets -= letter_cost(l);
    free(l->envelope);
    free(l->results);
    l->envelope = NULL;
    l->results = NULL;
}

void
letter_free(struct ecstream *s, struct letter *l)
{
    letter_trim(s, l);
    free(l);
}

/* --- from the caller --- */

/* What a text of the protocol may be. */
static bool
text_is_fit(const char *text)
{
    return !text ||
        (strlen(text) <= TEXT_MOST && strpbrk(text, "\r\n") == NULL);
}

static const char *
rcpts_fault(const struct ecstream_message *m)
{
    if (!m->recipients || !m->recipient_count)
        return "a message has no recipient";
    if (m->recipient_count > FRAME_MOST / 9)
        return "a message has too many recipients";
    for (size_t i = 0; i < m->recipient_count; i++) {
        const struct ecstream_recipient *r = &m->recipients[i];

        if (!r->address || !r->address[0])
            return "a recipient has no address";
        if (!text_is_fit(r->address) || !text_is_fit(r->original))
            return "a recipient has an address that cannot be sent";
        if (r->notify > 15)
            return "a recipient's notify has no such value";
    }
    return NULL;
}

static const char *
message_fault(const struct ecstream_message *m)
{
    if (!m->read && !m->body && m->body_size)
        return "a message has no body";
    if (m->body_size > INT64_MAX)
        return "a message is too large";
    if (m->key ? !m->key_size || m->key_size > FRAME_KEY_MOST : m->key_size)
        return "a key has 1 to 64 octets";
    if (!text_is_fit(m->sender) || !text_is_fit(m->envid))
        return "a sender or ENVID cannot be sent";
    if (m->ret < ECSTREAM_RET_NONE || m->ret > ECSTREAM_RET_FULL ||
        m->flags & ~(unsigned)(FRAME_FLAGS | ECSTREAM_NUMBERED))
        return "ret or flags have no such value";
    if (m->pair_count > 256 || (m->pair_count && !m->pairs))
        return "a message has too many pairs";
    for (size_t i = 0; i < m->pair_count; i++)
        if (!m->pairs[i].key || !text_is_fit(m->pairs[i].key) ||
            !text_is_fit(m->pairs[i].value))
            return "a pair cannot be sent";
    return rcpts_fault(m);
}

static void
put_text(struct frame_out *out, const char *text)
{
    struct impel_str s = {text ? text : "", text ? strlen(text) : 0};

    frame_put_text(out, s);
}

static void
put_key(
    struct ecstream *s, struct frame_out *out, const struct ecstream_message *m)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t parts[] = {s->key_salt, 0};
    char made[32];

    if (m->key) {
        frame_put_u16(out, (uint16_t)m->key_size);
        frame_put(out, m->key, m->key_size);
        return;
    }
    parts[1] = s->next_key++;
    for (size_t i = 0; i < sizeof(made); i++)
        made[i] = digits[parts[i / 16] >> (60 - i % 16 * 4) & 15];
    frame_put_u16(out, sizeof(made));
    frame_put(out, made, sizeof(made));
}

static void
put_lists(struct frame_out *out, const struct ecstream_message *m)
{
    frame_put_u16(out, (uint16_t)m->pair_count);
    for (size_t i = 0; i < m->pair_count; i++) {
        put_text(out, m->pairs[i].key);
        put_text(out, m->pairs[i].value);
    }
    frame_put_u32(out, (uint32_t)m->recipient_count);
    for (size_t i = 0; i < m->recipient_count; i++) {
        const struct ecstream_recipient *r = &m->recipients[i];

        frame_put_u32(
            out, m->flags & ECSTREAM_NUMBERED ? r->number : (uint32_t)i);
        frame_put_u8(out, (uint8_t)r->notify);
        put_text(out, r->address);
        put_text(out, r->original);
    }
}

int
letter_new(
    struct ecstream *s, const struct ecstream_message *m, struct letter **to)
{
    const char *fault = message_fault(m);
    struct frame_out out = {0};
    struct letter *l;

    if (fault)
        return stream_error(s, ECSTREAM_E_INVAL, "%s", fault);
    put_key(s, &out, m);
    frame_put_u8(&out, (uint8_t)(m->flags & FRAME_FLAGS));
    frame_put_u8(&out, (uint8_t)m->ret);
    frame_put_u64(&out, m->body_size);
    put_text(&out, m->sender);
    put_text(&out, m->envid);
    put_lists(&out, m);
    if (!out.failed && out.n > FRAME_MOST - 5) {
        frame_out_fini(&out);
        return stream_error(
            s, ECSTREAM_E_INVAL, "an envelope is larger than a frame may be");
    }
    l = calloc(1, sizeof(*l));
    if (l)
        l->results = calloc(m->recipient_count, sizeof(*l->results));
    if (!l || !l->results || out.failed) {
        frame_out_fini(&out);
        if (l)
            free(l->results);
        free(l);
        return stream_error(s, ECSTREAM_E_NOMEM, "no memory");
    }
    l->envelope = out.p;
    l->envelope_n = out.n;
    l->key_n = m->key ? m->key_size : 32;
    l->rcpt_count = m->recipient_count;
    l->needs_tls = m->flags & ECSTREAM_REQUIRETLS;
    l->body = m->body;
    l->read = m->read;
    l->arg = m->arg;
    l->size = m->body_size;
    s->letter_octets += letter_cost(l);
    *to = l;
    return 0;
}

bool
ecstream_has_room(const struct ecstream *s)
{
    size_t most = s->reached ? s->server.window : UNKNOWN_MOST;

    if (s->o.most_open)
        most = s->o.most_open;
    return s->state != STREAM_OVER && !s->closing && s->count < most &&
        s->letter_octets < LETTERS_MOST;
}

int
ecstream_send(struct ecstream *s, const struct ecstream_message *from)
{
    struct ecstream_message m = {0};
    struct letter *l;
    int rc;

    if (s->state == STREAM_OVER)
        return s->over;
    if (s->closing)
        return stream_error(s, ECSTREAM_E_CLOSED, "the stream is closed");
    if (!ecstream_has_room(s))
        return ECSTREAM_E_FULL;
    if (from->size < MESSAGE_FIRST)
        return stream_error(
            s, ECSTREAM_E_INVAL, "message.size is not that of the structure");
    memcpy(&m, from, from->size < sizeof(m) ? from->size : sizeof(m));
    rc = letter_new(s, &m, &l);
    if (rc < 0)
        return rc;
    letter_add(&s->todo, l);
    s->count++;
    return 0;
}

/* --- out --- */

/* Why the server would not take it; NULL: it may. */
static const struct ecstream_result *
letter_fault(const struct ecstream *s, const struct letter *l)
{
    static const struct ecstream_result large = {
        552, {5, 3, 4}, "larger than the server takes"};
    static const struct ecstream_result many = {
        452, {4, 5, 3}, "more recipients than the server takes"};
    static const struct ecstream_result bare = {
        550, {5, 7, 10}, "REQUIRETLS, and this connection has no TLS"};

    if (s->server.most_octets && l->size > s->server.most_octets)
        return &large;
    if (l->rcpt_count > s->server.most_recipients)
        return &many;
    return l->needs_tls && !s->tls ? &bare : NULL;
}

/* Room for one more in both windows. */
static bool
letter_may_begin(const struct ecstream *s, const struct letter *l)
{
    uint64_t most = s->server.octets_window;

    if (s->going ||
        s->tags.live + s->held_count + s->confirm_n >= s->server.window)
        return false;
    if (s->slow && s->tags.live - s->told_count >= s->slow)
        return false;
    return !s->octets || (s->octets <= most && l->size <= most - s->octets);
}

static bool
letter_begin(struct ecstream *s)
{
    struct letter *l = s->todo.first;
    const struct ecstream_result *fault = letter_fault(s, l);

    if (fault) {
        answer_all(s, letter_take(&s->todo), fault);
        return true;
    }
    if (!letter_may_begin(s, l))
        return false;
    if (!tags_add(&s->tags, s->last_tag + 1, l)) {
        s->out.failed = true;
        return false;
    }
    s->current = letter_take(&s->todo);
    l->tag = ++s->last_tag;
    if (s->last_tag == UINT32_MAX - 1) { /* no more of them: another one */
        s->going = true;
        s->going_code = 0;
    }
    l->at = 0;
    l->ended = l->told = false;
    s->octets += l->size;
    frame_begin(&s->out, FRAME_MESSAGE);
    frame_put_u32(&s->out, l->tag);
    frame_put(&s->out, l->envelope, l->envelope_n);
    frame_end(&s->out);
    return true;
}

static void
letter_end(struct ecstream *s, bool whole)
{
    frame_begin(&s->out, whole ? FRAME_END : FRAME_ABANDON);
    frame_put_u32(&s->out, s->current->tag);
    frame_end(&s->out);
    s->current->ended = true;
    s->current = NULL;
}

static void
letter_body(struct ecstream *s)
{
    struct letter *l = s->current;
    uint64_t left = l->size - l->at;
    size_t want = left < PIECE ? (size_t)left : PIECE, begun = s->out.n;
    int64_t n = (int64_t)want;
    uint8_t *to;

    frame_begin(&s->out, FRAME_BODY);
    frame_put_u32(&s->out, l->tag);
    to = frame_room(&s->out, want);
    if (!to)
        return;
    if (l->read)
        n = l->read(l->arg, l->at, to, want);
    else
        memcpy(to, l->body + l->at, want);
    if (n <= 0 || (uint64_t)n > want) {
        s->out.n = begun;
        letter_end(s, false);
        return;
    }
    s->out.n += (size_t)n;
    frame_end(&s->out);
    l->at += (uint64_t)n;
}

void
letter_send_all(struct ecstream *s)
{
    while (s->state == STREAM_OPEN && s->out.n < OUT_MOST && !s->out.failed) {
        if (!s->current && (!s->todo.first || !letter_begin(s)))
            return;
        if (!s->current)
            continue;
        if (s->current->at < s->current->size)
            letter_body(s);
        else
            letter_end(s, true);
    }
}

bool
letter_may_send(const struct ecstream *s)
{
    return s->current || (s->todo.first && letter_may_begin(s, s->todo.first));
}

/* --- once more --- */

void
letter_put_off(struct ecstream *s, struct letter *l)
{
    int64_t ms = (int64_t)AGAIN_MS << (l->tries < 6 ? l->tries : 6);

    l->due = stream_clock() + (ms < AGAIN_MOST_MS ? ms : AGAIN_MOST_MS);
    l->tries++;
    letter_add(&s->later, l);
}

void
letter_again(struct ecstream *s, int64_t now)
{
    struct line all = s->later;
    struct letter *l;

    if (!all.first)
        return;
    s->later.first = NULL;
    while ((l = letter_take(&all)) != NULL)
        letter_add(l->due <= now ? &s->todo : &s->later, l);
}

void
letter_return_all(struct ecstream *s)
{
    struct line waits = s->todo;
    struct letter *l;
    size_t at = 0;

    s->todo.first = NULL;
    s->current = NULL;
    while ((l = tags_next(&s->tags, &at)) != NULL)
        if (l->told)
            letter_free(s, l);
        else
            letter_add(&s->todo, l);
    tags_fini(&s->tags);
    while ((l = letter_take(&waits)) != NULL)
        letter_add(&s->todo, l);
    for (l = s->todo.first; l; l = l->next)
        l->held_count = 0;
    for (l = s->later.first; l; l = l->next)
        l->held_count = 0;
    s->told_count = s->held_count = 0;
}

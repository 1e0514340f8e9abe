/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - what became of messages: told to the caller, and confirmed.
 */
#include "stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIRM_RUNS_MOST = 30000 };

/* --- an answer is put together --- */

/* Room for that many octets of words; what was there is gone. */
static bool
answer_room(struct ecstream *s, size_t octets)
{
    char *p;

    s->words_n = 0;
    if (s->words_size >= octets)
        return true;
    p = realloc(s->words, octets);
    if (!p)
        return false;
    s->words = p;
    s->words_size = octets;
    return true;
}

/* A copy that ends in NUL; there is room. */
static const char *
answer_words(struct ecstream *s, struct impel_str text)
{
    char *to = s->words + s->words_n;

    memcpy(to, text.p, text.n);
    to[text.n] = '\0';
    s->words_n += text.n + 1;
    return to;
}

static void
answer_tell(struct ecstream *s, struct letter *l, uint64_t receipt)
{
    struct ecstream_answer a = {.message = l->arg,
        .key = l->envelope + 2,
        .key_size = l->key_n,
        .count = l->rcpt_count,
        .results = l->results,
        .receipt = receipt};

    s->count--;
    s->o.answered(s->o.arg, &a);
}

void
answer_all(
    struct ecstream *s, struct letter *l, const struct ecstream_result *r)
{
    char text[ECSTREAM_ERROR_SIZE]; /* the caller's calls may change s->error */
    struct ecstream_result same = *r;

    snprintf(text, sizeof(text), "%s", r->text);
    same.text = text;
    for (size_t i = 0; i < l->rcpt_count; i++)
        l->results[i] = same;
    answer_tell(s, l, 0);
    letter_free(s, l);
}

/* --- RESULTS --- */

static bool
take_group(struct ecstream *s, struct letter *l, struct frame_in *in)
{
    struct ecstream_result r = {.code = frame_u16(in)};
    uint16_t runs;

    for (int i = 0; i < 3; i++)
        r.status[i] = frame_u8(in);
    r.text = answer_words(s, frame_text(in));
    runs = frame_u16(in);
    if (in->bad || !runs || r.code < 200 || r.code > 599 || r.code / 100 == 3)
        return false;
    for (uint16_t i = 0; i < runs; i++) {
        uint32_t first = frame_u32(in), n = frame_u32(in);

        if (in->bad || !n || first >= l->rcpt_count ||
            n > l->rcpt_count - first)
            return false;
        for (uint32_t k = first; k < first + n; k++) {
            if (l->results[k].text)
                return false;
            l->results[k] = r;
        }
    }
    return true;
}

/* Every recipient has a result; *keeps: a 2xx is among them, so the server
 * knows the key until it is confirmed. */
static bool
results_are_whole(const struct letter *l, bool *keeps)
{
    *keeps = false;
    for (size_t i = 0; i < l->rcpt_count; i++) {
        if (!l->results[i].text)
            return false;
        *keeps = *keeps || l->results[i].code / 100 == 2;
    }
    return true;
}

/* The server was leaving when it met this one: it is for the next. */
static bool
results_are_farewell(const struct ecstream *s, const struct letter *l)
{
    if (!s->going || !s->going_code)
        return false;
    for (size_t i = 0; i < l->rcpt_count; i++)
        if (l->results[i].code != s->going_code)
            return false;
    return true;
}

/* Another connection, perhaps one that was lost, is bringing the same key. */
static bool
results_are_busy(const struct letter *l)
{
    static const uint16_t busy[3] = {4, 3, 2};

    if (l->tries >= LETTER_TRIES)
        return false;
    for (size_t i = 0; i < l->rcpt_count; i++)
        if (l->results[i].code == 451 &&
            memcmp(l->results[i].status, busy, sizeof(busy)) == 0)
            return true;
    return false;
}

/* Sent once more; what the server keeps of this try is confirmed with the
 * last. */
static void
answer_retry(struct ecstream *s, struct letter *l, bool keeps, bool farewell)
{
    if (keeps && l->held_count < LETTER_TRIES) {
        l->held[l->held_count++] = l->tag;
        s->held_count++;
    }
    if (farewell)
        letter_add(&s->todo, l);
    else
        letter_put_off(s, l);
}

/* What l has held goes to the server with its last tag; false: no memory. */
static bool
answer_confirm_letter(struct ecstream *s, struct letter *l)
{
    bool fine = true;

    for (unsigned i = 0; i < l->held_count; i++)
        fine = answer_confirm_tag(s, l->held[i]) && fine;
    s->held_count -= l->held_count;
    if (l->told)
        fine = answer_confirm_tag(s, l->tag) && fine;
    return fine;
}

static bool
answer_done(struct ecstream *s, struct letter *l, bool keeps)
{
    uint64_t receipt = (uint64_t)s->connection << 32 | l->tag;
    bool fine = true;

    l->told = keeps;
    if (!keeps && !l->held_count) {
        tags_remove(&s->tags, l->tag);
        answer_tell(s, l, 0);
        letter_free(s, l);
        return true;
    }
    if (s->o.confirm_later && keeps) {
        s->told_count++;
        l->telling = true;
        answer_tell(s, l, receipt);
        l->telling = false;
        letter_trim(s, l);
        if (l->confirmed)
            ecstream_confirm(s, receipt);
        return true;
    }
    tags_remove(&s->tags, l->tag);
    answer_tell(s, l, 0);
    fine = answer_confirm_letter(s, l);
    letter_free(s, l);
    return fine;
}

static bool
take_answer(struct ecstream *s, struct frame_in *in)
{
    uint32_t tag = frame_u32(in);
    uint16_t groups = frame_u16(in);
    struct letter *l = tags_find(&s->tags, tag);
    bool keeps, farewell;

    if (!l || l->told || !groups || !answer_room(s, in->n + 1))
        return false;
    memset(l->results, 0, l->rcpt_count * sizeof(*l->results));
    for (uint16_t i = 0; i < groups; i++)
        if (!take_group(s, l, in))
            return false;
    if (!results_are_whole(l, &keeps))
        return false;
    s->octets -= l->size;
    if (s->current == l) /* answered before it was sent whole */
        s->current = NULL;
    farewell = results_are_farewell(s, l);
    if (farewell || results_are_busy(l)) {
        tags_remove(&s->tags, tag);
        answer_retry(s, l, keeps, farewell);
        return true;
    }
    return answer_done(s, l, keeps);
}

bool
answer_take(struct ecstream *s, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};
    uint16_t count = frame_u16(&in);

    for (uint16_t i = 0; i < count; i++)
        if (!take_answer(s, &in))
            return false;
    s->bad_since = 0;
    s->fails = 0;
    s->heard = true;
    s->slow = 2 * s->slow < s->server.window ? 2 * s->slow : 0;
    return count && frame_is_done(&in);
}

/* --- CONFIRM --- */

bool
answer_confirm_tag(struct ecstream *s, uint32_t tag)
{
    if (s->confirm_n == s->confirm_size) {
        size_t size = s->confirm_size ? 2 * s->confirm_size : 256;
        uint32_t *p = realloc(s->confirm, size * sizeof(*p));

        if (!p)
            return false;
        s->confirm = p;
        s->confirm_size = size;
    }
    s->confirm[s->confirm_n++] = tag;
    return true;
}

void
ecstream_confirm(struct ecstream *s, uint64_t receipt)
{
    struct letter *l;

    if (!receipt || receipt >> 32 != s->connection)
        return;
    l = tags_find(&s->tags, (uint32_t)receipt);
    if (!l || !l->told)
        return;
    if (l->telling) { /* it is read until answered() returns */
        l->confirmed = true;
        return;
    }
    tags_remove(&s->tags, l->tag);
    s->told_count--;
    (void)answer_confirm_letter(s, l); /* else the server forgets in time */
    letter_free(s, l);
}

/* One frame; how many tags it has. */
static size_t
put_confirm(struct ecstream *s, const uint32_t *tags, size_t n)
{
    size_t runs_at = s->out.n + FRAME_HEAD, i = 0;
    uint16_t runs = 0;

    frame_begin(&s->out, FRAME_CONFIRM);
    frame_put_u16(&s->out, 0);
    while (i < n && runs < CONFIRM_RUNS_MOST) {
        uint32_t first = tags[i], count = 1;

        while (i + count < n && tags[i + count] == first + count)
            count++;
        frame_put_u32(&s->out, first);
        frame_put_u32(&s->out, count);
        i += count;
        runs++;
    }
    frame_set_u16(&s->out, runs_at, runs);
    frame_end(&s->out);
    return i;
}

void
answer_confirm(struct ecstream *s)
{
    if (s->state != STREAM_OPEN)
        return;
    for (size_t at = 0; at < s->confirm_n;)
        at += put_confirm(s, s->confirm + at, s->confirm_n - at);
    s->confirm_n = 0;
}

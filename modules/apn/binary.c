/* SPDX-License-Identifier: Apache-2.0
 *
 * binary.c - the protocol of port 2195: notifications one behind the other, and
 * an answer only if one is refused.
 *
 * Silence means yes after delivery_response_timeout.  An error packet ends the
 * connection: what went before the one it names was taken, what went behind it
 * was thrown away and is sent again.
 */
#include "binary.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"

enum { OPEN_MOST = 2000 /* notifications that wait for silence */ };
struct binary {
    struct session base;
    uint32_t last_id;
};

static struct binary *
binary_of(struct session *s)
{
    return (struct binary *)s;
}

/* --- frames --- */

static uint8_t *
put_number(uint8_t *to, uint64_t v, int octets)
{
    while (octets-- > 0)
        *to++ = (uint8_t)(v >> (8 * octets));
    return to;
}

static uint8_t *
put_item(uint8_t *to, uint8_t id, const void *p, size_t n)
{
    *to++ = id;
    to = put_number(to, n, 2);
    memcpy(to, p, n);
    return to + n;
}

static size_t
token_octets(const char *hex, uint8_t to[NOTICE_TOKEN_MOST / 2])
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < 2 * n; i++) {
        uint8_t v = (uint8_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);

        to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | v : v << 4);
    }
    return n;
}

size_t
binary_frame(const struct notice *n, const char *token, uint32_t id,
    uint8_t to[BINARY_FRAME_MOST])
{
    uint8_t octets[NOTICE_TOKEN_MOST / 2], four[4], *p = to + 5;
    uint8_t priority = strcmp(n->priority, "5") == 0 ? 5 : 10;
    size_t token_n = token_octets(token, octets);
    uint64_t until = (uint64_t)n->expiration;

    p = put_item(p, 1, octets, token_n);
    p = put_item(p, 2, n->payload, n->payload_n);
    (void)put_number(four, id, 4);
    p = put_item(p, 3, four, 4);
    (void)put_number(four, until > UINT32_MAX ? UINT32_MAX : until, 4);
    p = put_item(p, 4, four, 4);
    p = put_item(p, 5, &priority, 1);
    to[0] = 2;
    (void)put_number(to + 1, (uint64_t)(p - to - 5), 4);
    return (size_t)(p - to);
}

bool
binary_error(const uint8_t *p, uint8_t *status, uint32_t *id)
{
    *status = p[1];
    *id = (uint32_t)p[2] << 24 | (uint32_t)p[3] << 16 | (uint32_t)p[4] << 8 |
        p[5];
    return p[0] == 8;
}

/* --- requests --- */

/* false: no room. */
static bool
binary_write(struct session *s, struct request *r)
{
    struct binary *b = binary_of(s);
    uint8_t frame[BINARY_FRAME_MOST];
    size_t n = binary_frame(&r->job->notice, r->token, b->last_id + 1, frame);

    if (s->host->write(s->io, frame, n) < 0)
        return false; /* EV_DRAINED or EV_LOST follows */
    r->id = ++b->last_id;
    request_waits(r);
    return true;
}

static void
binary_send(struct session *s, struct request *r)
{
    if (s->todo || !binary_write(s, r))
        request_puts_off(r);
}

static void
binary_drained(struct session *s)
{
    while (s->todo && binary_write(s, s->todo))
        ;
}

static void
binary_delivered(struct request *r)
{
    struct reason yes = {
        .result = outcome_internal(IMPEL_DELIVERED, IMPEL_BLAME_RCPT,
            IMPEL_AT_FINAL, "250 2.0.0 [internal] sent, and not refused")};

    request_answered(r, &yes, (struct impel_str){NULL, 0});
}

static void
binary_thrown_away(struct request *r)
{
    struct impel_result again =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] another notification was refused before it");
    struct session *s = r->job->session;

    s->host->count(s->module->instance, COUNT_UNTOUCHED, 1);
    request_ends(r, &again);
}

/* 10 is no refusal: it names the last one that was taken. */
static void
binary_refused(struct session *s, uint8_t status, uint32_t id)
{
    struct reason reason;
    bool known = status != 10;

    while (s->first && (s->first->id < id || (!known && s->first->id == id)))
        binary_delivered(s->first);
    if (s->first && s->first->id == id) {
        reason_binary(status, &reason);
        request_answered(s->first, &reason, (struct impel_str){NULL, 0});
    } else if (known) {
        s->host->log(s->module->instance, s->io, 3,
            "notification %u was refused with status %u after "
            "delivery_response_timeout: it is logged as delivered",
            id, status);
    }
    while (s->first)
        binary_thrown_away(s->first);
    s->leaving = true;
    session_over(s, NULL);
}

static void
binary_input(struct session *s)
{
    struct impel_str in = s->host->input(s->io);
    uint8_t status;
    uint32_t id;

    if (in.n < BINARY_ERROR)
        return;
    if (!binary_error((const uint8_t *)in.p, &status, &id)) {
        session_fails(s, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
            "451 4.5.0 [internal] no error packet of APNs");
        return;
    }
    s->host->consume(s->io, in.n);
    binary_refused(s, status, id);
}

static void
binary_time(struct session *s, int64_t number)
{
    int64_t now = s->host->now();

    (void)number;
    while (s->first && s->first->since + s->wait <= now)
        binary_delivered(s->first);
    session_watch(s);
    if (s->closing && !s->jobs)
        session_over(s, NULL);
}

static bool
binary_forget(struct session *s, struct request *r)
{
    (void)s;
    return request_was_sent(r);
}

/* --- events --- */

static void
binary_connected(struct session *s)
{
    s->host->timer(s->io, TIMER_CONNECT, -1);
    s->up = s->ready = true;
    s->host->ready(s->io, OPEN_MOST);
}

static void
binary_flush(struct session *s)
{
    (void)s;
}

/* There is no question that is answered. */
static void
binary_probe(struct session *s)
{
    s->host->ready(s->io, OPEN_MOST);
}

static void
binary_close(struct session *s)
{
    s->closing = true;
    if (!s->jobs)
        session_over(s, NULL);
}

static void
binary_lost(struct session *s)
{
    struct impel_result lost =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] the connection has ended before it was "
            "silent long enough");

    lost.flags = IMPEL_UNCERTAIN;
    while (s->first)
        request_ends(s->first, &lost);
}

static void
binary_fini(struct session *s)
{
    (void)s;
}

const struct speech binary_speech = {
    .size = sizeof(struct binary),
    .binary = true,
    .connected = binary_connected,
    .input = binary_input,
    .drained = binary_drained,
    .timer = binary_time,
    .send = binary_send,
    .flush = binary_flush,
    .forget = binary_forget,
    .probe = binary_probe,
    .close = binary_close,
    .lost = binary_lost,
    .fini = binary_fini,
};

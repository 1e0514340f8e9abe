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
    struct pushconn base;
    uint32_t last_id;
};

static struct binary *
binary_of(struct pushconn *c)
{
    return (struct binary *)c;
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
binary_write(struct pushconn *c, struct pushconn_request *r)
{
    struct binary *b = binary_of(c);
    uint8_t frame[BINARY_FRAME_MOST];
    size_t n = binary_frame(r->job->notice, r->device, b->last_id + 1, frame);

    if (c->host->write(c->io, frame, n) < 0)
        return false; /* EV_DRAINED or EV_LOST follows */
    r->id = ++b->last_id;
    pushconn_waits(r);
    return true;
}

static void
binary_send(struct pushconn *c, struct pushconn_request *r)
{
    if (c->todo || !binary_write(c, r))
        pushconn_puts_off(r);
}

static void
binary_drained(struct pushconn *c)
{
    while (c->todo && binary_write(c, c->todo))
        ;
}

static void
binary_delivered(struct pushconn_request *r)
{
    struct reason yes = {
        .result = outcome_internal(IMPEL_DELIVERED, IMPEL_BLAME_RCPT,
            IMPEL_AT_FINAL, "250 2.0.0 [internal] sent, and not refused")};

    session_answered(r, &yes, (struct impel_str){NULL, 0});
}

static void
binary_thrown_away(struct pushconn_request *r)
{
    struct impel_result again =
        outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] another notification was refused before it");
    struct pushconn *c = r->job->conn;

    c->host->count(c->instance, COUNT_UNTOUCHED, 1);
    pushconn_ends(r, &again);
}

/* 10 is no refusal: it names the last one that was taken. */
static void
binary_refused(struct pushconn *c, uint8_t status, uint32_t id)
{
    struct reason reason;
    bool known = status != 10;

    /* nothing was said of ours; but a shutdown may have taken none */
    if (id > binary_of(c)->last_id || (known && !id)) {
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
            "451 4.5.0 [internal] an error packet for what was never sent");
        return;
    }
    while (c->first && (c->first->id < id || (!known && c->first->id == id)))
        binary_delivered(c->first);
    if (c->first && c->first->id == id) {
        reason_binary(status, &reason);
        session_answered(c->first, &reason, (struct impel_str){NULL, 0});
    } else if (known) {
        c->host->log(c->instance, c->io, IMPEL_LOG_WARNING,
            "notification %u was refused with status %u after "
            "delivery_response_timeout: it is logged as delivered",
            id, status);
    }
    while (c->first)
        binary_thrown_away(c->first);
    pushconn_over(c, NULL);
}

static void
binary_input(struct pushconn *c)
{
    struct impel_str in = c->host->input(c->io);
    uint8_t status;
    uint32_t id;

    if (in.n < BINARY_ERROR)
        return;
    if (!binary_error((const uint8_t *)in.p, &status, &id)) {
        pushconn_fails(c, IMPEL_BLAME_HOST, IMPEL_AT_FINAL,
            "451 4.5.0 [internal] no error packet of APNs");
        return;
    }
    c->host->consume(c->io, in.n);
    binary_refused(c, status, id);
}

static void
binary_flush(struct pushconn *c)
{
    if (c->leaving && !c->jobs)
        pushconn_over(c, NULL);
}

static void
binary_time(struct pushconn *c, int64_t number)
{
    int64_t now = c->host->now();

    (void)number;
    while (c->first && c->first->since + c->wait <= now)
        binary_delivered(c->first);
    pushconn_watch(c);
    binary_flush(c);
}

static bool
binary_forget(struct pushconn *c, struct pushconn_request *r)
{
    (void)c;
    return pushconn_was_sent(r);
}

/* --- events --- */

static void
binary_connected(struct pushconn *c)
{
    c->host->timer(c->io, PUSHCONN_CONNECT, -1);
    c->up = c->ready = true;
    c->host->ready(c->io, OPEN_MOST);
}

/* There is no question that is answered. */
static void
binary_probe(struct pushconn *c)
{
    c->host->ready(c->io, OPEN_MOST);
}

static void
binary_lost(struct pushconn *c)
{
    struct impel_result lost =
        outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_FINAL,
            "451 4.4.2 [internal] the connection has ended before it was "
            "silent long enough");

    lost.flags = IMPEL_UNCERTAIN;
    while (c->first)
        pushconn_ends(c->first, &lost);
}

static void
binary_fini(struct pushconn *c)
{
    (void)c;
}

const struct pushconn_speech binary_speech = {
    .size = sizeof(struct binary),
    .connected = binary_connected,
    .input = binary_input,
    .drained = binary_drained,
    .timer = binary_time,
    .send = binary_send,
    .flush = binary_flush,
    .forget = binary_forget,
    .probe = binary_probe,
    .close = binary_flush,
    .lost = binary_lost,
    .fini = binary_fini,
};

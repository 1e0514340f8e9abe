/* SPDX-License-Identifier: Apache-2.0
 *
 * server_frames.c - what a client says: the handshake, and frame by frame.
 */
#include "server.h"

#include <string.h>

enum {
    RCPTS_MOST = 10000, /* so that its answer fits a frame without words */
    NAME_MOST = 255
};

/* --- the handshake --- */

static uint64_t
server_most(const struct server *s, int row)
{
    int64_t v = s->host->opt_int(s->scope, row);

    return v > 0 ? (uint64_t)v : 0;
}

uint32_t
server_most_rcpts(const struct server *s)
{
    uint64_t most = server_most(s, OPT_MAX_RECIPIENTS);

    return most && most < RCPTS_MOST ? (uint32_t)most : RCPTS_MOST;
}

static void
server_welcome(struct server *s)
{
    struct impel_str name = s->host->opt_is_set(s->scope, OPT_BANNER_HOSTNAME)
        ? s->host->opt_str(s->scope, OPT_BANNER_HOSTNAME, 0)
        : s->host->info(s->session, IMPEL_INFO_EHLO_NAME);

    s->window = (size_t)server_most(s, OPT_MAX_BATCH_SIZE);
    s->octets_window = server_most(s, OPT_WINDOW);
    frame_begin(&s->out, FRAME_WELCOME);
    frame_put_u8(&s->out, FRAME_VERSION);
    frame_put_u32(&s->out, 0);
    frame_put_u32(&s->out, (uint32_t)s->window);
    frame_put_u64(&s->out, s->octets_window);
    frame_put_u64(&s->out, server_most(s, OPT_MAX_MESSAGE_SIZE));
    frame_put_u32(&s->out, server_most_rcpts(s));
    frame_put_u32(&s->out, (uint32_t)(server_most(s, OPT_RESEND_TIME) / 1000));
    frame_put_u32(&s->out, (uint32_t)(server_most(s, OPT_IDLE_TIME) / 1000));
    frame_put_text(&s->out, name);
    frame_end(&s->out);
    s->state = SERVER_OPEN;
}

static void
take_hello(struct server *s, struct frame_in *in)
{
    struct impel_str magic = frame_octets(in, 8), stream, name;
    uint8_t low = frame_u8(in), high = frame_u8(in);

    (void)frame_u32(in);
    stream = frame_octets(in, FRAME_STREAM);
    name = frame_text(in);
    (void)frame_text(in);
    if (!frame_is_done(in) || memcmp(magic.p, FRAME_MAGIC, 8) != 0 ||
        name.n > NAME_MOST) {
        server_wrong(s, "501 5.5.4 no HELLO of ECSTREAM");
        return;
    }
    if (low > FRAME_VERSION || high < FRAME_VERSION) {
        server_wrong(s, "501 5.5.4 only version 1 is spoken here");
        return;
    }
    memcpy(s->stream, stream.p, FRAME_STREAM);
    s->state = SERVER_GREET;
    if (s->host->intake->greet(s->session, name) < 0)
        server_refuse(s, "421 4.3.2 not now");
}

void
server_greeted(struct server *s, const struct impel_result *r)
{
    if (r->verdict != IMPEL_DELIVERED)
        server_refuse(s,
            r->code == 550 ? "550 5.7.1 this client is not wanted here"
                           : "421 4.3.2 not now");
    else if (!s->host->intake->may_relay(s->session))
        server_refuse(s,
            "550 5.7.1 ECSTREAM is for peers in relay_hosts and those with a "
            "client certificate");
    else
        server_welcome(s);
}

/* --- frames --- */

static void
take_confirm(struct server *s, struct frame_in *in)
{
    uint16_t runs = frame_u16(in);

    for (uint16_t i = 0; i < runs && !in->bad; i++) {
        uint32_t first = frame_u32(in), count = frame_u32(in);

        if (count > s->window || first > UINT32_MAX - count)
            in->bad = true;
        for (uint32_t k = 0; k < count && !in->bad; k++) {
            struct receipt *m = tags_find(&s->tags, first + k);

            if (first + k > s->last_tag || (m && m->state != RECEIPT_ANSWERED))
                in->bad = true;
            else if (m)
                receipt_confirm(s, m);
        }
    }
    if (!runs || !frame_is_done(in))
        server_wrong(s, "501 5.5.4 CONFIRM of what was not answered");
}

/* END was said, and it is not answered. */
static bool
receipt_is_whole(const struct receipt *m)
{
    return m && (m->state == RECEIPT_WAIT || m->state == RECEIPT_COMMIT);
}

/* END and ABANDON: what was answered already is past that. */
static void
take_tag(struct server *s, struct frame_in *in, bool end)
{
    uint32_t tag = frame_u32(in);
    struct receipt *m = tags_find(&s->tags, tag);

    if (!frame_is_done(in) || !tag || tag > s->last_tag ||
        receipt_is_whole(m)) {
        server_wrong(s, "503 5.5.1 no such message");
        return;
    }
    if (!m || m->state == RECEIPT_ANSWERED)
        return;
    if (end)
        receipt_end(s, m);
    else
        receipt_abandon(s, m);
}

static void
take_bye(struct server *s, const struct frame_in *in)
{
    struct receipt *m;
    size_t at = 0;

    if (!frame_is_done(in)) {
        server_wrong(s, "501 5.5.4 BYE has no payload");
        return;
    }
    s->state = SERVER_LAST;
    while ((m = tags_next(&s->tags, &at)) != NULL)
        if (m->state < RECEIPT_WAIT)
            receipt_free(s, m);
}

static void
take_ping(struct server *s, struct impel_str payload)
{
    if (payload.n != 8) {
        server_wrong(s, "501 5.5.4 PING has eight octets");
        return;
    }
    server_results_end(s);
    frame_begin(&s->out, FRAME_PONG);
    frame_put(&s->out, payload.p, payload.n);
    frame_end(&s->out);
}

static void
take_frame(struct server *s, uint8_t type, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};

    if (s->state == SERVER_HELLO) {
        if (type == FRAME_HELLO)
            take_hello(s, &in);
        else
            server_wrong(s, "503 5.5.1 HELLO comes first");
        return;
    }
    switch (type) {
    case FRAME_MESSAGE:
        if (!receipt_begin(s, payload))
            server_wrong(s, "501 5.5.4 MESSAGE makes no sense");
        break;
    case FRAME_END:
    case FRAME_ABANDON:
        take_tag(s, &in, type == FRAME_END);
        break;
    case FRAME_CONFIRM:
        take_confirm(s, &in);
        break;
    case FRAME_PING:
        take_ping(s, payload);
        break;
    case FRAME_BYE:
        take_bye(s, &in);
        break;
    default:
        if (type < FRAME_OPTIONAL)
            server_wrong(s, "500 5.5.1 unknown frame");
    }
}

/* The head of a BODY frame, its tag included. */
static size_t
take_body_head(struct server *s, struct impel_str in, uint32_t length)
{
    struct frame_in at = {(const uint8_t *)in.p + FRAME_HEAD, 4, false};
    struct receipt *m;
    uint32_t tag;

    if (length < 5 || s->state != SERVER_OPEN) {
        server_wrong(s, "503 5.5.1 no BODY is expected");
        return 0;
    }
    if (in.n < FRAME_HEAD + 4)
        return 0;
    tag = frame_u32(&at);
    m = tags_find(&s->tags, tag);
    if (!tag || tag > s->last_tag || receipt_is_whole(m)) {
        server_wrong(s, "503 5.5.1 no such message");
        return 0;
    }
    s->body_left = length - 5;
    s->body_of = m && m->state == RECEIPT_BODY ? m : NULL;
    if (s->body_of) {
        m->octets += s->body_left;
        s->octets += s->body_left;
        if (s->octets > s->octets_window && s->octets > m->octets)
            server_wrong(s, "552 5.3.4 more octets than the window");
    }
    return FRAME_HEAD + 4;
}

static size_t
take_body(struct server *s, struct impel_str in)
{
    size_t n = in.n < s->body_left ? in.n : (size_t)s->body_left;

    if (s->body_of && n) {
        n = receipt_body(s, s->body_of, in.p, n);
        s->no_credit = n == 0;
    }
    s->body_left -= n;
    return n;
}

size_t
server_take(struct server *s, struct impel_str in)
{
    struct impel_str payload;
    uint32_t length;
    uint8_t type;
    size_t used;

    if (s->body_left)
        return take_body(s, in);
    if (!s->whole.n && frame_head(in.p, in.n, &length, &type) &&
        type == FRAME_BODY)
        return take_body_head(s, in, length);
    switch (frame_gather(&s->whole, in, &used, &type, &payload)) {
    case FRAME_MORE:
        break;
    case FRAME_WHOLE:
        take_frame(s, type, payload);
        frame_out_fini(&s->whole);
        break;
    case FRAME_TOO_LONG:
        server_wrong(s, "501 5.5.2 length of a frame");
        break;
    case FRAME_NO_MEMORY:
        server_refuse(s, "421 4.3.0 no memory");
        break;
    }
    return used;
}

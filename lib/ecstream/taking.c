/* SPDX-License-Identifier: Apache-2.0
 *
 * taking.c - the handshake, and what the server says.
 */
#include "stream.h"

#include <stdio.h>
#include <string.h>

static struct impel_str
str_of(const char *z)
{
    return (struct impel_str){z ? z : "", z ? strlen(z) : 0};
}

void
taking_hello(struct ecstream *s)
{
    frame_begin(&s->out, FRAME_HELLO);
    frame_put(&s->out, FRAME_MAGIC, 8);
    frame_put_u8(&s->out, FRAME_VERSION);
    frame_put_u8(&s->out, FRAME_VERSION);
    frame_put_u32(&s->out, 0);
    frame_put(&s->out, s->o.stream, FRAME_STREAM);
    frame_put_text(&s->out, str_of(s->o.name));
    frame_put_text(
        &s->out, str_of(s->o.software ? s->o.software : "libimpel-ecstream"));
    frame_end(&s->out);
}

static bool
take_welcome(struct ecstream *s, struct frame_in *in)
{
    uint8_t version = frame_u8(in);
    struct ecstream_server is = {.size = sizeof(is)};
    struct impel_str name;

    (void)frame_u32(in);
    is.window = frame_u32(in);
    is.octets_window = frame_u64(in);
    is.most_octets = frame_u64(in);
    is.most_recipients = frame_u32(in);
    is.remembers_s = frame_u32(in);
    is.idle_s = frame_u32(in);
    name = frame_text(in);
    if (!frame_is_done(in) || version != FRAME_VERSION || !is.window ||
        !is.most_recipients)
        return false;
    snprintf(is.name, sizeof(is.name), "%.*s",
        name.n < sizeof(is.name) ? (int)name.n : (int)sizeof(is.name) - 1,
        name.p);
    s->server = is;
    s->state = STREAM_OPEN;
    s->reached = true;
    stream_log(s, "connected to %s", is.name);
    return true;
}

static bool
take_window(struct ecstream *s, struct frame_in *in)
{
    uint32_t window = frame_u32(in);
    uint64_t octets = frame_u64(in);

    if (!frame_is_done(in) || !window)
        return false;
    s->server.window = window;
    s->server.octets_window = octets;
    return true;
}

/* The words of GOAWAY and ERROR. */
static bool
take_words(struct ecstream *s, struct frame_in *in, unsigned *code)
{
    unsigned char status[3];
    struct impel_str text;

    *code = frame_u16(in);
    for (int i = 0; i < 3; i++)
        status[i] = frame_u8(in);
    text = frame_text(in);
    if (!frame_is_done(in))
        return false;
    (void)stream_error(s, 0, "%u %u.%u.%u %.*s", *code, status[0], status[1],
        status[2], text.n < 180 ? (int)text.n : 180, text.p);
    return true;
}

/* Before WELCOME a 5xx is about us, and stays true. */
static bool
take_error(struct ecstream *s, struct frame_in *in)
{
    bool greets = s->state == STREAM_WELCOME;
    char text[ECSTREAM_ERROR_SIZE];
    unsigned code;

    if (!take_words(s, in, &code))
        return false;
    if (greets && code / 100 == 5) {
        stream_fail(s, ECSTREAM_E_REFUSED);
        return true;
    }
    memcpy(text, s->error, sizeof(text));
    stream_lose(s, "%s", text);
    return true;
}

static bool
take_goaway(struct ecstream *s, struct frame_in *in)
{
    unsigned code;

    if (!take_words(s, in, &code))
        return false;
    stream_log(s, "the server goes away: %s", s->error);
    s->going = true;
    s->going_code = code;
    return true;
}

/* false: it makes no sense. */
static bool
taking_frame(struct ecstream *s, uint8_t type, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};

    if (type == FRAME_ERROR)
        return take_error(s, &in);
    if (s->state == STREAM_WELCOME)
        return type == FRAME_WELCOME && take_welcome(s, &in);
    switch (type) {
    case FRAME_RESULTS:
        return answer_take(s, payload);
    case FRAME_WINDOW:
        return take_window(s, &in);
    case FRAME_GOAWAY:
        return take_goaway(s, &in);
    case FRAME_PONG:
        s->probing = false;
        return payload.n == 8;
    case FRAME_PARTED:
        if (payload.n)
            return false;
        stream_lose(s, "the server has parted");
        return true;
    default:
        return type >= FRAME_OPTIONAL;
    }
}

bool
taking_run(struct ecstream *s)
{
    uint32_t connection = s->connection;
    size_t at = 0;
    uint32_t length;
    uint8_t type;

    while (frame_head(s->in + at, s->in_n - at, &length, &type)) {
        struct impel_str payload;

        if (!length || length > FRAME_MOST) {
            stream_lose(s, "a frame of %lu octets", (unsigned long)length);
            return false;
        }
        if (s->in_n - at < (size_t)length + 4)
            break;
        payload.p = (const char *)s->in + at + FRAME_HEAD;
        payload.n = length - 1;
        if (!taking_frame(s, type, payload))
            stream_lose(s, "a frame of type 0x%02x makes no sense", type);
        if (s->connection != connection || s->state == STREAM_DOWN ||
            s->state == STREAM_OVER)
            return false;
        at += (size_t)length + 4;
    }
    memmove(s->in, s->in + at, s->in_n - at);
    s->in_n -= at;
    return true;
}

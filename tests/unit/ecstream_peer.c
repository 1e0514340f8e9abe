/* SPDX-License-Identifier: Apache-2.0 */
#include "ecstream_peer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void
answered(void *arg, const struct ecstream_answer *a)
{
    struct peer *w = arg;
    struct seen *to = &w->seen[w->answers++];

    assert_true(w->answers < ANSWERS_MOST);
    to->message = a->message;
    memcpy(to->key, a->key, a->key_size);
    to->count = a->count;
    to->receipt = a->receipt;
    for (size_t i = 0; i < a->count && i < 4; i++) {
        to->code[i] = a->results[i].code;
        memcpy(to->status[i], a->results[i].status, sizeof(to->status[i]));
        snprintf(to->text[i], sizeof(to->text[i]), "%s", a->results[i].text);
    }
    if (w->confirm_inside)
        ecstream_confirm(w->s, a->receipt);
}

static int
dial(void *arg)
{
    struct peer *w = arg;
    int pair[2], small = 4096;

    w->dials++;
    if (w->refuse > 0) {
        w->refuse--;
        return -1;
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    (void)setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = pair[1];
    return pair[0];
}

struct ecstream_options
peer_options(struct peer *w)
{
    memset(w, 0, sizeof(*w));
    w->fd = -1;
    return (struct ecstream_options){.size = sizeof(struct ecstream_options),
        .stream = "0123456789abcde",
        .name = "client.test",
        .software = "test",
        .answered = answered,
        .give_up_ms = 3000,
        .dial = dial,
        .arg = w};
}

void
peer_begin(struct peer *w, const struct ecstream_options *o)
{
    char why[ECSTREAM_ERROR_SIZE];

    if (ecstream_open(o, &w->s, why) < 0)
        fail_msg("%s", why);
}

void
peer_end(struct peer *w)
{
    ecstream_free(&w->s);
    assert_null(w->s);
    if (w->fd >= 0)
        close(w->fd);
}

int
peer_turn(struct peer *w)
{
    return ecstream_wait(w->s, 1);
}

/* --- the server --- */

/* Exactly n octets, while the library runs. */
static void
peer_take(struct peer *w, uint8_t *to, size_t n)
{
    size_t at = 0;

    for (int i = 0; i < TURNS && at < n; i++) {
        ssize_t got = w->fd < 0 ? -1 : read(w->fd, to + at, n - at);

        if (got > 0)
            at += (size_t)got;
        else
            (void)peer_turn(w);
    }
    assert_int_equal(at, n);
}

void
peer_expect(struct peer *w, uint8_t type)
{
    uint32_t length;
    uint8_t is;

    peer_take(w, w->frame, FRAME_HEAD);
    assert_true(frame_head(w->frame, FRAME_HEAD, &length, &is));
    assert_int_equal(is, type);
    assert_true(length >= 1 && length < FRAME_MOST);
    peer_take(w, w->frame + FRAME_HEAD, length - 1);
    w->is = (struct frame_in){w->frame + FRAME_HEAD, length - 1, false};
}

void
peer_expect_nothing(struct peer *w)
{
    char octet;

    for (int i = 0; i < 5; i++)
        assert_int_equal(peer_turn(w), 0);
    assert_int_equal(read(w->fd, &octet, 1), -1);
    assert_int_equal(errno, EAGAIN);
}

void
peer_say(struct peer *w, struct frame_out *out)
{
    frame_end(out);
    assert_false(out->failed);
    assert_int_equal(write(w->fd, out->p, out->n), out->n);
    frame_out_fini(out);
}

void
peer_put_z(struct frame_out *out, const char *z)
{
    frame_put_text(out, (struct impel_str){z, strlen(z)});
}

void
peer_welcome(struct peer *w, uint32_t window, uint64_t octets)
{
    struct frame_out out = {0};

    peer_expect(w, FRAME_HELLO);
    frame_begin(&out, FRAME_WELCOME);
    frame_put_u8(&out, 1);
    frame_put_u32(&out, 0);
    frame_put_u32(&out, window);
    frame_put_u64(&out, octets);
    frame_put_u64(&out, 100000);
    frame_put_u32(&out, 3);
    frame_put_u32(&out, 86400);
    frame_put_u32(&out, 300);
    peer_put_z(&out, "server.test");
    peer_say(w, &out);
}

void
peer_put_group(
    struct frame_out *out, uint16_t code, const char *status, const char *text)
{
    frame_put_u16(out, code);
    for (int i = 0; i < 3; i++)
        frame_put_u8(out, (uint8_t)(status[i] - '0'));
    peer_put_z(out, text);
}

void
peer_result(struct peer *w, uint32_t tag, uint16_t code, const char *status,
    uint32_t count)
{
    struct frame_out out = {0};

    frame_begin(&out, FRAME_RESULTS);
    frame_put_u16(&out, 1);
    frame_put_u32(&out, tag);
    frame_put_u16(&out, 1);
    peer_put_group(&out, code, status, "words");
    frame_put_u16(&out, 1);
    frame_put_u32(&out, 0);
    frame_put_u32(&out, count);
    peer_say(w, &out);
}

void
peer_result_half_busy(struct peer *w, uint32_t tag)
{
    struct frame_out out = {0};

    frame_begin(&out, FRAME_RESULTS);
    frame_put_u16(&out, 1);
    frame_put_u32(&out, tag);
    frame_put_u16(&out, 2);
    for (uint32_t i = 0; i < 2; i++) {
        peer_put_group(&out, i ? 451 : 250, i ? "432" : "200", "half");
        frame_put_u16(&out, 1);
        frame_put_u32(&out, i);
        frame_put_u32(&out, 1);
    }
    peer_say(w, &out);
}

void
peer_farewell(struct peer *w, uint8_t type, uint16_t code, const char *status)
{
    struct frame_out out = {0};

    frame_begin(&out, type);
    peer_put_group(&out, code, status, "no more");
    peer_say(w, &out);
}

void
peer_frame_alone(struct peer *w, uint8_t type)
{
    struct frame_out out = {0};

    frame_begin(&out, type);
    peer_say(w, &out);
}

void
peer_expect_message(struct peer *w, uint32_t tag, const char *key)
{
    struct impel_str is;

    peer_expect(w, FRAME_MESSAGE);
    assert_int_equal(frame_u32(&w->is), tag);
    is = frame_blob(&w->is);
    if (key) {
        assert_int_equal(is.n, strlen(key));
        assert_memory_equal(is.p, key, is.n);
    }
}

void
peer_expect_tag(struct peer *w, uint8_t type, uint32_t tag)
{
    peer_expect(w, type);
    assert_int_equal(frame_u32(&w->is), tag);
    if (type == FRAME_END)
        assert_true(frame_is_done(&w->is));
}

void
peer_expect_confirm(struct peer *w, uint32_t first, uint32_t count)
{
    peer_expect(w, FRAME_CONFIRM);
    assert_int_equal(frame_u16(&w->is), 1);
    assert_int_equal(frame_u32(&w->is), first);
    assert_int_equal(frame_u32(&w->is), count);
    assert_true(frame_is_done(&w->is));
}

void
peer_expect_whole(struct peer *w, uint32_t tag, const char *key)
{
    peer_expect_message(w, tag, key);
    peer_expect_tag(w, FRAME_BODY, tag);
    peer_expect_tag(w, FRAME_END, tag);
}

void
peer_wait_answers(struct peer *w, size_t count)
{
    for (int i = 0; i < TURNS && w->answers < count; i++)
        (void)peer_turn(w);
    assert_int_equal(w->answers, count);
}

/* --- messages --- */

const char peer_body[] = "Subject: hi\r\n\r\nhi\r\n";

struct ecstream_message
peer_message(const char *key, size_t rcpts)
{
    static const struct ecstream_recipient to[] = {
        {.address = "a@x.test"},
        {.address = "b@x.test",
            .notify = ECSTREAM_NOTIFY_FAILURE,
            .original = "rfc822;b@x.test"},
        {.address = "c@x.test"},
        {.address = "d@x.test"},
    };

    return (struct ecstream_message){.size = sizeof(struct ecstream_message),
        .sender = "me@y.test",
        .recipients = to,
        .recipient_count = rcpts,
        .key = key,
        .key_size = key ? strlen(key) : 0,
        .body = peer_body,
        .body_size = PEER_BODY_SIZE,
        .arg = (void *)(uintptr_t)key};
}

void
peer_post(struct peer *w, const char *key, size_t rcpts)
{
    struct ecstream_message m = peer_message(key, rcpts);

    assert_int_equal(ecstream_send(w->s, &m), 0);
}

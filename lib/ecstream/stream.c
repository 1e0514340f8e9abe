/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.c - the life of a stream: its connections, time, the end.
 */
#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    CONNECT_MS = 30000,
    ANSWER_MS = 300000,
    GIVE_UP_MS = 60000,
    PARTING_MS = 5000,
    RETRY_MS = 100,
    RETRY_MOST_MS = 5000,
    SLOW_FIRST = 16,
    PIECE = 65536,
    TURN_MOST = 1 << 22, /* octets in, and out, of one run() */
    /* of version 1; it stays when members are added */
    OPTIONS_FIRST =
        offsetof(struct ecstream_options, dial) + sizeof(int (*)(void *))
};

int64_t
stream_clock(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
stream_log(struct ecstream *s, const char *format, ...)
{
    char line[ECSTREAM_ERROR_SIZE + 80];
    va_list ap;

    if (!s->o.log)
        return;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    s->o.log(s->o.arg, line);
}

int
stream_error(struct ecstream *s, int code, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vsnprintf(s->error, sizeof(s->error), format, ap);
    va_end(ap);
    return code;
}

/* --- making and ending one --- */

static int
keep_text(struct ecstream *s, size_t at, const char **text)
{
    if (!*text)
        return 0;
    s->texts[at] = strdup(*text);
    *text = s->texts[at];
    return *text ? 0 : -1;
}

static int
keep_texts(struct ecstream *s)
{
    const char **texts[] = {&s->o.host, &s->o.software, &s->o.tls_ca,
        &s->o.tls_name, &s->o.tls_certificate, &s->o.tls_key, &s->o.name};
    size_t count = sizeof(texts) / sizeof(texts[0]);
    char name[256] = "";

    for (size_t i = 0; i < count; i++)
        if (keep_text(s, i, texts[i]) < 0)
            return -1;
    if (s->o.name)
        return 0;
    (void)gethostname(name, sizeof(name) - 1);
    s->texts[count - 1] = strdup(name);
    s->o.name = s->texts[count - 1];
    return s->o.name ? 0 : -1;
}

static const char *
options_fault(const struct ecstream_options *o)
{
    if (!o->answered)
        return "options.answered is missing";
    if (!o->dial && (!o->host || !o->host[0]))
        return "there is no host";
    if ((o->host && strlen(o->host) > 1000) ||
        (o->name && strlen(o->name) > 255) ||
        (o->software && strlen(o->software) > 255))
        return "a name is too long";
    if (o->tls < ECSTREAM_TLS_NO || o->tls > ECSTREAM_TLS_UNVERIFIED)
        return "options.tls has no such value";
    if (o->port > 65535)
        return "that is no port";
    if (o->connect_ms < 0 || o->answer_ms < 0 || o->give_up_ms < -1)
        return "a time makes no sense";
    return NULL;
}

static bool
is_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static int
stream_fill(struct ecstream *s)
{
    if (!s->o.port)
        s->o.port = ECSTREAM_PORT;
    if (!s->o.connect_ms)
        s->o.connect_ms = CONNECT_MS;
    if (!s->o.answer_ms)
        s->o.answer_ms = ANSWER_MS;
    if (is_zero(s->o.stream, FRAME_STREAM) &&
        getrandom(s->o.stream, FRAME_STREAM, 0) != FRAME_STREAM)
        return -1;
    if (getrandom(&s->key_salt, sizeof(s->key_salt), 0) != sizeof(s->key_salt))
        return -1;
    return keep_texts(s);
}

/* What the caller did not know of is not given. */
static const char *
options_copy(struct ecstream_options *to, const struct ecstream_options *from)
{
    if (from->size < OPTIONS_FIRST)
        return "options.size is not that of the structure";
    memset(to, 0, sizeof(*to));
    memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
    return options_fault(to);
}

int
ecstream_open(const struct ecstream_options *from, struct ecstream **to,
    char why[ECSTREAM_ERROR_SIZE])
{
    struct ecstream_options o;
    const char *fault = options_copy(&o, from);
    struct ecstream *s;

    *to = NULL;
    snprintf(why, ECSTREAM_ERROR_SIZE, "%s", fault ? fault : "no memory");
    if (fault)
        return ECSTREAM_E_INVAL;
    s = calloc(1, sizeof(*s));
    if (!s)
        return ECSTREAM_E_NOMEM;
    s->o = o;
    plug_init(&s->plug);
    if (stream_fill(s) < 0) {
        ecstream_free(&s);
        return ECSTREAM_E_NOMEM;
    }
    if (o.tls != ECSTREAM_TLS_NO) {
        s->tls = plug_tls_new(&s->o, why);
        if (!s->tls) {
            ecstream_free(&s);
            return ECSTREAM_E_INVAL;
        }
    }
    why[0] = '\0';
    *to = s;
    return 0;
}

void
ecstream_free(struct ecstream **sp)
{
    struct ecstream *s = *sp;

    if (!s)
        return;
    if (s->state != STREAM_OVER) {
        (void)stream_error(s, 0, "the stream was given up");
        stream_fail(s, ECSTREAM_E_CLOSED);
    }
    plug_tls_free(&s->tls);
    tags_fini(&s->tags);
    frame_out_fini(&s->out);
    for (size_t i = 0; i < sizeof(s->texts) / sizeof(s->texts[0]); i++)
        free(s->texts[i]);
    free(s->in);
    free(s->confirm);
    free(s->words);
    free(s);
    *sp = NULL;
}

/* --- connections --- */

/* What belonged to the connection is nothing any more. */
static void
stream_unplug(struct ecstream *s)
{
    plug_close(&s->plug);
    letter_return_all(s);
    s->out.n = s->out_at = s->in_n = 0;
    s->confirm_n = 0;
    s->last_tag = 0;
    s->octets = 0;
    s->going = s->probing = s->more = s->broken = s->heard = false;
    s->state = STREAM_DOWN;
}

void
stream_fail(struct ecstream *s, int code)
{
    struct ecstream_result none = {.text = s->error};
    struct letter *l;

    stream_unplug(s);
    s->state = STREAM_OVER;
    s->over = code;
    while ((l = letter_take(&s->todo)) || (l = letter_take(&s->later)))
        answer_all(s, l, &none);
}

/* Before the first answer of any server nobody waits for one. */
static bool
stream_is_given_up(const struct ecstream *s, int64_t now)
{
    int64_t most = s->o.give_up_ms ? s->o.give_up_ms
        : s->reached               ? GIVE_UP_MS
                                   : 0;

    return s->bad_since && most >= 0 && now - s->bad_since >= most;
}

static int64_t
stream_pause(const struct ecstream *s)
{
    int64_t ms = s->fails < 6 ? (int64_t)RETRY_MS << s->fails : RETRY_MOST_MS;
    uint8_t some = 0;

    (void)getrandom(&some, 1, 0);
    return ms + ms * some / 512; /* not all clients at once */
}

void
stream_lose(struct ecstream *s, const char *format, ...)
{
    int64_t now = stream_clock();
    bool asked = s->count > 0 || s->state < STREAM_OPEN;
    va_list ap;

    if (s->state == STREAM_OVER)
        return;
    va_start(ap, format);
    vsnprintf(s->error, sizeof(s->error), format, ap);
    va_end(ap);
    if (s->state == STREAM_OPEN && !s->heard)
        s->slow = SLOW_FIRST;
    stream_unplug(s);
    if (!asked) { /* nothing is missed */
        s->retry_at = now + RETRY_MS;
        return;
    }
    if (!s->bad_since)
        s->bad_since = now;
    if (stream_is_given_up(s, now)) {
        stream_log(s, "given up: %s", s->error);
        stream_fail(s, ECSTREAM_E_GONE);
        return;
    }
    s->retry_at = now + stream_pause(s);
    s->fails++;
    stream_log(s, "connection lost: %s; another in %d ms", s->error,
        (int)(s->retry_at - now));
}

static void
stream_welcome(struct ecstream *s)
{
    s->state = STREAM_WELCOME;
    taking_hello(s);
}

static void
stream_shake(struct ecstream *s)
{
    int rc = plug_tls_shake(&s->plug);

    if (rc == PLUG_DONE) {
        stream_welcome(s);
    } else if (rc == PLUG_DENIED) {
        (void)stream_error(s, 0, "TLS with %s: %s",
            s->o.host ? s->o.host : "the server", s->plug.error);
        stream_fail(s, ECSTREAM_E_TLS);
    } else if (rc == PLUG_FAILED) {
        stream_lose(s, "%s", s->plug.error);
    }
}

static void
stream_connected(struct ecstream *s)
{
    int rc = plug_connected(&s->plug);

    if (rc == PLUG_AGAIN)
        return;
    if (rc == PLUG_FAILED) {
        stream_lose(
            s, "%s: %s", s->o.host ? s->o.host : "server", s->plug.error);
        return;
    }
    if (!s->tls) {
        stream_welcome(s);
        return;
    }
    if (plug_tls_start(&s->plug, s->tls) != PLUG_DONE) {
        stream_lose(s, "%s", s->plug.error);
        return;
    }
    s->state = STREAM_TLS;
    stream_shake(s);
}

static void
stream_dial(struct ecstream *s)
{
    int64_t now = stream_clock();
    int rc = PLUG_DONE, fd;

    plug_init(&s->plug);
    s->state = STREAM_DIALS;
    s->deadline = now + s->o.connect_ms;
    s->next_at = now + s->o.connect_ms / 3;
    s->progress_at = now;
    s->connection++;
    if (s->o.dial) {
        fd = s->o.dial(s->o.arg);
        if (fd < 0)
            rc = PLUG_FAILED;
        else
            plug_take(&s->plug, fd);
        snprintf(s->plug.error, sizeof(s->plug.error), "no connection");
    } else {
        rc = plug_dial(&s->plug, &s->o);
    }
    if (rc == PLUG_DONE)
        stream_connected(s);
    else
        stream_lose(
            s, "%s: %s", s->o.host ? s->o.host : "server", s->plug.error);
}

/* --- octets --- */

static void
stream_flush(struct ecstream *s)
{
    while (s->out_at < s->out.n) {
        int64_t n =
            plug_write(&s->plug, s->out.p + s->out_at, s->out.n - s->out_at);

        if (n == PLUG_FAILED) /* the server may have said why */
            s->broken = true;
        if (n < 0)
            return;
        s->out_at += (size_t)n;
        s->progress_at = stream_clock();
    }
    s->out.n = s->out_at = 0;
}

static bool
stream_room(struct ecstream *s)
{
    size_t size = s->in_size ? 2 * s->in_size : PIECE;
    uint8_t *p;

    if (s->in_n < s->in_size)
        return true;
    if (size > 2 * (FRAME_MOST + FRAME_HEAD))
        return false;
    p = realloc(s->in, size);
    if (!p)
        return false;
    s->in = p;
    s->in_size = size;
    return true;
}

/* false: nothing more is to be done with this connection. */
static bool
stream_read(struct ecstream *s)
{
    for (size_t octets = 0; octets < TURN_MOST;) {
        int64_t n;

        if (!stream_room(s)) {
            stream_lose(s, "no memory");
            return false;
        }
        n = plug_read(&s->plug, s->in + s->in_n, s->in_size - s->in_n);
        if (n == PLUG_AGAIN)
            return true;
        if (n < 0) {
            stream_lose(s, "%s", s->plug.error);
            return false;
        }
        octets += (size_t)n;
        s->in_n += (size_t)n;
        s->progress_at = stream_clock();
        if (!taking_run(s))
            return false;
    }
    s->more = true;
    return true;
}

/* Fill and flush, until one of them has to wait. */
static void
stream_write(struct ecstream *s)
{
    for (size_t octets = 0; octets < TURN_MOST; octets += PIECE) {
        answer_confirm(s);
        letter_send_all(s);
        if (s->out.failed) {
            frame_out_fini(&s->out);
            stream_lose(s, "no memory");
            return;
        }
        if (!s->out.n)
            return;
        stream_flush(s);
        if (s->out.n)
            return;
    }
    s->more = true;
}

/* --- parting --- */

static bool
stream_may_part(const struct ecstream *s)
{
    return s->state == STREAM_OPEN && s->tags.live == s->told_count &&
        (s->going || (s->closing && !s->count && !s->told_count));
}

static void
stream_part(struct ecstream *s)
{
    if (!stream_may_part(s))
        return;
    answer_confirm(s);
    frame_begin(&s->out, FRAME_BYE);
    frame_end(&s->out);
    s->state = STREAM_PARTING;
    s->deadline = stream_clock() + PARTING_MS;
    stream_flush(s);
}

/* Closed, and nothing is waited for. */
static bool
stream_is_done(const struct ecstream *s)
{
    return s->closing && !s->count && s->state == STREAM_DOWN;
}

/* --- time --- */

static bool
stream_waits(const struct ecstream *s)
{
    return s->state == STREAM_OPEN &&
        (s->tags.live > s->told_count || s->out.n || s->probing);
}

static void
stream_probe(struct ecstream *s)
{
    static const uint8_t octets[8];

    s->probing = true;
    frame_begin(&s->out, FRAME_PING);
    frame_put(&s->out, octets, sizeof(octets));
    frame_end(&s->out);
    stream_flush(s);
}

static void
stream_time(struct ecstream *s, int64_t now)
{
    if (s->state == STREAM_DIALS && now >= s->next_at && s->plug.next) {
        s->next_at = now + s->o.connect_ms / 3;
        if (plug_skip(&s->plug) != PLUG_DONE)
            stream_lose(s, "%s: %s", s->o.host, s->plug.error);
    } else if (s->state >= STREAM_DIALS && s->state <= STREAM_WELCOME) {
        if (now >= s->deadline)
            stream_lose(s, "no connection within %d ms", s->o.connect_ms);
    } else if (s->state == STREAM_PARTING) {
        if (now >= s->deadline)
            stream_lose(s, "the server does not part");
    } else if (stream_waits(s)) {
        if (now - s->progress_at >= s->o.answer_ms)
            stream_lose(s, "no answer within %d ms", s->o.answer_ms);
        else if (now - s->progress_at >= s->o.answer_ms / 2 && !s->probing)
            stream_probe(s);
    }
}

static bool
stream_wants(const struct ecstream *s)
{
    return s->todo.first || s->later.first;
}

static int64_t
stream_next(const struct ecstream *s)
{
    int64_t at = INT64_MAX;

    if (s->state == STREAM_DOWN)
        return stream_wants(s) ? s->retry_at : INT64_MAX;
    if (s->state == STREAM_DIALS && s->plug.next && s->next_at < s->deadline)
        return s->next_at;
    if (s->state != STREAM_OPEN)
        return s->deadline;
    if (stream_waits(s))
        at =
            s->progress_at + (s->probing ? s->o.answer_ms : s->o.answer_ms / 2);
    for (const struct letter *l = s->later.first; l; l = l->next)
        at = l->due < at ? l->due : at;
    return at;
}

int
ecstream_timeout(const struct ecstream *s)
{
    int64_t now = stream_clock(), at;

    if (s->state == STREAM_OVER)
        return -1; /* run() has said so */
    if (s->more || stream_is_done(s))
        return 0;
    /* what was asked for between two calls of run() */
    if (stream_may_part(s) ||
        (s->state == STREAM_OPEN && !s->out.n &&
            (s->confirm_n || letter_may_send(s))))
        return 0;
    at = stream_next(s);
    if (at == INT64_MAX)
        return -1;
    return at <= now ? 0 : (int)(at - now < 3600000 ? at - now : 3600000);
}

/* --- running --- */

static void
stream_turn(struct ecstream *s)
{
    if (s->state == STREAM_DIALS)
        stream_connected(s);
    else if (s->state == STREAM_TLS)
        stream_shake(s);
    if (s->state < STREAM_WELCOME || s->state == STREAM_OVER)
        return;
    stream_flush(s);
    if (!stream_read(s))
        return;
    if (s->state == STREAM_OPEN) {
        stream_write(s);
        stream_part(s);
    }
    if (s->broken && s->state >= STREAM_WELCOME && s->state < STREAM_OVER &&
        stream_read(s))
        stream_lose(s, "%s", s->plug.error);
}

int
ecstream_run(struct ecstream *s)
{
    int64_t now = stream_clock();

    s->more = false;
    if (s->state == STREAM_DOWN && stream_wants(s) && now >= s->retry_at)
        stream_dial(s);
    letter_again(s, now);
    if (s->state != STREAM_DOWN && s->state != STREAM_OVER)
        stream_turn(s);
    if (s->state != STREAM_DOWN && s->state != STREAM_OVER)
        stream_time(s, stream_clock());
    if (stream_is_done(s)) {
        (void)stream_error(s, 0, "the stream is closed");
        stream_fail(s, ECSTREAM_E_CLOSED);
    }
    if (s->state != STREAM_DOWN && s->state != STREAM_OVER &&
        plug_has_input(&s->plug))
        s->more = true;
    return s->state == STREAM_OVER ? s->over : 0;
}

int
ecstream_fd(const struct ecstream *s)
{
    return s->state == STREAM_DOWN || s->state == STREAM_OVER ? -1 : s->plug.fd;
}

int
ecstream_events(const struct ecstream *s)
{
    switch (s->state) {
    case STREAM_DOWN:
    case STREAM_OVER:
        return 0;
    case STREAM_DIALS:
        return POLLOUT;
    case STREAM_TLS:
        return plug_tls_wants(&s->plug);
    default:
        return POLLIN | (s->out.n ? POLLOUT : 0);
    }
}

void
ecstream_close(struct ecstream *s)
{
    s->closing = true;
}

/* --- waiting --- */

int
ecstream_wait(struct ecstream *s, int ms)
{
    struct pollfd one = {.fd = ecstream_fd(s), .events = 0};
    int most = ecstream_timeout(s);

    one.events = (short)ecstream_events(s);
    if (ms >= 0 && (most < 0 || ms < most))
        most = ms;
    if (one.fd >= 0 || most != 0)
        (void)poll(&one, one.fd >= 0 ? 1 : 0, most);
    return ecstream_run(s);
}

static int
left_of(int64_t until)
{
    int64_t left = until - stream_clock();

    if (until == INT64_MAX)
        return -1;
    return left <= 0 ? 0 : (int)left;
}

int
ecstream_send_wait(struct ecstream *s, const struct ecstream_message *m, int ms)
{
    int64_t until = ms < 0 ? INT64_MAX : stream_clock() + ms;
    int rc;

    while ((rc = ecstream_send(s, m)) == ECSTREAM_E_FULL) {
        int left = left_of(until);

        if (left == 0)
            return ECSTREAM_E_TIMEOUT;
        rc = ecstream_wait(s, left);
        if (rc < 0)
            return rc;
    }
    return rc;
}

int
ecstream_finish(struct ecstream *s, int ms)
{
    int64_t until = ms < 0 ? INT64_MAX : stream_clock() + ms;
    int rc = s->state == STREAM_OVER ? s->over : 0;

    ecstream_close(s);
    while (rc == 0) {
        int left = left_of(until);

        if (left == 0)
            return ECSTREAM_E_TIMEOUT;
        rc = ecstream_wait(s, left);
    }
    return rc == ECSTREAM_E_CLOSED ? 0 : rc;
}

/* --- what is known --- */

const char *
ecstream_error(const struct ecstream *s)
{
    return s->error;
}

const unsigned char *
ecstream_stream(const struct ecstream *s)
{
    return s->o.stream;
}

size_t
ecstream_open_count(const struct ecstream *s)
{
    return s->count;
}

size_t
ecstream_unconfirmed_count(const struct ecstream *s)
{
    return s->told_count;
}

bool
ecstream_server(const struct ecstream *s, struct ecstream_server *to)
{
    size_t size = to->size < sizeof(*to) ? to->size : sizeof(*to);

    if (!s->reached || size < sizeof(size_t))
        return false;
    memcpy(to, &s->server, size);
    to->size = size;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server_data.c - bodies of inbound messages, by DATA and by BDAT (RFC 3030).
 *
 * Bytes go straight from input() to the host.  A message that is refused on
 * its way is still read to its end: what it holds must never be taken for
 * commands.  How much is read for nothing is bounded.
 */
#include "server.h"

#include <stdio.h>
#include <string.h>

#include "newline.h"

enum { WASTE_MAX = 64 * 1024 * 1024 };

static bool
is_refused(const struct server *s)
{
    return s->refusal.text[0] != '\0';
}

void
data_refuse(struct server *s, const char *line)
{
    if (is_refused(s))
        return;
    snprintf(s->refusal.text, sizeof(s->refusal.text), "%s", line);
    if (s->in)
        s->host->intake->abandon(s->in);
    s->in = NULL;
    s->no_credit = false;
}

/* The same for a reason of our own, while the message still has a sender. */
static void
body_reject(struct server *s, const char *line)
{
    if (!is_refused(s))
        server_rejected(s, IMPEL_AT_BODY, line_str(""), line);
    data_refuse(s, line);
}

/* The limit on what is read for nothing; a large message is allowed once more
 * of its size. */
static uint64_t
waste_limit(struct server *s)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);

    return (uint64_t)WASTE_MAX + (max > 0 ? (uint64_t)max : 0);
}

/* Octets come now, for a message or for nothing: not for ever. */
static void
body_start(struct server *s)
{
    s->line_start = true;
    s->body_until =
        s->host->now() + options_ms(s->module, s->scope, OPT_BODY_TIME);
    server_deadline(s, OPT_IDLE_TIME);
}

/* Give bytes to the host.  False: not now, nothing was taken. */
static bool
body_give(struct server *s, const char *p, size_t n)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);
    int rc;

    if (n == 0)
        return true;
    if (!is_refused(s) && max > 0 && n > (uint64_t)max - s->body_bytes)
        body_reject(s, "552 5.3.4 message is too large");
    if (is_refused(s)) {
        s->wasted_bytes += n;
        return true;
    }
    rc = s->host->intake->body(s->in, p, n);
    if (rc == IMPEL_E_AGAIN) {
        s->no_credit = true;
        server_deadline(s, OPT_VERDICT_TIMEOUT);
        return false;
    }
    if (rc < 0)
        data_refuse(s, "451 4.3.0 message cannot be stored now");
    s->body_bytes += n;
    return true;
}

/* A CR or LF that stands alone.  False: not now. */
static bool
body_bare(struct server *s)
{
    if (s->host->opt_int(s->scope, OPT_BARE_NEWLINE) == BARE_NEWLINE_FIX)
        return body_give(s, "\r\n", 2);
    if (!s->smuggling) {
        s->smuggling = true;
        s->host->count(s->module->instance, COUNT_BARE_NEWLINES, 1);
        s->host->log(s->module->instance, s->session, IMPEL_LOG_NOTICE,
            "event=bare-newline");
        /* whatever was wrong before, this is what must be said */
        s->refusal.text[0] = '\0';
        body_reject(s, "550 5.6.0 bare CR or LF in message");
    }
    return true;
}

/* Take what can be judged of p[0..n); how many bytes are done with.  *end: the
 * end of data was among them. */
static size_t
body_take(struct server *s, const char *p, size_t n, bool dotted, bool *end)
{
    struct newline l;
    size_t at = 0;

    *end = false;
    while (at < n && !s->no_credit) {
        newline_scan(p + at, n - at, s->line_start, dotted, &l);
        if (!body_give(s, p + at, l.run))
            break;
        at += l.run;
        if (l.run > 0)
            s->line_start = false;
        if (l.what == NEWLINE_MORE) {
            s->line_start = l.line_start;
            break;
        }
        if (l.what == NEWLINE_BARE && !body_bare(s))
            break;
        /* mended or not, no dot is taken off behind it */
        s->line_start = l.what == NEWLINE_BARE && !dotted;
        at += l.skip;
        if (l.what == NEWLINE_END) {
            *end = true;
            break;
        }
    }
    return at;
}

/* The whole body was refused: the reply that has waited, and with it the end
 * of the message, or of the session. */
static void
body_refused(struct server *s)
{
    char line[SERVER_LINE_MAX];
    bool smuggling = s->smuggling;
    /* what is refused before its last chunk has one reply, to that chunk */
    size_t rcpts = s->bdat && !s->chunk_last ? 1 : s->rcpt_accepted;

    memcpy(line, s->refusal.text, sizeof(line));
    s->state = SERVER_COMMAND;
    server_reset(s);
    if (smuggling || memcmp(line, "421", 3) == 0 ||
        memcmp(line, "521", 3) == 0) {
        server_bye(s, line);
        return;
    }
    server_reply_each(s, rcpts, line);
    server_deadline(s, OPT_IDLE_TIME);
}

static void
body_commit(struct server *s)
{
    struct impel_str no_key = {NULL, 0};

    s->state = SERVER_COMMAND;
    if (s->host->intake->commit(s->in, no_key) < 0) {
        data_refuse(s, "451 4.3.0 message cannot be stored now");
        body_refused(s);
        return;
    }
    s->body_until = 0;
    server_await(s, WAIT_COMMIT);
}

void
data_committed(struct server *s, const char *line, bool accepted)
{
    size_t rcpts = s->rcpt_accepted;

    server_reset(s);
    if (accepted) {
        s->receptions++;
        s->commands = s->errors = 0;
    }
    if (memcmp(line, "421", 3) == 0 || memcmp(line, "521", 3) == 0)
        server_bye(s, line);
    else
        server_reply_each(s, rcpts, line);
    if (s->closing && s->state == SERVER_COMMAND && s->echoes == 0)
        server_bye(s, "421 4.3.2 closing down");
}

static void
body_end(struct server *s)
{
    if (is_refused(s))
        body_refused(s);
    else
        body_commit(s);
}

/* Time and patience, after some bytes were taken. */
static void
body_progress(struct server *s, size_t taken)
{
    if (s->wasted_bytes > waste_limit(s))
        server_turn_out(s, "421 4.7.0 message is endless");
    else if (taken > 0 && !s->no_credit)
        server_deadline(s, OPT_IDLE_TIME);
}

void
data_begin(struct server *s)
{
    body_start(s);
    s->state = SERVER_DATA;
    server_reply(s, "354 end with <CRLF>.<CRLF>");
}

size_t
data_take(struct server *s, const char *p, size_t n)
{
    bool end;
    size_t used = body_take(s, p, n, true, &end);

    if (end)
        body_end(s);
    else
        body_progress(s, used);
    return used;
}

/* All octets of a chunk were read. */
static void
chunk_end(struct server *s)
{
    char line[80];

    if (s->chunk_ignored) {
        s->state = SERVER_COMMAND;
        s->chunk_ignored = false;
        s->body_until = 0;
        s->commands++; /* no error: it may have been sent ahead of a refusal */
        server_reply(s,
            s->mail ? "503 5.5.1 no valid recipients"
                    : "503 5.5.1 MAIL comes first");
        return;
    }
    if (s->chunk_last && s->cr) {
        if (!body_bare(s))
            return;
        s->cr = false;
        s->line_start = true;
    }
    /* a last line without its end is given one: lines end in CRLF */
    if (s->chunk_last && !is_refused(s) && !s->line_start && !s->binary) {
        if (!body_give(s, "\r\n", 2))
            return;
        s->line_start = true;
    }
    if (s->chunk_last || is_refused(s)) {
        body_end(s);
        return;
    }
    s->state = SERVER_COMMAND;
    snprintf(line, sizeof(line), "250 2.0.0 %llu octets received",
        (unsigned long long)s->chunk_size);
    server_reply(s, line);
}

void
bdat_begin(struct server *s, uint64_t size, bool last)
{
    int64_t max = s->host->opt_int(s->scope, OPT_MAX_MESSAGE_SIZE);

    s->chunk_ignored = !s->mail || s->rcpt_accepted == 0;
    if (size > (s->chunk_ignored || max > 0 ? waste_limit(s) : INT64_MAX)) {
        server_turn_out(s, "521 5.3.4 chunk is too large");
        return;
    }
    s->chunk_left = s->chunk_size = size;
    s->chunk_last = last;
    s->state = SERVER_BDAT;
    if (!s->bdat)
        body_start(s);
    s->bdat = s->bdat || !s->chunk_ignored;
    if (!s->chunk_ignored && max > 0 &&
        (s->body_bytes > (uint64_t)max || size > (uint64_t)max - s->body_bytes))
        body_reject(s, "552 5.3.4 message is too large");
    if (size > 0)
        return;
    s->commands += !last;
    chunk_end(s);
}

/* The LF that a CR at the end of the last chunk waits for.  False: not now. */
static bool
chunk_join(struct server *s, char first, size_t *used)
{
    if (first != '\n') {
        if (!body_bare(s))
            return false;
    } else {
        if (!body_give(s, "\r\n", 2))
            return false;
        *used = 1;
    }
    s->cr = false;
    s->line_start = true;
    return true;
}

/* Octets of a chunk of BINARYMIME go through as they are. */
static size_t
binary_take(struct server *s, const char *p, size_t n)
{
    if (!body_give(s, p, n))
        return 0;
    s->chunk_left -= n;
    if (s->chunk_left == 0)
        chunk_end(s);
    else
        body_progress(s, n);
    return n;
}

size_t
bdat_take(struct server *s, const char *p, size_t n)
{
    size_t used = 0;
    bool end;

    if (n > s->chunk_left)
        n = (size_t)s->chunk_left;
    if (s->chunk_ignored) {
        s->wasted_bytes += n;
        used = n;
    } else {
        if (s->binary)
            return binary_take(s, p, n);
        if (n > 0 && s->cr && !chunk_join(s, p[0], &used))
            return 0;
        used += body_take(s, p + used, n - used, false, &end);
        /* all that is held back is a CR; at the end of a chunk it is its */
        if (!s->no_credit && used + 1 == n && n == s->chunk_left) {
            s->cr = true;
            used = n;
        }
    }
    s->chunk_left -= used;
    if (s->chunk_left == 0 && !s->no_credit)
        chunk_end(s);
    else
        body_progress(s, used);
    return used;
}

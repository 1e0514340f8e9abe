/* SPDX-License-Identifier: Apache-2.0
 *
 * http1.c - the reader: octets into lines, lines into a head, chunks into a
 * body.
 */
#include "http1.h"

#include <stdlib.h>
#include <string.h>

#include "http1head.h"

enum { BODY_FIRST = 4096 };

static enum http1_step
http1_bad(struct http1 *h, int status, const char *why)
{
    h->at = AT_BAD;
    h->status = status;
    h->fault = why;
    return HTTP1_BAD;
}

struct http1 *
http1_new(enum http1_kind kind, size_t body_most)
{
    struct http1 *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->kind = kind;
    h->body_most = body_most;
    return h;
}

static void
body_drop(struct http1 *h)
{
    if (h->body)
        explicit_bzero(h->body, h->body_room);
    free(h->body);
    h->body = NULL;
    h->body_n = h->body_room = 0;
}

void
http1_next(struct http1 *h)
{
    enum http1_kind kind = h->kind;
    size_t most = h->body_most;

    body_drop(h);
    explicit_bzero(h, sizeof(*h));
    h->kind = kind;
    h->body_most = most;
}

void
http1_free(struct http1 *h)
{
    if (!h)
        return;
    http1_next(h);
    free(h);
}

const struct http1_message *
http1_read(const struct http1 *h)
{
    return &h->m;
}

const char *
http1_fault(const struct http1 *h, int *status)
{
    if (status)
        *status = h->status;
    return h->fault;
}

bool
http1_has_begun(const struct http1 *h)
{
    return h->begun;
}

void
http1_drop(struct http1 *h)
{
    body_drop(h);
    h->m.body = (struct impel_str){"", 0};
    h->drops = true;
}

static enum http1_step
http1_whole(struct http1 *h)
{
    h->at = AT_END;
    h->m.body =
        (struct impel_str){h->body ? h->body : "", h->drops ? 0 : h->body_n};
    return HTTP1_WHOLE;
}

/* --- the body --- */

static enum http1_step
body_take(struct http1 *h, const char *at, size_t n)
{
    size_t room = h->body_room ? h->body_room : BODY_FIRST;
    char *grown;

    if (n > h->body_most - h->body_n)
        return http1_bad(h, 413, "the body is larger than is allowed");
    if (h->drops) {
        h->body_n += n;
        return HTTP1_MORE;
    }
    while (room < h->body_n + n)
        room *= 2;
    if (room != h->body_room) {
        grown = malloc(room);
        if (!grown)
            return http1_bad(h, 503, "no memory");
        if (h->body) {
            memcpy(grown, h->body, h->body_n);
            explicit_bzero(h->body, h->body_room);
            free(h->body);
        }
        h->body = grown;
        h->body_room = room;
    }
    memcpy(h->body + h->body_n, at, n);
    h->body_n += n;
    return HTTP1_MORE;
}

/* As much of what there is as belongs to the body, or to this chunk. */
static enum http1_step
body_octets(struct http1 *h, const char *at, size_t n, size_t *taken)
{
    enum http1_step step;

    if (h->at != AT_REST && n > h->left)
        n = (size_t)h->left;
    *taken = n;
    step = body_take(h, at, n);
    if (step == HTTP1_BAD || h->at == AT_REST)
        return step;
    h->left -= n;
    if (h->left)
        return HTTP1_MORE;
    if (h->at == AT_BODY)
        return http1_whole(h);
    h->at = AT_CHUNK_END;
    return HTTP1_MORE;
}

/* 1 to 15 hexadecimal digits, and perhaps extensions, which are passed over. */
static bool
chunk_size(const char *line, size_t n, uint64_t *size)
{
    size_t i = 0;

    *size = 0;
    for (; i < n && i < 16; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *d = line[i] ? strchr(digits, line[i]) : NULL;

        if (!d)
            break;
        *size = *size * 16 + (uint64_t)((d - digits) % 16);
    }
    if (i == 0 || i == 16)
        return false;
    while (i < n && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i == n || line[i] == ';';
}

static enum http1_step
chunk_begins(struct http1 *h, const char *line, size_t n)
{
    if (!chunk_size(line, n, &h->left))
        return http1_bad(h, 400, "a chunk without a size");
    if (h->left > h->body_most - h->body_n)
        return http1_bad(h, 413, "the body is larger than is allowed");
    h->at = h->left ? AT_CHUNK : AT_TRAILER;
    return HTTP1_MORE;
}

/* --- lines --- */

static enum http1_step
head_ends(struct http1 *h)
{
    enum head_body how;
    int status = 400;
    const char *fault = http1head_end(h, &how, &status);

    if (fault)
        return http1_bad(h, status, fault);
    switch (how) {
    case HEAD_INTERIM:
        if (++h->interim > HTTP1_INTERIM_MOST)
            return http1_bad(h, 502, "too many interim answers");
        h->head_n = 0;
        h->m.field_count = 0;
        h->at = AT_FIRST;
        return HTTP1_MORE;
    case HEAD_EMPTY:
        return http1_whole(h);
    case HEAD_CHUNKS:
        h->at = AT_SIZE;
        break;
    case HEAD_LENGTH:
        h->at = AT_BODY;
        break;
    default:
        h->at = AT_REST;
        break;
    }
    return HTTP1_HEAD;
}

/* One line without its end.  What is behind the head is not kept. */
static enum http1_step
line_ends(struct http1 *h)
{
    char *line = h->head + h->line;
    size_t n = h->head_n - h->line;
    const char *fault = NULL;
    int status = 400;

    switch (h->at) {
    case AT_FIRST:
        /* one empty line before a request is passed over (RFC 9112 2.2) */
        if (n == 0 && h->kind == HTTP1_REQUEST && !h->passed) {
            h->passed = true;
            h->begun = false;
            return HTTP1_MORE;
        }
        fault = http1head_first(h, line, n, &status);
        h->at = fault ? h->at : AT_FIELD;
        break;
    case AT_FIELD:
        if (n == 0)
            return head_ends(h);
        fault = http1head_field(h, line, n, &status);
        break;
    case AT_SIZE:
        h->head_n = h->line;
        return chunk_begins(h, line, n);
    case AT_CHUNK_END:
        if (n)
            fault = "a chunk is longer than its size";
        h->at = fault ? h->at : AT_SIZE;
        break;
    default: /* AT_TRAILER: checked, and forgotten */
        if (n == 0)
            return http1_whole(h);
        if (++h->trailers > HTTP1_FIELDS_MOST)
            return http1_bad(h, 431, "too many fields behind the body");
        fault = http1head_check(line, n);
        h->head_n = h->line;
        break;
    }
    return fault ? http1_bad(h, status, fault) : HTTP1_MORE;
}

static enum http1_step
line_octet(struct http1 *h, char c)
{
    size_t n = h->head_n - h->line;

    h->begun = true;
    if (c == '\n') {
        if (!h->cr)
            return http1_bad(h, 400, "a line ends in a bare LF");
        h->cr = false;
        return line_ends(h);
    }
    if (h->cr)
        return http1_bad(h, 400, "a bare CR in a line");
    if (c == '\r') {
        h->cr = true;
        return HTTP1_MORE;
    }
    if (((unsigned char)c < ' ' && c != '\t') || c == 127)
        return http1_bad(h, 400, "a control octet in a line");
    if ((h->at == AT_SIZE || h->at == AT_CHUNK_END) && n >= HTTP1_CHUNK_LINE)
        return http1_bad(h, 400, "the line before a chunk is too long");
    if (h->head_n == HTTP1_HEAD_MOST && h->at != AT_SIZE)
        return http1_bad(h, 431, "the fields are larger than is allowed");
    h->head[h->head_n++] = c;
    return HTTP1_MORE;
}

static bool
is_in_body(const struct http1 *h)
{
    return h->at == AT_BODY || h->at == AT_CHUNK || h->at == AT_REST;
}

size_t
http1_feed(struct http1 *h, const char *at, size_t n, enum http1_step *step)
{
    size_t i = 0, taken;

    *step = h->at == AT_BAD ? HTTP1_BAD : HTTP1_MORE;
    if (h->at == AT_END)
        *step = HTTP1_WHOLE;
    while (i < n && *step == HTTP1_MORE) {
        if (is_in_body(h)) {
            *step = body_octets(h, at + i, n - i, &taken);
            i += taken;
            continue;
        }
        *step = line_octet(h, at[i]);
        i++;
        if (at[i - 1] == '\n') /* the next line, if there is one */
            h->line = h->head_n;
    }
    return i;
}

enum http1_step
http1_end(struct http1 *h)
{
    if (h->at == AT_BAD)
        return HTTP1_BAD;
    if (h->at == AT_END || h->at == AT_REST)
        return http1_whole(h);
    if (!h->begun)
        return HTTP1_MORE;
    return http1_bad(h, 400, "the connection has ended within a message");
}

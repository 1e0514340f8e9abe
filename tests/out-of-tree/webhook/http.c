/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { RETRY_MOST_S = 7 * 86400 /* a server is not believed further */ };

void
http_init(struct http *h)
{
    *h = (struct http){.phase = PHASE_STATUS, .retry_after = -1};
}

void
http_fini(struct http *h)
{
    free(h->body);
    h->body = NULL;
}

void
http_next(struct http *h)
{
    http_fini(h);
    http_init(h);
}

bool
http_has_begun(const struct http *h)
{
    return h->phase != PHASE_STATUS || h->line_n > 0 || h->interim > 0;
}

static void
bad(struct http *h, const char *why)
{
    h->phase = PHASE_BAD;
    h->why = why;
}

/* --- the head --- */

static bool
is_digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9')
            return false;
    }
    return n > 0;
}

static void
take_reason(struct http *h, const char *p, size_t n)
{
    size_t k = 0;

    for (size_t i = 0; i < n && k + 1 < sizeof(h->reason); i++) {
        if (p[i] >= ' ' && p[i] <= '~')
            h->reason[k++] = p[i];
    }
    h->reason[k] = '\0';
}

/* "HTTP/1.1 200 OK" */
static void
take_status(struct http *h)
{
    const char *l = h->line;
    size_t n = h->line_n;

    if (n < 12 || memcmp(l, "HTTP/1.", 7) || (l[7] != '0' && l[7] != '1') ||
        l[8] != ' ' || !is_digits(l + 9, 3) || (n > 12 && l[12] != ' ') ||
        l[9] < '1' || l[9] > '5') {
        bad(h, "what came is no answer of HTTP/1.1");
        return;
    }
    h->minor = l[7] - '0';
    h->keep = h->minor == 1;
    h->status = (l[9] - '0') * 100 + (l[10] - '0') * 10 + (l[11] - '0');
    take_reason(h, l + (n > 13 ? 13 : n), n > 13 ? n - 13 : 0);
    h->phase = PHASE_FIELDS;
}

/* Is that word one of those between commas? */
static bool
has_word(const char *p, size_t n, const char *word)
{
    size_t w = strlen(word);

    while (n > 0) {
        const char *comma = memchr(p, ',', n);
        size_t part = comma ? (size_t)(comma - p) : n, a = 0, z = part;

        while (a < z && (p[a] == ' ' || p[a] == '\t'))
            a++;
        while (z > a && (p[z - 1] == ' ' || p[z - 1] == '\t'))
            z--;
        if (z - a == w && strncasecmp(p + a, word, w) == 0)
            return true;
        if (!comma)
            return false;
        p += part + 1;
        n -= part + 1;
    }
    return false;
}

static void
take_length(struct http *h, const char *p, size_t n)
{
    uint64_t length = 0;

    if (!is_digits(p, n) || n > 15) {
        bad(h, "a Content-Length that is no number");
        return;
    }
    for (size_t i = 0; i < n; i++)
        length = length * 10 + (uint64_t)(p[i] - '0');
    if (h->has_length && h->left != length) {
        bad(h, "two lengths of one answer");
        return;
    }
    h->has_length = true;
    h->left = length;
}

/* Seconds, or a date (RFC 9110 10.2.3). */
static void
take_retry(struct http *h, const char *value)
{
    size_t n = strlen(value);
    struct tm when = {0};
    int64_t seconds = 0;

    if (is_digits(value, n)) {
        for (size_t i = 0; i < n && seconds <= RETRY_MOST_S; i++)
            seconds = seconds * 10 + (value[i] - '0');
    } else {
        const char *end = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &when);

        if (!end || *end)
            return;
        seconds = (int64_t)timegm(&when) - (int64_t)time(NULL);
    }
    if (seconds < 0)
        seconds = 0;
    if (seconds > RETRY_MOST_S)
        seconds = RETRY_MOST_S;
    h->retry_after = seconds * 1000;
}

static bool
is_named(const char *name, size_t n, const char *want)
{
    return n == strlen(want) && strncasecmp(name, want, n) == 0;
}

static void
take_value(struct http *h, const char *name, size_t n, char *value)
{
    size_t v = strlen(value);

    if (is_named(name, n, "content-length")) {
        take_length(h, value, v);
    } else if (is_named(name, n, "transfer-encoding")) {
        if (h->chunked || strcasecmp(value, "chunked") != 0)
            bad(h, "a transfer coding that is not known");
        h->chunked = true;
    } else if (is_named(name, n, "connection")) {
        if (has_word(value, v, "close"))
            h->keep = false;
        else if (h->minor == 0 && has_word(value, v, "keep-alive"))
            h->keep = true;
    } else if (is_named(name, n, "retry-after")) {
        take_retry(h, value);
    } else if (is_named(name, n, "content-type")) {
        h->json = strncasecmp(value, "application/json", 16) == 0 &&
            (value[16] == '\0' || value[16] == ';' || value[16] == ' ');
    }
}

/* "Name: value", the blanks around the value taken off. */
static void
take_field(struct http *h)
{
    char *colon = memchr(h->line, ':', h->line_n), *value, *end;
    size_t n = colon ? (size_t)(colon - h->line) : 0;

    if (!n || strcspn(h->line, " \t") < n) {
        bad(h, "a line of the head that is no field");
        return;
    }
    value = colon + 1 + strspn(colon + 1, " \t");
    end = h->line + h->line_n;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    take_value(h, h->line, n, value);
}

static void
end_of_head(struct http *h)
{
    if (h->status == 101) {
        bad(h, "the server changes the protocol");
    } else if (h->status < 200) {
        int interim = h->interim + 1;

        http_next(h);
        h->interim = interim;
        if (interim > HTTP_INTERIM_MOST)
            bad(h, "interim answers without end");
    } else if (h->chunked && h->has_length) {
        bad(h, "a length beside a transfer coding");
    } else if (h->status == 204 || h->status == 304) {
        h->phase = PHASE_END;
    } else if (h->chunked) {
        h->phase = PHASE_CHUNK;
    } else if (h->has_length && h->left > HTTP_BODY_MOST) {
        bad(h, "an answer that is too large");
    } else if (h->has_length) {
        h->phase = h->left ? PHASE_LENGTH : PHASE_END;
    } else {
        h->keep = false;
        h->phase = PHASE_CLOSE;
    }
}

/* --- the body --- */

/* "1a;extension" */
static void
take_chunk(struct http *h)
{
    uint64_t size = 0;
    size_t i = 0;

    for (; i < h->line_n && i < 8; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = strchr(digits, h->line[i]);

        if (!at)
            break;
        size = size * 16 + (uint64_t)(at - digits) % 16;
    }
    if (i == 0 || (i < h->line_n && !strchr("; \t", h->line[i]))) {
        bad(h, "a chunk without its size");
        return;
    }
    h->left = size;
    h->phase = size ? PHASE_DATA : PHASE_TRAILER;
}

static void
take_body(struct http *h, const char *p, size_t n)
{
    char *more;

    if (n > HTTP_BODY_MOST - h->body_n) {
        bad(h, "an answer that is too large");
        return;
    }
    more = realloc(h->body, h->body_n + n + 1);
    if (!more) {
        bad(h, "no memory for an answer");
        return;
    }
    h->body = more;
    memcpy(h->body + h->body_n, p, n);
    h->body_n += n;
    h->body[h->body_n] = '\0';
}

/* --- all of it --- */

static void
take_line(struct http *h)
{
    size_t n = h->line_n;

    h->line[n] = '\0';
    if (memchr(h->line, '\0', n) || memchr(h->line, '\r', n)) {
        bad(h, "a line with octets that no line has");
        return;
    }
    switch (h->phase) {
    case PHASE_STATUS:
        take_status(h);
        break;
    case PHASE_FIELDS:
        if (n)
            take_field(h);
        else
            end_of_head(h);
        break;
    case PHASE_CHUNK:
        take_chunk(h);
        break;
    case PHASE_CRLF:
        if (n)
            bad(h, "a chunk that is longer than it says");
        else
            h->phase = PHASE_CHUNK;
        break;
    default: /* of a trailer nothing is wanted */
        if (!n)
            h->phase = PHASE_END;
        break;
    }
    h->line_n = 0;
}

/* Octets of lines, up to the end of one. */
static size_t
feed_line(struct http *h, const char *p, size_t n)
{
    const char *end = memchr(p, '\n', n);
    size_t take = end ? (size_t)(end - p) : n;

    h->head_n += take + 1;
    if (take >= sizeof(h->line) - h->line_n || h->head_n > HTTP_HEAD_MOST) {
        bad(h, "a head that is too large");
        return n;
    }
    memcpy(h->line + h->line_n, p, take);
    h->line_n += take;
    if (!end)
        return n;
    if (h->line_n && h->line[h->line_n - 1] == '\r') {
        h->line_n--;
        take_line(h);
    } else {
        bad(h, "a line that ends in LF alone");
    }
    return take + 1;
}

static size_t
feed_body(struct http *h, const char *p, size_t n)
{
    if (h->phase == PHASE_CLOSE) {
        take_body(h, p, n);
        return n;
    }
    if (n > h->left)
        n = (size_t)h->left;
    take_body(h, p, n);
    h->left -= n;
    if (h->left == 0 && h->phase != PHASE_BAD)
        h->phase = h->phase == PHASE_DATA ? PHASE_CRLF : PHASE_END;
    return n;
}

size_t
http_feed(struct http *h, const char *p, size_t n, enum http_step *step)
{
    size_t at = 0;

    while (at < n && h->phase < PHASE_END) {
        bool data = h->phase == PHASE_LENGTH || h->phase == PHASE_CLOSE ||
            h->phase == PHASE_DATA;

        at +=
            data ? feed_body(h, p + at, n - at) : feed_line(h, p + at, n - at);
    }
    *step = h->phase == PHASE_BAD ? HTTP_BAD
        : h->phase == PHASE_END   ? HTTP_DONE
                                  : HTTP_MORE;
    return at;
}

enum http_step
http_end(struct http *h)
{
    if (h->phase == PHASE_CLOSE)
        h->phase = PHASE_END;
    else if (h->phase != PHASE_END && h->phase != PHASE_BAD)
        bad(h, "the answer broke off");
    return h->phase == PHASE_END ? HTTP_DONE : HTTP_BAD;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * push.c - the part for a service, or the words for it.
 */
#include "push.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PUSH_STEP = 16384,
    PUSH_STEPS = 32,         /* of a turn */
    PUSH_FIELDS_MOST = 16384 /* a part's own header */
};
struct push {
    struct push_want want;
    struct mime *mime;
    bool begun, is_container, inner; /* inner: within the ordinary message */
    bool done;                       /* nothing that comes can matter */
    bool has_part, has_text, whole;
    struct mime_type type; /* of what was taken */
    char *octets, *decoded;
    size_t n, room, most;
    bool cut;
    char subject[PUSH_SUBJECT_MOST];
    size_t subject_n;
    char *named;
    const char *wrong;
    char said[240], fault[280];
};

static const char *IMPEL_PRINTF(2, 3)
    push_says(struct push *p, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(p->said, sizeof(p->said), format, ap);
    va_end(ap);
    return p->said;
}

static void
note_named(struct push *p, struct impel_str header)
{
    char value[PUSH_NAMED_MOST + 1];
    int is = 0;

    if (p->want.named && !p->named)
        is = mime_look(header, p->want.named, value, sizeof(value));
    if (is > 0)
        p->named = strdup(value);
    if (is > 0 && !p->named)
        p->wrong = mime_no_memory;
    else if (is < 0)
        p->wrong = push_says(
            p, "%s is longer than %d octets", p->want.named, PUSH_NAMED_MOST);
}

static void
note_header(struct push *p, struct impel_str header)
{
    char value[4096];

    if (mime_field(header, "Subject", value, sizeof(value)))
        p->subject_n = mime_words((struct impel_str){value, strlen(value)},
            p->subject, sizeof(p->subject));
    note_named(p, header);
}

static bool
is_wanted(const struct push *p, const char *name)
{
    for (size_t i = 0; p->want.types[i]; i++)
        if (strcmp(p->want.types[i], name) == 0)
            return true;
    return false;
}

static enum mime_choice
take(struct push *p, const struct mime_part *part, size_t most)
{
    p->type = part->type;
    p->most = most;
    p->n = 0;
    p->cut = false;
    return MIME_TAKE;
}

/* The first text that is no attachment; HTML is none. */
static enum mime_choice
look_for_text(struct push *p, const struct mime_part *part)
{
    char disposition[64] = "";

    if (strncmp(part->type.name, "multipart/", 10) == 0)
        return MIME_SKIP;
    (void)mime_field(
        part->header, "Content-Disposition", disposition, sizeof(disposition));
    if (p->has_text || strcmp(part->type.name, "text/plain") != 0 ||
        strncmp(disposition, "attachment", 10) == 0)
        return MIME_PASS;
    p->has_text = true;
    return take(p, part, 4 * PUSH_TEXT_MOST); /* it may be encoded */
}

/* Right within the container. */
static enum mime_choice
look_for_part(struct push *p, const struct mime_part *part)
{
    p->inner = false;
    if (is_wanted(p, part->type.name)) {
        p->has_part = true;
        return take(p, part, PUSH_FIELDS_MOST + 2 * p->want.most);
    }
    if (!p->want.convert || p->has_text ||
        (strcmp(part->type.name, "message/rfc822") != 0 &&
            strcmp(part->type.name, "message/rfc2822") != 0))
        return MIME_PASS;
    p->inner = true;
    return MIME_ENTER;
}

static enum mime_choice
push_part(void *arg, const struct mime_part *part)
{
    struct push *p = arg;

    if (!p->begun) {
        p->begun = true;
        p->is_container = p->want.container &&
            strcmp(part->type.name, "multipart/vnd.msys.mcmt") == 0;
        if (p->is_container)
            return MIME_SKIP;
        p->done = !p->want.convert;
        note_header(p, part->header);
    } else if (p->is_container && part->depth <= 1) {
        return p->has_part ? MIME_PASS : look_for_part(p, part);
    } else if (p->inner && part->depth == 2 && !p->subject_n && !p->has_text) {
        note_header(p, part->header);
    }
    return p->done ? MIME_PASS : look_for_text(p, part);
}

static void
push_body(void *arg, const char *at, size_t n)
{
    struct push *p = arg;
    size_t room = p->room;
    char *grown;

    if (n > p->most - p->n) {
        n = p->most - p->n;
        p->cut = true;
    }
    if (p->n + n > room) {
        while (room < p->n + n)
            room = room ? room * 2 : 4096;
        grown = realloc(p->octets, room);
        if (!grown) {
            p->wrong = mime_no_memory;
            return;
        }
        p->octets = grown;
        p->room = room;
    }
    memcpy(p->octets + p->n, at, n);
    p->n += n;
}

static void
push_ended(void *arg, bool whole)
{
    struct push *p = arg;

    p->whole = whole;
    p->done = p->done || p->has_part || !p->is_container;
}

static const struct mime_calls push_calls = {
    .part = push_part, .body = push_body, .end = push_ended};

struct push *
push_new(const struct push_want *want)
{
    struct push *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->want = *want;
    p->mime = mime_new(&push_calls, p);
    if (!p->mime) {
        free(p);
        return NULL;
    }
    return p;
}

void
push_free(struct push *p)
{
    if (!p)
        return;
    mime_free(p->mime);
    free(p->octets);
    free(p->decoded);
    free(p->named);
    free(p);
}

bool
push_feed(struct push *p, const char *at, size_t n)
{
    const char *wrong = p->done || p->wrong ? NULL : mime_feed(p->mime, at, n);

    if (wrong && !p->done) /* what comes behind does not matter */
        p->wrong = wrong;
    return !p->wrong && !p->done;
}

/* --- what was found --- */

/* Octets without their encoding.  NULL; or otherwise: they are not in it. */
static const char *
push_decode(struct push *p, enum mime_encoding encoding, struct impel_str in,
    struct impel_str *to, const char *otherwise)
{
    int64_t n;

    free(p->decoded);
    p->decoded = malloc(in.n + 1);
    if (!p->decoded)
        return mime_no_memory;
    n = mime_decode(encoding, in, p->decoded);
    *to = (struct impel_str){p->decoded, n < 0 ? 0 : (size_t)n};
    return n < 0 ? otherwise : NULL;
}

static const char *
found_part(struct push *p, struct push_found *to)
{
    struct impel_str body;
    struct mime_type inner;
    const char *wrong;

    if (!p->whole)
        return "the message breaks off within the part";
    if (p->cut)
        return push_says(
            p, "the part %s is larger than %zu octets", p->type.name, p->most);
    to->type = p->type.name;
    mime_split((struct impel_str){p->octets ? p->octets : "", p->n},
        &to->fields, &body);
    if (!body.p)
        return push_says(
            p, "the part %s has no empty line behind its fields", p->type.name);
    if (!mime_type_of(to->fields, &inner))
        return "the Content-Type within the part cannot be read";
    if (inner.encoding == MIME_PLAIN) /* docs put it at either place */
        inner.encoding = p->type.encoding;
    wrong = push_decode(p, inner.encoding, body, &to->payload,
        "the payload is not in its Content-Transfer-Encoding");
    if (wrong)
        return wrong;
    if (to->payload.n > p->want.most)
        return push_says(p, "the payload in %s is larger than %zu octets",
            p->type.name, p->want.most);
    return NULL;
}

/* No device shows a control character, and services refuse some. */
static size_t
drop_controls(char *text, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (((unsigned char)text[i] >= ' ' && text[i] != 127) ||
            text[i] == '\t' || text[i] == '\r' || text[i] == '\n')
            text[kept++] = text[i];
    return kept;
}

/* As much as fits, and no half character. */
static void
cut_text(struct push_found *to)
{
    if (to->text.n <= PUSH_TEXT_MOST)
        return;
    to->cut = true;
    to->text.n = PUSH_TEXT_MOST;
    while (to->text.n > 0 && !mime_is_utf8(to->text))
        to->text.n--;
}

/* Of a text that was cut: encodings are of lines; a text that is one line is
 * cut behind a character. */
static size_t
whole_lines(struct impel_str s)
{
    size_t n = s.n;

    while (n > 0 && s.p[n - 1] != '\n')
        n--;
    if (n > 0)
        return n;
    for (n = s.n; n + 4 > s.n && n > 0; n--)
        if (mime_is_utf8((struct impel_str){s.p, n}))
            return n;
    return s.n;
}

static const char *
found_text(struct push *p, struct push_found *to)
{
    struct impel_str raw = {p->octets ? p->octets : "", p->n};
    size_t room = 4 * PUSH_TEXT_MOST * 3;
    const char *wrong;
    char *utf8;
    int64_t n;

    p->subject_n = drop_controls(p->subject, p->subject_n);
    to->subject = (struct impel_str){p->subject, p->subject_n};
    if (p->named)
        to->named = (struct impel_str){p->named, strlen(p->named)};
    to->text = (struct impel_str){"", 0};
    if (!p->has_text && !p->subject_n)
        return "there is neither a subject nor a text to make a notification "
               "of";
    if (!p->has_text)
        return NULL;
    to->cut = p->cut;
    if (p->cut)
        raw.n = whole_lines(raw);
    wrong = push_decode(p, p->type.encoding, raw, &raw,
        "the text is not in its Content-Transfer-Encoding");
    if (wrong)
        return wrong;
    utf8 = malloc(room);
    if (!utf8)
        return mime_no_memory;
    n = mime_utf8(p->type.charset, raw, utf8, room);
    free(p->decoded);
    p->decoded = utf8;
    if (n < 0)
        return push_says(p, "the text is not in its charset %.60s",
            p->type.charset[0] ? p->type.charset : "(none)");
    to->text = (struct impel_str){utf8, drop_controls(utf8, (size_t)n)};
    while (to->text.n > 0 && strchr("\r\n \t", to->text.p[to->text.n - 1]))
        to->text.n--;
    cut_text(to);
    return NULL;
}

static const char *
push_found(struct push *p, struct push_found *to)
{
    if (!p->wrong && !p->done)
        p->wrong = mime_end(p->mime);
    if (p->wrong)
        return p->wrong;
    if (p->has_part)
        return found_part(p, to);
    if (p->want.convert)
        return found_text(p, to);
    if (p->is_container)
        return push_says(p, "the container has no part %s", p->want.types[0]);
    return push_says(p,
        "no part %s: the message was not let in as a container "
        "(mcmt_reception), and push_convert is off",
        p->want.types[0]);
}

const char *
push_end(struct push *p, struct push_found *to)
{
    const char *wrong;

    memset(to, 0, sizeof(*to));
    wrong = push_found(p, to);
    if (!wrong)
        return NULL;
    (void)snprintf(p->fault, sizeof(p->fault), "%s [internal] %s",
        wrong == mime_no_memory ? "451 4.3.0" : "550 5.6.0", wrong);
    return p->fault;
}

int
push_read(struct push *p, const struct impel_host *host,
    struct impel_batch *batch, uint64_t *at)
{
    char piece[PUSH_STEP];
    int64_t n;
    int steps = 0;

    do {
        if (steps++ == PUSH_STEPS)
            return IMPEL_E_FULL;
        n = host->read_body(batch, IMPEL_BODY_RAW, *at, piece, sizeof(piece));
        if (n <= 0)
            return (int)n;
        *at += (uint64_t)n;
    } while (push_feed(p, piece, (size_t)n));
    return 0;
}

bool
push_is_container(const struct impel_host *host, struct impel_batch *batch)
{
    return host->meta(batch, "mcmt").p != NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * result.c - what a module said of a recipient, copied and made safe to show.
 */
#include "xport/result.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/num.h"
#include "base/utf8.h"
#include "base/xmem.h"
#include "base/banned.h"

enum {
    INFO_KEY_MAX = 40,
    INFO_VALUE_MAX = 256,
    RETRY_AFTER_MAX_MS = 7 * 24 * 3600 * 1000
};

/* The last member that 1.0 has. */
#define RESULT_MIN_SIZE \
    (offsetof(struct impel_result, info) + sizeof(struct impel_pair *))

static const char *const verdict_names[] = {
    "none", "delivered", "retry", "failed", "untried"};
static const char *const blame_names[] = {
    "none", "rcpt", "message", "session", "host", "route"};
static const char *const stage_names[] = {"none", "connect", "tls", "login",
    "sender", "rcpt", "body", "final", "banner", "hello", "client", "reset",
    "data"};
/* MC 8.1: not connected, TLS handshake, after EHLO, after MAIL FROM, after RCPT
 * TO, sending body, reading confirmation; reading banner, after EHLO, after
 * XCLIENT, after RSET, after DATA. */
static const int stage_numbers[] = {
    22, 0, 17, 11, 3, 5, 8, 9, 12, 11, 20, 14, 7};

static const char *
result_name(const char *const *names, size_t count, int i)
{
    return i >= 0 && (size_t)i < count ? names[i] : "unknown";
}

const char *
result_verdict_name(int verdict)
{
    return result_name(verdict_names, ARRAY_SIZE(verdict_names), verdict);
}

const char *
result_blame_name(int blame)
{
    return result_name(blame_names, ARRAY_SIZE(blame_names), blame);
}

const char *
result_stage_name(int stage)
{
    return result_name(stage_names, ARRAY_SIZE(stage_names), stage);
}

bool
result_stage_is_early(int stage)
{
    switch (stage) {
    case IMPEL_AT_CONNECT:
    case IMPEL_AT_TLS:
    case IMPEL_AT_LOGIN:
    case IMPEL_AT_BANNER:
    case IMPEL_AT_HELLO:
        return true;
    default:
        return false;
    }
}

int
result_stage_number(int stage)
{
    if (stage < 0 || (size_t)stage >= ARRAY_SIZE(stage_numbers))
        return 22;
    return stage_numbers[stage];
}

/* A reply of several lines becomes one; other controls become '?', also those
 * of UTF-8, which steer terminals and end lines for some.  Octets that are no
 * UTF-8 stay: whose they are may know. */
static void
result_clean(struct buf *to, struct str s, size_t max)
{
    size_t n;

    for (s = str_sub(s, 0, max); s.n; s = str_from(s, n)) {
        char c = s.p[0];

        n = utf8_length(s);
        if (n > 1 && utf8_printable(s)) {
            buf_add(to, s.p, n);
            continue;
        }
        if (c == '\n' || c == '\t')
            c = ' ';
        else if (n > 0 && !utf8_printable(s) && c != '\r')
            c = '?';
        if (c != '\r')
            buf_char(to, c);
        n = n ? n : 1;
    }
    while (to->n && to->p[to->n - 1] == ' ')
        buf_cut(to, to->n - 1);
}

static char *
result_text(struct impel_str s)
{
    struct buf b = BUF_INIT;

    if (!s.p || !s.n)
        return NULL;
    result_clean(&b, str_make(s.p, s.n), RESULT_TEXT_MAX);
    if (!b.n) {
        buf_fini(&b);
        return NULL;
    }
    return buf_detach(&b, NULL);
}

/* A value with a blank or a quote is quoted; quotes inside become '. */
static void
result_add_value(struct buf *to, struct impel_str v)
{
    struct buf clean = BUF_INIT;
    bool quote;

    result_clean(&clean, str_make(v.p ? v.p : "", v.n), INFO_VALUE_MAX);
    quote = str_chr(buf_get(&clean), ' ', 0) != SIZE_MAX ||
        str_chr(buf_get(&clean), '"', 0) != SIZE_MAX || !clean.n;
    for (size_t i = 0; i < clean.n; i++) {
        if (clean.p[i] == '"')
            clean.p[i] = '\'';
    }
    if (quote)
        buf_char(to, '"');
    buf_str(to, buf_get(&clean));
    if (quote)
        buf_char(to, '"');
    buf_fini(&clean);
}

static char *
result_info(const struct impel_result *r)
{
    struct buf b = BUF_INIT;
    size_t count = MIN_OF(r->info_count, (size_t)RESULT_INFO_MAX);

    if (!r->info)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct impel_pair *p = &r->info[i];
        size_t n = p->key.p ? MIN_OF(p->key.n, (size_t)INFO_KEY_MAX) : 0;

        if (!n)
            continue;
        if (b.n)
            buf_char(&b, ' ');
        for (size_t k = 0; k < n; k++) {
            unsigned char c = (unsigned char)p->key.p[k];

            buf_char(&b, c > 0x20 && c < 0x7f && c != '=' ? (char)c : '_');
        }
        buf_char(&b, '=');
        result_add_value(&b, p->value);
    }
    return b.n ? buf_detach(&b, NULL) : NULL;
}

/* Numbers that no protocol has are taken out; what the module judged stays. */
static void
result_bound(struct result *to, const struct impel_result *r)
{
    int first = r->status[0];

    to->blame = r->blame;
    if (to->blame < IMPEL_BLAME_RCPT || to->blame > IMPEL_BLAME_ROUTE)
        to->blame = r->verdict == IMPEL_DELIVERED ? IMPEL_BLAME_RCPT
                                                  : IMPEL_BLAME_SESSION;
    to->stage = r->stage;
    if (to->stage < IMPEL_AT_CONNECT || to->stage > IMPEL_AT_DATA)
        to->stage = 0;
    to->flags = r->flags & IMPEL_UNCERTAIN;
    to->code = r->code <= 999 ? r->code : 0;
    if ((first == 2 || first == 4 || first == 5) && r->status[1] <= 999 &&
        r->status[2] <= 999) {
        to->status[0] = r->status[0];
        to->status[1] = r->status[1];
        to->status[2] = r->status[2];
    }
    to->retry_after = r->retry_after < 0 ? -1 : r->retry_after;
    if (to->retry_after > RETRY_AFTER_MAX_MS)
        to->retry_after = RETRY_AFTER_MAX_MS;
}

int
result_copy(struct result *to, const struct impel_result *from)
{
    struct impel_result r;

    result_fini(to);
    if (!from || from->size < RESULT_MIN_SIZE)
        return ERR_PROTO;
    memset(&r, 0, sizeof(r));
    memcpy(&r, from, MIN_OF((size_t)from->size, sizeof(r)));
    if (r.verdict < IMPEL_DELIVERED || r.verdict > IMPEL_UNTRIED)
        return ERR_PROTO;
    to->verdict = r.verdict;
    result_bound(to, &r);
    to->text = result_text(r.text);
    to->info = result_info(&r);
    return 0;
}

/* "4.4.1" to three numbers; anything else to none. */
static void
result_parse_status(const char *z, uint16_t status[3])
{
    struct str rest = str_of(z);
    uint16_t out[3];

    for (int i = 0; i < 3; i++) {
        struct str part = str_cut(&rest, '.');
        uint64_t n;

        if (!part.p || num_u64(part, &n) || n > 999)
            return;
        out[i] = (uint16_t)n;
    }
    memcpy(status, out, sizeof(out));
}

void
result_set(struct result *to, int verdict, int blame, int stage, int code,
    const char *status, const char *text)
{
    char *copy = text ? xdupn(text, strnlen(text, RESULT_TEXT_MAX)) : NULL;

    result_fini(to); /* text may be the one that is there */
    to->verdict = verdict;
    to->blame = blame;
    to->stage = stage;
    to->code = (uint16_t)code;
    to->retry_after = -1;
    if (status)
        result_parse_status(status, to->status);
    to->text = copy;
}

void
result_dup(struct result *to, const struct result *from)
{
    struct result r = *from;

    r.text = from->text ? xdup(from->text) : NULL;
    r.info = from->info ? xdup(from->info) : NULL;
    r.tls = from->tls ? xdup(from->tls) : NULL;
    result_fini(to);
    *to = r;
}

void
result_fini(struct result *r)
{
    free(r->text);
    free(r->info);
    free(r->tls);
    memset(r, 0, sizeof(*r));
    r->retry_after = -1;
}

/* Peers repeat code and status in their words: each is shown once. */
static struct str
result_words(const struct result *r, bool *has_code, bool *has_status)
{
    char code[8], status[20];
    struct str text = str_of(r->text ? r->text : "");

    snprintf(code, sizeof(code), "%u", r->code);
    snprintf(status, sizeof(status), "%u.%u.%u", r->status[0], r->status[1],
        r->status[2]);
    *has_code = r->code && str_starts(text, str_of(code)) &&
        (text.n == 3 || text.p[3] == ' ' || text.p[3] == '-');
    if (*has_code)
        text = str_trim(str_from(text, 4));
    *has_status = r->status[0] && str_starts(text, str_of(status)) &&
        (text.n == strlen(status) || text.p[strlen(status)] == ' ');
    return text;
}

void
result_print(const struct result *r, struct buf *to)
{
    bool has_code, has_status;
    struct str words = result_words(r, &has_code, &has_status);
    size_t start = to->n;

    if (r->code)
        buf_printf(to, "%u", r->code);
    if (r->status[0] && !has_status)
        buf_printf(to, "%s%u.%u.%u", to->n > start ? " " : "", r->status[0],
            r->status[1], r->status[2]);
    if (words.n) {
        if (to->n > start)
            buf_char(to, ' ');
        buf_str(to, words);
    }
    if (to->n == start)
        buf_cstr(to, result_verdict_name(r->verdict));
}

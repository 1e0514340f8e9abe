/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-maillog.c - log records of what strangers have said: one line each,
 * with as many fields as it is documented to have, or one object that a reader
 * of JSON takes.
 */
#include "parts.h"

#include <jansson.h>

#include "queue/logrecord.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static size_t
fields(struct str line)
{
    size_t n = 1;

    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        must(c >= ' ' && c != 127);
        n += c == '@';
    }
    return n;
}

/* The line that `b` has is over: the fields it has, or that it is JSON. */
static size_t
is_line(struct buf *b)
{
    size_t n = fields(buf_get(b));

    buf_cut(b, 0);
    return n;
}

static void
is_json(struct buf *b)
{
    json_t *j;

    must(!b->n || str_chr(buf_get(b), '\n', 0) == SIZE_MAX);
    j = json_loadb(b->p, b->n, JSON_ALLOW_NUL, NULL);
    must(json_is_object(j));
    json_decref(j);
    buf_cut(b, 0);
}

static void
check_outcome(const struct maillog_outcome *o, size_t plain[4])
{
    static const char types[] = "DTP";
    struct buf b = BUF_INIT;

    for (size_t i = 0; i < 3; i++) {
        logrecord_outcome(&b, false, types[i], o);
        plain[i] = is_line(&b);
        logrecord_json_outcome(&b, types[i], o);
        is_json(&b);
    }
    logrecord_bounce(&b, true, 'B', o);
    plain[3] = is_line(&b);
    (void)maillog_bounce_class_name(maillog_bounce_class(o->result));
    buf_fini(&b);
}

static void
check_rejection(struct str rest)
{
    struct maillog_rejection r = {.connection = 7,
        .peer = part_next(&rest),
        .local = STR("127.0.0.1:25"),
        .helo = part_next(&rest),
        .sender = part_next(&rest),
        .rcpt = part_next(&rest),
        .phase = STR("rcptto"),
        .text = part_next(&rest)};
    struct buf b = BUF_INIT;

    logrecord_rejection(&b, false, &r);
    (void)is_line(&b);
    logrecord_json_rejection(&b, &r);
    is_json(&b);
    buf_fini(&b);
}

static void
check_message(const struct message *m, struct str text)
{
    struct result none = {.code = 550};
    struct maillog_report report = {.id = 7,
        .original = m->env.rcpt[0].address,
        .sender = m->env.sender,
        .binding = STR("b"),
        .group = STR("g"),
        .peer_addr = m->env.peer_addr,
        .result = &none,
        .text = text};
    struct buf b = BUF_INIT;

    logrecord_reception(&b, false, m, 0, 1000, STR("g"), STR("b"));
    (void)is_line(&b);
    logrecord_json_reception(&b, m, 0, 1000, STR("g"), STR("b"));
    is_json(&b);
    logrecord_reported(&b, false, &report);
    (void)is_line(&b);
    logrecord_json_reported(&b, &report);
    is_json(&b);
    buf_fini(&b);
}

/* The same with words that are plain: as many fields. */
static void
check_count(struct maillog_outcome *o, const size_t got[4])
{
    struct result plain = *o->result;
    struct message *m = message_new(7);
    size_t want[4];

    plain.text = (char *)(uintptr_t) "no";
    m->env = o->message->env;
    m->env.sender = STR("s@x.test");
    m->env.rcpt = &(struct rcpt){.address = STR("r@x.test")};
    o->message = m;
    o->result = &plain;
    check_outcome(o, want);
    must(memcmp(want, got, sizeof(want)) == 0);
    message_unref(&m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str rest = str_make(data, n), words = part_next(&rest);
    struct impel_result said = {.size = sizeof(said),
        .verdict = IMPEL_RETRY,
        .blame = IMPEL_BLAME_HOST,
        .stage = 1 + (int)(n % 7),
        .code = (uint16_t)(n % 700),
        .status = {4, (uint16_t)(n % 9), 1},
        .retry_after = -1,
        .text = {words.p, words.n}};
    struct result result = {.retry_after = -1};
    struct message *m = message_new(7);
    struct rcpt rcpt = {.domain = STR("x.test")};
    struct maillog_outcome o = {.message = m,
        .id = 7,
        .domain = STR("x.test"),
        .binding = STR("b"),
        .group = STR("g"),
        .peer_addr = STR("192.0.2.1"),
        .result = &result};
    size_t got[4];

    must(result_copy(&result, &said) == 0);
    check_rejection(rest);
    m->env.sender = message_str(m, part_next(&rest));
    rcpt.address = message_str(m, part_next(&rest));
    m->env.helo = message_str(m, part_next(&rest));
    m->env.peer_addr = STR("192.0.2.1");
    m->env.protocol = STR("esmtp");
    m->env.rcpt = &rcpt;
    m->env.rcpt_count = 1;
    check_message(m, words);
    check_outcome(&o, got);
    check_count(&o, got);
    result_fini(&result);
    message_unref(&m);
    return 0;
}

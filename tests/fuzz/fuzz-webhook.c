/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-webhook.c - any octets as what tests/out-of-tree/webhook reads: answers
 * of a server (whole, octet by octet and in threes: they must come out alike),
 * what they say in JSON, and messages.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "document.h"
#include "http.h"
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static uint64_t
mix(uint64_t sum, const void *at, size_t n)
{
    const unsigned char *p = at;

    for (size_t i = 0; i < n; i++)
        sum = (sum ^ p[i]) * 1099511628211u;
    return (sum ^ n) * 1099511628211u;
}

static uint64_t
mix_answer(uint64_t sum, const struct http *h)
{
    if (h->body_n > HTTP_BODY_MOST || h->status < 200 || h->status > 599)
        abort();
    sum = mix(sum, &h->status, sizeof(h->status));
    sum = mix(sum, h->reason, strlen(h->reason));
    sum = mix(sum, h->body ? h->body : "", h->body_n);
    return mix(sum, h->json ? "j" : "-", 1) + h->keep;
}

/* At most `step` octets at a time; the first answer's end is the same. */
static uint64_t
judge(const char *p, size_t n, size_t step)
{
    uint64_t sum = 1469598103934665603u;
    enum http_step at = HTTP_MORE;
    struct http h;
    size_t i = 0;

    http_init(&h);
    while (i < n && at != HTTP_BAD) {
        size_t used = http_feed(&h, p + i, n - i < step ? n - i : step, &at);

        if (used == 0 && at == HTTP_MORE)
            abort();
        i += used;
        if (at == HTTP_DONE) {
            sum = mix_answer(sum, &h);
            http_next(&h);
            at = HTTP_MORE;
        }
    }
    if (at != HTTP_BAD && http_has_begun(&h) &&
        (at = http_end(&h)) == HTTP_DONE)
        sum = mix_answer(sum, &h);
    if (at == HTTP_BAD)
        sum = mix(sum, h.why, strlen(h.why));
    http_fini(&h);
    return sum;
}

static void
on_row(void *arg, const struct answer_row *row)
{
    int *rows = arg;

    ++*rows;
    if (strlen(row->text) >= ANSWER_TEXT_MOST || row->number < -1 ||
        row->verdict < IMPEL_DELIVERED || row->verdict > IMPEL_FAILED)
        abort();
}

/* From a block of its exact size, so that nothing behind it is read. */
static void
judge_answer(const char *p, size_t n)
{
    char *exact = malloc(n ? n : 1), text[ANSWER_TEXT_MOST];
    int rows = 0;

    memcpy(exact, p, n);
    (void)answer_read(exact, n, text, on_row, &rows);
    if (strlen(text) >= ANSWER_TEXT_MOST || rows > ANSWER_ROWS_MOST)
        abort();
    free(exact);
}

/* What comes out is UTF-8, and no longer than was asked for. */
static void
judge_message(const char *p, size_t n)
{
    static const size_t most[] = {0, 1, 7, 4096};
    struct impel_str message = {p, n};

    for (size_t i = 0; i < sizeof(most) / sizeof(most[0]); i++) {
        bool cut;
        char *text = text_of_message(message, i & 1, most[i], &cut);
        char *mended = text ? text_mend(text, strlen(text)) : NULL;

        if (text && (strlen(text) > most[i] || strcmp(text, mended) != 0))
            abort();
        free(text);
        free(mended);
    }
}

static void
judge_document(const char *p, size_t n)
{
    struct impel_rcpt rcpt = {.size = sizeof(rcpt), .address = {p, n}};
    const struct impel_rcpt *all[] = {&rcpt};
    struct impel_envelope e = {
        .size = sizeof(e), .sender = {p, n}, .rcpt_count = 1, .rcpt = all};
    struct document d;

    if (!document_make(&d, &e, (struct impel_str){p, n}, n, 100))
        abort();
    if (d.length != strlen(d.front) + (n + 2) / 3 * 4 + strlen(d.back))
        abort();
    document_fini(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data;
    uint64_t whole = judge(p, n, n + 1);

    if (judge(p, n, 1) != whole || judge(p, n, 3) != whole)
        abort();
    judge_answer(p, n);
    judge_message(p, n);
    judge_document(p, n);
    return 0;
}

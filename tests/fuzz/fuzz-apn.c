/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-apn.c - answers of a push service, and parts that strangers write: what
 * is made of them are words for logs, fields and frames.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binary.h"
#include "notice.h"
#include "reason.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct impel_str dest;

static int
opt_is_set(const struct impel_scope *s, uint32_t option)
{
    (void)s, (void)option;
    return 0;
}

static int64_t
opt_int(const struct impel_scope *s, uint32_t option)
{
    (void)s;
    return option == OPT_EXPIRY ? 60000 : 0;
}

static struct impel_str
meta(struct impel_batch *b, const char *key)
{
    (void)b, (void)key;
    return dest;
}

static const struct impel_host host = {.size = sizeof(host),
    .opt_is_set = opt_is_set,
    .opt_int = opt_int,
    .meta = meta};

static void
is_word(const char *s, size_t most)
{
    if (strlen(s) > most)
        abort();
    for (; *s; s++)
        if (*s <= ' ' || *s > '~')
            abort();
}

static void
judge_answer(int status, struct impel_str body)
{
    struct h2_answer a = {.status = status, .body = body};
    struct reason r;
    const char *p;

    reason_of(&a, 1700000000000, &r);
    if (r.result.verdict < IMPEL_DELIVERED || r.result.verdict > IMPEL_FAILED ||
        !r.result.blame || r.result.retry_after > 86400000 || r.since < 0)
        abort();
    for (p = r.words; *p; p++)
        if (*p < ' ' || *p > '~')
            abort();
    if ((r.result.verdict == IMPEL_DELIVERED) != (status / 100 == 2))
        abort();
}

static void
judge_part(const struct push_found *found, bool binary)
{
    struct apn m = {.host = &host};
    struct impel_envelope e = {.size = sizeof(e), .received = 1700000000000};
    uint8_t frame[BINARY_FRAME_MOST];
    struct notice n;

    if (notice_make(&m, NULL, NULL, &e, found, binary, &n)) {
        notice_fini(&n);
        return;
    }
    is_word(n.topic, 255);
    is_word(n.push_type, 32);
    is_word(n.collapse_id, 64);
    is_word(n.id, 36);
    is_word(n.priority, 2);
    if (n.payload_n > NOTICE_PAYLOAD_VOIP || n.expiration < 0 ||
        strlen(n.token) > NOTICE_TOKEN_MOST ||
        strspn(n.token, "0123456789abcdef") != strlen(n.token))
        abort();
    if (binary &&
        binary_frame(&n, n.token, 1, frame) >
            45 + n.payload_n + strlen(n.token) / 2)
        abort();
    notice_fini(&n);
}

/* Octet 0 is the status; the rest an answer's body, or a part: fields, an empty
 * line, the payload. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct impel_str all = {(const char *)data + (n > 0), n - (n > 0)};
    struct push_found found = {.fields = {NULL, 0}};

    judge_answer(n ? 100 + 2 * data[0] : 0, all);
    mime_split(all, &found.fields, &found.payload);
    if (!found.payload.p || found.payload.n > NOTICE_PAYLOAD_VOIP)
        return 0;
    dest = n % 2 ? found.payload : (struct impel_str){NULL, 0};
    judge_part(&found, false);
    judge_part(&found, true);
    if (mime_is_utf8(found.payload)) {
        found.text = found.payload;
        found.subject = found.payload;
        found.payload = (struct impel_str){NULL, 0};
        judge_part(&found, n % 3 == 0);
    }
    return 0;
}

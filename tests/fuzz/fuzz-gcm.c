/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-gcm.c - answers of Google's service, parts that strangers write, and key
 * files: what is made of them are words for logs, fields and JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "answer.h"
#include "data.h"
#include "notice.h"

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
    return option == OPT_TTL ? -1 : 0;
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
is_clean(const char *z, size_t most)
{
    if (strlen(z) >= most)
        abort();
    for (; *z; z++)
        if (*z < ' ' || *z > '~')
            abort();
}

static void
judge_answer(const struct answer *a, int status)
{
    const struct impel_result *r = &a->result;

    if (r->verdict < IMPEL_DELIVERED || r->verdict > IMPEL_FAILED ||
        !r->blame || r->retry_after > 86400000 || r->text.p != a->words)
        if (r->verdict != IMPEL_DELIVERED)
            abort();
    if (r->verdict == IMPEL_DELIVERED && status / 100 != 2)
        abort();
    if (a->unregistered && r->verdict != IMPEL_FAILED)
        abort();
    is_clean(a->words, sizeof(a->words));
    is_clean(a->id, sizeof(a->id));
    is_clean(a->canonical, sizeof(a->canonical));
}

/* What goes out is an object, and names the device once. */
static void
judge_body(const struct notice *n, enum gcm_protocol protocol)
{
    char *body = notice_body(
        n, protocol, n->device ? n->device : "0123456789abcdefghij");
    json_t *root =
        json_loads(body, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    const json_t *in =
        protocol == PROTOCOL_LEGACY ? root : json_object_get(root, "message");
    int targets = 0;

    if (!json_is_object(in))
        abort();
    targets += json_object_get(in, "token") != NULL;
    targets += json_object_get(in, "topic") != NULL;
    targets += json_object_get(in, "condition") != NULL;
    targets += json_object_get(in, "to") != NULL;
    targets += json_object_get(in, "registration_ids") != NULL;
    if (targets != 1)
        abort();
    json_decref(root);
    free(body);
}

static void
judge_part(const struct push_found *found, enum gcm_protocol protocol)
{
    struct gcm m = {.host = &host};
    struct notice n;

    if (!notice_make(&m, NULL, NULL, found, protocol, &n))
        judge_body(&n, protocol);
    notice_fini(&n);
}

static void
judge_parts(const struct push_found *found)
{
    judge_part(found, PROTOCOL_V1);
    judge_part(found, PROTOCOL_LEGACY);
}

/* Octet 0 is the status; the rest an answer's body, a key file, or a part:
 * fields, an empty line, the payload. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct impel_str all = {(const char *)data + (n > 0), n - (n > 0)};
    struct push_found found = {.type = "message/vnd.msys.gcm"};
    int status = n ? 100 + 2 * data[0] : 0;
    struct account account;
    struct answer a;

    answer_v1(status, all, -1, &a);
    judge_answer(&a, status);
    answer_legacy(status, all, 5000, &a);
    judge_answer(&a, status);
    (void)account_read(all, &account);
    account_fini(&account);
    mime_split(all, &found.fields, &found.payload);
    if (!found.payload.p || found.payload.n > NOTICE_PART_MOST)
        return 0;
    dest = n % 2 ? found.payload : (struct impel_str){NULL, 0};
    judge_parts(&found);
    dest = (struct impel_str){NULL, 0};
    judge_parts(&found);
    found.type = "message/vnd.msys.fcm";
    judge_parts(&found);
    if (mime_is_utf8(found.payload)) {
        found.text = found.subject = found.payload;
        found.named = found.fields;
        found.payload = (struct impel_str){NULL, 0};
        judge_parts(&found);
    }
    return 0;
}

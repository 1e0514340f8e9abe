/* SPDX-License-Identifier: Apache-2.0 */
#include "notice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "pushwords.h"

void
notice_fini(struct notice *n)
{
    free(n->payload);
    n->payload = NULL;
}

struct push_want
notice_want(const struct apn *m, const struct impel_scope *scope,
    struct impel_batch *batch)
{
    static const char *const types[] = {"message/vnd.msys.apn", NULL};

    return (struct push_want){.types = types,
        .most = NOTICE_PAYLOAD_VOIP,
        .container = push_is_container(m->host, batch),
        .convert = m->host->opt_int(scope, OPT_CONVERT) != 0};
}

bool
notice_token(struct impel_str s, char to[NOTICE_TOKEN_MOST + 1])
{
    static const char digits[] = "0123456789abcdef";

    to[0] = '\0';
    if (s.n < 2 || s.n % 2 || s.n > NOTICE_TOKEN_MOST)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] >= 'A' && s.p[i] <= 'F' ? (char)(s.p[i] + 32) : s.p[i];

        if (!c || !strchr(digits, c))
            return false;
        to[i] = c;
    }
    to[s.n] = '\0';
    return true;
}

/* A word of the message's, else of the option. */
static bool
take_word(const struct apn *m, const struct impel_scope *scope,
    struct impel_str fields, const char *name, int row, char *to, size_t size)
{
    return pushwords_take(m->host, scope, fields, name, row, to, size);
}

static bool
is_uuid(const char *s)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? s[i] != '-'
                 : !s[i] || !strchr("0123456789abcdefABCDEF", s[i]))
            return false;
    }
    return !s[36];
}

/* Is there anything to show, to hear, or to count? */
static const char *
type_of(const json_t *root)
{
    const json_t *aps = json_object_get(root, "aps");

    if (!json_is_object(aps) || json_object_get(aps, "alert") ||
        json_object_get(aps, "badge") || json_object_get(aps, "sound"))
        return "alert";
    return json_integer_value(json_object_get(aps, "content-available")) == 1
        ? "background"
        : "alert";
}

static const char *
take_type(const struct apn *m, const struct impel_scope *scope,
    struct impel_str fields, const json_t *root, struct notice *to)
{
    if (!take_word(m, scope, fields, "X-APN-Push-Type", OPT_PUSH_TYPE,
            to->push_type, sizeof(to->push_type)))
        return "550 5.6.0 [internal] X-APN-Push-Type is no word";
    if (!to->push_type[0] || strcmp(to->push_type, "auto") == 0)
        (void)snprintf(
            to->push_type, sizeof(to->push_type), "%s", type_of(root));
    return NULL;
}

static const char *
take_priority(const struct apn *m, const struct impel_scope *scope,
    struct impel_str fields, struct notice *to)
{
    static const char *const words[] = {"", "10", "5", "1"};
    int64_t option = m->host->opt_int(scope, OPT_PRIORITY);
    char value[16];

    if (mime_look(fields, "X-APN-Priority", value, sizeof(value))) {
        for (option = 1; option < 4; option++)
            if (strcmp(value, words[option]) == 0)
                break;
        if (option == 4)
            return "550 5.6.0 [internal] X-APN-Priority is not 10, 5 or 1";
    }
    if (option < 0 || option > 3)
        option = PRIORITY_AUTO;
    /* Apple takes 10 for what is not said, and refuses that here */
    if (option == PRIORITY_AUTO && strcmp(to->push_type, "background") == 0)
        option = PRIORITY_5;
    memcpy(to->priority, words[option], strlen(words[option]) + 1);
    return NULL;
}

/* Counted from when the message came, so that no attempt makes it longer. */
static const char *
take_expiry(const struct apn *m, const struct impel_scope *scope,
    const struct impel_envelope *e, struct impel_str fields, struct notice *to)
{
    int64_t seconds = m->host->opt_int(scope, OPT_EXPIRY) / 1000;

    if (pushwords_number(fields, "X-APN-Expiry", 0, 31536000, &seconds) < 0)
        return "550 5.6.0 [internal] X-APN-Expiry is no number of seconds up "
               "to a year";
    to->expiration = seconds ? e->received / 1000 + seconds : 0;
    return NULL;
}

static const char *
take_words(const struct apn *m, const struct impel_scope *scope,
    struct impel_str fields, struct notice *to)
{
    if (!take_word(m, scope, fields, "X-APN-Topic", OPT_TOPIC, to->topic,
            sizeof(to->topic)))
        return "550 5.6.0 [internal] X-APN-Topic is no topic";
    if (!take_word(m, scope, fields, "X-APN-Collapse-ID", OPT_COLLAPSE_ID,
            to->collapse_id, sizeof(to->collapse_id)))
        return "550 5.6.0 [internal] X-APN-Collapse-ID is no word of 64 "
               "octets at most";
    if (!take_word(m, scope, fields, "X-APN-ID", -1, to->id, sizeof(to->id)) ||
        (to->id[0] && !is_uuid(to->id)))
        return "550 5.6.0 [internal] X-APN-ID is no UUID";
    return NULL;
}

/* Of whom: the message says, or what let it in, or the recipient's address. */
static const char *
take_token(const struct apn *m, struct impel_batch *batch,
    struct impel_str fields, struct notice *to)
{
    char value[NOTICE_TOKEN_MOST + 56];
    struct impel_str meta;

    to->token[0] = '\0';
    if (mime_look(fields, "X-Device-Token", value, sizeof(value)))
        return notice_token(line_str(value), to->token)
            ? NULL
            : "550 5.1.3 [internal] X-Device-Token is no device token";
    meta = m->host->meta(batch, "DLV_Dest_ID");
    if (meta.p && !notice_token(meta, to->token))
        return "550 5.1.3 [internal] DLV_Dest_ID is no device token";
    return NULL;
}

/* --- the payload --- */

static size_t
payload_most(const struct notice *n, bool binary)
{
    if (binary)
        return NOTICE_PAYLOAD_BINARY;
    return strcmp(n->push_type, "voip") == 0 ? NOTICE_PAYLOAD_VOIP
                                             : NOTICE_PAYLOAD;
}

static json_t *
payload_of(struct impel_str title, struct impel_str body)
{
    json_t *aps = json_object(), *root = json_object();

    if (json_object_set_new(aps, "alert", pushwords_alert(title, body)) == 0 &&
        json_object_set(root, "aps", aps) == 0) {
        json_decref(aps);
        return root;
    }
    json_decref(aps);
    json_decref(root);
    return NULL;
}

static const char *
payload_take(
    const struct push_found *f, bool binary, json_t **root, struct notice *to)
{
    const char *wrong;

    if (!f->payload.p) {
        *root = pushwords_fit(
            f, binary ? NOTICE_PAYLOAD_BINARY : NOTICE_PAYLOAD, payload_of);
        to->payload = json_dumps(*root, JSON_COMPACT);
        to->payload_n = to->payload ? strlen(to->payload) : 0;
        to->converted = true;
        return to->payload ? NULL : "451 4.3.0 [internal] no memory";
    }
    wrong = pushwords_object(f->payload, 0, root);
    if (wrong)
        return wrong;
    /* as it was written: nobody reads numbers better than their writer */
    to->payload = malloc(f->payload.n);
    if (!to->payload)
        return "451 4.3.0 [internal] no memory";
    memcpy(to->payload, f->payload.p, f->payload.n);
    to->payload_n = f->payload.n;
    while (
        to->payload_n > 0 && strchr("\r\n \t", to->payload[to->payload_n - 1]))
        to->payload_n--;
    return NULL;
}

const char *
notice_make(const struct apn *m, const struct impel_scope *scope,
    struct impel_batch *batch, const struct impel_envelope *envelope,
    const struct push_found *found, bool binary, struct notice *to)
{
    struct impel_str fields = found->fields;
    json_t *root = NULL;
    const char *wrong;

    memset(to, 0, sizeof(*to));
    wrong = payload_take(found, binary, &root, to);
    if (!wrong)
        wrong = take_token(m, batch, fields, to);
    if (!wrong)
        wrong = take_words(m, scope, fields, to);
    if (!wrong)
        wrong = take_type(m, scope, fields, root, to);
    if (!wrong)
        wrong = take_priority(m, scope, fields, to);
    if (!wrong)
        wrong = take_expiry(m, scope, envelope, fields, to);
    if (!wrong && to->payload_n > payload_most(to, binary))
        wrong = pushwords_fault(
            "552 5.3.4 [internal] the payload has %zu octets, and %zu are the "
            "most",
            to->payload_n, payload_most(to, binary));
    json_decref(root);
    return wrong;
}

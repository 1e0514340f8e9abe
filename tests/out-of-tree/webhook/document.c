/* SPDX-License-Identifier: Apache-2.0 */
#include "document.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "text.h"

/* Memory may run out at each step: a value is NULL then, what it was to be put
 * into knows that by `ok`, and nothing half made is sent. */
static json_t *
string(struct impel_str s)
{
    char *mended = text_mend(s.p ? s.p : "", s.n);
    json_t *j = mended ? json_string(mended) : NULL;

    free(mended);
    return j;
}

static void
set(json_t *to, const char *key, json_t *value, bool *ok)
{
    *ok = json_object_set_new(to, key, value) == 0 && *ok;
}

static void
append(json_t *to, json_t *value, bool *ok)
{
    *ok = json_array_append_new(to, value) == 0 && *ok;
}

/* What is not known is left out. */
static void
put(json_t *to, const char *key, struct impel_str s, bool *ok)
{
    if (s.p && s.n)
        set(to, key, string(s), ok);
}

static json_t *
recipients(const struct impel_envelope *e, bool *ok)
{
    json_t *all = json_array();

    for (size_t i = 0; i < e->rcpt_count; i++) {
        const struct impel_rcpt *r = e->rcpt[i];
        json_t *one = json_object();

        set(one, "number", json_integer(r->number), ok);
        put(one, "address", r->address, ok);
        put(one, "original", r->original, ok);
        append(all, one, ok);
    }
    return all;
}

static json_t *
client(const struct impel_envelope *e, bool *ok)
{
    json_t *c = json_object();

    put(c, "address", e->client_addr, ok);
    put(c, "name", e->client_name, ok);
    put(c, "helo", e->client_helo, ok);
    put(c, "login", e->client_login, ok);
    put(c, "protocol", e->client_proto, ok);
    return c;
}

static json_t *
headers(struct impel_str head, bool *ok)
{
    json_t *all = json_array();
    struct impel_str name;
    char *value;

    for (int i = 0; i < TEXT_FIELDS_MOST && text_field(&head, &name, &value);
         i++) {
        json_t *one = json_array();

        append(one, string(name), ok);
        append(one, string((struct impel_str){value, strlen(value)}), ok);
        append(all, one, ok);
        free(value);
    }
    return all;
}

static json_t *
when(int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];

    if (!gmtime_r(&seconds, &tm) ||
        !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return json_null();
    return json_string(text);
}

static json_t *
document(const struct impel_envelope *e, struct impel_str head, uint64_t size,
    size_t text_most)
{
    json_t *d = json_object();
    bool cut, ok = true;
    char *text = text_of_message(head, head.n < size, text_most, &cut);

    set(d, "version", json_integer(1), &ok);
    put(d, "id", e->id, &ok);
    set(d, "attempt", json_integer(e->attempt), &ok);
    set(d, "received", when(e->received), &ok);
    set(d, "sender", string(e->sender), &ok);
    put(d, "envid", e->envid, &ok);
    set(d, "recipients", recipients(e, &ok), &ok);
    set(d, "client", client(e, &ok), &ok);
    set(d, "headers", headers(head, &ok), &ok);
    set(d, "text", text ? json_string(text) : json_null(), &ok);
    set(d, "text_cut", json_boolean(text && cut), &ok);
    set(d, "size", json_integer((json_int_t)size), &ok);
    free(text);
    if (!ok) {
        json_decref(d);
        d = NULL;
    }
    return d;
}

bool
document_make(struct document *to, const struct impel_envelope *envelope,
    struct impel_str head, uint64_t size, size_t text_most)
{
    static const char message[] = ",\"message\":\"", end[] = "\"}\r\n";
    json_t *d = document(envelope, head, size, text_most);
    char *text = d ? json_dumps(d, JSON_COMPACT) : NULL;
    size_t n = text ? strlen(text) - 1 : 0; /* without its brace */

    json_decref(d);
    *to = (struct document){.front = text ? malloc(n + sizeof(message)) : NULL,
        .back = strdup(end)};
    if (to->front && to->back) {
        memcpy(to->front, text, n);
        memcpy(to->front + n, message, sizeof(message));
        to->length = strlen(to->front) + (size + 2) / 3 * 4 + strlen(to->back);
    } else {
        document_fini(to);
    }
    free(text);
    return to->front != NULL;
}

void
document_fini(struct document *d)
{
    free(d->front);
    free(d->back);
    *d = (struct document){.front = NULL};
}

size_t
document_base64(const char *p, size_t n, char *to)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)p;
    char *at = to;

    for (size_t i = 0; i < n; i += 3, at += 4) {
        uint32_t bits = (uint32_t)in[i] << 16;

        if (i + 1 < n)
            bits |= (uint32_t)in[i + 1] << 8;
        if (i + 2 < n)
            bits |= in[i + 2];
        at[0] = digits[bits >> 18];
        at[1] = digits[bits >> 12 & 63];
        at[2] = i + 1 < n ? digits[bits >> 6 & 63] : '=';
        at[3] = i + 2 < n ? digits[bits & 63] : '=';
    }
    return (size_t)(at - to);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "data.h"

#include <stdbool.h>

struct reader {
    const char *at, *end;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Blanks, and one sign of punctuation between them. */
static void
pass(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at))
        r->at++;
    if (r->at < r->end && (*r->at == '{' || *r->at == ':' || *r->at == ','))
        r->at++;
    while (r->at < r->end && is_blank(*r->at))
        r->at++;
}

static struct impel_str
take_string(struct reader *r)
{
    const char *from = r->at++;

    while (r->at < r->end && *r->at != '"')
        r->at += *r->at == '\\' ? 2 : 1;
    r->at = r->at < r->end ? r->at + 1 : r->end;
    return (struct impel_str){from, (size_t)(r->at - from)};
}

/* A value as it was written. */
static struct impel_str
take_value(struct reader *r)
{
    const char *from = r->at;
    int depth = 0;

    for (; r->at < r->end; r->at++) {
        char c = *r->at;

        if (c == '"') {
            (void)take_string(r);
            r->at--;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (depth && (c == '}' || c == ']')) {
            depth--;
        } else if (!depth && (c == ',' || c == '}' || is_blank(c))) {
            break;
        }
    }
    return (struct impel_str){from, (size_t)(r->at - from)};
}

static json_t *
string_of(struct impel_str raw)
{
    if (raw.n && raw.p[0] == '"')
        return json_loadb(raw.p, raw.n, JSON_DECODE_ANY, NULL);
    return json_stringn(raw.p, raw.n);
}

json_t *
data_strings(struct impel_str object)
{
    struct reader r = {object.p, object.p + object.n};
    json_t *to = json_object();

    for (pass(&r); r.at < r.end && *r.at == '"'; pass(&r)) {
        json_t *key = string_of(take_string(&r)), *value;

        pass(&r);
        value = string_of(take_value(&r));
        if (!key || json_object_set(to, json_string_value(key), value) < 0) {
            json_decref(to);
            to = NULL;
            r.at = r.end;
        }
        json_decref(key);
        json_decref(value);
    }
    return to;
}

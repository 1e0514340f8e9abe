/* SPDX-License-Identifier: Apache-2.0
 *
 * pushwords.c - words, numbers and texts of notifications.
 */
#include "pushwords.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

bool
pushwords_is_word(struct impel_str s, size_t most)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return s.n > 0 && s.n <= most;
}

bool
pushwords_take(const struct impel_host *host, const struct impel_scope *scope,
    struct impel_str fields, const char *name, int row, char *to, size_t size)
{
    struct impel_str own = {NULL, 0};
    char value[512];
    int is = mime_look(fields, name, value, sizeof(value));

    if (is > 0)
        own = line_str(value);
    else if (is == 0 && row >= 0 && host->opt_is_set(scope, (uint32_t)row))
        own = host->opt_str(scope, (uint32_t)row, 0);
    to[0] = '\0';
    if (is < 0 || !own.n)
        return is >= 0;
    if (own.n >= size || !pushwords_is_word(own, size))
        return false;
    memcpy(to, own.p, own.n);
    to[own.n] = '\0';
    return true;
}

int
pushwords_number(struct impel_str fields, const char *name, int64_t min,
    int64_t max, int64_t *to)
{
    char value[24], *end;
    int is = mime_look(fields, name, value, sizeof(value));

    if (is <= 0)
        return is;
    *to = strtoll(value, &end, 10);
    return value[0] && !*end && *to >= min && *to <= max ? 1 : -1;
}

void
pushwords_clean(char *z)
{
    for (; *z; z++)
        if (*z < ' ' || *z > '~')
            *z = '?';
}

const char *IMPEL_PRINTF(1, 2) pushwords_fault(const char *format, ...)
{
    static _Thread_local char fault[300];
    va_list ap;

    va_start(ap, format);
    (void)vsnprintf(fault, sizeof(fault), format, ap);
    va_end(ap);
    return fault;
}

const char *
pushwords_object(struct impel_str text, size_t flags, json_t **to)
{
    json_error_t e = {.text = "a NUL"};

    *to = NULL;
    /* jansson passes over one behind a number */
    if (!text.n || !memchr(text.p, '\0', text.n))
        *to = json_loadb(text.n ? text.p : "", text.n, flags, &e);
    if (json_is_object(*to))
        return NULL;
    return pushwords_fault(
        "550 5.6.0 [internal] the payload is no JSON object (%.150s)",
        *to ? "another value" : e.text);
}

/* --- texts --- */

static bool
put_text(json_t *to, const char *name, struct impel_str s)
{
    return !s.n ||
        json_object_set_new(to, name, json_stringn_nocheck(s.p, s.n)) == 0;
}

json_t *
pushwords_alert(struct impel_str title, struct impel_str body)
{
    json_t *alert = json_object();

    if (put_text(alert, "title", title) && put_text(alert, "body", body))
        return alert;
    json_decref(alert);
    return NULL;
}

static struct impel_str
cut_to(struct impel_str s, size_t n)
{
    if (n < s.n)
        s.n = n;
    while (s.n > 0 && !mime_is_utf8(s))
        s.n--;
    return s;
}

json_t *
pushwords_fit(const struct push_found *f, size_t most,
    json_t *(*make)(struct impel_str title, struct impel_str body))
{
    size_t low = 0, high = f->text.n;
    struct impel_str title = cut_to(f->subject, most / 8);
    json_t *best = make(title, (struct impel_str){"", 0});

    while (best && f->text.n && low <= high) {
        size_t half = low + (high - low) / 2;
        json_t *root = make(title, cut_to(f->text, half));
        size_t n = json_dumpb(root, NULL, 0, JSON_COMPACT);

        if (n && n <= most) {
            json_decref(best);
            best = root;
            low = half + 1;
            continue;
        }
        json_decref(root);
        if (!n) { /* no memory */
            json_decref(best);
            return NULL;
        }
        if (!half)
            break;
        high = half - 1;
    }
    return best;
}

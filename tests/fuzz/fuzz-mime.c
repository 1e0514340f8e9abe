/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-mime.c - any message: whole and octet by octet must come out alike, for
 * a push service with and without conversion.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "push.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const types[] = {"message/vnd.msys.apn", "x/y", NULL};

static struct push *
feed(const struct push_want *want, const char *p, size_t n, size_t step)
{
    struct push *push = push_new(want);

    if (!push)
        abort();
    for (size_t i = 0; i < n; i += step)
        if (!push_feed(push, p + i, n - i < step ? n - i : step))
            break;
    return push;
}

static void
same(struct impel_str a, struct impel_str b)
{
    if (a.n != b.n || (a.n > 0 && memcmp(a.p, b.p, a.n) != 0))
        abort();
}

static void
judge(const struct push_want *want, const char *p, size_t n)
{
    struct push *whole = feed(want, p, n, n + 1);
    struct push *octets = feed(want, p, n, 1);
    struct push_found a, b;
    const char *x = push_end(whole, &a), *y = push_end(octets, &b);

    if (!x != !y || (x && strcmp(x, y) != 0))
        abort();
    if (!x) {
        same(a.fields, b.fields);
        same(a.payload, b.payload);
        same(a.subject, b.subject);
        same(a.text, b.text);
        if (!mime_is_utf8(a.subject) || !mime_is_utf8(a.text) ||
            a.payload.n > want->most || a.text.n > PUSH_TEXT_MOST)
            abort();
    }
    push_free(whole);
    push_free(octets);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct push_want want = {.types = types, .most = 200, .container = true};
    const char *p = (const char *)data;
    char to[300];

    judge(&want, p, n);
    want.convert = true;
    judge(&want, p, n);
    want.container = false;
    judge(&want, p, n);
    if (!mime_is_utf8((struct impel_str){
            to, mime_words((struct impel_str){p, n}, to, sizeof(to))}))
        abort();
    return 0;
}

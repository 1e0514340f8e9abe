/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-control.c - what a client of the console sends.  A request that is
 * taken can be written again as JSON, word by word.
 */
#include <stdint.h>
#include <stdlib.h>
#include "base/buf.h"
#include "ctl/jsontext.h"
#include "ctl/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void
print_again(const struct request *r, struct buf *to)
{
    buf_cstr(to, "{\"words\": [");
    for (size_t i = 0; i < r->word_count; i++) {
        if (i)
            buf_char(to, ',');
        jsontext_str(to, r->words[i]);
    }
    buf_printf(to, "], \"json\": %s}", r->json ? "true" : "false");
}

static void
same(const struct request *a, const struct request *b)
{
    if (a->word_count != b->word_count || a->json != b->json)
        abort();
    for (size_t i = 0; i < a->word_count; i++)
        if (!str_eq(a->words[i], b->words[i]))
            abort();
}

/* Any bytes at all become a string that JSON takes. */
static void
quote(struct str s)
{
    struct buf b = BUF_INIT;
    json_t *j = jsontext_value(jsontext_head(s, s.n / 2));
    json_decref(j);
    jsontext_str(&b, s);
    j = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!j)
        abort();
    json_decref(j);
    buf_fini(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct request r, again;
    struct buf text = BUF_INIT;
    struct err e;

    quote(str_make(data, n));
    if (request_parse(str_make(data, n), &r, &e) < 0)
        return 0;
    print_again(&r, &text);
    if (request_parse(buf_get(&text), &again, &e) < 0)
        abort();
    same(&r, &again);
    request_fini(&again);
    request_fini(&r);
    buf_fini(&text);
    return 0;
}

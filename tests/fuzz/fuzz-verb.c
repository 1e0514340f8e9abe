/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-verb.c - command lines of a peer.  Whatever is accepted must come out
 * of a client as one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"
#include "verb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct out o;

static void
one_line(void)
{
    if (o.overflow || o.n < 2 ||
        (const char *)memchr(o.p, '\n', o.n) != o.p + o.n - 1 ||
        (const char *)memchr(o.p, '\r', o.n) != o.p + o.n - 2)
        abort();
    o.n = 0;
}

static void
walk(struct impel_str args, const char *keyword)
{
    struct impel_str path, key, value;
    uint32_t bits = 0;

    if (!verb_path(&args, keyword, true, &path))
        return;
    if (verb_is_mailbox(path, true, true) && line_is_clean(path, true)) {
        struct verb_mail m = {.sender = path, .envid = path};

        verb_put_mail(&o, &m);
        one_line();
    }
    while (verb_param(&args, &key, &value) > 0) {
        (void)verb_notify(value, &bits);
        if (!verb_is_mailbox(path, true, true))
            continue;
        verb_put_rcpt(&o, path, true, bits, value, true);
        one_line();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *p = (const char *)data;
    struct impel_str text, args;
    struct line l = {0};
    uint64_t size;
    size_t used;
    bool last;

    if (line_find(&l, p, n, 2048, &text, &used) != LINE_OK)
        text = (struct impel_str){p, n};
    switch (verb_parse(text, &args)) {
    case VERB_MAIL:
        walk(args, "FROM:");
        break;
    case VERB_RCPT:
        walk(args, "TO:");
        break;
    case VERB_BDAT:
        (void)verb_bdat(args, &size, &last);
        break;
    default:
        break;
    }
    return 0;
}

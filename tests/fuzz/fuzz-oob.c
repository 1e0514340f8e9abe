/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-oob.c - bounces that come as mail (core/intake/oob.c).  However the
 * message is cut, the same is read of it, in bounded memory, and an address
 * that it names is one.
 */
#include "parts.h"

#include "base/address.h"
#include "intake/oob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct oob *
read_in(const uint8_t *data, size_t n, size_t step)
{
    struct oob *o = oob_new();

    for (size_t at = 0; at < n; at += step)
        oob_feed(o, (const char *)data + at, n - at < step ? n - at : step);
    (void)oob_finish(o);
    return o;
}

static bool
same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static void
check_address(const char *a)
{
    struct address parts;

    must(!a ||
        (a[0] && address_parse(str_of(a), ADDRESS_UTF8, &parts, NULL) == 0));
}

static void
check_rcpt(const struct oob_rcpt *a, const struct oob_rcpt *b)
{
    struct str original;

    must(same(a->original, b->original) && same(a->final, b->final) &&
        same(a->diagnostic, b->diagnostic) && a->action == b->action &&
        memcmp(a->status, b->status, sizeof(a->status)) == 0 &&
        a->code == b->code);
    check_address(a->original);
    check_address(a->final);
    must(a->code == 0 || (a->code >= 400 && a->code <= 599));
    must(a->status[0] <= 999 && a->status[1] <= 999 && a->status[2] <= 999);
    must(!a->diagnostic || strlen(a->diagnostic) <= 2 * OOB_LINE_MAX);
    original = oob_original(a, STR("postmaster@x.test, @y.test"));
    must(!original.p || !str_iends(original, STR("@y.test")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct oob *whole = read_in(data, n, n ? n : 1);
    struct oob *bytes = read_in(data, n, 1);
    size_t i;

    for (i = 0; oob_rcpt(whole, i); i++) {
        must(oob_rcpt(bytes, i) != NULL);
        check_rcpt(oob_rcpt(whole, i), oob_rcpt(bytes, i));
    }
    must(i <= OOB_RCPTS_MAX && !oob_rcpt(bytes, i));
    must(oob_is_bounce(whole) == oob_is_bounce(bytes));
    oob_free(&whole);
    oob_free(&bytes);
    return 0;
}

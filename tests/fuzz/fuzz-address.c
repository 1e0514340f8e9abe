/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-address.c - addresses, names of domains and xtext.  What is taken for
 * an address is one line, its parts are parts of it, and reading them again
 * gives the same; a name has one spelling, and that of the spelling is itself.
 */
#include "parts.h"

#include "base/address.h"
#include "base/buf.h"
#include "base/idna.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_within(struct str part, struct str all)
{
    return part.p >= all.p && part.p + part.n <= all.p + all.n;
}

static void
check_address(struct str s, int flags)
{
    struct address a, again;
    struct buf joined = BUF_INIT;

    if (address_parse(s, flags, &a, NULL) < 0)
        return;
    if (!a.local.p) {
        must(!s.n && !a.domain.p);
        return;
    }
    must(is_within(a.local, s) && a.local.n <= ADDRESS_LOCAL_MAX);
    must(a.domain.p || flags & ADDRESS_NO_DOMAIN);
    buf_str(&joined, a.local);
    if (a.domain.p) {
        must(is_within(a.domain, s) && a.domain.n <= ADDRESS_DOMAIN_MAX);
        must(a.literal == (a.domain.p[0] == '['));
        buf_char(&joined, '@');
        buf_str(&joined, a.domain);
    }
    for (size_t i = 0; i < joined.n; i++) {
        unsigned char c = (unsigned char)joined.p[i];

        must(c >= ' ' && c != 127);
        must(c < 128 || (a.utf8 && flags & ADDRESS_UTF8));
    }
    must(address_parse(buf_get(&joined), flags, &again, NULL) == 0 &&
        str_eq(a.local, again.local) && str_eq(a.domain, again.domain) &&
        a.utf8 == again.utf8);
    buf_fini(&joined);
}

static void
check_xtext(struct str s)
{
    struct buf text = BUF_INIT, plain = BUF_INIT;

    address_xtext_encode(s, &text);
    for (size_t i = 0; i < text.n; i++)
        must(text.p[i] > ' ' && text.p[i] < 127 && text.p[i] != '=');
    must(address_xtext_decode(buf_get(&text), &plain) == 0 &&
        str_eq(buf_get(&plain), s));
    buf_cut(&plain, 0);
    if (address_xtext_decode(s, &plain) == 0)
        must(plain.n <= s.n);
    buf_fini(&text);
    buf_fini(&plain);
}

static void
check_name(struct str s)
{
    struct buf once = BUF_INIT, twice = BUF_INIT;

    if (s.n <= 2000 && idna_fold(s, &once)) {
        must(idna_is_plain(buf_get(&once)));
        must(idna_fold(buf_get(&once), &twice));
        must(str_eq(buf_get(&once), buf_get(&twice)));
    }
    if (address_is_domain(s, false))
        must(idna_is_plain(s) && s.n <= ADDRESS_DOMAIN_MAX);
    buf_fini(&once);
    buf_fini(&twice);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str s = str_make(data, n);

    if (!n)
        s = STR("");
    for (int flags = 0; flags < 4; flags++)
        check_address(s, flags);
    check_xtext(s);
    check_name(s);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/address.h"
#include "base/buf.h"

static void
good(const char *text, int flags, const char *local, const char *domain)
{
    struct address a;
    struct err e = {0};

    if (address_parse(str_of(text), flags, &a, &e))
        fail_msg("'%s' refused: %s", text, e.text);
    assert_str(a.local, local);
    if (domain)
        assert_str(a.domain, domain);
    else
        assert_null(a.domain.p);
}

static void
bad(const char *text, int flags, const char *why)
{
    struct address a;
    struct err e = {0};

    if (address_parse(str_of(text), flags, &a, &e) != ERR_INVAL)
        fail_msg("'%s' accepted", text);
    if (!strstr(e.text, why))
        fail_msg("'%s' refused with '%s', not '%s'", text, e.text, why);
}

static void
test_good(void **state)
{
    (void)state;
    good("a@b", 0, "a", "b");
    good("user.name+tag@Example.COM", 0, "user.name+tag", "Example.COM");
    good("!#$%&'*+-/=?^_`{|}~@x.org", 0, "!#$%&'*+-/=?^_`{|}~", "x.org");
    good("\"a b@c\\\"\"@x.org", 0, "\"a b@c\\\"\"", "x.org");
    good("\"\"@x.org", 0, "\"\"", "x.org");
    good("a@x_y.org", 0, "a", "x_y.org");
    good("a@[192.0.2.1]", 0, "a", "[192.0.2.1]");
    good("a@[IPv6:2001:db8::1]", 0, "a", "[IPv6:2001:db8::1]");
    good("@one.org,@two.org:a@x.org", 0, "a", "x.org");
    good("postmaster", ADDRESS_NO_DOMAIN, "postmaster", NULL);
    good("\"post master\"", ADDRESS_NO_DOMAIN, "\"post master\"", NULL);
    good("a@x.org", ADDRESS_NO_DOMAIN, "a", "x.org");
    good("gr\xc3\xbc"
         "n@b\xc3\xbc"
         "cher.example",
        ADDRESS_UTF8,
        "gr\xc3\xbc"
        "n",
        "b\xc3\xbc"
        "cher.example");
}

static void
test_null_sender(void **state)
{
    struct address a;

    (void)state;
    assert_int_equal(address_parse(STR(""), 0, &a, NULL), 0);
    assert_null(a.local.p);
    assert_null(a.domain.p);
}

static void
test_marks(void **state)
{
    struct address a;

    (void)state;
    assert_int_equal(address_parse(STR("a@[192.0.2.1]"), 0, &a, NULL), 0);
    assert_true(a.literal);
    assert_false(a.utf8);
    assert_int_equal(
        address_parse(STR("\xc3\xbc@x"), ADDRESS_UTF8, &a, NULL), 0);
    assert_true(a.utf8);
    assert_false(a.literal);
}

static void
test_bad_local(void **state)
{
    (void)state;
    bad("@x.org", 0, "local part is empty");
    bad("a", 0, "domain is missing");
    bad("a b@x.org", 0, "not allowed in the local part");
    bad("a@b@x.org", 0, "not allowed in the local part");
    bad(".a@x.org", 0, "dot at the wrong place");
    bad("a.@x.org", 0, "dot at the wrong place");
    bad("a..b@x.org", 0, "dot at the wrong place");
    bad("\"a@x.org", 0, "quoted local part");
    bad("\"a\"b@x.org", 0, "quoted local part");
    bad("\"a\r\n\"@x.org", 0, "quoted local part");
    bad("\"a\\", 0, "quoted local part");
    bad("\"a\\\n\"@x.org", 0, "quoted local part");
    bad("\xc3\xbc@x.org", 0, "not ASCII");
    bad("\xc3@x.org", ADDRESS_UTF8, "not valid UTF-8");
    bad("\xc0\xaf@x.org", ADDRESS_UTF8, "not valid UTF-8");
    bad("\xed\xa0\x80@x.org", ADDRESS_UTF8, "not valid UTF-8");
    bad("\xf4\x90\x80\x80@x.org", ADDRESS_UTF8, "not valid UTF-8");
    bad("12345678901234567890123456789012345678901234567890123456789012345@x",
        0, "longer than 64");
}

static void
test_bad_domain(void **state)
{
    char text[600];

    (void)state;
    bad("a@", 0, "domain is empty");
    bad("a@", ADDRESS_NO_DOMAIN, "domain is empty");
    bad("a@x..org", 0, "domain label is empty");
    bad("a@.x", 0, "domain label is empty");
    bad("a@x.", 0, "domain label is empty");
    bad("a@-x.org", 0, "hyphen");
    bad("a@x-.org", 0, "hyphen");
    bad("a@x y", 0, "not allowed in a domain");
    bad("a@x\r\nRCPT", 0, "not allowed in a domain");
    bad("a@[192.0.2.256]", 0, "literal");
    bad("a@[192.0.2.1", 0, "literal");
    bad("a@[]", 0, "literal");
    bad("a@[", 0, "literal");
    bad("a@[2001:db8::1]", 0, "literal");
    bad("a@[IPv6:192.0.2.1]", 0, "literal");
    bad("a@[IPv6:::1]x", 0, "literal");
    bad("a@b\xc3\xbc.org", 0, "not ASCII");
    bad("@one.org", 0, "local part is empty");
    bad("@one..org:a@x", 0, "source route");
    bad("@one,two:a@x", 0, "source route");
    memset(text, 'x', sizeof(text));
    memcpy(text, "a@", 2);
    text[2 + 64] = '\0';
    bad(text, 0, "longer than 63");
    for (size_t i = 2; i < 300; i += 2)
        memcpy(text + i, "x.", 2);
    text[2 + 257] = '\0';
    bad(text, 0, "longer than 255");
    text[2 + 255] = '\0';
    good(text, 0, "a", text + 2);
}

static void
test_domain(void **state)
{
    (void)state;
    assert_true(address_is_domain(STR("x.org"), false));
    assert_true(address_is_domain(STR("apn_example.com"), false));
    assert_false(address_is_domain(STR(""), false));
    assert_false(address_is_domain(STR_NONE, false));
    assert_false(address_is_domain(STR("x\0y"), false));
    assert_false(address_is_domain(STR("\xc3\xbc"), false));
    assert_true(address_is_domain(STR("\xc3\xbc"), true));
}

static void
test_xtext(void **state)
{
    static const char *const refused[] = {
        "+", "+4", "+4g", "+2b", "a=b", "a b", "\x7f", "a+", "\xc3\xbc"};
    struct buf b = BUF_INIT;

    (void)state;
    address_xtext_encode(STR("a+b=c d\x80"), &b);
    assert_str(buf_get(&b), "a+2Bb+3Dc+20d+80");
    buf_cut(&b, 0);
    assert_int_equal(address_xtext_decode(STR("a+2Bb+3Dc+20d+80"), &b), 0);
    assert_str(buf_get(&b), "a+b=c d\x80");
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        assert_int_equal(
            address_xtext_decode(str_of(refused[i]), &b), ERR_INVAL);
        assert_int_equal(b.n, 8);
    }
    buf_fini(&b);
}

UNIT_MAIN(cmocka_unit_test(test_good), cmocka_unit_test(test_null_sender),
    cmocka_unit_test(test_marks), cmocka_unit_test(test_bad_local),
    cmocka_unit_test(test_bad_domain), cmocka_unit_test(test_domain),
    cmocka_unit_test(test_xtext))

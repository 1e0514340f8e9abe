/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/idna.h"
#include "base/macros.h"

static const struct {
    const char *in, *out;
    bool ok;
} names[] = {
    {"", "", true}, {"Example.TEST", "example.test", true},
    {"#name", "#name", true}, {"[IPv6:FE80::1]", "[ipv6:fe80::1]", true},
    {"b\xc3\xbc"
     "cher.test",
        "xn--bcher-kva.test", true},
    {"B\xc3\x9c"
     "CHER.Test",
        "xn--bcher-kva.test", true},
    {"bu\xcc\x88"
     "cher.test",
        "xn--bcher-kva.test", true}, /* u and a diaeresis */
    {"XN--bcher-KVA.test", "xn--bcher-kva.test", true},
    {"fa\xc3\x9f.test", "xn--fa-hia.test", true}, /* not fass.test */
    {"_dmarc.b\xc3\xbc"
     "cher.test",
        "_dmarc.xn--bcher-kva.test", true},
    {"A\xff.test", "a\xff.test", false},                 /* no UTF-8 */
    {"A\xe2\x84\x80.test", "a\xe2\x84\x80.test", false}, /* a/c as one */
    {"\xc2\xad", "\xc2\xad", false}, /* nothing is left of it */
};

static void
test_fold(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        buf_cut(&b, 0);
        assert_int_equal(idna_fold(str_of(names[i].in), &b), names[i].ok);
        if (!str_eq(buf_get(&b), str_of(names[i].out)))
            fail_msg("%zu: %.*s", i, STR_ARG(buf_get(&b)));
    }
    buf_cut(&b, 0);
    assert_false(idna_fold(str_make("\xc3\xbc\0x.test", 9), &b));
    assert_int_equal(b.n, 9);
    buf_fini(&b);
}

static void
test_long_names(void **state)
{
    struct buf in = BUF_INIT, out = BUF_INIT;

    (void)state;
    for (int i = 0; i < 2000; i++)
        buf_cstr(&in, "\xc3\xbc");
    assert_false(idna_fold(buf_get(&in), &out));
    assert_true(str_eq(buf_get(&in), buf_get(&out)));
    buf_fini(&in);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_long_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "net/netaddr.h"

struct form {
    const char *text;
    bool none_ok;
    const char *printed; /* NULL: refused, and the error says `why` */
    const char *why;
};

static void
test_forms(void **state)
{
    static const struct form forms[] = {
        {"127.0.0.1:25", false, "127.0.0.1:25", NULL},
        {"[::1]:2525", false, "[::1]:2525", NULL},
        {":25", false, "0.0.0.0:25", NULL},
        {"*:25", false, "0.0.0.0:25", NULL},
        {"*", true, "0.0.0.0:0", NULL},
        {"[*]:25", false, "[::]:25", NULL},
        {"[::1]", true, "[::1]:0", NULL},
        {"/run/impel/x.sock", false, "/run/impel/x.sock", NULL},
        {"10.0.0.1", true, "10.0.0.1:0", NULL},
        {"10.0.0.1", false, NULL, "port"},
        {"10.0.0.1:0", false, NULL, "no port"},
        {"10.0.0.1:65536", false, NULL, "no port"},
        {"10.0.0.1:x", false, NULL, "no port"},
        {"10.0.0.1:", false, NULL, "no port"},
        {"::1", false, NULL, "[::1]"},
        {"2001:db8::25:25", false, NULL, "[2001:db8::25:25]"},
        {"[::1", false, NULL, "]"},
        {"[::1]25", false, NULL, ":port"},
        {"[x]:25", false, NULL, NULL},
        {"host.example:25", false, NULL, NULL},
        {"", true, NULL, "missing"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct netaddr a;
        struct err e = {0};
        struct buf b = BUF_INIT;
        int rc = netaddr_parse(str_of(forms[i].text), forms[i].none_ok, &a, &e);
        if (!forms[i].printed) {
            if (rc == 0)
                fail_msg("\"%s\" was taken", forms[i].text);
            if (forms[i].why && !strstr(e.text, forms[i].why))
                fail_msg("\"%s\": \"%s\"", forms[i].text, e.text);
            continue;
        }
        if (rc < 0)
            fail_msg("\"%s\": %s", forms[i].text, e.text);
        netaddr_print(&a, &b);
        assert_string_equal(buf_get(&b).p, forms[i].printed);
        buf_fini(&b);
    }
}

static void
test_long_path(void **state)
{
    char path[120];
    struct netaddr a;
    struct err e;

    (void)state;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    assert_int_equal(netaddr_parse(str_make(path, 107), false, &a, &e), 0);
    assert_int_not_equal(netaddr_parse(str_make(path, 108), false, &a, &e), 0);
}

static void
test_sockaddr_round(void **state)
{
    static const char *const texts[] = {
        "127.0.0.1:25", "[2001:db8::1]:2525", "/run/x.sock"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct netaddr a, b;
        struct sockaddr_storage ss;
        assert_int_equal(netaddr_parse(str_of(texts[i]), false, &a, NULL), 0);
        assert_true(netaddr_to_sockaddr(&a, &ss) > 0);
        netaddr_from_sockaddr(&b, (struct sockaddr *)(void *)&ss);
        assert_true(netaddr_eq(&a, &b));
        assert_int_equal(netaddr_is_local(&b), i != 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_long_path),
        cmocka_unit_test(test_sockaddr_round),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

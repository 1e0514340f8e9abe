/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capability.h"

static struct capability c;

static void
read_ehlo(const char *z)
{
    struct reply_scan scan = {0};
    struct reply r;

    assert_int_equal(reply_parse(&scan, z, strlen(z), &r), REPLY_OK);
    capability_parse(&c, &r);
}

static void
usual(void **state)
{
    (void)state;
    read_ehlo("250-mx.example PIPELINING\r\n250-pipelining\r\n"
              "250-SIZE 1000\r\n250-8BITMIME\r\n250-X-UNKNOWN a b\r\n"
              "250-AUTH=LOGIN\r\n250-SMTPUTF8\r\n250-DSN\r\n250 CHUNKING\r\n");
    assert_int_equal(c.has,
        CAPABILITY_PIPELINING | CAPABILITY_SIZE | CAPABILITY_8BITMIME |
            CAPABILITY_AUTH | CAPABILITY_SMTPUTF8 | CAPABILITY_DSN |
            CAPABILITY_CHUNKING);
    assert_int_equal(c.size_limit, 1000);
}

static void
odd(void **state)
{
    (void)state;
    read_ehlo("250 mx.example PIPELINING\r\n"); /* the first line is a name */
    assert_int_equal(c.has, 0);
    read_ehlo("250-mx\r\n250-\r\n250-SIZE abc\r\n250 PIPELININGX\r\n");
    assert_int_equal(c.has, CAPABILITY_SIZE);
    assert_int_equal(c.size_limit, 0);
    read_ehlo("250-mx\r\n250 SIZE 99999999999999999999999\r\n");
    assert_int_equal(c.size_limit, 0);
    read_ehlo("250-mx\r\n250 SIZE\r\n");
    assert_int_equal(c.has, CAPABILITY_SIZE);
}

static void
limits(void **state)
{
    (void)state;
    read_ehlo("250-mx\r\n250-DELIVERBY 240\r\n250-BINARYMIME\r\n"
              "250 LIMITS MAILMAX=5 rcptmax=1000 RCPTDOMAINMAX=1 X Y=Z\r\n");
    assert_int_equal(c.has,
        CAPABILITY_DELIVERBY | CAPABILITY_BINARYMIME | CAPABILITY_LIMITS);
    assert_int_equal(c.mail_max, 5);
    assert_int_equal(c.rcpt_max, 1000);
    assert_int_equal(c.rcpt_domain_max, 1);
    assert_int_equal(c.by_min, 240);
    read_ehlo("250-mx\r\n250-DELIVERBY soon\r\n"
              "250 LIMITS MAILMAX=5x RCPTMAX=10000000 RCPTDOMAINMAX= =3\r\n");
    assert_int_equal(c.mail_max + c.rcpt_max + c.rcpt_domain_max, 0);
    assert_int_equal(c.by_min, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(usual),
        cmocka_unit_test(odd), cmocka_unit_test(limits)};

    return cmocka_run_group_tests_name("capability", tests, NULL, NULL);
}

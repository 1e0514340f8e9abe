/* SPDX-License-Identifier: Apache-2.0
 *
 * test-users.c - files of users, and the limit of failed logins.
 */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "conf/option.h"
#include "intake/loginlimit.h"
#include "intake/users.h"

/* crypt(3) of "pencil" */
#define SHA512 \
    "$6$rounds=1000$saltsalt$" \
    "bbY.T.ZpN43KapLdmlSbP6MmxBlkMSbhrh.Y1rmY0fYaRO/t.4sKqUiU.Z8byKf8Oa1y" \
    "agMn/0fncuHSYrb9h."
/* the keys of RFC 7677 3, also of "pencil" */
#define KEYS \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$" \
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static struct users *
parsed(const char *text)
{
    struct err e = {0};
    struct users *u = users_parse(str_of(text), &e);

    if (!u)
        fail_msg("%s", e.text);
    return u;
}

static void
made_lines(void **state)
{
    struct buf b = BUF_INIT;
    struct err e = {0};
    struct users *u;
    struct sasl_keys k;

    (void)state;
    assert_int_equal(
        users_make_line(STR("al@x.test"), STR("p\xc3\xa4ss"), &b, &e), 0);
    u = parsed(b.p);
    assert_int_equal(users_count(u), 1);
    assert_true(users_know_scram(u));
    assert_true(users_check(u, STR("al@x.test"), STR("p\xc3\xa4ss")));
    assert_false(users_check(u, STR("al@x.test"), STR("pass")));
    assert_false(users_check(u, STR("al@x.test"), STR("")));
    assert_false(users_check(u, STR("AL@x.test"), STR("p\xc3\xa4ss")));
    users_keys(u, STR("al@x.test"), &k);
    assert_int_equal(k.iterations, 10000);
    users_put(&u);
    buf_fini(&b);
}

static void
either_part_will_do(void **state)
{
    struct users *u = parsed("# a comment\n\nscram:" KEYS "\r\n"
                             "both:" SHA512 " " KEYS "\n");

    (void)state;
    assert_int_equal(users_count(u), 2);
    assert_true(users_check(u, STR("scram"), STR("pencil")));
    assert_false(users_check(u, STR("scram"), STR("pencils")));
    assert_true(users_check(u, STR("both"), STR("pencil")));
    assert_false(users_check(u, STR("both"), STR("pencil ")));
    assert_true(users_has(u, STR("both")));
    assert_false(users_has(u, STR("# a comment")));
    users_put(&u);
}

static void
bad_lines(void **state)
{
    static const char *const bad[] = {"a", "a:", ":" KEYS, "a b:" KEYS,
        "a:$1$abc$def", "a:plain", "a:*", "a:" KEYS " " KEYS,
        "a:" KEYS "\na:" KEYS, "a:SCRAM-SHA-256$0:AAAA$AAAA:AAAA",
        "a:SCRAM-SHA-256$4096:!$AAAA:AAAA",
        "a:SCRAM-SHA-256$9999999:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
        "a:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$AAAA:AAAA",
        "a:SCRAM-SHA-256$4096", "a:$6$x:y", "a:$2y$05$short"};
    struct err e;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct users *u = users_parse(str_of(bad[i]), &e);

        if (u)
            fail_msg("was taken: %s", bad[i]);
        assert_non_null(strstr(e.text, "line "));
    }
}

/* What is not there looks the same each time, and as what is there. */
static void
unknown_names(void **state)
{
    struct users *u = parsed("a:" KEYS "\n");
    struct users *again = parsed("a:" KEYS "\nb:" KEYS "\n");
    struct sasl_keys k, l;
    char salt[64];

    (void)state;
    users_keys(u, STR("nobody"), &k);
    assert_int_equal(k.iterations, 4096);
    assert_int_equal(k.salt.n, 16);
    memcpy(salt, k.salt.p, k.salt.n);
    users_keys(again, STR("nobody"), &l); /* after a reload */
    assert_memory_equal(salt, l.salt.p, 16);
    users_keys(u, STR("nobody else"), &l);
    assert_memory_not_equal(salt, l.salt.p, 16);
    assert_false(users_check(u, STR("nobody"), STR("pencil")));
    users_put(&u);
    users_put(&again);
    u = parsed("");
    assert_false(users_check(u, STR("nobody"), STR("pencil")));
    users_keys(u, STR("nobody"), &k);
    assert_int_equal(k.salt.n, 16);
    users_put(&u);
}

static void
names_and_passwords(void **state)
{
    static const struct {
        struct str name, password;
    } bad[] = {{STR(""), STR("x")}, {STR("a b"), STR("x")},
        {STR("a:b"), STR("x")}, {STR("#a"), STR("x")}, {STR("a"), STR("")},
        {STR("a"), STR("x\0y")}};
    struct buf b = BUF_INIT;
    struct err e;
    char longest[600];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(
            users_make_line(bad[i].name, bad[i].password, &b, &e), ERR_INVAL);
    assert_int_equal(
        users_make_line(STR("a"), str_make(longest, 512), &b, &e), ERR_INVAL);
    assert_int_equal(
        users_make_line(str_make(longest, 256), STR("x"), &b, &e), ERR_INVAL);
    buf_fini(&b);
}

static void
files(void **state)
{
    char path[] = "/tmp/test-users-XXXXXX";
    int fd = mkstemp(path);
    struct err e = {0};
    struct users *u;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(
        write(fd, "a:" KEYS "\n", sizeof("a:" KEYS)), sizeof("a:" KEYS));
    assert_int_equal(users_read(str_of(path), &e), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(users_read(str_of(path), &e), OPTION_WARN);
    u = users_get(str_of(path), &e);
    assert_true(users_has(u, STR("a")));
    users_put(&u);
    assert_int_equal(write(fd, "rubbish\n", 8), 8);
    assert_int_equal(users_read(str_of(path), &e), ERR_CONF);
    assert_non_null(strstr(e.text, "line 2"));
    u = users_get(str_of(path), &e); /* as before */
    assert_true(users_has(u, STR("a")));
    users_put(&u);
    (void)close(fd);
    (void)unlink(path);
    assert_int_equal(users_read(STR("/nonexistent/x"), &e), ERR_CONF);
    assert_null(users_get(STR("/nonexistent/x"), &e));
    users_drop();
}

static struct cidr
address(const char *text)
{
    struct cidr c;

    assert_int_equal(cidr_parse(str_of(text), 0, &c, NULL), 0);
    return c;
}

static void
limit_of_an_address(void **state)
{
    struct throttle_rate rate = {.count = 3, .window_ms = 1000};
    struct cidr a = address("192.0.2.1"), b = address("192.0.2.2");
    struct cidr v6 = address("2001:db8::1"), near = address("2001:db8::2");
    struct cidr far = address("2001:db8:0:1::1");

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_true(loginlimit_has(&a, rate, 100));
        loginlimit_failed(&a, rate, 100);
        loginlimit_failed(&v6, rate, 100);
    }
    assert_false(loginlimit_has(&a, rate, 1099));
    assert_true(loginlimit_has(&b, rate, 1099));
    assert_false(loginlimit_has(&near, rate, 1099));
    assert_true(loginlimit_has(&far, rate, 1099));
    assert_true(loginlimit_has(&a, rate, 1100));
    assert_true(loginlimit_has(&a, (struct throttle_rate){0, 1000}, 500));
    loginlimit_drop();
}

static void
limit_is_bounded(void **state)
{
    struct throttle_rate rate = {.count = 1, .window_ms = 1000000};
    struct cidr a = {.family = 4, .bits = 32};

    (void)state;
    for (uint32_t i = 0; i < LOGINLIMIT_MAX + 10; i++) {
        memcpy(a.addr, &i, sizeof(i));
        loginlimit_failed(&a, rate, i);
    }
    assert_int_equal(loginlimit_count(), LOGINLIMIT_MAX);
    assert_false(loginlimit_has(&a, rate, 100000));
    memset(a.addr, 0, 4);
    assert_true(loginlimit_has(&a, rate, 100000)); /* the oldest */
    loginlimit_drop();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(made_lines),
        cmocka_unit_test(either_part_will_do), cmocka_unit_test(bad_lines),
        cmocka_unit_test(unknown_names), cmocka_unit_test(names_and_passwords),
        cmocka_unit_test(files), cmocka_unit_test(limit_of_an_address),
        cmocka_unit_test(limit_is_bounded)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>

#include "base/err.h"
#include "base/xmem.h"

static void
test_set(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_set(&e, ERR_CONF, "line %d", 7), ERR_CONF);
    assert_int_equal(e.code, ERR_CONF);
    assert_string_equal(e.text, "line 7");
    assert_int_equal(err_set(NULL, ERR_IO, "unseen"), ERR_IO);
}

static void
test_errno(void **state)
{
    struct err e;

    (void)state;
    assert_int_equal(err_errno(&e, ERR_IO, ENOENT, "open %s", "x"), ERR_IO);
    assert_string_equal(e.text, "open x: No such file or directory");
    assert_int_equal(err_errno(NULL, ERR_IO, ENOENT, "open"), ERR_IO);
}

static void
test_prefix(void **state)
{
    struct err e;

    (void)state;
    (void)err_set(&e, ERR_LIMIT, "too long");
    assert_int_equal(err_prefix(&e, "route %s", "a"), ERR_LIMIT);
    assert_string_equal(e.text, "route a: too long");
    assert_int_equal(err_prefix(NULL, "route"), ERR_INVAL);
}

static void
test_cut(void **state)
{
    struct err e;
    char long_text[2000];

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    (void)err_set(&e, ERR_INVAL, "%s", long_text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    (void)err_prefix(&e, "ctx");
    assert_memory_equal(e.text, "ctx: xxx", 8);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    (void)err_errno(&e, ERR_IO, ENOENT, "%s", long_text);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
}

static void
test_xmem(void **state)
{
    char *p = xdupn("abc", 2), *q = xprintf("%s-%d", p, 5);
    int *zero = xcalloc(0, sizeof(int));

    (void)state;
    assert_string_equal(p, "ab");
    assert_string_equal(q, "ab-5");
    assert_non_null(zero);
    p = xgrow(p, 10, 10);
    assert_string_equal(p, "ab");
    xfree(&p);
    assert_null(p);
    xfree(&p);
    free(q);
    free(zero);
}

UNIT_MAIN(cmocka_unit_test(test_set), cmocka_unit_test(test_errno),
    cmocka_unit_test(test_prefix), cmocka_unit_test(test_cut),
    cmocka_unit_test(test_xmem))

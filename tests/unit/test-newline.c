/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "newline.h"

static struct newline l;

static void
scan(const char *z, bool line_start, bool dotted)
{
    newline_scan(z, strlen(z), line_start, dotted, &l);
}

static void
assert_found(enum newline_what what, size_t run, size_t skip)
{
    assert_int_equal(l.what, what);
    assert_int_equal(l.run, run);
    assert_int_equal(l.skip, skip);
}

static void
ends(void **state)
{
    (void)state;
    scan(".\r\nX", true, true);
    assert_found(NEWLINE_END, 0, 3);
    scan("a\r\n.\r\nX", true, true);
    assert_found(NEWLINE_END, 3, 3);
    scan(".\r\n", false, true); /* not at the start of a line */
    assert_found(NEWLINE_MORE, 3, 0);
    scan("a\r\n.\r\n", true, false); /* BDAT knows no dots */
    assert_found(NEWLINE_MORE, 6, 0);
    assert_true(l.line_start);
}

static void
dots(void **state)
{
    (void)state;
    scan("..\r\n", true, true);
    assert_found(NEWLINE_DOT, 0, 1);
    scan("ab\r\n.x", true, true);
    assert_found(NEWLINE_DOT, 4, 1);
    scan(".\r", true, true); /* open */
    assert_found(NEWLINE_MORE, 0, 0);
    assert_true(l.line_start);
    scan(".", true, true);
    assert_found(NEWLINE_MORE, 0, 0);
    scan(".\rx", true, true); /* a dot, then a bare CR */
    assert_found(NEWLINE_DOT, 0, 1);
    assert_false(l.line_start);
}

static void
bare(void **state)
{
    (void)state;
    scan("ab\ncd", true, true);
    assert_found(NEWLINE_BARE, 2, 1);
    scan("ab\rcd\r\n", true, true);
    assert_found(NEWLINE_BARE, 2, 1);
    scan("ab\r\r\n", true, true);
    assert_found(NEWLINE_BARE, 2, 1);
    scan("\n.\r\n", true, true);
    assert_found(NEWLINE_BARE, 0, 1);
    assert_false(l.line_start); /* no dot is special behind it */
    scan("ab\r", true, true);   /* open */
    assert_found(NEWLINE_MORE, 2, 0);
    scan("", true, true);
    assert_found(NEWLINE_MORE, 0, 0);
    assert_true(l.line_start);
    scan("\r", true, true);
    assert_found(NEWLINE_MORE, 0, 0);
    assert_true(l.line_start);
    newline_scan("a\0b\r\n", 5, true, true, &l); /* NUL is a byte like others */
    assert_found(NEWLINE_MORE, 5, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends), cmocka_unit_test(dots), cmocka_unit_test(bare)};

    return cmocka_run_group_tests_name("newline", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include "base/macros.h"
#include "base/utf8.h"

static void
test_lengths(void **state)
{
    static const struct {
        struct str s;
        size_t length, printable;
    } rows[] = {
        {STR(""), 0, 0},
        {STR("ab"), 1, 1},
        {STR("\0"), 1, 0},
        {STR("\n"), 1, 0},
        {STR("\x7f"), 1, 0},
        {STR("\x80"), 0, 0},
        {STR("\xc1\xbf"), 0, 0}, /* overlong */
        {STR("\xc2"), 0, 0},
        {STR("\xc2\x85"), 2, 0}, /* U+0085, a line end to some */
        {STR("\xc2\x9f"), 2, 0},
        {STR("\xc2\xa0"), 2, 2},
        {STR("\xc3\xa4x"), 2, 2},
        {STR("\xe0\x9f\xbf"), 0, 0}, /* overlong */
        {STR("\xe0\xa0\x80"), 3, 3},
        {STR("\xe2\x80\xa7"), 3, 3},
        {STR("\xe2\x80\xa8"), 3, 0}, /* U+2028 */
        {STR("\xe2\x80\xa9"), 3, 0},
        {STR("\xe2\x80\xaa"), 3, 3},
        {STR("\xed\x9f\xbf"), 3, 3},
        {STR("\xed\xa0\x80"), 0, 0}, /* a surrogate */
        {STR("\xf0\x8f\xbf\xbf"), 0, 0},
        {STR("\xf0\x90\x80\x80"), 4, 4},
        {STR("\xf4\x8f\xbf\xbf"), 4, 4},
        {STR("\xf4\x90\x80\x80"), 0, 0}, /* above U+10FFFF */
        {STR("\xf0\x90\x80"), 0, 0},
        {STR("\xff"), 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(utf8_length(rows[i].s), rows[i].length);
        assert_int_equal(utf8_printable(rows[i].s), rows[i].printable);
    }
    assert_true(utf8_is_valid(STR("")));
    assert_true(utf8_is_valid(STR("a\xc3\xa4\xf0\x90\x80\x80z")));
    assert_false(utf8_is_valid(STR("a\xc3\xa4\xf0\x90\x80")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lengths)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * unit.h - what every unit test includes: cmocka with what it needs before it.
 */
#ifndef IMPEL_UNIT_H
#define IMPEL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/str.h"

/* got is a struct str, want a string literal or char *. */
#define assert_str(got, want) \
    do { \
        struct str unit_got = (got), unit_want = str_of(want); \
        if (!str_eq(unit_got, unit_want)) \
            fail_msg("got '%.*s', want '%s'", STR_ARG(unit_got), want); \
    } while (0)

#define UNIT_MAIN(...) \
    int main(void) \
    { \
        const struct CMUnitTest tests[] = {__VA_ARGS__}; \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    }

#endif

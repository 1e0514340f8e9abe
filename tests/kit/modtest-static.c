/* SPDX-License-Identifier: Apache-2.0
 *
 * modtest-static.c - impel-modtest with all modules linked in: libltdl finds
 * "esmtp.a" among its preloaded symbols, and nothing is opened.
 */
#include <kit.h>
#include <ltdl.h>

int
main(int argc, char **argv)
{
    LTDL_SET_PRELOADED_SYMBOLS();
    return kit_main(argc, argv);
}

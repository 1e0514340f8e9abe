/* SPDX-License-Identifier: Apache-2.0
 *
 * impel-modtest.c - tests a module without a daemon.  All is in tests/kit.
 */
#include <kit.h> /* of tests/kit: outside the layers */

int
main(int argc, char **argv)
{
    return kit_main(argc, argv);
}

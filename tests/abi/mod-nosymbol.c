/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-nosymbol.c - a shared object that is no module.
 */
#include <impel/module.h>

extern IMPEL_EXPORT const int mod_something_else;
IMPEL_EXPORT const int mod_something_else = 1;

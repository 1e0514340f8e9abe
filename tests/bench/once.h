/* SPDX-License-Identifier: Apache-2.0
 *
 * once.h - which recipients were seen: a set of strings.
 */
#ifndef IMPEL_ONCE_H
#define IMPEL_ONCE_H

#include <stdbool.h>

/* False: was there before, and s stays the caller's; else s, from malloc, is
 * the set's. */
bool once_remember(char *s);
void once_forget(void); /* all of them */

#endif

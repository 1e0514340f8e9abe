/* SPDX-License-Identifier: Apache-2.0
 *
 * loginpool.h - threads for what takes long about logins, both ways: hashes of
 * passwords, files of tokens.
 *
 * Any thread.
 */
#ifndef IMPEL_LOGINPOOL_H
#define IMPEL_LOGINPOOL_H

#include "loop/pool.h"

/* Made at the first call; NULL: there are none, which is logged. */
struct pool *loginpool_get(void);
/* After the loops stopped. */
void loginpool_end(void);

#endif

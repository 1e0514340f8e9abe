/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_fetch.h - core/net/fetch.h without a network: linked in its place.  The
 * test sees what is asked and gives the answers.
 */
#ifndef TEST_FAKE_FETCH_H
#define TEST_FAKE_FETCH_H

#include "net/fetch.h"

void fake_fetch_reset(void);
/* fetch_begin() fails with that from now on; 0: it does not. */
void fake_fetch_refuse(int code);
size_t fake_fetch_asked(void); /* so far, refused ones not */
size_t fake_fetch_open(void);  /* neither answered nor cancelled */

/* The n-th of those that are open, the oldest is 0; lent. */
const struct fetch_request *fake_fetch_get(size_t n);
/* Its answer, now; type and body may be NULL. */
void fake_fetch_answer(size_t n, enum fetch_outcome o, int status,
    const char *type, const char *body);

#endif

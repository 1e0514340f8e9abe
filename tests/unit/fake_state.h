/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_state.h - the small durable values of core/spool/spool.h, in memory: a
 * restart is that nobody else remembers anything.
 */
#ifndef TEST_FAKE_STATE_H
#define TEST_FAKE_STATE_H

#include "spool/spool.h"

void fake_state_reset(void);
size_t fake_state_count(void);
const char *fake_state_get(const char *key); /* or NULL */
void fake_state_set(const char *key, const char *value);
extern int fake_state_puts;

#endif

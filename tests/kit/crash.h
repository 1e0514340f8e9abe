/* SPDX-License-Identifier: Apache-2.0
 *
 * crash.h - who does not come back, or dies, is named: module, callback,
 * script.
 */
#ifndef IMPEL_KIT_CRASH_H
#define IMPEL_KIT_CRASH_H

/* At start.  module: what to call it; lent. */
void crash_catch(const char *module);
/* The run has so much time from now on; 0: as much as it wants. */
void crash_alarm(unsigned seconds);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * background.h - leave the terminal, and tell the starter how it went.
 *
 * The starter waits until the daemon is ready or has failed, so its exit
 * status is the truth; so is a service manager (base/manager.h).
 */
#ifndef IMPEL_BACKGROUND_H
#define IMPEL_BACKGROUND_H

#include "base/err.h"

/* Fork; the parent stays to wait.  Before any thread is started. */
int background_enter(struct err *e);
void background_ready(void);
void background_failed(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * loginpolicy.h - who logs in at a host, as text to be compared.
 *
 * Two sessions may take each other's place only if it reads the same.  No
 * secret is in it, but a hash of it that means nothing outside this process.
 */
#ifndef IMPEL_LOGINPOLICY_H
#define IMPEL_LOGINPOLICY_H

#include "base/buf.h"
#include "conf/scope.h"

/* Nothing without a login. */
void loginpolicy_print(const struct scope *s, struct buf *to);

#endif

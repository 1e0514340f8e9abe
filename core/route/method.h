/* SPDX-License-Identifier: Apache-2.0
 *
 * method.h - delivery methods by number, and which URI schemes they take.
 *
 * Filled by the main thread and, when a module is loaded, by the scheduler;
 * read by any thread.
 */
#ifndef IMPEL_METHOD_H
#define IMPEL_METHOD_H

#include "base/str.h"

enum method { /* the choices of delivery_method, in the option's order */
    METHOD_ESMTP,
    METHOD_SMTP,
    METHOD_LMTP,
    METHOD_ECSTREAM,
    METHOD_APN,
    METHOD_GCM,
    METHOD_MM7,
    METHOD_OTHER = 64 /* of a module: METHOD_OTHER + n, method_add() */
};
/* "ESMTP"; any case is found; METHOD_OTHER + n for transports the core has
 * never heard of; -1: no such method.  NULL: no such number. */
const char *method_name(int method);
int method_find(struct str name);
/* By a module; the number, also if it is known; -1: no more than 64. */
int method_add(const char *name);

/* Does any method take this scheme?  In any case. */
bool method_has_scheme(struct str scheme);
/* smtp: ESMTP and SMTP; lmtp: LMTP; apn, gcm, mm7: their own, or http and
 * https; a module's method: its name. */
bool method_takes_scheme(int method, struct str scheme);
/* "smtp", "apn or http": for messages. */
const char *method_schemes(int method);

#endif

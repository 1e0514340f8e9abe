/* SPDX-License-Identifier: Apache-2.0
 *
 * overridestore.h - overrides as JSON: the form in which they are kept in the
 * spool and shown on the console.
 *
 * What is read was written by us, perhaps by an older or a newer version, and
 * a disk may have changed it: none of it is believed.
 */
#ifndef IMPEL_OVERRIDESTORE_H
#define IMPEL_OVERRIDESTORE_H

#include <jansson.h>

#include "conf/override.h"

/* The caller's, to json_decref(). */
json_t *overridestore_print(const struct override *v);
/* Into the store, as overrides_set() would.  ERR_NOTFOUND: an option that is
 * not known; ERR_INVAL: times or items that are none; those of
 * overrides_set(). */
int overridestore_read(struct overrides *to, const json_t *j, struct err *e);

#endif

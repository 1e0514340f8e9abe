/* SPDX-License-Identifier: Apache-2.0
 *
 * data.h - the member "data" of a notification.
 */
#ifndef IMPEL_GCM_DATA_H
#define IMPEL_GCM_DATA_H

#include <jansson.h>

#include <impel/module.h>

/* An object whose values are strings, as FCM HTTP v1 wants them: what is a
 * string stays, anything else becomes its text as it was written.  object: one
 * that was read as JSON already.  NULL: no memory. */
json_t *data_strings(struct impel_str object);

#endif

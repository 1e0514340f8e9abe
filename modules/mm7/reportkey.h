/* SPDX-License-Identifier: Apache-2.0
 *
 * reportkey.h - under which key a report of a message is awaited: what both
 * halves of the module have in common.
 */
#ifndef IMPEL_MM7_REPORTKEY_H
#define IMPEL_MM7_REPORTKEY_H

#include <impel/module.h>

enum { REPORTKEY_NAME = 64, REPORTKEY_ID = 180, REPORTKEY = 256 };
/* mmsc: mm7_mmsc_name; id: MessageID.  Absent: it cannot be made. */
struct impel_str reportkey(
    struct impel_str mmsc, const char *id, char to[REPORTKEY]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * intakeapi.h - struct impel_intake: the table that listener modules call.
 */
#ifndef IMPEL_INTAKEAPI_H
#define IMPEL_INTAKEAPI_H

#include <impel/module.h>

const struct impel_intake *intakeapi_table(void);

#endif

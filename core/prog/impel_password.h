/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_password.h - `impel password NAME`: a line for auth_password_file.
 *
 * The password is read from the terminal, twice and without echo, or, where
 * there is none, as one line from stdin.  It is never an argument: those can be
 * seen by everybody on the machine.
 */
#ifndef IMPEL_IMPEL_PASSWORD_H
#define IMPEL_IMPEL_PASSWORD_H

#include "base/buf.h"
#include "base/err.h"

/* Append the line, without its end.  ERR_INVAL: no such name or password, or
 * the two were not the same. */
int impel_password(struct str name, struct buf *to, struct err *e);

#endif

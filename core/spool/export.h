/* SPDX-License-Identifier: Apache-2.0
 *
 * export.h - a stopped daemon's spool as a directory that may be copied to
 * another machine, for `spool import` there.
 *
 * An export is a spool of the same identity with a list of its files
 * (exportlist.h).  It is whole or not there: it is made as TO.part, and gets
 * its name last.  Before it does, the spool is marked by a file `exported`, and
 * from then on no daemon opens it: its mail is somewhere else.  No daemon opens
 * an export either.
 */
#ifndef IMPEL_EXPORT_H
#define IMPEL_EXPORT_H

#include <stdatomic.h>

#include "spool/spool.h"

/* May that directory be used by a daemon?  ERR_DENIED with what to do. */
int export_refuses(const char *dir, struct err *e);

/* Is all of an export there, as it was made?  0, also for a directory that is
 * none.  ERR_DAMAGED names the file; ERR_VERSION; ERR_IO; ERR_CLOSED: *stop. */
int export_verify(const char *dir, const _Atomic bool *stop, struct err *e);

#endif

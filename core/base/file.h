/* SPDX-License-Identifier: Apache-2.0
 *
 * file.h - small files that an operator wrote, read whole.
 */
#ifndef IMPEL_FILE_H
#define IMPEL_FILE_H

#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/* Append all of a regular file of at most `most` bytes; *st, unless NULL, is
 * what it was when it was opened.  Never waits for a pipe or a terminal.  On
 * failure *to holds what it held, what was read is wiped, and the sentence says
 * why, for the caller to put a name before it: ERR_NOTFOUND (there is none),
 * ERR_IO, ERR_CONF (no regular file, too large, growing).  The bytes stand in
 * one piece of memory from the first on if *to was empty: who reads a secret
 * wipes that (buf_wipe()). */
int file_read(const char *path, size_t most, struct stat *st, struct buf *to,
    struct err *e);

#endif

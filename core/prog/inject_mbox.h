/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_mbox.h - where the messages of an mbox file begin and end.
 *
 * A message begins behind a line that starts with "From " and has a time of
 * day (12:34) in its first octets, and that is the file's first or follows an
 * empty line.  Content-Length is not believed.  Memory is bounded whatever the
 * length of lines.
 */
#ifndef IMPEL_INJECT_MBOX_H
#define IMPEL_INJECT_MBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { INJECT_MBOX_BLOCK = 65536, INJECT_MBOX_FROM = 1024 };

struct inject_mbox {
    int fd;         /* borrowed */
    uint64_t at;    /* octets of the file before p */
    size_t from, n; /* what of p was not looked at yet */
    bool end;       /* the file has no more */
    char p[INJECT_MBOX_BLOCK];
};
/* Is that the first line of an mbox?  It need not be whole. */
bool inject_mbox_is_from(struct str line);
void inject_mbox_init(struct inject_mbox *m, int fd);
/* The next message: where its header begins, and its octets without the empty
 * line that separates it from the next.  1; 0: there is none; ERR_IO;
 * ERR_INVAL: the file does not begin as an mbox. */
int inject_mbox_next(
    struct inject_mbox *m, uint64_t *at, uint64_t *length, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_list.h - a list of recipients, one for each line: addresses, or CSV
 * (RFC 4180, without line ends inside quotes) whose first line has no @ and
 * names the columns.
 *
 * Columns: recipient (or address, email), sender, binding, file; each other one
 * is metadata under its name.  A field that is empty is not given.
 */
#ifndef IMPEL_INJECT_LIST_H
#define IMPEL_INJECT_LIST_H

#include <stdint.h>

#include <impel/ecstream.h>

#include "base/err.h"
#include "base/str.h"

enum { INJECT_LIST_COLUMNS = 64, INJECT_LIST_LINE = 65536 };

struct inject_row { /* borrows from the list until the next row */
    uint64_t line;  /* from 1 on */
    uint64_t octets;
    const char *recipient, *sender, *file; /* NULL: not given */
    struct ecstream_pair pairs[INJECT_LIST_COLUMNS];
    size_t pair_count;
};

struct inject_list;
/* "-": the standard input. */
int inject_list_open(const char *path, struct inject_list **to, struct err *e);
void inject_list_close(struct inject_list **l);
/* 1; 0: there is no more; ERR_INVAL: this line makes no sense, the next may;
 * ERR_IO: nothing follows. */
int inject_list_next(
    struct inject_list *l, struct inject_row *row, struct err *e);

/* Fields of one line of CSV, in place, each ended by NUL; how many, or
 * ERR_INVAL: a quote without its end, ERR_LIMIT: too many. */
int inject_list_split(char *line, char *fields[INJECT_LIST_COLUMNS]);

#endif

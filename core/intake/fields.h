/* SPDX-License-Identifier: Apache-2.0
 *
 * fields.h - the header of a message as a list that filters change.
 *
 * A field that nobody touches is printed octet for octet as it was received.
 * What a filter gives is made fit for a header first, so that no filter can
 * end the header, or write a field into another one's value.
 */
#ifndef IMPEL_FIELDS_H
#define IMPEL_FIELDS_H

#include <impel/module.h>
#include "base/arena.h"
#include "base/buf.h"

enum {
    FIELDS_MOST = 10000,
    FIELDS_BYTES_MOST = 2 << 20 /* of all fields, changes included */
};

struct fields {
    struct arena *arena;
    struct impel_pair *pair; /* in order; value behind the colon */
    struct str *raw;         /* as received, CRLF included; or absent */
    size_t count, size;
    size_t top;   /* so many of them stand above what the host adds */
    size_t bytes; /* of all that was kept */
    bool changed;
};
void fields_init(struct fields *f);
void fields_fini(struct fields *f);
/* Take the fields of a header block, up to the blank line or the first line
 * that is none; *used: octets of them.  ERR_LIMIT: too many or too large;
 * ERR_INVAL: a NUL in a field. */
int fields_parse(struct fields *f, struct str header, size_t *used);
/* One that the host adds, in front of those received: no change. */
void fields_prepend(struct fields *f, struct str name, struct str value);
/* at: as for struct impel_filtering.  ERR_INVAL: no name; ERR_LIMIT. */
int fields_add(struct fields *f, int64_t at, struct str name, struct str value);
/* nth: from 1 on (0 is 1); value absent: it goes. */
int fields_change(
    struct fields *f, uint32_t nth, struct str name, struct str value);
/* All but the first `top`; or those. */
void fields_print(const struct fields *f, struct buf *to);
void fields_print_top(const struct fields *f, struct buf *to);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_address.h - header fields of a message, and the addresses in them
 * (RFC 5322 3.4): names, comments, quoted strings, groups, routes.
 */
#ifndef IMPEL_INJECT_ADDRESS_H
#define IMPEL_INJECT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Addresses without < and >, each once. */
struct inject_addresses {
    char **is;
    size_t count, size;
    bool bare; /* one may be without a domain, where a list is parsed */
};
void inject_address_add(struct inject_addresses *to, struct str address);
void inject_address_fini(struct inject_addresses *a);

/* The first field of that name from *at on, unfolded into value (folds are
 * blanks); false: there is none.  *at is 0 at first. */
bool inject_address_field(
    struct str head, struct str name, size_t *at, struct buf *value);
/* Those of an address-list.  ERR_INVAL: what stands there is none; those before
 * it were added. */
int inject_address_parse(
    struct str list, struct inject_addresses *to, struct err *e);

#endif

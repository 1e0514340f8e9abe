/* SPDX-License-Identifier: Apache-2.0
 *
 * marks.h - under which name failures of an address are noted (hosts.h).
 *
 * With the binding, since another one may get through; and with what a domain
 * asks of TLS, since a host that fails one domain's demands is none the worse
 * for others.
 */
#ifndef IMPEL_MARKS_H
#define IMPEL_MARKS_H

#include "conf/scope.h"

enum { MARKS_NAME_MAX = 300 };

/* A number for the demands; 0: none.  dane: TLSA records count too. */
uint64_t marks_of(const struct scope *s, struct str domain, bool dane);
struct str marks_name(
    char to[MARKS_NAME_MAX], struct str binding, uint64_t marks);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * binding.h - which source address and which name speaks.
 */
#ifndef IMPEL_BINDING_H
#define IMPEL_BINDING_H

#include "conf/generation.h"
#include "base/cidr.h"

/* bind_address of the scope for a destination of that family (4 or 6); family
 * 0 in *to: the kernel chooses. */
void binding_source(const struct scope *s, int family, struct cidr *to);
/* ehlo_hostname: __hostname__, __message__ (needs the sender's domain) or a
 * name; appended. */
void binding_ehlo_name(
    const struct scope *s, struct str sender_domain, struct buf *to);
/* It is __message__. */
bool binding_greets_as_sender(const struct scope *s);
/* The system's or the configured host name, valid for the process. */
struct str binding_hostname(const struct scope *s);

#endif

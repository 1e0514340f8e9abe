/* SPDX-License-Identifier: Apache-2.0 */
#include "authority.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int
width(struct impel_str s)
{
    return s.n < 255 ? (int)s.n : 255;
}

void
authority_of(char to[AUTHORITY_MOST], struct impel_str own,
    struct impel_str host, uint16_t port, uint16_t usual)
{
    bool v6 = host.n && memchr(host.p, ':', host.n) && host.p[0] != '[';
    char number[8] = "";

    if (own.n) {
        (void)snprintf(to, AUTHORITY_MOST, "%.*s", width(own), own.p);
        return;
    }
    if (port != usual)
        (void)snprintf(number, sizeof(number), ":%u", port);
    (void)snprintf(to, AUTHORITY_MOST, "%s%.*s%s%s", v6 ? "[" : "", width(host),
        host.n ? host.p : "", v6 ? "]" : "", number);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "route/self.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "base/banned.h"

static bool
self_is_any(const struct cidr *ip)
{
    for (size_t i = 0; i < sizeof(ip->addr); i++)
        if (ip->addr[i])
            return false;
    return true;
}

void
self_fini(struct self *s)
{
    xfree(&s->at);
    hostaddrs_fini(&s->host);
    *s = (struct self){0};
}

void
self_set(struct self *s, const struct netaddr *at, size_t count)
{
    xfree(&s->at);
    s->count = 0;
    s->any4 = s->any6 = false;
    s->at = xcalloc(count ? count : 1, sizeof(*s->at));
    for (size_t i = 0; i < count; i++) {
        struct netaddr *to = &s->at[s->count];

        if (!at[i].ip.family)
            continue;
        *to = at[i];
        cidr_unmap(&to->ip);
        s->any4 |= to->ip.family == 4 && self_is_any(&to->ip);
        s->any6 |= to->ip.family == 6 && self_is_any(&to->ip);
        s->count++;
    }
    self_refresh(s);
}

void
self_refresh(struct self *s)
{
    if ((s->any4 || s->any6) && !hostaddrs_read(&s->host))
        log_warn(LOG_NET, "interfaces-unread", "listeners=%zu", s->count);
}

bool
self_has_port(const struct self *s, uint16_t port)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->at[i].port == port)
            return true;
    return false;
}

/* connect() takes 0.0.0.0 and :: as the loopback address. */
static void
self_reached(const struct cidr *ip, struct cidr *to)
{
    *to = *ip;
    cidr_unmap(to);
    if (!self_is_any(to))
        return;
    if (to->family == 4)
        memcpy(to->addr, (uint8_t[4]){127, 0, 0, 1}, 4);
    else
        to->addr[15] = 1;
}

bool
self_is(const struct self *s, const struct cidr *ip, uint16_t port)
{
    struct cidr at;

    if (!self_has_port(s, port))
        return false;
    self_reached(ip, &at);
    for (size_t i = 0; i < s->count; i++) {
        const struct netaddr *own = &s->at[i];

        if (own->port != port || own->ip.family != at.family)
            continue;
        if (cidr_eq(&own->ip, &at) ||
            (self_is_any(&own->ip) && hostaddrs_has(&s->host, &at)))
            return true;
    }
    return false;
}

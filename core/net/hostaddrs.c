/* SPDX-License-Identifier: Apache-2.0 */
#include "net/hostaddrs.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "net/netaddr.h"
#include "base/banned.h"

static int
addr_order(const void *pa, const void *pb)
{
    const struct cidr *a = pa, *b = pb;

    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->addr, b->addr, sizeof(a->addr));
}

static void
addr_append(struct cidr **list, size_t *count, const struct cidr *one)
{
    if ((*count & (*count - 1)) == 0)
        *list = xgrow(*list, *count ? *count * 2 : 1, sizeof(**list));
    (*list)[(*count)++] = *one;
}

static bool
addr_is_single(const struct cidr *c)
{
    return c->bits == (c->family == 4 ? 32 : 128);
}

void
hostaddrs_fini(struct hostaddrs *h)
{
    xfree(&h->single);
    xfree(&h->nets);
    h->single_count = h->net_count = 0;
}

static uint8_t
addr_bits(const struct cidr *mask)
{
    unsigned n = 0, most = mask->family == 4 ? 32 : 128;

    while (n < most && mask->addr[n / 8] & (0x80u >> (n % 8)))
        n++;
    return (uint8_t)n;
}

static void
addr_take(struct hostaddrs *to, const struct ifaddrs *i)
{
    struct netaddr at, mask;

    if (!i->ifa_addr)
        return;
    netaddr_from_sockaddr(&at, i->ifa_addr);
    if (!at.ip.family)
        return;
    if (i->ifa_flags & IFF_LOOPBACK && i->ifa_netmask) {
        netaddr_from_sockaddr(&mask, i->ifa_netmask);
        if (mask.ip.family == at.ip.family)
            at.ip.bits = addr_bits(&mask.ip);
    }
    if (addr_is_single(&at.ip))
        addr_append(&to->single, &to->single_count, &at.ip);
    else
        addr_append(&to->nets, &to->net_count, &at.ip);
}

bool
hostaddrs_read(struct hostaddrs *h)
{
    struct hostaddrs found = {0};
    struct ifaddrs *list;

    if (getifaddrs(&list) < 0)
        return false;
    for (const struct ifaddrs *i = list; i; i = i->ifa_next)
        addr_take(&found, i);
    freeifaddrs(list);
    if (found.single_count)
        qsort(found.single, found.single_count, sizeof(*found.single),
            addr_order);
    hostaddrs_fini(h);
    *h = found;
    return true;
}

bool
hostaddrs_has(const struct hostaddrs *h, const struct cidr *one)
{
    if (h->single_count &&
        bsearch(one, h->single, h->single_count, sizeof(*one), addr_order))
        return true;
    for (size_t i = 0; i < h->net_count; i++)
        if (cidr_contains(&h->nets[i], one))
            return true;
    return false;
}

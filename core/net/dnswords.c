/* SPDX-License-Identifier: Apache-2.0
 *
 * dnswords.c - types and answers of DNS by name (dns.h).
 */
#include "net/dns.h"

#include "base/macros.h"
#include "base/banned.h"

static const struct {
    enum dns_type type;
    const char *name;
} dns_types[] = {{DNS_A, "A"}, {DNS_AAAA, "AAAA"}, {DNS_MX, "MX"},
    {DNS_TXT, "TXT"}, {DNS_CNAME, "CNAME"}, {DNS_PTR, "PTR"},
    {DNS_TLSA, "TLSA"}};

const char *
dns_type_name(enum dns_type t)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_types); i++)
        if (dns_types[i].type == t)
            return dns_types[i].name;
    return "?";
}

enum dns_type
dns_type_find(struct str name)
{
    for (size_t i = 0; i < ARRAY_SIZE(dns_types); i++)
        if (str_ieq(name, str_of(dns_types[i].name)))
            return dns_types[i].type;
    return (enum dns_type)0;
}

const char *
dns_status_name(enum dns_status s)
{
    static const char *const names[] = {[DNS_OK] = "ok",
        [DNS_NODATA] = "no such data",
        [DNS_NXDOMAIN] = "no such name",
        [DNS_SERVFAIL] = "server failure",
        [DNS_TIMEOUT] = "no answer in time"};

    return names[s];
}

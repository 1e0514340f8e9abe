/* SPDX-License-Identifier: Apache-2.0
 *
 * route_options.h - what may be configured about where mail goes (MC 3.1,
 * 3.2, 3.3) and who Impel says it is.
 */
#ifndef IMPEL_ROUTE_OPTIONS_H
#define IMPEL_ROUTE_OPTIONS_H

#include "conf/option.h"

enum {
    ROUTE_GATEWAY,         /* STRING as written */
    ROUTE_ROUTES,          /* LIST of items as written */
    ROUTE_DELIVERY_METHOD, /* STRING in upper case: "ESMTP" */
    ROUTE_REMOTE_SMTP_PORT,
    ROUTE_PROHIBITED_HOSTS,
    ROUTE_SKIP_HOSTS,
    ROUTE_USE_IPV6,
    ROUTE_ONLY_USE_BEST_MX,
    ROUTE_PREFER_IPV6_MXS,
    ROUTE_BIND_ADDRESS,           /* STRING: "*", an address, a name */
    ROUTE_BIND_ADDRESS_SECONDARY, /* STRING: an address */
    ROUTE_HA_PROXY_SERVER,        /* STRING: address:port */
    ROUTE_HA_PROXY_SRC_ADDR,      /* STRING: an IPv4 address */
    ROUTE_HA_PROXY_IPV6_SRC_ADDR, /* STRING: an IPv6 address */
    ROUTE_HA_PROXY_BYPASS,
    ROUTE_HOSTNAME, /* unset: gethostname() */
    ROUTE_MX_FAILURES_FALLBACK_TO_A,
    ROUTE_DNS_FAILURES_TO_PURGE,
    ROUTE_MIN_DNS_TTL,
    ROUTE_MAX_DNS_TTL,
    ROUTE_ROUTE_TTL,
    ROUTE_MXIP_TTL,
    ROUTE_RESOLV_CONF,
    ROUTE_HOST_FAILURE_RETRY,
    ROUTE_ROLLUP_MX,
    ROUTE_ROLLUP_MX_NAME, /* STRING in lower case */
    ROUTE_DNS_RATE_LIMIT_ENABLED,
    ROUTE_DNS_RATE_LIMIT_MX_QUERIES,
    ROUTE_DNS_RATE_LIMIT_PERIOD,
    ROUTE_DNS_RATE_LIMIT_MAX_QUEUE,
    ROUTE_DNS_CACHE_SIZE,
    ROUTE_HTTPS_CA,            /* path */
    ROUTE_DNS_TRUSTED_SERVERS, /* CIDRS */
    ROUTE_USE_DANE,            /* ROUTE_DANE_* */
    ROUTE_ENABLE_DANE,
    ROUTE_TLSA_EXPIRE_INTERVAL
};
enum { ROUTE_DANE_NO, ROUTE_DANE_YES, ROUTE_DANE_REQUIRED };
extern struct option_set route_options;

#endif

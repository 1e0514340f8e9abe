/* SPDX-License-Identifier: Apache-2.0
 *
 * route_check.h - what a gateway and a list of routes may look like.
 *
 * Called when a configuration is loaded; reads text only, asks no DNS.
 */
#ifndef IMPEL_ROUTE_CHECK_H
#define IMPEL_ROUTE_CHECK_H

#include "conf/generation.h"

/* One item of routes, taken apart; the parts borrow from the item. */
enum { ROUTE_TYPE_NONE, ROUTE_TYPE_MX, ROUTE_TYPE_A };
struct route_item {
    struct str scheme; /* "smtp", or absent */
    struct str host;   /* name, address without brackets, "__mx__" */
    bool address;      /* host is an address, in addr */
    bool mx;           /* host is __mx__ */
    bool path;         /* host is the path of a Unix socket */
    struct cidr addr;
    int64_t pref; /* -1: none */
    int64_t ttl;  /* seconds; -1: none */
    int port;     /* 0: none */
    int type;     /* ROUTE_TYPE_* */
};
/* 0 or ERR_CONF with what is wrong and, for a bare v6, the right form. */
int route_item_parse(struct str text, struct route_item *to, struct err *e);
/* "host", "host:port", "[v6]", "[v6]:port", "#name", "/path"; only host,
 * address, path, addr and port of *to are set. */
int route_gateway_parse(struct str text, struct route_item *to, struct err *e);

option_check_f route_check_gateway;
option_check_f route_check_routes;
option_check_f route_check_proxy; /* an address and a port */
option_check_f route_check_v4, route_check_v6;
/* gateway and routes in one stanza, schemes against delivery_method, two source
 * addresses of one family. */
option_stanza_f route_check_stanza;

#endif

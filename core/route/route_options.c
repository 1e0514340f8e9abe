/* SPDX-License-Identifier: Apache-2.0
 *
 * route_options.c - the rows of the route layer.
 */
#include "route/route_options.h"
#include "route/route_check.h"
#include "conf/checks.h"
#include "base/banned.h"

#define OUT IMPEL_SCOPE_OUTBOUND
#define GLOBAL IMPEL_SCOPE_GLOBAL
#define DOMAIN IMPEL_SCOPE_DOMAIN

static int
check_secondary_address(const struct option_value *v, struct err *e)
{
    struct cidr c;

    if (!v->text.n || cidr_parse_host(v->text, &c, e) == 0)
        return 0;
    return err_set(
        e, ERR_CONF, "\"%.*s\": an address is expected", STR_ARG(v->text));
}

static const char *const danes[] = {
    "no|false|off|0|disabled", "yes|true|on|1|enabled", "required", NULL};

static const struct option rows[] = {
    [ROUTE_GATEWAY] = {.name = "gateway",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .brief = "smart host: a name or an address, with a port if need be, or "
                 "the path of a Unix socket",
        .manual = "Mail of the scope is queued under the gateway's name, and "
                  "goes to the hosts found for that name: its MX records, or "
                  "its addresses if it has none. An IPv6 address stands in "
                  "brackets: [2001:db8::1]. A path that begins with / is a "
                  "socket of this machine. A name that begins with # is "
                  "synthetic: it needs a domain stanza of that name with "
                  "routes of its own, which is also how one gives a binding "
                  "routes. A changed gateway holds for new mail; what is "
                  "queued follows by `reroute queue`, or at a restart unless "
                  "it was moved by hand.",
        .since = "0.1",
        .flags = OPTION_BRACKETS | OPTION_NO_OVERRIDE,
        .check = route_check_gateway},
    [ROUTE_ROUTES] = {.name = "routes",
        .type = IMPEL_OPT_LIST,
        .scopes = GLOBAL | DOMAIN,
        .brief = "hosts to deliver to, in the place of the domain's MX",
        .manual = "Each item is a host, an address ([v6] in brackets), "
                  "__mx__ for what DNS says, or a URI such as "
                  "smtp://host?pref=10&ttl=300&port=2525&type=mx, or "
                  "lmtp:///run/mail/lmtp for a Unix socket. Without "
                  "pref the items are tried in their order; items with an "
                  "equal pref share the load. type is mx or a; without it "
                  "the MX records of the host are tried, then its address. "
                  "Not valid in a binding or a group: say gateway = \"#name\" "
                  "there and put the routes into domain \"#name\".",
        .since = "0.1",
        .flags = OPTION_BRACKETS | OPTION_TOP | OPTION_NO_OVERRIDE,
        .check = route_check_routes,
        .instead = "write gateway = \"#name\" there, and the routes into "
                   "domain \"#name\" at the top level"},
    [ROUTE_DELIVERY_METHOD] = {.name = "delivery_method",
        .type = IMPEL_OPT_STRING,
        .scopes = OUT,
        .initial = "ESMTP",
        .brief = "protocol: ESMTP, SMTP, LMTP, ECSTREAM, APN, GCM, MM7",
        .manual = "In any case. A module serves each method; mail for a "
                  "method whose module is not installed waits and says so. "
                  "SMTP is ESMTP without extensions: HELO, not EHLO.",
        .since = "0.1",
        .flags = OPTION_UPPER | OPTION_NO_OVERRIDE,
        .check = check_method},
    [ROUTE_REMOTE_SMTP_PORT] = {.name = "remote_smtp_port",
        .type = IMPEL_OPT_PORT,
        .scopes = OUT,
        .initial = "25",
        .min = 1,
        .max = 65535,
        .brief = "port for SMTP where no route says port=",
        .since = "0.1",
        .flags = OPTION_NO_OVERRIDE},
    [ROUTE_PROHIBITED_HOSTS] = {.name = "prohibited_hosts",
        .type = OPTION_CIDRS,
        .scopes = GLOBAL,
        .brief = "addresses that are never delivered to; the mail fails",
        .manual = "A recipient whose host has such an address fails for good "
                  "with 551 5.4.6. Addresses and prefixes, IPv6 bare or in "
                  "brackets. Holds for addresses of gateway and routes too. "
                  "To pass over an address and use the domain's others, see "
                  "skip_hosts. While hosts of a better preference are only "
                  "down or at their limit, the mail waits for them.",
        .since = "0.1"},
    [ROUTE_SKIP_HOSTS] = {.name = "skip_hosts",
        .type = OPTION_CIDRS,
        .scopes = GLOBAL,
        .brief = "addresses passed over in favour of a domain's others",
        .since = "0.1"},
    [ROUTE_ONLY_USE_BEST_MX] = {.name = "only_use_best_mx_for_relay_domains",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL,
        .initial = "true",
        .brief = "of relay_domains and bounce_domains use the best MX only",
        .manual = "Holds for domains of the lists at the top level: of "
                  "their MX records only those of the lowest preference "
                  "are used, so that this system, itself a worse one, "
                  "does not hand mail to its equals. Gateways and hosts "
                  "that routes name are used as they are.",
        .since = "0.1"},
    [ROUTE_USE_IPV6] = {.name = "use_ipv6",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL,
        .initial = "false",
        .brief = "use AAAA records when choosing hosts",
        .manual = "Off hides what DNS says; an address written as [v6] in "
                  "the configuration or by a sender is used all the same.",
        .since = "0.1"},
    [ROUTE_PREFER_IPV6_MXS] = {.name = "prefer_ipv6_mxs",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL,
        .initial = "false",
        .brief = "among hosts of one preference, those with IPv6 first",
        .manual = "While an IPv6 address of a preference can be used, the IPv4 "
                  "addresses of that preference get no new connections; they "
                  "come before the next preference. Needs use_ipv6 for what "
                  "DNS says.",
        .since = "0.1"},
    [ROUTE_BIND_ADDRESS] = {.name = "bind_address",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL | IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING,
        .initial = "*",
        .brief = "source address of outgoing connections; * lets the system "
                 "choose",
        .manual = "An address, IPv6 bare or in brackets, or a host name. The "
                  "length of a prefix behind it is not used. A host of the "
                  "other family is reached from bind_address_secondary, or "
                  "not at all.",
        .since = "0.1",
        .check = check_bind_address},
    [ROUTE_BIND_ADDRESS_SECONDARY] = {.name = "bind_address_secondary",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL | IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING,
        .brief = "source address for hosts of the family that bind_address has "
                 "none of",
        .manual = "An address, IPv6 bare or in brackets, of the other family "
                  "than bind_address. Where bind_address is *, it is used for "
                  "its family, and the system chooses for the other.",
        .since = "0.1",
        .check = check_secondary_address},
    [ROUTE_HA_PROXY_SERVER] = {.name = "ha_proxy_server",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING,
        .brief = "PROXY server through which hosts are reached: an address "
                 "and a port",
        .manual = "Every connection leads there and begins with a header of "
                  "the PROXY protocol, version 2, that names the host as its "
                  "destination and ha_proxy_src_addr or "
                  "ha_proxy_ipv6_src_addr, by the host's family, as its "
                  "source. The server (haproxy with accept-proxy, for one) "
                  "must go on from there. A host of a family without a source "
                  "is not used. bind_address, if it is of the server's "
                  "family, is where the connection to the server leaves from. "
                  "A server that takes no connection delays the mail and "
                  "says so; no host is marked for it.",
        .since = "0.1",
        .check = route_check_proxy},
    [ROUTE_HA_PROXY_SRC_ADDR] = {.name = "ha_proxy_src_addr",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING,
        .brief = "IPv4 address from which ha_proxy_server is to reach a host",
        .since = "0.1",
        .check = route_check_v4},
    [ROUTE_HA_PROXY_IPV6_SRC_ADDR] = {.name = "ha_proxy_ipv6_src_addr",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING,
        .brief = "IPv6 address from which ha_proxy_server is to reach a host",
        .since = "0.1",
        .check = route_check_v6},
    [ROUTE_HA_PROXY_BYPASS] = {.name = "ha_proxy_bypass",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_GROUP | IMPEL_SCOPE_BINDING | DOMAIN,
        .initial = "false",
        .brief = "connect to hosts directly, whatever ha_proxy_server says",
        .since = "0.1"},
    [ROUTE_HOSTNAME] = {.name = "hostname",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "what this system calls itself; unset: the system's name",
        .since = "0.1",
        .check = check_hostname},
    [ROUTE_MX_FAILURES_FALLBACK_TO_A] = {.name = "mx_failures_fallback_to_a",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL | DOMAIN,
        .initial = "3",
        .min = -1,
        .max = 1000000,
        .brief = "failed MX lookups before the address of the name is asked",
        .manual = "-1: one MX lookup, all later ones for the address.",
        .since = "0.1",
        .flags = OPTION_TOP},
    [ROUTE_DNS_FAILURES_TO_PURGE] = {.name = "dns_failures_to_purge",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL | DOMAIN,
        .initial = "10",
        .min = 1,
        .max = 1000000,
        .brief = "failed lookups in a row after which a domain's mail fails",
        .since = "0.1",
        .flags = OPTION_TOP},
    [ROUTE_MIN_DNS_TTL] = {.name = "min_dns_ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "0",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "smaller TTLs of routing data are raised to this",
        .since = "0.1"},
    [ROUTE_MAX_DNS_TTL] = {.name = "max_dns_ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "4294967295",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "larger TTLs of routing data are cut to this",
        .since = "0.1"},
    [ROUTE_ROUTE_TTL] = {.name = "route_ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL | DOMAIN,
        .initial = "300",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "TTL of a configured address that has no ttl= of its own",
        .since = "0.1",
        .flags = OPTION_TOP},
    [ROUTE_MXIP_TTL] = {.name = "ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = SCOPE_MXIP,
        .initial = "600",
        .min = OPTION_SECONDS(1),
        .max = OPTION_FOREVER,
        .brief = "TTL of an MX whose exchange is an IPv4 address",
        .manual = "An MX record names a host, but some hold an address: \"10 "
                  "192.0.2.1\". With a stanza mxip {} it is taken as that "
                  "address, for at most this time, which min_dns_ttl and "
                  "max_dns_ttl bound; without, it is a name that does not "
                  "exist. prohibited_hosts and skip_hosts hold for it.",
        .since = "0.1"},
    [ROUTE_RESOLV_CONF] = {.name = "resolv_conf",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "resolver configuration to read in the place of the "
                 "system's",
        .since = "0.1",
        .check = check_path},
    [ROUTE_HOST_FAILURE_RETRY] = {.name = "host_failure_retry",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL | DOMAIN,
        .initial = "120",
        .min = 0,
        .max = OPTION_FOREVER,
        .brief = "how long an address that failed is left alone",
        .manual = "Longer if it asks for that, as services by HTTP do "
                  "(Retry-After): as far as max_retry_interval.",
        .since = "0.1",
        .flags = OPTION_TOP},
    [ROUTE_ROLLUP_MX] = {.name = "rollup_mx",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_HOST,
        .initial = "false",
        .brief = "domains whose best MX this is share one queue",
        .manual = "All hosts of the domain's best MX have to say so, with one "
                  "rollup_mx_name. The shared queue delivers what is due, and "
                  "its limits and throttles hold, those of the stanza domain "
                  "NAME. Domains share it if all their MX are the same; those "
                  "that differ have a shared queue each, and the limits of "
                  "connections of one domain count them together. Mail that "
                  "waits for its next attempt does so in the queue of its own "
                  "domain, whose options hold for when that is, and each "
                  "attempt looks at the domain's own MX. A domain whose own "
                  "stanza has options of sessions (TLS, timeouts) stays by "
                  "itself. Not for gateways and routes.",
        .since = "0.1",
        .flags = OPTION_NO_OVERRIDE},
    [ROUTE_ROLLUP_MX_NAME] = {.name = "rollup_mx_name",
        .type = IMPEL_OPT_STRING,
        .scopes = IMPEL_SCOPE_HOST,
        .brief = "the domain under which rollup_mx queues; unset: the MX host",
        .manual = "It need not exist in DNS: mail goes to the MX of its own "
                  "domain.",
        .since = "0.1",
        .flags = OPTION_NO_CASE | OPTION_NO_OVERRIDE,
        .check = check_hostname},
    [ROUTE_DNS_RATE_LIMIT_ENABLED] = {.name = "dns_rate_limit_enabled",
        .type = IMPEL_OPT_BOOL,
        .scopes = GLOBAL,
        .initial = "false",
        .brief = "ask name servers for MX records no faster than "
                 "dns_rate_limit_mx_queries says",
        .manual = "Questions for addresses, and answers from the cache, are "
                  "not counted.",
        .since = "0.1"},
    [ROUTE_DNS_RATE_LIMIT_MX_QUERIES] = {.name = "dns_rate_limit_mx_queries",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "100",
        .min = 1,
        .max = 1000000000,
        .brief = "MX questions in a dns_rate_limit_period",
        .since = "0.1"},
    [ROUTE_DNS_RATE_LIMIT_PERIOD] = {.name = "dns_rate_limit_period",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "1",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "window of dns_rate_limit_mx_queries",
        .since = "0.1"},
    [ROUTE_DNS_RATE_LIMIT_MAX_QUEUE] = {.name = "dns_rate_limit_max_queue",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "100000",
        .min = 0,
        .max = 1000000000,
        .brief = "MX questions that wait for the limit; more are asked at once",
        .since = "0.1"},
    [ROUTE_DNS_CACHE_SIZE] = {.name = "dns_cache_size",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "250000",
        .min = 0,
        .max = 100000000,
        .brief = "answers of DNS that are kept, the last used ones",
        .manual = "A domain needs two or three: its MX records, and the "
                  "addresses of their hosts.",
        .since = "0.1"},
    [ROUTE_HTTPS_CA] = {.name = "https_ca",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "file of authorities in PEM form that certificates of HTTPS "
                 "are signed by",
        .manual = "Whom impeld believes where it asks by HTTPS itself: for "
                  "policies of MTA-STS, for tokens. Unset: those of the "
                  "system. Read for each request; one that cannot be read "
                  "makes requests fail, and never pass unchecked.",
        .since = "0.1",
        .check = check_path},
    [ROUTE_DNS_TRUSTED_SERVERS] = {.name = "dns_trusted_servers",
        .type = OPTION_CIDRS,
        .scopes = GLOBAL,
        .brief = "name servers whose word on DNSSEC is believed, beside those "
                 "of this machine",
        .manual = "use_dane and MTA-STS with DNSSEC rest on what a validating "
                  "resolver says of an answer (its AD bit), and on nobody "
                  "changing that on the way. Servers at loopback addresses are "
                  "trusted as they are; others only if they are named here: "
                  "addresses or prefixes, of a network that is trusted too. If "
                  "resolv.conf names one that is not, none is believed.",
        .since = "0.1"},
    [ROUTE_USE_DANE] = {.name = "use_dane",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL | DOMAIN,
        .initial = "no",
        .choices = danes,
        .brief = "hold hosts to their TLSA records (DANE, RFC 7672): no, yes, "
                 "required",
        .manual = "yes: a host whose MX, address and TLSA records DNSSEC "
                  "vouches for is spoken to under TLS only, and only if its "
                  "certificate is one that the records name, whatever tls, "
                  "tls_verify and tls_ca say. If none of the records can be "
                  "used, any certificate will do. A host whose TLSA records "
                  "cannot be looked up is not used until they can. All other "
                  "hosts are as the options of TLS say. required: mail goes to "
                  "hosts with TLSA records that can be used, and to no others. "
                  "It needs a validating resolver: see dns_trusted_servers. "
                  "mx_failures_fallback_to_a is of no effect where it is on.",
        .since = "0.1"},
    [ROUTE_ENABLE_DANE] = {.name = "enable_dane",
        .type = IMPEL_OPT_BOOL,
        .scopes = OUT,
        .initial = "true",
        .brief = "false: use_dane is of no effect in this scope",
        .since = "0.1"},
    [ROUTE_TLSA_EXPIRE_INTERVAL] = {.name = "tlsa_expire_interval",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "3600",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(604800),
        .brief = "how long TLSA records are kept at most",
        .manual =
            "Less if their TTL is less; min_dns_ttl does not lengthen it.",
        .since = "0.1"},
};
struct option_set route_options =
    OPTION_SET_CHECKED("route", rows, route_check_stanza);

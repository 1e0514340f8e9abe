/* SPDX-License-Identifier: Apache-2.0 */
#include "route/route_check.h"

#include <sys/socket.h>
#include <sys/un.h>
#include "base/address.h"
#include "base/num.h"
#include "route/method.h"
#include "route/route_options.h"
#include "base/banned.h"

static void
route_item_init(struct route_item *to)
{
    memset(to, 0, sizeof(*to));
    to->pref = -1;
    to->ttl = -1;
}

static int
route_number(struct str key, struct str value, int64_t min, int64_t max,
    int64_t *to, struct err *e)
{
    if (num_i64(value, to) < 0 || *to < min || *to > max)
        return err_set(e, ERR_CONF,
            "%.*s=%.*s: a number from %lld to %lld is expected", STR_ARG(key),
            STR_ARG(value), (long long)min, (long long)max);
    return 0;
}

static int
route_port(struct str value, struct route_item *to, struct err *e)
{
    int64_t n;

    if (route_number(STR("port"), value, 1, 65535, &n, e) < 0)
        return ERR_CONF;
    to->port = (int)n;
    return 0;
}

/* "[v6]" with what may follow it; s begins with the bracket. */
static int
route_bracketed(struct str s, struct route_item *to, struct err *e)
{
    size_t end = str_chr(s, ']', 0);
    struct err why;

    if (end == SIZE_MAX)
        return err_set(e, ERR_CONF, "the ] is missing in \"%.*s\"", STR_ARG(s));
    to->host = str_sub(s, 1, end - 1);
    if (str_istarts(to->host, STR("IPv6:")))
        to->host = str_from(to->host, 5);
    if (cidr_parse(to->host, 0, &to->addr, &why) < 0)
        return err_set(e, ERR_CONF, "\"%.*s\": %s", STR_ARG(s), why.text);
    to->address = true;
    s = str_from(s, end + 1);
    if (!s.n)
        return 0;
    if (s.p[0] != ':')
        return err_set(e, ERR_CONF, "only :port may follow the ]");
    return route_port(str_from(s, 1), to, e);
}

/* A Unix socket: an absolute path that sun_path has room for. */
static int
route_path(struct str s, struct route_item *to, struct err *e)
{
    struct sockaddr_un un;

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return err_set(e, ERR_CONF,
                "no blanks and control characters are expected in the path "
                "of a socket");
    if (s.n < 2 || s.n >= sizeof(un.sun_path))
        return err_set(e, ERR_CONF,
            "the path of a socket has at most %zu characters",
            sizeof(un.sun_path) - 1);
    to->host = s;
    to->path = true;
    return 0;
}

/* "host", "1.2.3.4", "[v6]", each with ":port" if need be. */
static int
route_host(struct str s, struct route_item *to, struct err *e)
{
    size_t colon = str_chr(s, ':', 0);
    struct err why;

    if (!s.n)
        return err_set(e, ERR_CONF, "a host is missing");
    if (s.p[0] == '[')
        return route_bracketed(s, to, e);
    if (colon != SIZE_MAX && str_chr(s, ':', colon + 1) != SIZE_MAX) {
        if (cidr_parse(s, CIDR_NEED_BRACKETS, &to->addr, &why) < 0)
            return err_set(e, ERR_CONF, "%s", why.text);
        return err_set(e, ERR_CONF,
            "an IPv6 address stands in brackets: "
            "[%.*s]",
            STR_ARG(s));
    }
    if (colon != SIZE_MAX) {
        if (route_port(str_from(s, colon + 1), to, e) < 0)
            return ERR_CONF;
        s = str_sub(s, 0, colon);
    }
    to->host = s;
    if (cidr_parse(s, 0, &to->addr, &why) == 0) {
        to->address = true;
        return 0;
    }
    if (s.n > 1 && s.p[s.n - 1] == '.')
        s.n--;
    to->host = s;
    if (!address_is_domain(s, true))
        return err_set(
            e, ERR_CONF, "\"%.*s\" is no host name and no address", STR_ARG(s));
    return 0;
}

static int
route_type(struct str value, int *to, struct err *e)
{
    if (str_ieq(value, STR("mx")))
        *to = ROUTE_TYPE_MX;
    else if (str_ieq(value, STR("a")))
        *to = ROUTE_TYPE_A;
    else
        return err_set(
            e, ERR_CONF, "type=%.*s: mx or a is expected", STR_ARG(value));
    return 0;
}

static int
route_parameter(
    struct str key, struct str value, struct route_item *to, struct err *e)
{
    if (str_ieq(key, STR("pref")))
        return route_number(key, value, 0, 65535, &to->pref, e);
    if (str_ieq(key, STR("ttl")))
        return route_number(key, value, 0, UINT32_MAX, &to->ttl, e);
    if (str_ieq(key, STR("type")))
        return route_type(value, &to->type, e);
    if (to->port)
        return err_set(e, ERR_CONF, "the port is given twice");
    return route_port(value, to, e);
}

static int
route_key(struct str key)
{
    static const char *const keys[] = {"pref", "ttl", "port", "type"};

    for (int i = 0; i < 4; i++)
        if (str_ieq(key, str_of(keys[i])))
            return 1 << i;
    return 0;
}

static int
route_query(struct str query, struct route_item *to, struct err *e)
{
    int seen = 0;

    while (query.p) {
        struct str value = str_cut(&query, '&');
        struct str key = str_cut(&value, '=');
        int bit = route_key(key);
        if (!bit)
            return err_set(e, ERR_CONF,
                "\"%.*s\" is not known: pref, ttl, "
                "port and type are",
                STR_ARG(key));
        if (!value.p)
            return err_set(e, ERR_CONF, "%.*s has no value", STR_ARG(key));
        if (seen & bit)
            return err_set(e, ERR_CONF, "%.*s is given twice", STR_ARG(key));
        seen |= bit;
        if (route_parameter(key, value, to, e) < 0)
            return ERR_CONF;
    }
    return 0;
}

static bool
route_is_scheme(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-';
        if (!letter && (!i || !other))
            return false;
    }
    return s.n > 0;
}

/* "host/path": what is asked for at a service by HTTP is its module's affair,
 * which has the text of the route. */
static int
route_cut_target(struct str scheme, struct str *host, struct err *e)
{
    static const char *const schemes[] = {"http", "https", "apn", "gcm", "mm7"};
    size_t slash = str_chr(*host, '/', 0);
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        known = known || str_ieq(scheme, str_of(schemes[i]));
    if (!known || slash == SIZE_MAX)
        return 0;
    for (size_t i = slash; i < host->n; i++)
        if (host->p[i] <= ' ' || host->p[i] > '~')
            return err_set(e, ERR_CONF,
                "no blanks, control characters and octets above 126 are "
                "expected in a path");
    *host = str_sub(*host, 0, slash);
    return 0;
}

static int
route_uri(struct str text, size_t colon, struct route_item *to, struct err *e)
{
    struct str rest = str_from(text, colon + 3);
    struct str host = str_cut(&rest, '?');

    to->scheme = str_sub(text, 0, colon);
    if (!route_is_scheme(to->scheme))
        return err_set(
            e, ERR_CONF, "\"%.*s\" is no scheme", STR_ARG(to->scheme));
    if (host.n > 1 && host.p[0] == '/')
        return route_path(host, to, e) < 0 ? ERR_CONF
                                           : route_query(rest, to, e);
    if (host.n && host.p[host.n - 1] == '/')
        host.n--;
    if (route_cut_target(to->scheme, &host, e) < 0)
        return ERR_CONF;
    if (str_chr(host, '@', 0) != SIZE_MAX || str_chr(host, '/', 0) != SIZE_MAX)
        return err_set(e, ERR_CONF,
            "a host, and no user or path, is "
            "expected after ://");
    if (route_host(host, to, e) < 0)
        return ERR_CONF;
    return route_query(rest, to, e);
}

int
route_item_parse(struct str text, struct route_item *to, struct err *e)
{
    size_t colon;
    int rc;

    route_item_init(to);
    if (text.n > 1000)
        return err_set(e, ERR_CONF, "a route has at most 1000 characters");
    colon = str_find(text, STR("://"), 0);
    if (colon != SIZE_MAX)
        rc = route_uri(text, colon, to, e);
    else if (str_chr(text, '?', 0) != SIZE_MAX)
        rc = err_set(e, ERR_CONF, "parameters need a scheme: smtp://%.*s",
            STR_ARG(text));
    else
        rc = route_host(text, to, e);
    if (rc < 0)
        return rc;
    if (to->path && (to->port || to->type != ROUTE_TYPE_NONE))
        return err_set(e, ERR_CONF, "a socket has no port and no type");
    to->mx = !to->address && str_ieq(to->host, STR("__mx__"));
    if (to->mx && to->type == ROUTE_TYPE_A)
        return err_set(e, ERR_CONF, "__mx__ cannot have type=a");
    return 0;
}

int
route_gateway_parse(struct str text, struct route_item *to, struct err *e)
{
    route_item_init(to);
    if (text.n > 300)
        return err_set(e, ERR_CONF, "a gateway has at most 300 characters");
    if (text.n && text.p[0] == '#') {
        to->host = text;
        if (!address_is_domain(str_from(text, 1), false))
            return err_set(e, ERR_CONF,
                "\"%.*s\": letters, digits, hyphens "
                "and dots are expected after #",
                STR_ARG(text));
        return 0;
    }
    if (text.n && text.p[0] == '/')
        return route_path(text, to, e);
    if (str_find(text, STR("://"), 0) != SIZE_MAX)
        return err_set(e, ERR_CONF,
            "a gateway is a host or an address, with "
            ":port if need be; URIs are for routes");
    if (route_host(text, to, e) < 0)
        return ERR_CONF;
    if (str_ieq(to->host, STR("__mx__")))
        return err_set(e, ERR_CONF,
            "__mx__ is for routes; without a gateway "
            "the MX records are used anyway");
    return 0;
}

int
route_check_gateway(const struct option_value *v, struct err *e)
{
    struct route_item item;

    return route_gateway_parse(v->text, &item, e);
}

int
route_check_routes(const struct option_value *v, struct err *e)
{
    struct route_item item;

    for (size_t i = 0; i < v->item_count; i++) {
        if (route_item_parse(v->items[i], &item, e) < 0)
            return ERR_CONF;
        if (item.scheme.p && !method_has_scheme(item.scheme))
            return err_set(e, ERR_CONF,
                "no method takes the scheme "
                "\"%.*s\"; known are smtp, lmtp, apn, gcm, mm7 and http",
                STR_ARG(item.scheme));
    }
    return 0;
}

static bool
is_any_address(const struct cidr *c)
{
    for (size_t i = 0; i < sizeof(c->addr); i++)
        if (c->addr[i])
            return false;
    return true;
}

int
route_check_proxy(const struct option_value *v, struct err *e)
{
    struct route_item item;

    if (!v->text.n ||
        (route_gateway_parse(v->text, &item, NULL) == 0 && item.address &&
            item.port && !is_any_address(&item.addr)))
        return 0;
    return err_set(e, ERR_CONF,
        "\"%.*s\": an address and a port are expected, such as "
        "192.0.2.1:5000 or [2001:db8::1]:5000",
        STR_ARG(v->text));
}

static int
route_check_family(const struct option_value *v, int family, struct err *e)
{
    struct cidr c;

    if (!v->text.n ||
        (cidr_parse(v->text, CIDR_BRACKETS, &c, NULL) == 0 &&
            c.family == family && !is_any_address(&c)))
        return 0;
    return err_set(e, ERR_CONF, "\"%.*s\": an IPv%d address is expected",
        STR_ARG(v->text), family);
}

int
route_check_v4(const struct option_value *v, struct err *e)
{
    return route_check_family(v, 4, e);
}

int
route_check_v6(const struct option_value *v, struct err *e)
{
    return route_check_family(v, 6, e);
}

/* The items of routes against the method that the same stanza names. */
static int
route_check_schemes(
    const struct option_value *routes, int method, struct err *e)
{
    if (method == METHOD_ECSTREAM)
        return err_set(e, ERR_CONF,
            "routes cannot be used with "
            "delivery_method ECSTREAM: use gateway");
    for (size_t i = 0; i < routes->item_count; i++) {
        struct route_item item;
        if (route_item_parse(routes->items[i], &item, e) < 0)
            return ERR_CONF;
        if (item.scheme.p && !method_takes_scheme(method, item.scheme))
            return err_set(e, ERR_CONF,
                "\"%.*s\" does not fit "
                "delivery_method %s, which takes %s",
                STR_ARG(item.scheme), method_name(method),
                method_schemes(method));
    }
    return 0;
}

static int
route_check_sources(const struct stanza *s, uint32_t *at, struct err *e)
{
    struct option_value first, second;
    struct cidr a, b;

    if (!stanza_value(s, OPT(route_options, ROUTE_BIND_ADDRESS), &first) ||
        !stanza_value(
            s, OPT(route_options, ROUTE_BIND_ADDRESS_SECONDARY), &second) ||
        cidr_parse_host(first.text, &a, NULL) < 0 ||
        cidr_parse_host(second.text, &b, NULL) < 0 || a.family != b.family)
        return 0;
    *at = OPT(route_options, ROUTE_BIND_ADDRESS_SECONDARY);
    return err_set(e, ERR_CONF,
        "an address of the other family than bind_address's is expected");
}

int
route_check_stanza(const struct stanza *s, uint32_t *at, struct err *e)
{
    struct option_value routes, other;
    int method;

    if (route_check_sources(s, at, e) < 0)
        return ERR_CONF;
    if (!stanza_value(s, OPT(route_options, ROUTE_ROUTES), &routes))
        return 0;
    *at = OPT(route_options, ROUTE_ROUTES);
    if (stanza_value(s, OPT(route_options, ROUTE_GATEWAY), &other))
        return err_set(e, ERR_CONF,
            "gateway and routes exclude each other "
            "in one stanza: a gateway puts the mail into the queue of the "
            "gateway's own name");
    if (!stanza_value(s, OPT(route_options, ROUTE_DELIVERY_METHOD), &other))
        return 0;
    method = method_find(other.text);
    /* One that is unknown was complained about by its own row. */
    return method < 0 ? 0 : route_check_schemes(&routes, method, e);
}

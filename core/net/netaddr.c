/* SPDX-License-Identifier: Apache-2.0 */
#include "net/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/un.h>

#include "base/num.h"
#include "base/banned.h"

static int
netaddr_path(struct str s, struct netaddr *to, struct err *e)
{
    if (memchr(s.p, '\0', s.n))
        return err_set(e, ERR_INVAL, "the path has a NUL in it");
    if (!str_copy(to->path, sizeof(to->path), s))
        return err_set(e, ERR_INVAL,
            "the path of a socket has at most %zu "
            "bytes",
            sizeof(to->path) - 1);
    return 0;
}

static int
netaddr_port(struct str s, bool none_ok, uint16_t *to, struct err *e)
{
    uint64_t n;

    if (!s.p && none_ok)
        return 0;
    if (!s.p)
        return err_set(e, ERR_INVAL, "a port is missing");
    if (num_u64(s, &n) < 0 || n > 65535 || (!n && !none_ok))
        return err_set(
            e, ERR_INVAL, "\"%.*s\" is no port (1 to 65535)", STR_ARG(s));
    *to = (uint16_t)n;
    return 0;
}

static void
netaddr_any(int family, struct cidr *to)
{
    memset(to, 0, sizeof(*to));
    to->family = (uint8_t)family;
    to->bits = family == 4 ? 32 : 128;
}

/* "[...]" or "[...]:port"; s begins with the bracket. */
static int
netaddr_bracketed(struct str s, bool none_ok, struct netaddr *to, struct err *e)
{
    size_t end = str_chr(s, ']', 0);
    struct str inner, rest;

    if (end == SIZE_MAX)
        return err_set(e, ERR_INVAL, "the ] is missing");
    inner = str_sub(s, 1, end - 1);
    rest = str_from(s, end + 1);
    if (rest.n && rest.p[0] != ':')
        return err_set(e, ERR_INVAL, "only :port may follow the ]");
    if (str_eq(inner, STR("*")))
        netaddr_any(6, &to->ip);
    else if (cidr_parse(inner, 0, &to->ip, e) < 0)
        return ERR_INVAL;
    return netaddr_port(
        rest.n ? str_from(rest, 1) : STR_NONE, none_ok, &to->port, e);
}

/* More than one colon and no bracket: say how it is written. */
static int
netaddr_bare_v6(struct str s, struct err *e)
{
    struct cidr ip;
    struct err why;

    if (cidr_parse(s, CIDR_NEED_BRACKETS, &ip, &why) < 0)
        return err_set(e, ERR_INVAL, "%s", why.text);
    return err_set(e, ERR_INVAL, "write [%.*s]", STR_ARG(s));
}

int
netaddr_parse(struct str s, bool none_ok, struct netaddr *to, struct err *e)
{
    struct str host = s, port = STR_NONE;
    size_t colon;

    memset(to, 0, sizeof(*to));
    if (!s.n)
        return err_set(e, ERR_INVAL, "an address is missing");
    if (s.p[0] == '/')
        return netaddr_path(s, to, e);
    if (s.p[0] == '[')
        return netaddr_bracketed(s, none_ok, to, e);
    colon = str_chr(s, ':', 0);
    if (colon != SIZE_MAX && str_chr(s, ':', colon + 1) != SIZE_MAX)
        return netaddr_bare_v6(s, e);
    if (colon != SIZE_MAX) {
        host = str_sub(s, 0, colon);
        port = str_from(s, colon + 1);
    }
    if (!host.n || str_eq(host, STR("*")))
        netaddr_any(4, &to->ip);
    else if (cidr_parse(host, 0, &to->ip, e) < 0)
        return ERR_INVAL;
    return netaddr_port(port, none_ok, &to->port, e);
}

void
netaddr_from_ip(struct netaddr *to, const struct cidr *ip, uint16_t port)
{
    memset(to, 0, sizeof(*to));
    to->ip = *ip;
    to->port = port;
}

socklen_t
netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *to)
{
    memset(to, 0, sizeof(*to));
    if (a->ip.family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)to;
        in->sin_family = AF_INET;
        in->sin_port = htons(a->port);
        memcpy(&in->sin_addr, a->ip.addr, 4);
        return sizeof(*in);
    }
    if (a->ip.family == 6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)to;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip.addr, 16);
        return sizeof(*in6);
    }
    if (a->path[0]) {
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)to;
        un->sun_family = AF_UNIX;
        (void)str_copy(un->sun_path, sizeof(un->sun_path),
            str_of(a->path)); /* both hold 108 bytes */
        return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
            strlen(un->sun_path) + 1);
    }
    return 0;
}

void
netaddr_from_sockaddr(struct netaddr *to, const struct sockaddr *sa)
{
    memset(to, 0, sizeof(*to));
    if (sa->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)sa;
        netaddr_any(4, &to->ip);
        memcpy(to->ip.addr, &in->sin_addr, 4);
        to->port = ntohs(in->sin_port);
    } else if (sa->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)sa;
        netaddr_any(6, &to->ip);
        memcpy(to->ip.addr, &in6->sin6_addr, 16);
        cidr_unmap(&to->ip);
        to->port = ntohs(in6->sin6_port);
    } else if (sa->sa_family == AF_UNIX) {
        const struct sockaddr_un *un = (const void *)sa;
        size_t n = strnlen(un->sun_path, sizeof(un->sun_path));
        /* An unnamed peer gives the empty path; longer ones are cut. */
        (void)str_copy(to->path, sizeof(to->path), str_make(un->sun_path, n));
    }
}

void
netaddr_print_ip(const struct netaddr *a, struct buf *to)
{
    if (a->ip.family)
        cidr_print(&a->ip, to);
    else
        buf_cstr(to, a->path[0] ? a->path : "local");
}

void
netaddr_print(const struct netaddr *a, struct buf *to)
{
    if (a->ip.family == 6)
        buf_char(to, '[');
    netaddr_print_ip(a, to);
    if (a->ip.family == 6)
        buf_char(to, ']');
    if (a->ip.family) {
        buf_char(to, ':');
        num_print(to, a->port);
    }
}

bool
netaddr_eq(const struct netaddr *a, const struct netaddr *b)
{
    if (a->ip.family != b->ip.family)
        return false;
    if (!a->ip.family)
        return strcmp(a->path, b->path) == 0;
    return cidr_eq(&a->ip, &b->ip) && a->port == b->port;
}

bool
netaddr_is_local(const struct netaddr *a)
{
    static const uint8_t one[16] = {[15] = 1};

    if (a->ip.family == 4)
        return a->ip.addr[0] == 127;
    if (a->ip.family == 6)
        return memcmp(a->ip.addr, one, sizeof(one)) == 0;
    return true;
}

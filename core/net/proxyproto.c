/* SPDX-License-Identifier: Apache-2.0 */
#include "net/proxyproto.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/bug.h"
#include "base/num.h"
#include "base/banned.h"

enum {
    V1_MOST = 107, /* CRLF included */
    V2_FIXED = 16,
    V2_LOCAL = 0x20,
    V2_PROXY = 0x21,
    TCP_IPV4 = 0x11,
    TCP_IPV6 = 0x21
};

static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxyproto_result
bad(const char **why, const char *text)
{
    *why = text;
    return PROXYPROTO_BAD;
}

/* --- version 1: one line --- */

static bool
v1_address(struct str s, int family, struct netaddr *to)
{
    char text[INET6_ADDRSTRLEN];

    if (!s.n || memchr(s.p, '\0', s.n) || !str_copy(text, sizeof(text), s))
        return false;
    to->ip.family = family == 4 ? 4 : 6;
    to->ip.bits = family == 4 ? 32 : 128;
    return inet_pton(family == 4 ? AF_INET : AF_INET6, text, to->ip.addr) == 1;
}

static bool
v1_port(struct str s, uint16_t *to)
{
    uint64_t n;

    if (num_u64(s, &n) < 0 || n > UINT16_MAX || (s.n > 1 && s.p[0] == '0'))
        return false;
    *to = (uint16_t)n;
    return true;
}

/* "TCP4 192.0.2.1 192.0.2.25 4711 25" */
static bool
v1_names(struct str line, struct proxyproto *to)
{
    struct str kind = str_cut(&line, ' ');
    struct str from = str_cut(&line, ' '), at = str_cut(&line, ' ');
    struct str from_port = str_cut(&line, ' ');
    int family = str_eq(kind, STR("TCP4")) ? 4 : 6;

    to->named = true;
    return (family == 4 || str_eq(kind, STR("TCP6"))) &&
        v1_address(from, family, &to->peer) &&
        v1_address(at, family, &to->local) &&
        v1_port(from_port, &to->peer.port) && v1_port(line, &to->local.port);
}

static enum proxyproto_result
v1_parse(struct str s, struct proxyproto *to, const char **why)
{
    struct str head = str_sub(s, 0, V1_MOST), start = STR("PROXY ");
    size_t lf = str_chr(head, '\n', 0);

    if (memcmp(head.p, start.p, head.n < start.n ? head.n : start.n) != 0)
        return bad(why, "no PROXY header");
    if (lf == SIZE_MAX)
        return s.n < V1_MOST ? PROXYPROTO_MORE : bad(why, "too long a line");
    if (lf <= start.n || head.p[lf - 1] != '\r')
        return bad(why, "a line that does not end in CRLF");
    to->size = lf + 1;
    head = str_sub(head, start.n, lf - 1 - start.n);
    if (str_eq(head, STR("UNKNOWN")) || str_starts(head, STR("UNKNOWN ")))
        return PROXYPROTO_OK;
    if (!v1_names(head, to))
        return bad(why, "addresses that cannot be read");
    return PROXYPROTO_OK;
}

/* --- version 2: binary, in network order --- */

static uint16_t
v2_number(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* Two addresses of `size` bytes, two ports. */
static enum proxyproto_result
v2_names(const uint8_t *p, size_t n, int family, struct proxyproto *to,
    const char **why)
{
    size_t size = family == 4 ? 4 : 16;

    if (n < 2 * size + 4)
        return bad(why, "too short for its addresses");
    to->named = true;
    to->peer.ip.family = to->local.ip.family = family == 4 ? 4 : 6;
    to->peer.ip.bits = to->local.ip.bits = family == 4 ? 32 : 128;
    memcpy(to->peer.ip.addr, p, size);
    memcpy(to->local.ip.addr, p + size, size);
    to->peer.port = v2_number(p + 2 * size);
    to->local.port = v2_number(p + 2 * size + 2);
    return PROXYPROTO_OK;
}

static enum proxyproto_result
v2_parse(const uint8_t *p, size_t n, struct proxyproto *to, const char **why)
{
    size_t rest;

    if (n < V2_FIXED)
        return PROXYPROTO_MORE;
    rest = v2_number(p + 14);
    to->size = V2_FIXED + rest;
    if (p[12] != V2_LOCAL && p[12] != V2_PROXY)
        return bad(why, "a version or command that is not known");
    if (to->size > PROXYPROTO_MOST)
        return bad(why, "too long a header");
    if (n < to->size)
        return PROXYPROTO_MORE;
    if (p[12] == V2_PROXY && p[13] == TCP_IPV4)
        return v2_names(p + V2_FIXED, rest, 4, to, why);
    if (p[12] == V2_PROXY && p[13] == TCP_IPV6)
        return v2_names(p + V2_FIXED, rest, 6, to, why);
    return PROXYPROTO_OK;
}

enum proxyproto_result
proxyproto_parse(
    const void *p, size_t n, struct proxyproto *to, const char **why)
{
    size_t same = n < sizeof(v2_signature) ? n : sizeof(v2_signature);

    *to = (struct proxyproto){0};
    *why = "";
    if (!n)
        return PROXYPROTO_MORE;
    if (memcmp(p, v2_signature, same) == 0)
        return v2_parse(p, n, to, why);
    return v1_parse(str_make(p, n), to, why);
}

static void
v2_put(uint8_t *p, uint16_t n)
{
    p[0] = (uint8_t)(n >> 8);
    p[1] = (uint8_t)n;
}

size_t
proxyproto_print(const struct netaddr *peer, const struct netaddr *local,
    uint8_t to[PROXYPROTO_PRINT_MOST])
{
    size_t size = peer->ip.family == 4 ? 4 : 16;
    uint8_t *p = to + V2_FIXED;

    BUG_ON(peer->ip.family != local->ip.family);
    memcpy(to, v2_signature, sizeof(v2_signature));
    to[12] = V2_PROXY;
    to[13] = size == 4 ? TCP_IPV4 : TCP_IPV6;
    v2_put(to + 14, (uint16_t)(2 * size + 4));
    memcpy(p, peer->ip.addr, size);
    memcpy(p + size, local->ip.addr, size);
    v2_put(p + 2 * size, peer->port);
    v2_put(p + 2 * size + 2, local->port);
    return V2_FIXED + 2 * size + 4;
}

void
proxyproto_print_server(const struct proxyproto_server *s, struct buf *to)
{
    struct netaddr a;

    netaddr_from_ip(&a, &s->ip, s->port);
    netaddr_print(&a, to);
}

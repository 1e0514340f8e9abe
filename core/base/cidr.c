/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cidr.h"

#include <arpa/inet.h>

#include "base/num.h"
#include "base/banned.h"

static int
cidr_family_bits(const struct cidr *c)
{
    return c->family == 4 ? 32 : 128;
}

/* Clear what lies beyond the prefix. */
static void
cidr_mask(struct cidr *c)
{
    for (unsigned i = 0; i < sizeof(c->addr); i++) {
        unsigned from = i * 8;
        if (from >= c->bits)
            c->addr[i] = 0;
        else if (c->bits - from < 8)
            c->addr[i] &= (uint8_t)(0xff << (8 - (c->bits - from)));
    }
}

/* "255.255.0.0" as a prefix length; -1 if the ones are not in one run. */
static int
cidr_netmask(struct str s)
{
    char z[16];
    uint8_t m[4];
    uint32_t v;
    int bits = 0;

    if (!s.n || memchr(s.p, 0, s.n) || !str_copy(z, sizeof(z), s) ||
        inet_pton(AF_INET, z, m) != 1)
        return -1;
    v = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 |
        m[3];
    while (bits < 32 && v & (UINT32_C(1) << (31 - bits)))
        bits++;
    if (bits < 32 && v & (UINT32_MAX >> bits))
        return -1;
    return bits;
}

static int
cidr_prefix(struct str s, struct str whole, struct cidr *to, struct err *e)
{
    uint64_t n;
    int max = cidr_family_bits(to), mask;

    if (num_u64(s, &n) == 0 && n <= (uint64_t)max) {
        to->bits = (uint8_t)n;
        return 0;
    }
    mask = to->family == 4 ? cidr_netmask(s) : -1;
    if (mask >= 0) {
        to->bits = (uint8_t)mask;
        return 0;
    }
    return err_set(e, ERR_INVAL,
        "%.*s: the prefix length must be a number from 0 to %d%s",
        STR_ARG(whole), max,
        to->family == 4 ? ", or a mask such as 255.255.0.0" : "");
}

/* The address alone, brackets taken off. */
static int
cidr_address(struct str s, struct cidr *to)
{
    char z[64];

    memset(to, 0, sizeof(*to));
    if (!s.n || memchr(s.p, 0, s.n) || !str_copy(z, sizeof(z), s))
        return ERR_INVAL;
    if (inet_pton(AF_INET, z, to->addr) == 1)
        to->family = 4;
    else if (inet_pton(AF_INET6, z, to->addr) == 1)
        to->family = 6;
    else
        return ERR_INVAL;
    to->bits = (uint8_t)cidr_family_bits(to);
    return 0;
}

/* Cut "[v6]" or "v6" off the start of s; *rest begins behind it. */
static int
cidr_split(
    struct str s, int flags, struct str *addr, struct str *rest, struct err *e)
{
    size_t end, slash;

    if (s.n && s.p[0] == '[') {
        if (!(flags & (CIDR_BRACKETS | CIDR_NEED_BRACKETS)))
            return err_set(e, ERR_INVAL, "%.*s: no brackets are expected here",
                STR_ARG(s));
        end = str_chr(s, ']', 0);
        if (end == SIZE_MAX)
            return err_set(
                e, ERR_INVAL, "%.*s: the closing ] is missing", STR_ARG(s));
        *addr = str_sub(s, 1, end - 1);
        *rest = str_from(s, end + 1);
        return 0;
    }
    slash = str_chr(s, '/', 0);
    *addr = slash == SIZE_MAX ? s : str_sub(s, 0, slash);
    *rest = slash == SIZE_MAX ? str_make("", 0) : str_from(s, slash);
    return 0;
}

int
cidr_parse(struct str s, int flags, struct cidr *to, struct err *e)
{
    struct str addr, rest;
    bool bracketed = s.n && s.p[0] == '[';
    int rc;

    memset(to, 0, sizeof(*to));
    if (s.n > 100)
        return err_set(e, ERR_INVAL, "too long for an address");
    rc = cidr_split(s, flags, &addr, &rest, e);
    if (rc)
        return rc;
    if (bracketed && str_istarts(addr, STR("IPv6:")))
        addr = str_from(addr, 5);
    if (cidr_address(addr, to))
        return err_set(e, ERR_INVAL,
            "'%.*s' is not an address such as 192.0.2.1 or 2001:db8::1",
            STR_ARG(s));
    if (to->family == 6 && !bracketed && flags & CIDR_NEED_BRACKETS)
        return err_set(e, ERR_INVAL,
            "an IPv6 address stands in brackets here: [%.*s]%.*s",
            STR_ARG(addr), STR_ARG(rest));
    if (rest.n && rest.p[0] == '/' && flags & CIDR_PREFIX) {
        rc = cidr_prefix(str_from(rest, 1), s, to, e);
        if (rc)
            return rc;
    } else if (rest.n)
        return err_set(e, ERR_INVAL, "'%.*s': '%.*s' behind the address",
            STR_ARG(s), STR_ARG(rest));
    cidr_mask(to);
    return 0;
}

int
cidr_parse_host(struct str s, struct cidr *to, struct err *e)
{
    int rc = cidr_parse(s, CIDR_PREFIX | CIDR_BRACKETS, to, e);
    size_t slash = str_chr(s, '/', 0);

    if (rc == 0 && slash != SIZE_MAX)
        rc = cidr_parse(str_sub(s, 0, slash), CIDR_BRACKETS, to, e);
    return rc;
}

void
cidr_unmap(struct cidr *c)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255};

    if (c->family != 6 || c->bits < 96 ||
        memcmp(c->addr, mapped, sizeof(mapped)) != 0)
        return;
    memmove(c->addr, c->addr + 12, 4);
    memset(c->addr + 4, 0, 12);
    c->family = 4;
    c->bits = (uint8_t)(c->bits - 96);
}

bool
cidr_contains(const struct cidr *net, const struct cidr *addr)
{
    unsigned whole = net->bits / 8, part = net->bits % 8;

    if (!net->family || net->family != addr->family || addr->bits < net->bits)
        return false;
    if (memcmp(net->addr, addr->addr, whole) != 0)
        return false;
    return !part || ((net->addr[whole] ^ addr->addr[whole]) >> (8 - part)) == 0;
}

bool
cidr_eq(const struct cidr *a, const struct cidr *b)
{
    return a->family == b->family && a->bits == b->bits &&
        memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

uint64_t
cidr_hash(const struct cidr *c)
{
    uint8_t key[18];

    key[0] = c->family;
    key[1] = c->bits;
    memcpy(key + 2, c->addr, sizeof(c->addr));
    return str_hash(str_make(key, sizeof(key)));
}

/* inet_ntop() asks the formatter, and each connection has addresses in its
 * keys. */
static void
cidr_print_v4(const uint8_t *addr, struct buf *to)
{
    for (int i = 0; i < 4; i++) {
        if (i)
            buf_char(to, '.');
        num_print(to, addr[i]);
    }
}

void
cidr_print(const struct cidr *c, struct buf *to)
{
    char z[INET6_ADDRSTRLEN];

    if (c->family == 4)
        cidr_print_v4(c->addr, to);
    else if (c->family && inet_ntop(AF_INET6, c->addr, z, sizeof(z)))
        buf_cstr(to, z);
    else
        return;
    if (c->bits != cidr_family_bits(c))
        buf_printf(to, "/%d", c->bits);
}

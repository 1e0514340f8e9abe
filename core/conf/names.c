/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - names of stanzas: what is allowed, and what two names that mean
 * the same look like.
 */
#include <stdio.h>

#include "conf/generation_int.h"

#include "base/idna.h"
#include "base/num.h"
#include "base/banned.h"

bool
names_is_regex(struct str name, struct str *pattern)
{
    if (name.n < 3 || name.p[0] != '/' || name.p[name.n - 1] != '/')
        return false;
    *pattern = str_sub(name, 1, name.n - 2);
    return true;
}

static bool
names_idn(struct str name, char *to, size_t *n)
{
    struct buf b = BUF_INIT;
    bool fits;

    (void)idna_fold(name, &b); /* what is no name matches as it stands */
    fits = b.n <= GENERATION_NAME_MAX;
    if (fits) {
        memcpy(to, b.n ? b.p : "", b.n);
        *n = b.n;
    }
    buf_fini(&b);
    return fits;
}

static bool
names_lower(struct str name, char *to, size_t *n)
{
    if (!idna_is_plain(name))
        return names_idn(name, to, n);
    if (name.n > GENERATION_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        to[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    *n = name.n;
    return true;
}

/* An address in any spelling, as its literal. */
static bool
names_literal(struct str name, char *to, size_t *n)
{
    struct buf b = BUF_INIT;
    struct cidr c;

    bool maybe = name.n &&
        (name.p[0] == '[' || str_chr(name, ':', 0) != SIZE_MAX ||
            (name.p[name.n - 1] >= '0' && name.p[name.n - 1] <= '9'));

    if (!maybe || cidr_parse(name, CIDR_BRACKETS, &c, NULL))
        return false;
    buf_cstr(&b, c.family == 6 ? "[ipv6:" : "[");
    cidr_print(&c, &b);
    buf_char(&b, ']');
    memcpy(to, b.p, b.n);
    *n = b.n;
    buf_fini(&b);
    return true;
}

bool
names_domain(struct str name, char *to, size_t *n)
{
    if (names_literal(name, to, n))
        return true;
    if (name.n > 1 && name.p[name.n - 1] == '.')
        name = str_sub(name, 0, name.n - 1);
    return names_lower(name, to, n);
}

static int
names_peer(struct str name, char *to, size_t *n)
{
    struct buf b = BUF_INIT;
    struct cidr c;

    if (cidr_parse(name, CIDR_PREFIX | CIDR_BRACKETS, &c, NULL))
        return ERR_CONF;
    cidr_unmap(&c);
    cidr_print(&c, &b);
    memcpy(to, b.p, b.n);
    *n = b.n;
    buf_fini(&b);
    return 0;
}

int
names_fold(struct str name, uint32_t scope, char *to, size_t *n)
{
    struct str pattern;

    if (scope == IMPEL_SCOPE_PEER)
        return names_peer(name, to, n);
    if (scope == IMPEL_SCOPE_LISTEN && str_starts(name, STR("*:")))
        name = str_from(name, 1);
    if (name.n > GENERATION_NAME_MAX)
        return ERR_CONF;
    if (!(scope & (IMPEL_SCOPE_DOMAIN | IMPEL_SCOPE_HOST)) ||
        names_is_regex(name, &pattern)) {
        memcpy(to, name.p, name.n);
        *n = name.n;
        return 0;
    }
    return names_domain(name, to, n) ? 0 : ERR_CONF;
}

static int
names_check_port(struct str port, struct str whole, struct err *e)
{
    uint64_t n;

    if (num_u64(port, &n) == 0 && n <= 65535)
        return 0;
    return err_set(e, ERR_CONF, "listen %.*s: the port must be from 0 to 65535",
        STR_ARG(whole));
}

/* ":25", "*:25", "[*]:25", "192.0.2.1:25", "[::1]:25", "/path". */
static int
names_check_listen(struct str name, struct err *e)
{
    size_t colon = str_rchr(name, ':');
    struct str addr, port;
    struct cidr c;
    struct err why;

    if (name.n && name.p[0] == '/')
        return name.n < 108 ? 0
                            : err_set(e, ERR_CONF,
                                  "listen: the path of a unix socket has at "
                                  "most 107 bytes");
    if (cidr_parse(name, 0, &c, NULL) == 0 && c.family == 6)
        return err_set(e, ERR_CONF,
            "listen %.*s: an IPv6 address stands in brackets, with a port "
            "behind: [%.*s]:25",
            STR_ARG(name), STR_ARG(name));
    if (colon == SIZE_MAX)
        return err_set(e, ERR_CONF,
            "listen %.*s: expected ADDRESS:PORT, [IPv6]:PORT, :PORT or /PATH",
            STR_ARG(name));
    addr = str_sub(name, 0, colon);
    port = str_from(name, colon + 1);
    if (addr.n && !str_eq(addr, STR("*")) && !str_eq(addr, STR("[*]")) &&
        cidr_parse(addr, CIDR_NEED_BRACKETS, &c, &why)) {
        if (cidr_parse(addr, 0, &c, NULL) == 0)
            return err_set(e, ERR_CONF,
                "listen %.*s: an IPv6 address stands in brackets: [%.*s]:%.*s",
                STR_ARG(name), STR_ARG(addr), STR_ARG(port));
        return err_set(e, ERR_CONF, "listen %.*s: %s", STR_ARG(name), why.text);
    }
    return names_check_port(port, name, e);
}

static bool
names_has(struct str name, const char *chars)
{
    for (size_t i = 0; i < name.n; i++)
        if (strchr(chars, name.p[i]))
            return true;
    return false;
}

int
names_check(struct str name, uint32_t scope, struct err *e)
{
    const char *word = kind_word(scope);
    struct cidr c;

    if (!name.n || name.n > GENERATION_NAME_MAX - 20)
        return err_set(e, ERR_CONF, "%s: the name has from 1 to %d bytes", word,
            GENERATION_NAME_MAX - 20);
    if (scope & (IMPEL_SCOPE_LISTEN | SCOPE_CONTROL_LISTEN))
        return names_check_listen(name, e);
    if (scope == IMPEL_SCOPE_PEER &&
        cidr_parse(name, CIDR_PREFIX | CIDR_BRACKETS, &c, NULL))
        return err_set(e, ERR_CONF,
            "peer '%.*s' is no address or prefix such as 10.0.0.0/8 or "
            "2001:db8::/32",
            STR_ARG(name));
    if (scope == IMPEL_SCOPE_BINDING && names_has(name, " \t\r\n:@"))
        return err_set(e, ERR_CONF,
            "binding '%.*s': the name holds no space, ':' or '@'",
            STR_ARG(name));
    if (scope == IMPEL_SCOPE_GROUP && names_has(name, " \t\r\n@"))
        return err_set(e, ERR_CONF,
            "binding_group '%.*s': the name holds no space or '@'",
            STR_ARG(name));
    if (scope & (IMPEL_SCOPE_DOMAIN | IMPEL_SCOPE_HOST) && name.p[0] != '/' &&
        names_has(name, " \t\r\n*?"))
        return err_set(e, ERR_CONF,
            "%s '%.*s': a name is matched as it stands; a pattern is written "
            "as \"/\\.example\\.com$/\"",
            word, STR_ARG(name));
    return 0;
}

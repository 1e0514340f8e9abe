/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/tlsrua.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cidr.h"
#include "base/xmem.h"
#include "base/banned.h"

#define VERSION STR("v=TLSRPTv1")

/* As str_trim(), of WSP alone: a line end is no part of a record. */
static struct str
trim(struct str s)
{
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = str_from(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* What stands behind the version and its semicolon; absent: no such record. */
static struct str
fields_of(struct str txt)
{
    struct str rest;

    if (!str_starts(txt, VERSION))
        return STR_NONE;
    rest = trim(str_from(txt, VERSION.n));
    return rest.n && rest.p[0] == ';' ? str_from(rest, 1) : STR_NONE;
}

static int
hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.1; false: a bad escape, or one of a control character. */
static bool
decode(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++) {
        int c = (unsigned char)s.p[i];

        if (c == '%') {
            int high = i + 2 < s.n ? hex(s.p[i + 1]) : -1;
            int low = high >= 0 ? hex(s.p[i + 2]) : -1;

            if (low < 0)
                return false;
            c = high * 16 + low;
            i += 2;
        }
        if (c <= ' ' || c >= 127)
            return false;
        buf_char(to, (char)c);
    }
    return true;
}

/* The address of "mailto:"; header fields behind it are not asked for
 * (RFC 6068). */
static char *
mail_place(struct str rest)
{
    struct str path = str_cut(&rest, '?');
    struct buf b = BUF_INIT;
    struct address a;
    char *to = NULL;

    if (decode(path, &b) && address_parse(buf_get(&b), 0, &a, NULL) == 0 &&
        a.domain.n)
        to = xdup(b.p);
    buf_fini(&b);
    return to;
}

/* The name of a host, without a user before it: who wrote the record says which
 * server is meant, not how to talk to it. */
static bool
is_authority(struct str s)
{
    size_t colon = str_rchr(s, ':');
    struct cidr ip;

    if (str_chr(s, '@', 0) != SIZE_MAX)
        return false;
    if (s.n && s.p[0] == '[')
        return false; /* an address has no name to be verified by */
    if (colon != SIZE_MAX) {
        for (size_t i = colon + 1; i < s.n; i++)
            if (s.p[i] < '0' || s.p[i] > '9')
                return false;
        if (s.n - colon > 6)
            return false;
        s.n = colon;
    }
    return address_is_domain(s, false) && cidr_parse(s, 0, &ip, NULL) < 0;
}

static char *
https_place(struct str uri)
{
    struct str rest = str_from(uri, 8);
    size_t end = 0;

    for (size_t i = 0; i < uri.n; i++) {
        unsigned char c = (unsigned char)uri.p[i];

        if (c <= ' ' || c >= 127 || strchr("\"<>\\^`{|}#", c))
            return NULL;
    }
    while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
        end++;
    return is_authority(str_sub(rest, 0, end)) ? xdupn(uri.p, uri.n) : NULL;
}

static void
add_place(struct tlsrua *to, struct str uri)
{
    struct tlsrua_place p = {.to = NULL};

    if (to->count == TLSRUA_MOST || uri.n > TLSRUA_URI_MAX)
        return;
    if (str_istarts(uri, STR("mailto:")))
        p.to = mail_place(str_from(uri, 7));
    else if ((p.https = str_istarts(uri, STR("https://"))))
        p.to = https_place(uri);
    if (p.to)
        to->place[to->count++] = p;
}

static int
read_fields(struct str rest, struct tlsrua *to, struct err *e)
{
    struct str list = STR_NONE;

    while (rest.n) {
        struct str value = trim(str_cut(&rest, ';'));
        struct str name = trim(str_cut(&value, '='));

        if (!name.n && !value.p)
            continue; /* the last semicolon, or two in a row */
        if (!value.p)
            return err_set(e, ERR_PROTO, "a field without a value");
        if (!str_eq(name, STR("rua")))
            continue; /* an extension */
        if (list.p)
            return err_set(e, ERR_PROTO, "two fields rua");
        list = trim(value);
    }
    if (!list.p)
        return err_set(e, ERR_PROTO, "no field rua");
    while (list.n)
        add_place(to, trim(str_cut(&list, ',')));
    return to->count ? 0
                     : err_set(e, ERR_PROTO, "rua names no place to send to");
}

int
tlsrua_parse(
    const struct str *txt, size_t count, struct tlsrua *to, struct err *e)
{
    struct str fields = STR_NONE;

    *to = (struct tlsrua){.count = 0};
    for (size_t i = 0; i < count; i++) {
        struct str f = fields_of(txt[i]);

        if (!f.p)
            continue;
        if (fields.p)
            return err_set(e, ERR_NOTFOUND, "more than one record");
        fields = f;
        if (txt[i].n > TLSRUA_TEXT_MAX)
            return err_set(e, ERR_PROTO, "the record is too long");
    }
    if (!fields.p)
        return err_set(e, ERR_NOTFOUND, "no record");
    return read_fields(fields, to, e);
}

void
tlsrua_fini(struct tlsrua *r)
{
    for (size_t i = 0; i < r->count; i++)
        free(r->place[i].to);
    r->count = 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "base/banned.h"

static bool
address_is_alnum(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c >= '0' && c <= '9');
}

/* RFC 5322 3.2.3 */
static bool
address_is_atext(unsigned char c)
{
    return address_is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool
address_has_utf8(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] > 127)
            return true;
    return false;
}

/* NULL, or what is wrong with the label. */
static const char *
address_label_fault(struct str label)
{
    if (!label.n)
        return "domain label is empty";
    /* In UTF-8 a label may be longer than its form in the DNS. */
    if (label.n > 63 && !address_has_utf8(label))
        return "domain label is longer than 63 octets";
    if (label.p[0] == '-' || label.p[label.n - 1] == '-')
        return "domain label begins or ends with a hyphen";
    for (size_t i = 0; i < label.n; i++) {
        unsigned char c = (unsigned char)label.p[i];
        if (!address_is_alnum(c) && c != '-' && c != '_' && c < 128)
            return "character not allowed in a domain";
    }
    return NULL;
}

static const char *
address_domain_fault(struct str s, bool utf8)
{
    if (!s.n)
        return "domain is empty";
    if (s.n > ADDRESS_DOMAIN_MAX)
        return "domain is longer than 255 octets";
    if (address_has_utf8(s) && (!utf8 || !utf8_is_valid(s)))
        return utf8 ? "domain is not valid UTF-8" : "domain is not ASCII";
    while (s.p) {
        const char *fault = address_label_fault(str_cut(&s, '.'));
        if (fault)
            return fault;
    }
    return NULL;
}

bool
address_is_domain(struct str s, bool utf8)
{
    return !address_domain_fault(s, utf8);
}

/* [1.2.3.4] or [IPv6:...], brackets included */
static const char *
address_literal_fault(struct str s)
{
    static const char bad[] = "address literal is malformed";
    unsigned char binary[16];
    char z[64];
    int family = AF_INET;

    if (s.n < 2 || s.p[s.n - 1] != ']')
        return bad;
    s = str_sub(s, 1, s.n - 2);
    if (str_istarts(s, STR("IPv6:"))) {
        family = AF_INET6;
        s = str_from(s, 5);
    }
    if (memchr(s.p, '\0', s.n) || !str_copy(z, sizeof(z), s))
        return bad;
    return inet_pton(family, z, binary) == 1 ? NULL : bad;
}

/* The end of the quoted string that begins s (its length), or 0. */
static size_t
address_quoted(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"')
            return i + 1;
        if (c == '\\')
            c = ++i < s.n ? (unsigned char)s.p[i] : 0;
        if (c < 32 || c == 127) /* RFC 5321: no controls, escaped or not */
            return 0;
    }
    return 0;
}

static const char *
address_dot_string_fault(struct str s)
{
    while (s.p) {
        struct str atom = str_cut(&s, '.');
        if (!atom.n)
            return "dot at the wrong place in the local part";
        for (size_t i = 0; i < atom.n; i++) {
            unsigned char c = (unsigned char)atom.p[i];
            if (!address_is_atext(c) && c < 128)
                return "character not allowed in the local part";
        }
    }
    return NULL;
}

/* Split at the @ that ends the local part, and check that. */
static const char *
address_take_local(struct str *rest, struct str *local, int flags)
{
    bool quoted = rest->n && rest->p[0] == '"';
    size_t n = quoted ? address_quoted(*rest) : str_rchr(*rest, '@');
    const char *fault;

    if (quoted && (!n || (n < rest->n && rest->p[n] != '@')))
        return "quoted local part is malformed";
    if (!(flags & ADDRESS_NO_DOMAIN) && n >= rest->n)
        return "domain is missing";
    *local = str_sub(*rest, 0, n);
    *rest = local->n < rest->n ? str_from(*rest, local->n + 1) : STR_NONE;
    if (!local->n)
        return "local part is empty";
    if (local->n > ADDRESS_LOCAL_MAX)
        return "local part is longer than 64 octets";
    fault = quoted ? NULL : address_dot_string_fault(*local);
    if (!fault && address_has_utf8(*local) &&
        (!(flags & ADDRESS_UTF8) || !utf8_is_valid(*local)))
        fault = flags & ADDRESS_UTF8 ? "local part is not valid UTF-8"
                                     : "local part is not ASCII";
    return fault;
}

/* RFC 5321 4.1.1.3: @a,@b: is accepted and ignored. */
static const char *
address_skip_route(struct str *s, int flags)
{
    struct str route;

    if (!s->n || s->p[0] != '@')
        return NULL;
    if (str_chr(*s, ':', 0) == SIZE_MAX)
        return "local part is empty";
    route = str_cut(s, ':');
    while (route.p) {
        struct str hop = str_cut(&route, ',');
        if (!hop.n || hop.p[0] != '@' ||
            !address_is_domain(str_from(hop, 1), flags & ADDRESS_UTF8))
            return "source route is malformed";
    }
    return NULL;
}

static const char *
address_fault(struct str text, int flags, struct address *to)
{
    const char *fault;

    if (!text.n)
        return NULL;
    fault = address_skip_route(&text, flags);
    if (!fault)
        fault = address_take_local(&text, &to->local, flags);
    to->utf8 = address_has_utf8(to->local) || address_has_utf8(text);
    if (fault || !text.p)
        return fault;
    to->domain = text;
    to->literal = text.n && text.p[0] == '[';
    return to->literal ? address_literal_fault(text)
                       : address_domain_fault(text, flags & ADDRESS_UTF8);
}

int
address_parse(struct str text, int flags, struct address *to, struct err *e)
{
    const char *fault;

    *to = (struct address){.local = STR_NONE};
    fault = address_fault(text, flags, to);
    if (fault)
        return err_set(e, ERR_INVAL, "%s", fault);
    return 0;
}

static int
address_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int
address_xtext_decode(struct str s, struct buf *to)
{
    size_t was = to->n;

    for (size_t i = 0; i < s.n; i++) {
        int high, low;
        char c = s.p[i];
        if (c == '+') {
            high = i + 2 < s.n ? address_hex(s.p[i + 1]) : -1;
            low = high >= 0 ? address_hex(s.p[i + 2]) : -1;
            if (low < 0)
                goto bad;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c < '!' || c > '~' || c == '=') {
            goto bad;
        }
        buf_char(to, c);
    }
    return 0;
bad:
    buf_cut(to, was);
    return ERR_INVAL;
}

void
address_xtext_encode(struct str s, struct buf *to)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < '!' || c > '~' || c == '+' || c == '=')
            buf_printf(to, "+%02X", c);
        else
            buf_char(to, (char)c);
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server_xclient.c - XCLIENT from a peer that speaks for another client.
 *
 * It is offered to trusted peers alone.  All attributes are looked at before
 * the first takes effect.
 */
#include "server.h"

#include <string.h>

#include "capability.h"

enum { VALUE_MAX = 255 };

struct value {
    bool said;
    size_t n; /* 0: unavailable */
    char text[VALUE_MAX];
};
enum { NAME, ADDR, PORT, PROTO, HELO, LOGIN, DESTADDR, DESTPORT, ATTRIBUTES };

static int
hex(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* xtext (RFC 3461 4) that hides no control character.  A name may be in UTF-8:
 * what EHLO takes must not be refused here. */
static bool
decode(struct impel_str from, struct value *v)
{
    size_t i;

    v->n = 0;
    for (i = 0; i < from.n; i++) {
        int c = (unsigned char)from.p[i];

        if (c == '+') {
            if (from.n - i < 3 || hex(from.p[i + 1]) < 0 ||
                hex(from.p[i + 2]) < 0)
                return false;
            c = hex(from.p[i + 1]) * 16 + hex(from.p[i + 2]);
            i += 2;
        }
        if (c < ' ' || c == 127 || v->n == VALUE_MAX)
            return false;
        v->text[v->n++] = (char)c;
    }
    return v->n > 0;
}

static bool
attribute(struct value *all, struct impel_str word)
{
    static const char *const names[ATTRIBUTES] = {"NAME", "ADDR", "PORT",
        "PROTO", "HELO", "LOGIN", "DESTADDR", "DESTPORT"};
    const char *eq = memchr(word.p, '=', word.n);
    struct impel_str key, value;
    size_t i = 0;

    if (!eq)
        return false;
    key = (struct impel_str){word.p, (size_t)(eq - word.p)};
    value = (struct impel_str){eq + 1, word.n - key.n - 1};
    while (i < ATTRIBUTES && !line_same(key, names[i]))
        i++;
    if (i == ATTRIBUTES || all[i].said)
        return false;
    all[i].said = true;
    if (line_same(value, "[UNAVAILABLE]") || line_same(value, "[TEMPUNAVAIL]"))
        return true;
    return decode(value, &all[i]) &&
        (i == LOGIN || !memchr(all[i].text, ' ', all[i].n));
}

/* Absent if it was not said, empty if it is not known. */
static struct impel_str
text_of(const struct value *v)
{
    if (!v->said)
        return (struct impel_str){NULL, 0};
    return (struct impel_str){v->text, v->n};
}

/* An address without brackets and prefix length; one of IPv6 may, as Postfix
 * writes it, have "IPV6:" before it.  The host looks at what is left. */
static bool
address(const struct value *v, struct impel_str *to)
{
    bool six;

    *to = text_of(v);
    six = to->n > 5 && line_same((struct impel_str){to->p, 5}, "IPV6:");
    if (six) {
        to->p += 5;
        to->n -= 5;
    }
    if (to->n == 0)
        return true;
    return to->p[0] != '[' && !memchr(to->p, '/', to->n) &&
        (!six || memchr(to->p, ':', to->n));
}

/* The port to go on with: with another address it is the one that was said of
 * clients, if ever, and never that of who has connected. */
static bool
port(const struct value *v, bool moved, bool was_said, uint16_t *to)
{
    uint64_t n = 0;

    if (v->n > 0 && !verb_number(text_of(v), 65535, &n))
        return false;
    if (v->said || (moved && !was_said))
        *to = (uint16_t)n;
    return true;
}

/* What the words stand for; false: one stands for nothing. */
static bool
understand(
    const struct server *s, const struct value *all, struct impel_peer *p)
{
    struct impel_str proto = text_of(&all[PROTO]);

    p->port = s->named.port;
    p->local_port = s->named.local_port;
    p->host = text_of(&all[NAME]);
    p->helo = text_of(&all[HELO]);
    p->login = text_of(&all[LOGIN]);
    return address(&all[ADDR], &p->addr) &&
        port(&all[PORT], all[ADDR].said, s->named.port_said, &p->port) &&
        address(&all[DESTADDR], &p->local) &&
        port(&all[DESTPORT], all[DESTADDR].said, s->named.local_port_said,
            &p->local_port) &&
        (proto.n == 0 || line_same(proto, "SMTP") || line_same(proto, "ESMTP"));
}

static void
keep(struct server *s, const struct value *all, const struct impel_peer *p)
{
    struct named *to = &s->named;

    to->port = p->port;
    to->port_said |= all[PORT].said;
    to->local_port = p->local_port;
    to->local_port_said |= all[DESTPORT].said;
    if (all[PROTO].said)
        to->proto = all[PROTO].n == 0 ? NULL
            : all[PROTO].n == 4       ? "smtp"
                                      : "esmtp";
}

static void
take(struct server *s, const struct value *all)
{
    struct impel_peer p = {.size = sizeof(p)};

    if (!understand(s, all, &p)) {
        server_error(s, "501 5.5.4 bad XCLIENT attribute value");
        return;
    }
    switch (s->host->intake->set_peer(s->session, &p)) {
    case 0:
        keep(s, all, &p);
        server_restart(s);
        break;
    case IMPEL_E_AGAIN:
        keep(s, all, &p);
        server_await(s, WAIT_CLIENT);
        break;
    case IMPEL_E_UNSUP: /* no longer */
        s->named.offered = false;
        s->offered &= ~(uint32_t)CAPABILITY_XCLIENT;
        server_error(s, "550 5.7.0 you may not say XCLIENT");
        break;
    case IMPEL_E_CLOSED:
        server_error(s, "503 5.5.1 a message is open");
        break;
    default:
        server_error(s, "501 5.5.4 bad XCLIENT address");
        break;
    }
}

void
command_xclient(struct server *s, struct impel_str args)
{
    struct value all[ATTRIBUTES] = {0};
    struct impel_str word;

    if (s->mail) {
        server_error(s, "503 5.5.1 a message is open");
        return;
    }
    verb_cut_blanks(&args);
    if (args.n == 0) {
        server_error(s, "501 5.5.4 syntax is XCLIENT attribute=value");
        return;
    }
    while (args.n > 0) {
        const char *end = memchr(args.p, ' ', args.n);

        word =
            (struct impel_str){args.p, end ? (size_t)(end - args.p) : args.n};
        args.p += word.n;
        args.n -= word.n;
        while (args.n > 0 && *args.p == ' ') {
            args.p++;
            args.n--;
        }
        if (!attribute(all, word)) {
            server_error(s, "501 5.5.4 bad XCLIENT attribute");
            return;
        }
    }
    take(s, all);
}

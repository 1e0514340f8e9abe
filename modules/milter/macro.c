/* SPDX-License-Identifier: Apache-2.0
 *
 * macro.c - macros by name.
 */
#include "macro.h"

#include <stdio.h>
#include <string.h>

struct value {
    struct impel_str s; /* absent: it has none */
    char text[400];
};

static void
set(struct value *v, struct impel_str s)
{
    v->s = s.n ? s : (struct impel_str){NULL, 0};
}

static void
set_word(struct value *v, const char *z)
{
    v->s = (struct impel_str){z, strlen(z)};
}

static void
set_number(struct value *v, unsigned long n)
{
    snprintf(v->text, sizeof(v->text), "%lu", n);
    set_word(v, v->text);
}

/* What stands behind the "@". */
static void
set_domain(struct value *v, struct impel_str address)
{
    const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

    if (at)
        set(v,
            (struct impel_str){
                at + 1, address.n - (size_t)(at + 1 - address.p)});
}

static void
set_client(struct value *v, const struct impel_peer *p)
{
    if (!p->addr.n)
        return;
    snprintf(v->text, sizeof(v->text), "[%.*s]",
        (int)(p->addr.n < 300 ? p->addr.n : 300), p->addr.p);
    set_word(v, v->text);
}

/* Logins that a proxy tells of are XCLIENT's, as with Postfix. */
static void
set_login(struct value *v, const struct impel_step *t)
{
    if (t->client->login.n && !t->mechanism.n)
        set_word(v, "XCLIENT");
    else
        set(v, t->mechanism);
}

static bool
is(struct impel_str name, const char *word)
{
    return name.n == strlen(word) && memcmp(name.p, word, name.n) == 0;
}

static bool
of_client(const struct macro_source *m, struct impel_str name, struct value *v)
{
    const struct impel_peer *p = m->step->client;

    if (!p)
        return false;
    if (is(name, "client_addr"))
        set(v, p->addr);
    else if (is(name, "client_name") || is(name, "_") ||
        is(name, "client_resolve"))
        set_client(v, p);
    else if (is(name, "client_port"))
        set_number(v, p->port);
    else if (is(name, "if_addr") || is(name, "daemon_addr"))
        set(v, p->local);
    else if (is(name, "daemon_port"))
        set_number(v, p->local_port);
    else if (is(name, "s"))
        set(v, p->helo);
    else if (is(name, "auth_authen"))
        set(v, p->login);
    else if (is(name, "auth_type"))
        set_login(v, m->step);
    else
        return false;
    return true;
}

static bool
of_message(const struct macro_source *m, struct impel_str name, struct value *v)
{
    const struct impel_step *t = m->step;

    if (is(name, "i")) {
        set(v, t->id);
    } else if (is(name, "mail_addr") && t->sender) {
        set(v, t->sender->address);
    } else if (is(name, "mail_host") && t->sender) {
        set_domain(v, t->sender->address);
    } else if (is(name, "auth_author") && t->sender) {
        set(v, t->sender->auth);
    } else if (is(name, "rcpt_addr") && t->rcpt) {
        set(v, t->rcpt->address);
    } else if (is(name, "rcpt_host") && t->rcpt) {
        set_domain(v, t->rcpt->address);
    } else if ((is(name, "mail_mailer") && t->sender) ||
        (is(name, "rcpt_mailer") && t->rcpt)) {
        set_word(v, "smtp");
    } else if (is(name, "r")) {
        set(v, t->proto);
    } else {
        return false;
    }
    return true;
}

/* The strength that the name of a cipher tells. */
static void
set_bits(struct value *v, struct impel_str cipher)
{
    if (!cipher.n)
        return;
    if (memmem(cipher.p, cipher.n, "256", 3) ||
        memmem(cipher.p, cipher.n, "CHACHA20", 8))
        set_word(v, "256");
    else if (memmem(cipher.p, cipher.n, "128", 3))
        set_word(v, "128");
}

static void
of_host(const struct macro_source *m, struct impel_str name, struct value *v)
{
    const struct impel_host *h = m->module->host;
    struct impel_str own = h->info(m->session, IMPEL_INFO_EHLO_NAME);

    if (is(name, "j")) {
        set(v, own);
    } else if (is(name, "daemon_name")) {
        set(v,
            h->opt_is_set(m->scope, ROW_DAEMON_NAME)
                ? h->opt_str(m->scope, ROW_DAEMON_NAME, 0)
                : own);
    } else if (is(name, "v")) {
        set_word(v, "Impel");
    } else if (is(name, "tls_version")) {
        set(v, m->step->tls_version);
    } else if (is(name, "cipher")) {
        set(v, m->step->tls_cipher);
    } else if (is(name, "cipher_bits")) {
        set_bits(v, m->step->tls_cipher);
    } else if (is(name, "cert_subject")) {
        set(v, m->step->tls_peer);
    } else if (is(name, "cert_issuer")) {
        set(v, m->step->tls_issuer);
    }
}

/* "{name}" or "name" without its braces. */
static struct impel_str
plain(struct impel_str s)
{
    if (s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}')
        return (struct impel_str){s.p + 1, s.n - 2};
    return s;
}

/* One name and its value, if it has one; the packet is begun with the first. */
static void
put_one(struct packet_out *o, const struct macro_source *m, int command,
    struct impel_str name, bool *begun)
{
    struct value v = {.s = {NULL, 0}};

    name = plain(name);
    if (!name.n)
        return;
    if (!of_client(m, name, &v) && !of_message(m, name, &v))
        of_host(m, name, &v);
    if (!v.s.p || memchr(v.s.p, '\0', v.s.n))
        return;
    if (!*begun) {
        packet_begin(o, SEND_MACRO);
        packet_byte(o, command);
    }
    *begun = true;
    if (name.n == 1) {
        packet_text(o, name);
    } else {
        packet_byte(o, '{');
        packet_bytes(o, name.p, name.n);
        packet_word(o, "}");
    }
    packet_text(o, v.s);
}

static void
put_asked(struct packet_out *o, const struct macro_source *m, int command,
    struct impel_str asked, bool *begun)
{
    size_t at = 0, end;

    while (at < asked.n) {
        for (end = at; end < asked.n && !strchr(" ,\t", asked.p[end]); end++)
            ;
        put_one(
            o, m, command, (struct impel_str){asked.p + at, end - at}, begun);
        at = end + 1;
    }
}

void
macro_put(struct packet_out *o, const struct macro_source *m, int stage,
    int command, struct impel_str asked)
{
    const struct impel_host *h = m->module->host;
    uint32_t row = ROW_CONNECT_MACROS + (uint32_t)stage;
    size_t n = h->opt_count(m->scope, row);
    bool begun = false;

    if (asked.p) {
        put_asked(o, m, command, asked, &begun);
    } else {
        for (size_t i = 0; i < n; i++)
            put_asked(
                o, m, command, h->opt_str(m->scope, row, (uint32_t)i), &begun);
    }
    if (begun)
        packet_end(o);
}

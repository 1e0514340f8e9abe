/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_args.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/num.h"
#include "base/xmem.h"
#include "base/banned.h"

static const struct row {
    const char *name, *arg; /* arg NULL: a switch */
    const char *brief;
} rows[] = {
    {"to", "HOST[:PORT]|unix:PATH",
        "the server; 127.0.0.1 and port 1825 if it is left out"},
    {"sender", "ADDRESS",
        "of all messages; '<>' for none; else that of Sender or From"},
    {"recipient", "ADDRESS", "of all messages; may be given several times"},
    {"read-recipients", NULL,
        "those in To, Cc and Bcc of each message; Bcc is taken out"},
    {"list", "FILE",
        "one message for each line of a list: addresses, or CSV with a first "
        "line that names columns: recipient, sender, binding, file; others "
        "are metadata"},
    {"binding", "NAME", "a binding or group of a server that trusts us"},
    {"meta", "KEY=VALUE",
        "a context value of each message; may be given several times"},
    {"mbox", "auto|mboxrd|mboxo|no",
        "how files are read that begin as an mbox (auto: as mboxrd); mboxrd "
        "and mboxo: all are"},
    {"smtputf8", NULL, "headers are UTF-8 (RFC 6532)"},
    {"tls", NULL, "TLS, with the server's certificate verified"},
    {"tls-ca", "FILE", "authorities instead of the system's"},
    {"tls-name", "NAME", "the name in the certificate, if it is not HOST"},
    {"tls-certificate", "FILE", "a certificate of this client"},
    {"tls-key", "FILE", "its key, if it is not in that file"},
    {"tls-unverified", NULL, "TLS with whoever answers"},
    {"connections", "N", "so many connections, 1 to 64 (1)"},
    {"rate", "N", "no more messages per second than that"},
    {"timeout", "TIME",
        "how long a server is waited for (1m once it has answered, else not)"},
    {"journal", "FILE",
        "what was answered is kept there: the same command goes on where it "
        "ended, nothing is lost and nothing comes twice"},
    {"failures", "FILE",
        "recipients that were not accepted: source, address, code, status, "
        "words, with tabs between them"},
    {"quiet", NULL, "no progress and no summary"},
    {"json", NULL, "the summary as JSON"},
    {"help", NULL, "this list"},
};

/* Where the row stands is its number for getopt. */
static size_t
row_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (str_eq(str_of(rows[i].name), str_of(name)))
            return i;
    return ARRAY_SIZE(rows);
}

void
inject_args_print(bool man, struct buf *to)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        if (!man) {
            buf_printf(to, "  --%s%s%s\n        %s\n", r->name,
                r->arg ? " " : "", r->arg ? r->arg : "", r->brief);
            continue;
        }
        buf_cstr(to, ".TP\n.B \\-\\-");
        for (const char *p = r->name; *p; p++)
            buf_printf(to, *p == '-' ? "\\-" : "%c", *p);
        buf_printf(to, "%s%s\n%c%s.\n", r->arg ? " \\fI" : "",
            r->arg ? r->arg : "",
            r->brief[0] >= 'a' && r->brief[0] <= 'z' ? r->brief[0] & ~0x20
                                                     : r->brief[0],
            r->brief + 1);
    }
}

/* --- values --- */

int
inject_args_host(
    const char *value, char to[INJECT_HOST], uint16_t *to_port, struct err *e)
{
    struct str s = str_of(value), host = s, port = STR_NONE;
    uint64_t n = 0;
    if (str_starts(s, STR("unix:")) || str_starts(s, STR("/"))) {
        host = str_starts(s, STR("/")) ? s : str_from(s, 5);
        if (!str_starts(host, STR("/")))
            return err_set(e, ERR_INVAL, "a Unix socket has a whole path");
    } else if (str_starts(s, STR("["))) {
        size_t end = str_chr(s, ']', 0);
        if (end == SIZE_MAX)
            return err_set(e, ERR_INVAL, "%s: ] is missing", value);
        host = str_sub(s, 1, end - 1);
        port = str_from(s, end + 1);
    } else if (str_rchr(s, ':') != SIZE_MAX &&
        str_chr(s, ':', 0) == str_rchr(s, ':')) {
        host = str_sub(s, 0, str_rchr(s, ':'));
        port = str_from(s, str_rchr(s, ':'));
    }
    if (port.n &&
        (port.p[0] != ':' || num_u64(str_from(port, 1), &n) < 0 || n < 1 ||
            n > 65535))
        return err_set(e, ERR_INVAL, "%s: that is no port", value);
    *to_port = (uint16_t)n;
    if (!host.n || !str_copy(to, INJECT_HOST, host))
        return err_set(e, ERR_INVAL, "%s: that is no host", value);
    return 0;
}

static int
set_host(struct inject_args *o, const char *value, struct err *e)
{
    return inject_args_host(value, o->host, &o->port, e);
}

static int
check_address(const char *value, struct err *e)
{
    struct address a;
    if (address_parse(str_of(value), ADDRESS_UTF8, &a, e) < 0)
        return err_prefix(e, "%s", value);
    return 0;
}

static int
set_sender(struct inject_args *o, const char *value, struct err *e)
{
    o->sender = str_eq(str_of(value), STR("<>")) ? "" : value;
    return check_address(o->sender, e);
}

static int
add_recipient(struct inject_args *o, const char *value, struct err *e)
{
    if (!value[0])
        return err_set(e, ERR_INVAL, "a recipient is empty");
    if (check_address(value, e) < 0)
        return e->code;
    inject_address_add(&o->recipients, str_of(value));
    return 0;
}

static int
add_pair(
    struct inject_args *o, struct str key, const char *value, struct err *e)
{
    if (o->pair_count == INJECT_PAIRS)
        return err_set(e, ERR_LIMIT, "more than %d pairs", INJECT_PAIRS);
    if (!key.n)
        return err_set(e, ERR_INVAL, "a pair is KEY=VALUE");
    char *copy = xdupn(key.p, key.n);
    o->texts[o->pair_count] = copy;
    o->pairs[o->pair_count++] = (struct ecstream_pair){copy, value};
    return 0;
}

static int
add_meta(struct inject_args *o, const char *value, struct err *e)
{
    size_t at = str_chr(str_of(value), '=', 0);
    if (at == SIZE_MAX)
        return err_set(e, ERR_INVAL, "a pair is KEY=VALUE");
    return add_pair(o, str_make(value, at), value + at + 1, e);
}

static int
set_mbox(struct inject_args *o, const char *value, struct err *e)
{
    struct str s = str_of(value);
    o->quoting =
        str_eq(s, STR("mboxo")) ? INJECT_QUOTING_MBOXO : INJECT_QUOTING_MBOXRD;
    if (str_eq(s, STR("auto")))
        o->mbox = INJECT_MBOX_AUTO;
    else if (str_eq(s, STR("no")))
        o->mbox = INJECT_MBOX_NEVER;
    else if (str_eq(s, STR("mboxo")) || str_eq(s, STR("mboxrd")))
        o->mbox = INJECT_MBOX_ALWAYS;
    else
        return err_set(e, ERR_INVAL, "%s: no such kind of mbox", value);
    return 0;
}

static int
set_connections(struct inject_args *o, const char *value, struct err *e)
{
    uint64_t n;
    if (num_u64(str_of(value), &n) < 0 || n < 1 || n > INJECT_CONNECTIONS)
        return err_set(
            e, ERR_INVAL, "connections are 1 to %d", INJECT_CONNECTIONS);
    o->connections = (unsigned)n;
    return 0;
}

static int
set_rate(struct inject_args *o, const char *value, struct err *e)
{
    if (num_double(str_of(value), &o->rate) < 0 || o->rate < 0.001 ||
        o->rate > 1e9)
        return err_set(e, ERR_INVAL, "%s: that is no rate", value);
    return 0;
}

static int
set_timeout(struct inject_args *o, const char *value, struct err *e)
{
    int64_t ms;
    if (num_duration(str_of(value), &ms) < 0 || ms < 0 || ms > 1000000000)
        return err_set(e, ERR_INVAL, "%s: that is no time", value);
    o->give_up_ms = ms ? (int)ms : 1;
    return 0;
}

static int
set_switch(struct inject_args *o, struct str name)
{
    bool *to = str_eq(name, STR("read-recipients")) ? &o->read_recipients
        : str_eq(name, STR("smtputf8"))             ? &o->utf8
        : str_eq(name, STR("quiet"))                ? &o->quiet
        : str_eq(name, STR("json"))                 ? &o->json
                                                    : &o->help;
    if (str_eq(name, STR("tls")))
        o->tls = o->tls ? o->tls : ECSTREAM_TLS_VERIFIED;
    else if (str_eq(name, STR("tls-unverified")))
        o->tls = ECSTREAM_TLS_UNVERIFIED;
    else
        *to = true;
    return 0;
}

static int
set_path(struct inject_args *o, struct str name, const char *value)
{
    static const char *const names[] = {"list", "journal", "failures", "tls-ca",
        "tls-name", "tls-certificate", "tls-key"};
    const char **to[] = {&o->list, &o->journal, &o->failures, &o->tls_ca,
        &o->tls_name, &o->tls_certificate, &o->tls_key};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(name, str_of(names[i])))
            *to[i] = value;
    if (str_starts(name, STR("tls")) && !o->tls)
        o->tls = ECSTREAM_TLS_VERIFIED;
    return 0;
}

static int
set(struct inject_args *o, size_t row, const char *value, struct err *e)
{
    static const struct {
        const char *name;
        int (*set)(struct inject_args *o, const char *value, struct err *e);
    } setters[] = {
        {"to", set_host},
        {"sender", set_sender},
        {"recipient", add_recipient},
        {"meta", add_meta},
        {"mbox", set_mbox},
        {"connections", set_connections},
        {"rate", set_rate},
        {"timeout", set_timeout},
    };
    struct str name = str_of(rows[row].name);
    if (!rows[row].arg)
        return set_switch(o, name);
    if (str_eq(name, STR("binding")))
        return add_pair(o, name, value, e);
    for (size_t i = 0; i < ARRAY_SIZE(setters); i++)
        if (str_eq(name, str_of(setters[i].name)))
            return setters[i].set(o, value, e);
    return set_path(o, name, value);
}

/* --- all of them --- */

static int
check(const struct inject_args *o, struct err *e)
{
    bool many = o->recipients.count > 0 || o->read_recipients;
    if (o->help)
        return 0;
    if (!many && !o->list)
        return err_set(e, ERR_INVAL,
            "who gets it? --recipient, --read-recipients or --list");
    if (many && o->list)
        return err_set(e, ERR_INVAL, "--list has the recipients");
    if (o->recipients.count && o->read_recipients)
        return err_set(
            e, ERR_INVAL, "--recipient, or those of the header: not both");
    if (o->list && o->path_count > 1)
        return err_set(e, ERR_INVAL, "--list takes one message");
    if (o->list && str_eq(str_of(o->list), STR("-")) && o->path_count &&
        str_eq(str_of(o->paths[0]), STR("-")))
        return err_set(e, ERR_INVAL, "the standard input is one of the two");
    if (!o->list && !o->path_count)
        return err_set(
            e, ERR_INVAL, "what is sent? FILE, MAILDIR, MBOX, or - for stdin");
    return 0;
}

int
inject_args_parse(int argc, char **argv, struct inject_args *o, struct err *e)
{
    struct option longs[ARRAY_SIZE(rows) + 1] = {0};
    int c, row;
    *o = (struct inject_args){
        .connections = 1, .quoting = INJECT_QUOTING_MBOXRD};
    (void)str_copy(o->host, sizeof(o->host), STR("127.0.0.1"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        longs[i] = (struct option){rows[i].name,
            rows[i].arg ? required_argument : no_argument, NULL, 0};
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "hq", longs, &row)) != -1) {
        if (c == 'h' || c == 'q')
            row = (int)row_of(c == 'h' ? "help" : "quiet");
        else if (c != 0)
            return err_set(e, ERR_INVAL,
                "%s: no such option, or its value "
                "is missing",
                argv[optind - 1]);
        if (set(o, (size_t)row, optarg, e) < 0)
            return err_prefix(e, "--%s", rows[row].name);
    }
    o->paths = argv + optind;
    o->path_count = (size_t)(argc - optind);
    return check(o, e);
}

void
inject_args_fini(struct inject_args *o)
{
    for (size_t i = 0; i < o->pair_count; i++)
        free(o->texts[i]);
    inject_address_fini(&o->recipients);
}

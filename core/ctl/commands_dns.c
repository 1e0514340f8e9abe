/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_dns.c - dig, dns_cache: what DNS says, and what is kept of it.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "net/dns.h"
#include "route/route_options.h"
#include "base/banned.h"

enum { LIST_MOST = 10000, LIST_USUAL = 100, DIG_TYPES = 3, NAME_MOST = 1020 };

static void
print_hex(struct str bytes, struct buf *to)
{
    for (size_t i = 0; i < bytes.n; i++)
        buf_printf(to, "%02x", (unsigned)(unsigned char)bytes.p[i]);
}

/* What a peer's DNS says may be any octets. */
static void
print_text(struct str s, struct buf *to)
{
    buf_char(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            buf_printf(to, "\\%03u", (unsigned)c);
        else
            buf_char(to, (char)c);
    }
    buf_char(to, '"');
}

static void
print_record(enum dns_type t, const struct dns_record *r, struct buf *to)
{
    switch (t) {
    case DNS_A:
    case DNS_AAAA:
        cidr_print(&r->ip, to);
        break;
    case DNS_MX:
        buf_printf(to, "%u %.*s", (unsigned)r->preference,
            STR_ARG(r->name.n ? r->name : STR(".")));
        break;
    case DNS_CNAME:
    case DNS_PTR:
        buf_str(to, r->name);
        break;
    case DNS_TXT:
        print_text(r->bytes, to);
        break;
    case DNS_TLSA:
        print_hex(r->bytes, to);
        break;
    }
}

/* An answer as lines, or as an object in rows. */
static void
print_answer(
    const struct dns_kept *k, const char *from, json_t *rows, struct buf *to)
{
    const struct dns_answer *a = &k->answer;
    json_t *records = rows ? json_array() : NULL;

    if (!rows)
        buf_printf(to, "%.*s %s: %s, TTL %u s, %s%s\n", STR_ARG(k->name),
            dns_type_name(k->type), dns_status_name(a->status),
            (unsigned)a->ttl, from, a->authenticated ? ", authenticated" : "");
    for (size_t i = 0; i < a->count; i++) {
        struct buf one = BUF_INIT;

        print_record(k->type, &a->record[i], &one);
        if (rows)
            json_array_append_new(records,
                json_pack("{s:o,s:I}", "value", jsontext_value(buf_get(&one)),
                    "ttl", (json_int_t)a->record[i].ttl));
        else
            buf_printf(to, "  %.*s\n", STR_ARG(buf_get(&one)));
        buf_fini(&one);
    }
    if (rows)
        json_array_append_new(rows,
            json_pack("{s:o,s:s,s:s,s:I,s:b,s:s,s:o}", "name",
                jsontext_value(k->name), "type", dns_type_name(k->type),
                "status", dns_status_name(a->status), "ttl", (json_int_t)a->ttl,
                "authenticated", (int)a->authenticated, "from", from, "records",
                records));
}

/* --- dns_cache --- */

struct listing {
    json_t *rows;
    struct buf out;
    uint64_t left, count;
};

static bool
list_one(void *arg, const struct dns_kept *k)
{
    struct listing *l = arg;

    print_answer(k, "from the cache", l->rows, &l->out);
    l->count++;
    return --l->left > 0;
}

static void
list_answers(struct command_call *c, struct str name, uint64_t most)
{
    struct listing l = {.rows = c->json ? json_array() : NULL, .left = most};

    if (most)
        dns_each(c->on->dns, name, list_one, &l);
    if (l.rows)
        jsontext_take(&l.out, json_pack("{s:o}", "answers", l.rows));
    if (!l.rows && !l.count)
        commands_say(c, "nothing of it is in the cache");
    else
        commands_take(c, &l.out);
    buf_fini(&l.out);
}

void
command_dns_cache_list(struct command_call *c, size_t at)
{
    uint64_t most = LIST_USUAL;

    if (!commands_args(c, at, 0, 1))
        return;
    if (at < c->word_count && !commands_number(c, c->words[at], &most))
        return;
    list_answers(c, STR_NONE, MIN_OF(most, (uint64_t)LIST_MOST));
}

void
command_dns_cache_show(struct command_call *c, size_t at)
{
    if (commands_args(c, at, 1, 1))
        list_answers(c, c->words[at], LIST_MOST);
}

void
command_dns_cache_flush(struct command_call *c, size_t at)
{
    struct dns_stats st;

    if (!commands_args(c, at, 1, 1))
        return;
    if (commands_all(c->words[at]).p) {
        dns_forget(c->on->dns, c->words[at]);
        commands_say(c, "%.*s is forgotten", STR_ARG(c->words[at]));
        return;
    }
    dns_get_stats(c->on->dns, &st);
    dns_flush(c->on->dns);
    commands_say(
        c, "%llu answers are forgotten", (unsigned long long)st.cache_count);
}

/* --- dig --- */

struct dig {
    struct command_call *call;
    json_t *rows; /* or NULL */
    struct buf out;
    enum dns_type types[DIG_TYPES];
    size_t count, next;
    bool kept; /* the one that is asked now was in the cache */
    size_t name_n;
    char name[];
};

static void dig_next(struct dig *g);

static void
dig_answered(void *arg, const struct dns_answer *a)
{
    struct dig *g = arg;
    struct dns_kept k = {.name = str_make(g->name, g->name_n),
        .type = g->types[g->next++],
        .answer = *a};

    print_answer(
        &k, g->kept ? "from the cache" : "asked now", g->rows, &g->out);
    dig_next(g);
}

static void
dig_end(struct dig *g)
{
    if (g->rows)
        jsontext_take(&g->out, json_pack("{s:o}", "answers", g->rows));
    commands_take(g->call, &g->out);
    buf_fini(&g->out);
    free(g);
}

static void
dig_next(struct dig *g)
{
    struct dns *dns = g->call->on->dns;
    struct str name = str_make(g->name, g->name_n);

    if (g->next == g->count) {
        dig_end(g);
        return;
    }
    g->kept = dns_is_kept(dns, name, g->types[g->next]);
    (void)dns_ask(dns, name, g->types[g->next], dig_answered, g);
}

/* Without a type what delivery would ask: AAAA only if use_ipv6 says so. */
static void
dig_types(struct dig *g)
{
    const struct scope *s = generation_global(g->call->on->generation);

    g->types[g->count++] = DNS_MX;
    g->types[g->count++] = DNS_A;
    if (scope_int(s, OPT(route_options, ROUTE_USE_IPV6)))
        g->types[g->count++] = DNS_AAAA;
}

void
command_dig(struct command_call *c, size_t at)
{
    enum dns_type type = DNS_MX;
    struct str name;
    struct dig *g;

    if (!commands_args(c, at, 1, 2))
        return;
    name = c->words[at];
    if (at + 1 < c->word_count)
        type = dns_type_find(c->words[at + 1]);
    if (!type || !name.n || name.n > NAME_MOST) {
        commands_usage(c, at);
        return;
    }
    g = xcalloc(1, sizeof(*g) + name.n);
    g->call = c;
    g->rows = c->json ? json_array() : NULL;
    g->name_n = name.n;
    memcpy(g->name, name.p, name.n);
    if (at + 1 < c->word_count)
        g->types[g->count++] = type;
    else
        dig_types(g);
    dig_next(g);
}

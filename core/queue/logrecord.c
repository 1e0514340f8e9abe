/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/logrecord.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/banned.h"

enum { STAGE_REPORTED = 21 }; /* of no connection of ours */

void
logrecord_time(struct buf *to, int64_t wall, bool hires)
{
    if (hires)
        buf_printf(to, "%016lld", (long long)wall * 1000);
    else
        num_print(to, (uint64_t)MAX_OF(wall, 0) / 1000);
}

void
logrecord_field(struct buf *to, struct str s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c != '@' && c != '\\' && c >= ' ' && c != 127)
            continue;
        buf_add(to, s.p + from, i - from);
        if (c == '\\')
            buf_cstr(to, "\\\\");
        else
            buf_printf(to, "\\x%02x", c);
        from = i + 1;
    }
    if (s.n)
        buf_add(to, s.p + from, s.n - from);
}

static void
logrecord_next(struct buf *to, struct str s)
{
    buf_char(to, '@');
    logrecord_field(to, s);
}

static void
logrecord_number(struct buf *to, uint64_t n)
{
    buf_char(to, '@');
    num_print(to, n);
}

static void
logrecord_id(struct buf *to, uint64_t id)
{
    char text[MESSAGE_ID_SIZE];

    buf_char(to, '@');
    if (!id)
        return;
    message_id_print(id, text);
    buf_cstr(to, text);
}

/* time@message@batch@connection@type */
static void
logrecord_begin(
    struct buf *to, bool hires, uint64_t id, uint32_t rcpt, uint64_t connection)
{
    logrecord_time(to, clock_wall(), hires);
    logrecord_id(to, id + rcpt);
    logrecord_id(to, id);
    logrecord_id(to, connection);
}

/* local part and domain as two fields */
static void
logrecord_address(struct buf *to, struct str address)
{
    size_t at = str_rchr(address, '@');

    if (at == SIZE_MAX)
        at = address.n;
    logrecord_next(to, str_sub(address, 0, at));
    logrecord_next(to, str_from(address, MIN_OF(at + 1, address.n)));
}

struct str
logrecord_tls(const struct message *m)
{
    for (size_t i = 0; i < m->env.meta_count; i++)
        if (str_eq(m->env.meta[i].key, STR("tls")))
            return m->env.meta[i].value;
    return STR_NONE;
}

void
logrecord_reception(struct buf *to, bool hires, const struct message *m,
    uint32_t rcpt, uint64_t size, struct str group, struct str binding)
{
    struct str peer = m->env.peer_addr;

    logrecord_begin(to, hires, m->id, rcpt, m->env.connection);
    buf_cstr(to, "@R");
    logrecord_address(to, m->env.rcpt[rcpt].address);
    logrecord_address(to, m->env.sender);
    logrecord_next(to, peer.n ? peer : STR("unknown"));
    logrecord_number(to, size);
    logrecord_next(to, m->env.protocol);
    logrecord_next(to, group);
    logrecord_next(to, binding);
    if (logrecord_tls(m).n)
        logrecord_next(to, logrecord_tls(m));
}

/* ms >= 0. */
static void
logrecord_age(struct buf *to, int64_t ms)
{
    const char thousandths[] = {'.', (char)('0' + ms / 100 % 10),
        (char)('0' + ms / 10 % 10), (char)('0' + ms % 10)};

    logrecord_number(to, (uint64_t)ms / 1000);
    buf_add(to, thousandths, sizeof(thousandths));
}

static void
logrecord_result(struct buf *to, const struct result *r)
{
    struct buf text = BUF_INIT;

    result_print(r, &text);
    logrecord_next(to, buf_get(&text));
    buf_fini(&text);
}

void
logrecord_outcome(
    struct buf *to, bool hires, char type, const struct maillog_outcome *o)
{
    logrecord_begin(to, hires, o->id, o->rcpt, o->connection);
    buf_char(to, '@');
    buf_char(to, type);
    logrecord_next(to, o->domain);
    logrecord_number(to, type == 'D' ? o->size : o->bytes_sent);
    logrecord_next(to, o->group);
    logrecord_next(to, o->binding);
    if (type != 'D')
        buf_printf(to, "@%d", result_stage_number(o->result->stage));
    logrecord_number(to, o->retries);
    logrecord_age(to, o->age_ms);
    logrecord_next(to, o->peer_addr);
    if (type != 'D')
        logrecord_result(to, o->result);
    else if (o->result->tls) /* behind the fields that Momentum has */
        logrecord_next(to, str_of(o->result->tls));
}

static struct str
logrecord_rcpt(const struct maillog_outcome *o)
{
    if (!o->message || o->rcpt >= o->message->env.rcpt_count)
        return STR("");
    return o->message->env.rcpt[o->rcpt].address;
}

void
logrecord_bounce(
    struct buf *to, bool hires, char type, const struct maillog_outcome *o)
{
    logrecord_begin(to, hires, o->id, o->rcpt, o->connection);
    buf_printf(to, "@%c", type);
    if (o->message) {
        logrecord_address(to, logrecord_rcpt(o));
        logrecord_address(to, o->message->env.sender);
    } else {
        buf_char(to, '@');
        logrecord_next(to, o->domain);
        buf_cstr(to, "@@");
    }
    logrecord_next(to, o->group);
    logrecord_next(to, o->binding);
    buf_printf(to, "@%d@%d", result_stage_number(o->result->stage),
        maillog_bounce_class(o->result));
    logrecord_number(to, o->size);
    logrecord_next(to, o->peer_addr);
    logrecord_result(to, o->result);
}

void
logrecord_reported(struct buf *to, bool hires, const struct maillog_report *r)
{
    logrecord_begin(to, hires, r->id, 0, r->connection);
    buf_printf(to, "@%c", r->delayed ? 'T' : 'B');
    logrecord_address(to, r->original);
    logrecord_address(to, r->sender);
    logrecord_next(to, r->group);
    logrecord_next(to, r->binding);
    buf_printf(to, "@%d@%d", STAGE_REPORTED, maillog_bounce_class(r->result));
    logrecord_number(to, r->size);
    logrecord_next(to, r->peer_addr);
    logrecord_next(to, r->text);
}

/* In double quotes, for the rejectlog. */
static void
logrecord_quoted(struct buf *to, struct str s)
{
    buf_char(to, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '"' || c == '\\')
            buf_printf(to, "\\%c", c);
        else if (c < ' ' || c == 127)
            buf_printf(to, "\\x%02x", c);
        else
            buf_char(to, (char)c);
    }
    buf_char(to, '"');
}

void
logrecord_rejection(
    struct buf *to, bool hires, const struct maillog_rejection *r)
{
    char id[MESSAGE_ID_SIZE] = "";
    int code = 0;

    for (size_t i = 0; i < 3 && i < r->text.n && isdigit((int)r->text.p[i]);
         i++)
        code = code * 10 + (r->text.p[i] - '0');
    if (r->connection)
        message_id_print(r->connection, id);
    logrecord_time(to, clock_wall(), hires);
    buf_cstr(to, ": R=");
    logrecord_quoted(to, r->peer);
    buf_cstr(to, " L=");
    logrecord_quoted(to, r->local);
    /* Impel has no pathways; those who split at blanks count on the fields */
    buf_printf(to, " C=\"%s\" PATH=\"\" PATH_GRP=\"\" P=", id);
    logrecord_quoted(to, r->phase);
    buf_printf(to, " E=%d M=core CTXCONN=[can_relay=%s,ehlo_string=", code,
        r->can_relay ? "true" : "false");
    logrecord_quoted(to, r->helo);
    buf_cstr(to, "] CTXMESS=[mailfrom_string=");
    logrecord_quoted(to, r->sender);
    buf_cstr(to, ",rcptto_string=");
    logrecord_quoted(to, r->rcpt);
    buf_cstr(to, "] ");
    logrecord_field(to, r->text);
}

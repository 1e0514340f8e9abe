/* SPDX-License-Identifier: Apache-2.0
 *
 * logjson.c - log records as lines of JSON.
 */
#include "queue/logrecord.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "base/banned.h"

void
logrecord_json_str(struct buf *to, struct str s)
{
    buf_char(to, '"');
    while (s.n) {
        unsigned char c = (unsigned char)s.p[0];
        size_t n = 1;

        if (c == '"' || c == '\\') {
            buf_printf(to, "\\%c", c);
        } else if (c < ' ' || c == 127) {
            buf_printf(to, "\\u%04x", c);
        } else if (c < 127) {
            buf_char(to, (char)c);
        } else if ((n = utf8_length(s)) != 0) {
            buf_add(to, s.p, n);
        } else {
            buf_cstr(to, "\\ufffd");
            n = 1;
        }
        s = str_from(s, n);
    }
    buf_char(to, '"');
}

static void
json_pair(struct buf *to, const char *key, struct str value)
{
    buf_printf(to, ",\"%s\":", key);
    logrecord_json_str(to, value);
}

static void
json_number(struct buf *to, const char *key, uint64_t n)
{
    buf_printf(to, ",\"%s\":%llu", key, (unsigned long long)n);
}

static void
json_id(struct buf *to, const char *key, uint64_t id)
{
    char text[MESSAGE_ID_SIZE];

    if (!id)
        return;
    message_id_print(id, text);
    buf_printf(to, ",\"%s\":\"%s\"", key, text);
}

static void
json_begin(struct buf *to, const char *type, uint64_t id, uint32_t rcpt,
    uint64_t connection)
{
    buf_printf(to, "{\"type\":\"%s\",\"time\":\"", type);
    clock_print_iso(to, clock_wall());
    buf_char(to, '"');
    json_id(to, "message", id ? id + rcpt : 0);
    json_id(to, "batch", id);
    json_id(to, "connection", connection);
}

void
logrecord_json_reception(struct buf *to, const struct message *m, uint32_t rcpt,
    uint64_t size, struct str group, struct str binding)
{
    json_begin(to, "reception", m->id, rcpt, m->env.connection);
    json_pair(to, "recipient", m->env.rcpt[rcpt].address);
    json_pair(to, "sender", m->env.sender);
    json_pair(to, "peer", m->env.peer_addr);
    json_number(to, "size", size);
    json_pair(to, "protocol", m->env.protocol);
    json_pair(to, "binding_group", group);
    json_pair(to, "binding", binding);
    if (logrecord_tls(m).n)
        json_pair(to, "tls", logrecord_tls(m));
    buf_char(to, '}');
}

static const char *
json_type(char type)
{
    return type == 'D' ? "delivery" : type == 'P' ? "failure" : "delay";
}

static void
json_result(struct buf *to, const struct result *r)
{
    json_number(to, "code", r->code);
    if (r->status[0])
        buf_printf(to, ",\"status\":\"%u.%u.%u\"", r->status[0], r->status[1],
            r->status[2]);
    json_pair(to, "text", str_of(r->text ? r->text : ""));
    buf_printf(to, ",\"stage\":\"%s\",\"blame\":\"%s\"",
        result_stage_name(r->stage), result_blame_name(r->blame));
    if (r->flags & IMPEL_UNCERTAIN)
        buf_cstr(to, ",\"uncertain\":true");
    if (r->info)
        json_pair(to, "info", str_of(r->info));
    if (r->tls)
        json_pair(to, "tls", str_of(r->tls));
}

void
logrecord_json_outcome(
    struct buf *to, char type, const struct maillog_outcome *o)
{
    json_begin(to, json_type(type), o->id, o->rcpt, o->connection);
    json_pair(to, "domain", o->domain);
    if (o->message && o->rcpt < o->message->env.rcpt_count) {
        json_pair(to, "recipient", o->message->env.rcpt[o->rcpt].address);
        json_pair(to, "sender", o->message->env.sender);
    }
    json_pair(to, "binding_group", o->group);
    json_pair(to, "binding", o->binding);
    json_number(to, "size", o->size);
    json_number(to, "bytes_sent", o->bytes_sent);
    json_number(to, "retries", o->retries);
    json_number(to, "age_ms", (uint64_t)MAX_OF(o->age_ms, 0));
    json_pair(to, "peer", o->peer_addr);
    json_result(to, o->result);
    if (type != 'D') {
        int c = maillog_bounce_class(o->result);

        json_number(to, "bounce_class", (uint64_t)c);
        json_pair(
            to, "bounce_class_name", str_of(maillog_bounce_class_name(c)));
    }
    buf_char(to, '}');
}

void
logrecord_json_reported(struct buf *to, const struct maillog_report *r)
{
    int c = maillog_bounce_class(r->result);

    json_begin(to, r->delayed ? "reported_delay" : "reported_failure", r->id, 0,
        r->connection);
    json_pair(to, "recipient", r->original);
    json_pair(to, "sender", r->sender);
    json_pair(to, "binding_group", r->group);
    json_pair(to, "binding", r->binding);
    json_number(to, "size", r->size);
    json_pair(to, "peer", r->peer_addr);
    json_number(to, "code", r->result->code);
    if (r->result->status[0])
        buf_printf(to, ",\"status\":\"%u.%u.%u\"", r->result->status[0],
            r->result->status[1], r->result->status[2]);
    json_pair(to, "text", r->text);
    json_number(to, "bounce_class", (uint64_t)c);
    json_pair(to, "bounce_class_name", str_of(maillog_bounce_class_name(c)));
    buf_char(to, '}');
}

void
logrecord_json_rejection(struct buf *to, const struct maillog_rejection *r)
{
    json_begin(to, "rejection", 0, 0, r->connection);
    json_pair(to, "peer", r->peer);
    json_pair(to, "local", r->local);
    json_pair(to, "helo", r->helo);
    json_pair(to, "sender", r->sender);
    json_pair(to, "recipient", r->rcpt);
    json_pair(to, "phase", r->phase);
    json_pair(to, "text", r->text);
    buf_char(to, '}');
}

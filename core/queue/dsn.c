/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/dsn.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "queue/queue_options.h"
#include "base/banned.h"

enum { DSN_LINE = 200 }; /* longer lines are folded */

static const char *const subjects[] = {
    [DSN_FAILED] = "Undelivered mail returned to sender",
    [DSN_DELIVERED] = "Successful mail delivery report",
    [DSN_RELAYED] = "Mail relayed without further notification",
    [DSN_DELAYED] = "Delayed mail (still being tried)",
    [DSN_HANDED] = "Mail relayed, with a time to be delivered by"};
static const char *const openings[] = {
    [DSN_FAILED] = "Your message could not be delivered to the recipients "
                   "below.\r\nNo further attempt will be made.\r\n",
    [DSN_DELIVERED] = "Your message was delivered to the recipients below.\r\n",
    [DSN_RELAYED] = "Your message was passed on for the recipients below, "
                    "to a host that\r\ndoes not send notifications of "
                    "delivery.\r\n",
    [DSN_DELAYED] = "Your message could not be delivered to the recipients "
                    "below yet.\r\nIt is being tried again: you need not "
                    "send it again.\r\n",
    [DSN_HANDED] = "Your message was passed on for the recipients below.  You "
                   "are told because\r\nit was sent with a time to be "
                   "delivered by.\r\n"};
static const char *const actions[] = {[DSN_FAILED] = "failed",
    [DSN_DELIVERED] = "delivered",
    [DSN_RELAYED] = "relayed",
    [DSN_DELAYED] = "delayed",
    [DSN_HANDED] = "relayed"};
static const char *const statuses[] = {[DSN_FAILED] = "5.0.0",
    [DSN_DELIVERED] = "2.0.0",
    [DSN_RELAYED] = "2.0.0",
    [DSN_DELAYED] = "4.0.0",
    [DSN_HANDED] = "2.0.0"};

bool
dsn_is_wanted(const struct rcpt *r, enum dsn_action action)
{
    if (r->notify & NOTIFY_NEVER)
        return false;
    if (action == DSN_FAILED)
        return !r->notify || (r->notify & NOTIFY_FAILURE);
    if (action == DSN_DELAYED) /* RFC 3461 4.1: our choice without a word */
        return !r->notify || (r->notify & NOTIFY_DELAY);
    return action == DSN_HANDED || (r->notify & NOTIFY_SUCCESS);
}

struct str
dsn_address(
    const struct message *m, const struct scope *s, enum dsn_action action)
{
    struct str other;

    if (m->env.sender.n)
        return str_rchr(m->env.sender, '@') == SIZE_MAX ? STR("")
                                                        : m->env.sender;
    other = scope_str(s, OPT(queue_options, QUEUE_MDN_FAILURES_NOTIFY));
    if (action != DSN_FAILED || !other.n)
        return STR("");
    /* A report of a lost report would be lost as well. */
    for (size_t i = 0; i < m->env.rcpt_count; i++)
        if (str_ieq(m->env.rcpt[i].address, other))
            return STR("");
    return other;
}

int
dsn_original(
    const struct message *m, const struct scope *s, enum dsn_action action)
{
    int64_t how =
        scope_int(s, OPT(queue_options, QUEUE_BOUNCES_INLINE_ORIGINAL));

    if (how == QUEUE_ORIGINAL_NONE)
        return QUEUE_ORIGINAL_NONE;
    /* RFC 8689 5: of mail with REQUIRETLS no body is returned; and what is no
     * text has no place in a report, which goes as lines */
    if (action != DSN_FAILED || m->env.ret == RET_HDRS ||
        (m->env.needs & (IMPEL_NEED_TLS | IMPEL_NEED_BINARY)))
        return QUEUE_ORIGINAL_HEADERS;
    return m->env.ret == RET_FULL ? QUEUE_ORIGINAL_ALL : (int)how;
}

bool
dsn_is_global(const struct dsn_report *d)
{
    const struct message *m = d->message;

    if ((m->env.needs & IMPEL_NEED_UTF8) || !str_is_ascii(m->env.sender) ||
        !str_is_ascii(d->to))
        return true;
    for (size_t i = 0; i < d->count; i++)
        if (!str_is_ascii(m->env.rcpt[d->rcpt[i].rcpt].address))
            return true;
    return false;
}

/* Text of others in a header field: nothing that could end a line, for anybody,
 * no bytes above 127 unless they are allowed and UTF-8, folded.  No line is of
 * blanks alone (RFC 5322 3.2.2): some would take it for the header's end. */
static void
dsn_add(struct buf *to, struct str s, bool utf8)
{
    size_t column = 0, n;

    for (; s.n; s = str_from(s, n ? n : 1)) {
        bool shown = utf8_printable(s);

        n = utf8_length(s);
        if (n > 1 && !utf8)
            shown = false;
        if (column >= DSN_LINE) {
            if (s.p[0] == ' ')
                continue;
            buf_cstr(to, "\r\n ");
            column = 1;
        }
        buf_add(to, shown ? s.p : "?", shown ? n : 1);
        column += shown ? n : 1;
    }
}

static void
dsn_field(struct buf *to, const char *name, struct str value, bool utf8)
{
    buf_printf(to, "%s: ", name);
    dsn_add(to, value, utf8);
    buf_cstr(to, "\r\n");
}

static void
dsn_boundary(const struct dsn_report *d, struct buf *to)
{
    buf_printf(to, "=_impel-%016llx-%016llx", (unsigned long long)d->id,
        (unsigned long long)d->chance);
}

static void
dsn_part(const struct dsn_report *d, struct buf *to, const char *type)
{
    buf_cstr(to, "\r\n--");
    dsn_boundary(d, to);
    buf_printf(to, "\r\nContent-Type: %s\r\n", type);
}

static void
dsn_header(const struct dsn_report *d, struct buf *to)
{
    bool utf8 = dsn_is_global(d);
    char id[MESSAGE_ID_SIZE];

    buf_cstr(to, "Date: ");
    clock_print_rfc5322(to, d->now);
    buf_cstr(to, "\r\nFrom: Mail Delivery System <");
    if (d->from.n)
        dsn_add(to, d->from, utf8);
    else
        buf_printf(to, "mailer-daemon@%.*s", STR_ARG(d->reporting));
    buf_cstr(to, ">\r\nTo: <");
    dsn_add(to, d->to, utf8);
    message_id_print(d->id, id);
    buf_printf(to, ">\r\nSubject: %s\r\nMessage-ID: <%s@%.*s>\r\n",
        subjects[d->action], id, STR_ARG(d->reporting));
    buf_cstr(to,
        "MIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        "Content-Type: multipart/report; "
        "report-type=delivery-status;\r\n boundary=\"");
    dsn_boundary(d, to);
    buf_cstr(to,
        "\"\r\n\r\nThis is a delivery status notification in MIME "
        "format.\r\n");
}

static struct str
dsn_rcpt_address(const struct dsn_report *d, size_t i)
{
    return d->message->env.rcpt[d->rcpt[i].rcpt].address;
}

static void
dsn_text(const struct dsn_report *d, struct buf *to)
{
    bool utf8 = dsn_is_global(d);
    char id[MESSAGE_ID_SIZE];

    dsn_part(d, to,
        utf8 ? "text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit"
             : "text/plain; charset=us-ascii");
    message_id_print(d->message->id, id);
    buf_printf(to, "\r\nThis is the mail system at %.*s (message %s).\r\n\r\n",
        STR_ARG(d->reporting), id);
    buf_cstr(to, openings[d->action]);
    for (size_t i = 0; i < d->count; i++) {
        struct buf said = BUF_INIT;

        result_print(d->rcpt[i].result, &said);
        buf_cstr(to, "\r\n<");
        dsn_add(to, dsn_rcpt_address(d, i), utf8);
        buf_cstr(to, ">:\r\n    ");
        dsn_add(to, buf_get(&said), utf8);
        buf_cstr(to, "\r\n");
        buf_fini(&said);
    }
}

/* ORCPT as it was given, out of xtext: "rfc822;..." */
static void
dsn_original_rcpt(struct buf *to, struct str orcpt, bool utf8)
{
    struct str type = orcpt, rest;
    struct buf plain = BUF_INIT;
    size_t at = str_chr(orcpt, ';', 0);

    if (at == SIZE_MAX)
        return;
    type = str_sub(orcpt, 0, at);
    rest = str_from(orcpt, at + 1);
    if (address_xtext_decode(rest, &plain) < 0) {
        buf_cut(&plain, 0);
        buf_str(&plain, rest);
    }
    buf_cstr(to, "Original-Recipient: ");
    dsn_add(to, type, false);
    buf_char(to, ';');
    dsn_add(to, buf_get(&plain), utf8);
    buf_cstr(to, "\r\n");
    buf_fini(&plain);
}

static void
dsn_status(const struct dsn_report *d, const struct result *r, struct buf *to)
{
    if (r->status[0])
        buf_printf(to, "Status: %u.%u.%u\r\n", r->status[0], r->status[1],
            r->status[2]);
    else
        buf_printf(to, "Status: %s\r\n", statuses[d->action]);
}

static void
dsn_per_rcpt(const struct dsn_report *d, size_t i, bool utf8, struct buf *to)
{
    const struct rcpt *rcpt = &d->message->env.rcpt[d->rcpt[i].rcpt];
    const struct result *r = d->rcpt[i].result;
    bool ours =
        !r->text || str_find(str_of(r->text), STR("[internal]"), 0) != SIZE_MAX;
    struct buf said = BUF_INIT;

    buf_cstr(to, "\r\n");
    if (rcpt->original.n)
        dsn_original_rcpt(to, rcpt->original, utf8);
    buf_printf(to, "Final-Recipient: %s;",
        str_is_ascii(rcpt->address) ? "rfc822" : "utf-8");
    dsn_add(to, rcpt->address, utf8);
    buf_printf(to, "\r\nAction: %s\r\n", actions[d->action]);
    dsn_status(d, r, to);
    if (d->mta.n && !ours) {
        buf_cstr(to, "Remote-MTA: dns;");
        dsn_add(to, d->mta, utf8);
        buf_cstr(to, "\r\n");
    }
    result_print(r, &said);
    buf_printf(to, "Diagnostic-Code: %s;", ours ? "x-impel" : "smtp");
    dsn_add(to, buf_get(&said), utf8);
    if (d->action != DSN_DELAYED) { /* those were before */
        buf_cstr(to, "\r\nLast-Attempt-Date: ");
        clock_print_rfc5322(to, d->now);
    } else if (d->until) {
        buf_cstr(to, "\r\nWill-Retry-Until: ");
        clock_print_rfc5322(to, d->until);
    }
    buf_cstr(to, "\r\n");
    buf_fini(&said);
}

static void
dsn_fields(const struct dsn_report *d, struct buf *to)
{
    const struct envelope *env = &d->message->env;
    bool utf8 = dsn_is_global(d);
    struct buf envid = BUF_INIT;

    dsn_part(d, to,
        utf8 ? "message/global-delivery-status\r\n"
               "Content-Transfer-Encoding: 8bit"
             : "message/delivery-status");
    buf_cstr(to, "\r\nReporting-MTA: dns;");
    dsn_add(to, d->reporting, utf8);
    buf_cstr(to, "\r\n");
    if (d->message->env.envid.n) {
        if (address_xtext_decode(d->message->env.envid, &envid) < 0)
            buf_cut(&envid, 0);
        dsn_field(to, "Original-Envelope-Id", buf_get(&envid), false);
        buf_fini(&envid);
    }
    buf_cstr(to, "Arrival-Date: ");
    clock_print_rfc5322(to, env->received);
    buf_cstr(to, "\r\n");
    if (env->by) { /* RFC 2852 5 */
        buf_cstr(to, "Deliver-By-Date: ");
        clock_print_rfc5322(to, env->deadline);
        buf_cstr(to, "\r\n");
    }
    if (env->hold_until) { /* RFC 4865 6 */
        buf_cstr(to, "Future-Release-Request: until;");
        clock_print_iso(to, env->hold_until);
        buf_cstr(to, "\r\n");
    }
    for (size_t i = 0; i < d->count; i++)
        dsn_per_rcpt(d, i, utf8, to);
}

void
dsn_print_head(const struct dsn_report *d, struct buf *to)
{
    bool all = d->original == QUEUE_ORIGINAL_ALL;
    const char *type;

    dsn_header(d, to);
    dsn_text(d, to);
    dsn_fields(d, to);
    if (d->original == QUEUE_ORIGINAL_NONE)
        return;
    if (dsn_is_global(d))
        type = all ? "message/global" : "message/global-headers";
    else
        type = all ? "message/rfc822" : "text/rfc822-headers";
    dsn_part(d, to, type);
    if (d->eight_bit || dsn_is_global(d))
        buf_cstr(to, "Content-Transfer-Encoding: 8bit\r\n");
    buf_cstr(to, "\r\n");
}

void
dsn_print_tail(const struct dsn_report *d, struct buf *to)
{
    buf_cstr(to, "\r\n--");
    dsn_boundary(d, to);
    buf_cstr(to, "--\r\n");
}

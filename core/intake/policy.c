/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/policy.h"

#include <string.h>
#include "intake/intake_options.h"
#include "intake/mcmt.h"
#include "intake/bounces.h"
#include "intake/login.h"
#include "intake/trace.h"
#include "queue/choose.h"
#include "queue/queue_options.h"
#include "route/relay.h"
#include "base/banned.h"

#define I(is, row) scope_int((is)->scope, OPT(intake_options, row))

void
policy_say(struct impel_result *r, int verdict, int stage, int code,
    const char *status, const char *text)
{
    memset(r, 0, sizeof(*r));
    r->size = sizeof(*r);
    r->verdict = verdict;
    r->blame = stage == IMPEL_AT_RCPT ? IMPEL_BLAME_RCPT : IMPEL_BLAME_MESSAGE;
    r->stage = stage;
    r->code = (uint16_t)code;
    if (status[0]) /* "d.d.d" */
        for (int i = 0; i < 3; i++)
            r->status[i] = (uint16_t)(status[2 * i] - '0');
    r->retry_after = -1;
    r->text.p = text;
    r->text.n = strlen(text);
}

static int
refuse(struct impel_result *r, int stage, int code, const char *status,
    const char *text)
{
    policy_say(
        r, code < 500 ? IMPEL_RETRY : IMPEL_FAILED, stage, code, status, text);
    return -1;
}

bool
policy_is_shown(struct str s, bool blanks)
{
    if (s.n > NAME_SHOWN_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < ' ' || c == 127 || (c == ' ' && !blanks))
            return false;
    }
    return true;
}

int
policy_greet(
    const struct intake_session *is, struct str name, struct impel_result *r)
{
    if (is->over_limit)
        return refuse(
            r, IMPEL_AT_CONNECT, 421, "4.4.5", "Too many sessions, try later");
    if (name.n == 0 || !policy_is_shown(name, false))
        return refuse(r, IMPEL_AT_CONNECT, 501, "5.5.4", "Invalid name");
    return 0;
}

int
policy_accepting(
    const struct intake_session *is, uint64_t size, struct impel_result *r)
{
    struct intake *in = is->il->intake;
    uint64_t most = (uint64_t)I(is, INTAKE_MAX_MESSAGE_SIZE);
    if (most && size > most)
        return refuse(
            r, IMPEL_AT_SENDER, 552, "5.3.4", "Message size exceeds the limit");
    const char *why = atomic_load(&in->refuse);
    if (why)
        return refuse(r, IMPEL_AT_SENDER, 452, "4.3.1", why);
    struct err e;
    if (spool_accepting(in->spool, &e) < 0)
        return refuse(r, IMPEL_AT_SENDER, 452, "4.3.1",
            "Mail cannot be stored now, try later");
    return 0;
}

int
policy_sender(const struct intake_session *is, struct str address, bool utf8,
    struct impel_result *r)
{
    struct address a;
    if (login_is_missing(is))
        return refuse(
            r, IMPEL_AT_SENDER, 530, "5.7.0", "Authentication required");
    if (address.n == 0) {
        if (I(is, INTAKE_ALLOW_NULL_ENVELOPE_SENDER))
            return 0;
        return refuse(
            r, IMPEL_AT_SENDER, 550, "5.7.1", "Null sender is not accepted");
    }
    if (address_parse(address, utf8 ? ADDRESS_UTF8 : 0, &a, NULL) < 0)
        return refuse(
            r, IMPEL_AT_SENDER, 553, "5.1.7", "Sender address is malformed");
    if (a.literal && !I(is, INTAKE_ALLOW_IP_LITERAL))
        return refuse(r, IMPEL_AT_SENDER, 553, "5.1.7",
            "Address literals are not accepted");
    return 0;
}

static bool
may_relay(const struct intake_session *is, struct str sender, struct str domain)
{
    struct address from;
    if (is->can_relay || is->logged_in)
        return true;
    if (relay_glob(
            is->scope, OPT(intake_options, INTAKE_RELAY_DOMAINS), domain))
        return true;
    if (bounces_has_domain(is, domain))
        return true;
    uint32_t senders = OPT(intake_options, INTAKE_RELAY_FOR_SENDING_DOMAINS);
    return scope_count(is->scope, senders) && sender.n &&
        address_parse(sender, ADDRESS_UTF8, &from, NULL) == 0 &&
        relay_glob(is->scope, senders, from.domain);
}

int
policy_recipient(const struct intake_session *is, struct str binding,
    struct str sender, struct str address, bool utf8, struct impel_result *r)
{
    struct address a;
    if (address.n == 0 ||
        address_parse(address, utf8 ? ADDRESS_UTF8 : 0, &a, NULL) < 0)
        return refuse(
            r, IMPEL_AT_RCPT, 553, "5.1.3", "Recipient address is malformed");
    if (a.literal && !I(is, INTAKE_ALLOW_IP_LITERAL))
        return refuse(r, IMPEL_AT_RCPT, 553, "5.1.3",
            "Address literals are not accepted");
    if (!may_relay(is, sender, a.domain))
        return refuse(r, IMPEL_AT_RCPT, 550, "5.7.1", "Relaying denied");
    struct str known = choose_known(is->generation, binding, a.domain);
    if (!known.p) /* any of a group: if need be it is failed later */
        return 0;
    const struct scope *out = generation_scope(is->generation, known, a.domain);
    if (scope_int(out, OPT(queue_options, QUEUE_BLACKHOLE)) ==
        QUEUE_BLACKHOLE_INLINE)
        return refuse(
            r, IMPEL_AT_RCPT, 551, "5.7.1", "[internal] recipient blackholed");
    return 0;
}

static int
check_header(
    const struct intake_session *is, struct str header, struct impel_result *r)
{
    int64_t hops = I(is, INTAKE_MAX_RECEIVED_HEADERS);
    if (hops && trace_count_fields(header, STR("Received")) > (size_t)hops)
        return refuse(r, IMPEL_AT_FINAL, 554, "5.4.6",
            "Too many hops, this message loops");
    if (I(is, INTAKE_RFC2822_MISSING_HEADERS) == INTAKE_MISSING_REJECT &&
        !trace_is_header(header))
        return refuse(r, IMPEL_AT_FINAL, 550, "5.6.0", "Message has no header");
    if (I(is, INTAKE_RFC2822_DATE_HEADER) == INTAKE_HEADER_PEDANTIC &&
        !trace_has_field(header, STR("Date")))
        return refuse(
            r, IMPEL_AT_FINAL, 550, "5.6.0", "Message has no Date field");
    if (I(is, INTAKE_RFC2822_MESSAGEID_HEADER) == INTAKE_HEADER_PEDANTIC &&
        !trace_has_field(header, STR("Message-ID")))
        return refuse(
            r, IMPEL_AT_FINAL, 550, "5.6.0", "Message has no Message-ID field");
    return 0;
}

/* RFC 5321 2.3.8: neither stands alone, in nothing that is stored; so nothing
 * that is sent has one, wherever it came from.  A module that mends bare ones
 * has done so before. */
static int
check_lines(const struct intake_session *is, const struct content_facts *f,
    struct impel_result *r)
{
    if (f->bare_cr || f->bare_lf)
        return refuse(r, IMPEL_AT_FINAL, 550, "5.6.0",
            "Bare CR or LF is not accepted (RFC 5321 2.3.8)");
    int64_t longest = I(is, INTAKE_RFC2822_MAX_LINE_LENGTH);
    bool strict = longest == INTAKE_LENGTH_PEDANTIC ||
        I(is, INTAKE_RFC2822_MAX_LINE_LENGTH_POLICY) == INTAKE_LINES_REJECT;
    if (longest == INTAKE_LENGTH_PEDANTIC)
        longest = 998; /* RFC 5322 2.1.1 */
    if (strict && longest > 0 && f->max_line > (uint64_t)longest)
        return refuse(r, IMPEL_AT_FINAL, 550, "5.6.0", "A line is too long");
    return 0;
}

/* Of a message that is octets its header is lines all the same; all of it is
 * seen, since a report returns all of it. */
static int
check_binary(
    const struct content_facts *f, struct str header, struct impel_result *r)
{
    if (f->header_size > header.n)
        return refuse(
            r, IMPEL_AT_FINAL, 552, "5.3.4", "Header exceeds the limit");
    for (size_t i = 0; i < header.n; i++) {
        bool lf = i + 1 < header.n && header.p[i + 1] == '\n';

        if (header.p[i] == '\0' || header.p[i] == '\n' ||
            (header.p[i] == '\r' && !lf))
            return refuse(r, IMPEL_AT_FINAL, 550, "5.6.0",
                "NUL, bare CR or LF in the header is not accepted");
        i += header.p[i] == '\r';
    }
    return 0;
}

int
policy_message(const struct intake_session *is, uint32_t needs,
    const struct content_facts *f, struct str header, struct impel_result *r)
{
    uint64_t most = (uint64_t)I(is, INTAKE_MAX_MESSAGE_SIZE);
    if (most && f->body_size > most)
        return refuse(
            r, IMPEL_AT_FINAL, 552, "5.3.4", "Message size exceeds the limit");
    if (needs & IMPEL_NEED_BINARY ? check_binary(f, header, r) < 0
                                  : check_lines(is, f, r) < 0)
        return -1;
    if (I(is, INTAKE_MCMT_RECEPTION) == MCMT_REJECT &&
        mcmt_is_container(header))
        return refuse(r, IMPEL_AT_FINAL, 554, "5.6.1",
            "Containers (multipart/vnd.msys.mcmt) are not accepted");
    return check_header(is, header, r);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * call.c - requests of an MMSC, and answers to them.
 */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "line.h"

/* --- reading --- */

static void
take(const xmlNode *of, const char *name, char *to, size_t size)
{
    soap_text(soap_child(of, name), to, size);
}
#define TAKE(of, name, to) take(of, name, to, sizeof(to))

/* RFC2822Address, Number or ShortCode.  false: none of them. */
static bool
take_address(const xmlNode *n, struct call_address *to)
{
    char shown[8];

    to->mail = soap_is(n, "RFC2822Address");
    if (!to->mail && !soap_is(n, "Number") && !soap_is(n, "ShortCode"))
        return false;
    soap_text(n, to->text, sizeof(to->text));
    soap_attribute(n, "displayOnly", shown, sizeof(shown));
    to->shown = strcmp(shown, "true") == 0 || strcmp(shown, "1") == 0;
    return to->text[0] != '\0';
}

static const char *
take_recipients(const xmlNode *of, struct call *c)
{
    static const char *const names[] = {"To", "Cc", "Bcc"};

    for (const xmlNode *n = soap_child(of, NULL); n; n = soap_next(n))
        for (int h = CALL_TO; h <= CALL_BCC; h++) {
            if (!soap_is(n, names[h]))
                continue;
            for (const xmlNode *a = soap_child(n, NULL); a; a = soap_next(a)) {
                if (c->rcpt_count == CALL_RCPTS)
                    return "too many recipients";
                c->rcpt[c->rcpt_count].header = (enum call_header)h;
                if (take_address(a, &c->rcpt[c->rcpt_count]))
                    c->rcpt_count++;
            }
        }
    return NULL;
}

static const char *
take_deliver(const xmlNode *n, struct call *c)
{
    const xmlNode *content = soap_child(n, "Content"),
                  *sender = soap_child(soap_child(n, "Sender"), NULL);

    TAKE(n, "LinkedID", c->linked_id);
    TAKE(n, "ReplyChargingID", c->charging_id);
    TAKE(n, "VASPID", c->vaspid);
    TAKE(n, "VASID", c->vasid);
    TAKE(n, "TimeStamp", c->stamp);
    TAKE(n, "Priority", c->priority);
    TAKE(n, "Subject", c->subject);
    if (sender && !take_address(sender, &c->sender))
        return "a Sender without an address";
    if (content)
        soap_attribute(content, "href", c->href, sizeof(c->href));
    return take_recipients(soap_child(n, "Recipients"), c);
}

static const char *
take_report(const xmlNode *n, struct call *c)
{
    TAKE(n, "MessageID", c->message_id);
    TAKE(n, "MMStatus", c->status);
    TAKE(n, "StatusText", c->words);
    TAKE(n, c->kind == CALL_REPORT ? "Date" : "TimeStamp", c->stamp);
    if (!c->message_id[0])
        return "no MessageID";
    return c->status[0] ? NULL : "no MMStatus";
}

static bool
take_kind(const xmlNode *n, struct call *c)
{
    static const char *const names[] = {
        "DeliverReq", "DeliveryReportReq", "ReadReplyReq"};

    for (int k = CALL_DELIVER; k <= CALL_READ; k++)
        if (soap_is(n, names[k])) {
            c->kind = (enum call_kind)k;
            return true;
        }
    return false;
}

static int
take_call(xmlDocPtr doc, struct call *c, const char **why)
{
    const xmlNode *what =
        soap_open(doc, c->transaction, sizeof(c->transaction), why);

    if (!what)
        return CALL_FORMAT;
    if (what->ns && what->ns->href &&
        strlen((const char *)what->ns->href) < sizeof(c->schema))
        (void)strcpy(c->schema, (const char *)what->ns->href);
    if (!take_kind(what, c)) {
        *why = "not a request that is served here";
        return CALL_UNKNOWN;
    }
    if (!c->transaction[0]) {
        *why = "no TransactionID";
        return CALL_FORMAT;
    }
    TAKE(what, "MMSRelayServerID", c->relay_server);
    *why =
        c->kind == CALL_DELIVER ? take_deliver(what, c) : take_report(what, c);
    return *why ? CALL_FORMAT : 0;
}

int
call_read(struct impel_str xml, struct call *to, const char **why)
{
    xmlDocPtr doc = soap_document(xml);
    int rc;

    memset(to, 0, sizeof(*to));
    if (!doc) {
        *why = "no XML, or XML with a DOCTYPE";
        return CALL_FORMAT;
    }
    rc = take_call(doc, to, why);
    xmlFreeDoc(doc);
    return rc;
}

/* --- what a report means --- */

static const struct meaning {
    const char *status;
    int verdict;
    uint16_t code[3];
} meanings[] = {{"Retrieved", IMPEL_DELIVERED, {2, 1, 5}},
    {"Expired", IMPEL_FAILED, {5, 4, 7}}, {"Rejected", IMPEL_FAILED, {5, 7, 1}},
    {"Unrecognised", IMPEL_FAILED, {5, 6, 1}},
    {"DeliveryConditionNotMet", IMPEL_FAILED, {5, 7, 0}},
    {"Unreachable", IMPEL_FAILED, {5, 4, 1}},
    {"Deferred", IMPEL_RETRY, {4, 2, 0}}};

struct impel_result
call_result(const struct call *c, char words[CALL_WORDS])
{
    static const struct meaning other = {"", IMPEL_UNTRIED, {0, 0, 0}};
    const struct meaning *m = &other;

    for (size_t i = 0;
         c->kind == CALL_REPORT && i < sizeof(meanings) / sizeof(meanings[0]);
         i++)
        if (strcasecmp(c->status, meanings[i].status) == 0)
            m = &meanings[i];
    (void)snprintf(words, CALL_WORDS, "[internal] the MMSC reports%s: %s%s%s%s",
        c->kind == CALL_READ ? " of the reader" : "", c->status,
        c->words[0] ? " (" : "", c->words, c->words[0] ? ")" : "");
    return (struct impel_result){.size = sizeof(struct impel_result),
        .verdict = m->verdict,
        .blame = IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_FINAL,
        .status = {m->code[0], m->code[1], m->code[2]},
        .retry_after = -1,
        .text = line_str(words)};
}

/* --- answers --- */

/* Of what has none, or cannot be read. */
#define CALL_SCHEMA \
    "http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/" \
    "REL-6-MM7-1-4"

static void
put_escaped(struct text *to, struct impel_str s)
{
    char *clean = text_for_xml(s);

    if (!clean) {
        to->failed = true;
        return;
    }
    for (const char *p = clean; *p; p++)
        switch (*p) {
        case '<':
            text_z(to, "&lt;");
            break;
        case '>':
            text_z(to, "&gt;");
            break;
        case '&':
            text_z(to, "&amp;");
            break;
        case '"':
            text_z(to, "&quot;");
            break;
        default:
            text_put(to, p, 1);
            break;
        }
    free(clean);
}

static void
put_leaf(struct text *to, const char *name, struct impel_str value)
{
    text_z(to, "<");
    text_z(to, name);
    text_z(to, ">");
    put_escaped(to, value);
    text_z(to, "</");
    text_z(to, name);
    text_z(to, ">");
}

static void
put_open(struct text *to, const char *name, const char *schema)
{
    text_z(to, "<");
    text_z(to, name);
    text_z(to, " xmlns=\"");
    put_escaped(to, line_str(schema[0] ? schema : CALL_SCHEMA));
    text_z(to, "\"");
}

static void
put_envelope(struct text *to, const struct call *c)
{
    text_z(to,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<env:Envelope "
        "xmlns:env=\"http://schemas.xmlsoap.org/soap/envelope/\">"
        "<env:Header>");
    if (c->transaction[0]) {
        put_open(to, "TransactionID", c->schema);
        text_z(to, " env:mustUnderstand=\"1\">");
        put_escaped(to, line_str(c->transaction));
        text_z(to, "</TransactionID>");
    }
    text_z(to, "</env:Header><env:Body>");
}

static const char *
text_of(int status)
{
    static const struct {
        int status;
        const char *text;
    } rows[] = {{CALL_SUCCESS, "Success"}, {CALL_PARTLY, "Partial success"},
        {CALL_ADDRESS_ERROR, "Address Error"},
        {CALL_NO_ADDRESS, "Address Not Found"},
        {CALL_NO_MESSAGE, "Message ID Not found"},
        {CALL_FORMAT, "Message format corrupt"},
        {CALL_SERVER_ERROR, "Server Error"},
        {CALL_REJECTED, "Message rejected"},
        {CALL_UNKNOWN, "Unsupported operation"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].status == status)
            return rows[i].text;
    return "";
}

static void
put_status(struct text *to, const struct call *c, const char *element,
    struct impel_str version, int status, const char *details)
{
    char digits[12];

    (void)snprintf(digits, sizeof(digits), "%d", status);
    put_open(to, element, c->schema);
    text_z(to, ">");
    put_leaf(to, "MM7Version", version);
    text_z(to, "<Status>");
    put_leaf(to, "StatusCode", line_str(digits));
    put_leaf(to, "StatusText", line_str(text_of(status)));
    if (details && details[0])
        put_leaf(to, "Details", line_str(details));
    text_z(to, "</Status></");
    text_z(to, element);
    text_z(to, ">");
}

void
call_answer(const struct call *c, struct impel_str version, int status,
    const char *details, struct text *to)
{
    static const char *const names[] = {
        "DeliverRsp", "DeliveryReportRsp", "ReadReplyRsp"};

    put_envelope(to, c);
    put_status(to, c, names[c->kind], version, status, details);
    text_z(to, "</env:Body></env:Envelope>\r\n");
}

void
call_fault(const struct call *c, struct impel_str version, int status,
    const char *details, struct text *to)
{
    bool client = status / 1000 != 3;

    put_envelope(to, c);
    text_z(to, "<env:Fault><faultcode>env:");
    text_z(to, client ? "Client" : "Server");
    text_z(to, "</faultcode><faultstring>");
    text_z(to, client ? "Client error" : "Server error");
    text_z(to, "</faultstring><detail>");
    put_status(to, c, "VASPErrorRsp", version, status, details);
    text_z(to, "</detail></env:Fault></env:Body></env:Envelope>\r\n");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * submit.c - SubmitReq in XML; its elements stand in the order of the schema.
 */
#include "submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libxml/xmlerror.h>
#include <libxml/xmlwriter.h>

#include "calendar.h"
#include "soap.h"

#define SOAP_ENV "http://schemas.xmlsoap.org/soap/envelope/"

/* libxml2 says -1 of each call that fails; one is enough. */
struct xml {
    xmlTextWriterPtr w;
    const char *prefix; /* of the elements of MM7; NULL: none */
    bool failed;
};

static void
done(struct xml *x, int rc)
{
    x->failed = x->failed || rc < 0;
}

static void
begin(struct xml *x, const char *name)
{
    done(x,
        xmlTextWriterStartElementNS(
            x->w, (const xmlChar *)x->prefix, (const xmlChar *)name, NULL));
}

static void
end(struct xml *x)
{
    done(x, xmlTextWriterEndElement(x->w));
}

static void
attribute(struct xml *x, const char *name, const char *value)
{
    done(x,
        xmlTextWriterWriteAttribute(
            x->w, (const xmlChar *)name, (const xmlChar *)value));
}

static void
text(struct xml *x, struct impel_str s)
{
    char *clean = text_for_xml(s);

    if (!clean)
        x->failed = true;
    else
        done(x, xmlTextWriterWriteString(x->w, (const xmlChar *)clean));
    free(clean);
}

/* An element that holds text; absent or empty: it is left out. */
static void
leaf(struct xml *x, const char *name, struct impel_str value)
{
    if (!value.n)
        return;
    begin(x, name);
    text(x, value);
    end(x);
}

static void
raw(struct xml *x, struct impel_str fragment)
{
    if (fragment.n)
        done(x,
            xmlTextWriterWriteRawLen(
                x->w, (const xmlChar *)fragment.p, (int)fragment.n));
}

/* xmlns, or xmlns:PREFIX */
static void namespace(struct xml *x, const char *prefix, struct impel_str uri)
{
    char name[80], *clean = text_for_xml(uri);

    (void)snprintf(name, sizeof(name), "xmlns%s%s", prefix ? ":" : "",
        prefix ? prefix : "");
    if (clean)
        attribute(x, name, clean);
    else
        x->failed = true;
    free(clean);
}

/* --- the parts of it --- */

/* "+15551234567" is a number, anything else an address of mail. */
static void
write_recipient(
    struct xml *x, const struct submit_want *want, struct impel_str address)
{
    struct impel_str local = address;
    const char *at = memchr(address.p, '@', address.n);
    size_t digits;
    char number[128];

    if (at)
        local.n = (size_t)(at - address.p);
    digits = local.n && local.p[0] == '+' ? 1 : 0;
    while (digits < local.n && local.p[digits] >= '0' && local.p[digits] <= '9')
        digits++;
    begin(x, "Recipients");
    begin(x, "To");
    if (digits == local.n && local.n > 1 && local.n < 60) {
        (void)snprintf(number, sizeof(number), "%.*s%.*s",
            local.p[0] == '+' ? 0 : (int)want->number_prefix.n,
            want->number_prefix.n ? want->number_prefix.p : "", (int)local.n,
            local.p);
        leaf(x, "Number", (struct impel_str){number, strlen(number)});
    } else {
        leaf(x, "RFC2822Address", address);
    }
    end(x);
    end(x);
}

static void
write_sender(struct xml *x, const struct submit_want *want)
{
    begin(x, "SenderIdentification");
    leaf(x, "VASPID", want->vaspid);
    leaf(x, "VASID", want->vasid);
    if (want->sender_address.n) {
        begin(x, "SenderAddress");
        raw(x, want->sender_address);
        end(x);
    }
    end(x);
}

static void
write_stamp(struct xml *x, int64_t stamp)
{
    struct tm tm;
    char date[40];

    calendar_fill(stamp / 1000, &tm);
    if (!strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm))
        return;
    leaf(x, "TimeStamp", line_str(date));
}

static void
write_charging(struct xml *x, const struct submit_want *want)
{
    char size[24], *deadline;

    if (!want->reply_charging)
        return;
    begin(x, "ReplyCharging");
    (void)snprintf(size, sizeof(size), "%lld", (long long)want->reply_size);
    if (want->reply_size > 0)
        attribute(x, "replyChargingSize", size);
    if (want->reply_deadline.n) {
        deadline = text_for_xml(want->reply_deadline);
        if (deadline)
            attribute(x, "replyDeadline", deadline);
        else
            x->failed = true;
        free(deadline);
    }
    end(x);
}

static void
write_content(struct xml *x, const struct submit_content *c)
{
    char href[SUBMIT_ID_MOST + 8];

    (void)snprintf(href, sizeof(href), "cid:%s", c->id);
    begin(x, "Content");
    attribute(x, "href", href);
    attribute(x, "allowAdaptations", "true");
    end(x);
}

static void
write_request(struct xml *x, const struct submit_want *want, const char *prefix,
    const struct submit_content *c, struct impel_str recipient, int64_t stamp)
{
    struct impel_str yes = line_str("true"), no = {NULL, 0};

    x->prefix = want->prefix_in_body ? prefix : NULL;
    begin(x, "SubmitReq");
    namespace(x, x->prefix, want->schema);
    leaf(x, "MM7Version", want->version);
    write_sender(x, want);
    write_recipient(x, want, recipient);
    leaf(x, "ServiceCode", want->service_code);
    leaf(x, "MessageClass", want->message_class);
    write_stamp(x, stamp);
    write_charging(x, want);
    leaf(x, "DeliveryReport", want->delivery_report ? yes : no);
    leaf(x, "ReadReply", want->read_reply ? yes : no);
    leaf(x, "Subject", c->subject ? line_str(c->subject) : no);
    write_content(x, c);
    raw(x, want->extended);
    end(x);
}

static void
write_envelope(struct xml *x, const struct submit_want *want,
    const char *prefix, const char *env, const char *transaction)
{
    char must[80];

    x->prefix = env;
    begin(x, "Envelope");
    namespace(x, env, line_str(SOAP_ENV));
    begin(x, "Header");
    x->prefix = prefix;
    begin(x, "TransactionID");
    namespace(x, prefix, want->schema);
    (void)snprintf(must, sizeof(must), "%s:mustUnderstand", env);
    attribute(x, must, "1");
    text(x, line_str(transaction));
    end(x);
    end(x);
    x->prefix = env;
    begin(x, "Body");
}

static const char *
write_xml(const struct submit_want *want, const struct submit_content *c,
    struct impel_str recipient, const char *transaction, int64_t stamp,
    struct text *to)
{
    char prefix[65], env[65];
    const char *p = want->prefix.n ? prefix : NULL;
    xmlBufferPtr out = xmlBufferCreate();
    size_t n;
    struct xml x = {.w = out ? xmlNewTextWriterMemory(out, 0) : NULL};

    if (!x.w) {
        xmlBufferFree(out);
        return "451 4.3.0 [internal] no memory";
    }
    xmlResetLastError();
    /* both were checked: 64 octets at most */
    (void)snprintf(prefix, sizeof(prefix), "%.*s", (int)want->prefix.n,
        want->prefix.n ? want->prefix.p : "");
    (void)snprintf(env, sizeof(env), "%.*s", (int)want->env.n, want->env.p);
    write_envelope(&x, want, p, env, transaction);
    write_request(&x, want, p, c, recipient, stamp);
    /* Body and Envelope.  Where memory is short and a beginning got lost, or a
     * text, only the last end tells of it, or the library's last error. */
    end(&x);
    end(&x);
    done(&x, xmlTextWriterEndDocument(x.w));
    xmlFreeTextWriter(x.w);
    x.failed = x.failed || xmlGetLastError();
    xmlResetLastError();
    /* lines as the parts around it have them */
    text_z(to, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n");
    n = (size_t)xmlBufferLength(out);
    if (!x.failed && n)
        text_put(to, (const char *)xmlBufferContent(out),
            xmlBufferContent(out)[n - 1] == '\n' ? n - 1 : n);
    xmlBufferFree(out);
    return x.failed ? "451 4.3.0 [internal] the request cannot be written"
                    : NULL;
}

/* --- the body --- */

/* The part that the request names: as it is, or within a multipart. */
static void
put_content(const struct submit_content *c, struct text *to)
{
    char line[2 * SUBMIT_TYPE_MOST];

    (void)snprintf(line, sizeof(line), "\r\n--%s\r\nContent-ID: <%s>\r\n",
        c->boundary, c->id);
    text_z(to, line);
    if (c->wrapped) {
        (void)snprintf(line, sizeof(line),
            "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n",
            c->inner, c->inner);
        text_z(to, line);
    }
    (void)snprintf(line, sizeof(line),
        "Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n", c->type,
        c->encoding);
    text_z(to, line);
    text_str(to, c->octets);
    if (c->wrapped) {
        (void)snprintf(line, sizeof(line), "\r\n--%s--\r\n", c->inner);
        text_z(to, line);
    }
    (void)snprintf(line, sizeof(line), "\r\n--%s--\r\n", c->boundary);
    text_z(to, line);
}

void
submit_type(const struct submit_content *c, char type[SUBMIT_TYPE_MOST])
{
    (void)snprintf(type, SUBMIT_TYPE_MOST,
        "multipart/related; boundary=\"%s\"; type=\"text/xml\"; "
        "start=\"<submit@mm7>\"",
        c->boundary);
}

const char *
submit_body(const struct submit_want *want, const struct submit_content *c,
    struct impel_str recipient, const char *transaction, int64_t stamp,
    struct text *body, char type[SUBMIT_TYPE_MOST])
{
    char line[SUBMIT_BOUNDARY + 120];
    const char *wrong;

    submit_type(c, type);
    (void)snprintf(line, sizeof(line),
        "--%s\r\nContent-Type: text/xml; charset=\"utf-8\"\r\n"
        "Content-ID: <submit@mm7>\r\n\r\n",
        c->boundary);
    text_z(body, line);
    wrong = write_xml(want, c, recipient, transaction, stamp, body);
    if (wrong)
        return wrong;
    put_content(c, body);
    return body->failed ? "451 4.3.0 [internal] no memory" : NULL;
}

/* Prefixes may be those of the request around it, so names are not resolved. */
bool
submit_is_xml(struct impel_str fragment)
{
    struct text whole = {NULL, 0, 0, false};
    xmlDocPtr doc = NULL;
    bool good;

    text_z(&whole, "<x>");
    text_str(&whole, fragment);
    text_z(&whole, "</x>");
    if (!whole.failed)
        doc = soap_document((struct impel_str){whole.p, whole.n});
    good = doc != NULL;
    xmlFreeDoc(doc);
    text_wipe(&whole);
    return good;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * content.c - what a message says of its request, and its content.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mime.h"
#include "submit.h"

/* --- options, and the context of the message --- */

struct asking {
    const struct mm7 *module;
    const struct impel_scope *scope;
    struct impel_batch *batch;
    const char *wrong;
};

static struct impel_str
said(const struct asking *a, const char *meta)
{
    struct impel_str none = {NULL, 0};

    return a->batch && meta ? a->module->host->meta(a->batch, meta) : none;
}

static struct impel_str
word(const struct asking *a, uint32_t option, const char *meta)
{
    struct impel_str v = said(a, meta);

    return v.p ? v : a->module->host->opt_str(a->scope, option, 0);
}

static bool
yes(struct asking *a, uint32_t option, const char *meta)
{
    struct impel_str v = said(a, meta);
    int truth = v.p ? line_truth(v) : 0;

    if (!v.p)
        return a->module->host->opt_int(a->scope, option) != 0;
    if (truth < 0)
        a->wrong = "550 5.6.0 [internal] a context value MM7_* is neither true "
                   "nor false";
    return truth > 0;
}

static int64_t
size(struct asking *a, uint32_t option, const char *meta)
{
    struct impel_str v = said(a, meta);
    int64_t n = 0;

    if (!v.p)
        return a->module->host->opt_int(a->scope, option);
    for (size_t i = 0; i < v.n; i++) {
        if (v.p[i] < '0' || v.p[i] > '9' || i > 9) {
            a->wrong = "550 5.6.0 [internal] MM7_Reply_Charging_Size is no "
                       "number";
            return 0;
        }
        n = n * 10 + v.p[i] - '0';
    }
    return n;
}

static struct impel_str
class_of(struct asking *a)
{
    struct impel_str v = said(a, "MM7_Message_Class");
    int64_t option = a->module->host->opt_int(a->scope, OPT_MESSAGE_CLASS);

    if (!v.p)
        return option > 0 ? line_str(mm7_classes[option])
                          : (struct impel_str){NULL, 0};
    for (size_t i = 1; mm7_classes[i]; i++)
        if (line_same(v, mm7_classes[i]))
            return line_str(mm7_classes[i]);
    a->wrong = "550 5.6.0 [internal] MM7_Message_Class is not Personal, "
               "Informational, Advertisement or Auto";
    return (struct impel_str){NULL, 0};
}

const char *
submit_wants(const struct mm7 *m, const struct impel_scope *scope,
    struct impel_batch *batch, struct submit_want *to)
{
    struct asking a = {m, scope, batch, NULL};

    *to = (struct submit_want){.version = word(&a, OPT_VERSION, NULL),
        .schema = word(&a, OPT_XML_SCHEMA, NULL),
        .prefix = word(&a, OPT_NAMESPACE, NULL),
        .env = word(&a, OPT_SOAP_ENV, NULL),
        .prefix_in_body = yes(&a, OPT_NAMESPACE_IN_BODY, NULL),
        .simple_mime = yes(&a, OPT_SIMPLE_MIME, NULL),
        .vaspid = word(&a, OPT_VASPID, NULL),
        .vasid = word(&a, OPT_VASID, NULL),
        .sender_address = word(&a, OPT_SENDER_ADDRESS, "MM7_Sender_Address"),
        .number_prefix = word(&a, OPT_NUMBER_PREFIX, "MM7_Number_Prefix"),
        .service_code = word(&a, OPT_SERVICE_CODE, "MM7_Service_Code"),
        .message_class = class_of(&a),
        .extended = word(&a, OPT_IE_EXTENDED, "MM7_Request_IE_Extended"),
        .delivery_report = yes(&a, OPT_DELIVERY_REPORT, "MM7_Delivery_Report"),
        .read_reply = yes(&a, OPT_READ_REPLY, "MM7_Read_Reply"),
        .reply_charging = yes(&a, OPT_REPLY_CHARGING, "MM7_Reply_Charging"),
        .reply_size =
            size(&a, OPT_REPLY_CHARGING_SIZE, "MM7_Reply_Charging_Size"),
        .reply_deadline = word(&a, OPT_REPLY_DEADLINE, "MM7_Reply_Deadline")};
    if (!a.wrong && to->number_prefix.n > 32)
        a.wrong = "550 5.6.0 [internal] MM7_Number_Prefix is longer than 32 "
                  "octets";
    if (!a.wrong && to->sender_address.n && !submit_is_xml(to->sender_address))
        a.wrong = "550 5.6.0 [internal] MM7_Sender_Address is no XML";
    if (!a.wrong && to->extended.n && !submit_is_xml(to->extended))
        a.wrong = "550 5.6.0 [internal] MM7_Request_IE_Extended is no XML";
    return a.wrong;
}

/* --- the content --- */

/* A name that can stand in an attribute, in brackets and behind "cid:". */
static bool
is_id(const char *s)
{
    size_t n = strlen(s);

    for (size_t i = 0; i < n; i++)
        if (s[i] <= ' ' || s[i] > '~' || strchr("<>\"&%'\\", s[i]))
            return false;
    return n > 0;
}

static void
take_id(struct impel_str header, struct impel_str id, struct submit_content *to)
{
    char value[SUBMIT_ID_MOST];
    size_t n;

    if (mime_field(header, "Content-ID", value, sizeof(value))) {
        n = strlen(value);
        if (n > 2 && value[0] == '<' && value[n - 1] == '>') {
            value[n - 1] = '\0';
            memmove(value, value + 1, n - 1);
        }
        if (is_id(value)) {
            memcpy(to->id, value, strlen(value) + 1);
            return;
        }
    }
    (void)snprintf(to->id, sizeof(to->id), "%.*s@content.mm7",
        (int)(id.n < 64 ? id.n : 64), id.p);
}

/* One that does not stand in the octets. */
static void
take_boundary(struct submit_content *to, char own[SUBMIT_BOUNDARY],
    const char *kind, struct impel_str id)
{
    unsigned n = 0;

    do
        (void)snprintf(own, SUBMIT_BOUNDARY, "=%s.%.*s.%u", kind,
            (int)(id.n < 30 ? id.n : 30), id.p, n++);
    while (to->octets.n &&
        memmem(to->octets.p, to->octets.n, own, strlen(own)) != NULL);
}

static const char *
take_subject(struct impel_str header, struct submit_content *to)
{
    char value[2000], words[2000];
    size_t n;

    if (!mime_field(header, "Subject", value, sizeof(value)) || !value[0])
        return NULL;
    n = mime_words(line_str(value), words, sizeof(words));
    to->subject = text_for_xml((struct impel_str){words, n});
    return to->subject ? NULL : "451 4.3.0 [internal] no memory";
}

const char *
submit_content(struct impel_str header, struct impel_str octets,
    struct impel_str id, bool simple_mime, bool decoded,
    struct submit_content *to)
{
    struct mime_type type;

    memset(to, 0, sizeof(*to));
    to->octets = octets;
    if (!mime_type_of(header, &type))
        return "550 5.6.0 [internal] the Content-Type cannot be read";
    if (!mime_field(header, "Content-Type", to->type, sizeof(to->type)) ||
        !to->type[0])
        memcpy(to->type, "text/plain", sizeof("text/plain"));
    if (decoded ||
        !mime_field(header, "Content-Transfer-Encoding", to->encoding,
            sizeof(to->encoding)))
        memcpy(to->encoding, "binary", 7);
    if (!text_is_line(line_str(to->type)) ||
        !text_is_line(line_str(to->encoding)))
        return "550 5.6.0 [internal] the Content-Type cannot be read";
    take_id(header, id, to);
    take_boundary(to, to->boundary, "mm7", id);
    if (!simple_mime && strncasecmp(to->type, "multipart/", 10) != 0) {
        to->wrapped = true;
        take_boundary(to, to->inner, "one", id);
    }
    return take_subject(header, to);
}

void
submit_content_fini(struct submit_content *c)
{
    free(c->subject);
    c->subject = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - SOAP that comes back.
 */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "soap.h"

/* --- the document --- */

static int
take_code(const xmlNode *status)
{
    char digits[8];

    soap_text(soap_child(status, "StatusCode"), digits, sizeof(digits));
    if (strlen(digits) != 4 || strspn(digits, "0123456789") != 4 ||
        digits[0] == '0')
        return 0;
    return atoi(digits);
}

static void
take_status(const xmlNode *of, struct answer *to)
{
    const xmlNode *status = soap_child(of, "Status");

    to->code = take_code(status);
    if (!to->code)
        return;
    soap_text(soap_child(status, "StatusText"), to->text, sizeof(to->text));
    soap_text(soap_child(status, "Details"), to->details, sizeof(to->details));
}

/* The error stands right in detail, or in RSErrorRsp there. */
static void
take_fault(const xmlNode *fault, struct answer *to)
{
    const xmlNode *detail = soap_child(fault, "detail"),
                  *error = soap_child(detail, NULL);

    to->fault = true;
    soap_text(soap_child(fault, "faultstring"), to->text, sizeof(to->text));
    take_status(detail, to);
    if (!to->code)
        take_status(error, to);
}

static const char *
take(xmlDocPtr doc, struct answer *to)
{
    const char *why = NULL;
    const xmlNode *what =
        soap_open(doc, to->transaction, sizeof(to->transaction), &why);

    if (!what)
        return why;
    if (soap_is(what, "Fault")) {
        take_fault(what, to);
        return NULL;
    }
    if (!soap_is(what, "SubmitRsp") && !soap_is(what, "RSErrorRsp"))
        return "an answer to another request";
    to->fault = soap_is(what, "RSErrorRsp");
    take_status(what, to);
    soap_text(
        soap_child(what, "MessageID"), to->message_id, sizeof(to->message_id));
    return to->code ? NULL : "an answer without a StatusCode";
}

const char *
answer_read(struct impel_str type, struct impel_str body, struct answer *to)
{
    struct soap_body parts;
    xmlDocPtr doc;
    const char *why;

    memset(to, 0, sizeof(*to));
    why = soap_split(type, body, &parts);
    if (why)
        return why;
    doc = soap_document(parts.xml);
    if (!doc)
        return "no XML, or XML with a DOCTYPE";
    why = take(doc, to);
    xmlFreeDoc(doc);
    return why;
}

/* --- what it means --- */

#define T IMPEL_RETRY
#define P IMPEL_FAILED
#define RCPT IMPEL_BLAME_RCPT
#define MESSAGE IMPEL_BLAME_MESSAGE
#define HOST IMPEL_BLAME_HOST
#define ROUTE IMPEL_BLAME_ROUTE

static const struct row {
    int code;
    int verdict, blame;
    uint16_t status[3];
} rows[] = {{2001, P, MESSAGE, {5, 7, 1}}, {2002, P, RCPT, {5, 1, 3}},
    {2003, P, RCPT, {5, 1, 1}}, {2004, P, MESSAGE, {5, 6, 1}},
    {2007, P, MESSAGE, {5, 6, 0}}, {3000, T, HOST, {4, 3, 0}},
    {3001, T, RCPT, {4, 2, 0}}, {3002, P, MESSAGE, {5, 7, 1}},
    {3003, P, MESSAGE, {5, 5, 3}}, {4000, T, HOST, {4, 3, 0}},
    {4001, P, MESSAGE, {5, 7, 8}}, {4005, T, MESSAGE, {4, 3, 0}},
    {4006, T, HOST, {4, 3, 2}}, {4007, P, MESSAGE, {5, 7, 1}},
    {4008, P, MESSAGE, {5, 7, 1}}};
/* by class: 1xxx to 4xxx, and what no standard has */
static const struct row classes[] = {{0, T, HOST, {4, 5, 0}},
    {1, IMPEL_DELIVERED, RCPT, {2, 0, 0}}, {2, P, MESSAGE, {5, 0, 0}},
    {3, P, MESSAGE, {5, 3, 0}}, {4, P, MESSAGE, {5, 5, 0}}};

static const struct row *
row_of(int code)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].code == code)
            return &rows[i];
    return code / 1000 < 5 ? &classes[code / 1000] : &classes[0];
}

static struct impel_result
result_of(const struct row *row, int code, const char *words)
{
    return (struct impel_result){.size = sizeof(struct impel_result),
        .verdict = row->verdict,
        .blame = row->blame,
        .stage = IMPEL_AT_FINAL,
        .code = (uint16_t)code,
        .status = {row->status[0], row->status[1], row->status[2]},
        .retry_after = -1,
        .text = {words, strlen(words)}};
}

struct impel_result
answer_result(const struct answer *a, char words[ANSWER_CODE_TEXT])
{
    const struct row *row = row_of(a->code);
    /* 1000 within a fault is a contradiction, and no success */
    if (a->fault && row->verdict == IMPEL_DELIVERED)
        row = &classes[0];
    (void)snprintf(words, ANSWER_CODE_TEXT, "%s%d %s%s%s",
        a->fault ? "SOAP fault " : "", a->code,
        a->text[0] ? a->text : "(no text)", a->details[0] ? ": " : "",
        a->details);
    return result_of(row, 200, words);
}

struct impel_result
answer_http(int status, const char *why, char words[ANSWER_CODE_TEXT])
{
    static const struct row later = {0, T, HOST, {4, 3, 0}};
    static const struct row login = {0, T, ROUTE, {4, 7, 8}};
    static const struct row never = {0, P, MESSAGE, {5, 0, 0}};
    static const struct row large = {0, P, MESSAGE, {5, 3, 4}};
    const struct row *row = &classes[0];

    if (status == 401 || status == 403 || status == 407)
        row = &login;
    else if (status == 408 || status == 429 || status >= 500)
        row = &later;
    else if (status == 413)
        row = &large;
    else if (status / 100 == 4)
        row = &never;
    (void)snprintf(words, ANSWER_CODE_TEXT, "[internal] HTTP status %d%s%s",
        status, why ? ": " : "", why ? why : "");
    return result_of(row, status, words);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * call.h - what an MMSC asks of us, and what it is answered: DeliverReq,
 * DeliveryReportReq and ReadReplyReq (3GPP TS 23.140 8.7.2 to 8.7.4), faults
 * with VASPErrorRsp.
 */
#ifndef IMPEL_MM7_CALL_H
#define IMPEL_MM7_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

#include "soap.h"
#include "text.h"

enum { CALL_ID = 256, CALL_TEXT = 1024, CALL_RCPTS = 100 };
enum call_kind { CALL_DELIVER, CALL_REPORT, CALL_READ };
/* StatusCode of answers. */
enum call_status {
    CALL_SUCCESS = 1000,
    CALL_PARTLY = 1100,
    CALL_ADDRESS_ERROR = 2002,
    CALL_NO_ADDRESS = 2003,
    CALL_NO_MESSAGE = 2005,
    CALL_FORMAT = 2007,
    CALL_SERVER_ERROR = 3000,
    CALL_REJECTED = 3002,
    CALL_UNKNOWN = 4003
};
enum call_header { CALL_TO, CALL_CC, CALL_BCC };
struct call_address {
    char text[CALL_ID]; /* a number, a short code, an address of mail */
    bool mail;          /* the last */
    bool shown;         /* displayOnly: nobody to send to */
    enum call_header header;
};
struct call {
    enum call_kind kind;
    char transaction[CALL_ID], schema[SOAP_URI];
    char relay_server[CALL_ID]; /* MMSRelayServerID */
    char message_id[CALL_ID];   /* of reports */
    char linked_id[CALL_ID], charging_id[CALL_ID];
    char vaspid[CALL_ID], vasid[CALL_ID];
    char status[64], words[CALL_ID]; /* MMStatus, StatusText */
    char stamp[64];                  /* TimeStamp, Date */
    char priority[16], subject[CALL_TEXT];
    char href[CALL_ID];         /* of Content; "" none */
    struct call_address sender; /* text "" none */
    size_t rcpt_count;
    struct call_address rcpt[CALL_RCPTS];
};
/* 0; or the StatusCode of the fault to answer with, and *why. */
int call_read(struct impel_str xml, struct call *to, const char **why);

/* What becomes of the message that a report speaks of, by its MMStatus; words
 * is what the result lends.  UNTRIED: nothing that is final. */
enum { CALL_WORDS = 700 };
struct impel_result call_result(const struct call *c, char words[CALL_WORDS]);

/* Appends the answer to a call, with its StatusText. */
void call_answer(const struct call *c, struct impel_str version, int status,
    const char *details, struct text *to);
/* A fault of SOAP; c: as far as it was read. */
void call_fault(const struct call *c, struct impel_str version, int status,
    const char *details, struct text *to);

#endif

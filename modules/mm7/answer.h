/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.h - what an MMSC answers: SOAP 1.1 with SubmitRsp, or a fault (3GPP TS
 * 23.140 8.7), and what that means to the queue.
 *
 * soap.h has what is made of a stranger's document.
 */
#ifndef IMPEL_MM7_ANSWER_H
#define IMPEL_MM7_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <impel/module.h>

enum { ANSWER_TEXT = 256, ANSWER_ID = 256, ANSWER_CODE_TEXT = 700 };
struct answer {
    bool fault;                  /* of SOAP, whatever it has within */
    int code;                    /* StatusCode, 1000 to 9999; 0: none */
    char text[ANSWER_TEXT];      /* StatusText, or faultstring */
    char details[ANSWER_TEXT];   /* the text in Details */
    char message_id[ANSWER_ID];  /* "" none */
    char transaction[ANSWER_ID]; /* TransactionID of the header; "" none */
};
/* type: of the body of HTTP, or absent.  NULL; or why it is no such answer, a
 * constant text. */
const char *answer_read(
    struct impel_str type, struct impel_str body, struct answer *to);

/* What becomes of the recipient; words is what the result lends. */
struct impel_result answer_result(
    const struct answer *a, char words[ANSWER_CODE_TEXT]);
/* The same of an answer that is none, by its status of HTTP; why says more, or
 * is NULL. */
struct impel_result answer_http(
    int status, const char *why, char words[ANSWER_CODE_TEXT]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * submit.h - SubmitReq: a multimedia message for one recipient as SOAP 1.1 with
 * its content beside it (3GPP TS 23.140 8.7.1), as a body of HTTP.
 */
#ifndef IMPEL_MM7_SUBMIT_H
#define IMPEL_MM7_SUBMIT_H

#include "mm7.h"
#include "text.h"

enum { SUBMIT_TYPE_MOST = 1024, SUBMIT_ID_MOST = 200, SUBMIT_BOUNDARY = 48 };

/* What is asked for: options, and what the message's context says instead. */
struct submit_want {
    struct impel_str version, schema, prefix, env;
    bool prefix_in_body, simple_mime;
    struct impel_str vaspid, vasid, sender_address; /* XML */
    struct impel_str number_prefix, service_code, message_class, extended;
    bool delivery_report, read_reply, reply_charging;
    int64_t reply_size; /* 0: not said */
    struct impel_str reply_deadline;
};
/* NULL, or what is wrong with it: "550 ...".  meta: of a message; NULL: the
 * options alone. */
const char *submit_wants(const struct mm7 *m, const struct impel_scope *scope,
    struct impel_batch *batch, struct submit_want *to);

/* The content, once for all recipients. */
struct submit_content {
    char type[SUBMIT_TYPE_MOST];    /* of MIME, with its parameters */
    char encoding[40];              /* of MIME */
    char id[SUBMIT_ID_MOST];        /* Content-ID, without brackets */
    char boundary[SUBMIT_BOUNDARY]; /* that does not stand in it */
    bool wrapped;                   /* within a multipart of one part */
    char inner[SUBMIT_BOUNDARY];    /* of that */
    char *subject;                  /* for XML; NULL: none */
    struct impel_str octets;        /* lent */
};
/* header: of MIME, with the fields of the content and perhaps a Subject.
 * decoded: the octets are, whatever Content-Transfer-Encoding says.  The
 * message's id names what has no name.  NULL, or what is wrong: "550 ...". */
const char *submit_content(struct impel_str header, struct impel_str octets,
    struct impel_str id, bool simple_mime, bool decoded,
    struct submit_content *to);
void submit_content_fini(struct submit_content *c);

/* What Content-Type of the request says. */
void submit_type(const struct submit_content *c, char type[SUBMIT_TYPE_MOST]);
/* Appends the body; type as above.  stamp: ms, wall clock.
 * NULL, or what is wrong: "550 ..." or "451 ...". */
const char *submit_body(const struct submit_want *want,
    const struct submit_content *content, struct impel_str recipient,
    const char *transaction, int64_t stamp, struct text *body,
    char type[SUBMIT_TYPE_MOST]);

/* Is it some well-formed elements, that have no DOCTYPE? */
bool submit_is_xml(struct impel_str fragment);

#endif

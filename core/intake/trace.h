/* SPDX-License-Identifier: Apache-2.0
 *
 * trace.h - Received: and the other fields that a relay adds
 * (RFC 5321 4.4, RFC 6409 8).
 */
#ifndef IMPEL_TRACE_H
#define IMPEL_TRACE_H

#include "base/buf.h"
#include "intake/intake_int.h"
#include "spool/message.h"

/* The fields to stand in front of a message, each with CRLF: Received, and
 * Date and Message-ID if the header lacks them and the options say so.  utf8:
 * the client said SMTPUTF8, which the message need not need. */
void trace_fields(const struct intake_session *is, const struct message *m,
    bool utf8, struct str header, struct buf *to);

/* The parts of it: Received; what the header lacks. */
void trace_received(const struct intake_session *is, const struct message *m,
    bool utf8, struct buf *to);
void trace_missing(const struct intake_session *is, const struct message *m,
    struct str header, struct buf *to);

/* --- a bounded reader of header blocks --- */
/* Does the block have a field of that name ("Date")? */
bool trace_has_field(struct str header, struct str name);
/* How many fields of that name. */
size_t trace_count_fields(struct str header, struct str name);
/* There are fields of that name, and each says that one word, in any case. */
bool trace_says(struct str header, struct str name, struct str word);
/* What its first Content-Type says, as far as its first line goes; empty: there
 * is none. */
struct str trace_content_type(struct str header);
/* Does Content-Type say that it is made of parts with headers of their own? */
bool trace_has_parts(struct str header);
/* Does it begin like a header: a field name and a colon, or a blank line? */
bool trace_is_header(struct str header);

#endif

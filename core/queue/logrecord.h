/* SPDX-License-Identifier: Apache-2.0
 *
 * logrecord.h - the text of log records: Momentum's '@'-separated lines, and
 * the same events as JSON.
 *
 * In a field '@', '\' and control characters are written \x40, \\, \x0a, so
 * that splitting at '@' always gives the documented fields.
 */
#ifndef IMPEL_LOGRECORD_H
#define IMPEL_LOGRECORD_H

#include "queue/maillog.h"

/* All of these append one line without LF.  hires: time in microseconds. */
void logrecord_time(struct buf *to, int64_t wall, bool hires);
void logrecord_field(struct buf *to, struct str s); /* escaped */
/* How it came in, "protocol=TLS1.3 ..."; absent: in clear. */
struct str logrecord_tls(const struct message *m);
void logrecord_reception(struct buf *to, bool hires, const struct message *m,
    uint32_t rcpt, uint64_t size, struct str group, struct str binding);
/* type: D, T or P */
void logrecord_outcome(
    struct buf *to, bool hires, char type, const struct maillog_outcome *o);
void logrecord_bounce(
    struct buf *to, bool hires, char type, const struct maillog_outcome *o);
void logrecord_reported(
    struct buf *to, bool hires, const struct maillog_report *r);
void logrecord_rejection(
    struct buf *to, bool hires, const struct maillog_rejection *r);

void logrecord_json_reception(struct buf *to, const struct message *m,
    uint32_t rcpt, uint64_t size, struct str group, struct str binding);
void logrecord_json_outcome(
    struct buf *to, char type, const struct maillog_outcome *o);
void logrecord_json_reported(struct buf *to, const struct maillog_report *r);
void logrecord_json_rejection(
    struct buf *to, const struct maillog_rejection *r);
/* "key":"value" with what JSON wants escaped; bytes that are no UTF-8 become
 * U+FFFD. */
void logrecord_json_str(struct buf *to, struct str s);

#endif

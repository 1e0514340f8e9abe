/* SPDX-License-Identifier: Apache-2.0
 *
 * policy.h - ordered checks that answer with a verdict.
 *
 * Each returns 0 for yes, or -1 with the refusal in *r (code, enhanced code,
 * text).  Pure: no state is changed.  Relaying is closed by default: a
 * recipient is taken when the peer is in relay_hosts or has logged in, the
 * listener is an open_relay, the domain is in relay_domains, or the sender's
 * domain is in relay_for_sending_domains.
 */
#ifndef IMPEL_POLICY_H
#define IMPEL_POLICY_H

#include "base/address.h"
#include "intake/intake_int.h"
#include "spool/content.h"

/* A verdict with words that live for the process. */
void policy_say(struct impel_result *r, int verdict, int stage, int code,
    const char *status, const char *text);

/* Fit to be kept of what a client calls itself: of a length, without control
 * characters, and without blanks unless they are allowed. */
bool policy_is_shown(struct str s, bool blanks);
int policy_greet(
    const struct intake_session *is, struct str name, struct impel_result *r);
/* now: memory, disk, drain.  size: declared, 0 unknown. */
int policy_accepting(
    const struct intake_session *is, uint64_t size, struct impel_result *r);
int policy_sender(const struct intake_session *is, struct str address,
    bool utf8, struct impel_result *r);
/* binding: the message's as it is known by now; absent: the default one. */
int policy_recipient(const struct intake_session *is, struct str binding,
    struct str sender, struct str address, bool utf8, struct impel_result *r);
/* The whole message: line lengths, bare CR and LF, header fields, loops.
 * needs: IMPEL_NEED_*; a body with NEED_BINARY has no lines to be judged. */
int policy_message(const struct intake_session *is, uint32_t needs,
    const struct content_facts *f, struct str header, struct impel_result *r);

#endif

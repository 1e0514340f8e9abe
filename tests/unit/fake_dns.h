/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_dns.h - core/net/dns.h with answers from a table: linked in its place.
 *
 * A name that is not in the table does not exist; one that is, but not with
 * the type that is asked, has no such data.  Aliases (CNAME) are followed.
 */
#ifndef TEST_FAKE_DNS_H
#define TEST_FAKE_DNS_H

#include "net/dns.h"

void fake_dns_reset(void);
/* One record: an address, the name of an exchange ("" for the root), a text, of
 * TLSA the RDATA in hex digits. */
void fake_dns_add(const char *name, enum dns_type t, uint32_t ttl, int pref,
    const char *value);
/* What is said of (name, type) instead: its records go. */
void fake_dns_say(const char *name, enum dns_type t, enum dns_status status);
/* All in and below it is signed: what is said of it is authenticated, and that
 * it does not exist. */
void fake_dns_sign(const char *zone);
/* But what that name has of that type is not. */
void fake_dns_unsign(const char *name, enum dns_type t);
void fake_dns_break_alias(bool on);   /* questions about CNAME fail */
void fake_dns_trust(bool on);         /* are the servers? at first they are */
void fake_dns_drop(const char *name); /* all types */
void fake_dns_hold(bool on);          /* questions are kept unanswered */
int fake_dns_asked(const char *name, enum dns_type t); /* so far */
/* No server says anything: answers do not count as replies. */
void fake_dns_mute(bool on);

#endif

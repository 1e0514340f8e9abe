/* SPDX-License-Identifier: Apache-2.0
 *
 * dns.h - the only resolver for mail: c-ares on the scheduler's loop, with a
 * cache of answers and of negative answers, and shared waits for one name.
 *
 * Scheduler thread only.
 */
#ifndef IMPEL_DNS_H
#define IMPEL_DNS_H

#include "base/buf.h"
#include "base/cidr.h"
#include "base/tokens.h"
#include "loop/loop.h"

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52
};
enum dns_status {
    DNS_OK,     /* at least one record */
    DNS_NODATA, /* the name exists, not the type */
    DNS_NXDOMAIN,
    DNS_SERVFAIL, /* SERVFAIL, REFUSED, malformed answers, no server */
    DNS_TIMEOUT
};
struct dns_record {
    uint32_t ttl;        /* seconds */
    uint16_t preference; /* MX */
    struct cidr ip;      /* A, AAAA */
    struct str name; /* MX exchange, PTR, CNAME: lower case, no final dot; "" is
                        the root (null MX, RFC 7505) */
    struct str bytes; /* TXT (strings joined), TLSA (RDATA, of any size) */
};
struct dns_answer { /* immutable, lent for the callback */
    enum dns_status status;
    uint32_t ttl; /* seconds until it expires, negative answers too */
    /* The server that said so validates (AD), it is one of those trusted, and
     * all of the answer is meant, the aliases on the way too. */
    bool authenticated;
    /* Where aliases (CNAME) led from the name that was asked; absent: there
     * were none.  Not for questions about CNAME itself. */
    struct str canonical;
    size_t count;
    const struct dns_record *record;
};

struct dns_config {
    const char *resolv_conf;   /* NULL: /etc/resolv.conf.  nameserver lines may
                                  carry a port: 127.0.0.1:5300, [::1]:5300 */
    uint32_t min_ttl, max_ttl; /* seconds; clamp what the cache keeps */
    uint32_t negative_ttl_max; /* seconds */
    uint32_t tlsa_ttl_max;     /* seconds; 0: no other than the rest.  min_ttl
                                  does not lengthen what TLSA records say */
    /* Servers whose AD bit is believed, beside those of this machine (loopback
     * addresses).  Only if all that are asked are among them. */
    const struct cidr *trusted;
    size_t trusted_count;
    size_t cache_size;            /* answers kept */
    struct throttle_rate mx_rate; /* MX questions to servers; count 0: any */
    size_t mx_waiting_max;        /* more of them do not wait for that */
};
struct dns;
struct dns *dns_new(struct loop *l, const struct dns_config *c, struct err *e);
/* Pending questions are answered DNS_SERVFAIL first. */
void dns_free(struct dns **d);
/* resolv.conf is read again when it changed; the cache stays. */
void dns_reload(struct dns *d, const struct dns_config *c);

struct dns_question; /* a wait */
typedef void dns_answer_f(void *arg, const struct dns_answer *a);
/* Always answered in a later turn, from the cache too.  Names are at most 255
 * octets; UTF-8 is turned into A-labels (libidn2). */
struct dns_question *dns_ask(struct dns *d, struct str name, enum dns_type t,
    dns_answer_f *fn, void *arg);
void dns_cancel(struct dns_question **q);        /* fn is not called any more */
void dns_forget(struct dns *d, struct str name); /* of the cache, all types */

/* All of the cache; what is under way is not kept either. */
void dns_flush(struct dns *d);
/* Is the answer in the cache? */
bool dns_is_kept(struct dns *d, struct str name, enum dns_type t);
/* Tells of what the cache holds, the last used first, until it says false.  It
 * must ask nothing.  name: of that one only; absent: of all. */
struct dns_kept {
    struct str name;
    enum dns_type type;
    struct dns_answer answer; /* its ttl is what is left */
};
typedef bool dns_each_f(void *arg, const struct dns_kept *k);
void dns_each(struct dns *d, struct str name, dns_each_f *each, void *arg);
/* "MX"; and the type of such a name in any case, or 0. */
const char *dns_type_name(enum dns_type t);
enum dns_type dns_type_find(struct str name);
const char *dns_status_name(enum dns_status s);
/* Are the servers that are asked now trusted?  Else nothing is authenticated.
 */
bool dns_is_trusted(const struct dns *d);

struct dns_stats {
    uint64_t queries[4], timeouts[4]; /* A, AAAA, MX, TXT */
    uint64_t pending, cache_hits, cache_count;
    uint64_t limited; /* MX questions that wait for mx_rate */
    uint64_t replies; /* of servers, whatever they said */
    int64_t response_us_avg, response_us_peak;
};
void dns_get_stats(const struct dns *d, struct dns_stats *st);

#endif

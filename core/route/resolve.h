/* SPDX-License-Identifier: Apache-2.0
 *
 * resolve.h - from a recipient to a hop: the one entry point of routing.
 *
 *   recipient's (binding, domain) --destination--> routing domain, method, port
 *   routing domain --domain record--> routes or MX set, addresses, TTL
 *   domain record --pick--> one host and address to connect to
 *
 * The seeds decide, then momentum-config.md 3.1, 3.2, 4.  Scheduler only.
 */
#ifndef IMPEL_RESOLVE_H
#define IMPEL_RESOLVE_H

#include "base/cursor.h"
#include "conf/generation.h"
#include "net/dns.h"
#include "net/netaddr.h"
#include "net/tlsdemand.h"
#include "net/tlsreason.h"
#include "route/hostlimits.h"
#include "route/method.h"

/* What a parcel's queue is keyed by. */
struct destination {
    struct str domain; /* routing domain, lower case; borrowed from g or arg */
    int method;
    uint16_t port; /* the method's default port here; URIs may beat it */
    uint16_t gateway_port; /* written with the gateway; 0: none */
    bool by_gateway;
    /* enum message_tls: mail whose sender asks for other TLS than the rest
     * has queues and domain records of its own.  The caller's. */
    uint8_t tls;
};
/* Read `gateway`, `delivery_method` and the port options for the recipient's
 * own (binding, domain); an explicit method from there stays. */
void resolve_destination(struct generation *g, struct str binding,
    struct str domain, struct destination *to);

/* --- domain records --- */
struct resolver;
struct domain; /* counted; shared by all queues of a routing domain */
struct resolver_events {
    void *arg;
    /* hosts are known, changed, became usable again, or failed: look again */
    void (*changed)(void *arg, struct domain *d);
    line_wake_f *wake; /* somebody in a line of HOP_LIMIT */
    /* The MTA-STS policy of a domain could not be had; or NULL. */
    void (*policy_failed)(
        void *arg, struct str domain, enum tls_reason why, const char *text);
};
struct resolver *resolver_new(
    struct loop *l, struct dns *dns, const struct resolver_events *ev);
void resolver_free(struct resolver **r);
/* Lookups that begin from now on read this generation. */
void resolver_adopt(struct resolver *r, struct generation *g);
/* Whom to ask for MTA-STS policies; NULL: there are none.  Before the first
 * record. */
struct sts;
void resolver_set_sts(struct resolver *r, struct sts *sts);
void resolver_recovered(struct resolver *r); /* the spool can be read */
/* Where this server itself takes mail, from now on: see self.h. */
void resolver_set_self(
    struct resolver *r, const struct netaddr *at, size_t count);

/* The record of (routing domain, method); made if there is none. A reference.
 * by_gateway: lookups follow the rules of gateway names. */
struct domain *domain_get(struct resolver *r, const struct destination *d);
void domain_unref(struct domain **d);
struct str domain_name(const struct domain *d);
void domain_refresh(struct domain *d); /* look up now: `refresh domain` */
/* Does it serve by other routes than those of the generation in force?  Until
 * its TTL ends or somebody refreshes it. */
bool domain_is_old(const struct domain *d);
/* A sentence about that with its time, and how to end it. */
void domain_print_old(const struct domain *d, struct buf *to);
/* All records, for work in slices: those that go meanwhile are left out. */
struct domain_cursor {
    struct cursor cursor;
};
void domain_cursor_begin(struct resolver *r, struct domain_cursor *c);
struct domain *domain_cursor_next(struct domain_cursor *c); /* or NULL */
void domain_cursor_end(struct domain_cursor *c);

enum hop_result {
    HOP_OK,
    HOP_WAIT,  /* DNS is being asked, or a policy: changed() follows */
    HOP_LIMIT, /* all usable hosts are at their limit */
    HOP_DOWN,  /* all marked failed: until says when to look again */
    HOP_DELAY, /* this attempt fails for now: code and text */
    HOP_FAIL   /* permanent: code and text ("550 5.4.4 [internal] ...") */
};
struct host; /* one exchange and one address, as seen from one domain record */
struct hop {
    struct host *host; /* counted until hop_closed() */
    struct str name;   /* exchange: to show, to verify; borrowed, lives as
                          long as host is counted */
    struct netaddr to; /* port filled in */
    struct str uri;    /* the route as configured, or absent */
    int32_t preference;
    int64_t until;         /* HOP_DOWN: monotonic ms; HOP_LIMIT: that, or 0 */
    struct line *line;     /* HOP_LIMIT: where to wait */
    struct host_pass pass; /* HOP_OK: what it is counted in */
    uint64_t failures;     /* HOP_DOWN: in a row, of the host with the fewest */
    int64_t picked;        /* monotonic ms, for the time to connect */
    uint64_t marks;        /* marks.h */
    struct tlsdemand
        *tls; /* HOP_OK: until hop_closed(); NULL: as options say */
    enum tls_reason why_tls;  /* HOP_DELAY: it is for that, of the host `name`
                                 (for the turn); or FINE */
    uint16_t code, status[3]; /* HOP_DELAY, HOP_FAIL */
    char text[200];           /* without code: "[internal] ..." */
};
/* Choose where the next connection goes: the lowest preference that is
 * reachable and below its host limit; among equals the one with the fewest
 * open connections.  Of the domain's own MX those that are this server, or no
 * better, are left out; so is a gateway that is this server.  HOP_OK counts
 * one connection on the host until hop_closed(). scope: of the queue, for
 * prohibited_hosts and friends. */
enum hop_result domain_pick(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    struct hop *to);
/* A host of a record, as domain_pick() would see it now. */
enum hop_seen {
    HOP_SEEN_NEXT, /* it would be chosen */
    HOP_SEEN_FREE,
    HOP_SEEN_FAILED,  /* marked until then */
    HOP_SEEN_FULL,    /* at a limit of its own, or its throttle used up */
    HOP_SEEN_SKIPPED, /* skip_hosts, or no source address of its family */
    HOP_SEEN_PROHIBITED,
    HOP_SEEN_ASKED,   /* its TLSA records are being asked for */
    HOP_SEEN_REFUSED, /* for what DANE says, or does not say */
    HOP_SEEN_SELF,    /* this server */
    HOP_SEEN_WORSE,   /* as an MX no better than this server */
    HOP_SEEN_UNNAMED  /* its MTA-STS policy does not name it */
};
struct hop_look {
    const struct host *host; /* for the call only */
    enum hop_seen seen;
    struct str name; /* exchange */
    struct netaddr at;
    int32_t preference;
    int64_t open;             /* connections of this record */
    int64_t failed_at, until; /* monotonic; 0: not known */
    uint64_t marks;           /* marks.h */
};
typedef void hop_look_f(void *arg, const struct hop_look *h);
/* What domain_pick() would say, without its effects: nothing is looked up or
 * counted.  Tells of each host, best first.  HOP_OK
 * if nobody has looked the record up yet. */
enum hop_result domain_look(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    struct hop *to, hop_look_f *each, void *arg);
/* Why a host is HOP_SEEN_FULL: option and stanza. */
void domain_say_full(struct domain *d, struct generation *g, struct str binding,
    struct str name, struct buf *to);
/* How a connection that domain_pick() chose stands now. */
enum hop_standing {
    HOP_CURRENT, /* the next one could go to the same host */
    HOP_SPILLED, /* a host of a better preference is at its limit */
    HOP_WORSE,   /* a host of a better preference can be used */
    HOP_GONE     /* not among the hosts any more, or not to be used */
};
/* Arguments as for domain_pick(), h as it filled it.  A record that has
 * expired is asked for anew; until changed() follows its hosts stand.
 * *until: monotonic ms at which the answer may be another without changed();
 * INT64_MAX: not before. */
enum hop_standing domain_standing(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    const struct hop *h, int64_t *until);
/* The connection is gone.  bad: ms for which the address is left alone (by
 * address and binding), host_failure_retry at least; < 0: it is well. */
void hop_closed(
    struct hop *h, struct str binding, int64_t bad, const struct scope *scope);
/* It worked (a session came up): failure counts restart. */
void hop_worked(struct hop *h, struct str binding);

/* May its host be sent one more message?  NULL: yes.  Else where to wait. */
struct line *hop_may_send(struct hop *h, int64_t now, int64_t *until);
/* Is it one of the connections that fill that line of domain_pick()? */
bool hop_fills(const struct hop *h, const struct line *l);
/* It has nothing to do: the first who waits for its place may look for it. */
void hop_idle(struct hop *h);
/* What a message to it is charged to, or NULL. */
struct tokens *hop_tokens(const struct hop *h);

/* For `domain D`, `explain`: lines about hosts, addresses, marks, TTLs, as
 * domain_look() with these arguments tells of them. */
void domain_print(struct domain *d, struct generation *g,
    const struct scope *scope, struct str binding, uint16_t default_port,
    struct buf *to);
/* A line about its MTA-STS policy, if one is asked for. */
void domain_print_sts(const struct domain *d, const struct scope *scope,
    const char *indent, struct buf *to);
/* One sentence about the lookup, and until when it stands (0: unknown). */
void domain_why(const struct domain *d, struct buf *to, int64_t *until);

#endif

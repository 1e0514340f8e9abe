/* SPDX-License-Identifier: Apache-2.0
 *
 * route_int.h - what resolve.h hides: the resolver, domain records, hosts.
 * For core/route and its tests only.
 */
#ifndef IMPEL_ROUTE_INT_H
#define IMPEL_ROUTE_INT_H

#include "base/chains.h"
#include "base/heap.h"
#include "base/list.h"
#include "loop/defer.h"
#include "loop/timer.h"
#include "route/dane.h"
#include "route/hosts.h"
#include "route/resolve.h"
#include "route/rules.h"
#include "route/self.h"

enum {
    ROUTE_SWEEP_MS = 10000,       /* dns_expire_interval */
    ROUTE_UNUSED_MS = 10000,      /* a record that nobody uses, */
    ROUTE_UNUSED_MOST = 10000,    /* if there are no more of them */
    ROUTE_METRICS_MS = 1800000,   /* address_metrics_lifetime */
    ROUTE_SELF_MS = 60000,        /* this host's addresses are read again */
    ROUTE_SWEEP_MOST = 500,       /* records or marks in one go */
    ROUTE_PARTIAL_MS = 60000,     /* a half answer is asked again after */
    ROUTE_FAILED_MS = 15000,      /* a failed one, doubled each time ... */
    ROUTE_FAILED_MAX_MS = 1200000 /* ... up to this */
};

struct sts;
struct domainsts;

struct resolver {
    uint32_t magic;
    struct loop *loop;
    struct dns *dns;
    struct resolver_events events;
    struct generation *generation; /* of the last pick */
    struct chains domains;         /* by domain.key */
    struct list all, told;         /* domains */
    size_t unused;                 /* of them without a reference */
    struct list cursors;           /* over all */
    struct heap expiry, wakes;
    struct timer sweep, wake;
    struct defer tell;
    struct hosts *hosts;
    struct hostlimits *limits;
    struct sts *sts; /* or NULL */
    struct dane *dane;
    struct self self;
    int64_t self_read;
    uint64_t picks;
};

struct host {
    uint32_t magic;
    unsigned refs; /* the record's, and one for each connection */
    struct resolver *resolver;
    char *name, *uri;
    struct cidr ip;      /* family 0: name is the path of a socket */
    uint16_t port;       /* 0: the method's */
    uint16_t preference; /* of the MX */
    uint16_t rank;
    int32_t item_pref;
    uint32_t ttl;
    bool secure, unsure; /* of mx.h */
    char *canonical;     /* of mx.h, or NULL */
    bool own; /* by the domain's own DNS data, not as an operator wrote */
    int64_t open;
    uint64_t picked; /* the resolver's count of picks then */
};

/* One rule's lookup while a record is looked up. */
struct rule_lookup {
    struct domain *domain;
    struct rule *rule;
    struct mx_lookup *mx; /* kept until the whole is settled */
    enum mx_status status;
    bool done;
};

struct domain {
    uint32_t magic;
    unsigned refs;
    struct resolver *resolver;
    struct chain chain; /* of `domains` */
    struct list node, told_node;
    struct heap_node expiry, wake;
    char *key;
    size_t key_n;
    struct str name; /* in key */
    int method;
    bool by_gateway;
    uint8_t tls; /* enum message_tls: what its mail's sender asks for */
    uint16_t gateway_port;

    struct rules rules;              /* those of the hosts and lookups below */
    uint64_t rules_hash, found_hash; /* of them, of those of the last answer */
    struct rule_lookup *lookups;
    size_t lookup_count, lookup_open;
    bool settling; /* a defer to settle is posted */
    struct defer settle;

    struct domainsts *sts; /* domainsts.h; NULL: it is not asked for */
    uint64_t sts_seen;     /* the generation that said so */

    struct host **hosts; /* by (item_pref, rank), else as they came */
    size_t host_count, mx_count;
    uint16_t self_rank; /* of this server's name among the MX */
    uint64_t print;     /* of its MX (mxshare.h); 0: not looked at */
    bool whole;        /* no lookup failed, nothing else than DNS names hosts */
    char *canonical;   /* of its own name, vouched for; or NULL */
    int64_t refreshed; /* by hand; monotonic ms */
    unsigned dane_waits;    /* TLSA answers that will be told of */
    struct buf asked_names; /* exchanges of the last lookup, NUL-ended each */
    bool resolved;          /* there was an answer, good or bad */
    bool stale_ok;     /* hosts are of an earlier answer; the last one failed */
    int64_t expires;   /* monotonic ms; of the last answer */
    int64_t asked;     /* when the running or last lookup began */
    uint32_t ttl;      /* of the last good answer, seconds */
    uint64_t failures; /* failed lookups in a row */
    uint64_t mx_failures;    /* failed MX questions in a row */
    uint64_t replies;        /* what DNS had said in all at the last failure */
    enum hop_result verdict; /* without hosts: HOP_DELAY or HOP_FAIL */
    uint16_t code, status[3];
    char text[160];
};

/* resolver.c */
void resolver_tell(struct domain *d); /* changed(), at the end of the turn */
void resolver_wake(struct domain *d, int64_t when); /* changed() then */
void resolver_expires(struct domain *d, int64_t when);
const struct scope *resolver_scope(const struct resolver *r, struct str domain);

/* domain.c */
struct domain *domain_new(
    struct resolver *r, const struct destination *to, struct str key);
void domain_free(struct domain *d);
/* With the resolver's generation; nothing if one is under way. */
void domain_look_up(struct domain *d);
bool domain_looking(const struct domain *d);
void domain_expired(struct domain *d); /* by the sweep */
void host_unref(struct host **h);

#endif

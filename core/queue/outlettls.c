/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/outlettls.h"

#include "base/buf.h"
#include "base/log.h"
#include "net/tlsdemand.h"
#include "queue/tlsrpt.h"
#include "queue/tlsrpt_options.h"
#include "xport/xport_options.h"
#include "base/banned.h"

/* The records, one a line. */
static void
print_records(const struct tlsa_set *set, struct buf *to)
{
    struct buf all = BUF_INIT;
    struct str rest;

    tlsa_set_print(set, &all);
    rest = buf_get(&all);
    while (rest.n) {
        struct str one = str_cut(&rest, ',');

        if (to->n)
            buf_char(to, '\n');
        buf_str(to, str_trim(one));
    }
    buf_fini(&all);
}

/* The policy domain of DANE is the one that the records stand under (RFC 8460
 * 1.1), which SNI names; of everything else the one that the mail goes to. */
static struct tlstally_policy
policy_of(const struct outlet *o, struct str domain, struct buf *strings)
{
    const struct tlsdemand *d = o->hop.tls;
    struct tlstally_policy p = {
        .type = STR("no-policy-found"), .domain = domain};

    if (d && d->by == TLSDEMAND_DANE) {
        p.type = STR("tlsa");
        p.domain = d->sni ? str_of(d->sni) : o->hop.name;
        if (d->tlsa)
            print_records(d->tlsa, strings);
    } else if (d && d->by == TLSDEMAND_STS) {
        p.type = STR("sts");
        p.mx = str_of(d->mx);
        buf_str(strings, d->policy ? str_of(d->policy) : STR(""));
    }
    p.strings = buf_get(strings);
    return p;
}

/* RFC 8460 3: not what brings reports; and nothing that goes whatever TLS is
 * like. */
bool
outlettls_counts(const struct queue *q)
{
    return q->tls != MESSAGE_TLS_ANY &&
        scope_int(q->scope, OPT(tlsrpt_options, TLSRPT_REPORTS)) > 0;
}

static bool
is_watched(const struct tlsdemand *d)
{
    return d && d->by == TLSDEMAND_STS && d->level == TLSDEMAND_WATCHED;
}

bool
outlettls_is_wanted(const struct queue *q, const struct hop *hop)
{
    return outlettls_counts(q) || is_watched(hop->tls);
}

/* tls = no, and nothing is demanded: no TLS says nothing of the host. */
static bool
is_ours(const struct outlet *o, const struct session_tls *t)
{
    return t->why == TLS_NO_STARTTLS && is_watched(o->hop.tls) &&
        !o->hop.tls->unnamed &&
        scope_int(o->queue->scope, OPT(xport_options, XPORT_TLS)) ==
        XPORT_TLS_NO;
}

/* A policy in mode testing: mail goes, and what would have kept it is told. */
static void
outlettls_watch(struct outlet *o, const struct session_tls *t)
{
    const struct tlsdemand *d = o->hop.tls;

    if (o->watched || !is_watched(d) || (t->why == TLS_FINE && !d->unnamed))
        return;
    o->watched = true;
    o->s->stats.sts_testing++;
    log_notice(LOG_NET, "mta-sts-testing", "domain=%s host=%.*s why=%s",
        o->queue->zone->name, STR_ARG(o->hop.name),
        d->unnamed ? "not-named" : tlsreason_name(t->why));
}

/* The policy is broken, however good its TLS is (RFC 8460 4.3). */
static bool
is_unnamed(const struct outlet *o)
{
    return is_watched(o->hop.tls) && o->hop.tls->unnamed;
}

void
outlettls_count(struct outlet *o, const struct session_tls *t)
{
    const struct queue *q = o->queue;
    struct str domain = str_of(q->zone->name);
    struct buf strings = BUF_INIT, local = BUF_INIT;
    struct tlstally_failure f = {.result = str_of(tlsreason_name(t->why)),
        .mx = o->hop.name,
        .receiving_ip = str_of(o->addr),
        .code = str_of(t->text)};
    struct tlsrpt_session is = {.scope = q->scope, .domain = domain};

    if (is_ours(o, t))
        return;
    outlettls_watch(o, t);
    if (o->counted || !outlettls_counts(q) || !o->hop.to.ip.family)
        return;
    o->counted = true;
    netaddr_print_ip(&t->local, &local);
    f.sending_ip = buf_get(&local);
    is.policy = policy_of(o, domain, &strings);
    if (is_unnamed(o)) {
        f.result = str_of(tlsreason_name(TLS_NOT_VALID));
        f.code = STR("the policy does not name this host");
    }
    is.failure = t->why == TLS_FINE && !is_unnamed(o) ? NULL : &f;
    tlsrpt_count(o->s->tlsrpt, &is);
    buf_fini(&strings);
    buf_fini(&local);
}

void
outlettls_refused(const struct queue *q, const struct hop *hop)
{
    struct str domain = str_of(q->zone->name);
    struct tlstally_failure f = {.result = str_of(tlsreason_name(hop->why_tls)),
        .mx = hop->name,
        .code = str_of(hop->text)};
    struct tlsrpt_session is = {.scope = q->scope,
        .domain = domain,
        .policy = {.type = STR("tlsa"),
            .domain = hop->name.n ? hop->name : domain},
        .failure = &f};

    if (hop->why_tls != TLS_FINE && outlettls_counts(q))
        tlsrpt_count(q->s->tlsrpt, &is);
}

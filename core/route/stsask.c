/* SPDX-License-Identifier: Apache-2.0
 *
 * stsask.c - a domain's record is asked for, and its policy fetched.
 */
#include "route/sts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "route/sts_int.h"
#include "base/banned.h"

/* It is found out, for now. */
static void
entry_settle(struct sts_entry *e)
{
    bool first = !e->known;

    e->known = true;
    e->force = false;
    if (first && !e->policy) /* those that have one did not wait */
        sts_entry_tell(e);
    sts_entry_plan(e);
}

/* --- the policy --- */

static void
entry_failed(struct sts_entry *e, enum tls_reason why, const char *text)
{
    struct sts *s = e->sts;
    unsigned shift = (unsigned)MIN_OF(e->failures, UINT64_C(9));
    int64_t wait = MIN_OF((int64_t)STS_RETRY_MS << shift, STS_RETRY_MAX_MS);

    e->failures++;
    s->failed++;
    memcpy(e->failed_id, e->asked_id, sizeof(e->failed_id));
    e->retry_at = loop_now(s->on.loop) + wait + sts_some_of(wait / 8);
    e->refresh_at = e->retry_at;
    (void)str_copy(e->trouble, sizeof(e->trouble), str_of(text)); /* cut */
    log_warn(LOG_NET, "mta-sts-failed",
        "domain=%s why=%s held=%d failures=%llu reason=\"%s\"", e->domain,
        tlsreason_name(why), e->policy != NULL, (unsigned long long)e->failures,
        text);
    if (s->trouble)
        s->trouble(
            s->trouble_arg, str_of(e->domain), why, text, e->policy != NULL);
    entry_settle(e);
}

static void
entry_got(struct sts_entry *e, struct stspolicy *p)
{
    int64_t now = clock_wall();
    bool same = stspolicy_eq(e->policy, p);

    e->failures = 0;
    e->force = false;
    e->failed_id[0] = e->trouble[0] = '\0';
    sts_entry_take(e, p, e->asked_id, now,
        now + MAX_OF(p->max_age * 1000, (int64_t)STS_LEAST_MS));
    sts_store(e);
    if (same)
        log_debug(LOG_NET, "mta-sts-same", "domain=%s id=%s", e->domain, e->id);
    else
        log_notice(LOG_NET, "mta-sts-policy",
            "domain=%s mode=%s id=%s max_age=%lld mx=%zu", e->domain,
            stspolicy_mode_name(p->mode), e->id, (long long)p->max_age,
            p->mx_count);
    if (!same)
        sts_entry_tell(e);
}

static void
entry_read(struct sts_entry *e, const struct fetch_answer *a)
{
    struct stspolicy *p;
    struct buf text = BUF_INIT;
    struct err err = {0};

    if (a->outcome != FETCH_ANSWERED) {
        bool tls = a->outcome == FETCH_CERTIFICATE || a->outcome == FETCH_TLS;

        buf_printf(&text, "%s: %s", fetch_outcome_name(a->outcome), a->error);
        entry_failed(e, tls ? TLS_STS_WEBPKI : TLS_STS_FETCH, text.p);
    } else if (a->status != 200) {
        buf_printf(&text, "the server says %d", a->status);
        entry_failed(e, TLS_STS_FETCH, text.p);
    } else if (!stspolicy_is_text(a->type)) {
        entry_failed(e, TLS_STS_INVALID, "the document is no text/plain");
    } else if (stspolicy_parse(a->body, &p, &err) < 0) {
        entry_failed(e, TLS_STS_INVALID, err.text);
    } else {
        entry_got(e, p);
        stspolicy_unref(&p);
    }
    buf_fini(&text);
}

static void
entry_fetched(void *arg, const struct fetch_answer *a)
{
    struct sts_entry *e = arg;

    e->fetch = NULL;
    if (a->outcome == FETCH_STOPPED)
        return;
    e->sts->fetched++;
    entry_read(e, a);
}

static void
entry_fetch(struct sts_entry *e, const char *id)
{
    struct sts *s = e->sts;
    struct fetch_request r = {
        .timeout_ms = STS_FETCH_MS, .most = STSPOLICY_SIZE_MAX};
    struct buf url = BUF_INIT;
    struct err err = {0};

    buf_printf(&url, "https://mta-sts.%s", e->domain);
    if (s->port != 443)
        buf_printf(&url, ":%u", s->port);
    buf_cstr(&url, "/.well-known/mta-sts.txt");
    r.url = url.p;
    (void)str_copy(e->asked_id, sizeof(e->asked_id), str_of(id)); /* it fits */
    e->fetch =
        fetch_begin(s->on.fetcher, s->on.loop, &r, entry_fetched, e, &err);
    buf_fini(&url);
    if (e->fetch)
        return;
    if (err.code == ERR_FULL) { /* our own trouble, and no answer */
        e->check_at = loop_now(s->on.loop) + STS_BUSY_MS;
        e->refresh_at = MAX_OF(e->refresh_at, e->check_at);
        sts_entry_plan(e);
    } else if (err.code != ERR_CLOSED) {
        entry_failed(e, TLS_STS_FETCH, err.text);
    }
}

/* --- the record --- */

static void
entry_note(struct sts_entry *e, const char *text)
{
    (void)str_copy(e->record, sizeof(e->record), str_of(text)); /* cut */
    e->checked = clock_wall();
}

/* Without a record that can be read what is in force stays. */
static void
entry_no_record(struct sts_entry *e, const struct dns_answer *a, int rc,
    const struct err *why)
{
    struct buf text = BUF_INIT;

    if (a->status != DNS_OK)
        buf_printf(&text, "DNS says %s", dns_status_name(a->status));
    else
        buf_cstr(&text, why->text);
    entry_note(e, buf_get(&text).p);
    if (rc == ERR_PROTO)
        log_info(LOG_NET, "mta-sts-record", "domain=%s reason=\"%s\"",
            e->domain, why->text);
    e->refresh_at = loop_now(e->sts->on.loop) + STS_CHECK_MAX_MS;
    entry_settle(e);
    buf_fini(&text);
}

static void
entry_record(struct sts_entry *e, const char *id)
{
    bool fresh = e->policy && strcmp(e->id, id) == 0 && !e->force;
    bool waits = strcmp(e->failed_id, id) == 0 &&
        loop_now(e->sts->on.loop) < e->retry_at;

    entry_note(e, id);
    if (fresh || waits)
        entry_settle(e);
    else
        entry_fetch(e, id);
}

static void
entry_answered(void *arg, const struct dns_answer *a)
{
    struct sts_entry *e = arg;
    char id[STSPOLICY_ID_MAX + 1];
    struct err err = {0};
    int64_t wait = (int64_t)a->ttl * 1000;
    bool failed = a->status == DNS_SERVFAIL || a->status == DNS_TIMEOUT;
    int rc = ERR_NOTFOUND;

    e->question = NULL;
    wait = MAX_OF(wait, (int64_t)STS_CHECK_MIN_MS);
    wait = MIN_OF(wait, (int64_t)STS_CHECK_MAX_MS);
    e->check_at =
        loop_now(e->sts->on.loop) + (failed ? STS_CHECK_MIN_MS : wait);
    if (a->status == DNS_OK)
        rc = stspolicy_id(a->record, a->count, id, &err);
    if (rc == 0)
        entry_record(e, id);
    else
        entry_no_record(e, a, rc, &err);
}

void
sts_entry_ask(struct sts_entry *e)
{
    struct buf name = BUF_INIT;

    if (sts_entry_is_busy(e))
        return;
    heap_remove(&e->sts->plan, &e->plan);
    buf_printf(&name, "_mta-sts.%s", e->domain);
    e->question =
        dns_ask(e->sts->on.dns, buf_get(&name), DNS_TXT, entry_answered, e);
    buf_fini(&name);
}

int
sts_refresh(struct sts *s, struct str domain, struct err *err)
{
    struct buf name = BUF_INIT;
    struct sts_entry *e;
    int rc = 0;

    if (!sts_name(domain, &name)) {
        rc = err_set(err, ERR_INVAL, "no domain that can have a policy");
    } else {
        e = sts_entry_make(s, buf_get(&name));
        if (sts_entry_is_busy(e)) {
            rc = err_set(err, ERR_BUSY, "it is being asked for already");
        } else {
            buf_cut(&name, 0);
            buf_printf(&name, "_mta-sts.%s", e->domain);
            dns_forget(s->on.dns, buf_get(&name));
            dns_forget(s->on.dns, str_from(buf_get(&name), 1));
            e->force = true;
            e->failed_id[0] = '\0';
            sts_entry_ask(e);
        }
    }
    buf_fini(&name);
    return rc;
}

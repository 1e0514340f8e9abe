/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/bounces.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "intake/policy.h"
#include "queue/choose.h"
#include "queue/maillog.h"
#include "queue/queue_options.h"
#include "route/relay.h"
#include "base/banned.h"

/* A report is meant for one address; that it is sent to thousands shall not
 * write thousands of records for each recipient it names. */
enum { BOUNCES_TO_MAX = 8 };

struct bounces {
    struct oob *report;
    struct maillog_report about; /* what all records have in common */
    char *suppressed;
    struct str to[BOUNCES_TO_MAX]; /* the addresses that it came to */
    size_t to_count;
};

static const struct scope *
bounces_scope(const struct intake_session *is, struct str address)
{
    size_t at = str_rchr(address, '@');

    return generation_scope(is->generation, STR_NONE,
        at == SIZE_MAX ? STR_NONE : str_from(address, at + 1));
}

bool
bounces_has_domain(const struct intake_session *is, struct str domain)
{
    return relay_glob(
        is->scope, OPT(queue_options, QUEUE_BOUNCE_DOMAINS), domain);
}

bool
bounces_takes(const struct intake_session *is, struct str address)
{
    uint32_t pattern = OPT(queue_options, QUEUE_BOUNCE_PATTERN);
    size_t at = str_rchr(address, '@');
    const struct scope *s;

    if (at == SIZE_MAX || !bounces_has_domain(is, str_from(address, at + 1)))
        return false;
    s = bounces_scope(is, address);
    return !scope_is_set(s, pattern) || scope_regex_has(s, pattern, address);
}

static bool
bounces_drops(const struct intake_session *is, struct str address)
{
    return scope_int(bounces_scope(is, address),
               OPT(queue_options, QUEUE_BOUNCE_BEHAVIOR)) ==
        QUEUE_BOUNCE_BLACKHOLE;
}

static struct bounces *
bounces_new(const struct intake_session *is, struct oob *o,
    const struct message *m, uint64_t size)
{
    struct str list = scope_str(generation_global(is->generation),
        OPT(queue_options, QUEUE_BOUNCE_SUPPRESS_LIST));
    struct bounces *b = xnew(struct bounces);

    b->report = o;
    b->suppressed = xdupn(list.n ? list.p : "", list.n);
    b->about = (struct maillog_report){.id = m->id,
        .connection = is->id,
        .peer_addr = m->env.peer_addr,
        .size = size};
    return b;
}

struct bounces *
bounces_settle(const struct intake_session *is, struct oob *o,
    struct message *m, struct rcpt *rcpt, uint64_t size)
{
    struct bounces *b;
    size_t kept = 0;

    if (!oob_finish(o) || !oob_is_bounce(o)) {
        oob_free(&o);
        return NULL;
    }
    b = bounces_new(is, o, m, size);
    b->about.binding = message_str(
        m, choose_binding(is->generation, m->env.binding, m->id, STR_NONE));
    b->about.group = message_str(
        m, generation_binding_group(is->generation, b->about.binding));
    for (size_t i = 0; i < m->env.rcpt_count; i++) {
        bool bounce = bounces_takes(is, rcpt[i].address);

        if (bounce && b->to_count < BOUNCES_TO_MAX)
            b->to[b->to_count++] = rcpt[i].address;
        if (!bounce || !bounces_drops(is, rcpt[i].address))
            rcpt[kept++] = rcpt[i];
    }
    m->env.rcpt_count = kept;
    return b;
}

static void
bounces_log_one(const struct bounces *b, const struct oob_rcpt *r)
{
    struct maillog_report record = b->about;
    bool failed = r->action == OOB_FAILED;
    struct result result = {.retry_after = -1};
    char status[24] = "";

    record.original = oob_original(r, str_of(b->suppressed));
    if (r->action == OOB_OTHER || !record.original.n)
        return;
    if (r->status[0])
        snprintf(status, sizeof(status), "%u.%u.%u", r->status[0], r->status[1],
            r->status[2]);
    result_set(&result, failed ? IMPEL_FAILED : IMPEL_RETRY, IMPEL_BLAME_RCPT,
        IMPEL_AT_RCPT, r->code, status, r->diagnostic ? r->diagnostic : "");
    record.delayed = !failed;
    record.result = &result;
    record.text = str_of(r->diagnostic ? r->diagnostic : status);
    for (size_t i = 0; i < b->to_count; i++) {
        record.sender = b->to[i];
        maillog_reported(&record);
    }
    result_fini(&result);
}

void
bounces_log(const struct bounces *b)
{
    const struct oob_rcpt *r;

    for (size_t i = 0; (r = oob_rcpt(b->report, i)) != NULL; i++)
        bounces_log_one(b, r);
}

void
bounces_free(struct bounces **bp)
{
    struct bounces *b = *bp;

    *bp = NULL;
    if (!b)
        return;
    oob_free(&b->report);
    free(b->suppressed);
    free(b);
}

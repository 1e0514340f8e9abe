/* SPDX-License-Identifier: Apache-2.0
 *
 * stsshow.c - what is known of MTA-STS, in words and numbers.
 */
#include "route/sts.h"

#include "base/clock.h"
#include "base/num.h"
#include "route/sts_int.h"
#include "base/banned.h"

static void
facts_of(const struct sts_entry *e, struct sts_facts *to)
{
    int64_t now = clock_wall();
    bool planned = e->plan.index != 0;

    *to = (struct sts_facts){.domain = str_of(e->domain),
        .policy = e->policy,
        .id = e->id,
        .fetched = e->fetched,
        .expires = e->expires,
        .checked = e->checked,
        .next = planned ? now + (e->plan.when - loop_now(e->sts->on.loop)) : 0,
        .record = e->record,
        .trouble = e->trouble,
        .failures = e->failures,
        .asking = sts_entry_is_busy(e),
        .used = !list_empty(&e->uses)};
}

int
sts_find(struct sts *s, struct str domain, struct sts_facts *to)
{
    struct buf name = BUF_INIT;
    const struct sts_entry *e = NULL;

    if (sts_name(domain, &name))
        e = sts_entry_find(s, buf_get(&name));
    if (e)
        facts_of(e, to);
    buf_fini(&name);
    return e ? 0 : ERR_NOTFOUND;
}

void
sts_each(struct sts *s, sts_each_f *each, void *arg)
{
    for (int with = 1; with >= 0; with--) {
        struct list *it;

        LIST_FOREACH (it, &s->used) {
            const struct sts_entry *e =
                LIST_ENTRY(it, struct sts_entry, used_node);
            struct sts_facts f;

            if ((e->policy != NULL) != with)
                continue;
            facts_of(e, &f);
            if (!each(arg, &f))
                return;
        }
    }
}

static void
print_span(struct buf *to, int64_t ms)
{
    int64_t s = MAX_OF(ms, 0) / 1000;

    /* two units are enough */
    if (s >= 172800)
        s -= s % 3600;
    else if (s >= 7200)
        s -= s % 60;
    num_print_duration(to, s * 1000);
}

static void
print_policy(const struct sts_facts *f, struct buf *to)
{
    int64_t now = clock_wall();

    buf_printf(
        to, "%s, id %s, fetched ", stspolicy_mode_name(f->policy->mode), f->id);
    print_span(to, now - f->fetched);
    buf_cstr(to, " ago, for ");
    print_span(to, f->expires - now);
    buf_cstr(to, " more");
    for (size_t i = 0; i < f->policy->mx_count && i < 20; i++)
        buf_printf(to, "%s%s", i ? " " : ", mx: ", f->policy->mx[i]);
    if (f->policy->mx_count > 20)
        buf_printf(to, " and %zu more", f->policy->mx_count - 20);
}

void
sts_print(const struct sts_facts *f, struct buf *to)
{
    if (f->policy)
        print_policy(f, to);
    else if (f->asking)
        buf_cstr(to, "being asked for");
    else
        buf_printf(
            to, "no policy (%s)", f->record[0] ? f->record : "not asked yet");
    if (f->trouble[0])
        buf_printf(to, "; last request failed: %s", f->trouble);
}

void
sts_get_stats(const struct sts *s, struct sts_stats *st)
{
    struct list *it;

    *st = (struct sts_stats){.policies = s->policies,
        .domains = s->entries.count,
        .fetched = s->fetched,
        .failed = s->failed,
        .expired = s->expired};
    LIST_FOREACH (it, &s->used) {
        const struct sts_entry *e = LIST_ENTRY(it, struct sts_entry, used_node);

        st->enforced += e->policy && e->policy->mode == STSPOLICY_ENFORCE;
    }
}

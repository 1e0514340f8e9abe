/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_sts.c - core/route/sts.h with one domain, and core/net/fetch.h with
 * numbers: linked in their places where commands are tested.
 */
#include "route/sts.h"

static const char *refused = "it is being asked for already";

static void
fill(struct sts_facts *to)
{
    static char first[] = "mx.sts.test", second[] = "*.mx.sts.test";
    static char *mx[] = {first, second};
    static struct stspolicy policy = {.refs = 1,
        .mode = STSPOLICY_ENFORCE,
        .max_age = 86400,
        .mx_count = 2,
        .mx = mx};

    *to = (struct sts_facts){.domain = STR("sts.test"),
        .policy = &policy,
        .id = "abc1",
        .fetched = 1000,
        .expires = 86401000,
        .checked = 2000,
        .record = "abc1",
        .trouble = "",
        .used = true};
}

int
sts_find(struct sts *s, struct str domain, struct sts_facts *to)
{
    (void)s;
    if (!str_eq(domain, STR("sts.test")))
        return ERR_NOTFOUND;
    fill(to);
    return 0;
}

void
sts_each(struct sts *s, sts_each_f *each, void *arg)
{
    struct sts_facts f;

    (void)s;
    fill(&f);
    if (each(arg, &f))
        each(arg, &f);
}

int
sts_refresh(struct sts *s, struct str domain, struct err *e)
{
    (void)s;
    if (!str_eq(domain, STR("sts.test")))
        return err_set(e, ERR_BUSY, "%s", refused);
    return 0;
}

void
sts_print(const struct sts_facts *f, struct buf *to)
{
    buf_printf(to, "enforce, id %s", f->id);
}

void
sts_get_stats(const struct sts *s, struct sts_stats *st)
{
    (void)s;
    *st = (struct sts_stats){.policies = 3, .enforced = 2, .failed = 1};
}

void
fetcher_get_stats(struct fetcher *f, struct fetch_stats *st)
{
    (void)f;
    *st = (struct fetch_stats){.begun = 7, .failed = 1, .open = 2};
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * ststore.c - policies in the state of the spool: a line of facts, then the
 * document.
 */
#include "route/sts.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "route/sts_int.h"
#include "base/banned.h"

void
sts_store(const struct sts_entry *e)
{
    struct spool *spool = e->sts->on.spool;
    struct buf text = BUF_INIT;
    struct str value = STR_NONE;
    struct err err = {0};

    if (!spool)
        return;
    if (e->policy) {
        buf_printf(&text, "1 %s %" PRId64 " %" PRId64 "\n", e->id, e->fetched,
            e->expires);
        stspolicy_print(e->policy, &text);
        value = buf_get(&text);
    }
    if (spool_state_put(spool, STS_NS, str_of(e->domain), value,
            e->policy ? e->expires : 0, &err) < 0)
        log_warn(LOG_SPOOL, "mta-sts-not-stored", "domain=%s reason=\"%s\"",
            e->domain, err.text);
    buf_fini(&text);
}

struct stored {
    char id[STSPOLICY_ID_MAX + 1];
    int64_t fetched, expires;
    struct stspolicy *policy;
};

static bool
store_read(struct str value, struct stored *to, struct err *e)
{
    struct str line = str_cut(&value, '\n');

    if (!str_eq(str_cut(&line, ' '), STR("1")) || !value.p)
        return false;
    if (!str_copy(to->id, sizeof(to->id), str_cut(&line, ' ')) || !line.p ||
        num_i64(str_cut(&line, ' '), &to->fetched) < 0 || !line.p ||
        num_i64(line, &to->expires) < 0 || to->fetched < 0 ||
        to->fetched > to->expires)
        return false;
    return stspolicy_parse(value, &to->policy, e) == 0;
}

static void
store_found(void *arg, struct str key, struct str value)
{
    struct sts *s = arg;
    struct stored f = {.policy = NULL};
    struct buf name = BUF_INIT;
    struct err e = {.text = "no line of facts"};
    int64_t now = clock_wall();

    if (!sts_name(key, &name) || !str_eq(buf_get(&name), key) ||
        !store_read(value, &f, &e)) {
        log_warn(LOG_SPOOL, "mta-sts-unreadable", "domain=%.*s reason=\"%s\"",
            STR_ARG(key), e.text);
    } else if (f.expires > now &&
        f.expires <= now + (STSPOLICY_AGE_MAX + 60) * INT64_C(1000)) {
        struct sts_entry *en = sts_entry_make(s, key);

        if (!en->policy) /* one that was fetched already is newer */
            sts_entry_take(en, f.policy, f.id, f.fetched, f.expires);
    }
    stspolicy_unref(&f.policy);
    buf_fini(&name);
}

void
sts_load(struct sts *s)
{
    struct list *it;

    if (s->loaded)
        return;
    s->loaded = true;
    s->loading = true;
    if (s->on.spool)
        spool_state_each(s->on.spool, STS_NS, store_found, s);
    s->loading = false;
    sts_make_room(s, NULL);
    LIST_FOREACH (it, &s->used)
        sts_entry_tell(LIST_ENTRY(it, struct sts_entry, used_node));
    log_info(LOG_NET, "mta-sts-loaded", "policies=%zu", s->policies);
}

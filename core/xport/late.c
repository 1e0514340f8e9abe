/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/late.h"

#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "xport/hostapi.h"
#include "xport/session_int.h"
#include "base/banned.h"

static struct {
    struct loop *loop;
    late_taker_f *fn;
    void *arg;
} taker;

#define LATE_WITHIN_MAX ((int64_t)366 * 86400 * 1000)

static bool
key_is_good(struct impel_str key)
{
    return key.p && key.n && key.n <= AWAITED_KEY_MAX;
}

static struct buf
key_of(const struct module *m, struct impel_str key)
{
    struct buf b = BUF_INIT;

    awaited_key(m->name, str_make(key.p, key.n), &b);
    return b;
}

/* --- await() --- */

static struct awaited
awaited_of(const struct batch *b, size_t i, int64_t within)
{
    const struct envelope *env = &b->message->env;
    const struct rcpt *r = &env->rcpt[b->rcpt[i]];

    return (struct awaited){.id = b->message->id,
        .number = b->rcpt[i],
        .notify = r->notify,
        .needs = env->needs,
        .received = env->received,
        .expiry = clock_wall() + within,
        .sender = env->sender,
        .envid = env->envid,
        .binding = env->binding,
        .address = r->address,
        .original = r->original};
}

int
late_await(struct impel_batch *b, size_t i, struct impel_str key,
    int64_t within, uint32_t flags, struct spool *spool)
{
    struct err e = {0};
    struct awaited a;
    struct buf name;
    int rc;

    CHECK(b, LENT_MAGIC);
    if (!spool)
        return IMPEL_E_UNSUP;
    if (!key_is_good(key) || within <= 0 || within > LATE_WITHIN_MAX ||
        !b->batch || i >= b->batch->rcpt_count || b->batch->result[i].verdict)
        return IMPEL_E_INVAL;
    a = awaited_of(b->batch, i, within);
    name = key_of(b->session->module, key);
    rc = awaited_put(spool, buf_get(&name), &a, &e);
    buf_fini(&name);
    if (rc < 0 && rc != ERR_FULL) /* the spool has told that */
        log_warn(LOG_MOD, "state-put-failed", "module=%s reason=\"%s\"",
            b->session->module->name, e.text);
    if (rc == 0)
        b->batch->result[i].awaited = !(flags & IMPEL_AWAIT_LOG);
    return hostapi_code(rc);
}

/* --- late() --- */

void
late_set_taker(struct loop *on, late_taker_f *fn, void *arg)
{
    taker.loop = on;
    taker.fn = fn;
    taker.arg = arg;
}

static void
late_free(struct late *l)
{
    buf_fini(&l->key);
    result_fini(&l->result);
    free(l);
}

static void
late_done(struct late *l, bool told)
{
    if (told && l->token)
        (void)token_wake(l->token, l->arg); /* or it has gone meanwhile */
    late_free(l);
}

static void
late_arrived(struct mail *m)
{
    struct late *l = CONTAINER_OF(m, struct late, mail);

    if (taker.fn)
        taker.fn(taker.arg, l);
    else
        late_free(l);
}

static bool
is_awaited(struct spool *spool, struct str key)
{
    struct buf record = BUF_INIT;
    struct awaited a;
    int rc = awaited_get(spool, key, &record, &a);

    buf_fini(&record);
    return rc == 0;
}

int
late_bring(struct impel_instance *i, struct impel_session *s,
    struct impel_str key, const struct impel_result *r, int64_t arg,
    struct spool *spool)
{
    struct late *l;

    if (!spool || !taker.fn)
        return IMPEL_E_UNSUP;
    if (!key_is_good(key))
        return IMPEL_E_INVAL;
    l = xnew(struct late);
    l->module = i->module->name;
    l->key = key_of(i->module, key);
    if (!is_awaited(spool, buf_get(&l->key)) ||
        result_copy(&l->result, r) < 0) {
        late_free(l);
        return IMPEL_E_INVAL;
    }
    l->token = s ? token_get(s) : 0;
    l->arg = arg;
    l->done = late_done;
    mailbox_post(loop_mailbox(taker.loop), &l->mail, late_arrived);
    return 0;
}

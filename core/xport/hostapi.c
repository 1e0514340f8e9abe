/* SPDX-License-Identifier: Apache-2.0
 *
 * hostapi.c - struct impel_host, function by function.
 */
#include "xport/hostapi.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "spool/spool.h"
#include "xport/filtering.h"
#include "xport/hostfetch.h"
#include "xport/late.h"
#include "xport/session_int.h"
#include "xport/settled.h"
#include "xport/tlspolicy.h"
#include "base/banned.h"

enum {
    HOST_LOG_MAX = 1024,
    HOST_KEY_MAX = 256,
    HOST_VALUE_MAX = 65536,
    HOST_PAIRS_MAX = 16
};

static struct loop *const *loops;
static uint32_t loop_count;
static struct spool *spool;
static struct impel_intake intake;
static _Thread_local uint32_t my_number;
static _Thread_local const struct loop *my_loop;

void
hostapi_set_spool(struct spool *s)
{
    spool = s;
}

uint32_t
hostapi_loop_number(void)
{
    const struct loop *l = loop_current();

    if (l == my_loop)
        return my_number;
    my_loop = l;
    my_number = 0;
    for (uint32_t i = 0; l && i < loop_count; i++) {
        if (loops[i] == l)
            my_number = i + 1;
    }
    return my_number;
}

int
hostapi_code(int err)
{
    switch (err) {
    case 0:
        return 0;
    case ERR_FULL:
        return IMPEL_E_FULL;
    case ERR_AGAIN:
        return IMPEL_E_AGAIN;
    case ERR_LIMIT:
        return IMPEL_E_NOMEM;
    case ERR_CLOSED:
    case ERR_IO:
    case ERR_DAMAGED:
        return IMPEL_E_CLOSED;
    default:
        return IMPEL_E_INVAL;
    }
}

/* --- any thread --- */

static void IMPEL_PRINTF(4, 5) host_log(struct impel_instance *i,
    struct impel_session *s, int level, const char *fmt, ...)
{
    char text[HOST_LOG_MAX];
    va_list ap;

    if (level < LOG_LEVEL_DEBUG)
        level = LOG_LEVEL_DEBUG;
    if (level > LOG_LEVEL_CRITICAL)
        level = LOG_LEVEL_CRITICAL;
    if (!instance_logs(i, level))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap); /* cut if too long */
    va_end(ap);
    log_always((enum log_level)level, "module-says",
        "module=%s session=%016" PRIx64 " text=\"%s\"", i->module->name,
        s ? s->id : 0, text);
}

struct posted {
    struct mail mail;
    struct impel_instance *instance;
    void (*fn)(void *);
    void *arg;
};

static void
host_posted(struct mail *m)
{
    struct posted *p = CONTAINER_OF(m, struct posted, mail);
    int64_t t = instance_call_begin(p->instance, CALL_POSTED, 0);

    p->fn(p->arg);
    instance_call_end(p->instance, CALL_POSTED, 0, t);
    free(p);
}

static int
host_post(
    struct impel_instance *i, uint32_t loop, void (*fn)(void *), void *arg)
{
    struct posted *p;

    if (loop >= loop_count || !fn)
        return IMPEL_E_INVAL;
    p = xnew(struct posted);
    p->instance = i;
    p->fn = fn;
    p->arg = arg;
    mailbox_post(loop_mailbox(loops[loop]), &p->mail, host_posted);
    return 0;
}

static int
host_wake(struct impel_instance *i, uint64_t token, int64_t arg)
{
    (void)i;
    return token_wake(token, arg);
}

/* --- values --- */

static int64_t
host_now(void)
{
    struct loop *l = loop_current();

    return l ? loop_now(l) : clock_mono();
}

/* The core's id of a row; false: nothing can be read. */
static bool
host_row(const struct impel_scope *s, uint32_t option, uint32_t *id)
{
    if (option >= s->module->desc.option_count) {
        log_error(LOG_MOD, "module-broken",
            "module=%s rule=\"option row %u is none of its own\"",
            s->module->name, option);
        return false;
    }
    *id = s->module->option_ids[option];
    return s->scope && *id != UINT32_MAX;
}

static int
host_opt_is_set(const struct impel_scope *s, uint32_t option)
{
    uint32_t id;

    return host_row(s, option, &id) && scope_is_set(s->scope, id);
}

static size_t
host_opt_count(const struct impel_scope *s, uint32_t option)
{
    uint32_t id;

    return host_row(s, option, &id) ? scope_count(s->scope, id) : 0;
}

static int64_t
host_opt_int(const struct impel_scope *s, uint32_t option)
{
    uint32_t id;

    if (!host_row(s, option, &id))
        return 0;
    return s->tls ? tlspolicy_int(s->scope, s->tls, id)
                  : scope_int(s->scope, id);
}

static struct impel_str
host_opt_str(const struct impel_scope *s, uint32_t option, uint32_t item)
{
    struct str v = STR_NONE;
    uint32_t id;
    int type;

    if (host_row(s, option, &id)) {
        type = option_get(id)->type;
        if (type == IMPEL_OPT_LIST || type == IMPEL_OPT_DICT ||
            type == OPTION_CIDRS) {
            if (item < scope_count(s->scope, id))
                v = scope_item(s->scope, id, item);
        } else if (item == 0) {
            v = scope_str(s->scope, id);
        }
    }
    return (struct impel_str){v.p, v.n};
}

static struct impel_str
host_opt_key(const struct impel_scope *s, uint32_t option, uint32_t item)
{
    struct str v = STR_NONE;
    uint32_t id;

    if (host_row(s, option, &id) && item < scope_count(s->scope, id))
        v = scope_key(s->scope, id, item);
    return (struct impel_str){v.p, v.n};
}

static void
host_count(struct impel_instance *i, uint32_t counter, int64_t by)
{
    instance_count(i, counter, by);
}

static int
host_state_put(struct impel_instance *i, struct impel_str key,
    struct impel_str value, int64_t expiry)
{
    struct err e = {0};
    int rc;

    if (!spool)
        return IMPEL_E_UNSUP;
    if (!key.p || !key.n || key.n > HOST_KEY_MAX || value.n > HOST_VALUE_MAX)
        return IMPEL_E_INVAL;
    if (!value.p && expiry < 0) {
        spool_state_forget(
            spool, str_of(i->module->name), str_make(key.p, key.n));
        return 0;
    }
    rc = spool_state_put_limited(spool, str_of(i->module->name),
        str_make(key.p, key.n), (struct str){value.p, value.n}, expiry, &e);
    if (rc < 0 && rc != ERR_FULL) /* the spool has told that */
        log_warn(LOG_MOD, "state-put-failed", "module=%s reason=\"%s\"",
            i->module->name, e.text);
    return hostapi_code(rc);
}

/* The value is lent until this thread asks again. */
static struct impel_str
host_state_get(struct impel_instance *i, struct impel_str key)
{
    static _Thread_local struct buf value;
    struct impel_str none = {NULL, 0};
    struct str got;

    if (!spool || !key.p || !key.n || key.n > HOST_KEY_MAX)
        return none;
    buf_cut(&value, 0);
    if (spool_state_get(
            spool, str_of(i->module->name), str_make(key.p, key.n), &value) < 0)
        return none;
    got = buf_get(&value);
    return (struct impel_str){got.p, got.n};
}

/* --- the connection --- */

static int
host_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    CHECK(s, SESSION_MAGIC);
    return link_dial(s, d, e);
}

static int
host_start_tls(struct impel_session *s, struct impel_error *e)
{
    CHECK(s, SESSION_MAGIC);
    return link_start_tls(s, e);
}

static struct impel_str
host_input(struct impel_session *s)
{
    CHECK(s, SESSION_MAGIC);
    return link_input(s);
}

static void
host_consume(struct impel_session *s, size_t n)
{
    CHECK(s, SESSION_MAGIC);
    link_consume(s, n);
}

static int
host_write(struct impel_session *s, const void *p, size_t n)
{
    CHECK(s, SESSION_MAGIC);
    return link_write(s, p, n);
}

static struct impel_str
host_info(struct impel_session *s, int what)
{
    CHECK(s, SESSION_MAGIC);
    return link_info(s, what);
}

static uint64_t
host_token(struct impel_session *s)
{
    CHECK(s, SESSION_MAGIC);
    return token_get(s);
}

static void
host_timer(struct impel_session *s, int number, int64_t after)
{
    CHECK(s, SESSION_MAGIC);
    session_timer(s, number, after);
}

static int
host_login(struct impel_session *s, struct impel_sasl *q, struct impel_error *e)
{
    CHECK(s, SESSION_MAGIC);
    return outlogin_step(s, q, e);
}

/* --- the batch --- */

static int64_t
host_body_size(struct impel_batch *b, int form)
{
    return body_size(b, form);
}

static int64_t
host_read_body(struct impel_batch *b, int form, uint64_t at, void *p, size_t n)
{
    return body_read(b, form, at, p, n);
}

static int
host_send_body(struct impel_batch *b, int form)
{
    return body_send(b, form);
}

static struct impel_str
host_meta(struct impel_batch *b, const char *key)
{
    const struct envelope *env;
    struct str want = str_of(key);

    CHECK(b, LENT_MAGIC);
    if (!b->batch)
        return (struct impel_str){NULL, 0};
    env = &b->batch->message->env;
    if (str_eq(want, STR("binding")))
        return (struct impel_str){env->binding.p, env->binding.n};
    for (size_t i = 0; i < env->meta_count; i++) {
        if (str_eq(env->meta[i].key, want))
            return (struct impel_str){
                env->meta[i].value.p, env->meta[i].value.n};
    }
    return (struct impel_str){NULL, 0};
}

static void
host_batch_set(struct impel_batch *b, void *p)
{
    CHECK(b, LENT_MAGIC);
    b->mine = p;
}

static void *
host_batch_get(struct impel_batch *b)
{
    CHECK(b, LENT_MAGIC);
    return b->mine;
}

static void
host_ready(struct impel_session *s, uint32_t open)
{
    CHECK(s, SESSION_MAGIC);
    session_host_ready(s, open);
}

static void
host_draining(struct impel_session *s)
{
    CHECK(s, SESSION_MAGIC);
    session_host_draining(s);
}

static void
host_rcpt_done(struct impel_batch *b, size_t i, const struct impel_result *r)
{
    lent_rcpt_done(b, i, r);
}

static void
host_rest_done(struct impel_batch *b, const struct impel_result *r)
{
    lent_rest_done(b, r);
}

static void
host_closed(struct impel_session *s, const struct impel_result *why)
{
    CHECK(s, SESSION_MAGIC);
    session_host_closed(s, why);
}

/* --- what is no result --- */

static void
host_event(struct impel_instance *i, struct impel_batch *b, const char *name,
    size_t n, const struct impel_pair *pair)
{
    struct log_pair all[3 + HOST_PAIRS_MAX] = {
        {STR("module"), str_of(i->module->name)},
        {STR("message"), b && b->batch ? str_of(b->id) : STR("-")},
        {STR("event"), str_sub(str_of(name), 0, 60)}};
    size_t count = 3;

    for (size_t k = 0; pair && k < n && k < HOST_PAIRS_MAX; k++)
        all[count++] = (struct log_pair){
            str_sub(str_make(pair[k].key.p, pair[k].key.n), 0, 40),
            str_sub(str_make(pair[k].value.p, pair[k].value.n), 0, 256)};
    log_pairs(LOG_LEVEL_NOTICE, LOG_MOD, "module-event", all, count);
}

static int
host_report(struct impel_instance *i, struct impel_str id,
    struct impel_str rcpt, const struct impel_result *r)
{
    struct result copy = {0};
    struct buf text = BUF_INIT;

    if (late_bring(i, NULL, id, r, 0, spool) == 0)
        return 0;
    if (result_copy(&copy, r) < 0)
        return IMPEL_E_INVAL;
    result_print(&copy, &text);
    log_notice(LOG_MOD, "late-report",
        "module=%s message=%.*s rcpt=\"%.*s\" verdict=%s told=no text=\"%s\"",
        i->module->name, (int)MIN_OF(id.n, (size_t)40), id.p ? id.p : "",
        (int)MIN_OF(rcpt.n, (size_t)320), rcpt.p ? rcpt.p : "",
        result_verdict_name(copy.verdict), buf_get(&text).p);
    buf_fini(&text);
    result_fini(&copy);
    return 0;
}

static int
host_await(struct impel_batch *b, size_t i, struct impel_str key,
    int64_t within, uint32_t flags)
{
    return late_await(b, i, key, within, flags, spool);
}

static int
host_late(struct impel_session *s, struct impel_str key,
    const struct impel_result *r, int64_t arg)
{
    CHECK(s, SESSION_MAGIC);
    return late_bring(s->module->instance, s, key, r, arg, spool);
}

static int
host_settle(struct impel_session *s, int64_t arg)
{
    CHECK(s, SESSION_MAGIC);
    return settled_ask(s, spool, arg);
}

#define HOST_TABLE(listens) \
    { \
        .abi = {IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR, IMPEL_ABI_MINOR}, \
        .size = sizeof(struct impel_host), .loops = 1, .log = host_log, \
        .post = host_post, .wake = host_wake, .now = host_now, \
        .opt_is_set = host_opt_is_set, .opt_count = host_opt_count, \
        .opt_int = host_opt_int, .opt_str = host_opt_str, \
        .opt_key = host_opt_key, .count = host_count, \
        .fetch = hostfetch_begin, .state_put = host_state_put, \
        .state_get = host_state_get, .dial = host_dial, \
        .start_tls = host_start_tls, .input = host_input, \
        .consume = host_consume, .write = host_write, .info = host_info, \
        .token = host_token, .timer = host_timer, .body_size = host_body_size, \
        .read_body = host_read_body, .send_body = host_send_body, \
        .meta = host_meta, .batch_set = host_batch_set, \
        .batch_get = host_batch_get, .ready = host_ready, \
        .draining = host_draining, .rcpt_done = host_rcpt_done, \
        .rest_done = host_rest_done, .closed = host_closed, \
        .event = host_event, .report = host_report, .intake = listens, \
        .settle = host_settle, .filtering = &filtering_table, \
        .login = host_login, .await = host_await, .late = host_late \
    }

static struct impel_host tables[2] = {HOST_TABLE(NULL), HOST_TABLE(&intake)};

const struct impel_host *
hostapi_get(bool listens)
{
    return &tables[listens];
}

void
hostapi_set_loops(struct loop *const *l, uint32_t count)
{
    loops = l;
    loop_count = count;
    my_loop = NULL;
    tables[0].loops = tables[1].loops = count;
}

void
hostapi_set_intake(const struct impel_intake *t)
{
    memset(&intake, 0, sizeof(intake));
    memcpy(&intake, t, MIN_OF((size_t)t->size, sizeof(intake)));
    intake.size = sizeof(intake);
}

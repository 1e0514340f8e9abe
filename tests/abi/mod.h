/* SPDX-License-Identifier: Apache-2.0
 *
 * mod.h - what the modules of this folder share: a good module, of which each
 * spoils one thing.  A file may define MOD_DELIVER (a body for deliver()),
 * MOD_EVENT, MOD_CLOSE, MOD_RELEASE, MOD_ABI and MOD_SIZE before it includes
 * this.
 */
#ifndef IMPEL_TEST_MOD_H
#define IMPEL_TEST_MOD_H

#include <stdlib.h>
#include <string.h>

#include <impel/module.h>

#ifndef MOD_ABI
#define MOD_ABI \
    { \
        IMPEL_ABI_MAGIC, IMPEL_ABI_MAJOR, IMPEL_ABI_NEED \
    }
#endif
#ifndef MOD_SIZE
#define MOD_SIZE sizeof(struct impel_module)
#endif
#ifndef MOD_DELIVER
#define MOD_DELIVER mod_report_rest(m, b);
#endif

#ifndef MOD_EVENT
#define MOD_EVENT
#endif
#ifndef MOD_CLOSE
#define MOD_CLOSE
#endif
#ifndef MOD_RELEASE
#define MOD_RELEASE free
#endif

struct mod_session {
    struct impel_session *session;
    struct impel_batch *open;
};

static const struct impel_host *mod_host;

static inline struct impel_result
mod_result(int32_t verdict)
{
    struct impel_result r = {.size = sizeof(r),
        .verdict = verdict,
        .blame = IMPEL_BLAME_RCPT,
        .stage = IMPEL_AT_FINAL,
        .code = 250,
        .status = {2, 0, 0},
        .retry_after = -1};
    r.text.p = "taken";
    r.text.n = 5;
    return r;
}

static inline void
mod_report_rest(struct mod_session *m, struct impel_batch *b)
{
    struct impel_result r = mod_result(IMPEL_DELIVERED);

    m->open = NULL;
    mod_host->rest_done(b, &r);
}

static int
mod_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, const struct impel_peer *peer, void **s,
    struct impel_error *e)
{
    struct mod_session *m = calloc(1, sizeof(*m));

    (void)ctx, (void)scope, (void)peer, (void)e;
    if (!m)
        return IMPEL_E_NOMEM;
    m->session = session;
    *s = m;
    mod_host->ready(session, 1);
    return 0;
}

static void
mod_event(void *s, struct impel_batch *b, int event, int64_t arg)
{
    (void)s, (void)b, (void)event, (void)arg;
    MOD_EVENT
}

static void
mod_deliver(void *s, struct impel_batch *b, const struct impel_envelope *env)
{
    struct mod_session *m = s;

    (void)env;
    m->open = b;
    MOD_DELIVER
}

static void
mod_cancel(void *s, struct impel_batch *b)
{
    struct mod_session *m = s;
    struct impel_result r = mod_result(IMPEL_UNTRIED);

    if (b && m->open == b) {
        m->open = NULL;
        mod_host->rest_done(b, &r);
    }
}

static void
mod_probe(void *s)
{
    mod_host->ready(((struct mod_session *)s)->session, 1);
}

static void
mod_close(void *s, int now)
{
    (void)now;
    MOD_CLOSE
    mod_host->closed(((struct mod_session *)s)->session, NULL);
}

static int
mod_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    (void)instance, (void)ctx, (void)e;
    mod_host = host;
    return 0;
}

static const struct impel_transport mod_transport = {
    .size = sizeof(mod_transport),
    .open = mod_open,
    .event = mod_event,
    .deliver = mod_deliver,
    .cancel = mod_cancel,
    .probe = mod_probe,
    .close = mod_close,
    .release = MOD_RELEASE,
};

static const char *const mod_methods[] = {"TESTING", NULL};

/* The descriptor; more members may follow in braces. */
#define MOD_DESCRIPTOR(text) \
    { \
        .abi = MOD_ABI, .size = MOD_SIZE, \
        .option_size = sizeof(struct impel_option), \
        .counter_size = sizeof(struct impel_counter), .name = text, \
        .version = "1", .brief = "A module with a flaw, for tests", \
        .methods = mod_methods, .load = mod_load, .transport = &mod_transport \
    }

#endif

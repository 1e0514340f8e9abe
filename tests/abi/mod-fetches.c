/* SPDX-License-Identifier: Apache-2.0
 *
 * A module that asks by fetch() whether it may deliver.
 */
#include <impel/module.h>

struct mod_session;
static void fetches_ask(struct mod_session *m, struct impel_batch *b);
static void fetches_release(void *s);

#define MOD_DELIVER fetches_ask(m, b);
#define MOD_CLOSE mod_cancel(s, ((struct mod_session *)s)->open);
#define MOD_RELEASE fetches_release
#include "mod.h"

/* The answer may come when the session is gone. */
struct question {
    struct mod_session *of;
    struct question *next;
};
static struct question *questions;
static struct impel_instance *mine;

static void
fetches_release(void *s)
{
    for (struct question *q = questions; q; q = q->next) {
        if (q->of == s)
            q->of = NULL;
    }
    free(s);
}

static void
fetches_answered(void *arg, const struct impel_fetched *a)
{
    struct question *q = arg, **at = &questions;
    struct mod_session *m = q->of;
    struct impel_result r =
        mod_result(a->status == 200 ? IMPEL_DELIVERED : IMPEL_RETRY);

    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    free(q);
    if (!m || !m->open)
        return;
    if (a->status != 200)
        r.code = 450, r.status[0] = 4;
    r.text = a->status ? a->body : a->error;
    mod_host->rest_done(m->open, &r);
    m->open = NULL;
}

static void
fetches_ask(struct mod_session *m, struct impel_batch *b)
{
    static const struct impel_fetch f = {.size = sizeof(f),
        .timeout = 10000,
        .method = "GET",
        .url = "https://permit.example/may?x=1"};
    struct question *q = calloc(1, sizeof(*q));

    if (q && mod_host->fetch(mine, &f, fetches_answered, q) == 0) {
        q->of = m;
        q->next = questions;
        questions = q;
        mod_host->timer(m->session, 0, 20000);
        return;
    }
    free(q);
    mod_report_rest(m, b);
}

static int
fetches_load(const struct impel_host *host, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    mine = instance;
    return mod_load(host, instance, ctx, e);
}

IMPEL_MODULE(mod_fetches) = {.abi = MOD_ABI,
    .size = MOD_SIZE,
    .option_size = sizeof(struct impel_option),
    .counter_size = sizeof(struct impel_counter),
    .name = "mod_fetches",
    .version = "1",
    .brief = "Asks whether it may, for tests",
    .methods = mod_methods,
    .load = fetches_load,
    .transport = &mod_transport};

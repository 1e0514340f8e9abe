/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-worker.c - leaves the work to a thread, which comes back by wake(), as
 * modules should.
 */
#define MOD_DELIVER mod_to_worker(m);
#define MOD_CLOSE mod_cancel(s, ((struct mod_session *)s)->open);
#define MOD_EVENT mod_woken(s, event);
struct mod_session;
static void mod_to_worker(struct mod_session *m);
static void mod_woken(void *s, int event);
#include "mod.h"

#include <pthread.h>
#include <time.h>

struct mod_work {
    uint64_t token;
};

static void *
mod_work(void *arg)
{
    struct mod_work *w = arg;
    struct timespec t = {0, 1000 * 1000};

    nanosleep(&t, NULL);
    (void)mod_host->wake(NULL, w->token, 0);
    free(w);
    return NULL;
}

static void
mod_to_worker(struct mod_session *m)
{
    struct mod_work *w = malloc(sizeof(*w));
    pthread_t t;

    mod_host->timer(m->session, 0, 60000);
    if (!w) {
        mod_report_rest(m, m->open);
        return;
    }
    w->token = mod_host->token(m->session);
    if (pthread_create(&t, NULL, mod_work, w)) {
        free(w);
        mod_report_rest(m, m->open);
        return;
    }
    (void)pthread_detach(t);
}

static void
mod_woken(void *s, int event)
{
    struct mod_session *m = s;

    if ((event == IMPEL_EV_WAKE || event == IMPEL_EV_TIMER) && m->open)
        mod_report_rest(m, m->open);
}

IMPEL_MODULE(mod_worker) = MOD_DESCRIPTOR("mod_worker");

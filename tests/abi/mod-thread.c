/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-thread.c - reports from a thread of its own, which it must not.
 */
#define MOD_DELIVER \
    mod_from_thread(b); \
    mod_report_rest(m, b);
struct impel_batch;
static void mod_from_thread(struct impel_batch *b);
#include "mod.h"

#include <pthread.h>

static void *
mod_thread(void *b)
{
    struct impel_result r = mod_result(IMPEL_DELIVERED);

    mod_host->rest_done(b, &r);
    return NULL;
}

static void
mod_from_thread(struct impel_batch *b)
{
    pthread_t t;

    if (!pthread_create(&t, NULL, mod_thread, b))
        (void)pthread_join(t, NULL);
}

IMPEL_MODULE(mod_thread) = MOD_DESCRIPTOR("mod_thread");

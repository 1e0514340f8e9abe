/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/settled.h"

#include <stdlib.h>

#include "base/xmem.h"
#include "spool/spool.h"
#include "xport/session_int.h"
#include "base/banned.h"

struct settled {
    struct mail mail; /* to the scheduler */
    struct spool *spool;
    uint64_t token;
    int64_t arg;
};

/* Scheduler. */
static void
settled_durable(void *arg)
{
    struct settled *w = arg;

    (void)token_wake(w->token, w->arg); /* or it has gone meanwhile */
    free(w);
}

static void
settled_arrived(struct mail *m)
{
    struct settled *w = CONTAINER_OF(m, struct settled, mail);

    spool_barrier(w->spool, settled_durable, w);
}

int
settled_ask(struct impel_session *s, struct spool *spool, int64_t arg)
{
    struct mailbox *home = outbound_home(s);
    struct settled *w;

    if (!home || !spool)
        return IMPEL_E_UNSUP;
    w = xnew(struct settled);
    w->spool = spool;
    w->token = token_get(s);
    w->arg = arg;
    mailbox_post(home, &w->mail, settled_arrived);
    return 0;
}

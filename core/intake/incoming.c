/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/incoming.h"

#include <stdlib.h>
#include <string.h>
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { SPARES_MOST = 256, SPARE_RCPTS = 16 };

struct impel_incoming *
incoming_take(struct intake_loop *il)
{
    struct list *n = list_take(&il->spares);
    struct impel_incoming *m;

    if (!n) {
        m = xnew(struct impel_incoming);
    } else {
        struct rcpt *rcpt;
        size_t size;

        m = LIST_ENTRY(n, struct impel_incoming, node);
        rcpt = m->rcpt;
        size = m->rcpt_size;
        memset(m, 0, sizeof(*m));
        m->rcpt = rcpt;
        m->rcpt_size = size;
        il->spare_count--;
    }
    m->magic = INCOMING_MAGIC;
    m->il = il;
    return m;
}

void
incoming_give(struct impel_incoming *m)
{
    struct intake_loop *il = m->il;

    m->magic = 0;
    xfree(&m->place);
    if (m->rcpt_size > SPARE_RCPTS) {
        xfree(&m->rcpt);
        m->rcpt_size = 0;
    }
    if (il->spare_count == SPARES_MOST) {
        free(m->rcpt);
        free(m);
        return;
    }
    list_push_front(&il->spares, &m->node);
    il->spare_count++;
}

void
incoming_drop(struct intake_loop *il)
{
    struct list *n;

    while ((n = list_take(&il->spares)) != NULL) {
        struct impel_incoming *m = LIST_ENTRY(n, struct impel_incoming, node);

        free(m->rcpt);
        free(m);
    }
    il->spare_count = 0;
}

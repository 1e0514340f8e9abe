/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_filters.c - an intake layer without filters, for tests that play the
 * sessions themselves.
 */
#include "unit.h"

#include "intake/chain.h"
#include "intake/filtered.h"

bool
chain_greet(struct intake_session *is)
{
    (void)is;
    return false;
}

void
chain_connect(struct intake_session *is)
{
    (void)is;
}

void
chain_leave(struct intake_session *is)
{
    (void)is;
}

struct chain *
chain_of_message(struct intake_session *is)
{
    (void)is;
    return NULL;
}

void
chain_sender(struct chain *c, struct chain_request *q, const struct message *m,
    chain_done_f *done, void *arg)
{
    (void)c, (void)q, (void)m, (void)done, (void)arg;
    fail_msg("there is no filter");
}

void
chain_rcpt(struct chain *c, struct chain_request *q, const struct message *m,
    const struct rcpt *to, chain_done_f *done, void *arg)
{
    (void)c, (void)q, (void)m, (void)to, (void)done, (void)arg;
    fail_msg("there is no filter");
}

void
chain_message_over(struct chain **c, struct chain_request *q)
{
    (void)q;
    assert_null(*c);
}

struct filtered *
filtered_begin(struct impel_incoming *m)
{
    (void)m;
    fail_msg("there is no filter");
    return NULL;
}

void
filtered_free(struct filtered **f)
{
    assert_null(*f);
}

void
chain_print(
    const struct generation *g, const struct scope *scope, struct buf *to)
{
    (void)g, (void)scope, (void)to;
}

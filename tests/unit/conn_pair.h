/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_pair.h - two connections that speak with each other, on one loop.
 */
#ifndef IMPEL_TEST_CONN_PAIR_H
#define IMPEL_TEST_CONN_PAIR_H

#include "net/conn.h"

struct end {
    struct conn *conn;
    int count[8], error; /* of events, by kind; of the last one */
    struct buf got;      /* all that came */
};
struct world {
    struct loop *loop;
    struct end client, server;
};

void setup(struct world *w);
void teardown(struct world *w);
/* The loop turns until *count is n; 10 seconds at most. */
void turn_until(struct world *w, const int *count, int n);

#endif

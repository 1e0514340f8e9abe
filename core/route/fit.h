/* SPDX-License-Identifier: Apache-2.0
 *
 * fit.h - do the routes of a domain suit the method that its mail goes by?
 *
 * In one stanza that is asked when it is loaded (route_check.h).  Here: routes
 * and delivery_method that come together by fallback.  What does not fit is a
 * warning at load, and such mail waits with a reason; of a list where some
 * items fit those are used.
 */
#ifndef IMPEL_FIT_H
#define IMPEL_FIT_H

#include "conf/generation.h"

/* false: none of the routes that hold for the routing domain is for the
 * method; why (or NULL): which, and where they are written. */
bool fit_routes(struct generation *g, struct str domain, int method,
    bool by_gateway, struct buf *why);
/* generation_check_f: a warning for each stanza whose routes or method do not
 * fit what it falls back to.  Any thread. */
int fit_check(void *arg, struct generation *g, struct conf_report *r);

#endif

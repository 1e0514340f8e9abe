/* SPDX-License-Identifier: Apache-2.0
 *
 * mxshare.h - domains whose MX say so share one queue: rollup_mx.
 *
 * All hosts of the domain's best MX have to have a host stanza that says
 * rollup_mx, with the same rollup_mx_name.  The name is that of the domain
 * whose stanza and limits hold for the queue.  It says nothing of where mail
 * goes: a fingerprint of the MX does, so that mail is only ever sent to a host
 * of its own domain.
 */
#ifndef IMPEL_MXSHARE_H
#define IMPEL_MXSHARE_H

#include "route/resolve.h"

enum mxshare {
    MXSHARE_NO,
    MXSHARE_WAIT, /* DNS is being asked: changed() follows */
    MXSHARE_YES
};
struct mxshare_with {
    struct str name; /* until the generation or the record changes */
    uint64_t print;  /* of the MX: names and their order */
};
/* Does any host stanza of the generation say rollup_mx? */
bool mxshare_is_configured(const struct generation *g);
/* A record that has expired is asked for anew; until changed() it is as it was.
 * What fails or has no host shares nothing. */
enum mxshare mxshare_find(struct domain *d, struct generation *g,
    struct str binding, struct mxshare_with *to);

#endif

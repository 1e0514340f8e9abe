/* SPDX-License-Identifier: Apache-2.0
 *
 * hostfetch.h - host->fetch(): HTTPS requests of modules (net/fetch.h).
 */
#ifndef IMPEL_HOSTFETCH_H
#define IMPEL_HOSTFETCH_H

#include <impel/module.h>
#include "net/fetch.h"

enum {
    HOSTFETCH_OPEN_MAX = 32,     /* of one module, waiting ones included */
    HOSTFETCH_BODY_MAX = 1 << 20 /* octets of an answer */
};

/* Main thread, before modules are loaded; NULL: IMPEL_E_UNSUP. */
void hostfetch_set(struct fetcher *f);
/* As struct impel_host says.  INVAL: called on no loop, or the request is
 * none; FULL: too many of this module, or of all; CLOSED: the daemon stops. */
int hostfetch_begin(struct impel_instance *i, const struct impel_fetch *f,
    impel_fetched_f *fn, void *arg);

#endif

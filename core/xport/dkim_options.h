/* SPDX-License-Identifier: Apache-2.0
 *
 * dkim_options.h - what is signed, with which key: the stanzas opendkim and
 * dkim_domain, whose options have Momentum's names.
 */
#ifndef IMPEL_DKIM_OPTIONS_H
#define IMPEL_DKIM_OPTIONS_H

#include "conf/option.h"

enum {
    DKIM_SIGN, /* opendkim_sign, in the scopes of a delivery */
    DKIM_BASE_DOMAIN,
    DKIM_SELECTOR,
    DKIM_KEY,         /* a path with %{d} and %{s} */
    DKIM_DIGEST,      /* DKIMKEY_* */
    DKIM_HEADER_FORM, /* BODYHASH_* */
    DKIM_BODY_FORM,
    DKIM_HEADERLIST,
    DKIM_OVERSIGN,
    DKIM_SKIP,
    DKIM_LIFETIME, /* hours */
    DKIM_CONDITION,
    DKIM_KEYS_MOST,
    DKIM_KEY_FOUND,
    DKIM_KEY_MISSING
};
extern struct option_set dkim_options;

#endif

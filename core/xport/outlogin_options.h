/* SPDX-License-Identifier: Apache-2.0
 *
 * outlogin_options.h - who Impel is to hosts that mail goes to (RFC 4954).
 */
#ifndef IMPEL_OUTLOGIN_OPTIONS_H
#define IMPEL_OUTLOGIN_OPTIONS_H

#include "conf/option.h"

enum {
    OUTLOGIN_TYPE, /* 0: the best that there is, else 1 + enum sasl_mechanism */
    OUTLOGIN_USER, /* unset: no login */
    OUTLOGIN_PASS, /* SECRET */
    OUTLOGIN_KEY,  /* SECRET: a token */
    OUTLOGIN_KEY_FILE, /* path, read at each login */
    OUTLOGIN_WITHOUT_TLS
};
extern struct option_set outlogin_options;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsrpt_options.h - what may be configured about reports of TLS (RFC 8460).
 */
#ifndef IMPEL_TLSRPT_OPTIONS_H
#define IMPEL_TLSRPT_OPTIONS_H

#include "conf/option.h"

enum {
    TLSRPT_REPORTS,
    TLSRPT_ORGANIZATION,
    TLSRPT_CONTACT,
    TLSRPT_FROM,
    TLSRPT_BINDING,
    TLSRPT_WINDOW
};
extern struct option_set tlsrpt_options;

#endif

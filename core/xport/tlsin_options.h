/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsin_options.h - TLS with those who connect (MC 3.17).  Certificate, key,
 * ciphers and versions are those of xport_options.h, in the scopes of
 * listeners.
 */
#ifndef IMPEL_TLSIN_OPTIONS_H
#define IMPEL_TLSIN_OPTIONS_H

#include "conf/option.h"

enum {
    TLSIN_USE_SSL,
    TLSIN_REQUIRE_STARTTLS,
    TLSIN_SNI_CERTIFICATES, /* LIST of "certificate" or "certificate key" */
    TLSIN_CLIENT_CA,        /* path, or "none" */
    TLSIN_VERIFY_MODE,      /* TLSIN_VERIFY_* */
    TLSIN_VERIFIED_PEER_CAN_RELAY,
    TLSIN_INJECTION_POLICY, /* TLSIN_INJECTION_* */
    TLSIN_HANDSHAKE_TIMEOUT
};
enum { TLSIN_VERIFY_NONE, TLSIN_VERIFY_OPTIONAL, TLSIN_VERIFY_REQUIRE };
enum { TLSIN_INJECTION_REJECT, TLSIN_INJECTION_IGNORE };
enum { TLSIN_SNI_MAX = 64 };
extern struct option_set tlsin_options;

#endif

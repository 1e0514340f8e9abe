/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsreason.h"

#include "base/banned.h"

#define TLS_REASON_TEXT(id, text) text,
static const char *const names[] = {TLS_REASONS(TLS_REASON_TEXT)};

const char *
tlsreason_name(enum tls_reason r)
{
    return (unsigned)r < TLS_REASON_COUNT ? names[r] : "?";
}

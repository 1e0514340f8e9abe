/* SPDX-License-Identifier: Apache-2.0
 *
 * binary.h - frames of the binary protocol: command 2, and the error packet.
 */
#ifndef IMPEL_APN_BINARY_H
#define IMPEL_APN_BINARY_H

#include <stddef.h>
#include <stdint.h>

#include "notice.h"

enum {
    BINARY_FRAME_MOST =
        5 + 5 * 3 + NOTICE_TOKEN_MOST / 2 + NOTICE_PAYLOAD_BINARY + 4 + 4 + 1,
    BINARY_ERROR = 6
};
/* Octets; token is hexadecimal. */
size_t binary_frame(const struct notice *n, const char *token, uint32_t id,
    uint8_t to[BINARY_FRAME_MOST]);
/* p has BINARY_ERROR octets.  false: that is no error packet. */
bool binary_error(const uint8_t *p, uint8_t *status, uint32_t *id);

#endif

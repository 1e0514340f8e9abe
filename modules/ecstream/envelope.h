/* SPDX-License-Identifier: Apache-2.0
 *
 * envelope.h - what a MESSAGE frame says behind tag and key.
 */
#ifndef IMPEL_ECSTREAM_ENVELOPE_H
#define IMPEL_ECSTREAM_ENVELOPE_H

#include "ecstream.h"

struct envelope {
    struct impel_sender from;
    struct frame_in meta, rcpt; /* where they begin */
    uint16_t meta_count;
    uint32_t rcpt_count;
};
/* All of it is lent by the frame.  false: it makes no sense. */
bool envelope_read(struct envelope *e, struct frame_in *in);

#endif

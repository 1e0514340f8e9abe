/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_builder.h - what tests of reception put in place of content that is
 * built: its octets are counted, no more.
 */
#ifndef IMPEL_FAKE_BUILDER_H
#define IMPEL_FAKE_BUILDER_H

#include "spool/content.h"

struct content_builder {
    content_room_f *room;
    void *arg;
    uint64_t bytes;
};
extern int fake_builders;       /* alive */
extern int fake_builder_result; /* of content_builder_add(): 0, ERR_* */
extern bool fake_builder_large; /* bodies are */
extern struct content_builder *fake_builder_last;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_disk.h - contents that are built and read in memory, by a disk that
 * waits or fails at a step that the test names; and the turn of a loop.
 */
#ifndef IMPEL_FAKE_DISK_H
#define IMPEL_FAKE_DISK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "spool/content.h"
#include "spool/message.h"

enum { FAKE_DISK_ID = 7 /* of the message that is renamed to */ };
struct content {
    struct buf all;
    bool settled;
};
struct fake_later { /* what the disk will say; fn NULL: nothing */
    void (*fn)(void *, int);
    void *arg;
    int result;
};
struct fake_disk {
    int step, fail_at; /* fail_at 0: none fails */
    /* ERR_IO at once; ERR_AGAIN, and later 0; all else: and later ERR_IO */
    int fail_with;
    int alive; /* builders, contents, messages, renders */
    struct fake_later later;
    struct list deferred; /* struct defer, in order */
    struct arena *arena;
};
extern struct fake_disk fake_disk;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * control_int.h - what control.c (sockets) and control_session.c share.
 */
#ifndef IMPEL_CONTROL_INT_H
#define IMPEL_CONTROL_INT_H

#include "base/list.h"
#include "ctl/control.h"

struct control {
    uint32_t magic;
    struct control_config on;
    struct list sockets;
    struct list sessions;
    unsigned session_count;
    bool closing;
};

/* A client: fd is the session's from now on. */
void control_session_new(struct control *c, int fd, int64_t timeout_ms);
/* Begins nothing any more and ends what is idle. */
void control_session_end_idle(struct control *c);
void control_session_free_all(struct control *c);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * esmtp.h - what the files of this module share.
 *
 * client.c and pipeline.c are the transport (methods ESMTP and SMTP),
 * server.c, server_command.c and server_data.c the listener.  A struct esmtp
 * is read-only after load(), so sessions on any loop may use it.
 */
#ifndef IMPEL_ESMTP_H
#define IMPEL_ESMTP_H

#include <impel/module.h>

struct esmtp {
    const struct impel_host *host;
    struct impel_instance *instance;
};

enum { LEVEL_DEBUG, LEVEL_INFO, LEVEL_NOTICE, LEVEL_WARNING }; /* of log() */
enum {                                                         /* counters */
    COUNT_HELO_FALLBACKS,
    COUNT_PROTOCOL_ERRORS,
    COUNT_UNCERTAIN,
    COUNT_BARE_NEWLINES,
    COUNT_BAD_COMMANDS,
    COUNT_TIMEOUTS,
    COUNT_MAX
};

extern const struct impel_transport esmtp_transport; /* client.c */
extern const struct impel_listener esmtp_listener;   /* server.c */

#endif

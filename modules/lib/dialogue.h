/* SPDX-License-Identifier: Apache-2.0
 *
 * dialogue.h - mail from host to host in commands and replies, for the modules
 * that speak so.
 *
 * client.c, client_auth.c, pipeline.c, starttls.c and xclient.c are the
 * transport; server.c, server_auth.c, server_command.c, server_data.c,
 * server_tls.c and server_xclient.c the listener.  A struct dialogue is
 * read-only after load(), so sessions on any loop may use it.
 */
#ifndef IMPEL_LIB_DIALOGUE_H
#define IMPEL_LIB_DIALOGUE_H

#include <stdbool.h>

#include <impel/module.h>

struct dialogue {
    const struct impel_host *host;
    struct impel_instance *instance;
    bool lmtp; /* RFC 2033: LHLO, and a reply for each recipient at the end */
};

enum { /* counters */
    COUNT_HELO_FALLBACKS,
    COUNT_PROTOCOL_ERRORS,
    COUNT_UNCERTAIN,
    COUNT_BARE_NEWLINES,
    COUNT_BAD_COMMANDS,
    COUNT_TIMEOUTS,
    COUNT_TLS_FALLBACKS,
    COUNT_STARTTLS_INJECTIONS,
    COUNT_LOGINS,
    COUNT_LOGIN_FAILURES,
    COUNT_MAX
};

extern const struct impel_counter dialogue_counters[COUNT_MAX];
int dialogue_load(const struct impel_host *host,
    struct impel_instance *instance, bool lmtp, void **ctx,
    struct impel_error *e);
int dialogue_check(
    void *ctx, const struct impel_scope *scope, struct impel_error *e);
void dialogue_unload(void *ctx);

extern const struct impel_transport dialogue_transport;    /* client.c */
extern const struct impel_listener dialogue_listener;      /* server.c */
extern const struct impel_listener dialogue_lmtp_listener; /* port 2003 */

#endif

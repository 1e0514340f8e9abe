/* SPDX-License-Identifier: Apache-2.0
 *
 * milter.h - what the files of this module share.
 *
 * milter.c has the descriptor and the options, target.c where a filter is and
 * how long it may take, macro.c what it is told of the client, packet.c the
 * wire; talk.c, put.c and said.c one conversation with one filter.
 */
#ifndef IMPEL_MILTER_H
#define IMPEL_MILTER_H

#include <stdbool.h>

#include <impel/module.h>

enum milter_row {
    ROW_MILTERS,
    ROW_CONNECT_TIMEOUT,
    ROW_COMMAND_TIMEOUT,
    ROW_CONTENT_TIMEOUT,
    ROW_DEFAULT_ACTION,
    ROW_PROTOCOL,
    ROW_QUARANTINE,
    ROW_REUSE,
    ROW_DAEMON_NAME,
    ROW_CONNECT_MACROS, /* in the order of the protocol's stages */
    ROW_HELO_MACROS,
    ROW_MAIL_MACROS,
    ROW_RCPT_MACROS,
    ROW_DATA_MACROS,
    ROW_END_MACROS,
    ROW_EOH_MACROS,
    ROW_COUNT
};
enum milter_counter {
    COUNT_CONNECTIONS,
    COUNT_REUSED,
    COUNT_MESSAGES,
    COUNT_CHANGES,
    COUNT_REFUSED,
    COUNT_DISCARDED,
    COUNT_FAILURES,
    COUNT_TIMEOUTS,
    COUNT_COUNT
};
enum { /* milter_default_action, milter_quarantine_action */
    ACTION_TEMPFAIL,
    ACTION_ACCEPT,
    ACTION_REJECT,
    ACTION_DISCARD
};

struct milter { /* the module */
    const struct impel_host *host;
    struct impel_instance *instance;
};

/* --- target.c --- */
struct target {     /* one item of `milters` */
    char addr[108]; /* IP address, or the path of a Unix socket */
    uint16_t port;
    uint16_t reserved;
    int action; /* default_action */
    int64_t connect_ms, command_ms, content_ms;
};
/* The item's address as it is written, to be shown. */
struct impel_str target_name(struct impel_str item);
/* The item that stands for no filter at all. */
bool target_is_none(struct impel_str item);
/* What an item says, and the scope where it says nothing.  false: error has
 * one sentence. */
bool target_parse(const struct impel_host *host, const struct impel_scope *,
    struct impel_str item, struct target *to, char error[200]);

extern const struct impel_filter milter_filter; /* talk.c */

#endif

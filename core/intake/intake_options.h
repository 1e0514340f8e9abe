/* SPDX-License-Identifier: Apache-2.0
 *
 * intake_options.h - what may be configured about listeners and about what
 * they accept (MC 3.17).  QUEUE_MAX_RECIPIENTS_PER_CONNECTION holds for
 * listeners too.
 */
#ifndef IMPEL_INTAKE_OPTIONS_H
#define IMPEL_INTAKE_OPTIONS_H

#include "conf/option.h"

enum {
    INTAKE_ENABLE,
    INTAKE_LISTEN_BACKLOG,
    INTAKE_FILE_MODE,         /* PERMS; unix sockets, the control socket too */
    INTAKE_EVENT_LOOP,        /* STRING: an eventloop's name, or absent */
    INTAKE_LISTENER_SESSIONS, /* 0: no limit */
    INTAKE_SERVICE_SESSIONS,  /* 0: no limit */
    INTAKE_INBOUND_THROTTLE_MESSAGES, /* THROTTLE */
    INTAKE_IDLE_TIME,
    INTAKE_MAX_RECEPTIONS_PER_CONNECTION, /* 0: no limit */
    INTAKE_MAX_RECIPIENTS_PER_MESSAGE,    /* 0: no limit */
    INTAKE_MAX_MESSAGE_SIZE,              /* 0: no limit */
    INTAKE_MAX_COMMANDS,                  /* without mail; 0: no limit */
    INTAKE_MAX_ERRORS,                    /* 0: no limit */
    INTAKE_SESSION_TIME,                  /* 0: no limit */
    INTAKE_PROXY_PROTOCOL,
    INTAKE_PROXY_PROTOCOL_TIMEOUT,
    INTAKE_BODY_TIME,
    INTAKE_RECEPTION_MEMORY, /* SIZE */
    INTAKE_BANNER_HOSTNAME,
    INTAKE_STATIC_BANNER,
    INTAKE_RECEIVED_HOSTNAME,
    INTAKE_RECONFIG_MESSAGE,
    INTAKE_CONTEXT,                   /* DICT */
    INTAKE_RELAY_HOSTS,               /* CIDRS */
    INTAKE_TRUSTED_PEERS,             /* CIDRS */
    INTAKE_RELAY_DOMAINS,             /* LIST of globs, lower case */
    INTAKE_RELAY_FOR_SENDING_DOMAINS, /* LIST of globs, lower case */
    INTAKE_OPEN_RELAY,
    INTAKE_POSTMASTER,         /* an address; unset: postmaster@hostname */
    INTAKE_FUTURE_RELEASE_MAX, /* 0: FUTURERELEASE is not offered */
    INTAKE_DELIVER_BY_MIN,     /* 0: any time */
    INTAKE_SMTP_EXTENSIONS,    /* LIST, upper case; unset: all */
    INTAKE_REQUIRE_EHLO,
    INTAKE_ALLOW_NULL_ENVELOPE_SENDER,
    INTAKE_ALLOW_TRAILING_WHITESPACE_IN_COMMANDS,
    INTAKE_DOMAIN_FOR_UNQUALIFIED_RECIPIENT_ADDRESSES,
    INTAKE_DOMAIN_FOR_UNQUALIFIED_SENDER_ADDRESS,
    INTAKE_ALLOW_IP_LITERAL,
    INTAKE_RFC2821_ALLOW_WHITESPACE_IN_ENVELOPE,
    INTAKE_RFC2822_DATE_HEADER,            /* INTAKE_HEADER_* */
    INTAKE_RFC2822_MESSAGEID_HEADER,       /* INTAKE_HEADER_* */
    INTAKE_RFC2822_MISSING_HEADERS,        /* INTAKE_MISSING_* */
    INTAKE_RFC2822_LONE_LF_IN_BODY,        /* INTAKE_LONE_* */
    INTAKE_RFC2822_MAX_LINE_LENGTH,        /* INTAKE_LENGTH_* or a number > 0 */
    INTAKE_RFC2822_MAX_LINE_LENGTH_POLICY, /* INTAKE_LINES_* */
    INTAKE_RFC2822_TRACE_HEADERS,
    INTAKE_MAX_RECEIVED_HEADERS,
    INTAKE_MCMT_RECEPTION /* enum mcmt_reception */
};
enum { INTAKE_HEADER_IFNEEDED, INTAKE_HEADER_IGNORE, INTAKE_HEADER_PEDANTIC };
enum { INTAKE_MISSING_ALLOW, INTAKE_MISSING_REJECT };
enum { INTAKE_LONE_PEDANTIC, INTAKE_LONE_FIX };
enum {
    INTAKE_LENGTH_IGNORE = -1,
    INTAKE_LENGTH_PEDANTIC = -2,
    INTAKE_LENGTH_FIX = -3
};
enum { INTAKE_LINES_NONE, INTAKE_LINES_FIX, INTAKE_LINES_REJECT };
extern struct option_set intake_options;

#endif

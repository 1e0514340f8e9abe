/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - one message: envelope and content, counted and immutable.
 *
 * An I/O loop builds it (core/intake), the spool writer stores it, the
 * scheduler makes parcels of it, sessions on any loop deliver it.  After
 * spool_accept() was called nobody changes it but for `place`, which the writer
 * sets before anyone else sees the message, and the scheduler's two counts.
 */
#ifndef IMPEL_MESSAGE_H
#define IMPEL_MESSAGE_H

#include <stdatomic.h>
#include "base/arena.h"
#include "base/buf.h"
#include "loop/mailbox.h"
#include "spool/bodyhash.h"

enum { /* RFC 3461 NOTIFY; 0: not given */
    NOTIFY_NEVER = 1,
    NOTIFY_SUCCESS = 2,
    NOTIFY_FAILURE = 4,
    NOTIFY_DELAY = 8
};
enum { BY_NOTIFY = 1, BY_RETURN = 2, BY_TRACE = 4 }; /* IMPEL_BY_* */
enum { RET_UNSET = 0, RET_HDRS = 1, RET_FULL = 2 };

/* In needs, beside what module.h names: "TLS-Required: No" stands in the
 * header, and REQUIRETLS was not said (RFC 8689 5).  Modules do not see it. */
#define MESSAGE_ANY_TLS 0x80000000u
enum message_tls { /* what its sender says of TLS on its way */
    MESSAGE_TLS_USUAL,
    MESSAGE_TLS_REQUIRED, /* REQUIRETLS */
    MESSAGE_TLS_ANY       /* what the recipient's domain asks for is no
                             reason to hold it up */
};

struct rcpt {
    struct str address;  /* local@domain, as given */
    struct str domain;   /* its domain in lower case, or a literal in [] */
    struct str original; /* ORCPT as given: "rfc822;..." still in xtext */
    uint32_t notify;
};
struct meta { /* context: "binding", "protocol" and what peers set */
    struct str key, value;
};
struct envelope {           /* all text lives in the message's arena */
    struct str sender;      /* empty: the null sender; never absent */
    struct str envid, auth; /* as given, or absent */
    int32_t ret;
    uint32_t needs;       /* IMPEL_NEED_* of module.h, MESSAGE_ANY_TLS */
    int64_t received;     /* wall ms */
    int64_t deadline;     /* wall ms; 0: none given */
    uint32_t by;          /* IMPEL_BY_* of module.h, of the deadline */
    int64_t hold_until;   /* wall ms; 0: now */
    struct str binding;   /* "default" if nobody chose */
    struct str peer_addr; /* "192.0.2.1", or absent: made here */
    struct str protocol;  /* "esmtp", "ecstream", "internal": R records */
    struct str helo;      /* what the peer called itself, or absent */
    struct str login;     /* whom it proved to be, or absent */
    uint32_t peer_port;   /* 0: not known */
    uint64_t connection;  /* the inbound session's id, 0: none */
    /* of the body as received, for DKIM: 32 octets each, or absent */
    struct str body_sum[BODYHASH_FORMS];
    size_t meta_count;
    const struct meta *meta;
    size_t rcpt_count;
    const struct rcpt *rcpt;
};

/* Where a record lies. segment 0: nowhere. */
struct spool_place {
    uint32_t segment; /* number in the file's name */
    uint32_t offset;
};

struct content;
struct message {
    uint32_t magic;
    _Atomic uint32_t refs;
    uint64_t id;
    struct spool_place place; /* of its ACCEPT */
    uint32_t record_size;     /* bytes it takes on disk, large body apart */
    uint32_t holders;         /* parcels that keep it in memory; and what */
    uint64_t resident;        /* they cost.  The scheduler's (active.c) */
    struct envelope env;
    struct content *content; /* NULL: not loaded (envelope only) */
    struct message *within;  /* ordinary.h: has the text of env; or NULL */
    struct arena *arena;
    struct mail mail; /* for its way between threads; one way at a time */
};

/* An empty message with one reference and an arena; env is zeroed. */
struct message *message_new(uint64_t id);
struct message *message_ref(struct message *m); /* any thread */
/* The last one frees it, its content included.  Any thread; *m becomes NULL */
void message_unref(struct message **m);
/* IMPEL_NEED_BINARY: its body may be other than lines. */
bool message_is_binary(const struct message *m);
/* As `needs` of its envelope say. */
enum message_tls message_tls(const struct message *m);
/* A copy of text in the arena; only while it is being built. */
struct str message_str(struct message *m, struct str s);

/* The id as operators see it: HH/HH-PPPPP-XXXXXXXX (MC 5.1), MESSAGE_ID_SIZE
 * bytes with the NUL.  Parse: ERR_INVAL. */
enum { MESSAGE_ID_SIZE = 24 };
void message_id_print(uint64_t id, char to[MESSAGE_ID_SIZE]);
int message_id_parse(struct str s, uint64_t *id);

#endif

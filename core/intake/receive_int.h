/* SPDX-License-Identifier: Apache-2.0
 *
 * receive_int.h - a message on its way in, as receive.c and filtered.c share
 * it.
 */
#ifndef IMPEL_RECEIVE_INT_H
#define IMPEL_RECEIVE_INT_H

#include "intake/chain.h"
#include "intake/inbound_throttle.h"
#include "intake/receive.h"

struct impel_incoming {
    uint32_t magic;
    uint64_t tag;
    struct intake_session *is; /* NULL: the session went while committing */
    struct intake_loop *il;
    struct message *message;
    struct content_builder *builder; /* from the body's first octet on */
    struct rcpt *rcpt;
    uint32_t *place; /* beside rcpt: its number for the module; filters only */
    size_t rcpt_size, rcpt_seen; /* allocated; told, refused ones included */
    /* Filters are asked of rcpt[judged]; of those before it the first `kept`
     * are taken, and stand in front. */
    size_t judged, kept;
    struct meta *meta;
    size_t meta_bytes;
    int64_t held, held_envelope; /* credits: in all, for recipients */
    uint64_t bytes;              /* of the body, taken so far */
    uint64_t expected;           /* octets, as its sender was told; 0: none */
    bool has_sender;             /* that nobody has refused */
    bool submitted;              /* it is with the spool */
    bool no_room;                /* the builder waits for the disk */
    bool woken;      /* has waited for credits and keeps its place in line */
    bool too_large;  /* the rest is swallowed: commit() will say so */
    int failure;     /* of the builder: ERR_* */
    struct oob *oob; /* it may be a bounce; or NULL */
    struct assign *assign; /* a trusted peer's header */
    bool in_header;        /* which has not ended yet */
    struct bounces *bounces;
    struct filtered *filtered;  /* judged by filters, or NULL: not yet, none */
    struct chain *chain;        /* the filters that see it, or NULL */
    struct chain_request asked; /* of them, for a part of it */
    bool asking;                /* is under way */
    bool container;             /* let in as one (mcmt.h) */
    bool discarded;             /* a filter has said so: taken, not stored */
    struct inbound_charge charge; /* until it is taken */
    struct list node;             /* in is->incoming */
    struct list waiting;
    struct spool_accept accept;
    struct spool_value with; /* key absent: none */
};

/* Hand it to the spool, its content with it.  trace: to stand before that. */
void receive_submit(struct impel_incoming *m, struct str trace);
/* It will not be: tell why and free it. */
void receive_refuse(struct impel_incoming *m, const struct impel_result *r);
/* It was taken, and nothing is left to be stored: text for the client. */
void receive_drop(struct impel_incoming *m, const char *text);
/* As RCPT does; the address is known to be one. */
void receive_add_rcpt(
    struct impel_incoming *m, struct str address, const struct impel_rcpt *to);
/* What its header says that its delivery needs, and what it does not need
 * although the client has said so.  The recipients stand in the envelope from
 * then on. */
void receive_needs(
    struct impel_incoming *m, struct str header, const struct content_facts *f);

#endif

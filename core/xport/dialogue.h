/* SPDX-License-Identifier: Apache-2.0
 *
 * dialogue.h - what crosses a connection in both directions, as lines that may
 * be shown: for `trace smtp` (xport/tracer.h).
 *
 * Nothing here parses a protocol to act on it; it only knows which lines of the
 * SMTP family are safe.  That is a list of what is shown, not of what is
 * hidden: a client's line is shown if its first word is a command of RFC 5321
 * or of its extensions.  Anything else (base64 behind AUTH, content that a
 * module writes by itself, another protocol) becomes a count of octets.  Of
 * AUTH only the mechanism is shown, of XCLIENT's LOGIN nothing, and of replies
 * to both no text, for a server may repeat what it was sent.
 */
#ifndef IMPEL_DIALOGUE_H
#define IMPEL_DIALOGUE_H

#include "base/buf.h"

enum { DIALOGUE_LINE_MOST = 1000 /* octets of a line; the rest is counted */ };
enum dialogue_side { DIALOGUE_CLIENT, DIALOGUE_SERVER };

/* One line without its end: printable, what is not stands as \xNN. */
typedef void dialogue_line_f(
    void *arg, enum dialogue_side from, struct str line);

enum dialogue_hush {
    DIALOGUE_OPEN,
    DIALOGUE_AUTH, /* until the server has decided */
    DIALOGUE_LOGIN /* XCLIENT with LOGIN: the next reply */
};
struct dialogue {
    dialogue_line_f *fn;
    void *arg;
    struct dialogue_part {
        struct buf text; /* of a line whose end has not come */
        uint64_t over;   /* octets of it that are not kept */
    } part[2];
    enum dialogue_hush hush;
    uint64_t hidden; /* octets of a client that were not shown yet */
};

/* d is zeroed memory. */
void dialogue_init(struct dialogue *d, dialogue_line_f *fn, void *arg);
/* What crossed, in pieces of any size. */
void dialogue_take(
    struct dialogue *d, enum dialogue_side from, const void *p, size_t n);
/* Say what was hidden; before a line of somebody else's is put in between. */
void dialogue_flush(struct dialogue *d);
/* The same, with the lines that have no end; what is kept is wiped. */
void dialogue_fini(struct dialogue *d);

#endif

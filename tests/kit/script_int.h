/* SPDX-License-Identifier: Apache-2.0
 *
 * script_int.h - reading a script; between script.c and scriptfilter.c only.
 * What returns an int returns 0 or the code of the error that it has set.
 */
#ifndef IMPEL_KIT_SCRIPT_INT_H
#define IMPEL_KIT_SCRIPT_INT_H

#include "script.h"

/* Where the parser stands. */
struct reading {
    struct script *s;
    struct err *e;
    int line;
    struct script_message *message; /* the block we are in, or NULL */
    struct script_session *session;
};

int script_bad(struct reading *r, const char *what, struct str at);
struct impel_str script_kept(struct script *s, struct str t);
struct script_message *script_message(struct script *s, struct str name);
/* Replace \r \n \t \0 \\ \xNN, {size NAME}, and octets (word_octets()). */
int script_expand(struct reading *r, struct str in, struct buf *out);
int script_number(struct reading *r, struct str t, int *to);
/* VERDICT [key=value ...] */
int script_want(
    struct reading *r, struct str rest, struct script_want *w, int64_t *wait);
/* NULL: there are too many. */
struct script_step *script_add_step(
    struct reading *r, enum script_step_kind kind);
struct script_act *script_add_act(struct reading *r, enum script_act_kind kind);

/* lines N TEXT, of a message's body */
int script_lines(struct reading *r, struct str rest);
/* A line of a filter's session.  false: it is none. */
bool script_filter_line(
    struct reading *r, struct str key, struct str rest, int *rc);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * render.h - the forms of a content: raw, dotted, 7-bit; exact sizes.
 *
 * Forms are IMPEL_BODY_* of module.h.  DOTTED is RAW with dots stuffed, a
 * final CRLF if missing, and the closing ".\r\n".  SEVENBIT is RAW with 8-bit
 * parts re-encoded (transform_8bitmime_content).  What a delivery adds stands
 * in the prefix (Return-Path and the like).  A form is never stored.
 */
#ifndef IMPEL_RENDER_H
#define IMPEL_RENDER_H

#include "spool/content.h"

struct render;
/* prefix: copied.  The content must stay loaded (hold the message). */
struct render *render_new(
    struct message *m, int form, struct str prefix, struct err *e);
void render_free(struct render **r);
uint64_t render_size(const struct render *r);
/* Up to n bytes from `at` on (any order of calls, sequential is cheap): bytes
 * written; 0 at the end; ERR_AGAIN: a large body is not read yet, ready() is
 * called on `home` when it is; ERR_IO; ERR_DAMAGED: a large body is not what
 * was stored, which is known before its last octet is given out. */
typedef void render_ready_f(void *arg, int result);
int64_t render_read(struct render *r, uint64_t at, void *to, size_t n,
    struct mailbox *home, render_ready_f *ready, void *arg);
/* All of a form that is not DOTTED, in pieces and in order, to fn until that
 * says false; on a thread that may block.  0, or what render_read() says. */
typedef bool render_piece_f(void *arg, struct str piece);
int render_each(struct render *r, render_piece_f *fn, void *arg, struct err *e);
/* A resident RAW content without edits as one or two borrowed pieces, to be
 * written without a copy; false: use render_read(). */
bool render_pieces(const struct render *r, struct str piece[2]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_complete.h - which words may follow, by the list of commands.
 */
#ifndef IMPEL_IMPEL_COMPLETE_H
#define IMPEL_IMPEL_COMPLETE_H

#include "base/buf.h"

/* line: what stands before the cursor.  more: what all candidates have in
 * common beyond it, with a blank behind the only one.  list: the candidates,
 * blank-separated, or the arguments of a command that is whole.  How many. */
size_t impel_complete(struct str line, struct buf *more, struct buf *list);

/* Every command: those of the daemon in order, then those of the program. */
struct command_words;
void impel_complete_each(
    void (*fn)(void *arg, const struct command_words *row), void *arg);

#endif

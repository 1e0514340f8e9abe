/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_words.h - what may stand next on a command line of impel, for the
 * completion of shells: `impel complete -- WORD...`.
 *
 * It comes out of the tables that the program itself is made of: commands,
 * their arguments, options of the configuration.
 */
#ifndef IMPEL_IMPEL_WORDS_H
#define IMPEL_IMPEL_WORDS_H

#include "base/buf.h"

struct impel_switch { /* an option of the program's; the last has no name */
    const char *name;
    int letter;
    bool has_arg;
};

/* words: those behind "impel", the last one as far as it is typed.  Candidates
 * for it, one for each line; how many.  options: those before a command.
 * modules: folders, whose options count when one is asked for. */
size_t impel_words(const struct impel_switch *options, const char *modules,
    const struct str *words, size_t count, struct buf *to);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_bar.h - progress on stderr, for what takes longer than a second.
 *
 * Nothing is shown unless stderr is a terminal, and it is gone before the
 * answer is printed.
 */
#ifndef IMPEL_IMPEL_BAR_H
#define IMPEL_IMPEL_BAR_H

#include <stdbool.h>
#include <stdint.h>

struct impel_bar { /* zeroed memory shows nothing yet */
    int64_t begun;
    bool wanted, shown;
    uint64_t done, total;
    char note[100]; /* shown instead of these, if it is not empty */
};
void impel_bar_start(struct impel_bar *b, bool wanted);
/* total 0: unknown. */
void impel_bar_move(struct impel_bar *b, uint64_t done, uint64_t total);
void impel_bar_note(struct impel_bar *b, const char *note);
/* Call a few times per second. */
void impel_bar_draw(struct impel_bar *b);
void impel_bar_clear(struct impel_bar *b);

#endif

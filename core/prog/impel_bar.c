/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/banned.h"

enum { AFTER_MS = 1000, WIDTH = 40 };

void
impel_bar_start(struct impel_bar *b, bool wanted)
{
    *b = (struct impel_bar){
        .begun = clock_mono(), .wanted = wanted && isatty(STDERR_FILENO)};
}

void
impel_bar_move(struct impel_bar *b, uint64_t done, uint64_t total)
{
    b->done = done;
    b->total = total;
}

void
impel_bar_note(struct impel_bar *b, const char *note)
{
    snprintf(b->note, sizeof(b->note), "%s", note);
}

static void
draw_share(const struct impel_bar *b, int64_t s)
{
    char bar[WIDTH + 1];
    uint64_t done = b->done < b->total ? b->done : b->total;
    int full = (int)((double)done / (double)b->total * WIDTH);
    memset(bar, ' ', WIDTH);
    memset(bar, '#', (size_t)full);
    bar[WIDTH] = '\0';
    if (b->note[0]) {
        fprintf(stderr, "\r[%s] %s, %lld s\033[K", bar, b->note, (long long)s);
        return;
    }
    fprintf(stderr, "\r[%s] %llu of %llu, %lld s\033[K", bar,
        (unsigned long long)done, (unsigned long long)b->total, (long long)s);
}

void
impel_bar_draw(struct impel_bar *b)
{
    int64_t ms = clock_mono() - b->begun;
    if (!b->wanted || ms < AFTER_MS)
        return;
    if (b->total)
        draw_share(b, ms / 1000);
    else
        fprintf(stderr, "\r%s, %lld s\033[K", b->note[0] ? b->note : "working",
            (long long)(ms / 1000));
    fflush(stderr);
    b->shown = true;
}

void
impel_bar_clear(struct impel_bar *b)
{
    if (b->shown)
        fputs("\r\033[K", stderr);
    b->shown = false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_filtering.h - filters, a client's session and the turn of a loop, played
 * for tests of the order in which filters are asked.
 */
#ifndef IMPEL_FAKE_FILTERING_H
#define IMPEL_FAKE_FILTERING_H

#include "intake/chain.h"

enum { FAKE_FILTERS = 3, FAKE_SESSIONS = 32 };
struct filtering {
    const struct filtering_events *ev;
    void *arg;
    int which;
    bool open, polite;      /* polite: how it was closed */
    struct impel_step step; /* told last */
    char told[64];          /* a letter each: C G S R H B E A */
};
/* The first of two modules has "a", the other the rest. */
extern const char *const fake_filter_names[FAKE_FILTERS];
extern int fake_filter_count; /* that the scope asks for */
/* Each that was opened, in that order. */
extern struct filtering fake_filters[FAKE_SESSIONS];
extern int fake_opened, fake_credits;
/* What the client was told, and with which code last. */
extern int fake_verdicts, fake_verdict_code;
extern struct list fake_deferred;

void fake_turn(void); /* all that was put off */

#endif

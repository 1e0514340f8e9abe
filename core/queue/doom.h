/* SPDX-License-Identifier: Apache-2.0
 *
 * doom.h - failing mail by hand: what an operator says becomes the result; and
 * putting it off.
 */
#ifndef IMPEL_DOOM_H
#define IMPEL_DOOM_H

#include "queue/scheduler_int.h"

/* Shared by all parcels that a verb meant and that are with a session, or whose
 * bounce is not stored yet: with the verb's own reference alone, all is over
 * but for what the spool has been given. */
struct doom {
    uint32_t refs;
    int64_t until; /* wall ms: it is put off, and does not fail; 0: it fails */
    int code;
    bool quiet; /* without a bounce */
    char status[24], text[512];
};
/* One reference.  text: "554 5.7.0 go away", any part of it, or nothing. */
struct doom *doom_new(struct str text, const char *otherwise, bool quiet);
struct doom *doom_delay(int64_t until);
struct doom *doom_ref(struct doom *d);
void doom_unref(struct doom **d); /* *d may be NULL */
/* It fails (or is put off) now, or as soon as a session gives it back
 * undelivered (or not begun); the last word counts, but what fails is not put
 * off.  One that is DELAYED is only put off while no ATTEMPT of it is written.
 * false: it was doomed already, or has failed. */
bool doom_parcel(struct parcel *p, struct doom *d);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * doom.h - failing mail by hand: what an operator says becomes the result.
 */
#ifndef IMPEL_DOOM_H
#define IMPEL_DOOM_H

#include "queue/scheduler_int.h"

struct doom {
    int code;
    char status[24], text[512];
};
/* text: "554 5.7.0 go away", any part of it, or nothing. */
void doom_set(struct doom *d, struct str text, const char *otherwise);
/* It fails now, or as soon as a session gives it back. */
void doom_parcel(struct parcel *p, const struct doom *d, bool quiet);

#endif

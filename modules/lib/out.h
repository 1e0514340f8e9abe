/* SPDX-License-Identifier: Apache-2.0
 *
 * out.h - a small fixed buffer in front of host->write(), so that a flight of
 * commands or of replies goes out in one piece.
 *
 * What is put in and does not fit is dropped and remembered as an overflow:
 * callers ask out_room() first, or out_flush() and wait for EV_DRAINED.
 */
#ifndef IMPEL_LIB_OUT_H
#define IMPEL_LIB_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum { OUT_SIZE = 4096 };

struct out {
    size_t n;
    bool overflow;
    char p[OUT_SIZE];
};

void out_put(struct out *o, const void *p, size_t n);
void out_text(struct out *o, const char *z);
void out_str(struct out *o, struct impel_str s);
void out_number(struct out *o, uint64_t value);

/* Hand all to the host.  0; IMPEL_E_FULL: all is kept, try again after
 * EV_DRAINED; another IMPEL_E_*: the connection is of no more use. */
int out_flush(struct out *o, const struct impel_host *host,
    struct impel_session *session);

static inline size_t
out_room(const struct out *o)
{
    return OUT_SIZE - o->n;
}

#endif

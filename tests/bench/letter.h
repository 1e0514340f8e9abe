/* SPDX-License-Identifier: Apache-2.0
 *
 * letter.h - the content that sources send (bench.h has what is in it).
 */
#ifndef IMPEL_BENCH_LETTER_H
#define IMPEL_BENCH_LETTER_H

#include <stddef.h>
#include <stdint.h>

struct letter { /* a body, the same for all messages */
    char *p;    /* from malloc(), dots stuffed */
    size_t n;   /* octets of it */
    size_t unstuffed;
    uint64_t sum; /* of it as the sink sees it, without stuffed dots */
};

/* A body that makes a message about `size` octets long; kind: "text", "base64",
 * "8bit". */
void letter_make(struct letter *l, int size, const char *kind);
/* The header of message n, a blank line included: how many octets. */
size_t letter_head(const struct letter *l, char *to, size_t size, long n,
    int domains, int64_t begun_us);

#endif

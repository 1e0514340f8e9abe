/* SPDX-License-Identifier: Apache-2.0
 *
 * request.h - one line of a control session, taken apart.
 *
 * The first thing that sees the bytes of a client: a line is at most
 * CONTROL_REQUEST_MAX, holds at most REQUEST_WORDS_MAX words, and no word holds
 * a NUL.
 */
#ifndef IMPEL_REQUEST_H
#define IMPEL_REQUEST_H

#include <jansson.h>
#include "base/err.h"
#include "base/str.h"

enum { REQUEST_WORDS_MAX = 256 };

struct request {
    json_t *root; /* owns the bytes of the words */
    struct str *words;
    size_t word_count;
    bool json;
};
/* 0, or ERR_INVAL with a sentence and nothing to free. */
int request_parse(struct str line, struct request *to, struct err *e);
void request_fini(struct request *r);

#endif

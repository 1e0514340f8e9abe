/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.h - what a server says of the recipients, in JSON (RFC 8259):
 *
 *     {"text": "...", "recipients": [
 *         {"number": N, "result": "delivered|retry|failed", "text": "..."}]}
 *
 * Other members are passed over.  A reader of its own, because it is read where
 * it lies, and so memory cannot run out in the middle.
 */
#ifndef WEBHOOK_ANSWER_H
#define WEBHOOK_ANSWER_H

#include <stdbool.h>

#include <impel/module.h>

enum {
    ANSWER_TEXT_MOST = 500,  /* octets of a text, and its NUL */
    ANSWER_DEPTH_MOST = 32,  /* values within values */
    ANSWER_ROWS_MOST = 10000 /* recipients */
};

struct answer_row {
    int64_t number; /* -1: it has none */
    int verdict;    /* IMPEL_*; a result that is not known is RETRY */
    char text[ANSWER_TEXT_MOST];
};
/* For each row; one that is there twice counts as it stands last. */
typedef void answer_row_f(void *arg, const struct answer_row *row);

/* Read all of it.  false: it is no such document; rows may have been told. */
bool answer_read(const char *json, size_t n, char text[ANSWER_TEXT_MOST],
    answer_row_f *fn, void *arg);

#endif

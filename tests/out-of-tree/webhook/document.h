/* SPDX-License-Identifier: Apache-2.0
 *
 * document.h - a message as JSON (README.md says what stands in it).
 *
 * The message itself, in base64, is the last member, so that it need not be in
 * memory: what stands before it is `front`, what stands behind it `back`.
 */
#ifndef WEBHOOK_DOCUMENT_H
#define WEBHOOK_DOCUMENT_H

#include <stdbool.h>

#include <impel/module.h>

enum { DOCUMENT_HEAD_MOST = 131072 /* octets that are looked at */ };

struct document {
    char *front, *back;
    uint64_t length; /* of all of it */
};

/* head: the beginning of the message, size: all of it; text_most: octets of
 * its text.  false: no memory. */
bool document_make(struct document *to, const struct impel_envelope *envelope,
    struct impel_str head, uint64_t size, size_t text_most);
void document_fini(struct document *d);

/* Base64 of n octets, n a multiple of 3 unless they are the last: 4 for each 3;
 * how many. */
size_t document_base64(const char *p, size_t n, char *to);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * host_text.h - what the small hosts of tests (esmtp_host.h, ecstream_host.h)
 * have in common: texts that grow, and promises of modules.
 */
#ifndef IMPEL_TEST_HOST_TEXT_H
#define IMPEL_TEST_HOST_TEXT_H

#include <stdbool.h>

#include <impel/module.h>

struct text {
    char *p;
    size_t n, room;
};
void text_add(struct text *t, const void *p, size_t n);
void text_str(struct text *t, struct impel_str s); /* and a line feed */

/* A broken promise ends the process by abort(). */
void host_must(bool kept, const char *what);
#define MUST(x) host_must(x, #x)

#endif

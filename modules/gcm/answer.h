/* SPDX-License-Identifier: Apache-2.0
 *
 * answer.h - what Google's answers mean for the queue (docs/modules/gcm.md has
 * the tables).
 */
#ifndef IMPEL_GCM_ANSWER_H
#define IMPEL_GCM_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/module.h>

enum { ANSWER_WORDS = 300, ANSWER_ID = 256, ANSWER_CANONICAL = 4097 };
struct answer {
    struct impel_result result;       /* its text is words */
    bool unregistered;                /* the device is gone for good */
    bool unauthorized;                /* the access token is not taken */
    bool quota;                       /* too many of the project */
    int64_t after;                    /* as Google says, ms; -1: it does not */
    char words[ANSWER_WORDS];         /* visible ASCII and blanks */
    char id[ANSWER_ID];               /* what Google calls it, or "" */
    char canonical[ANSWER_CANONICAL]; /* the device's other id, or "" */
};
/* status: of HTTP; after: Retry-After in ms, -1: none. */
void answer_v1(
    int status, struct impel_str body, int64_t after, struct answer *to);
void answer_legacy(
    int status, struct impel_str body, int64_t after, struct answer *to);

#endif

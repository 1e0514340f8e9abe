/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h - one report per recipient: verdict, blame, stage, words.
 *
 * The core's copy of struct impel_result, with its text owned.  Codes and
 * names are those of <impel/module.h>.
 */
#ifndef IMPEL_RESULT_H
#define IMPEL_RESULT_H

#include <impel/module.h>
#include "base/buf.h"

enum { RESULT_TEXT_MAX = 1024, RESULT_INFO_MAX = 8 };
struct result {
    int32_t verdict; /* IMPEL_DELIVERED ...; 0: not reported yet */
    int32_t blame, stage;
    uint32_t flags; /* IMPEL_UNCERTAIN */
    uint16_t code, status[3];
    int64_t retry_after; /* ms; < 0: nothing */
    bool awaited;        /* more of it comes later (awaited.h) */
    char *text;          /* NUL-ended, no control characters; NULL: none */
    char *info;          /* "key=value key=value" for logs; NULL: none */
    char *tls; /* the core's: what the session was behind, alike; NULL: none */
};
/* Copy what a module said: bounded, cleaned, with values that make no sense
 * put right (a 5xx RETRY stays what the module said; an unknown verdict is a
 * broken module: ERR_PROTO). */
int result_copy(struct result *to, const struct impel_result *from);
void result_set(struct result *to, int verdict, int blame, int stage, int code,
    const char *status, const char *text); /* "4.4.1" */
void result_dup(struct result *to, const struct result *from);
void result_fini(struct result *r);
/* "451 4.4.1 [internal] Connection refused": what logs and DSNs show. */
void result_print(const struct result *r, struct buf *to);
const char *result_verdict_name(int verdict);
const char *result_blame_name(int blame);
const char *result_stage_name(int stage);
/* Before any message could be begun. */
bool result_stage_is_early(int stage);
/* Momentum's connection stage number (MC 8.1) for T and P records. */
int result_stage_number(int stage);

#endif

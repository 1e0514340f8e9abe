/* SPDX-License-Identifier: Apache-2.0
 *
 * result.h - what an answer means for the queue (README.md has the table).
 */
#ifndef WEBHOOK_RESULT_H
#define WEBHOOK_RESULT_H

#include <impel/module.h>

enum { RESULT_TEXT = 700 };

/* In words of this module. */
struct impel_result result_make(
    int verdict, int blame, int stage, const char *text);
/* In the server's: its status and reason, and what its answer says besides;
 * they are put together in text, which the result borrows. */
struct impel_result result_of_status(int status, const char *reason,
    const char *said, int64_t retry_after, char text[RESULT_TEXT]);
/* The same for one recipient, by a document that says so; text may be empty. */
void result_say(struct impel_result *r, int verdict, const char *text);

#endif

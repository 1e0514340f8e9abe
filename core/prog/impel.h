/* SPDX-License-Identifier: Apache-2.0
 *
 * impel.h - what the files of the console program share.
 *
 * One command is: words split, run without a daemon if that is possible
 * (impel_offline.h), else asked of the daemon (impel_client.h), its text to
 * stdout, its error to stderr.
 */
#ifndef IMPEL_IMPEL_H
#define IMPEL_IMPEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

enum { /* exit codes; health gives its own 0, 1, 2 */
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NO_DAEMON = 3
};
enum { IMPEL_WORDS_MAX = 256 };

struct impel_client;
struct impel_run {
    const char *socket;
    const char *modules; /* folders, colon-separated */
    bool json;
    int64_t timeout_ms;          /* of silence while a command runs */
    struct impel_client *client; /* NULL: not connected */
};
/* One command: an exit code. */
int impel_command(struct impel_run *r, const struct str *words, size_t count);
/* The text of an answer, with an end of its last line; out is given up. */
void impel_print(struct buf *out);
/* Commands from a terminal, or one per line from elsewhere. */
int impel_console(struct impel_run *r);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_journal.h - the name of a stream and what was answered on it, in a
 * file: so that a command that was interrupted goes on without losing a message
 * and without sending one twice.
 *
 * The file is text: "impel-inject 1 STREAM", and for each message that was
 * answered "KEY done" or "KEY left 0,3-5", the numbers of recipients that are
 * to be tried again.  The last line of a key counts; a last line without its
 * end is cut off.  Keys are made of what is sent, so that files may change
 * places; what is there twice has a key each.
 */
#ifndef IMPEL_INJECT_JOURNAL_H
#define IMPEL_INJECT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include <impel/ecstream.h>

#include "base/err.h"

enum { INJECT_KEY = 32 }; /* octets, hexadecimal */
enum inject_known { INJECT_NEW, INJECT_LEFT, INJECT_DONE };

struct inject_journal;
/* Made if it is not there, with a stream of its own, on disk.  ERR_BUSY:
 * another process has it; ERR_INVAL: it is something else. */
int inject_journal_open(
    const char *path, struct inject_journal **to, struct err *e);
void inject_journal_close(struct inject_journal **j);
const unsigned char *inject_journal_stream(const struct inject_journal *j);
/* Seconds since it was written to; 0: it is new. */
int64_t inject_journal_age(const struct inject_journal *j);

/* The key of the next message that consists of that (SHA-256), and what is
 * known of it. */
enum inject_known inject_journal_name(struct inject_journal *j,
    const unsigned char hash[32], char key[INJECT_KEY + 1]);
/* INJECT_LEFT: is that recipient to be tried again? */
bool inject_journal_is_left(
    struct inject_journal *j, const char *key, uint32_t number);

/* What was answered; numbers as they were sent. */
void inject_journal_note(struct inject_journal *j, const char *key,
    const struct ecstream_result *results, const uint32_t *numbers,
    size_t count);
/* All that was noted is on disk then. */
int inject_journal_sync(struct inject_journal *j, struct err *e);

#endif

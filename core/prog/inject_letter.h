/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_letter.h - one message on its way: a text, an envelope, a key.
 */
#ifndef IMPEL_INJECT_LETTER_H
#define IMPEL_INJECT_LETTER_H

#include "prog/inject_journal.h"
#include "prog/inject_list.h"
#include "prog/inject_args.h"
#include "prog/inject_text.h"

struct inject_run;
struct inject_letter {
    struct inject_run *run;
    size_t stream;        /* which connection has it */
    size_t memory, files; /* what it is charged with while it is sent */
    struct inject_text *text;
    struct inject_reader *reader;
    char *name; /* where it came from */
    uint64_t weight;
    char *sender;
    struct inject_addresses rcpts; /* those that are sent to */
    uint32_t *numbers;
    struct ecstream_pair *pairs; /* copies */
    size_t pair_count;
    char key[INJECT_KEY + 1]; /* empty: the library's */
};

/* A message of the header's or the options' recipients; t becomes the letter's,
 * also in failure.  *done: the journal has its last answer already. */
int inject_letter_new(const struct inject_args *o, struct inject_text *t,
    struct inject_journal *j, struct inject_letter **to, bool *done,
    struct err *e);
/* The same for a row of a list; t is finished, and stays the caller's. */
int inject_letter_of_row(const struct inject_args *o, struct inject_text *t,
    const struct inject_row *row, struct inject_journal *j,
    struct inject_letter **to, bool *done, struct err *e);
void inject_letter_free(struct inject_letter **l);
/* As the library takes it.  rcpts is scratch memory that grows. */
struct inject_scratch {
    struct ecstream_recipient *rcpts;
    size_t size;
};
void inject_letter_message(struct inject_letter *l, bool utf8,
    struct inject_scratch *scratch, struct ecstream_message *m);

#endif

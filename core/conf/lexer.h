/* SPDX-License-Identifier: Apache-2.0
 *
 * lexer.h - words and signs of the ecelerity.conf notation.
 */
#ifndef IMPEL_LEXER_H
#define IMPEL_LEXER_H

#include "base/buf.h"
#include "base/err.h"

enum lexer_token {
    LEXER_WORD,
    LEXER_SIGN, /* one of = ( ) [ ] { } , */
    LEXER_END,
    LEXER_BAD /* the error says why */
};

struct lexer {
    struct str text;
    size_t at;
    int line;
    size_t line_start;
    bool commas; /* in lists and dictionaries: "," is a sign */
    /* the token: */
    char sign;
    bool quoted;
    bool after_comment; /* a # comment stood before it */
    int token_line, token_column;
    struct buf word; /* with escapes resolved */
    struct err error;
};

void lexer_init(struct lexer *l, struct str text);
void lexer_fini(struct lexer *l);
enum lexer_token lexer_next(struct lexer *l);

#endif

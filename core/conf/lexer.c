/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/lexer.h"

#include "conf/tree.h"
#include "base/banned.h"

void
lexer_init(struct lexer *l, struct str text)
{
    memset(l, 0, sizeof(*l));
    l->text = text;
    l->line = 1;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        l->at = l->line_start = 3;
}

void
lexer_fini(struct lexer *l)
{
    buf_fini(&l->word);
}

static int
lexer_peek(const struct lexer *l, size_t ahead)
{
    size_t at = l->at + ahead;

    return at < l->text.n ? (unsigned char)l->text.p[at] : -1;
}

static void
lexer_skip(struct lexer *l)
{
    if (l->text.p[l->at] == '\n') {
        l->line++;
        l->line_start = l->at + 1;
    }
    l->at++;
}

static enum lexer_token
lexer_bad(struct lexer *l, const char *why)
{
    (void)err_set(&l->error, ERR_CONF, "%s", why);
    return LEXER_BAD;
}

/* Space and comments.  false: a comment does not end. */
static bool
lexer_blank(struct lexer *l)
{
    for (;;) {
        int c = lexer_peek(l, 0);

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            lexer_skip(l);
        } else if (c == '#') {
            l->after_comment = true;
            while (lexer_peek(l, 0) >= 0 && lexer_peek(l, 0) != '\n')
                lexer_skip(l);
        } else if (c == '/' && lexer_peek(l, 1) == '*') {
            size_t end = str_find(l->text, STR("*/"), l->at + 2);

            if (end == SIZE_MAX)
                return false;
            while (l->at < end + 2)
                lexer_skip(l);
        } else {
            return true;
        }
    }
}

/* Known escapes are read, every other pair stays as it is: "\d" is for a
 * pattern. */
static void
lexer_escape(struct lexer *l)
{
    int c = lexer_peek(l, 1);
    static const char from[] = "nrt\"\\", to[] = "\n\r\t\"\\";
    const char *known = c > 0 ? memchr(from, c, sizeof(from) - 1) : NULL;

    if (known) {
        buf_char(&l->word, to[known - from]);
        l->at += 2;
    } else {
        buf_char(&l->word, '\\');
        l->at++;
    }
}

static enum lexer_token
lexer_quoted(struct lexer *l)
{
    l->quoted = true;
    l->at++;
    for (;;) {
        int c = lexer_peek(l, 0);

        if (c == '"') {
            l->at++;
            return LEXER_WORD;
        }
        if (c < 0 || c == '\n')
            return lexer_bad(l,
                "the quotes that begin here do not end on "
                "their line");
        if (c == 0)
            return lexer_bad(l, "a NUL byte");
        if (l->word.n >= TREE_TEXT_MAX)
            return lexer_bad(l, "a word that is too long");
        if (c == '\\') {
            lexer_escape(l);
        } else {
            buf_char(&l->word, (char)c);
            l->at++;
        }
    }
}

static bool
lexer_is_sign(const struct lexer *l, int c)
{
    return c > 0 && (strchr("=()[]{}", c) || (c == ',' && l->commas));
}

static bool
lexer_ends_word(const struct lexer *l, int c)
{
    return c < 0x21 || c == '#' || c == '"' || c == 0x7f ||
        lexer_is_sign(l, c) || (c == '/' && lexer_peek(l, 1) == '*');
}

static enum lexer_token
lexer_bare(struct lexer *l)
{
    size_t from = l->at;

    while (!lexer_ends_word(l, lexer_peek(l, 0))) {
        l->at++;
        if (l->at - from > TREE_TEXT_MAX)
            return lexer_bad(l, "a word that is too long");
    }
    if (l->at == from)
        return lexer_bad(l, "a control character");
    buf_str(&l->word, str_sub(l->text, from, l->at - from));
    return LEXER_WORD;
}

enum lexer_token
lexer_next(struct lexer *l)
{
    bool closed;
    int c;

    buf_cut(&l->word, 0);
    l->quoted = l->after_comment = false;
    l->sign = 0;
    l->token_line = l->line;
    l->token_column = (int)(l->at - l->line_start) + 1;
    closed = lexer_blank(l);
    if (!closed)
        return lexer_bad(l, "the comment that begins here does not end");
    l->token_line = l->line;
    l->token_column = (int)(l->at - l->line_start) + 1;
    c = lexer_peek(l, 0);
    if (c < 0)
        return LEXER_END;
    if (lexer_is_sign(l, c)) {
        l->sign = (char)c;
        l->at++;
        return LEXER_SIGN;
    }
    return c == '"' ? lexer_quoted(l) : lexer_bare(l);
}

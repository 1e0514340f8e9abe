/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-dialogue.c - what `trace smtp` shows of a conversation: parts between
 * NULs are the client's and the server's in turn.  Whole and octet by octet
 * must agree, everything is printable and bounded, and no line of the client's
 * is shown that does not begin with a command.
 */
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "xport/dialogue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char *const shown[] = {"EHLO", "HELO", "LHLO", "MAIL", "RCPT",
    "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "ETRN",
    "STARTTLS", ".", "XCLIENT"};

/* "AUTH MECHANISM (hidden)" */
static void
check_auth(struct str rest)
{
    struct str word = str_cut(&rest, ' ');

    for (size_t i = 0; i < word.n && !str_eq(word, STR("(hidden)")); i++)
        if (word.n > 20 || (word.p[i] >= 'a' && word.p[i] <= 'z'))
            abort();
    if (rest.p && !str_starts(rest, STR("(hidden)")) &&
        !str_starts(rest, STR("(")))
        abort();
}

static void
check_client(struct str line)
{
    struct str rest = line, word = str_cut(&rest, ' ');

    if (str_starts(line, STR("(")))
        return; /* a count */
    if (str_ieq(word, STR("AUTH"))) {
        check_auth(rest);
        return;
    }
    if (str_ieq(word, STR("XCLIENT")))
        for (struct str w; rest.p && rest.n;) {
            w = str_cut(&rest, ' ');
            if (str_istarts(w, STR("LOGIN=")) &&
                !str_eq(w, STR("LOGIN=(hidden)")))
                abort();
        }
    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        if (str_ieq(word, str_of(shown[i])))
            return;
    abort();
}

static void
keep(void *arg, enum dialogue_side from, struct str line)
{
    struct buf *to = arg;

    if (line.n > 4 * DIALOGUE_LINE_MOST + 64)
        abort();
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] < ' ' || line.p[i] > '~')
            abort();
    if (from == DIALOGUE_CLIENT)
        check_client(line);
    buf_char(to, from == DIALOGUE_CLIENT ? '>' : '<');
    buf_str(to, line);
    buf_char(to, '\n');
}

static void
run(const uint8_t *data, size_t n, size_t step, struct buf *to)
{
    struct dialogue d = {.fn = NULL};
    enum dialogue_side side = DIALOGUE_CLIENT;
    size_t at = 0;

    dialogue_init(&d, keep, to);
    while (at < n) {
        const uint8_t *end = memchr(data + at, 0, n - at);
        size_t stop = end ? (size_t)(end - data) : n;

        while (at < stop) {
            size_t take = MIN_OF(step, stop - at);

            dialogue_take(&d, side, data + at, take);
            at += take;
        }
        side = side == DIALOGUE_CLIENT ? DIALOGUE_SERVER : DIALOGUE_CLIENT;
        at += end != NULL;
    }
    dialogue_fini(&d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct buf whole = BUF_INIT, pieces = BUF_INIT;

    run(data, n, SIZE_MAX, &whole);
    run(data, n, 1, &pieces);
    if (!str_eq(buf_get(&whole), buf_get(&pieces)))
        abort();
    buf_fini(&whole);
    buf_fini(&pieces);
    return 0;
}

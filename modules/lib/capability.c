/* SPDX-License-Identifier: Apache-2.0
 *
 * capability.c - what a peer offered in its reply to EHLO.
 */
#include "capability.h"

#include <string.h>

#include "line.h"
#include "verb.h"

static const struct {
    const char *word;
    uint32_t bit;
} words[] = {
    {"PIPELINING", CAPABILITY_PIPELINING},
    {"SIZE", CAPABILITY_SIZE},
    {"8BITMIME", CAPABILITY_8BITMIME},
    {"SMTPUTF8", CAPABILITY_SMTPUTF8},
    {"DSN", CAPABILITY_DSN},
    {"CHUNKING", CAPABILITY_CHUNKING},
    {"ENHANCEDSTATUSCODES", CAPABILITY_ENHANCED},
    {"STARTTLS", CAPABILITY_STARTTLS},
    {"XCLIENT", CAPABILITY_XCLIENT},
    {"AUTH", CAPABILITY_AUTH},
    {"REQUIRETLS", CAPABILITY_REQUIRETLS},
};

static uint32_t
capability_bit(struct impel_str word)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (line_same(word, words[i].word))
            return words[i].bit;
    return 0;
}

/* The attributes behind XCLIENT; those unknown are never said. */
static uint32_t
capability_attributes(struct impel_str rest)
{
    static const char *const names[] = {"NAME", "ADDR", "PORT", "PROTO", "HELO",
        "LOGIN", "DESTADDR", "DESTPORT"};
    uint32_t bits = 0, i;

    while (rest.n > 0) {
        struct impel_str word = {rest.p, 0};

        while (word.n < rest.n && word.p[word.n] != ' ')
            word.n++;
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (line_same(word, names[i]))
                bits |= 1u << i;
        rest.p += word.n, rest.n -= word.n;
        while (rest.n > 0 && *rest.p == ' ')
            rest.p++, rest.n--;
    }
    return bits;
}

static void
capability_line(struct capability *c, struct impel_str line)
{
    struct impel_str word = {line.p, 0}, rest;
    uint64_t limit;

    /* "AUTH=LOGIN" is what some old servers say */
    while (word.n < line.n && line.p[word.n] != ' ' && line.p[word.n] != '=')
        word.n++;
    c->has |= capability_bit(word);
    rest = (struct impel_str){line.p + word.n, line.n - word.n};
    while (rest.n > 0 && (*rest.p == ' ' || *rest.p == '='))
        rest.p++, rest.n--;
    while (rest.n > 0 && rest.p[rest.n - 1] == ' ')
        rest.n--;
    if (line_same(word, "XCLIENT"))
        c->xclient |= capability_attributes(rest);
    if (!line_same(word, "SIZE"))
        return;
    if (verb_number(rest, INT64_MAX, &limit))
        c->size_limit = limit;
}

void
capability_parse(struct capability *c, const struct reply *r)
{
    struct reply one = *r;
    const char *p = r->text.p, *end = p + r->text.n, *lf;

    memset(c, 0, sizeof(*c));
    one.lines = 1;
    while ((lf = memchr(p, '\n', (size_t)(end - p)))) {
        p = lf + 1;
        one.text = (struct impel_str){p, (size_t)(end - p)};
        capability_line(c, reply_line(&one, 0));
    }
}

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
    {"BINARYMIME", CAPABILITY_BINARYMIME},
    {"LIMITS", CAPABILITY_LIMITS},
    {"DELIVERBY", CAPABILITY_DELIVERBY},
    {"FUTURERELEASE", CAPABILITY_FUTURERELEASE},
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

/* The next of words with blanks between them; false: there is no more. */
static bool
next_word(struct impel_str *rest, struct impel_str *word)
{
    while (rest->n > 0 && *rest->p == ' ')
        rest->p++, rest->n--;
    *word = (struct impel_str){rest->p, 0};
    while (word->n < rest->n && word->p[word->n] != ' ')
        word->n++;
    rest->p += word->n, rest->n -= word->n;
    return word->n > 0;
}

/* The attributes behind XCLIENT; those unknown are never said. */
static uint32_t
capability_attributes(struct impel_str rest)
{
    static const char *const names[] = {"NAME", "ADDR", "PORT", "PROTO", "HELO",
        "LOGIN", "DESTADDR", "DESTPORT"};
    struct impel_str word;
    uint32_t bits = 0, i;

    while (next_word(&rest, &word))
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (line_same(word, names[i]))
                bits |= 1u << i;
    return bits;
}

/* One NAME=NUMBER of LIMITS; what is not of that form says nothing, and so does
 * 0 (RFC 9422 3). */
static void
capability_limit(struct capability *c, struct impel_str item)
{
    const struct {
        const char *name;
        uint32_t *to;
    } rows[] = {{"MAILMAX", &c->mail_max}, {"RCPTMAX", &c->rcpt_max},
        {"RCPTDOMAINMAX", &c->rcpt_domain_max}};
    const char *is = memchr(item.p, '=', item.n);
    size_t name = is ? (size_t)(is - item.p) : 0, i;
    uint64_t v;

    if (!is ||
        !verb_number((struct impel_str){is + 1, item.n - name - 1}, 999999, &v))
        return;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (line_same((struct impel_str){item.p, name}, rows[i].name))
            *rows[i].to = (uint32_t)v;
}

static void
capability_limits(struct capability *c, struct impel_str rest)
{
    struct impel_str item;

    while (next_word(&rest, &item))
        capability_limit(c, item);
}

/* Names of mechanisms, of several lines too; those that do not fit are left
 * out. */
static void
capability_mechanisms(struct capability *c, struct impel_str rest)
{
    size_t at = strlen(c->auth);
    struct impel_str word;

    while (next_word(&rest, &word)) {
        if (at + 1 + word.n >= sizeof(c->auth) || memchr(word.p, 0, word.n))
            continue;
        if (at > 0)
            c->auth[at++] = ' ';
        memcpy(c->auth + at, word.p, word.n);
        at += word.n;
        c->auth[at] = '\0';
    }
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
    if (line_same(word, "LIMITS"))
        capability_limits(c, rest);
    if (line_same(word, "DELIVERBY") && verb_number(rest, 999999999, &limit))
        c->by_min = (uint32_t)limit;
    if (line_same(word, "AUTH"))
        capability_mechanisms(c, rest);
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

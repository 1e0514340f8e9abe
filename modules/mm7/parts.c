/* SPDX-License-Identifier: Apache-2.0
 *
 * parts.c - delimiters of a multipart.
 */
#include "parts.h"

#include <string.h>

#include "mime.h"

enum delimiter { NO_DELIMITER, NEXT_PART, LAST_PART };

static enum delimiter
delimiter_of(struct impel_str line, const char *boundary)
{
    size_t n = strlen(boundary);

    if (line.n < n + 2 || memcmp(line.p, "--", 2) != 0 ||
        memcmp(line.p + 2, boundary, n) != 0)
        return NO_DELIMITER;
    line.p += n + 2;
    line.n -= n + 2;
    if (line.n >= 2 && memcmp(line.p, "--", 2) == 0)
        return LAST_PART;
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] != ' ' && line.p[i] != '\t' && line.p[i] != '\r')
            return NO_DELIMITER;
    return NEXT_PART;
}

/* The octets before the next delimiter, behind which *left stands then. */
static enum delimiter
up_to_delimiter(
    struct impel_str *left, const char *boundary, struct impel_str *before)
{
    *before = (struct impel_str){left->p, 0};
    while (left->n) {
        const char *lf = memchr(left->p, '\n', left->n);
        size_t n = lf ? (size_t)(lf - left->p) + 1 : left->n;
        enum delimiter d =
            delimiter_of((struct impel_str){left->p, lf ? n - 1 : n}, boundary);

        left->p += n;
        left->n -= n;
        if (d == LAST_PART)
            *left = (struct impel_str){NULL, 0};
        if (d != NO_DELIMITER)
            return d;
        before->n += n;
    }
    return NO_DELIMITER;
}

bool
parts_begin(struct parts *p, struct impel_str body, const char *boundary)
{
    struct impel_str before;

    *p = (struct parts){boundary, body};
    return boundary[0] &&
        up_to_delimiter(&p->left, boundary, &before) != NO_DELIMITER;
}

static void
cut_line_end(struct impel_str *s)
{
    if (s->n && s->p[s->n - 1] == '\n')
        s->n--;
    if (s->n && s->p[s->n - 1] == '\r')
        s->n--;
}

enum parts_step
parts_next(struct parts *p, struct part *to)
{
    struct impel_str all;

    if (!p->left.p)
        return PARTS_END;
    if (up_to_delimiter(&p->left, p->boundary, &all) == NO_DELIMITER)
        return PARTS_BROKEN;
    cut_line_end(&all);
    mime_split(all, &to->header, &to->body);
    if (!to->body.p) /* fields alone */
        to->body = (struct impel_str){"", 0};
    return PARTS_PART;
}

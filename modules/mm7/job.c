/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - a message: read, made into content, sent to one recipient after
 * another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

enum {
    JOB_STEP = 16384,
    JOB_STEPS = 32,         /* of a turn */
    JOB_HEADER_MOST = 65536 /* of an ordinary message */
};

void
job_clear(struct session *s)
{
    push_free(s->push);
    s->push = NULL;
    s->host->timer(s->io, TIMER_READ, -1);
    text_wipe(&s->whole);
    text_wipe(&s->body);
    submit_content_fini(&s->content);
    s->batch = NULL;
    s->envelope = NULL;
    s->asking = false;
    s->at = 0;
}

void
job_ends(struct session *s, const struct impel_result *r)
{
    s->host->rest_done(s->batch, r); /* its text may be one of the job's */
    job_clear(s);
}

void
job_fails(struct session *s, const char *text)
{
    struct impel_result r =
        outcome_internal(text[0] == '5' ? IMPEL_FAILED : IMPEL_RETRY,
            IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY, text);

    job_ends(s, &r);
    if (s->leaving)
        session_over(s, NULL);
}

void
job_next(struct session *s)
{
    if (++s->rcpt < s->rcpts) {
        request_send(s);
        return;
    }
    job_clear(s);
    if (s->leaving)
        session_over(s, NULL);
}

static bool
is_too_large(const struct session *s, size_t most)
{
    return s->whole.n > most + JOB_HEADER_MOST;
}

/* An ordinary message, whole; as push_read(), and FULL if it is too large. */
static int
read_whole(struct session *s, size_t most)
{
    char piece[JOB_STEP];
    int64_t n;

    for (int i = 0; i < JOB_STEPS && !is_too_large(s, most); i++) {
        n = s->host->read_body(
            s->batch, IMPEL_BODY_RAW, s->at, piece, sizeof(piece));
        if (n <= 0)
            return (int)n;
        s->at += (uint64_t)n;
        text_put(&s->whole, piece, (size_t)n);
        if (s->whole.failed)
            return IMPEL_E_NOMEM;
    }
    return IMPEL_E_FULL;
}

/* What was read as a header of MIME and the octets behind it.  NULL, or as
 * push_end(). */
static const char *
find_content(struct session *s, struct impel_str *header,
    struct impel_str *octets, struct text *made)
{
    struct push_found found;
    const char *wrong;

    if (!s->push) {
        struct impel_str all = {s->whole.p ? s->whole.p : "", s->whole.n};

        mime_split(all, header, octets);
        if (!octets->p)
            *octets = (struct impel_str){"", 0};
        return NULL;
    }
    wrong = push_end(s->push, &found);
    if (wrong)
        return wrong;
    *header = found.fields;
    *octets = found.payload;
    if (!found.payload.p) {
        text_z(made, "Subject: ");
        text_str(made, found.subject);
        text_z(made, "\r\nContent-Type: text/plain; charset=utf-8\r\n");
        *header = (struct impel_str){made->p, made->n};
        *octets = found.text;
    }
    return made->failed ? "451 4.3.0 [internal] no memory" : NULL;
}

static void
job_begins(struct session *s, size_t most)
{
    struct impel_str header, octets;
    struct text made = {NULL, 0, 0, false};
    const char *wrong = find_content(s, &header, &octets, &made);
    char text[400];

    if (!wrong && octets.n > most) {
        (void)snprintf(text, sizeof(text),
            "552 5.3.4 [internal] the content has %zu octets, and %zu are the "
            "most (mm7_content_size)",
            octets.n, most);
        wrong = text;
    } else if (!wrong) {
        wrong = submit_content(header, octets, s->envelope->id,
            s->want.simple_mime, s->push && octets.p, &s->content);
    }
    text_wipe(&made);
    if (wrong) {
        job_fails(s, wrong);
        return;
    }
    request_send(s);
}

void
job_goes_on(struct session *s)
{
    size_t most = (size_t)s->host->opt_int(s->scope, OPT_CONTENT_MOST);
    int rc = s->push ? push_read(s->push, s->host, s->batch, &s->at)
                     : read_whole(s, most);

    if (rc == IMPEL_E_AGAIN)
        return;
    if (rc == IMPEL_E_FULL && is_too_large(s, most))
        job_fails(s,
            "552 5.3.4 [internal] the message is larger than mm7_content_size");
    else if (rc == IMPEL_E_FULL)
        s->host->timer(s->io, TIMER_READ, 0);
    else if (rc < 0)
        job_fails(s, "451 4.3.0 [internal] the message cannot be read");
    else
        job_begins(s, most);
}

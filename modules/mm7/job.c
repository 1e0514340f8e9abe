/* SPDX-License-Identifier: Apache-2.0
 *
 * job.c - a message: read, made into content, sent to one recipient after
 * another.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"

enum { JOB_STEP = 16384 };

void
job_clear(struct session *s)
{
    push_free(s->push);
    s->push = NULL;
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
    struct impel_batch *batch = s->batch;

    job_clear(s);
    s->host->rest_done(batch, r);
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
    if (++s->rcpt < s->envelope->rcpt_count) {
        request_send(s);
        return;
    }
    job_clear(s); /* the envelope is gone with its last recipient */
    if (s->leaving)
        session_over(s, NULL);
}

/* An ordinary message, whole.  0, AGAIN, FULL: too large, or another. */
static int
read_whole(struct session *s, size_t most)
{
    char piece[JOB_STEP];
    int64_t n;

    for (;;) {
        n = s->host->read_body(
            s->batch, IMPEL_BODY_RAW, s->at, piece, sizeof(piece));
        if (n <= 0)
            return (int)n;
        s->at += (uint64_t)n;
        text_put(&s->whole, piece, (size_t)n);
        if (s->whole.failed)
            return IMPEL_E_NOMEM;
        if (s->whole.n > most + 65536) /* its header may be so large */
            return IMPEL_E_FULL;
    }
}

/* What was read as a header of MIME and the octets behind it. */
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
    return made->failed ? "no memory" : NULL;
}

static void
job_begins(struct session *s, size_t most)
{
    struct impel_str header, octets;
    struct text made = {NULL, 0, 0, false};
    const char *wrong = find_content(s, &header, &octets, &made);
    char text[400];

    if (wrong) {
        (void)snprintf(text, sizeof(text), "550 5.6.0 [internal] %s", wrong);
        wrong = text;
    } else if (octets.n > most) {
        (void)snprintf(text, sizeof(text),
            "552 5.3.4 [internal] the content has %zu octets, and %zu are the "
            "most (mm7_content_size)",
            octets.n, most);
        wrong = text;
    } else {
        wrong = submit_content(header, octets, s->envelope->id,
            s->want.simple_mime, s->push && octets.p, &s->content);
    }
    text_wipe(&made);
    if (wrong) {
        job_fails(s, wrong);
        return;
    }
    s->rcpt = 0;
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
    if (rc == IMPEL_E_FULL)
        job_fails(s,
            "552 5.3.4 [internal] the message is larger than mm7_content_size");
    else if (rc < 0)
        job_fails(s, "451 4.3.0 [internal] the message cannot be read");
    else
        job_begins(s, most);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * sending.c - messages on their way out, their answers, and when these are
 * safe.
 */
#include "client.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 65536, OUT_MOST = 262144, CONFIRM_MOST = 20000 };

void
parcels_add(struct parcels *l, struct parcel *p)
{
    p->next = NULL;
    if (!l->first)
        l->last = &l->first;
    *l->last = p;
    l->last = &p->next;
}

struct parcel *
parcels_take(struct parcels *l)
{
    struct parcel *p = l->first;

    if (p)
        l->first = p->next;
    return p;
}

void
parcel_free(struct parcel *p)
{
    if (p->told != &p->one)
        free(p->told);
    free(p);
}

void
sending_report(
    struct parcel *p, const struct client *c, const struct impel_result *r)
{
    struct impel_batch *b = p->batch;

    p->batch = NULL;
    if (b)
        c->host->rest_done(b, r);
}

/* --- out --- */

static void
put_meta(struct client *c, const struct parcel *p)
{
    const struct impel_host *host = c->host;
    size_t count = host->opt_count(c->scope, OPT_CONTEXT), at = c->out.n;
    uint16_t pairs = 0;

    frame_put_u16(&c->out, 0);
    for (size_t i = 0; i < count && pairs < 200; i++) {
        struct impel_str name =
            host->opt_str(c->scope, OPT_CONTEXT, (uint32_t)i);
        struct impel_str value;
        char key[256];

        if (!name.n || name.n >= sizeof(key))
            continue;
        memcpy(key, name.p, name.n);
        key[name.n] = '\0';
        value = host->meta(p->batch, key);
        if (!value.p)
            continue;
        frame_put_text(&c->out, name);
        frame_put_text(&c->out, value);
        pairs++;
    }
    frame_set_u16(&c->out, at, pairs);
}

static void
put_rcpts(struct client *c, const struct impel_envelope *e)
{
    frame_put_u32(&c->out, (uint32_t)e->rcpt_count);
    for (size_t i = 0; i < e->rcpt_count; i++) {
        const struct impel_rcpt *r = e->rcpt[i];

        frame_put_u32(&c->out, r->number);
        frame_put_u8(&c->out, (uint8_t)r->notify);
        frame_put_text(&c->out, r->address);
        frame_put_text(&c->out, r->original);
    }
}

static void
put_message(struct client *c, const struct parcel *p)
{
    const struct impel_envelope *e = p->envelope;
    uint8_t flags = 0;

    if (e->needs & IMPEL_NEED_8BIT)
        flags |= FRAME_FLAG_8BIT;
    if (e->needs & IMPEL_NEED_UTF8)
        flags |= FRAME_FLAG_UTF8;
    if (e->needs & IMPEL_NEED_TLS)
        flags |= FRAME_FLAG_TLS;
    frame_begin(&c->out, FRAME_MESSAGE);
    frame_put_u32(&c->out, p->tag);
    frame_put_text(&c->out, e->id);
    frame_put_u8(&c->out, flags);
    frame_put_u8(&c->out, (uint8_t)e->ret);
    frame_put_u64(&c->out, (uint64_t)p->size);
    frame_put_text(&c->out, e->sender);
    frame_put_text(&c->out, e->envid);
    put_meta(c, p);
    put_rcpts(c, e);
    frame_end(&c->out);
}

/* What cannot be sent here at all; NULL: it can. */
static const char *
parcel_fault(const struct client *c, const struct parcel *p)
{
    const struct impel_envelope *e = p->envelope;
    size_t octets = 4096;

    if (p->size < 0)
        return "451 4.3.0 [internal] message cannot be read";
    if (c->most && (uint64_t)p->size > c->most)
        return "552 5.3.4 [internal] larger than the server takes";
    if (!e->id.n || e->id.n > FRAME_KEY_MOST)
        return "451 4.3.0 [internal] message without a usable id";
    if (e->needs & IMPEL_NEED_TLS &&
        !c->host->info(c->session, IMPEL_INFO_TLS_VERSION).p)
        return "550 5.7.10 [internal] REQUIRETLS: this connection has no TLS";
    for (size_t i = 0; i < e->rcpt_count; i++)
        octets += 9 + e->rcpt[i]->address.n + e->rcpt[i]->original.n;
    if (octets > FRAME_MOST || e->rcpt_count > c->most_rcpts)
        return "452 4.5.3 [internal] more recipients than the server takes";
    return NULL;
}

/* Room for one more in both windows. */
static bool
sending_may_begin(const struct client *c, const struct parcel *p)
{
    size_t counted = c->tags.live + c->told_count;

    if (counted >= c->window)
        return false;
    return !c->octets || c->octets + (uint64_t)p->size <= c->octets_window;
}

/* The next one is not sent. */
static void
parcel_drop(struct client *c, struct impel_result r)
{
    struct parcel *p = parcels_take(&c->todo);

    sending_report(p, c, &r);
    parcel_free(p);
}

static bool
parcel_begin(struct client *c, struct parcel *p)
{
    const char *fault;

    p->size = c->host->body_size(p->batch, IMPEL_BODY_RAW);
    fault = parcel_fault(c, p);
    if (fault) {
        parcel_drop(c,
            outcome_internal(fault[0] == '5' ? IMPEL_FAILED : IMPEL_RETRY,
                IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY, fault));
        return true;
    }
    if (!sending_may_begin(c, p))
        return false;
    if (!tags_add(&c->tags, c->last_tag + 1, p)) {
        parcel_drop(c,
            outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
                "451 4.3.0 [internal] no memory"));
        return true;
    }
    p->tag = ++c->last_tag;
    p->counted = (uint64_t)p->size;
    c->octets += p->counted;
    put_message(c, p);
    if (c->tags.live == 1) /* nothing was waited for until now */
        client_expect(c);
    return true;
}

/* false: not now. */
static bool
parcel_body(struct client *c, struct parcel *p)
{
    uint64_t left = (uint64_t)p->size - p->at;
    size_t want = left < PIECE ? (size_t)left : PIECE, begun = c->out.n;
    uint8_t *to;
    int64_t n;

    frame_begin(&c->out, FRAME_BODY);
    frame_put_u32(&c->out, p->tag);
    to = frame_room(&c->out, want);
    if (!to)
        return false;
    n = c->host->read_body(p->batch, IMPEL_BODY_RAW, p->at, to, want);
    if (n <= 0) {
        c->out.n = begun;
        if (n == IMPEL_E_AGAIN)
            return false;
        p->size = -1; /* nothing of it may be committed */
        return true;
    }
    c->out.n += (size_t)n;
    frame_end(&c->out);
    p->at += (uint64_t)n;
    return true;
}

/* Sent whole; or it could not be read. */
static void
parcel_end(struct client *c, struct parcel *p)
{
    bool whole = p->size >= 0;
    struct impel_result r;

    frame_begin(&c->out, whole ? FRAME_END : FRAME_ABANDON);
    frame_put_u32(&c->out, p->tag);
    frame_end(&c->out);
    p->ended = whole;
    (void)parcels_take(&c->todo);
    if (whole)
        return;
    r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_MESSAGE, IMPEL_AT_BODY,
        "451 4.3.0 [internal] message cannot be read");
    sending_report(p, c, &r);
}

static bool
sending_flush(struct client *c)
{
    struct impel_result r;
    int rc = frame_flush(&c->out, c->host, c->session);

    if (rc == IMPEL_E_FULL) {
        c->full = true;
    } else if (rc < 0) {
        r = outcome_internal(IMPEL_RETRY, IMPEL_BLAME_SESSION, IMPEL_AT_BODY,
            "451 4.4.2 [internal] connection closed by remote host");
        client_end(c, &r);
    }
    return rc == 0;
}

void
sending_run(struct client *c)
{
    struct parcel *p;

    while (c->state == CLIENT_OPEN && !c->full && (p = c->todo.first)) {
        if (c->out.n > OUT_MOST && !sending_flush(c))
            return;
        if (!p->batch) /* it was cancelled meanwhile */
            p->size = -1;
        if (!p->batch && !p->tag) {
            parcel_free(parcels_take(&c->todo));
        } else if (!p->tag) {
            if (!parcel_begin(c, p))
                break;
        } else if (p->size >= 0 && p->at < (uint64_t)p->size) {
            if (!parcel_body(c, p))
                break;
        } else {
            parcel_end(c, p);
        }
    }
    if (c->state != CLIENT_DEAD && !c->full)
        (void)sending_flush(c);
}

void
sending_give_back(struct client *c)
{
    struct impel_result r = outcome_internal(IMPEL_UNTRIED, IMPEL_BLAME_SESSION,
        IMPEL_AT_SENDER, "421 4.3.2 [internal] the server closes down");
    struct parcel *begun = NULL, *p;

    while ((p = parcels_take(&c->todo)) != NULL) {
        if (p->tag) {
            begun = p; /* the first at most */
            continue;
        }
        sending_report(p, c, &r);
        parcel_free(p);
    }
    if (begun)
        parcels_add(&c->todo, begun);
}

/* --- answers --- */

/* A batch ends with the last of its recipients. */
static void
parcel_report(struct client *c, struct parcel *p, uint32_t rcpt,
    const struct impel_result *r)
{
    struct impel_batch *b = p->batch;

    if (!p->left)
        p->batch = NULL;
    if (b)
        c->host->rcpt_done(b, rcpt, r);
}

static bool
group_report(struct client *c, struct parcel *p, struct frame_in *in)
{
    struct impel_result r = {.size = sizeof(r),
        .stage = IMPEL_AT_FINAL,
        .blame = IMPEL_BLAME_RCPT,
        .retry_after = -1};
    uint16_t runs;

    r.code = frame_u16(in);
    for (int i = 0; i < 3; i++)
        r.status[i] = frame_u8(in);
    r.text = frame_text(in);
    runs = frame_u16(in);
    r.verdict = r.code / 100 == 2 ? IMPEL_DELIVERED
        : r.code / 100 == 5       ? IMPEL_FAILED
                                  : IMPEL_RETRY;
    if (in->bad || !runs || r.code < 200 || r.code > 599 || r.code / 100 == 3)
        return false;
    if (c->draining && r.code == 421) { /* it crossed GOAWAY */
        r.verdict = IMPEL_UNTRIED;
        r.blame = IMPEL_BLAME_SESSION;
    }
    for (uint16_t i = 0; i < runs; i++) {
        uint32_t first = frame_u32(in), n = frame_u32(in);

        if (in->bad || !n || first >= p->rcpt_count ||
            n > p->rcpt_count - first)
            return false;
        for (uint32_t k = first; k < first + n; k++) {
            if (p->told[k])
                return false;
            p->told[k] = true;
            p->left--;
            parcel_report(c, p, k, &r);
        }
    }
    return true;
}

/* A 2xx in it: the server keeps the key until we confirm. */
static bool
answer_keeps(struct frame_in in, uint16_t groups)
{
    bool keeps = false;

    for (uint16_t i = 0; i < groups && !in.bad; i++) {
        keeps = frame_u16(&in) / 100 == 2 || keeps;
        (void)frame_octets(&in, 3);
        (void)frame_text(&in);
        (void)frame_octets(&in, (size_t)frame_u16(&in) * 8);
    }
    return keeps;
}

static bool
parcel_answered(struct client *c, struct frame_in *in)
{
    uint32_t tag = frame_u32(in);
    uint16_t groups = frame_u16(in);
    struct parcel *p = tags_find(&c->tags, tag);
    bool keeps = answer_keeps(*in, groups);

    if (!p || !groups)
        return false;
    for (uint16_t i = 0; i < groups; i++)
        if (!group_report(c, p, in))
            return false;
    if (p->left)
        return false;
    tags_remove(&c->tags, tag);
    c->octets -= p->counted;
    if (c->todo.first == p) /* answered before it was sent whole */
        (void)parcels_take(&c->todo);
    if (keeps) {
        parcels_add(&c->told, p);
        c->told_count++;
    } else {
        parcel_free(p);
    }
    return true;
}

bool
sending_results(struct client *c, struct impel_str payload)
{
    struct frame_in in = {(const uint8_t *)payload.p, payload.n, false};
    uint16_t count = frame_u16(&in);

    for (uint16_t i = 0; i < count; i++)
        if (!parcel_answered(c, &in))
            return false;
    if (!count || !frame_is_done(&in))
        return false;
    client_settle(c);
    return true;
}

/* One frame of at most CONFIRM_MOST answers. */
static void
put_confirm(struct client *c, size_t n)
{
    size_t runs_at = c->out.n + FRAME_HEAD;
    uint32_t first = 0, count = 0;
    uint16_t runs = 0;
    struct parcel *p;

    frame_begin(&c->out, FRAME_CONFIRM);
    frame_put_u16(&c->out, 0);
    for (; n && (p = parcels_take(&c->told)) != NULL; n--) {
        if (count && p->tag != first + count) {
            frame_put_u32(&c->out, first);
            frame_put_u32(&c->out, count);
            runs++;
            count = 0;
        }
        if (!count++)
            first = p->tag;
        c->told_count--;
        parcel_free(p);
    }
    frame_put_u32(&c->out, first);
    frame_put_u32(&c->out, count);
    frame_set_u16(&c->out, runs_at, (uint16_t)(runs + 1));
    frame_end(&c->out);
}

void
sending_confirm(struct client *c, size_t n)
{
    while (n) {
        size_t some = n < CONFIRM_MOST ? n : CONFIRM_MOST;

        put_confirm(c, some);
        n -= some;
    }
}

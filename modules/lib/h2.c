/* SPDX-License-Identifier: Apache-2.0
 *
 * h2.c - requests and answers over nghttp2.
 */
#include "h2.h"

#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

enum {
    OUT_STEP = 32768, /* octets collected before they go to the host */
    FIELDS_MOST = 32  /* of a request */
};
struct stream {
    struct stream *next, **prev; /* in a list of all that are open */
    int32_t id;
    void *mark;
    bool sent; /* its header is out */
    bool forgotten;
    bool takes; /* the fields that come are the answer's */
    bool ended, too_large;
    char *body; /* of the request */
    size_t body_n, body_at;
    int status;
    struct impel_pair *header; /* from the first on; lengths until it is told */
    size_t header_count;
    char *octets; /* of those fields */
    size_t octets_n, octets_room;
    char *got; /* the answer's body */
    size_t got_n, got_room;
};
struct h2 {
    const struct impel_host *host;
    struct impel_session *session;
    const struct h2_calls *calls;
    void *arg;
    nghttp2_session *ng;
    struct stream *streams;
    size_t open;
    uint32_t room;
    bool goodbye; /* we take no more */
    bool ended;   /* bodies that nghttp2 would read are gone */
    char out[OUT_STEP + 16384 + 64];
    size_t out_n;
};

const char *const h2_alpn[] = {"h2", NULL};

/* --- streams --- */

static void
stream_free(struct h2 *h, struct stream *s)
{
    if (s->prev) {
        *s->prev = s->next;
        if (s->next)
            s->next->prev = s->prev;
        h->open--;
    }
    free(s->body);
    free(s->header);
    free(s->octets);
    free(s->got);
    free(s);
}

static void
stream_link(struct h2 *h, struct stream *s)
{
    s->next = h->streams;
    if (s->next)
        s->next->prev = &s->next;
    s->prev = &h->streams;
    h->streams = s;
    h->open++;
}

static struct stream *
stream_of(struct h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->ng, id);
}

/* Room for n more; false: no memory, or more than most. */
static bool
grow(char **p, size_t *room, size_t have, size_t n, size_t most)
{
    size_t want = *room ? *room : 256;
    char *grown;

    if (n > most || have > most - n)
        return false;
    while (want < have + n)
        want *= 2;
    if (want == *room)
        return true;
    grown = realloc(*p, want);
    if (!grown)
        return false;
    *p = grown;
    *room = want;
    return true;
}

/* It is over: tell, and forget it. */
static void
stream_tell(struct h2 *h, struct stream *s, enum h2_end end, uint32_t error)
{
    struct h2_answer a = {.end = end,
        .status = s->status,
        .error = error,
        .header = s->header,
        .header_count = s->header_count,
        .too_large = s->too_large};
    size_t at = 0;

    for (size_t i = 0; i < s->header_count; i++) {
        s->header[i].key.p = s->octets + at;
        at += s->header[i].key.n;
        s->header[i].value.p = s->octets + at;
        at += s->header[i].value.n;
    }
    if (!s->too_large)
        a.body = (struct impel_str){s->got ? s->got : "", s->got_n};
    /* gone before the call, so that it may make a request */
    if (s->id > 0)
        (void)nghttp2_session_set_stream_user_data(h->ng, s->id, NULL);
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    s->prev = NULL;
    h->open--;
    if (!s->forgotten)
        h->calls->answer(h->arg, s->mark, &a);
    stream_free(h, s);
}

/* --- what nghttp2 calls --- */

static ssize_t
body_read(nghttp2_session *ng, int32_t id, uint8_t *to, size_t n,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    struct stream *s = source->ptr;

    (void)ng, (void)id, (void)arg;
    if (n > s->body_n - s->body_at)
        n = s->body_n - s->body_at;
    memcpy(to, s->body + s->body_at, n);
    s->body_at += n;
    if (s->body_at == s->body_n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static int
on_begin_headers(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    struct h2 *h = arg;
    struct stream *s = stream_of(h, f->hd.stream_id);

    (void)ng;
    if (!s)
        return 0;
    /* after an answer of 1xx comes another; after a real one only trailers */
    s->takes = s->status < 200;
    if (s->takes) {
        s->header_count = s->octets_n = 0;
        s->status = 0;
    }
    return 0;
}

static int
number(const uint8_t *p, size_t n)
{
    int v = 0;

    for (size_t i = 0; i < n && i < 3; i++)
        v = v * 10 + (p[i] - '0');
    return v;
}

static int
on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
    void *arg)
{
    struct h2 *h = arg;
    struct stream *s = stream_of(h, f->hd.stream_id);

    (void)ng, (void)flags;
    if (!s || !s->takes)
        return 0;
    if (name_n == 7 && memcmp(name, ":status", 7) == 0) {
        s->status = number(value, value_n); /* nghttp2 has seen three digits */
        return 0;
    }
    if (!s->header)
        s->header = calloc(H2_HEADERS_MOST, sizeof(*s->header));
    if (!s->header || s->header_count == H2_HEADERS_MOST ||
        !grow(&s->octets, &s->octets_room, s->octets_n, name_n + value_n,
            H2_HEADER_OCTETS)) {
        s->too_large = true;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* resets the stream */
    }
    memcpy(s->octets + s->octets_n, name, name_n);
    memcpy(s->octets + s->octets_n + name_n, value, value_n);
    s->octets_n += name_n + value_n;
    s->header[s->header_count].key.n = name_n;
    s->header[s->header_count++].value.n = value_n;
    return 0;
}

static int
on_data(nghttp2_session *ng, uint8_t flags, int32_t id, const uint8_t *p,
    size_t n, void *arg)
{
    struct stream *s = stream_of(arg, id);

    (void)flags;
    if (!s || s->too_large)
        return 0;
    if (!grow(&s->got, &s->got_room, s->got_n, n, H2_BODY_MOST)) {
        s->too_large = true;
        (void)nghttp2_submit_rst_stream(
            ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        return 0;
    }
    memcpy(s->got + s->got_n, p, n);
    s->got_n += n;
    return 0;
}

static void
room_look(struct h2 *h)
{
    uint32_t room = nghttp2_session_get_remote_settings(
        h->ng, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    if (room > H2_STREAMS_MOST)
        room = H2_STREAMS_MOST;
    if (room == h->room)
        return;
    h->room = room;
    h->calls->room(h->arg, room);
}

static int
on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    struct h2 *h = arg;
    struct stream *s;

    (void)ng;
    if ((f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
        f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
        s = stream_of(h, f->hd.stream_id);
        if (s && s->status >= 200)
            s->ended = true;
    } else if (f->hd.type == NGHTTP2_SETTINGS &&
        !(f->hd.flags & NGHTTP2_FLAG_ACK)) {
        room_look(h);
    } else if (f->hd.type == NGHTTP2_PING && f->hd.flags & NGHTTP2_FLAG_ACK) {
        h->calls->pong(h->arg);
    } else if (f->hd.type == NGHTTP2_GOAWAY) {
        h->goodbye = true;
        h->calls->goaway(h->arg, f->goaway.error_code,
            (struct impel_str){(const char *)f->goaway.opaque_data,
                f->goaway.opaque_data_len});
    }
    return 0;
}

static int
on_sent(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    struct stream *s;

    (void)ng;
    if (f->hd.type == NGHTTP2_HEADERS &&
        (s = stream_of(arg, f->hd.stream_id)) != NULL)
        s->sent = true;
    return 0;
}

/* A request that waited when the peer said it takes no more. */
static int
on_not_sent(nghttp2_session *ng, const nghttp2_frame *f, int error, void *arg)
{
    struct h2 *h = arg;
    struct stream *s;

    (void)ng, (void)error;
    if (f->hd.type != NGHTTP2_HEADERS)
        return 0;
    /* it has no stream yet, or none any more */
    for (s = h->streams; s && s->id != f->hd.stream_id;)
        s = s->next;
    if (s)
        stream_tell(h, s, H2_UNTOUCHED, 0);
    return 0;
}

static int
on_close(nghttp2_session *ng, int32_t id, uint32_t error, void *arg)
{
    struct h2 *h = arg;
    struct stream *s = stream_of(h, id);

    (void)ng;
    if (!s)
        return 0;
    if (s->ended || (s->too_large && s->status >= 200))
        stream_tell(h, s, H2_ANSWERED, error);
    else if (!s->sent || error == NGHTTP2_REFUSED_STREAM)
        stream_tell(h, s, H2_UNTOUCHED, error);
    else
        stream_tell(h, s, H2_BROKEN, error);
    return 0;
}

/* --- the connection --- */

static nghttp2_session *
session_new(struct h2 *h)
{
    nghttp2_session_callbacks *c = NULL;
    nghttp2_option *o = NULL;
    nghttp2_session *ng = NULL;

    if (nghttp2_session_callbacks_new(&c) != 0 || nghttp2_option_new(&o) != 0)
        goto out;
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_not_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    /* what a peer may make us answer before we hang up */
    nghttp2_option_set_max_outbound_ack(o, 200);
    if (nghttp2_session_client_new2(&ng, c, h, o) != 0)
        ng = NULL;
out:
    nghttp2_session_callbacks_del(c);
    nghttp2_option_del(o);
    return ng;
}

struct h2 *
h2_new(const struct impel_host *host, struct impel_session *session,
    const struct h2_calls *calls, void *arg)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADER_OCTETS}};
    struct h2 *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->host = host;
    h->session = session;
    h->calls = calls;
    h->arg = arg;
    h->room = UINT32_MAX; /* not known: the first settings tell */
    h->ng = session_new(h);
    if (!h->ng ||
        nghttp2_submit_settings(h->ng, NGHTTP2_FLAG_NONE, settings,
            sizeof(settings) / sizeof(settings[0])) != 0) {
        h2_free(h);
        return NULL;
    }
    return h;
}

void
h2_free(struct h2 *h)
{
    if (!h)
        return;
    while (h->streams)
        stream_free(h, h->streams);
    nghttp2_session_del(h->ng);
    free(h);
}

static bool
field_is_fine(const struct h2_field *f)
{
    return nghttp2_check_header_name((const uint8_t *)f->name.p, f->name.n) &&
        nghttp2_check_header_value((const uint8_t *)f->value.p, f->value.n);
}

static nghttp2_nv
field_nv(const struct h2_field *f)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)f->name.p,
        .namelen = f->name.n,
        .value = (uint8_t *)(uintptr_t)f->value.p,
        .valuelen = f->value.n,
        .flags = f->varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE};
}

static struct impel_str
text(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

/* How many; 0: something in it is not allowed. */
static size_t
request_fields(const struct h2_request *r, nghttp2_nv *to)
{
    const struct h2_field own[] = {{text(":method"), r->method, false},
        {text(":scheme"), r->scheme, false},
        {text(":authority"), r->authority, false},
        {text(":path"), r->path, true}};
    size_t n = 0;

    if (r->field_count > FIELDS_MOST || !r->path.n || !r->authority.n)
        return 0;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        for (size_t k = 0; k < own[i].value.n; k++)
            if (own[i].value.p[k] <= ' ' || own[i].value.p[k] > '~')
                return 0;
        to[n++] = field_nv(&own[i]);
    }
    for (size_t i = 0; i < r->field_count; i++) {
        if (!field_is_fine(&r->field[i]))
            return 0;
        to[n++] = field_nv(&r->field[i]);
    }
    return n;
}

static struct stream *
stream_new(const struct h2_request *r, void *mark)
{
    struct stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->mark = mark;
    s->body = malloc(r->body.n + 1);
    if (!s->body) {
        free(s);
        return NULL;
    }
    if (r->body.n)
        memcpy(s->body, r->body.p, r->body.n);
    s->body_n = r->body.n;
    return s;
}

int32_t
h2_request(struct h2 *h, const struct h2_request *r, void *mark)
{
    nghttp2_nv nv[FIELDS_MOST + 4];
    size_t n = request_fields(r, nv);
    nghttp2_data_provider body = {.read_callback = body_read};
    struct stream *s;

    if (!n)
        return IMPEL_E_INVAL;
    if (h->goodbye || !nghttp2_session_check_request_allowed(h->ng))
        return IMPEL_E_CLOSED;
    s = stream_new(r, mark);
    if (!s)
        return IMPEL_E_NOMEM;
    body.source.ptr = s;
    s->id =
        nghttp2_submit_request(h->ng, NULL, nv, n, s->body_n ? &body : NULL, s);
    if (s->id < 0) {
        int rc = s->id == NGHTTP2_ERR_NOMEM ? IMPEL_E_NOMEM : IMPEL_E_CLOSED;

        stream_free(h, s);
        return rc;
    }
    stream_link(h, s);
    return s->id;
}

bool
h2_forget(struct h2 *h, int32_t id)
{
    struct stream *s = h->streams;
    bool sent;

    while (s && s->id != id)
        s = s->next;
    if (!s)
        return true;
    sent = s->sent;
    /* the memory stays until its body is read no more: on_close() */
    (void)nghttp2_submit_rst_stream(
        h->ng, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    s->forgotten = true;
    return sent;
}

void
h2_ping(struct h2 *h)
{
    (void)nghttp2_submit_ping(h->ng, NGHTTP2_FLAG_NONE, NULL);
}

int
h2_input(struct h2 *h, const char **why)
{
    struct impel_str in = h->host->input(h->session);
    ssize_t n;

    if (!in.n)
        return 0;
    n = nghttp2_session_mem_recv(h->ng, (const uint8_t *)in.p, in.n);
    h->host->consume(h->session, in.n);
    if (n >= 0)
        return 0;
    *why = nghttp2_strerror((int)n);
    return IMPEL_E_INVAL;
}

/* As much as nghttp2 has, up to what is written at once. */
static bool
out_fill(struct h2 *h)
{
    const uint8_t *p;
    ssize_t n;

    while (h->out_n < OUT_STEP) {
        n = nghttp2_session_mem_send(h->ng, &p);
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        if ((size_t)n > sizeof(h->out) - h->out_n)
            return false; /* no frame of ours is that long */
        memcpy(h->out + h->out_n, p, (size_t)n);
        h->out_n += (size_t)n;
    }
    return true;
}

int
h2_flush(struct h2 *h)
{
    int rc;

    for (;;) {
        if (h->ended)
            return IMPEL_E_CLOSED;
        if (h->out_n < OUT_STEP && !out_fill(h))
            return IMPEL_E_CLOSED;
        if (!h->out_n)
            return 0;
        rc = h->host->write(h->session, h->out, h->out_n);
        if (rc < 0)
            return rc;
        h->out_n = 0;
    }
}

void
h2_goodbye(struct h2 *h)
{
    h->goodbye = true;
    (void)nghttp2_submit_goaway(
        h->ng, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0);
}

bool
h2_is_over(const struct h2 *h)
{
    return !h->out_n && !nghttp2_session_want_read(h->ng) &&
        !nghttp2_session_want_write(h->ng);
}

size_t
h2_open(const struct h2 *h)
{
    return h->open;
}

void
h2_end(struct h2 *h)
{
    h->goodbye = h->ended = true;
    while (h->streams)
        stream_tell(
            h, h->streams, h->streams->sent ? H2_BROKEN : H2_UNTOUCHED, 0);
}

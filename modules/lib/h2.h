/* SPDX-License-Identifier: Apache-2.0
 *
 * h2.h - the client's end of an HTTP/2 connection (RFC 9113), over a session of
 * the host: requests out, answers in, many at once.
 *
 * nghttp2 makes and reads the frames; this file moves them through write() and
 * input(), bounds what is kept of an answer, and says of each request exactly
 * once what became of it: answered, certainly not worked on, or nobody knows.
 * Time is the owner's affair, and so is when the connection ends.
 *
 * Calls come from within h2_input(), h2_flush() and h2_end() only.  In them
 * requests may be made; nothing may be flushed, ended or freed.  The session's
 * loop.
 */
#ifndef IMPEL_LIB_H2_H
#define IMPEL_LIB_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <impel/module.h>

enum {
    H2_STREAMS_MOST = 1000,   /* that we open at once, whatever the peer says */
    H2_HEADERS_MOST = 64,     /* fields of an answer that are kept */
    H2_HEADER_OCTETS = 16384, /* of an answer's fields */
    H2_BODY_MOST = 65536      /* octets of an answer's body that are kept */
};

struct h2_field {
    struct impel_str name; /* in small letters */
    struct impel_str value;
    /* another one in each request: it is kept out of the table of fields that
     * both ends remember */
    bool varies;
};
struct h2_request {
    struct impel_str method, scheme, authority, path;
    const struct h2_field *field;
    size_t field_count;
    struct impel_str body; /* copied */
};

enum h2_end {
    H2_ANSWERED,
    H2_UNTOUCHED, /* not sent, or the peer has not worked on it: REFUSED_STREAM,
                   * beyond the last stream of a GOAWAY */
    H2_BROKEN     /* reset, cancelled, or the connection went: it may have */
};
struct h2_answer {
    enum h2_end end;
    int status;     /* 0: none came */
    uint32_t error; /* the code of a reset */
    const struct impel_pair *header;
    size_t header_count;
    struct impel_str body; /* empty if it was longer than H2_BODY_MOST */
    bool too_large;        /* that, or too many fields */
};

struct h2_calls {
    /* Of the request with that mark, which is over.  All is lent. */
    void (*answer)(void *arg, void *mark, const struct h2_answer *a);
    /* The peer's settings: so many requests may be open at once, 0 to
     * H2_STREAMS_MOST.  More wait here; fewer than are open change nothing for
     * these.  At the beginning, and whenever it changes. */
    void (*room)(void *arg, uint32_t streams);
    /* The peer takes no more: those it has not begun are told UNTOUCHED, the
     * others are still answered. */
    void (*goaway)(void *arg, uint32_t error, struct impel_str words);
    void (*pong)(void *arg);
};

struct h2;
/* The preface and our settings wait for h2_flush().  NULL: no memory. */
struct h2 *h2_new(const struct impel_host *host, struct impel_session *session,
    const struct h2_calls *calls, void *arg);
/* mark names it in answer().  The stream's number, > 0; IMPEL_E_INVAL: a field
 * that HTTP does not allow; IMPEL_E_CLOSED: no more on this connection;
 * IMPEL_E_NOMEM. */
int32_t h2_request(struct h2 *h, const struct h2_request *r, void *mark);
/* It is not waited for any more: the stream is reset, and answer() is not
 * called.  false: nothing of it was sent. */
bool h2_forget(struct h2 *h, int32_t stream);
/* pong() follows, or does not. */
void h2_ping(struct h2 *h);
/* All of input().  0; or IMPEL_E_INVAL: that is no HTTP/2, as *why says. */
int h2_input(struct h2 *h, const char **why);
/* Everything that can be sent, as far as there is room.  0; IMPEL_E_FULL: call
 * again at EV_DRAINED; else the connection is of no use. */
int h2_flush(struct h2 *h);
/* No more requests; goes out with the next flush. */
void h2_goodbye(struct h2 *h);
/* Neither end has anything to say any more. */
bool h2_is_over(const struct h2 *h);
size_t h2_open(const struct h2 *h); /* requests that have no answer */
/* The connection is gone: answer() for each that is open. */
void h2_end(struct h2 *h);
void h2_free(struct h2 *h); /* NULL is fine; no calls */

/* What to give dial(). */
extern const char *const h2_alpn[];
/* Is the connection one for HTTP/2: TLS 1.2 or newer that agreed on "h2"?
 * NULL: it is; else why not, for a result ("451 4.7.5 ..."). */
const char *h2_fault(
    const struct impel_host *host, struct impel_session *session);
/* A field of an answer, by its name in small letters; p NULL: none. */
struct impel_str h2_header(const struct h2_answer *a, const char *name);
/* When to come back, of Retry-After in seconds or as a date (RFC 9110 10.2.3):
 * ms from now, at most a day; -1: it says nothing of use.  wall: ms. */
int64_t h2_retry_after(const struct h2_answer *a, int64_t wall);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.h - HTTPS requests beside the mail: policies, tokens, reports.
 *
 * libcurl does them on a loop with a thread of its own, so that neither a
 * handshake nor a list of authorities costs the loops of mail anything.  What
 * a request may cost is bounded: how long it takes in all, how much is read,
 * how many are under way, how many wait.  The certificate is always checked;
 * addresses come from net/dns.h alone; nothing is taken from the environment
 * (proxies, .netrc), from a cache or from an earlier connection; a redirect is
 * followed only where the request says so.
 */
#ifndef IMPEL_FETCH_H
#define IMPEL_FETCH_H

#include "base/str.h"
#include "loop/loop.h"
#include "net/dns.h"

enum {
    FETCH_HEADERS_MAX = 32,     /* of a request */
    FETCH_URL_MAX = 2048,       /* octets */
    FETCH_BODY_MAX = 16 << 20,  /* of a request or an answer */
    FETCH_TIMEOUT_MAX = 600000, /* ms */
    FETCH_REDIRECTS_MAX = 5
};
enum fetch_outcome {
    FETCH_ANSWERED,    /* whatever its status is */
    FETCH_NAME,        /* the host has no address, or DNS failed */
    FETCH_CONNECT,     /* no connection, or it broke */
    FETCH_TLS,         /* no TLS */
    FETCH_CERTIFICATE, /* not trusted, expired, or of another name */
    FETCH_PROTOCOL,    /* what came is no HTTP, or was cut */
    FETCH_TOO_BIG,
    FETCH_TIMEOUT,
    FETCH_STOPPED, /* the daemon ends */
    FETCH_FAILED   /* for a reason of our own: no memory, no authorities */
};
/* "certificate": one word for logs. */
const char *fetch_outcome_name(enum fetch_outcome o);

struct fetch_header {
    struct str name, value; /* no CR, LF or NUL in either */
};
struct fetch_request {  /* all of it is copied */
    const char *method; /* NULL: GET */
    const char *url;    /* https://HOST[:PORT]/..., no user, no fragment */
    struct str body;    /* absent: none */
    size_t header_count;
    const struct fetch_header *header;
    int64_t timeout_ms; /* of all of it, waiting included; 1 at least */
    size_t most;        /* octets of the answer's body */
    unsigned redirects; /* of a GET, followed to https only; 0: none */
    struct str ca;      /* a file of authorities; absent: as set, or the
                           system's */
};
struct fetch_answer { /* lent for the call; texts are NUL-ended */
    enum fetch_outcome outcome;
    int status;        /* of HTTP, or 0 */
    struct str type;   /* Content-Type, or absent */
    struct str body;   /* of ANSWERED only */
    const char *error; /* a sentence; "" for ANSWERED */
};

struct fetcher;
struct fetch_limits {
    unsigned most;    /* under way at once; 0: 16 */
    unsigned waiting; /* in all, those included; 0: 1000 */
};
/* names: the loop of dns.  Before there are threads (libcurl is set up). */
struct fetcher *fetcher_new(struct dns *dns, struct loop *names,
    const struct fetch_limits *limits, struct err *e);
int fetcher_start(struct fetcher *f, struct err *e);
/* The authorities of requests that name none; absent: the system's.  Any
 * thread; for requests that begin later. */
void fetcher_set_ca(struct fetcher *f, struct str file);
/* Joins the thread, when no other loop runs any more: what has no answer yet
 * gets FETCH_STOPPED, here. */
void fetcher_stop(struct fetcher *f);
/* Nothing of it is answered or may be cancelled any more.  After the last turn
 * of the loops that asked. */
void fetcher_free(struct fetcher **f);

struct fetch; /* one under way */
/* On the loop that asked, in a later turn.  *f is gone with it. */
typedef void fetch_done_f(void *arg, const struct fetch_answer *a);
/* home: the loop of the calling thread, where the answer comes.  NULL and why:
 * ERR_INVAL (the request is none), ERR_FULL (too many wait), ERR_CLOSED. */
struct fetch *fetch_begin(struct fetcher *to, struct loop *home,
    const struct fetch_request *r, fetch_done_f *done, void *arg,
    struct err *e);
/* On home: done() is not called any more, the connection is dropped soon.  *f
 * becomes NULL; may be NULL. */
void fetch_cancel(struct fetch **f);

/* Does it read as a URL that fetch_begin() takes?  Its host without brackets
 * (to be freed) and port, if asked for. */
int fetch_url_parse(
    const char *url, char **host, uint16_t *port, struct err *e);

struct fetch_stats {
    uint64_t begun, answered, failed; /* since the start */
    uint64_t waiting, open;           /* now */
};
void fetcher_get_stats(struct fetcher *f, struct fetch_stats *st);

#endif

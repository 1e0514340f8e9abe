/* SPDX-License-Identifier: Apache-2.0
 *
 * impel/ecstream.h - mail into Impel by ECSTREAM, for programs that make it.
 * The library is libimpel-ecstream, the protocol docs/ecstream.md.
 *
 * A stream is a connection to one server, made anew when it breaks, and the
 * messages that were not answered yet: these are sent again, under their keys,
 * until each was answered or the stream fails.  Each message that was taken by
 * ecstream_send() is given to answered() once, in any order, with a result for
 * each recipient.
 *
 *     static void
 *     answered(void *arg, const struct ecstream_answer *a)
 *     {
 *         for (size_t i = 0; i < a->count; i++)
 *             printf("%d %s\n", a->results[i].code, a->results[i].text);
 *     }
 *
 *     struct ecstream_options o = {.size = sizeof(o), .host = "mta.example",
 *         .answered = answered};
 *     struct ecstream_recipient to = {.address = "someone@example.com"};
 *     struct ecstream_message m = {.size = sizeof(m),
 *         .sender = "me@example.org",
 *         .recipients = &to, .recipient_count = 1,
 *         .body = text, .body_size = strlen(text)};
 *     struct ecstream *s;
 *     char why[ECSTREAM_ERROR_SIZE];
 *
 *     if (ecstream_open(&o, &s, why) < 0 ||
 *         ecstream_send_wait(s, &m, -1) < 0 || ecstream_finish(s, -1) < 0)
 *         ...
 *     ecstream_free(&s);
 *
 * Who has an event loop waits for ecstream_events() on ecstream_fd(), no longer
 * than ecstream_timeout(), calls ecstream_run(), and asks these three again:
 * they change with each call.
 *
 * Threads: a stream is used by one thread at a time; several streams, also of
 * the same name (options.stream), by several.  Nothing here raises a signal,
 * writes to a terminal, or waits, but where it says so.
 *
 * Structures that the caller makes begin with their size, so that they can
 * grow at their ends: programs that knew less of them go on working.  A member
 * that is zero is not given.
 */
#ifndef IMPEL_ECSTREAM_LIBRARY_H
#define IMPEL_ECSTREAM_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ECSTREAM_E_FULL = -1,    /* no room now: run() and answers make some */
    ECSTREAM_E_INVAL = -2,   /* what was given makes no sense */
    ECSTREAM_E_NOMEM = -3,   /* no memory */
    ECSTREAM_E_REFUSED = -4, /* the server does not speak with this client */
    ECSTREAM_E_GONE = -5,    /* no server for give_up_ms */
    ECSTREAM_E_TLS = -6,     /* the server is not who it should be */
    ECSTREAM_E_TIMEOUT = -7, /* a wait has taken as long as it may */
    ECSTREAM_E_CLOSED = -8   /* it was closed, and all is over */
};
enum {
    ECSTREAM_PORT = 1825,
    ECSTREAM_STREAM_SIZE = 16,
    ECSTREAM_KEY_MOST = 64,
    ECSTREAM_ERROR_SIZE = 256
};

struct ecstream;

/* --- answers --- */

struct ecstream_result {
    /* As of SMTP: 2xx: it is on the server's disk; 4xx: try later; 5xx: it will
     * not be taken.  0: not known, since the stream has ended before. */
    uint16_t code;
    uint16_t status[3]; /* RFC 3463 */
    const char *text;   /* never NULL */
};
struct ecstream_answer {
    void *message; /* message.arg */
    const void *key;
    size_t key_size;
    size_t count; /* recipients, in the order of the message */
    const struct ecstream_result *results;
    uint64_t receipt; /* for ecstream_confirm(); 0: nothing to confirm */
};

/* --- a stream --- */

enum { ECSTREAM_TLS_NO, ECSTREAM_TLS_VERIFIED, ECSTREAM_TLS_UNVERIFIED };
struct ecstream_options {
    size_t size;
    /* A name (looked up by getaddrinfo(), which may wait), an address, or the
     * path of a Unix socket (it begins with a slash). */
    const char *host;
    const char *name;     /* of this host, as in EHLO; NULL: gethostname() */
    const char *software; /* for the server's log */
    /* Octets that name the stream: those of before when messages may be sent
     * that were sent before.  All zero: made at random. */
    unsigned char stream[ECSTREAM_STREAM_SIZE];
    uint32_t port; /* 0: ECSTREAM_PORT */
    int family;    /* of addresses: AF_INET, AF_INET6; 0: any */
    /* TLS, from the start: ECSTREAM_TLS_*.  Files are PEM, read by
     * ecstream_open(). */
    int tls;
    /* The caller confirms answers (ecstream_confirm()) when they are safe with
     * it, instead of the library as soon as answered() returns.  0 or 1. */
    int confirm_later;
    const char *tls_ca;   /* NULL: the system's */
    const char *tls_name; /* in the server's certificate; NULL: host */
    const char *tls_certificate, *tls_key; /* NULL: none */
    /* How long a connection, TLS and the server's greeting may take together;
     * 0: 30,000. */
    int connect_ms;
    /* How long the server may say nothing while it is waited for; it is asked
     * (PING) after half of it.  0: 300,000. */
    int answer_ms;
    /* How long there may be no server that answers before the stream fails.
     * 0: 60,000 when it has answered once, at once otherwise; -1: for ever. */
    int give_up_ms;
    /* Messages taken and not answered; 0: as many as the server's window has,
     * 1000 while that is not known. */
    uint32_t most_open;
    /* Required.  Out of ecstream_run() and what waits, and for those without an
     * answer out of ecstream_free().  It may call ecstream_send() and
     * ecstream_confirm(), nothing else of the same stream. */
    void (*answered)(void *arg, const struct ecstream_answer *a);
    /* What happens to the connection, a line without its end; or NULL. */
    void (*log)(void *arg, const char *line);
    void *arg;
    /* Instead of host: a connected or connecting socket that does not block,
     * which is the library's from then on; -1: not now.  NULL: host. */
    int (*dial)(void *arg);
};

/* A stream; nothing is sent or looked up yet.  0, ECSTREAM_E_INVAL or
 * ECSTREAM_E_NOMEM, with words in why. */
int ecstream_open(const struct ecstream_options *o, struct ecstream **to,
    char why[ECSTREAM_ERROR_SIZE]);

/* Ends it at once; what was not answered is, with code 0.  *s is NULL then. */
void ecstream_free(struct ecstream **s);

/* The 16 octets that name it. */
const unsigned char *ecstream_stream(const struct ecstream *s);

/* --- messages --- */

struct ecstream_recipient {
    const char *address;  /* without < and > */
    uint32_t number;      /* ECSTREAM_NUMBERED only */
    unsigned notify;      /* RFC 3461: ECSTREAM_NOTIFY_*; 0: not given */
    const char *original; /* RFC 3461, xtext: "rfc822;a+2Bb@c"; NULL: none */
};
struct ecstream_pair {
    const char *key, *value;
};
enum { /* notify */
    ECSTREAM_NOTIFY_NEVER = 1,
    ECSTREAM_NOTIFY_SUCCESS = 2,
    ECSTREAM_NOTIFY_FAILURE = 4,
    ECSTREAM_NOTIFY_DELAY = 8
};
enum {                       /* flags */
    ECSTREAM_8BIT = 1,       /* the body has octets above 127 */
    ECSTREAM_UTF8 = 2,       /* addresses or header need RFC 6531 */
    ECSTREAM_REQUIRETLS = 4, /* RFC 8689; this connection needs TLS, too */
    /* Recipients have numbers of the caller's, unique and the same whenever
     * this key is sent.  Without it: their places. */
    ECSTREAM_NUMBERED = 256
};
enum { ECSTREAM_RET_NONE, ECSTREAM_RET_HDRS, ECSTREAM_RET_FULL };

struct ecstream_message {
    size_t size;
    const char *sender; /* NULL or empty: the null sender */
    const struct ecstream_recipient *recipients;
    size_t recipient_count;
    const struct ecstream_pair *pairs; /* "binding", and context values */
    size_t pair_count;
    /* Names it within the stream: 1 to ECSTREAM_KEY_MOST octets.  NULL: made by
     * the library, of no use after a crash. */
    const void *key;
    size_t key_size;
    unsigned flags;
    int ret;           /* RFC 3461 */
    const char *envid; /* RFC 3461, xtext; NULL: not given */
    /* The message, RFC 5322, lines end in CRLF: in memory that stays as it is
     * until it was answered, or from read(). */
    const void *body;
    uint64_t body_size;
    /* Instead of body: up to n octets from `at` on, from 0 again if it has to
     * be sent again; how many, at least one; < 0: it cannot be read, and is
     * answered by the server with a 4xx.  Calls stand between send and answer.
     */
    int64_t (*read)(void *arg, uint64_t at, void *to, size_t n);
    void *arg; /* for read(), and in the answer */
};

/* Take m, whose envelope is copied: 0.  ECSTREAM_E_FULL: not now;
 * ECSTREAM_E_INVAL: never (ecstream_error() says why); another: the stream has
 * ended.  Octets leave with ecstream_run(). */
int ecstream_send(struct ecstream *s, const struct ecstream_message *m);

/* These messages will not be sent again: the server forgets their keys, and its
 * window has room for others.  For options.confirm_later; without effect if the
 * connection that brought the answer has ended. */
void ecstream_confirm(struct ecstream *s, uint64_t receipt);

/* Taken, and not answered. */
size_t ecstream_open_count(const struct ecstream *s);

/* Answered, and neither confirmed nor beyond it. */
size_t ecstream_unconfirmed_count(const struct ecstream *s);

/* Room for one more now? */
bool ecstream_has_room(const struct ecstream *s);

/* --- with an event loop --- */

/* The socket, -1 if there is none now. */
int ecstream_fd(const struct ecstream *s);
/* POLLIN and POLLOUT that are waited for. */
int ecstream_events(const struct ecstream *s);
/* Milliseconds until run() wants to be called whatever the socket does; 0: at
 * once; -1: never. */
int ecstream_timeout(const struct ecstream *s);
/* All that can be done now.  0; or < 0: the stream has ended, and each message
 * was answered. */
int ecstream_run(struct ecstream *s);
/* When all is answered and confirmed, say BYE; run() returns ECSTREAM_E_CLOSED
 * then.  No message is taken any more. */
void ecstream_close(struct ecstream *s);

/* --- without one: these wait, ms at most (-1: as long as it takes) --- */

/* Until something happens, and do it.  0, also if nothing did; < 0 as run(). */
int ecstream_wait(struct ecstream *s, int ms);
/* send(), when there is room.  ECSTREAM_E_TIMEOUT: there was none. */
int ecstream_send_wait(
    struct ecstream *s, const struct ecstream_message *m, int ms);
/* close(), until all is over: 0; or how it failed. */
int ecstream_finish(struct ecstream *s, int ms);

/* --- what is known --- */

/* Words for the last failure, of the stream or of send(); never NULL. */
const char *ecstream_error(const struct ecstream *s);

struct ecstream_server {
    size_t size;     /* filled by the caller */
    uint32_t window; /* messages */
    uint32_t most_recipients;
    uint64_t octets_window;
    uint64_t most_octets; /* of a message; 0: no limit */
    uint32_t remembers_s; /* how long keys are known */
    uint32_t idle_s;      /* silence that it bears; 0: any */
    char name[256];
};
/* What the server has said of itself; false: it has not answered yet. */
bool ecstream_server(const struct ecstream *s, struct ecstream_server *to);

#ifdef __cplusplus
}
#endif
#endif

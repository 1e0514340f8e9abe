/* SPDX-License-Identifier: Apache-2.0
 *
 * sasl.h - mechanisms of SASL (RFC 4422), both ends, in memory.
 *
 * PLAIN (RFC 4616) and SCRAM-SHA-256 with and without -PLUS (RFC 5802, 7677,
 * 9266) are those of gsasl; LOGIN, XOAUTH2 and OAUTHBEARER (RFC 7628) are a
 * line or two each and stand here.  Octets go in and come out; base64 is up to
 * the protocol around them.  No thread, no file, no policy: whose password it
 * is and whether it is right, others say.
 *
 * One thread at a time; what was secret is wiped by sasl_free().
 */
#ifndef IMPEL_SASL_H
#define IMPEL_SASL_H

#include "base/buf.h"
#include "base/err.h"

enum sasl_mechanism { /* best first */
    SASL_SCRAM_SHA_256_PLUS,
    SASL_SCRAM_SHA_256,
    SASL_OAUTHBEARER,
    SASL_XOAUTH2,
    SASL_PLAIN,
    SASL_LOGIN,
    SASL_MECHANISMS
};
enum {
    SASL_IN_MAX = 16384, /* octets that one step takes from a peer */
    SASL_SECRET_MAX = 12288,
    SASL_SCRAM_ITERATIONS_MAX = 1000000
};
const char *sasl_name(int mechanism);
int sasl_find(struct str name);       /* in any case; -1: none of these */
bool sasl_is_scram(int mechanism);    /* either of the two */
bool sasl_takes_token(int mechanism); /* a bearer token, not a password */

struct sasl;
enum {             /* results of a step, beside ERR_* */
    SASL_SEND = 1, /* *out goes to the peer, and its answer to the next step */
    SASL_CLAIM     /* server: see sasl_claim() */
};

/* --- server --- */

/* What SCRAM needs of a user, in octets.  unknown: it is nobody's, made up so
 * that the exchange fails at its end and not sooner. */
struct sasl_keys {
    uint32_t iterations;
    struct str salt;
    uint8_t stored[32], server[32];
};
typedef void sasl_keys_f(void *arg, struct str user, struct sasl_keys *to);
struct sasl_server {
    struct str binding; /* of TLS, RFC 9266; absent: none.  Copied */
    bool plus;          /* -PLUS is offered as well: who leaves it out although
                         * he could is cheated by somebody between */
    sasl_keys_f *keys;  /* for SCRAM; what it gives is copied */
    void *arg;
};
struct sasl *sasl_server(int mechanism, const struct sasl_server *how);

struct sasl_claim {
    struct str user;   /* whom it says it is: bytes of a peer's, not NUL */
    struct str as;     /* whom it wants to act for; empty or the same: itself */
    struct str secret; /* password or token to be checked */
    bool proven;       /* SCRAM: nothing is left to be checked */
};
/* After SASL_CLAIM; lent until the next call. */
void sasl_get_claim(const struct sasl *s, struct sasl_claim *to);

/* --- client --- */

struct sasl_client { /* copied */
    struct str user, secret;
    struct str host; /* for OAUTHBEARER */
    uint16_t port;
    struct str binding;
};
struct sasl *sasl_client(int mechanism, const struct sasl_client *how);
/* Does the next step take long (SCRAM makes a key of the password)?  It
 * belongs on another thread then. */
bool sasl_is_slow(const struct sasl *s);
/* The peer says yes.  False: it should have proven that it knows the password,
 * and has not. */
bool sasl_may_end(const struct sasl *s);

/* --- both --- */

/* in absent: the peer has sent nothing with the mechanism's name, or a client
 * begins.  *out is emptied first; absent (p NULL) if a client has nothing to
 * say with the name.  ERR_PROTO: what came makes no sense; ERR_DENIED: the peer
 * does not know what it should; ERR_LIMIT.  No more steps then. */
int sasl_step(struct sasl *s, struct str in, struct buf *out, struct err *e);
int sasl_mechanism(const struct sasl *s);
void sasl_free(struct sasl **s);

/* RFC 4013, as a password or a name is prepared before it is compared; what
 * cannot be prepared stays as it is, and false is said. */
bool sasl_prepare(struct str from, struct buf *to);
/* SCRAM-SHA-256 keys of a password, which is prepared here. */
int sasl_make_keys(struct str password, struct sasl_keys *keys, struct err *e);
/* A nonce from the system's generator. */
void sasl_random(void *p, size_t n);

#endif

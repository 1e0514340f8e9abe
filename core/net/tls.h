/* SPDX-License-Identifier: Apache-2.0
 *
 * tls.h - one TLS session on a socket that does not block, client or server.
 *
 * conn.h drives it: it reads and writes the socket itself, keeps no time and
 * calls nobody.  Whether the peer is who it should be is looked at after every
 * handshake, of a resumed session too.  There is no renegotiation and no early
 * data.  Loop thread only.
 */
#ifndef IMPEL_TLS_H
#define IMPEL_TLS_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/tlsa.h"
#include "net/tlsreason.h"

enum tls_verify {
    TLS_VERIFY_NO,       /* nobody asks */
    TLS_VERIFY_CA,       /* signed by one of the authorities */
    TLS_VERIFY_HOST,     /* and one of the names is the certificate's */
    TLS_VERIFY_OPTIONAL, /* looked at as HOST, and noted, whatever it is */
    TLS_VERIFY_DANE      /* as TLSA records say, whoever signed it; no option */
};
enum { TLS_NAMES = 4 };

struct tls_named { /* tlsfile.h */
    struct str certificate, key;
};
struct tls_params {
    bool server;
    enum tls_verify verify;
    /* Server: ask the peer for a certificate.  Without one it is a peer that
     * was not verified, which CA and HOST refuse. */
    bool ask;
    const char *priority;        /* tlswords.h */
    struct str ca;               /* absent: the system's authorities */
    struct str certificate, key; /* tlsfile.h */
    const char *sni;             /* client: the name to ask for, or NULL */
    const char *name[TLS_NAMES]; /* any of them will do; NULL: none */
    struct tlsa_set *tlsa;       /* DANE: the records, counted */
    struct str resume;           /* client: whom sessions are kept for */
    const char *const *alpn;     /* NULL-ended, or NULL */
    /* Server: to choose from, beside `certificate` (tlschoice.h). */
    const struct tls_named *named;
    size_t named_count;
};

/* What a handshake came to.  Texts are never NULL. */
struct tls_facts {
    const char *protocol; /* "TLS1.3" */
    const char *cipher;   /* "TLS_AES_256_GCM_SHA384" */
    const char *how;      /* "none", "ca", "host", "dane" */
    const char *peer;     /* the name verified; "" none */
    const char *issuer;   /* of a client's certificate, if that is verified */
    const char *tlsa;     /* DANE: "3 1 1", of the record that fits; "" */
    const char *alpn;
    bool resumed;
    unsigned char binding[32]; /* RFC 9266; zeros: none */
};

struct tls;
/* All that is lent is copied.  NULL, with a sentence: files that cannot be
 * read, words that GnuTLS does not know. */
struct tls *tls_new(int fd, const struct tls_params *p, struct err *e);
/* 0, ERR_AGAIN, or ERR_PROTO with a sentence (for logs and the queue). */
int tls_handshake(struct tls *t, struct err *e);
/* After ERR_AGAIN: it waits for room to write, not for input. */
bool tls_wants_write(const struct tls *t);
/* Octets, 0 at the peer's end, or -errno (-EAGAIN: none now). */
ssize_t tls_read(struct tls *t, void *p, size_t n);
/* There is something to read, whatever the socket says. */
bool tls_pending(const struct tls *t);
/* Octets that are on their way; -EAGAIN: none, and the next call must begin
 * with the same octets. */
ssize_t tls_write(struct tls *t, const void *p, size_t n);
/* Say that no more comes, as far as the socket takes it. */
void tls_bye(struct tls *t);
/* NULL before the handshake is done. */
const struct tls_facts *tls_facts(const struct tls *t);
/* Of the facts, or of NULL; absent: there is none. */
struct str tls_binding(const struct tls_facts *f);
/* FINE: done, and the peer is who it should be as far as somebody asks.  With
 * OPTIONAL it may be something else although it is done. */
enum tls_reason tls_why(const struct tls *t);
void tls_free(struct tls **t);

#endif

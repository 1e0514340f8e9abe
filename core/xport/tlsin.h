/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsin.h - what the options of a listener, or of a peer of it, ask of TLS with
 * those who connect.
 */
#ifndef IMPEL_TLSIN_H
#define IMPEL_TLSIN_H

#include "base/buf.h"
#include "conf/generation.h"
#include "net/tls.h"
#include "xport/tlsin_options.h"

/* generation_check_f: reads the files that listeners name, and judges what
 * stands together (a key that fits, an authority for who must be known); what
 * cannot be used is an error. */
int tlsin_check(void *arg, struct generation *g, struct conf_report *r);

/* Is there something to show, so that TLS may be offered?  Cheap. */
bool tlsin_is_there(const struct scope *s);

/* A word of tls_sni_certificates: "certificate key", or both in one file. */
struct tls_named tlsin_pair(struct str words);

/* The parameters of a session.  What they point to lives as long as the scope
 * and *text.  ERR_CONF with a sentence: it cannot be. */
struct tlsin_text {
    struct buf priority;
    struct tls_named named[TLSIN_SNI_MAX];
};
int tlsin_params(const struct scope *s, struct tlsin_text *text,
    struct tls_params *p, struct err *e);
void tlsin_text_fini(struct tlsin_text *text);

#endif

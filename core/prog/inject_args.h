/* SPDX-License-Identifier: Apache-2.0
 *
 * inject_args.h - what `impel inject` was asked for.
 *
 * One table has the options: reading them, `impel inject --help` and the manual
 * page are made of it.
 */
#ifndef IMPEL_INJECT_ARGS_H
#define IMPEL_INJECT_ARGS_H

#include <impel/ecstream.h>

#include "base/buf.h"
#include "prog/inject_address.h"
#include "prog/inject_text.h"

enum { INJECT_PAIRS = 64, INJECT_CONNECTIONS = 64, INJECT_HOST = 300 };
enum inject_mbox_is { INJECT_MBOX_AUTO, INJECT_MBOX_ALWAYS, INJECT_MBOX_NEVER };

struct inject_args {
    char host[INJECT_HOST]; /* as struct ecstream_options has it */
    uint16_t port;
    const char *sender; /* NULL: from the header; "": the null sender */
    struct inject_addresses recipients;
    bool read_recipients;
    const char *list; /* NULL: none */
    struct ecstream_pair pairs[INJECT_PAIRS];
    size_t pair_count;
    char *texts[INJECT_PAIRS]; /* keys of them, to be freed */
    int tls;
    const char *tls_ca, *tls_name, *tls_certificate, *tls_key;
    unsigned connections;
    double rate; /* messages per second; 0: no limit */
    const char *journal, *failures;
    enum inject_mbox_is mbox;
    enum inject_quoting quoting; /* of an mbox */
    bool utf8;
    int give_up_ms; /* as struct ecstream_options has it */
    bool quiet, json, help;
    char **paths; /* borrowed from argv */
    size_t path_count;
};
/* argv[0] is "inject".  0, or ERR_INVAL with the reason. */
int inject_args_parse(
    int argc, char **argv, struct inject_args *o, struct err *e);
void inject_args_fini(struct inject_args *o);
/* "HOST", "HOST:PORT", "[V6]:PORT", "unix:PATH" or "/PATH" (the path is host
 * then); port 0: none was given.  ERR_INVAL. */
int inject_args_host(
    const char *value, char host[INJECT_HOST], uint16_t *port, struct err *e);
/* The table as text, or as the source of the manual page. */
void inject_args_print(bool man, struct buf *to);

#endif

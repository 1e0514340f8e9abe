/* SPDX-License-Identifier: Apache-2.0
 *
 * account.h - the key file of a service account, and what it signs to get a
 * token (RFC 7523).
 */
#ifndef IMPEL_GCM_ACCOUNT_H
#define IMPEL_GCM_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include <gnutls/abstract.h>

#include <impel/module.h>

enum {
    ACCOUNT_WORD_MOST = 320,
    ACCOUNT_URI_MOST = 1024,
    ACCOUNT_FORM_MOST = 8192, /* octets of what is sent for a token */
    ACCOUNT_LIFE_S = 3600     /* of what is signed: Google takes no more */
};
struct account {
    char email[ACCOUNT_WORD_MOST + 1], key_id[ACCOUNT_WORD_MOST + 1];
    char project[ACCOUNT_WORD_MOST + 1], token_uri[ACCOUNT_URI_MOST + 1];
    gnutls_privkey_t key; /* NULL: none */
};

/* The text of the file.  NULL, or what is wrong with it; account_fini() in any
 * case. */
const char *account_read(struct impel_str json, struct account *to);
void account_fini(struct account *a);
/* Its project_id alone; false: it has none. */
bool account_project(struct impel_str json, char to[ACCOUNT_WORD_MOST + 1]);
/* A name that may stand in a path. */
bool account_is_project(struct impel_str s);
/* The form for its token_uri (grant type jwt-bearer), signed now.  wall: ms.
 * false: it cannot be signed.  Who gave room for it wipes it. */
bool account_form(
    const struct account *a, int64_t wall, char to[ACCOUNT_FORM_MOST]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlschoice.h"

#include "base/banned.h"

enum { NAME_ROOM = 256 };

/* The name asked for; false: none, or one that is no host's. */
static bool
asked_name(gnutls_session_t session, char name[NAME_ROOM])
{
    unsigned type = 0;
    size_t n = NAME_ROOM;
    int rc = gnutls_server_name_get(session, name, &n, &type, 0);

    return rc == 0 && type == GNUTLS_NAME_DNS &&
        memchr(name, '\0', NAME_ROOM) && name[0];
}

struct tls_pair *
tlschoice_pick(gnutls_session_t session, struct tls_pair *const *pair, size_t n)
{
    char name[NAME_ROOM] = "";
    struct tls_pair *all[TLSCHOICE_MOST];
    size_t count = 0;

    if (asked_name(session, name))
        for (size_t i = 0; i < n; i++)
            if (tls_pair_names(pair[i], name))
                all[count++] = pair[i];
    if (!count)
        all[count++] = pair[0];
    if (all[0] == pair[0] && count == 1)
        for (size_t i = 1; i < n; i++)
            if (tls_pair_same_name(pair[i], pair[0]))
                all[count++] = pair[i];
    return tls_pair_join(all, count);
}

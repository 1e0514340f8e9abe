/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsticket.h"

#include <pthread.h>

#include "base/secret.h"
#include "base/banned.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gnutls_datum_t key;
static int64_t made;

static void
ticket_wipe(void)
{
    if (!key.data)
        return;
    secret_wipe(key.data, key.size);
    gnutls_free(key.data);
    key = (gnutls_datum_t){NULL, 0};
}

void
tlsticket_enable(gnutls_session_t session, int64_t now)
{
    pthread_mutex_lock(&lock);
    if (!key.data || now - made >= TLSTICKET_LIFE_MS) {
        ticket_wipe();
        made = now;
        if (gnutls_session_ticket_key_generate(&key) < 0)
            key = (gnutls_datum_t){NULL, 0}; /* none are given then */
    }
    if (key.data) /* the session takes a copy */
        (void)gnutls_session_ticket_enable_server(session, &key);
    pthread_mutex_unlock(&lock);
}

void
tlsticket_drop(void)
{
    pthread_mutex_lock(&lock);
    ticket_wipe();
    pthread_mutex_unlock(&lock);
}

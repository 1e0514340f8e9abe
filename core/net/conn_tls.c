/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_tls.c - TLS on a connection: the handshake, and what it came to.
 */
#include "net/conn_int.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "base/banned.h"

static void
conn_secured(struct conn *c, int error, const char *why)
{
    timer_stop(&c->patience);
    c->shaking = false;
    if (error) {
        c->tls_error = xdup(why);
        c->error = error;
        c->broken = c->lost_told = true;
        c->blocked = false;
    }
    conn_watch(c);
    conn_post(c, TELL_SECURED);
}

void
conn_shake(struct conn *c)
{
    struct err e = {0};
    int rc = tls_handshake(c->tls, &e);

    if (rc == ERR_AGAIN)
        conn_watch(c);
    else
        conn_secured(c, rc ? -EPROTO : 0, e.text);
}

void
conn_lost_patience(void *arg)
{
    conn_secured(arg, -ETIMEDOUT, "the handshake took too long");
}

void
conn_again(void *arg)
{
    struct conn *c = arg;

    if (c->broken || c->finishing)
        return;
    if (c->shaking && !conn_unsent(c)) {
        conn_shake(c);
    } else if (!c->shaking && !c->eof && c->read_on) {
        (void)conn_read(c); /* what came of it is posted */
        conn_watch(c);
    }
}

int
conn_secure(
    struct conn *c, const struct tls_params *p, int64_t ms, struct err *e)
{
    CHECK(c, CONN_MAGIC);
    BUG_ON(c->tls);
    if (c->broken || c->drain || c->finishing || c->fd < 0)
        return err_set(e, ERR_CLOSED, "connection lost");
    if (conn_unread(c))
        return err_set(e, ERR_PROTO, "more came in clear");
    c->tls = tls_new(c->fd, p, e);
    if (!c->tls)
        return ERR_CONF;
    c->shaking = true;
    timer_start(&c->patience, ms);
    conn_flush(c);
    defer_post(c->loop, &c->again, conn_again, c, "conn tls");
    conn_watch(c);
    return 0;
}

const struct tls_facts *
conn_tls(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return c->tls ? tls_facts(c->tls) : NULL;
}

const char *
conn_tls_error(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return c->tls_error ? c->tls_error : "";
}

enum tls_reason
conn_tls_why(const struct conn *c)
{
    CHECK(c, CONN_MAGIC);
    return c->tls ? tls_why(c->tls) : TLS_NOT_VALID;
}

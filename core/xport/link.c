/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - the connection of a session, as a module uses it.
 */
#include "xport/session_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "net/dial.h"
#include "net/proxyproto.h"
#include "xport/hostapi.h"
#include "xport/xport_options.h"
#include "base/banned.h"

enum { LINK_FINISH_MS = 30000 /* for what is still to be sent at the end */ };

static void
link_error(struct impel_error *e, int code, const char *text)
{
    if (e) {
        e->code = code;
        snprintf(e->text, sizeof(e->text), "%s", text);
    }
}

int
link_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    struct dial_request r = {.from = s->from, .to = s->to};
    const char *text = NULL;
    int code = IMPEL_E_INVAL;

    if (s->kind->inbound || s->state != SESSION_OPENING || s->conn)
        text = "a session dials once, before it is ready";
    else if (d->size < sizeof(uint32_t) + 2 * sizeof(uint16_t))
        text = "struct impel_dial has no size";
    else if (!r.to.path[0] && !d->port)
        text = "no port to connect to";
    else if (s->proxy.ip.family && s->seen.family != s->to.ip.family)
        text = "no address of the host's family for the PROXY server to use";
    else if (d->tls == IMPEL_TLS_NOW) {
        text = "TLS from the start is not in this version";
        code = IMPEL_E_UNSUP;
    }
    if (text) {
        link_error(e, code, text);
        return code;
    }
    if (!r.to.path[0])
        r.to.port = d->port;
    s->to = r.to;
    s->greeted = false;
    if (s->proxy.ip.family)
        netaddr_from_ip(&r.to, &s->proxy.ip, s->proxy.port);
    r.timeout_ms = session_duration(s, XPORT_CONNECT_TIMEOUT, 300000);
    (void)tracer_sees(s); /* it joins here */
    s->conn = dial_start(s->loop, &r, link_event, s);
    return 0;
}

/* IMPEL_E_* are small negative numbers, and so are a few errnos that a socket
 * may give: those are told by what they amount to. */
static int
link_lost_arg(int error, bool up)
{
    if (error == 0)
        return IMPEL_E_CLOSED;
    if (error < IMPEL_E_UNSUP)
        return error;
    return up ? -ECONNRESET : -ECONNREFUSED;
}

void
link_fail(struct impel_session *s, int arg)
{
    if (s->lost)
        return;
    s->lost = true;
    s->lost_arg = arg;
    if (tracer_sees(s))
        tracer_note(s, "lost: %s",
            arg == IMPEL_E_CLOSED ? "closed by the peer, or broken off"
                                  : strerrordesc_np(-arg));
    s->streaming = NULL;
    s->pending &= ~(uint32_t)PENDING_DRAINED;
    if (s->state == SESSION_OPEN || s->state == SESSION_CLOSING)
        session_watch(s);
    if (link_input(s).n) /* what came is offered before */
        s->pending |= PENDING_INPUT;
    session_mark(s, PENDING_LOST);
}

static void
link_trace_up(struct impel_session *s)
{
    struct buf how = BUF_INIT;

    buf_cstr(&how, "connected from ");
    netaddr_print(conn_local(s->conn), &how);
    if (s->proxy.ip.family) {
        buf_cstr(&how, " to PROXY server ");
        proxyproto_print_server(&s->proxy, &how);
        buf_cstr(&how, ", to be seen as ");
        cidr_print(&s->seen, &how);
    }
    tracer_note(s, "%s", buf_get(&how).p);
    buf_fini(&how);
}

/* The first octets of all: the module begins behind them.  The port is ours,
 * so that what the server logs can be told from others. */
static void
link_greet_proxy(struct impel_session *s)
{
    uint8_t head[PROXYPROTO_PRINT_MOST];
    struct netaddr seen;
    size_t n;

    netaddr_from_ip(&seen, &s->seen, conn_local(s->conn)->port);
    n = proxyproto_print(&seen, &s->to, head);
    (void)conn_write(s->conn, head, n); /* CONN_LOST says what went wrong */
    s->greeted = true;
}

/* Who did not answer: the server, which is no word about the host; or, when it
 * took the connection and said nothing, most likely the host behind it. */
void
link_explain(struct impel_session *s)
{
    struct buf b = BUF_INIT;

    if (s->why.verdict == IMPEL_DELIVERED || !s->conn || conn_received(s->conn))
        return;
    if (!s->greeted && s->lost) {
        buf_cstr(&b, "[internal] PROXY server ");
        proxyproto_print_server(&s->proxy, &b);
        buf_printf(&b, ": %s", strerrordesc_np(-s->lost_arg));
        result_set(&s->why, IMPEL_RETRY, IMPEL_BLAME_ROUTE, IMPEL_AT_CONNECT,
            451, "4.4.1", buf_get(&b).p);
    } else if (s->greeted) {
        buf_printf(&b, "%s (by PROXY server ", s->why.text ? s->why.text : "");
        proxyproto_print_server(&s->proxy, &b);
        buf_char(&b, ')');
        free(s->why.text);
        s->why.text = xdupn(b.p, MIN_OF(b.n, (size_t)RESULT_TEXT_MAX));
    }
    buf_fini(&b);
}

void
link_event(void *arg, struct conn *c, enum conn_event event, int error)
{
    struct impel_session *s = arg;

    (void)c;
    if (s->state >= SESSION_CLOSED)
        return;
    switch (event) {
    case CONN_CONNECTED:
        s->up = true;
        if (s->proxy.ip.family)
            link_greet_proxy(s);
        if (s->trace)
            link_trace_up(s);
        session_mark(s, PENDING_CONNECTED);
        break;
    case CONN_INPUT:
        session_mark(s, PENDING_INPUT);
        break;
    case CONN_DRAINED:
        if (s->streaming)
            body_go_on(s);
        else
            session_mark(s, PENDING_DRAINED);
        break;
    case CONN_LOST:
        link_fail(s, link_lost_arg(error, s->up));
        break;
    }
}

struct impel_str
link_input(struct impel_session *s)
{
    struct str in = s->conn ? conn_input(s->conn) : STR_NONE;

    return (struct impel_str){in.p ? in.p : "", in.p ? in.n : 0};
}

void
link_consume(struct impel_session *s, size_t n)
{
    size_t have = link_input(s).n;

    if (n > have) {
        session_broken(s, "consume() of more than there is");
        n = have;
    }
    if (!n)
        return;
    if (tracer_sees(s))
        tracer_crossed(s, false, link_input(s).p, n);
    conn_consume(s->conn, n);
}

int
link_write(struct impel_session *s, const void *p, size_t n)
{
    int rc;

    if (s->state >= SESSION_CLOSED) {
        session_broken(s, "write() after closed()");
        return IMPEL_E_CLOSED;
    }
    if (!s->conn || !s->up || s->lost)
        return IMPEL_E_CLOSED;
    if (s->streaming) /* it would stand inside the body */
        return IMPEL_E_AGAIN;
    if (!n)
        return 0;
    rc = conn_write(s->conn, p, n);
    if (rc < 0)
        return hostapi_code(rc);
    if (tracer_sees(s))
        tracer_crossed(s, true, p, n);
    lent_begun(s);
    return 0;
}

uint64_t
link_octets(const struct impel_session *s)
{
    return s->conn ? conn_sent(s->conn) + conn_received(s->conn) : 0;
}

static struct impel_str
link_addr_text(char **keep, const struct netaddr *a)
{
    struct buf b = BUF_INIT;

    if (!*keep) {
        netaddr_print_ip(a, &b);
        *keep = b.n ? buf_detach(&b, NULL) : xdup("");
    }
    return (struct impel_str){*keep, strlen(*keep)};
}

struct impel_str
link_info(struct impel_session *s, int what)
{
    struct impel_str none = {NULL, 0};
    struct netaddr seen;

    switch (what) {
    case IMPEL_INFO_LOCAL_ADDR:
        if (!s->conn || !s->up)
            return none;
        if (s->proxy.ip.family) {
            netaddr_from_ip(&seen, &s->seen, 0);
            return link_addr_text(&s->local_text, &seen);
        }
        return link_addr_text(&s->local_text, conn_local(s->conn));
    case IMPEL_INFO_PEER_ADDR:
        return link_addr_text(&s->peer_text, &s->to);
    case IMPEL_INFO_EHLO_NAME:
        if (s->name)
            return (struct impel_str){s->name, strlen(s->name)};
        return none;
    case IMPEL_INFO_TLS_HOW:
        return (struct impel_str){"none", 4};
    default: /* nothing is known of a plain connection */
        return none;
    }
}

void
link_close(struct impel_session *s, bool now)
{
    s->streaming = NULL;
    tracer_end(s);
    if (!s->conn)
        return;
    /* Whom we called has heard all when nothing is left to be sent; one who
     * called us may lose our last words if we hang up on his. */
    if (now || s->lost || !s->up ||
        (!s->kind->inbound && !conn_pending(s->conn)))
        conn_free(&s->conn);
    else
        conn_finish(&s->conn, LINK_FINISH_MS);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * link.c - the connection of a session, as a module uses it.
 */
#include "xport/session_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/libc.h"
#include "base/log.h"
#include "base/xmem.h"
#include "net/dial.h"
#include "net/proxyproto.h"
#include "net/tlsdemand.h"
#include "xport/hostapi.h"
#include "xport/sessiontls.h"
#include "xport/tlspolicy.h"
#include "xport/xport_options.h"
#include "base/banned.h"

enum { LINK_FINISH_MS = 30000 /* for what is still to be sent at the end */ };

void
link_error(struct impel_error *e, int code, const char *text)
{
    if (e) {
        e->code = code;
        (void)str_copy(e->text, sizeof(e->text), str_of(text));
    }
}

/* It may be followed by one more, as in clear when TLS has failed. */
static bool
link_may_dial(const struct impel_session *s)
{
    if (s->kind->inbound || s->state != SESSION_OPENING)
        return false;
    return !s->conn || !s->redialled;
}

/* Its sessions with hosts are behind TLS whatever the options say. */
static bool
link_always(const struct impel_session *s)
{
    return !s->kind->inbound && !s->kind->filter &&
        s->module->desc.flags & IMPEL_MODULE_TLS;
}

static void
link_drop(struct impel_session *s)
{
    if (!s->conn)
        return;
    conn_free(&s->conn);
    s->redialled = true;
    s->up = s->lost = false;
    s->tls_arg = 0;
    s->tls_tried = false;
    s->pending &= ~(uint32_t)(PENDING_INPUT | PENDING_DRAINED | PENDING_LOST |
        PENDING_TLS | PENDING_LOGIN | PENDING_CONNECTED);
    outlogin_free(&s->login);
    xfree(&s->local_text);
    session_watch(s);
}

/* Where a filter wants to go. */
static int
link_named(const struct impel_dial *d, struct netaddr *to)
{
    struct cidr ip;
    struct str addr = STR_NONE;

    if (IMPEL_HAS(struct impel_dial, d, addr) && d->addr.p)
        addr = str_make(d->addr.p, d->addr.n);
    memset(to, 0, sizeof(*to));
    if (str_starts(addr, STR("/")))
        return str_copy(to->path, sizeof(to->path), addr) ? 0 : -1;
    if (!d->port || cidr_parse(addr, 0, &ip, NULL) < 0)
        return -1;
    netaddr_from_ip(to, &ip, d->port);
    return 0;
}

void
link_keep_alpn(struct impel_session *s, const char *const *alpn)
{
    size_t n = 0;

    for (; s->alpn[n]; n++)
        free((char *)(uintptr_t)s->alpn[n]);
    memset(s->alpn, 0, sizeof(s->alpn));
    for (n = 0; alpn && alpn[n] && n < SESSION_ALPN; n++)
        s->alpn[n] = xdup(alpn[n]);
}

int
link_dial(
    struct impel_session *s, const struct impel_dial *d, struct impel_error *e)
{
    struct dial_request r = {.from = s->from, .to = s->to};
    const char *text = NULL;

    if (s->kind->filter && link_named(d, &r.to) < 0)
        text = "a filter names an IP address and port, or a path";
    else if (!link_may_dial(s))
        text = "a session dials before it is ready, and once more at most";
    else if (d->size < sizeof(uint32_t) + 2 * sizeof(uint16_t))
        text = "struct impel_dial has no size";
    else if (!r.to.path[0] && !d->port)
        text = "no port to connect to";
    else if (s->proxy.ip.family && s->seen.family != s->to.ip.family)
        text = "no address of the host's family for the PROXY server to use";
    else if (link_always(s) && d->tls != IMPEL_TLS_NOW)
        text = "this module has said that it speaks in TLS only";
    if (text) {
        link_error(e, IMPEL_E_INVAL, text);
        return IMPEL_E_INVAL;
    }
    link_drop(s);
    link_keep_alpn(s, IMPEL_HAS(struct impel_dial, d, alpn) ? d->alpn : NULL);
    if (!r.to.path[0])
        r.to.port = d->port;
    s->to = r.to;
    s->greeted = false;
    if (s->proxy.ip.family)
        netaddr_from_ip(&r.to, &s->proxy.ip, s->proxy.port);
    s->tls_now = d->tls == IMPEL_TLS_NOW;
    r.timeout_ms = session_duration(s, XPORT_CONNECT_TIMEOUT, 300000);
    (void)tracer_sees(s); /* it joins here */
    s->conn = dial_start(s->loop, &r, link_event, s);
    return 0;
}

/* --- TLS --- */

void
link_tls_failed(struct impel_session *s, const char *why)
{
    free(s->tls_why);
    s->tls_why = xdup(why);
}

/* What the log of mail says of it. */
static void
link_tls_note(struct impel_session *s, const struct tls_facts *f)
{
    struct buf b = BUF_INIT;

    buf_printf(&b, "protocol=%s cipher=%s verified=%s", f->protocol, f->cipher,
        sessiontls_how(s, f));
    if (f->tlsa[0])
        buf_printf(&b, " tlsa=%c%c%c", f->tlsa[0], f->tlsa[2], f->tlsa[4]);
    if (f->peer[0])
        buf_printf(&b, " peer=%s", f->peer);
    free(s->tls_said);
    s->tls_said = buf_detach(&b, NULL);
}

static int
link_secure(struct impel_session *s, struct impel_error *e)
{
    struct tlspolicy_text text = {.host = NULL};
    struct tls_params p;
    struct err why = {0};
    int64_t ms = session_duration(s, XPORT_EHLO_TIMEOUT, 300000);
    int rc = tlspolicy_params(s->scope.scope,
        (struct tlspolicy_by){s->demand, link_always(s)}, &s->to,
        str_of(s->host ? s->host : ""), str_of(s->domain ? s->domain : ""),
        &text, &p, &why);

    p.alpn = s->alpn[0] ? s->alpn : NULL;
    if (rc == 0)
        rc = conn_secure(s->conn, &p, ms, &why);
    tlspolicy_text_fini(&text);
    if (rc == 0)
        return 0;
    link_tls_failed(s, why.text);
    if (rc != ERR_CONF) /* else a fault of ours, and no word about the host */
        sessiontls_came_out(s, TLS_NOT_VALID, why.text);
    link_error(e, hostapi_code(rc), why.text);
    return hostapi_code(rc);
}

int
link_start_tls(struct impel_session *s, struct impel_error *e)
{
    const char *text = NULL;
    int code = IMPEL_E_INVAL;

    if (!s->scope.scope) {
        text = "there are no options of TLS";
        code = IMPEL_E_UNSUP;
    } else if (!s->conn || !s->up || s->lost || s->state >= SESSION_CLOSED) {
        text = "there is no connection";
        code = IMPEL_E_CLOSED;
    } else if (s->streaming || conn_tls(s->conn)) {
        text = "not now";
    }
    if (text) {
        link_error(e, code, text);
        return code;
    }
    return s->kind->inbound ? inbound_secure(s, e) : link_secure(s, e);
}

/* The handshake is over. */
static void
link_secured(struct impel_session *s, struct conn *c, int error)
{
    if (!error)
        link_tls_note(s, conn_tls(c));
    else
        link_tls_failed(s, conn_tls_error(c));
    sessiontls_came_out(
        s, conn_tls_why(c), error ? conn_tls_error(c) : s->tls_said);
    if (s->kind->shaken)
        s->kind->shaken(s, error);
    if (s->shaking) {
        s->shaking = false;
        s->up = !error;
        session_kick(s); /* to begin, or to end */
    } else if (s->tls_now && error) {
        link_fail(s, error);
    } else if (s->tls_now) {
        s->up = true;
        session_mark(s, PENDING_CONNECTED);
    } else {
        s->up = !error;
        s->tls_arg = error ? IMPEL_E_CLOSED : 0;
        session_mark(s, PENDING_TLS);
    }
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
                                  : libc_error_text(-arg));
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
        buf_printf(&b, ": %s", libc_error_text(-s->lost_arg));
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

    if (s->state >= SESSION_CLOSED)
        return;
    switch (event) {
    case CONN_CONNECTED:
        if (s->proxy.ip.family)
            link_greet_proxy(s);
        if (s->tls_now) {
            if (link_secure(s, NULL) < 0)
                link_fail(s, -EPROTO);
            break;
        }
        s->up = true;
        if (s->trace)
            link_trace_up(s);
        session_mark(s, PENDING_CONNECTED);
        break;
    case CONN_SECURED:
        link_secured(s, c, error);
        break;
    case CONN_INPUT:
        session_mark(s, PENDING_INPUT);
        break;
    case CONN_DRAINED:
        body_go_on(s);
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

/* A client that will say no more may still wait for our answers: Exim ends its
 * half of the connection behind the last message. */
static bool
link_is_heard(const struct impel_session *s)
{
    return s->kind->inbound && s->lost_arg == IMPEL_E_CLOSED;
}

int
link_write(struct impel_session *s, const void *p, size_t n)
{
    int rc;

    if (s->state >= SESSION_CLOSED) {
        session_broken(s, "write() after closed()");
        return IMPEL_E_CLOSED;
    }
    if (!s->conn || !s->up || (s->lost && !link_is_heard(s)))
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

static struct impel_str
link_text(const char *z)
{
    return (struct impel_str){z && z[0] ? z : NULL, z ? strlen(z) : 0};
}

static struct impel_str
link_tls_info(const struct impel_session *s, int what)
{
    const struct tls_facts *f = s->conn ? conn_tls(s->conn) : NULL;
    struct impel_str none = {NULL, 0};
    struct str binding = tls_binding(f);

    if (what == IMPEL_INFO_TLS_ERROR)
        return link_text(s->tls_why);
    if (!f)
        return what == IMPEL_INFO_TLS_HOW ? link_text("none") : none;
    switch (what) {
    case IMPEL_INFO_TLS_VERSION:
        return link_text(f->protocol);
    case IMPEL_INFO_TLS_CIPHER:
        return link_text(f->cipher);
    case IMPEL_INFO_TLS_PEER:
        return link_text(f->peer);
    case IMPEL_INFO_TLS_HOW:
        return link_text(sessiontls_how(s, f));
    case IMPEL_INFO_ALPN:
        return link_text(f->alpn);
    case IMPEL_INFO_TLS_BINDING:
        return (struct impel_str){binding.p, binding.n};
    default:
        return none;
    }
}

struct impel_str
link_info(struct impel_session *s, int what)
{
    struct impel_str none = {NULL, 0};
    struct netaddr seen;

    switch (what) {
    case IMPEL_INFO_TLS_NEED:
        return s->demand && s->demand->requiretls ? link_text("requiretls")
                                                  : none;
    case IMPEL_INFO_TLS_MAY:
        return link_text(inbound_may_secure(s) ? "yes" : NULL);
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
    default:
        return link_tls_info(s, what);
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
    if (now || (s->lost && !link_is_heard(s)) || !s->up ||
        (!s->kind->inbound && !conn_pending(s->conn)))
        conn_free(&s->conn);
    else
        conn_finish(&s->conn, LINK_FINISH_MS);
}

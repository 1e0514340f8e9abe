/* SPDX-License-Identifier: Apache-2.0 */
#include "net/transfer.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "loop/timer.h"
#include "loop/watch.h"
#include "base/banned.h"

enum { TRANSFER_HEADER_MAX = 65536 }; /* of all answers to a request */

struct transfers {
    struct loop *loop;
    CURLM *multi;
    struct timer timer;
    size_t count;
};
struct transfer {
    struct transfers *home;
    CURL *easy;
    CURLSH *names; /* its own, so that nothing of it is there for others */
    struct curl_slist *headers, *addresses;
    struct buf body;
    size_t most, header_n;
    bool too_big;
    char error[CURL_ERROR_SIZE];
    transfer_done_f *done;
    void *arg;
};

/* --- what curl waits for --- */

static enum fetch_outcome
transfer_outcome(const struct transfer *t, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return FETCH_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
        return FETCH_NAME;
    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return FETCH_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
        return FETCH_TLS;
    case CURLE_PEER_FAILED_VERIFICATION:
        return FETCH_CERTIFICATE;
    case CURLE_OPERATION_TIMEDOUT:
        return FETCH_TIMEOUT;
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
        return t->too_big || code == CURLE_FILESIZE_EXCEEDED ? FETCH_TOO_BIG
                                                             : FETCH_FAILED;
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
        return FETCH_PROTOCOL;
    default:
        return FETCH_FAILED;
    }
}

static void
transfer_tell(struct transfer *t, CURLcode code)
{
    struct transfer_answer a = {.is.outcome = transfer_outcome(t, code)};
    char *type = NULL, *redirect = NULL;
    long status = 0;

    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    a.is.status = (int)status;
    a.is.error = "";
    if (a.is.outcome == FETCH_ANSWERED) {
        (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
        (void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &redirect);
        a.is.type = str_of(type);
        a.is.body = buf_get(&t->body);
        a.body = &t->body;
        a.redirect = redirect;
    } else if (a.is.outcome == FETCH_TOO_BIG) {
        a.is.error = "the answer is too long";
    } else {
        a.is.error = t->error[0] ? t->error : curl_easy_strerror(code);
    }
    t->done(t->arg, &a);
}

/* One at a time: who is told may end any of them. */
static void
transfers_tell(struct transfers *m)
{
    struct transfer *t = NULL;
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(m->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        if (curl_easy_getinfo(
                msg->easy_handle, CURLINFO_PRIVATE, (void **)&t) == CURLE_OK)
            transfer_tell(t, msg->data.result);
    }
}

static void
transfers_act(struct transfers *m, curl_socket_t fd, int events)
{
    int running;
    CURLMcode rc = curl_multi_socket_action(m->multi, fd, events, &running);

    if (rc != CURLM_OK)
        log_error(
            LOG_NET, "fetch-library", "reason=\"%s\"", curl_multi_strerror(rc));
    transfers_tell(m);
}

struct transfer_socket {
    struct transfers *home;
    struct watch *watch;
    curl_socket_t fd;
};

static void
transfers_ready(void *arg, int events)
{
    struct transfer_socket *s = arg;

    transfers_act(s->home, s->fd, /* frees s, may be */
        (events & WATCH_READ ? CURL_CSELECT_IN : 0) |
            (events & WATCH_WRITE ? CURL_CSELECT_OUT : 0));
}

static int
transfers_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct transfers *m = arg;
    struct transfer_socket *s = known;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            watch_free(&s->watch);
            free(s);
            (void)curl_multi_assign(m->multi, fd, NULL);
        }
        return 0;
    }
    if (!s) {
        s = xnew(struct transfer_socket);
        s->home = m;
        s->fd = fd;
        s->watch = watch_new(m->loop, fd, transfers_ready, s, "fetch socket");
        (void)curl_multi_assign(m->multi, fd, s);
    }
    watch_set(s->watch,
        (what & CURL_POLL_IN ? WATCH_READ : 0) |
            (what & CURL_POLL_OUT ? WATCH_WRITE : 0));
    return 0;
}

static int
transfers_wait(CURLM *multi, long ms, void *arg)
{
    struct transfers *m = arg;

    (void)multi;
    if (ms < 0)
        timer_stop(&m->timer);
    else
        timer_start(&m->timer, ms);
    return 0;
}

static void
transfers_timer(void *arg)
{
    transfers_act(arg, CURL_SOCKET_TIMEOUT, 0);
}

struct transfers *
transfers_new(struct loop *l, struct err *e)
{
    struct transfers *m = xnew(struct transfers);

    m->loop = l;
    m->multi = curl_multi_init();
    if (!m->multi) {
        free(m);
        (void)err_set(e, ERR_LIMIT, "libcurl cannot be set up");
        return NULL;
    }
    timer_init(&m->timer, l, transfers_timer, m, "fetch");
    (void)curl_multi_setopt(
        m->multi, CURLMOPT_SOCKETFUNCTION, transfers_socket);
    (void)curl_multi_setopt(m->multi, CURLMOPT_SOCKETDATA, m);
    (void)curl_multi_setopt(m->multi, CURLMOPT_TIMERFUNCTION, transfers_wait);
    (void)curl_multi_setopt(m->multi, CURLMOPT_TIMERDATA, m);
    return m;
}

void
transfers_free(struct transfers **pm)
{
    struct transfers *m = *pm;

    if (!m)
        return;
    BUG_ON(m->count);
    *pm = NULL;
    (void)curl_multi_cleanup(m->multi);
    timer_stop(&m->timer);
    free(m);
}

/* --- one --- */

static size_t
transfer_body(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    n *= size; /* size is 1 */
    if (n > t->most - t->body.n) {
        t->too_big = true;
        return 0;
    }
    buf_add(&t->body, p, n);
    return n;
}

static size_t
transfer_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    (void)p;
    n *= size;
    t->header_n += n;
    t->too_big |= t->header_n > TRANSFER_HEADER_MAX;
    return t->too_big ? 0 : n;
}

/* Curl would ask the system's resolver, in a thread. */
static int
transfer_no_names(void *state, void *reserved, void *arg)
{
    (void)state, (void)reserved, (void)arg;
    return 1;
}

static bool
transfer_headers(struct transfer *t, const struct fetch_request *r)
{
    struct buf line = BUF_INIT;
    bool ok = true;

    for (size_t i = 0; ok && i < r->header_count; i++) {
        struct curl_slist *longer;

        buf_cut(&line, 0);
        buf_str(&line, r->header[i].name);
        /* curl would leave out a field that has nothing behind its colon */
        buf_cstr(&line, r->header[i].value.n ? ": " : ";");
        buf_str(&line, r->header[i].value);
        longer = curl_slist_append(t->headers, buf_get(&line).p);
        ok = longer != NULL;
        t->headers = ok ? longer : t->headers;
        secret_wipe(line.p, line.n);
    }
    buf_fini(&line);
    return ok;
}

static bool
transfer_addresses(struct transfer *t, const struct transfer_request *r)
{
    struct buf line = BUF_INIT;
    struct cidr ip;

    if (cidr_parse(str_of(r->host), 0, &ip, NULL) == 0)
        return true; /* nothing to be resolved */
    buf_printf(&line, "%s:%u:", r->host, r->port);
    for (size_t i = 0; i < r->address_count; i++) {
        if (i)
            buf_char(&line, ',');
        cidr_print(&r->address[i], &line);
    }
    t->addresses = curl_slist_append(NULL, buf_get(&line).p);
    buf_fini(&line);
    return t->addresses != NULL;
}

#define SET(option, value) \
    (rc = rc ? rc : curl_easy_setopt(t->easy, CURLOPT_##option, value))

/* What a request is. */
static CURLcode
transfer_ask(struct transfer *t, const struct transfer_request *r)
{
    const struct fetch_request *w = r->what;
    CURLcode rc = CURLE_OK;

    SET(URL, r->url);
    SET(HTTPHEADER, t->headers);
    SET(USERAGENT, "impel/" PACKAGE_VERSION);
    SET(TIMEOUT_MS, (long)r->timeout_ms);
    SET(CONNECTTIMEOUT_MS, (long)r->timeout_ms);
    if (w->body.p) {
        SET(POSTFIELDSIZE_LARGE, (curl_off_t)w->body.n);
        SET(POSTFIELDS, w->body.p);
    }
    if (w->method && (w->body.p || strcmp(w->method, "GET") != 0))
        SET(CUSTOMREQUEST, w->method);
    return rc;
}

/* What none of them may do. */
static CURLcode
transfer_guard(struct transfer *t, const struct transfer_request *r)
{
    CURLcode rc = CURLE_OK;

    SET(PROTOCOLS_STR, "https");
    SET(PROXY, "");
    SET(NOPROXY, "*");
    SET(NETRC, (long)CURL_NETRC_IGNORED);
    SET(FOLLOWLOCATION, 0L);
    SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(SSL_VERIFYPEER, 1L);
    SET(SSL_VERIFYHOST, 2L);
    /* the system's folder would be trusted besides the file */
    SET(CAPATH, NULL);
    if (r->ca)
        SET(CAINFO, r->ca);
    SET(FRESH_CONNECT, 1L);
    SET(FORBID_REUSE, 1L);
    SET(SSL_SESSIONID_CACHE, 0L);
    SET(MAXFILESIZE_LARGE, (curl_off_t)r->what->most);
    SET(RESOLVER_START_FUNCTION, transfer_no_names);
    SET(RESOLVE, t->addresses);
    SET(SHARE, t->names);
    SET(NOSIGNAL, 1L);
    SET(TCP_KEEPALIVE, 0L);
    return rc;
}

static CURLcode
transfer_hear(struct transfer *t)
{
    CURLcode rc = CURLE_OK;

    SET(WRITEFUNCTION, transfer_body);
    SET(WRITEDATA, t);
    SET(HEADERFUNCTION, transfer_header);
    SET(HEADERDATA, t);
    SET(ERRORBUFFER, t->error);
    SET(PRIVATE, t);
    return rc;
}

/* A share of one: a multi would keep what it was told of names for all. */
static bool
transfer_set_up(struct transfer *t, const struct transfer_request *r)
{
    t->easy = curl_easy_init();
    t->names = curl_share_init();
    return t->easy && t->names &&
        curl_share_setopt(t->names, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) ==
        CURLSHE_OK &&
        transfer_headers(t, r->what) && transfer_addresses(t, r) &&
        transfer_hear(t) == CURLE_OK && transfer_ask(t, r) == CURLE_OK &&
        transfer_guard(t, r) == CURLE_OK;
}

struct transfer *
transfer_start(struct transfers *m, const struct transfer_request *r,
    transfer_done_f *done, void *arg, struct err *e)
{
    struct transfer *t = xnew(struct transfer);

    t->home = m;
    t->most = r->what->most;
    buf_reserve(&t->body, MIN_OF(t->most, (size_t)4096));
    t->done = done;
    t->arg = arg;
    m->count++;
    if (!transfer_set_up(t, r) ||
        curl_multi_add_handle(m->multi, t->easy) != CURLM_OK) {
        transfer_end(&t);
        (void)err_set(e, ERR_LIMIT, "libcurl refuses the request");
    }
    return t;
}

void
transfer_end(struct transfer **pt)
{
    struct transfer *t = *pt;

    if (!t)
        return;
    *pt = NULL;
    t->home->count--;
    if (t->easy) {
        (void)curl_multi_remove_handle(t->home->multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    if (t->names)
        (void)curl_share_cleanup(t->names);
    for (struct curl_slist *h = t->headers; h; h = h->next)
        secret_wipe(h->data, strlen(h->data)); /* a token, may be */
    curl_slist_free_all(t->headers);
    curl_slist_free_all(t->addresses);
    buf_wipe(&t->body);
    free(t);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.c - a request's way: from the loop that asks to the one that fetches,
 * to the one that knows names, back, and home with the answer.
 */
#include "net/fetch.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "loop/mailbox.h"
#include "loop/slow.h"
#include "loop/timer.h"
#include "net/transfer.h"
#include "base/banned.h"

enum {
    FETCH_OPEN = 16,
    FETCH_WAITING = 1000,
    FETCH_ADDRESSES = 8, /* of each family */
    FETCH_HEADER_SIZE = 16384,
    FETCH_ERROR_SIZE = 256
};

/* Where a request is; told by the fetching loop. */
enum fetch_place {
    FETCH_ON_WAY, /* to the fetching loop, for the first time */
    FETCH_IN_LINE,
    FETCH_NAMING, /* at the loop of dns */
    FETCH_MOVING, /* a transfer is under way */
    FETCH_GOING_HOME
};
struct fetch {
    uint32_t magic;
    struct fetcher *fetcher;
    struct list all;             /* fetcher->all */
    struct mail mail, stop_mail; /* the way of the request, and after it */

    struct fetch_request asked; /* its pointers are ours */
    char *method, *url, *ca;
    struct secret body;
    struct fetch_header *header;
    size_t header_count;
    unsigned redirects; /* left */
    int64_t deadline;   /* monotonic ms */

    /* at home */
    struct loop *home;
    fetch_done_f *done;
    void *arg;
    unsigned mails; /* that have to come home before it is freed */
    _Atomic bool cancelled;
    bool told;

    /* on the fetching loop */
    enum fetch_place place;
    struct list line;
    struct timer timer;
    struct transfer *transfer;
    bool open; /* has one of the places */
    bool over; /* it is not wanted any more when it comes back */

    /* on the loop of dns, and what it found */
    struct dns_question *question[2];
    struct timer naming;
    char *host;
    uint16_t port;
    struct cidr address[2 * FETCH_ADDRESSES];
    size_t address_count;
    enum dns_status status[2];

    /* the answer */
    enum fetch_outcome outcome;
    int http_status;
    struct buf type, text;
    char error[FETCH_ERROR_SIZE];
};
struct fetcher {
    struct loop *loop, *names;
    struct dns *dns;
    struct transfers *transfers;
    unsigned most, waiting_most, open; /* open: on the loop */
    struct list line;
    _Atomic bool stopping;
    _Atomic uint64_t begun, answered, failed, there, moving;
    pthread_mutex_t lock;
    struct list all; /* under lock */
    char *ca;        /* under lock */
};

const char *
fetch_outcome_name(enum fetch_outcome o)
{
    static const char *const names[] = {"answered", "name", "connect", "tls",
        "certificate", "protocol", "too-big", "timeout", "stopped", "failed"};

    return (size_t)o < ARRAY_SIZE(names) ? names[o] : "failed";
}

/* --- the request --- */

static bool
fetch_is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '-' && s.p[i] != '_')
            return false;
    }
    return s.n > 0;
}

static bool
fetch_is_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < ' ' && s.p[i] != '\t')
            return false;
        if (s.p[i] == 0x7f)
            return false;
    }
    return true;
}

static int
fetch_check_headers(const struct fetch_request *r, struct err *e)
{
    size_t size = 0;

    if (r->header_count > FETCH_HEADERS_MAX)
        return err_set(
            e, ERR_INVAL, "more than %d header fields", FETCH_HEADERS_MAX);
    for (size_t i = 0; i < r->header_count; i++) {
        const struct fetch_header *h = &r->header[i];

        if (h->name.n > FETCH_HEADER_SIZE || h->value.n > FETCH_HEADER_SIZE)
            return err_set(e, ERR_INVAL, "a header field is too long");
        size += h->name.n + h->value.n;
        if (!fetch_is_token(h->name) || !fetch_is_value(h->value))
            return err_set(e, ERR_INVAL, "a header field has odd characters");
    }
    return size <= FETCH_HEADER_SIZE
        ? 0
        : err_set(e, ERR_INVAL, "header fields are too long");
}

static int
fetch_check(const struct fetch_request *r, struct err *e)
{
    static const char *const methods[] = {
        "GET", "POST", "PUT", "PATCH", "DELETE"};
    bool known = !r->method;

    for (size_t i = 0; !known && i < ARRAY_SIZE(methods); i++)
        known = strcmp(r->method, methods[i]) == 0;
    if (!known)
        return err_set(e, ERR_INVAL, "no method that is known");
    if (r->timeout_ms < 1 || r->timeout_ms > FETCH_TIMEOUT_MAX)
        return err_set(e, ERR_INVAL, "the time is out of range");
    if (r->most > FETCH_BODY_MAX || r->body.n > FETCH_BODY_MAX)
        return err_set(e, ERR_INVAL, "more octets than are allowed");
    if (r->redirects > FETCH_REDIRECTS_MAX)
        return err_set(e, ERR_INVAL, "too many redirects");
    return fetch_check_headers(r, e);
}

static void
fetch_copy(struct fetch *f, const struct fetch_request *r)
{
    f->asked = *r;
    f->asked.method = f->method = xdup(r->method ? r->method : "GET");
    f->url = xdup(r->url);
    if (r->body.n) {
        secret_set(&f->body, r->body);
        f->asked.body = secret_get(&f->body);
    } else if (r->body.p || f->method[0] == 'P') {
        f->asked.body = STR(""); /* POST, PUT, PATCH have one */
    }
    f->header = xcalloc(r->header_count + 1, sizeof(*f->header));
    for (size_t i = 0; i < r->header_count; i++) {
        const struct fetch_header *h = &r->header[i];

        f->header[i].name.p = xdupn(h->name.p, h->name.n);
        f->header[i].name.n = h->name.n;
        f->header[i].value.p = xdupn(h->value.p, h->value.n);
        f->header[i].value.n = h->value.n;
    }
    f->header_count = r->header_count;
    f->asked.header = f->header;
    f->redirects = strcmp(f->method, "GET") == 0 ? r->redirects : 0;
}

static void
fetch_free(struct fetch *f)
{
    for (size_t i = 0; i < f->header_count; i++) {
        char *value = (char *)(uintptr_t)f->header[i].value.p;

        secret_wipe(value, f->header[i].value.n);
        free(value);
        free((char *)(uintptr_t)f->header[i].name.p);
    }
    free(f->header);
    free(f->method);
    free(f->url);
    free(f->ca);
    free(f->host);
    secret_fini(&f->body);
    buf_wipe(&f->text);
    buf_fini(&f->type);
    f->magic = 0;
    free(f);
}

/* --- home again --- */

static void
fetch_tell(struct fetch *f)
{
    struct fetch_answer a = {.outcome = f->outcome,
        .status = f->http_status,
        .type = f->type.p ? buf_get(&f->type) : STR_NONE,
        .body = buf_get(&f->text),
        .error = f->error};

    f->told = true;
    atomic_fetch_add(f->outcome == FETCH_ANSWERED ? &f->fetcher->answered
                                                  : &f->fetcher->failed,
        1);
    if (!atomic_load(&f->cancelled))
        f->done(f->arg, &a);
}

/* One of its mails is home. */
static void
fetch_unref(struct fetch *f)
{
    struct fetcher *m = f->fetcher;

    if (--f->mails || atomic_load(&m->stopping)) /* fetcher_free() does it */
        return;
    pthread_mutex_lock(&m->lock);
    list_remove(&f->all);
    pthread_mutex_unlock(&m->lock);
    atomic_fetch_sub(&m->there, 1);
    fetch_free(f);
}

static void
fetch_came_home(struct mail *mail)
{
    struct fetch *f = CONTAINER_OF(mail, struct fetch, mail);

    CHECK(f, FETCH_MAGIC);
    if (!f->told)
        fetch_tell(f);
    fetch_unref(f);
}

/* --- on the fetching loop --- */

static void fetch_go(struct fetch *f);

static void
fetch_next(struct fetcher *m)
{
    struct list *n;

    while (m->open < m->most && (n = list_take(&m->line)) != NULL)
        fetch_go(LIST_ENTRY(n, struct fetch, line));
}

/* It has its answer in it. */
static void
fetch_leave(struct fetch *f)
{
    struct fetcher *m = f->fetcher;

    timer_stop(&f->timer);
    transfer_end(&f->transfer);
    list_remove(&f->line);
    f->place = FETCH_GOING_HOME;
    if (f->open) {
        f->open = false;
        m->open--;
        atomic_fetch_sub(&m->moving, 1);
    }
    mailbox_post(loop_mailbox(f->home), &f->mail, fetch_came_home);
    fetch_next(m);
}

static void
fetch_fail(struct fetch *f, enum fetch_outcome o, const char *text)
{
    f->outcome = o;
    (void)str_copy(f->error, sizeof(f->error), str_of(text)); /* may be cut */
    fetch_leave(f);
}

static void fetch_find(struct fetch *f);

/* What the request says of who asks is for the host that it names. */
static void
fetch_redirect(struct fetch *f, const char *url)
{
    char *host;
    uint16_t port;

    if (fetch_url_parse(url, &host, &port, NULL) == 0) {
        if (!str_ieq(str_of(host), str_of(f->host)) || port != f->port)
            f->asked.header_count = 0;
        free(host);
    }
    free(f->url);
    f->url = xdup(url);
}

/* Once more, to where the answer points. */
static bool
fetch_follow(struct fetch *f, const struct transfer_answer *a)
{
    if (a->is.status < 300 || a->is.status > 399 || a->is.status == 304 ||
        !a->redirect || !f->redirects)
        return false;
    f->redirects--;
    fetch_redirect(f, a->redirect);
    transfer_end(&f->transfer);
    xfree(&f->host);
    fetch_find(f);
    return true;
}

static void
fetch_transferred(void *arg, const struct transfer_answer *a)
{
    struct fetch *f = arg;

    if (a->is.outcome == FETCH_ANSWERED && fetch_follow(f, a))
        return;
    f->outcome = a->is.outcome;
    f->http_status = a->is.status;
    if (a->is.type.p)
        buf_str(&f->type, a->is.type);
    if (a->body) {
        f->text = *a->body;
        *a->body = (struct buf)BUF_INIT;
    }
    buf_cstr(&f->text, ""); /* with a NUL behind it, whatever came */
    (void)str_copy(f->error, sizeof(f->error), str_of(a->is.error));
    fetch_leave(f);
}

static void
fetch_move(struct fetch *f)
{
    struct transfer_request r = {.what = &f->asked,
        .url = f->url,
        .host = f->host,
        .port = f->port,
        .address = f->address,
        .address_count = f->address_count,
        .ca = f->ca,
        .timeout_ms = MAX_OF(f->deadline - loop_now(f->fetcher->loop), 1)};
    struct err e;

    f->place = FETCH_MOVING;
    f->transfer =
        transfer_start(f->fetcher->transfers, &r, fetch_transferred, f, &e);
    if (!f->transfer)
        fetch_fail(f, FETCH_FAILED, e.text);
}

static void
fetch_named(struct mail *mail)
{
    struct fetch *f = CONTAINER_OF(mail, struct fetch, mail);
    struct buf text = BUF_INIT;

    CHECK(f, FETCH_MAGIC);
    if (f->over || loop_now(f->fetcher->loop) >= f->deadline) {
        fetch_fail(f, f->outcome, f->error[0] ? f->error : "no time is left");
    } else if (!f->address_count) {
        buf_printf(&text, "%s has no address (A: %s, AAAA: %s)", f->host,
            dns_status_name(f->status[0]), dns_status_name(f->status[1]));
        fetch_fail(f, FETCH_NAME, text.p);
    } else {
        fetch_move(f);
    }
    buf_fini(&text);
}

/* --- on the loop of dns --- */

static void
fetch_names_end(struct fetch *f)
{
    timer_stop(&f->naming);
    for (size_t i = 0; i < ARRAY_SIZE(f->question); i++)
        dns_cancel(&f->question[i]);
    mailbox_post(loop_mailbox(f->fetcher->loop), &f->mail, fetch_named);
}

static void
fetch_names_late(void *arg)
{
    fetch_names_end(arg);
}

static void
fetch_names_add(struct fetch *f, size_t which, const struct dns_answer *a)
{
    f->question[which] = NULL;
    f->status[which] = a->status;
    for (size_t i = 0; i < a->count && i < FETCH_ADDRESSES; i++)
        f->address[f->address_count++] = a->record[i].ip;
    if (!f->question[0] && !f->question[1])
        fetch_names_end(f);
}

static void
fetch_names_a(void *arg, const struct dns_answer *a)
{
    fetch_names_add(arg, 0, a);
}

static void
fetch_names_aaaa(void *arg, const struct dns_answer *a)
{
    fetch_names_add(arg, 1, a);
}

static void
fetch_names(struct mail *mail)
{
    struct fetch *f = CONTAINER_OF(mail, struct fetch, mail);
    struct fetcher *m = f->fetcher;
    struct str host;

    CHECK(f, FETCH_MAGIC);
    if (atomic_load(&m->stopping))
        return;
    host = str_of(f->host);
    f->status[0] = f->status[1] = DNS_TIMEOUT;
    timer_init(&f->naming, m->names, fetch_names_late, f, "fetch names");
    timer_start_at(&f->naming, f->deadline);
    f->question[0] = dns_ask(m->dns, host, DNS_A, fetch_names_a, f);
    f->question[1] = dns_ask(m->dns, host, DNS_AAAA, fetch_names_aaaa, f);
}

/* --- the fetching loop again --- */

/* Where is it to go? */
static void
fetch_find(struct fetch *f)
{
    struct err e;
    struct cidr ip;

    if (fetch_url_parse(f->url, &f->host, &f->port, &e) < 0) {
        fetch_fail(f, FETCH_PROTOCOL, e.text); /* a redirect's */
        return;
    }
    f->address_count = 0;
    if (cidr_parse(str_of(f->host), 0, &ip, NULL) == 0) {
        fetch_move(f);
        return;
    }
    f->place = FETCH_NAMING;
    mailbox_post(loop_mailbox(f->fetcher->names), &f->mail, fetch_names);
}

static void
fetch_go(struct fetch *f)
{
    f->open = true;
    f->fetcher->open++;
    atomic_fetch_add(&f->fetcher->moving, 1);
    fetch_find(f);
}

/* From outside: its time is over, or nobody wants it. */
static void
fetch_break(struct fetch *f, enum fetch_outcome o, const char *text)
{
    if (f->place == FETCH_GOING_HOME || f->over)
        return;
    if (f->place != FETCH_NAMING) {
        fetch_fail(f, o, text);
        return;
    }
    f->over = true;
    f->outcome = o;
    (void)str_copy(f->error, sizeof(f->error), str_of(text));
}

static void
fetch_late(void *arg)
{
    fetch_break(arg, FETCH_TIMEOUT, "no answer in time");
}

static void
fetch_arrived(struct mail *mail)
{
    struct fetch *f = CONTAINER_OF(mail, struct fetch, mail);
    struct fetcher *m = f->fetcher;

    CHECK(f, FETCH_MAGIC);
    slow_allow(); /* authorities are read, certificates checked */
    f->outcome = FETCH_TIMEOUT;
    timer_init(&f->timer, m->loop, fetch_late, f, "fetch late");
    timer_start_at(&f->timer, f->deadline);
    f->place = FETCH_IN_LINE;
    list_push(&m->line, &f->line);
    fetch_next(m);
}

static void
fetch_stop_home(struct mail *mail)
{
    fetch_unref(CONTAINER_OF(mail, struct fetch, stop_mail));
}

static void
fetch_stop_here(struct mail *mail)
{
    struct fetch *f = CONTAINER_OF(mail, struct fetch, stop_mail);

    CHECK(f, FETCH_MAGIC);
    fetch_break(f, FETCH_STOPPED, "cancelled");
    mailbox_post(loop_mailbox(f->home), &f->stop_mail, fetch_stop_home);
}

/* --- who asks --- */

static bool
fetcher_admits(struct fetcher *m, struct err *e)
{
    if (atomic_load(&m->stopping)) {
        (void)err_set(e, ERR_CLOSED, "this server is stopping");
        return false;
    }
    if (atomic_load(&m->there) >= m->waiting_most) {
        (void)err_set(e, ERR_FULL, "%u requests wait already", m->waiting_most);
        return false;
    }
    return true;
}

struct fetch *
fetch_begin(struct fetcher *m, struct loop *home, const struct fetch_request *r,
    fetch_done_f *done, void *arg, struct err *e)
{
    struct fetch *f;

    if (fetch_url_parse(r->url, NULL, NULL, e) < 0 || fetch_check(r, e) < 0 ||
        !fetcher_admits(m, e))
        return NULL;
    f = xnew(struct fetch);
    f->magic = FETCH_MAGIC;
    f->fetcher = m;
    f->home = home;
    f->done = done;
    f->arg = arg;
    f->mails = 1;
    f->deadline = loop_now(home) + r->timeout_ms;
    fetch_copy(f, r);
    pthread_mutex_lock(&m->lock);
    f->ca = r->ca.n ? xdupn(r->ca.p, r->ca.n) : m->ca ? xdup(m->ca) : NULL;
    list_push(&m->all, &f->all);
    pthread_mutex_unlock(&m->lock);
    atomic_fetch_add(&m->begun, 1);
    atomic_fetch_add(&m->there, 1);
    mailbox_post(loop_mailbox(m->loop), &f->mail, fetch_arrived);
    return f;
}

void
fetch_cancel(struct fetch **pf)
{
    struct fetch *f = *pf;

    if (!f)
        return;
    CHECK(f, FETCH_MAGIC);
    *pf = NULL;
    if (atomic_exchange(&f->cancelled, true) ||
        atomic_load(&f->fetcher->stopping))
        return;
    f->mails++;
    mailbox_post(
        loop_mailbox(f->fetcher->loop), &f->stop_mail, fetch_stop_here);
}

/* --- all of them --- */

struct fetcher *
fetcher_new(struct dns *dns, struct loop *names,
    const struct fetch_limits *limits, struct err *e)
{
    struct fetcher *m = xnew(struct fetcher);

    m->dns = dns;
    m->names = names;
    m->most = limits && limits->most ? limits->most : FETCH_OPEN;
    m->waiting_most =
        limits && limits->waiting ? limits->waiting : FETCH_WAITING;
    list_init(&m->line);
    list_init(&m->all);
    BUG_ON(pthread_mutex_init(&m->lock, NULL) != 0);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        (void)err_set(e, ERR_LIMIT, "libcurl cannot be set up");
    else
        m->loop = loop_new("fetch", e);
    m->transfers = m->loop ? transfers_new(m->loop, e) : NULL;
    if (!m->transfers)
        fetcher_free(&m);
    return m;
}

int
fetcher_start(struct fetcher *m, struct err *e)
{
    return loop_start_thread(m->loop, e);
}

void
fetcher_set_ca(struct fetcher *m, struct str file)
{
    pthread_mutex_lock(&m->lock);
    free(m->ca);
    m->ca = file.n ? xdupn(file.p, file.n) : NULL;
    pthread_mutex_unlock(&m->lock);
}

void
fetcher_stop(struct fetcher *m)
{
    struct list *it;

    if (atomic_exchange(&m->stopping, true))
        return;
    loop_stop(m->loop);
    loop_join_thread(m->loop);
    LIST_FOREACH (it, &m->all) {
        struct fetch *f = LIST_ENTRY(it, struct fetch, all);

        if (f->timer.loop)
            timer_stop(&f->timer);
        if (f->naming.loop)
            timer_stop(&f->naming);
        for (size_t i = 0; i < ARRAY_SIZE(f->question); i++)
            dns_cancel(&f->question[i]);
        transfer_end(&f->transfer);
        if (f->told)
            continue;
        if (f->place != FETCH_GOING_HOME) {
            f->outcome = FETCH_STOPPED;
            (void)str_copy(f->error, sizeof(f->error), STR("stopped"));
        }
        fetch_tell(f);
    }
}

void
fetcher_free(struct fetcher **pm)
{
    struct fetcher *m = *pm;
    struct list *n;

    if (!m)
        return;
    *pm = NULL;
    if (m->loop)
        fetcher_stop(m);
    while ((n = list_take(&m->all)) != NULL)
        fetch_free(LIST_ENTRY(n, struct fetch, all));
    transfers_free(&m->transfers);
    loop_free(&m->loop);
    pthread_mutex_destroy(&m->lock);
    free(m->ca);
    free(m);
    curl_global_cleanup();
}

void
fetcher_get_stats(struct fetcher *m, struct fetch_stats *st)
{
    uint64_t there = atomic_load(&m->there), open = atomic_load(&m->moving);

    *st = (struct fetch_stats){.begun = atomic_load(&m->begun),
        .answered = atomic_load(&m->answered),
        .failed = atomic_load(&m->failed),
        .waiting = there > open ? there - open : 0,
        .open = open};
}

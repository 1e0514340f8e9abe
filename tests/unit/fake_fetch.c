/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_fetch.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/xmem.h"

struct fetch {
    struct list node;
    struct fetch_request asked;
    struct fetch_header header[FETCH_HEADERS_MAX];
    char *method, *url, *body;
    fetch_done_f *done;
    void *arg;
};
static struct list all = {&all, &all};
static size_t asked, open_count;
static int refuse;

static void
forget(struct fetch *f)
{
    list_remove(&f->node);
    open_count--;
    free(f->method);
    free(f->url);
    free(f->body);
    free(f);
}

void
fake_fetch_reset(void)
{
    while (!list_empty(&all))
        forget(LIST_ENTRY(list_first(&all), struct fetch, node));
    asked = 0;
    refuse = 0;
}

void
fake_fetch_refuse(int code)
{
    refuse = code;
}

size_t
fake_fetch_asked(void)
{
    return asked;
}

size_t
fake_fetch_open(void)
{
    return open_count;
}

static struct fetch *
find(size_t n)
{
    struct list *it;

    LIST_FOREACH (it, &all) {
        if (n-- == 0)
            return LIST_ENTRY(it, struct fetch, node);
    }
    abort();
}

const struct fetch_request *
fake_fetch_get(size_t n)
{
    return &find(n)->asked;
}

void
fake_fetch_answer(size_t n, enum fetch_outcome o, int status, const char *type,
    const char *body)
{
    struct fetch *f = find(n);
    struct fetch_answer a = {.outcome = o,
        .status = status,
        .type = str_of(type),
        .body = str_of(body ? body : ""),
        .error = o == FETCH_ANSWERED ? "" : "as the test wants it"};
    fetch_done_f *done = f->done;
    void *arg = f->arg;

    forget(f);
    done(arg, &a);
}

struct fetch *
fetch_begin(struct fetcher *to, struct loop *home,
    const struct fetch_request *r, fetch_done_f *done, void *arg, struct err *e)
{
    struct fetch *f;

    (void)to, (void)home;
    if (refuse) {
        (void)err_set(e, refuse, "refused");
        return NULL;
    }
    f = xnew(struct fetch);
    f->asked = *r;
    f->asked.method = f->method = xdup(r->method ? r->method : "GET");
    f->asked.url = f->url = xdup(r->url);
    f->body = xdupn(r->body.p, r->body.n);
    f->asked.body.p = r->body.p ? f->body : NULL;
    for (size_t i = 0; i < r->header_count; i++)
        f->header[i] = r->header[i]; /* of literals, in tests */
    f->asked.header = f->header;
    f->done = done;
    f->arg = arg;
    list_push(&all, &f->node);
    asked++;
    open_count++;
    return f;
}

void
fetch_cancel(struct fetch **pf)
{
    if (*pf)
        forget(*pf);
    *pf = NULL;
}

const char *
fetch_outcome_name(enum fetch_outcome o)
{
    return o == FETCH_ANSWERED ? "answered" : "not-answered";
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/hostfetch.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/xmem.h"
#include "xport/hostapi.h"
#include "xport/instance.h"
#include "base/banned.h"

static struct fetcher *fetcher;

struct hostfetch {
    struct impel_instance *instance;
    impel_fetched_f *fn;
    void *arg;
};

void
hostfetch_set(struct fetcher *f)
{
    fetcher = f;
}

static void
hostfetch_done(void *arg, const struct fetch_answer *a)
{
    struct hostfetch *h = arg;
    struct impel_instance *i = h->instance;
    struct impel_fetched told = {.size = sizeof(told)};
    int64_t t;

    atomic_fetch_sub(&i->fetches, 1);
    if (a->outcome == FETCH_ANSWERED) {
        told.status = a->status;
        told.body = (struct impel_str){a->body.p, a->body.n};
    } else {
        told.error = (struct impel_str){a->error, strlen(a->error)};
        log_info(LOG_MOD, "module-fetch-failed",
            "module=%s why=%s reason=\"%s\"", i->module->name,
            fetch_outcome_name(a->outcome), a->error);
    }
    t = instance_call_begin(i, CALL_FETCHED, 0);
    h->fn(h->arg, &told);
    instance_call_end(i, CALL_FETCHED, 0, t);
    free(h);
}

/* The module's words as the fetcher's. */
static int
hostfetch_ask(struct impel_instance *i, const struct impel_fetch *f,
    struct hostfetch *h, struct err *e)
{
    struct fetch_header header[FETCH_HEADERS_MAX];
    struct fetch_request r = {.method = f->method,
        .url = f->url,
        .body = {f->body.p, f->body.n},
        .header_count = f->header_count,
        .header = header,
        .timeout_ms = f->timeout,
        .most = HOSTFETCH_BODY_MAX};
    struct loop *home = loop_current();

    if (!home || !f->url || f->header_count > FETCH_HEADERS_MAX)
        return err_set(e, ERR_INVAL, "%s",
            !home        ? "it is asked for on no loop"
                : f->url ? "too many header fields"
                         : "there is no URL");
    for (size_t k = 0; k < f->header_count; k++) {
        const struct impel_pair *p = &f->header[k];

        header[k].name = (struct str){p->key.p, p->key.n};
        header[k].value = (struct str){p->value.p, p->value.n};
    }
    if (atomic_fetch_add(&i->fetches, 1) >= HOSTFETCH_OPEN_MAX)
        (void)err_set(e, ERR_FULL, "%d requests are open", HOSTFETCH_OPEN_MAX);
    else if (fetch_begin(fetcher, home, &r, hostfetch_done, h, e))
        return 0;
    atomic_fetch_sub(&i->fetches, 1);
    return e->code;
}

int
hostfetch_begin(struct impel_instance *i, const struct impel_fetch *f,
    impel_fetched_f *fn, void *arg)
{
    struct hostfetch *h;
    struct err e = {0};
    int rc;

    if (!fetcher)
        return IMPEL_E_UNSUP;
    if (!fn || !IMPEL_HAS(struct impel_fetch, f, header))
        return IMPEL_E_INVAL;
    h = xnew(struct hostfetch);
    *h = (struct hostfetch){.instance = i, .fn = fn, .arg = arg};
    rc = hostfetch_ask(i, f, h, &e);
    if (rc == 0)
        return 0;
    free(h);
    log_warn(LOG_MOD, "module-fetch-refused", "module=%s reason=\"%s\"",
        i->module->name, e.text);
    return rc == ERR_CLOSED ? IMPEL_E_CLOSED : hostapi_code(rc);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "route/hosts.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

struct mark {
    struct list node; /* by time of update, the latest at the end */
    struct host_facts facts;
    size_t n;
    char key[]; /* family, address, port, path, binding */
};
struct hosts {
    struct map marks;
    struct list updated;
    struct buf scratch;
};

struct hosts *
hosts_new(void)
{
    struct hosts *h = xnew(struct hosts);

    map_init(&h->marks, false);
    list_init(&h->updated);
    return h;
}

static void
mark_free(struct hosts *h, struct mark *m)
{
    (void)map_remove(&h->marks, str_make(m->key, m->n));
    list_remove(&m->node);
    free(m);
}

void
hosts_free(struct hosts **ph)
{
    struct hosts *h = *ph;
    struct list *it;

    if (!h)
        return;
    *ph = NULL;
    while ((it = list_first(&h->updated)) != NULL)
        mark_free(h, LIST_ENTRY(it, struct mark, node));
    map_fini(&h->marks);
    buf_fini(&h->scratch);
    free(h);
}

/* --- marks --- */

static struct str
mark_key(struct hosts *h, const struct netaddr *at, struct str binding)
{
    buf_cut(&h->scratch, 0);
    buf_char(&h->scratch, (char)at->ip.family);
    buf_add(&h->scratch, at->ip.addr, at->ip.family == 4 ? 4 : 16);
    buf_add(&h->scratch, &at->port, sizeof(at->port));
    buf_cstr(&h->scratch, at->path);
    buf_str(&h->scratch, binding);
    return buf_get(&h->scratch);
}

static struct mark *
mark_get(
    struct hosts *h, const struct netaddr *at, struct str binding, int64_t now)
{
    struct str key = mark_key(h, at, binding);
    struct mark *m = map_find(&h->marks, key);

    if (!m) {
        m = xcalloc(1, sizeof(*m) + key.n);
        m->n = key.n;
        memcpy(m->key, key.p, key.n);
        (void)map_put(&h->marks, str_make(m->key, m->n), m); /* none there */
    }
    list_remove(&m->node);
    list_push(&h->updated, &m->node);
    m->facts.updated = now;
    return m;
}

const struct host_facts *
hosts_find(struct hosts *h, const struct netaddr *at, struct str binding)
{
    struct mark *m = map_find(&h->marks, mark_key(h, at, binding));

    return m ? &m->facts : NULL;
}

void
hosts_failed(struct hosts *h, const struct netaddr *at, struct str binding,
    int64_t now, int64_t until)
{
    struct mark *m = mark_get(h, at, binding, now);

    m->facts.failed_at = now;
    m->facts.failed_until = MAX_OF(m->facts.failed_until, until);
    m->facts.failures++;
}

void
hosts_worked(struct hosts *h, const struct netaddr *at, struct str binding,
    int64_t now, int64_t connect_ms)
{
    struct host_facts *f = &mark_get(h, at, binding, now)->facts;

    f->failed_at = f->failed_until = 0;
    f->failures = 0;
    f->connect_ms = f->connect_ms > 0
        ? f->connect_ms * 0.875 + (double)connect_ms * 0.125
        : (double)MAX_OF(connect_ms, 1);
}

void
hosts_sweep(struct hosts *h, int64_t now, int64_t lifetime_ms, size_t most)
{
    struct list *it;

    while (most-- && (it = list_first(&h->updated)) != NULL) {
        struct mark *m = LIST_ENTRY(it, struct mark, node);
        if (m->facts.updated + lifetime_ms > now)
            return;
        if (m->facts.failed_until > now) { /* still in force: look later */
            list_remove(&m->node);
            list_push(&h->updated, &m->node);
            m->facts.updated = now;
            continue;
        }
        mark_free(h, m);
    }
}

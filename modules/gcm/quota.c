/* SPDX-License-Identifier: Apache-2.0 */
#include "quota.h"

#include <string.h>

#include <gnutls/crypto.h>

int
quota_init(struct quota *q)
{
    memset(q, 0, sizeof(*q));
    return pthread_mutex_init(&q->lock, NULL) ? -1 : 0;
}

void
quota_fini(struct quota *q)
{
    (void)pthread_mutex_destroy(&q->lock);
}

uint64_t
quota_project(struct impel_str name)
{
    unsigned char sum[32];
    uint64_t v = 0;

    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, name.p, name.n, sum) == 0)
        memcpy(&v, sum, sizeof(v));
    return v;
}

static struct quota_row *
row_of(struct quota *q, uint64_t project)
{
    for (int i = 0; i < QUOTA_PROJECTS; i++)
        if (q->row[i].wait && q->row[i].project == project)
            return &q->row[i];
    return NULL;
}

static struct quota_row *
row_new(struct quota *q, uint64_t project)
{
    struct quota_row *r = &q->row[0];

    for (int i = 1; i < QUOTA_PROJECTS && r->wait; i++)
        if (!q->row[i].wait || q->row[i].until < r->until)
            r = &q->row[i];
    if (!r->wait)
        atomic_fetch_add(&q->strict, 1);
    *r = (struct quota_row){.project = project};
    return r;
}

int64_t
quota_refused(struct quota *q, uint64_t project, int64_t now, int64_t asked)
{
    struct quota_row *r;
    int64_t left;

    (void)pthread_mutex_lock(&q->lock);
    r = row_of(q, project);
    if (!r || now >= r->until) {
        int64_t wait = QUOTA_FIRST_MS;

        if (!r)
            r = row_new(q, project);
        else
            wait = asked > 0 ? r->wait : r->wait * 2;
        r->wait = wait > QUOTA_LAST_MS ? QUOTA_LAST_MS : wait;
        r->until = now + (asked > 0 ? asked : r->wait);
    }
    left = r->until - now;
    (void)pthread_mutex_unlock(&q->lock);
    return asked > left ? asked : left;
}

void
quota_taken(struct quota *q, uint64_t project, int64_t now)
{
    struct quota_row *r;

    if (!atomic_load(&q->strict))
        return;
    (void)pthread_mutex_lock(&q->lock);
    r = row_of(q, project);
    if (r && now >= r->until) { /* else it was sent before */
        r->wait = 0;
        atomic_fetch_sub(&q->strict, 1);
    }
    (void)pthread_mutex_unlock(&q->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/awaited.h"

#include "base/clock.h"
#include "base/err.h"
#include "spool/wire.h"
#include "base/banned.h"

enum { AWAITED_VERSION = 1 };

#define AWAITED_NS STR("awaited")

void
awaited_key(const char *module, struct str key, struct buf *to)
{
    buf_str(to, str_sub(str_of(module), 0, AWAITED_NAME_MAX));
    buf_char(to, '/');
    buf_str(to, key);
}

void
awaited_print(const struct awaited *a, struct buf *to)
{
    wire_put32(to, AWAITED_VERSION);
    wire_put64(to, a->id);
    wire_put32(to, a->number);
    wire_put32(to, a->notify);
    wire_put32(to, a->needs);
    wire_put32(to, a->told);
    wire_put64(to, (uint64_t)a->received);
    wire_put64(to, (uint64_t)a->expiry);
    wire_put_str(to, a->sender);
    wire_put_str(to, a->envid);
    wire_put_str(to, a->binding);
    wire_put_str(to, a->address);
    wire_put_str(to, a->original);
}

int
awaited_parse(struct str record, struct awaited *to)
{
    struct wire w = wire_of(record.p, record.n);

    *to = (struct awaited){0};
    if (wire_get32(&w) != AWAITED_VERSION)
        return ERR_DAMAGED;
    to->id = wire_get64(&w);
    to->number = wire_get32(&w);
    to->notify = wire_get32(&w);
    to->needs = wire_get32(&w);
    to->told = wire_get32(&w);
    to->received = (int64_t)wire_get64(&w);
    to->expiry = (int64_t)wire_get64(&w);
    to->sender = wire_get_str(&w);
    to->envid = wire_get_str(&w);
    to->binding = wire_get_str(&w);
    to->address = wire_get_str(&w);
    to->original = wire_get_str(&w);
    if (w.bad || w.n || !to->sender.p || !to->address.p)
        return ERR_DAMAGED;
    return 0;
}

struct spool_value
awaited_value(struct str key, struct str record, int64_t expiry)
{
    return (struct spool_value){AWAITED_NS, key, record, expiry};
}

int
awaited_put(
    struct spool *s, struct str key, const struct awaited *a, struct err *e)
{
    struct buf record = BUF_INIT;
    int rc;

    awaited_print(a, &record);
    rc = spool_state_put_limited(
        s, AWAITED_NS, key, buf_get(&record), a->expiry, e);
    buf_fini(&record);
    return rc;
}

int
awaited_get(
    struct spool *s, struct str key, struct buf *record, struct awaited *to)
{
    buf_cut(record, 0);
    if (spool_state_get(s, AWAITED_NS, key, record) < 0)
        return ERR_NOTFOUND;
    return awaited_parse(buf_get(record), to);
}

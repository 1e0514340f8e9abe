/* SPDX-License-Identifier: Apache-2.0
 *
 * state.c - small durable values.
 */
#include "spool/state.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/xmem.h"
#include "spool/spool_int.h"
#include "spool/values.h"
#include "spool/writer.h"

#include "base/banned.h"

enum {
    STATE_VALUE_MAX = 256 * 1024,
    STATE_RECORD_HEAD = 8 + 3 * 4, /* expiry, and the lengths of the texts */
    SWEEP_MOST = 1000 /* values of one sweep, and chains, with locks held */
};

struct state {
    pthread_mutex_t lock; /* taken inside that of the table */
    struct values values;
    size_t swept; /* chains, in this round */
};

struct state *
state_new(void)
{
    struct state *s = xnew(struct state);
    pthread_mutex_init(&s->lock, NULL);
    values_init(&s->values);
    return s;
}

void
state_free(struct state **to)
{
    struct state *s = *to;

    *to = NULL;
    if (!s)
        return;
    values_fini(&s->values);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void
older_add(struct value *v, uint32_t segment)
{
    for (size_t i = 0; i < v->older_count; i++) {
        if (v->older[i] == segment)
            return;
    }
    v->older = xgrow(v->older, v->older_count + 1, sizeof(*v->older));
    v->older[v->older_count++] = segment;
}

static void
older_prune(struct liveness *l, struct value *v)
{
    for (size_t i = 0; i < v->older_count;) {
        if (liveness_find(l, v->older[i]))
            i++;
        else
            v->older[i] = v->older[--v->older_count];
    }
}

/* What the record at v->at counts for, added or taken back. */
static void
value_count(struct liveness *l, const struct value *v, int by)
{
    struct live_segment *seg = liveness_find(l, v->at.segment);
    for (size_t i = 0; i < v->older_count; i++)
        liveness_pair(l, v->at.segment, v->older[i], by);
    if (seg && v->at_present) {
        seg->live += (uint64_t)(int64_t)by;
        seg->live_states += (uint64_t)(int64_t)by;
    }
}

void
state_recover(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at)
{
    struct record_state r;
    struct value *v;

    if (record_get_state((const uint8_t *)payload.p, payload.n, &r) ||
        r.ns.n + r.key.n > VALUES_KEY_MAX)
        return;
    v = value_find(&s->state->values, r.ns, r.key, true);
    if (lsn == v->lsn)
        return; /* a copy of it */
    if (lsn < v->lsn) {
        older_add(v, at.segment);
        return;
    }
    if (v->lsn)
        older_add(v, v->at.segment);
    v->lsn = lsn;
    v->at = at;
    v->at_present = r.value.p != NULL;
    value_set(v, r.value, r.expiry);
}

static bool
value_expired(const struct value *v)
{
    return v->expiry && v->expiry <= clock_wall();
}

void
state_settle(struct spool *s)
{
    struct value *v;

    liveness_lock(&s->live);
    VALUES_FOREACH(v, &s->state->values)
    {
        if (value_expired(v))
            v->at_present = false; /* on disk it is expired, too */
        value_count(&s->live, v, 1);
    }
    liveness_unlock(&s->live);
}

void
state_refresh(struct spool *s, struct buf *payload)
{
    struct record_state r;
    struct buf now = BUF_INIT;
    struct value *v;

    if (record_get_state((const uint8_t *)payload->p, payload->n, &r))
        return;
    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, r.ns, r.key, false);
    if (v) {
        r.expiry = v->expiry;
        r.value = !v->present ? STR_NONE
            : v->text.n       ? buf_get(&v->text)
                              : STR("");
        record_put_state(&now, &r);
    }
    pthread_mutex_unlock(&s->state->lock);
    if (!v)
        return;
    buf_fini(payload);
    *payload = now;
}

/* A newer record of v stands there now, and is durable. */
static void
value_placed(struct spool *s, struct value *v, const struct record_state *r,
    uint64_t lsn, struct spool_place at)
{
    if (v->lsn) {
        value_count(&s->live, v, -1);
        older_add(v, v->at.segment);
    }
    older_prune(&s->live, v);
    v->lsn = lsn;
    v->at = at;
    v->at_present = r->value.p != NULL;
    value_count(&s->live, v, 1);
    if (!v->present && !v->older_count && !v->puts)
        value_drop(&s->state->values, v);
}

static void
state_arrived(struct spool *s, struct str payload, uint64_t lsn,
    struct spool_place at, bool joined)
{
    struct record_state r;
    struct value *v;

    if (record_get_state((const uint8_t *)payload.p, payload.n, &r))
        return;
    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, r.ns, r.key, true);
    if (joined)
        value_set(v, r.value, r.expiry);
    else if (v->puts)
        v->puts--;
    value_placed(s, v, &r, lsn, at);
    pthread_mutex_unlock(&s->state->lock);
}

void
state_placed(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at)
{
    state_arrived(s, payload, lsn, at, false);
}

void
state_joined(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at)
{
    state_arrived(s, payload, lsn, at, true);
}

/* What is expired is of no use to its segment, and of none to us unless it
 * hides an older record that may not be. */
static bool
sweep_one(struct spool *s, struct value *v)
{
    if (!value_expired(v) || v->puts)
        return false;
    value_count(&s->live, v, -1);
    older_prune(&s->live, v);
    v->at_present = false;
    value_count(&s->live, v, 1);
    if (v->older_count)
        value_empty(v);
    else
        value_drop(&s->state->values, v);
    return true;
}

/* The next chain; so many of its values went.  Dropping may bring others to a
 * chain that was seen: the next round sees them. */
static size_t
sweep_chain(struct spool *s, size_t *seen)
{
    struct chain *c = chains_at(&s->state->values.index, s->state->swept++),
                 *next;
    size_t count = 0;

    for (; c; c = next, ++*seen) {
        next = c->next;
        count += sweep_one(s, VALUE_OF(c));
    }
    return count;
}

size_t
state_sweep(struct spool *s)
{
    struct state *state = s->state;
    size_t count = 0, seen = 0;

    liveness_lock(&s->live);
    pthread_mutex_lock(&state->lock);
    for (int i = 0; i < SWEEP_MOST && seen < SWEEP_MOST; i++) {
        if (state->swept >= chains_slots(&state->values.index)) {
            state->swept = 0;
            break;
        }
        count += sweep_chain(s, &seen);
    }
    pthread_mutex_unlock(&state->lock);
    liveness_unlock(&s->live);
    return count;
}

bool
state_is_newest(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place at)
{
    struct record_state r;
    struct value *v;
    bool is;

    if (record_get_state((const uint8_t *)payload.p, payload.n, &r))
        return false;
    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, r.ns, r.key, false);
    is = v && v->lsn == lsn && v->at.segment == at.segment &&
        v->at.offset == at.offset;
    if (is)
        older_prune(&s->live, v);
    is = is && (v->at_present || v->older_count);
    pthread_mutex_unlock(&s->state->lock);
    return is;
}

void
state_moved(
    struct spool *s, struct str payload, uint64_t lsn, struct spool_place to)
{
    struct record_state r;
    struct value *v;

    if (record_get_state((const uint8_t *)payload.p, payload.n, &r))
        return;
    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, r.ns, r.key, false);
    if (v && v->lsn == lsn) {
        value_count(&s->live, v, -1);
        v->at = to;
        value_count(&s->live, v, 1);
    } else if (v) {
        older_add(v, to.segment);
        liveness_pair(&s->live, v->at.segment, to.segment, 1);
    }
    pthread_mutex_unlock(&s->state->lock);
}

int
state_encode(
    struct spool *s, const struct spool_value *v, struct buf *to, struct err *e)
{
    struct record_state r = {v->expiry, v->ns, v->key, v->value};

    if (v->ns.n + v->key.n > VALUES_KEY_MAX || v->value.n > STATE_VALUE_MAX ||
        v->value.n > s->segment_bytes / 4)
        return err_set(e, ERR_LIMIT, "state: key or value is too long");
    buf_fit(to, STATE_RECORD_HEAD + v->ns.n + v->key.n + v->value.n);
    record_put_state(to, &r);
    return 0;
}

static int
state_put(
    struct spool *s, const struct spool_value *is, bool limited, struct err *e)
{
    struct values *all = &s->state->values;
    struct value *v;

    pthread_mutex_lock(&s->state->lock);
    v = value_find(all, is->ns, is->key, false);
    if (!v && (!limited || !is->value.p || values_take(all, is)))
        v = value_find(all, is->ns, is->key, true);
    if (v) {
        value_set(v, is->value, is->expiry);
        v->puts++;
    }
    pthread_mutex_unlock(&s->state->lock);
    return v ? 0 : err_set(e, ERR_FULL, "module_state_limit is reached");
}

static int
state_write(struct spool *s, const struct spool_value *is, bool limited,
    void (*durable)(void *arg), void *arg, struct err *e)
{
    struct buf payload = BUF_INIT;
    struct writer_result *w;
    int rc = state_encode(s, is, &payload, e);

    if (rc == 0)
        rc = state_put(s, is, limited, e);
    if (rc < 0) {
        buf_fini(&payload);
        return rc;
    }
    w = writer_result_new(s, RECORD_STATE);
    w->durable = durable;
    w->arg = arg;
    w->payload = payload;
    writer_put(s->writer, w);
    return 0;
}

int
spool_state_put(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, struct err *e)
{
    struct spool_value is = {ns, key, value, expiry_wall};

    return state_write(s, &is, false, NULL, NULL, e);
}

int
spool_state_put_limited(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, struct err *e)
{
    struct spool_value is = {ns, key, value, expiry_wall};

    return state_write(s, &is, true, NULL, NULL, e);
}

int
spool_state_put_told(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, void (*durable)(void *arg),
    void *arg, struct err *e)
{
    struct spool_value is = {ns, key, value, expiry_wall};

    return state_write(s, &is, false, durable, arg, e);
}

void
spool_set_state_limit(struct spool *s, uint64_t bytes)
{
    pthread_mutex_lock(&s->state->lock);
    s->state->values.limit = bytes;
    pthread_mutex_unlock(&s->state->lock);
}

void
spool_state_forget(struct spool *s, struct str ns, struct str key)
{
    struct value *v;
    bool on_its_way = false;

    liveness_lock(&s->live);
    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, ns, key, false);
    if (v && v->puts) {
        on_its_way = true;
    } else if (v) {
        value_count(&s->live, v, -1);
        value_drop(&s->state->values, v);
    }
    pthread_mutex_unlock(&s->state->lock);
    liveness_unlock(&s->live);
    if (on_its_way) /* its record would bring it back at once */
        (void)spool_state_put(s, ns, key, STR_NONE, 0, NULL);
}

/* What is written is written in order, and a record that there is no value
 * takes the least. */
void
spool_barrier(struct spool *s, void (*durable)(void *arg), void *arg)
{
    (void)spool_state_put_told(s, STR("core"), STR("barrier"), STR_NONE, 0,
        durable, arg, NULL); /* the lengths are right */
}

int
spool_state_get(struct spool *s, struct str ns, struct str key, struct buf *to)
{
    struct value *v;
    int r = ERR_NOTFOUND;

    pthread_mutex_lock(&s->state->lock);
    v = value_find(&s->state->values, ns, key, false);
    if (v && v->present && !value_expired(v)) {
        buf_str(to, buf_get(&v->text));
        r = 0;
    }
    pthread_mutex_unlock(&s->state->lock);
    return r;
}

void
spool_state_each(struct spool *s, struct str ns, spool_state_f *fn, void *arg)
{
    struct value *v;

    pthread_mutex_lock(&s->state->lock);
    VALUES_FOREACH(v, &s->state->values)
    {
        struct str key = value_key(v);

        if (!v->present || value_expired(v) || key.n < ns.n + 1 ||
            !str_eq(str_sub(key, 0, ns.n), ns) || key.p[ns.n])
            continue;
        fn(arg, str_from(key, ns.n + 1), buf_get(&v->text));
    }
    pthread_mutex_unlock(&s->state->lock);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/overriding.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/xmem.h"
#include "queue/limits.h"
#include "queue/overridestore.h"
#include "queue/print.h"
#include "queue/queue.h"
#include "queue/queue_options.h"
#include "queue/walk.h"
#include "queue/zone.h"
#include "base/banned.h"

enum {
    OVERRIDING_FEW = 16,       /* changes from one remake to the next */
    OVERRIDING_NEAR = 64,      /* queues that are kicked without a job */
    OVERRIDING_ENDS = 256,     /* that are ended in one turn */
    OVERRIDING_LOOK_MS = 60000 /* the wall clock may be set */
};
#define STATE_NS STR("core")
#define STATE_KEY "override/"

/* --- queues follow --- */

static bool
queue_differs(struct queue *q)
{
    return generation_scope(q->s->generation, str_of(q->binding->name),
               str_of(q->zone->name)) != q->scope;
}

static enum job_step
follow_visit(void *arg, struct list *n, bool fresh)
{
    struct queue *q = LIST_ENTRY(n, struct queue, node);

    (void)arg;
    (void)fresh;
    if (queue_differs(q))
        queue_kick(q);
    return JOB_DONE;
}

static enum job_step
follow_visit_zone(void *arg, struct list *n, bool fresh)
{
    struct queue *q = LIST_ENTRY(n, struct queue, zone_node);

    return follow_visit(arg, &q->node, fresh);
}

static void
follow_zone(struct scheduler *s, struct str domain)
{
    struct zone *z = zone_find(s, domain);
    struct list *n;
    int most = OVERRIDING_NEAR;

    if (!z)
        return;
    LIST_FOREACH (n, &z->queues) {
        if (!most--) {
            walk_start(s,
                &(struct walk_request){.name = "adopt overrides",
                    .head = &z->queues,
                    .total = OVERRIDING_NEAR,
                    .visit = follow_visit_zone});
            return;
        }
        (void)follow_visit_zone(NULL, n, true);
    }
}

static void follow_all(struct scheduler *s);

static void
followed(void *arg, bool cancelled)
{
    struct scheduler *s = arg;
    bool again = s->overriding.again;

    s->overriding.walking = s->overriding.again = false;
    if (again && !cancelled && !s->drained_told)
        follow_all(s);
}

/* One job at a time, however many change meanwhile. */
static void
follow_all(struct scheduler *s)
{
    if (s->overriding.walking) {
        s->overriding.again = true;
        return;
    }
    s->overriding.walking = true;
    walk_start(s,
        &(struct walk_request){.name = "adopt overrides",
            .head = &s->all_queues,
            .total = s->stats.queues,
            .visit = follow_visit,
            .end = followed,
            .arg = s});
}

static void
follow(struct scheduler *s, const struct override *v)
{
    overrides_install(s->overriding.all, s->generation);
    if (s->overriding.remake &&
        generation_overlays(s->generation) >= s->overriding.most &&
        !timer_armed(&s->overriding.remake_timer))
        timer_start(&s->overriding.remake_timer, 0);
    if (v->option == OPT(queue_options, QUEUE_SERVER_MAX_OUTBOUND_CONNECTIONS))
        limits_adopt(s);
    if (v->place.domain.p)
        follow_zone(s, v->place.domain);
    else
        follow_all(s);
}

/* --- on disk --- */

static void
wait_end(struct overriding_wait *w, bool stored)
{
    timer_stop(&w->timer);
    list_remove(&w->node);
    w->done(w, stored);
}

static void
wait_is_long(void *arg)
{
    wait_end(arg, false);
}

/* They become durable in the order in which they were put. */
static void
state_stored(void *arg)
{
    struct scheduler *s = arg;
    struct list *n, *tmp;

    s->overriding.stored++;
    LIST_FOREACH_SAFE (n, tmp, &s->overriding.waits) {
        struct overriding_wait *w = LIST_ENTRY(n, struct overriding_wait, node);

        if (w->number <= s->overriding.stored)
            wait_end(w, true);
    }
}

void
overriding_wait(struct scheduler *s, struct overriding_wait *w)
{
    w->number = s->overriding.put;
    timer_init(&w->timer, s->loop, wait_is_long, w, "override on disk");
    list_push(&s->overriding.waits, &w->node);
    timer_start(&w->timer, OVERRIDING_PATIENCE_MS);
    if (w->number <= s->overriding.stored)
        wait_end(w, true);
}

static int
state_put(
    struct scheduler *s, const struct override *v, bool there, struct err *e)
{
    struct buf key = BUF_INIT, text = BUF_INIT;
    int rc;

    buf_cstr(&key, STATE_KEY);
    override_print_key(v, &key);
    if (there)
        print_json(overridestore_print(v), &text);
    rc = spool_state_put_told(s->spool, STATE_NS, buf_get(&key),
        there ? buf_get(&text) : STR_NONE, there ? v->expires : 0, state_stored,
        s, e);
    if (rc == 0)
        s->overriding.put++;
    buf_fini(&key);
    buf_fini(&text);
    return rc;
}

struct kept { /* those on disk, in no order */
    json_t **all;
    size_t count;
};

static void
state_kept(void *arg, struct str key, struct str value)
{
    struct kept *f = arg;
    json_t *j;

    if (!str_starts(key, STR(STATE_KEY)))
        return;
    j = json_loadb(value.p, value.n, 0, NULL);
    if (!json_is_object(j)) {
        json_decref(j);
        j = json_object(); /* which means nothing, and that is said */
    }
    json_object_set_new(j, "key", print_str(key));
    f->all = xgrow(f->all, f->count + 1, sizeof(json_t *));
    f->all[f->count++] = j;
}

static int
kept_order(const void *a, const void *b)
{
    json_int_t x =
        json_integer_value(json_object_get(*(json_t *const *)a, "set"));
    json_int_t y =
        json_integer_value(json_object_get(*(json_t *const *)b, "set"));

    return x < y ? -1 : x > y;
}

static void
state_read(struct scheduler *s)
{
    struct kept f = {NULL, 0};

    spool_state_each(s->spool, STATE_NS, state_kept, &f);
    if (f.count)
        qsort(f.all, f.count, sizeof(json_t *), kept_order);
    for (size_t i = 0; i < f.count; i++) {
        struct err e = {0};

        if (overridestore_read(s->overriding.all, f.all[i], &e))
            log_warn(LOG_QUEUE, "override-ignored", "key=\"%s\" reason=\"%s\"",
                json_string_value(json_object_get(f.all[i], "key")), e.text);
        json_decref(f.all[i]);
    }
    free(f.all);
}

/* --- ends --- */

struct described { /* for the log */
    struct buf place, value, until;
};

static void
describe(const struct override *v, struct described *to)
{
    *to = (struct described){BUF_INIT, BUF_INIT, BUF_INIT};
    override_print_place(&v->place, &to->place);
    override_print_value(v, &to->value);
    if (v->expires)
        clock_print_iso(&to->until, v->expires);
    else
        buf_cstr(&to->until, "never");
}

static void
described_fini(struct described *d)
{
    buf_fini(&d->place);
    buf_fini(&d->value);
    buf_fini(&d->until);
}

/* What adapts all the time says so itself. */
static void
tell_set(const struct override *v)
{
    struct described d;

    if (v->source == OVERRIDE_ADAPTIVE)
        return;
    describe(v, &d);
    log_notice(LOG_QUEUE, "override-set",
        "place=\"%.*s\" option=%s value=\"%.*s\" until=%.*s %.*s",
        STR_ARG(buf_get(&d.place)), option_get(v->option)->name,
        STR_ARG(buf_get(&d.value)), STR_ARG(buf_get(&d.until)),
        STR_ARG(v->who));
    described_fini(&d);
}

static void
tell_gone(const struct override *v, bool ended)
{
    struct described d;

    if (v->source == OVERRIDE_ADAPTIVE)
        return;
    describe(v, &d);
    if (ended)
        log_notice(LOG_QUEUE, "override-ended",
            "place=\"%.*s\" option=%s value=\"%.*s\"",
            STR_ARG(buf_get(&d.place)), option_get(v->option)->name,
            STR_ARG(buf_get(&d.value)));
    else
        log_notice(LOG_QUEUE, "override-cleared",
            "place=\"%.*s\" option=%s value=\"%.*s\"",
            STR_ARG(buf_get(&d.place)), option_get(v->option)->name,
            STR_ARG(buf_get(&d.value)));
    described_fini(&d);
}

static void
arm(struct scheduler *s)
{
    const struct override *first = overrides_first_end(s->overriding.all);
    int64_t wait;

    timer_stop(&s->overriding.timer);
    if (!first || s->drained_told)
        return;
    wait = queue_wall_to_mono(s, first->expires) - loop_now(s->loop);
    timer_start(&s->overriding.timer, MIN_OF(wait, OVERRIDING_LOOK_MS));
}

static void
drop(struct scheduler *s, const struct override *v, bool ended)
{
    struct override gone = *v;
    struct buf names[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
    struct str *to[3] = {
        &gone.place.group, &gone.place.binding, &gone.place.domain};
    struct err e;

    tell_gone(v, ended);
    for (size_t i = 0; i < 3; i++) { /* what v is made of goes with it */
        if (!to[i]->p)
            continue;
        buf_str(&names[i], *to[i]);
        *to[i] = buf_get(&names[i]);
    }
    if (state_put(s, v, false, &e) < 0)
        log_warn(LOG_QUEUE, "override-not-stored", "reason=\"%s\"", e.text);
    (void)overrides_clear(
        s->overriding.all, &gone.place, gone.source, gone.option);
    follow(s, &gone);
    for (size_t i = 0; i < 3; i++)
        buf_fini(&names[i]);
}

static void
overriding_ended(void *arg)
{
    struct scheduler *s = arg;
    const struct override *v;

    for (int n = 0; n < OVERRIDING_ENDS; n++) {
        v = overrides_first_end(s->overriding.all);
        if (!v || v->expires > clock_wall())
            break;
        drop(s, v, true);
    }
    arm(s);
}

/* --- verbs --- */

int
overriding_set(struct scheduler *s, const struct override *v, struct err *e)
{
    const struct override *now;
    int rc;

    if (v->expires && v->expires <= clock_wall())
        return err_set(e, ERR_INVAL, "that time is over");
    rc = overrides_set(s->overriding.all, v, e);
    if (rc)
        return rc;
    now = overrides_find(s->overriding.all, &v->place, v->source, v->option);
    rc = state_put(s, now, true, e);
    if (rc) {
        (void)overrides_clear(
            s->overriding.all, &v->place, v->source, v->option);
        follow(s, v);
        return rc;
    }
    tell_set(now);
    follow(s, now);
    arm(s);
    return 0;
}

bool
overriding_clear(struct scheduler *s, const struct override_place *place,
    enum override_source source, uint32_t option)
{
    const struct override *v =
        overrides_find(s->overriding.all, place, source, option);

    if (!v)
        return false;
    drop(s, v, false);
    arm(s);
    return true;
}

static bool
str_same(struct str a, struct str b)
{
    return a.p ? b.p && str_eq(a, b) : !b.p;
}

static bool
is_at(const struct override *v, const struct override_place *p)
{
    return str_same(v->place.group, p->group) &&
        str_same(v->place.binding, p->binding) &&
        str_same(v->place.domain, p->domain);
}

size_t
overriding_clear_place(struct scheduler *s, const struct override_place *place,
    enum override_source source)
{
    const struct override *v, *next;
    struct override_place at;
    struct buf room = BUF_INIT;
    size_t n = 0;

    if (override_place_check(place, &room, &at, NULL) == 0) {
        for (v = overrides_next(s->overriding.all, NULL); v; v = next) {
            next = overrides_next(s->overriding.all, v);
            if (v->source != source || !is_at(v, &at))
                continue;
            drop(s, v, false);
            n++;
        }
    }
    buf_fini(&room);
    arm(s);
    return n;
}

const struct overrides *
overriding_all(const struct scheduler *s)
{
    return s->overriding.all;
}

static void
print_one(const struct override *v, struct buf *out)
{
    override_print_place(&v->place, out);
    buf_printf(out, ": %s = ", option_get(v->option)->name);
    override_print_value(v, out);
    if (v->source == OVERRIDE_ADAPTIVE)
        buf_cstr(out, ", adaptive");
    if (v->expires) {
        int64_t rest = MAX_OF(v->expires - clock_wall(), 0);
        buf_cstr(out, ", for ");
        num_print_duration(out, rest - rest % 1000);
        buf_cstr(out, " more (until ");
        clock_print_iso(out, v->expires);
        buf_char(out, ')');
    }
    buf_cstr(out, ", set ");
    clock_print_iso(out, v->set_at);
    if (v->who.n)
        buf_printf(out, " by %.*s", STR_ARG(v->who));
    if (v->why.n)
        buf_printf(out, ": %.*s", STR_ARG(v->why));
    buf_char(out, '\n');
}

void
overriding_print(struct scheduler *s, const struct override_place *place,
    bool json, struct buf *out)
{
    const struct overrides *all = s->overriding.all;
    const struct override *v = NULL;
    json_t *rows = json ? json_array() : NULL;
    size_t shown = 0, more = 0;

    while ((v = overrides_next(all, v)) != NULL) {
        if (place && !is_at(v, place))
            continue;
        if (shown++ >= OVERRIDING_SHOWN)
            more++;
        else if (rows)
            json_array_append_new(rows, overridestore_print(v));
        else
            print_one(v, out);
    }
    if (json)
        print_json(
            json_pack("{s:o,s:I}", "overrides", rows, "more", (json_int_t)more),
            out);
    else if (!shown)
        buf_cstr(out, "no overrides\n");
    else if (more)
        buf_printf(out, "and %zu more\n", more);
}

/* --- life --- */

/* If a few changes have made so many, most of them are in use, and would be
 * there again at once. */
static void
overriding_remake(void *arg)
{
    struct scheduler *s = arg;
    struct overriding *o = &s->overriding;
    uint64_t now = generation_overrides(s->generation);
    bool few = now - o->since < OVERRIDING_FEW;

    o->since = now;
    if (few)
        o->most *= 2;
    else if (!s->draining)
        o->remake(o->remake_arg);
}

void
overriding_init(struct scheduler *s)
{
    s->overriding.all = overrides_new();
    list_init(&s->overriding.waits);
    s->overriding.most = OVERRIDING_OVERLAYS;
    timer_init(&s->overriding.timer, s->loop, overriding_ended, s, "overrides");
    timer_init(&s->overriding.remake_timer, s->loop, overriding_remake, s,
        "remake the generation");
    state_read(s);
    overriding_install(s, s->generation);
    arm(s);
}

void
overriding_install(struct scheduler *s, struct generation *g)
{
    overrides_install(s->overriding.all, g);
}

void
overriding_stop(struct scheduler *s)
{
    timer_stop(&s->overriding.timer);
    timer_stop(&s->overriding.remake_timer);
}

void
overriding_fini(struct scheduler *s)
{
    struct list *n;

    overriding_stop(s);
    while ((n = list_first(&s->overriding.waits)) != NULL)
        wait_end(LIST_ENTRY(n, struct overriding_wait, node), false);
    overrides_free(&s->overriding.all);
}

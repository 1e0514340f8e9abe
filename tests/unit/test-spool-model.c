/* SPDX-License-Identifier: Apache-2.0
 *
 * test-spool-model.c - random operations, crashes at random points, and an
 * oracle in memory.
 *
 * Nothing acknowledged is lost, nothing that was finished and durable comes
 * back, nothing appears half.  What was under way at the crash may be there or
 * not.  IMPEL_MODEL_SEED and IMPEL_MODEL_SECONDS repeat or prolong it.
 */
#include "spool/spool.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "sim_disk.h"
#include "spool/compact.h"
#include "spool/content.h"
#include "spool/content_int.h"
#include "spool/spool_int.h"
#include "spool_kit.h"

enum { SEGMENT = 64 * 1024, RCPTS = 5, DOMAINS = 3, STEPS = 120 };

struct known { /* one message as the oracle has it */
    struct kit_accept accept;
    struct message *m;
    uint64_t id;
    uint32_t rcpts;
    size_t body;
    bool stored, refused, gone; /* gone: finished for sure, or never there */
    unsigned done_asked, done_sure; /* bits of recipients */
    struct spool_place place, attempt[DOMAINS];
    uint32_t tries_asked[DOMAINS], tries_sure[DOMAINS];
};
struct model {
    struct kit k;
    struct known **list;
    size_t count;
    uint64_t seed;
    unsigned value_asked, value_sure;
    unsigned rounds, crashes;
    int dir_number;
    char base[128];
};
static struct model *here; /* for callbacks without an object of their own */

static uint64_t
dice(uint64_t n)
{
    here->seed = here->seed * UINT64_C(6364136223846793005) + 1;
    return (here->seed >> 33) % n;
}

static const char *const domains[DOMAINS] = {
    "one.example", "two.example", "three.example"};

static unsigned
domain_of(uint64_t id, uint32_t rcpt)
{
    return (unsigned)((id + rcpt * 7) % DOMAINS);
}

static unsigned
domain_bits(const struct known *m, unsigned d)
{
    unsigned bits = 0;
    for (uint32_t i = 0; i < m->rcpts; i++) {
        if (domain_of(m->id, i) == d)
            bits |= 1u << i;
    }
    return bits;
}

/* --- asks, and what is sure when they are answered before the crash --- */

static void
sure_stored(void *arg)
{
    ((struct known *)arg)->stored = true;
}

static void
accept_done(struct spool_accept *a, int result, const struct err *e)
{
    struct kit_accept *k = CONTAINER_OF(a, struct kit_accept, a);
    struct known *m = CONTAINER_OF(k, struct known, accept);
    (void)e;
    k->answered = true;
    if (result) {
        m->refused = true;
        return;
    }
    m->place = m->m->place;
    sim_if_running(sure_stored, m);
}

static void
ask_accept(struct model *o)
{
    struct known *m = xnew(struct known);
    char text[RCPTS][40];
    const char *rcpt[RCPTS + 1] = {NULL};

    m->rcpts = 1 + (uint32_t)dice(RCPTS);
    m->body = dice(20) == 0 ? 20000 + dice(40000) : dice(6000);
    m->id = atomic_load(&o->k.spool->next_id);
    for (uint32_t i = 0; i < m->rcpts; i++) {
        snprintf(text[i], sizeof(text[i]), "u%u@%s", i,
            domains[domain_of(m->id, i)]);
        rcpt[i] = text[i];
    }
    m->m = kit_message(&o->k, rcpt, m->body, (unsigned)m->id);
    o->list = xgrow(o->list, o->count + 1, sizeof(struct known *));
    o->list[o->count++] = m;
    m->accept.a.message = m->m;
    m->accept.a.home = o->k.mailbox;
    m->accept.a.done = accept_done;
    spool_accept(o->k.spool, &m->accept.a);
}

struct finishing {
    struct known *m;
    unsigned bits;
};

static void
sure_done(void *arg)
{
    struct finishing *f = arg;
    f->m->done_sure |= f->bits;
}

static void
finish_durable(void *arg)
{
    sim_if_running(sure_done, arg);
    free(arg);
}

/* One that may be worked on, or NULL. */
static struct known *
pick(struct model *o)
{
    for (int i = 0; o->count && i < 20; i++) {
        struct known *m = o->list[dice(o->count)];
        unsigned all = (1u << m->rcpts) - 1;
        if (m->place.segment && !m->gone && m->done_asked != all &&
            (m->accept.answered || m->stored))
            return m;
    }
    return NULL;
}

static void
ask_finish(struct model *o, bool whole)
{
    struct known *m = pick(o);
    struct finishing *f;
    struct finish ask = {0};
    unsigned all, d = (unsigned)dice(DOMAINS);
    uint32_t rcpt[RCPTS];

    if (!m)
        return;
    all = (1u << m->rcpts) - 1;
    f = xnew(struct finishing);
    f->m = m;
    f->bits = whole ? all : domain_bits(m, d) & (unsigned)(1 + dice(all));
    f->bits &= ~m->done_asked;
    ask.id = m->id;
    ask.accept = m->place;
    ask.rcpt = rcpt;
    for (uint32_t i = 0; i < m->rcpts; i++) {
        if (f->bits & 1u << i)
            rcpt[ask.rcpt_count++] = i;
    }
    if (!f->bits) {
        free(f);
        return;
    }
    m->done_asked |= f->bits;
    if (m->done_asked == all) {
        ask.rcpt_count = 0;
        f->bits = all;
    }
    if ((domain_bits(m, d) & ~m->done_asked) == 0)
        ask.attempt = m->attempt[d];
    spool_finish(o->k.spool, &ask, finish_durable, f);
}

struct trying {
    struct known *m;
    unsigned domain;
    uint32_t tries;
    struct spool_place place;
};

static void
sure_tried(void *arg)
{
    struct trying *t = arg;
    t->m->tries_sure[t->domain] = t->tries;
}

static void
attempt_placed(void *arg, uint64_t token, struct spool_place place)
{
    struct trying *t = arg;
    (void)token;
    t->m->attempt[t->domain] = place;
    sim_if_running(sure_tried, t);
    free(t);
}

/* Every third one says where it was moved to. */
static struct str
moved_text(uint32_t tries, char to[32])
{
    if (tries % 3)
        return STR("");
    snprintf(to, 32, "binding b%u\n", tries % 1000);
    return str_of(to);
}

static void
ask_attempt(struct model *o)
{
    struct known *m = pick(o);
    unsigned d = (unsigned)dice(DOMAINS), bits;
    struct rcpt_state state[RCPTS] = {{0}};
    struct attempt a = {0};
    struct trying *t;
    char moved[32];

    if (!m)
        return;
    bits = domain_bits(m, d) & ~m->done_asked;
    if (!bits)
        return;
    for (uint32_t i = 0; i < m->rcpts; i++) {
        if (!(bits & 1u << i))
            continue;
        state[a.rcpt_count].rcpt = i;
        state[a.rcpt_count].code = 450;
        state[a.rcpt_count++].text = STR("later");
    }
    t = xnew(struct trying);
    t->m = m;
    t->domain = d;
    t->tries = ++m->tries_asked[d];
    a.id = m->id;
    a.accept = m->place;
    a.before = m->attempt[d];
    a.retries = t->tries;
    a.next_attempt = 1 + t->tries;
    a.domain = str_of(domains[d]);
    a.moved = moved_text(t->tries, moved);
    a.rcpt = state;
    spool_attempt(o->k.spool, &a, attempt_placed, t, 0);
}

static void
ask_value(struct model *o)
{
    char text[16];
    struct err e;
    snprintf(text, sizeof(text), "%u", ++o->value_asked);
    if (o->value_asked % 7 == 0)
        (void)spool_state_put(
            o->k.spool, STR("core"), STR("value"), STR_NONE, 0, &e);
    else
        (void)spool_state_put(
            o->k.spool, STR("core"), STR("value"), str_of(text), 0, &e);
}

/* --- what must be --- */

static void
check_parcel(struct model *o, struct known *m, const struct kit_parcel *p,
    unsigned *open)
{
    unsigned d = 0;
    char moved[32];
    (void)o;
    while (d < DOMAINS && strcmp(domains[d], p->domain))
        d++;
    assert_true(d < DOMAINS);
    for (size_t i = 0; i < p->rcpt_count; i++) {
        assert_true(p->rcpt[i] < m->rcpts);
        assert_int_equal(domain_of(m->id, p->rcpt[i]), d);
        *open |= 1u << p->rcpt[i];
    }
    if (p->retries < m->tries_sure[d] || p->retries > m->tries_asked[d])
        fail_msg("message %llx domain %u: %u tries, %u are sure, %u asked",
            (unsigned long long)m->id, d, p->retries, m->tries_sure[d],
            m->tries_asked[d]);
    assert_true(str_eq(str_of(p->moved),
        p->retries ? moved_text(p->retries, moved) : STR("")));
    m->tries_asked[d] = m->tries_sure[d] = p->retries;
    m->attempt[d] = p->attempt;
}

static void
check_content(struct model *o, struct known *m, const struct kit_found *f)
{
    struct spool_load l = {
        .accept = f->accept, .id = m->id, .want_content = true};
    struct content_facts facts;
    struct kit other = {.spool = o->k.spool, .mailbox = o->k.mailbox};
    const char *const none[] = {NULL};
    struct message *want;

    l.attempt = f->parcel[0].attempt;
    if (kit_load(&o->k, &l))
        fail_msg("message %llx: %s", (unsigned long long)m->id, l.error.text);
    assert_int_equal(l.message->env.rcpt_count, m->rcpts);
    content_get_facts(l.message->content, &facts);
    want = kit_message(&other, none, m->body, (unsigned)m->id);
    assert_int_equal(facts.body_size, want->content->facts.body_size);
    if (!facts.large)
        assert_true(str_eq(
            buf_get(&l.message->content->body), buf_get(&want->content->body)));
    if (f->parcel[0].attempt.segment)
        assert_true(l.rcpt_count > 0);
    free(l.rcpt);
    message_unref(&want);
    message_unref(&l.message);
}

static void
check_message(struct model *o, struct known *m, bool contents)
{
    struct kit_found *f = kit_find(&o->k, m->id);
    unsigned all = (1u << m->rcpts) - 1, open = 0;

    if (!f) {
        if (m->stored && m->done_asked != all && !m->gone)
            fail_msg("message %llx is lost", (unsigned long long)m->id);
        m->gone = true;
        return;
    }
    if (m->gone || m->done_sure == all)
        fail_msg("message %llx came back", (unsigned long long)m->id);
    assert_int_equal(f->rcpt_total, m->rcpts);
    for (unsigned d = 0; d < DOMAINS; d++)
        m->attempt[d] = (struct spool_place){0, 0};
    for (size_t i = 0; i < f->parcel_count; i++)
        check_parcel(o, m, &f->parcel[i], &open);
    if (open & m->done_sure)
        fail_msg("message %llx: recipients %x came back",
            (unsigned long long)m->id, open & m->done_sure);
    if ((open | m->done_asked) != all)
        fail_msg("message %llx: recipients %x are lost",
            (unsigned long long)m->id, all & ~(open | m->done_asked));
    m->done_asked = m->done_sure = all & ~open;
    m->stored = true;
    m->place = f->accept;
    if (contents)
        check_content(o, m, f);
}

static void
check_value(struct model *o)
{
    struct buf b = BUF_INIT;
    unsigned v = 0;
    int r = spool_state_get(o->k.spool, STR("core"), STR("value"), &b);
    if (!r)
        v = (unsigned)strtoul(b.p, NULL, 10);
    if (r) { /* one that was removed, or the beginning */
        for (v = o->value_sure; v <= o->value_asked && v % 7; v++)
            continue;
        assert_true(v <= o->value_asked);
    }
    assert_true(v >= o->value_sure && v <= o->value_asked);
    o->value_asked = o->value_sure = v;
    buf_fini(&b);
}

static void
check_all(struct model *o)
{
    size_t kept = 0, known = 0;
    for (size_t i = 0; i < o->count; i++) {
        check_message(o, o->list[i], dice(4) == 0);
        known += !o->list[i]->gone;
    }
    assert_int_equal(o->k.found_count, known);
    for (size_t i = 0; i < o->count; i++) {
        struct known *m = o->list[i];
        message_unref(&m->m);
        if (m->gone)
            free(m);
        else
            o->list[kept++] = m;
    }
    o->count = kept;
    check_value(o);
}

/* --- a round --- */

static void
model_open(struct model *o)
{
    struct err e;
    if (kit_open(&o->k, &e))
        fail_msg("open: %s", e.text);
    kit_wait_recovered(&o->k);
}

static void
sure_all(void *arg)
{
    struct model *o = arg;
    for (size_t i = 0; i < o->count; i++) {
        struct known *m = o->list[i];
        m->done_sure = m->done_asked;
        memcpy(m->tries_sure, m->tries_asked, sizeof(m->tries_sure));
    }
    o->value_sure = o->value_asked;
}

/* After a clean stop everything that was asked is sure. */
static void
settle(struct model *o)
{
    kit_close(&o->k);
    sim_if_running(sure_all, o);
}

/* What is read after the crash began is not what will be found later. */
static void
reopen(struct model *o)
{
    model_open(o);
    if (!sim_is_crashed())
        check_all(o);
}

static void
step(struct model *o)
{
    struct err e;
    switch (dice(24)) {
    case 0:
        settle(o);
        reopen(o);
        break;
    case 1:
        if (dice(3))
            break;
        settle(o);
        if (spool_compact(o->k.dir, NULL, NULL, NULL, &e))
            fail_msg("compact: %s", e.text);
        reopen(o);
        break;
    case 2:
    case 3:
        compact_kick(o->k.spool->compactor);
        break;
    case 4:
        ask_value(o);
        break;
    case 5:
    case 6:
    case 7:
        kit_turn(&o->k, (int)dice(4));
        break;
    case 8:
    case 9:
    case 10:
        ask_finish(o, false);
        break;
    case 11:
    case 12:
    case 13:
    case 14:
        ask_finish(o, true);
        break;
    case 15:
    case 16:
    case 17:
        ask_attempt(o);
        break;
    default:
        ask_accept(o);
    }
    kit_turn(&o->k, 0);
}

static void
crash(struct model *o)
{
    char old[128];

    sim_crash_now();
    snprintf(old, sizeof(old), "%s", o->k.dir);
    snprintf(o->k.dir, sizeof(o->k.dir), "%.100s/%d", o->base, ++o->dir_number);
    sim_make(o->k.dir, dice(1u << 30));
    kit_close(&o->k); /* the process that died; its answers came too late */
    sim_end();
    kit_remove_tree(old);
    sim_begin(o->k.dir);
    o->crashes++;
}

static void
round_run(struct model *o)
{
    if (dice(4))
        sim_crash_at(1 + dice(300));
    for (unsigned i = 0, n = (unsigned)dice(STEPS); i < n; i++) {
        if (sim_is_crashed())
            break;
        step(o);
    }
    crash(o);
    model_open(o);
    check_all(o);
    o->rounds++;
}

static int64_t
number_from(const char *name, int64_t otherwise)
{
    const char *s = getenv(name);
    return s && *s ? strtoll(s, NULL, 10) : otherwise;
}

static void
test_model(void **arg)
{
    struct model o = {0};
    int64_t seconds = number_from("IMPEL_MODEL_SECONDS", 12);
    int64_t until = clock_mono() + seconds * 1000;
    (void)arg;

    here = &o;
    o.seed = (uint64_t)number_from("IMPEL_MODEL_SEED", 1);
    kit_init(&o.k, SEGMENT);
    o.k.config.compact_rate = 1u << 30;
    snprintf(o.base, sizeof(o.base), "%s", o.k.dir);
    snprintf(o.k.dir, sizeof(o.k.dir), "%.100s/0", o.base);
    (void)mkdir(o.k.dir, 0755);
    o.k.config.dir = o.k.dir;
    sim_begin(o.k.dir);
    model_open(&o);
    while (clock_mono() < until) {
        uint64_t seed = o.seed;
        if (getenv("IMPEL_MODEL_TRACE"))
            fprintf(stderr, "round %u seed %llu dir %s\n", o.rounds,
                (unsigned long long)seed, o.k.dir);
        round_run(&o);
    }
    print_message("%u rounds, %u crashes\n", o.rounds, o.crashes);
    kit_close(&o.k);
    sim_end();
    for (size_t i = 0; i < o.count; i++) {
        message_unref(&o.list[i]->m);
        free(o.list[i]);
    }
    free(o.list);
    snprintf(o.k.dir, sizeof(o.k.dir), "%s", o.base);
    kit_fini(&o.k);
}

static void
quiet(void *arg, enum log_level l, int64_t wall, struct str line)
{
    (void)arg;
    (void)wall;
    if (l >= LOG_LEVEL_ERROR && getenv("IMPEL_MODEL_TRACE"))
        fprintf(stderr, "%.*s\n", STR_ARG(line));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
    };
    log_set_sink(quiet, NULL);
    return cmocka_run_group_tests_name("spool-model", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * trouble.c - alarms: raised, cleared, told.
 */
#include "spool/trouble.h"

#include <inttypes.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "spool/spool_int.h"

#include "base/banned.h"

#define SPOOL_TROUBLE_WORD(id, word, effect) word,
static const char *const words[] = {SPOOL_TROUBLES(SPOOL_TROUBLE_WORD)};
#define SPOOL_TROUBLE_EFFECT(id, word, effect) effect,
static const unsigned effects_of[] = {SPOOL_TROUBLES(SPOOL_TROUBLE_EFFECT)};

struct trouble_mail {
    struct mail mail;
    struct spool_events events;
    bool well, pause;
    char text[sizeof(((struct err *)0)->text)];
};

static void
trouble_deliver(struct mail *m)
{
    struct trouble_mail *t = CONTAINER_OF(m, struct trouble_mail, mail);
    t->events.alarm(t->events.arg, t->well ? NULL : t->text, t->pause);
    free(t);
}

/* The first one with one of these effects, or the count. */
static unsigned
trouble_first(uint32_t set, unsigned effects)
{
    unsigned i = 0;
    while (i < SPOOL_TROUBLE_COUNT &&
        (!(set & UINT32_C(1) << i) || !(effects_of[i] & effects)))
        i++;
    return i;
}

static unsigned
trouble_effects(uint32_t set)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < SPOOL_TROUBLE_COUNT; i++) {
        if (set & UINT32_C(1) << i)
            sum |= effects_of[i];
    }
    return sum;
}

static void
trouble_raised(struct trouble *t, enum spool_trouble which)
{
    struct spool_alarm *a = &t->alarm[which];

    t->begun[which] = clock_mono();
    a->since = clock_wall();
    a->until = 0;
    a->count++;
    log_error(LOG_SPOOL, "spool-alarm",
        "alarm=%s count=%" PRIu64 " reason=\"%s\"", words[which], a->count,
        t->why[which].text);
}

static void
trouble_cleared(struct trouble *t, enum spool_trouble which)
{
    t->alarm[which].until = clock_wall();
    log_notice(LOG_SPOOL, "spool-alarm-over", "alarm=%s lasted_ms=%" PRId64,
        words[which], clock_mono() - t->begun[which]);
}

/* What follows changed: say so. */
static struct trouble_mail *
trouble_tell(struct spool *s, uint32_t before, uint32_t after)
{
    const unsigned both = SPOOL_REFUSES | SPOOL_PAUSES;
    unsigned was = trouble_effects(before) & both;
    unsigned is = trouble_effects(after) & both;
    unsigned first = trouble_first(after, is);
    const char *why = is ? s->trouble.why[first].text : "well again";
    struct trouble_mail *t;

    if (was == is)
        return NULL;
    if (!was != !is)
        log_write(is ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, LOG_SPOOL,
            is ? "spool-refusing" : "spool-accepting", "reason=\"%s\"", why);
    if (!s->events.scheduler || !s->events.alarm)
        return NULL;
    t = xnew(struct trouble_mail);
    t->events = s->events;
    t->well = !is;
    t->pause = is & SPOOL_PAUSES;
    (void)str_copy(t->text, sizeof(t->text), str_of(why));
    return t;
}

void
trouble_set(struct spool *s, enum spool_trouble which, const struct err *why)
{
    struct trouble *t = &s->trouble;
    uint32_t bit = UINT32_C(1) << which, before, after;
    struct trouble_mail *told;
    bool on = why && why->code;

    if (!on && !(atomic_load(&t->set) & bit))
        return;
    pthread_mutex_lock(&t->lock);
    before = atomic_load(&t->set);
    after = on ? before | bit : before & ~bit;
    if (on)
        t->why[which] = *why;
    atomic_store(&t->set, after);
    if (after & ~before)
        trouble_raised(t, which);
    else if (before & ~after)
        trouble_cleared(t, which);
    told = trouble_tell(s, before, after);
    if (told) /* with the lock, so that the scheduler has them in order */
        mailbox_post(s->events.scheduler, &told->mail, trouble_deliver);
    pthread_mutex_unlock(&t->lock);
}

bool
trouble_is_set(const struct spool *s, enum spool_trouble which)
{
    return atomic_load(&s->trouble.set) & UINT32_C(1) << which;
}

int
trouble_refuses(struct spool *s, unsigned effects, struct err *e)
{
    struct trouble *t = &s->trouble;
    unsigned first;
    int r = 0;

    if (!atomic_load_explicit(&t->set, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&t->lock);
    first = trouble_first(atomic_load(&t->set), effects);
    if (first < SPOOL_TROUBLE_COUNT)
        r = err_set(e, t->why[first].code, "%s", t->why[first].text);
    pthread_mutex_unlock(&t->lock);
    return r;
}

void
trouble_get(struct spool *s, struct spool_alarm *to)
{
    struct trouble *t = &s->trouble;

    pthread_mutex_lock(&t->lock);
    for (unsigned i = 0; i < SPOOL_TROUBLE_COUNT; i++) {
        to[i] = t->alarm[i];
        to[i].what = words[i];
        to[i].effects = effects_of[i];
        to[i].on = atomic_load(&t->set) & UINT32_C(1) << i;
        (void)str_copy(to[i].text, sizeof(to[i].text), str_of(t->why[i].text));
    }
    pthread_mutex_unlock(&t->lock);
}

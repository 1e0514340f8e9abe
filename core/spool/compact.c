/* SPDX-License-Identifier: Apache-2.0
 *
 * compact.c - when and what to compact: the thread, and the whole spool
 * offline.
 */
#include "spool/compact.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "spool/compact_int.h"
#include "spool/keeper.h"
#include "spool/recover.h"
#include "spool/spool_int.h"

#include "base/banned.h"

enum {
    LOOK_MS = 1000,
    AGAIN_MS = 10000,
    SLOW_COMMIT_US = 50000,
    SLOW_PAUSES = 20,
    SMALL = 64 /* octets of a result, or of a value */
};

struct compactor {
    struct spool *spool;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop, kicked;
    struct compact_out out;
};

/* By octets, for a small record that is dead is no reason to copy a message:
 * a message counts as much as they do on the average, all else alike. */
static bool
is_dead_enough(const struct live_segment *s, unsigned percent)
{
    uint64_t messages = s->live - s->live_states;
    uint64_t each = s->accepts ? s->accept_bytes / s->accepts : SMALL;
    uint64_t small =
        s->records > s->accepts ? (s->records - s->accepts) * SMALL : 0;
    uint64_t lives = messages * each + (s->live_states + s->out) * SMALL;

    return s->records &&
        lives * 100 <= (s->accept_bytes + small) * (100 - percent);
}

/* So much of it is of no use (spool_compact_at). */
static bool
is_worth_it(const struct live_segment *s, unsigned percent)
{
    return s->state == LIVE_SEALED && !s->compacting && !s->going &&
        !s->copied && clock_mono() >= s->compact_at &&
        (!s->unreadable || s->live < s->unreadable) && !liveness_is_free(s) &&
        is_dead_enough(s, percent);
}

/* The one with the least to copy, or NULL.  *live: how much that is. */
static struct live_segment *
pick_victim(struct liveness *l, unsigned percent, uint64_t *live)
{
    struct live_segment *best = NULL;
    liveness_lock(l);
    for (size_t i = 0; i < l->count; i++) {
        struct live_segment *s = l->list[i];
        if (is_worth_it(s, percent) &&
            (!best || s->live + s->out < best->live + best->out))
            best = s;
    }
    if (best) {
        best->compacting = true;
        *live = best->live;
    }
    liveness_unlock(l);
    return best;
}

/* true: stop was asked for. */
static bool
compactor_sleep(struct compactor *c, uint64_t ms)
{
    struct timespec until;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&c->lock);
    while (!c->stop && !c->kicked &&
        pthread_cond_timedwait(&c->wake, &c->lock, &until) == 0)
        continue;
    stop = c->stop;
    c->kicked = false;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

/* Keep to the rate, and out of the way of commits. */
static void
compactor_pause(void *arg, uint64_t bytes)
{
    struct compactor *c = arg;
    struct spool *s = c->spool;

    if (compactor_sleep(c, bytes * 1000 / s->compact_rate))
        return;
    for (int i = 0; i < SLOW_PAUSES; i++) {
        if (atomic_load(&s->slow_commit_us) < SLOW_COMMIT_US ||
            compactor_sleep(c, 100))
            return;
    }
}

static void *
compactor_main(void *arg)
{
    struct compactor *c = arg;
    struct spool *s = c->spool;
    int64_t not_before = 0;
    uint64_t wait_ms = LOOK_MS;

    bug_doing("spool compactor", 0);
    while (!compactor_sleep(c, wait_ms)) {
        struct live_segment *seg;
        struct err e;
        uint64_t live;
        wait_ms = LOOK_MS;
        if (atomic_load(&s->recovering) ||
            trouble_refuses(s, SPOOL_REFUSES | SPOOL_PAUSES, NULL) ||
            clock_mono() < not_before)
            continue;
        seg = pick_victim(&s->live, s->compact_at, &live);
        if (!seg)
            continue;
        log_info(LOG_SPOOL, "spool-compact-start", "segment=%08x live=%llu",
            seg->number, (unsigned long long)live);
        if (compact_segment(&c->out, seg, &e)) {
            log_warn(
                LOG_SPOOL, "spool-compact-failed", "reason=\"%s\"", e.text);
            trouble_set(s, SPOOL_TROUBLE_COMPACTION, &e);
            not_before = clock_mono() + AGAIN_MS;
        } else {
            trouble_set(s, SPOOL_TROUBLE_COMPACTION, NULL);
            wait_ms = 0; /* it kept to its rate; the next one */
        }
        keeper_wake(s->keeper);
    }
    compact_out_fini(&c->out);
    return NULL;
}

int
compact_start(struct spool *s, struct compactor **to, struct err *e)
{
    struct compactor *c;
    pthread_condattr_t attr;
    int r;

    *to = NULL;
    if (!s->compact_rate)
        return 0;
    c = xnew(struct compactor);
    c->spool = s;
    c->out.spool = s;
    c->out.pause = compactor_pause;
    c->out.pause_arg = c;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->wake, &attr);
    pthread_condattr_destroy(&attr);
    *to = c;
    r = thread_start(&c->thread, "spool compact", compactor_main, c);
    if (!r)
        return 0;
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    xfree(to);
    return err_errno(e, ERR_LIMIT, r, "starting the spool's compactor");
}

void
compact_kick(struct compactor *c)
{
    pthread_mutex_lock(&c->lock);
    c->kicked = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void
compact_stop(struct compactor **to)
{
    struct compactor *c = *to;
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    pthread_cond_broadcast(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->wake);
    xfree(to);
}

/* --- offline --- */

/* Every segment that is not cold and almost full of what lives. */
static struct live_segment *
pick_offline(struct liveness *l, uint32_t below)
{
    for (size_t i = 0; i < l->count; i++) {
        struct live_segment *s = l->list[i];
        if (s->number >= below || s->compact_at || s->copied || s->compacting ||
            s->going)
            continue;
        if (s->kind == SEGMENT_COLD && !s->out && s->end >= s->bytes / 10 * 9 &&
            s->live * 10 >= s->records * 9)
            continue;
        s->compacting = true;
        return s;
    }
    return NULL;
}

static int
compact_all(struct spool *s, spool_progress_f *progress, void *arg,
    size_t *total, struct err *e)
{
    struct compact_out out = {.spool = s};
    struct live_segment *seg;
    size_t done = 0;
    int r = 0;

    *total = s->live.count;
    (void)keeper_reclaim(s->keeper); /* what is free needs no copying */
    while (!r && (seg = pick_offline(&s->live, s->first_new_segment))) {
        r = compact_segment(&out, seg, e);
        (void)keeper_reclaim(s->keeper);
        if (progress)
            progress(arg, ++done, *total);
    }
    compact_out_fini(&out);
    while (keeper_reclaim(s->keeper))
        continue;
    keeper_drop_spares(s->keeper);
    return r;
}

int
spool_compact(const char *dir, spool_say_f *say, spool_progress_f *progress,
    void *arg, struct err *e)
{
    struct spool_config c = {.dir = dir, .mode = 0640};
    struct spooldir *there;
    struct spool *s;
    struct spool_stats st;
    char line[160];
    size_t before;
    int r;

    r = spooldir_open(dir, true, c.mode, &there, e); /* none is made */
    spooldir_close(&there);
    if (!r)
        r = spool_open(&c, &s, e);
    if (r)
        return r;
    recover_run(s);
    r = compact_all(s, progress, arg, &before, e);
    spool_get_stats(s, &st);
    snprintf(line, sizeof(line),
        "messages %llu, segments before %zu, now %llu, bytes now %llu",
        (unsigned long long)st.recovered, before,
        (unsigned long long)st.segments, (unsigned long long)st.disk_bytes);
    if (say)
        say(arg, str_of(line));
    spool_close(&s);
    return r;
}

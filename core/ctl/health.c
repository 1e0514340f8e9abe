/* SPDX-License-Identifier: Apache-2.0
 *
 * health.c - `health`: what an operator should know, and how bad it is.
 */
#include "ctl/metrics.h"

#include <stdarg.h>
#include <stdlib.h>
#include "base/clock.h"
#include "ctl/jsontext.h"
#include "base/banned.h"

enum { WELL, DEGRADED, ILL };
/* Shares below which nothing is said. */
enum { CREDITS_PERCENT = 90, TIMEOUT_PERCENT = 50, TIMEOUT_QUERIES = 100 };
enum { STUCK_MS = 10000 };

struct verdict {
    int level;
    struct buf text;
    json_t *problems;
};

static void say(struct verdict *v, int level, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
static void
say(struct verdict *v, int level, const char *fmt, ...)
{
    static const char *const word[] = {"ok", "degraded", "ill"};
    struct buf line = BUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    buf_vprintf(&line, fmt, ap);
    va_end(ap);
    buf_printf(&v->text, "%s: %s\n", word[level], line.p);
    json_array_append_new(v->problems,
        json_pack("{ss,so}", "level", word[level], "text",
            jsontext_value(buf_get(&line))));
    v->level = MAX_OF(v->level, level);
    buf_fini(&line);
}

static void
say_alarm(struct verdict *v, const struct spool_alarm *a)
{
    struct buf since = BUF_INIT;
    clock_print_iso(&since, a->since);
    say(v, a->effects ? ILL : DEGRADED,
        "spool alarm \"%s\" since %s, number %llu: %s", a->what, since.p,
        (unsigned long long)a->count, a->text);
    buf_fini(&since);
}

static void
judge_spool(struct verdict *v, const struct spool_stats *s)
{
    if (s->alarm[0])
        say(v, ILL, "the spool takes no mail: %s", s->alarm);
    if (s->stuck_ms >= STUCK_MS)
        say(v, ILL, "a commit of the spool has been under way for %lld s",
            (long long)(s->stuck_ms / 1000));
    for (size_t i = 0; i < SPOOL_ALARMS && s->alarms[i].what; i++) {
        if (s->alarms[i].on)
            say_alarm(v, &s->alarms[i]);
    }
    if (s->recovering)
        say(v, DEGRADED, "the spool is still being read: %llu messages so far",
            (unsigned long long)s->recovered);
    if (s->damaged)
        say(v, DEGRADED, "%llu damaged records were put aside",
            (unsigned long long)s->damaged);
    if (s->failed_commits)
        say(v, DEGRADED, "%llu commits of the spool failed since the start",
            (unsigned long long)s->failed_commits);
}

static void
judge_intake(struct verdict *v, const struct intake_stats *i)
{
    if (i->refuses)
        say(v, ILL, "new mail is refused: %s", i->refuses);
    if (i->credits_limit > 0 &&
        i->credits_used > i->credits_limit / 100 * CREDITS_PERCENT)
        say(v, DEGRADED, "reception_memory is nearly used up: %lld of %lld",
            (long long)i->credits_used, (long long)i->credits_limit);
}

static void
judge_dns(struct verdict *v, const struct dns_stats *d)
{
    uint64_t queries = 0, timeouts = 0;
    for (size_t t = 0; t < ARRAY_SIZE(d->queries); t++) {
        queries += d->queries[t];
        timeouts += d->timeouts[t];
    }
    if (queries >= TIMEOUT_QUERIES &&
        timeouts > queries / 100 * TIMEOUT_PERCENT)
        say(v, DEGRADED, "DNS: %llu of %llu questions had no answer",
            (unsigned long long)timeouts, (unsigned long long)queries);
}

int
metrics_health(const struct control_config *on, bool json, struct buf *to)
{
    static const char *const word[] = {"ok", "degraded", "ill"};
    struct verdict v = {.problems = json_array()};
    struct metrics m;
    metrics_get(on, &m);
    if (m.queue.draining)
        say(&v, ILL, "the daemon is stopping and takes no mail");
    judge_spool(&v, &m.spool);
    if (m.queue.paused)
        say(&v, ILL, "delivery is paused: %llu results could not be stored yet",
            (unsigned long long)m.spool.unwritten);
    judge_intake(&v, &m.intake);
    judge_dns(&v, &m.dns);
    if (m.queue.tight && !m.intake.refuses)
        say(&v, DEGRADED,
            "memory_goal is passed: content is not kept in "
            "memory");
    json_t *doc = json_pack("{ss,si,so}", "status", word[v.level], "code",
        v.level, "problems", v.problems);
    if (json)
        jsontext_take(to, doc);
    else {
        json_decref(doc);
        buf_str(to, v.text.n ? buf_get(&v.text) : STR("ok\n"));
    }
    buf_fini(&v.text);
    return v.level;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * spool-bench.c - what a message costs the spool: 5 KB messages, 20 askers,
 * each waits for its commit before it asks again.
 *
 * spool-bench DIR [MESSAGES] [none]: messages per second, CPU microseconds per
 * message, messages per sync.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/macros.h"
#include "spool/content.h"
#include "spool/spool.h"

enum { ASKERS = 20, BODY = 5 * 1024 };

struct asker {
    struct spool_accept accept;
    struct bench *bench;
};
struct bench {
    struct spool *spool;
    struct mailbox *mailbox;
    struct asker askers[ASKERS];
    uint64_t asked, answered, finished, total;
    char line[BODY];
};

static void
ask(struct asker *a)
{
    struct bench *b = a->bench;
    struct message *m = message_new(spool_next_ids(b->spool, 1));
    struct content_builder *c =
        content_builder_new(b->spool, m->id, b->mailbox, NULL, NULL);
    struct rcpt *r = arena_alloc(m->arena, sizeof(*r));
    struct err e;

    r->address = message_str(m, STR("somebody@example.com"));
    r->domain = message_str(m, STR("example.com"));
    m->env.rcpt = r;
    m->env.rcpt_count = 1;
    m->env.sender = message_str(m, STR("sender@example.org"));
    m->env.binding = STR("default");
    m->env.protocol = STR("esmtp");
    m->env.received = clock_wall();
    if (content_builder_add(c, b->line, sizeof(b->line), &e))
        exit(1);
    content_builder_finish(&c, m);
    a->accept.message = m;
    b->asked++;
    spool_accept(b->spool, &a->accept);
}

static void
answered(struct spool_accept *s, int result, const struct err *e)
{
    struct asker *a = CONTAINER_OF(s, struct asker, accept);
    if (result) {
        fprintf(stderr, "%s\n", e->text);
        exit(1);
    }
    message_unref(&s->message);
    a->bench->answered++;
    if (a->bench->asked < a->bench->total)
        ask(a);
}

static void
durable(void *arg)
{
    ((struct bench *)arg)->finished++;
}

static void
accepted(void *arg, struct message *m)
{
    struct bench *b = arg;
    struct finish f = {.id = m->id, .accept = m->place};
    spool_finish(b->spool, &f, durable, b);
    message_unref(&m);
}

static void
turn(struct bench *b)
{
    struct mail *m = mailbox_take(b->mailbox, 100), *next;
    for (; m; m = next) {
        next = m->next;
        m->deliver(m);
    }
}

static double
seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int
main(int argc, char **argv)
{
    static struct bench b;
    struct spool_config c = {.dir = argc > 1 ? argv[1] : "spool-bench.dir"};
    struct spool_events ev = {.arg = &b, .accepted = accepted};
    struct spool_stats st;
    struct rusage before, after;
    struct err e = {0, ""};
    int64_t begun;
    double wall, user, sys;

    b.total = argc > 2 ? strtoull(argv[2], NULL, 10) : 50000;
    c.sync = argc > 3 ? SPOOL_SYNC_NONE : SPOOL_SYNC_COMMIT;
    memset(b.line, 'x', sizeof(b.line));
    for (size_t i = 78; i + 1 < sizeof(b.line); i += 80)
        memcpy(b.line + i, "\r\n", 2);
    memcpy(b.line, "A: b\r\n\r\n", 8);
    memcpy(b.line + sizeof(b.line) - 2, "\r\n", 2);
    b.mailbox = ev.scheduler = mailbox_new();
    if (spool_open(&c, &b.spool, &e) || spool_start(b.spool, &ev, &e)) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    (void)mailbox_gather(true); /* as a loop does */
    getrusage(RUSAGE_SELF, &before);
    begun = clock_mono_us();
    for (int i = 0; i < ASKERS; i++) {
        b.askers[i].bench = &b;
        b.askers[i].accept.home = b.mailbox;
        b.askers[i].accept.done = answered;
        ask(&b.askers[i]);
    }
    while (b.answered < b.total || b.finished < b.total)
        turn(&b);
    wall = (double)(clock_mono_us() - begun) / 1e6;
    getrusage(RUSAGE_SELF, &after);
    user = seconds(after.ru_utime) - seconds(before.ru_utime);
    sys = seconds(after.ru_stime) - seconds(before.ru_stime);
    spool_get_stats(b.spool, &st);
    printf("%.0f messages/s, %.1f us CPU per message (%.1f user, %.1f "
           "system), %.1f messages per sync, %.0f us per sync\n",
        (double)b.total / wall, (user + sys) * 1e6 / (double)b.total,
        user * 1e6 / (double)b.total, sys * 1e6 / (double)b.total,
        (double)b.total / (double)st.commits,
        (double)st.commit_us / (double)st.commits);
    spool_close(&b.spool);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_fake_session.c - sessions that do as the test tells them.
 */
#include "queue_world.h"

#include "xport/registry.h"

struct session {
    unsigned i;
};

struct fake_session fake_sessions[FAKE_SESSIONS];
static struct session handles[FAKE_SESSIONS];
unsigned fake_session_count;
int fake_module_state;
static struct module the_module = {.name = "fake"};

void
fake_session_reset(void)
{
    memset(fake_sessions, 0, sizeof(fake_sessions));
    fake_session_count = 0;
    fake_module_state = MODULE_LOADED;
}

unsigned
fake_session_alive(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < fake_session_count; i++)
        n += fake_sessions[i].alive;
    return n;
}

void
registry_method(
    struct generation *g, const char *method, struct module_found *to)
{
    (void)g;
    *to = (struct module_found){.state = (enum module_state)fake_module_state};
    if (to->state == MODULE_LOADED)
        to->module = &the_module;
    else
        (void)snprintf(to->why, sizeof(to->why),
            "%s is not installed: package impel-fake", method);
}

struct session *
session_open(const struct session_request *r, struct mailbox *scheduler,
    const struct session_events *ev, void *arg)
{
    unsigned i = fake_session_count++;
    struct fake_session *f = &fake_sessions[i];
    struct buf b = BUF_INIT;

    (void)scheduler;
    assert_true(i < FAKE_SESSIONS);
    assert_ptr_equal(r->module, &the_module);
    netaddr_print(&r->to, &b);
    (void)str_copy(f->to, sizeof(f->to), buf_get(&b));
    (void)str_copy(f->host, sizeof(f->host), r->host);
    (void)str_copy(f->method, sizeof(f->method), str_of(r->method));
    buf_fini(&b);
    f->alive = true;
    f->ev = ev;
    f->arg = arg;
    f->id = r->id;
    handles[i].i = i;
    return &handles[i];
}

static struct fake_session *
of(struct session *s)
{
    struct fake_session *f = &fake_sessions[s->i];

    assert_true(f->alive);
    return f;
}

void
session_lend(struct session *s, struct batch *b)
{
    struct fake_session *f = of(s);

    assert_true(f->count < ARRAY_SIZE(f->lent));
    f->lent[f->count++] = b;
}

void
session_recall(struct session *s, struct batch *b, bool now)
{
    (void)b, (void)now;
    of(s)->recalls++;
}

void
session_probe(struct session *s)
{
    of(s)->probed = true;
}

void
session_close(struct session *s, bool now)
{
    of(s)->closing = true;
    of(s)->now |= now;
}

void
session_print(const struct session *s, struct buf *to)
{
    buf_printf(to, "session %u", s->i);
}

/* --- what the test says --- */

void
fake_ready(unsigned i, uint32_t open)
{
    struct fake_session *f = &fake_sessions[i];

    assert_true(f->alive);
    f->ready = true;
    f->ev->ready(f->arg, &handles[i], open);
    world_run();
}

static struct batch *
take(struct fake_session *f)
{
    struct batch *b = f->lent[0];

    assert_true(f->alive);
    assert_true(f->count > 0);
    memmove(f->lent, f->lent + 1, --f->count * sizeof(f->lent[0]));
    return b;
}

void
fake_done(unsigned i, int verdict, int blame, int stage, int code,
    const char *status, const char *text)
{
    struct fake_session *f = &fake_sessions[i];
    struct batch *b = take(f);

    b->begun = true;
    for (uint32_t k = 0; k < b->rcpt_count; k++)
        result_set(&b->result[k], verdict, blame, stage, code, status, text);
    f->ev->done(f->arg, &handles[i], b);
    world_run();
}

void
fake_delivered_quietly(unsigned i)
{
    struct fake_session *f = &fake_sessions[i];
    struct batch *b = take(f);

    b->begun = true;
    result_set(&b->result[0], IMPEL_DELIVERED, IMPEL_BLAME_RCPT, IMPEL_AT_FINAL,
        250, "2.0.0", "ok");
    f->ev->done(f->arg, &handles[i], b);
}

void
fake_done_each(unsigned i, const struct result *r)
{
    struct fake_session *f = &fake_sessions[i];
    struct batch *b = take(f);

    b->begun = true;
    for (uint32_t k = 0; k < b->rcpt_count; k++)
        result_dup(&b->result[k], &r[k]);
    f->ev->done(f->arg, &handles[i], b);
    world_run();
}

static void
back(unsigned i)
{
    struct fake_session *f = &fake_sessions[i];
    struct batch *b = take(f);

    for (uint32_t k = 0; k < b->rcpt_count; k++)
        result_set(&b->result[k], IMPEL_UNTRIED, IMPEL_BLAME_SESSION, 0, 0,
            NULL, NULL);
    f->ev->done(f->arg, &handles[i], b);
}

void
fake_unbegun(unsigned i)
{
    back(i);
    world_run();
}

static void
closed(unsigned i, int verdict, int blame, bool established)
{
    struct fake_session *f = &fake_sessions[i];
    struct result why = {.retry_after = -1};

    while (f->count)
        back(i);
    result_set(&why, verdict, blame, IMPEL_AT_CONNECT,
        verdict == IMPEL_DELIVERED ? 0 : 451, "4.4.1",
        verdict == IMPEL_DELIVERED ? NULL : "[internal] Connection refused");
    f->alive = false;
    f->ev->closed(f->arg, &handles[i], &why, established);
    result_fini(&why);
}

void
fake_closed_for(
    unsigned i, int stage, int code, const char *status, const char *text)
{
    struct fake_session *f = &fake_sessions[i];
    struct result why = {.retry_after = -1};

    while (f->count)
        back(i);
    result_set(&why, IMPEL_RETRY, IMPEL_BLAME_HOST, stage, code, status, text);
    f->alive = false;
    f->ev->closed(f->arg, &handles[i], &why, false);
    result_fini(&why);
    world_run();
}

void
fake_closed(unsigned i, int verdict, int blame, bool established)
{
    closed(i, verdict, blame, established);
    world_run();
}

void
fake_closed_quietly(unsigned i, int verdict, int blame)
{
    closed(i, verdict, blame, false);
}

bool
fake_session_settle(void)
{
    for (unsigned i = 0; i < fake_session_count; i++) {
        struct fake_session *f = &fake_sessions[i];

        if (!f->alive)
            continue;
        if (f->recalls && f->count && !f->deaf) {
            f->recalls = 0;
            while (f->count)
                back(i);
            return true;
        }
        if (f->closing && (!f->count || f->now)) {
            closed(i, IMPEL_DELIVERED, IMPEL_BLAME_SESSION, true);
            return true;
        }
    }
    return false;
}

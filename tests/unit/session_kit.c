/* SPDX-License-Identifier: Apache-2.0 */
#include "session_kit.h"

#include "unit.h"

#include <signal.h>

#include "base/clock.h"
#include "base/log.h"
#include "fake_spool.h"
#include "net/conn.h"
#include "toy_module.h"
#include "xport/hostapi.h"

struct loop *loop;
int ready_count, back_count, closed_count;
int verdict;
struct result closed_why;
bool was_established;

static void
on_ready(void *arg, struct session *s, uint32_t open)
{
    (void)arg, (void)s, (void)open;
    ready_count++;
}

static void
on_done(void *arg, struct session *s, struct batch *b)
{
    (void)arg, (void)s;
    verdict = b->result[0].verdict;
    batch_free(&b);
    back_count++;
}

static void
on_draining(void *arg, struct session *s)
{
    (void)arg, (void)s;
}

static void
on_closed(
    void *arg, struct session *s, const struct result *r, bool established)
{
    (void)arg, (void)s;
    closed_count++;
    was_established = established;
    result_fini(&closed_why);
    result_dup(&closed_why, r);
}

const struct session_events kit_events = {
    on_ready, on_done, on_draining, on_closed, NULL};

void
until(const int *what, int n)
{
    int64_t end = clock_mono() + 5000;

    while (*what < n && clock_mono() < end)
        loop_turn(loop, 20);
    assert_true(*what >= n);
}

struct session *
kit_open(struct module *m, uint16_t port, const struct session_events *events)
{
    struct session_request r = {.loop = loop,
        .module = m,
        .method = "TOY",
        .host = STR("localhost"),
        .ehlo_name = "me.example",
        .id = 42};

    assert_int_equal(cidr_parse(STR("127.0.0.1"), 0, &r.to.ip, NULL), 0);
    r.to.port = port;
    ready_count = back_count = closed_count = 0;
    return session_open(&r, loop_mailbox(loop), events, NULL);
}

struct module *kit_module;
struct batch *kit_back;
static uint16_t kit_port;

int
kit_start(void **state)
{
    static struct loop *loops[1];
    struct err e;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    log_set_mask(LOG_LEVEL_WARNING, 0);
    loop = loops[0] = loop_new("loop", &e);
    hostapi_set_loops(loops, 1);
    kit_module = toy_module();
    kit_port = peer_start();
    return 0;
}

int
kit_stop(void **state)
{
    (void)state;
    conn_drop_finishing(loop);
    loop_free(&loop);
    toy_module_free(&kit_module);
    peer_stop();
    result_fini(&closed_why);
    return 0;
}

static void
on_done_keeping(void *arg, struct session *s, struct batch *b)
{
    (void)arg, (void)s;
    kit_back = b;
    back_count++;
}

struct session *
kit_open_keeping(void)
{
    static const struct session_events events = {
        on_ready, on_done_keeping, on_draining, on_closed, NULL};

    return kit_open(kit_module, kit_port, &events);
}

void
kit_lend(struct session *s, const char *body, size_t n)
{
    uint32_t first = 0;
    struct message *m = fake_message(1, body, n);
    struct batch *b = batch_new(m, &first, 1, NULL, 0);

    message_unref(&m);
    session_lend(s, b);
}

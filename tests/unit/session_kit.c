/* SPDX-License-Identifier: Apache-2.0 */
#include "session_kit.h"

#include "unit.h"

#include "base/clock.h"
#include "fake_spool.h"

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

void
kit_lend(struct session *s, const char *body, size_t n)
{
    uint32_t first = 0;
    struct message *m = fake_message(1, body, n);
    struct batch *b = batch_new(m, &first, 1, NULL, 0);

    message_unref(&m);
    session_lend(s, b);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What a throttle promises to the far end, while messages are held up on their
 * way there: never more than its count in any window, and nearly that many.
 */
#include "queue_world.h"

enum { RATE = 100, SESSIONS = 8, SPAN_MS = 30000, MESSAGES = 4000 };

static struct trip { /* of the batch that a session has */
    const struct batch *batch;
    int64_t begins, arrives, ends;
} trips[SESSIONS];
static int64_t arrived[MESSAGES];
static size_t arrivals;

/* begun: up to so much later than lent; held: up to so much later there. */
static void
set_out(struct trip *w, struct batch *b, int begun, int held, int takes)
{
    w->batch = b;
    w->begins = clock_mono() + rand() % (begun + 1);
    w->arrives = w->begins + rand() % (held + 1);
    w->ends = w->arrives + 1 + rand() % takes;
    b->begun_at = w->begins;
    b->done_at = w->ends;
    assert_true(arrivals < MESSAGES);
    arrived[arrivals++] = w->arrives;
}

static void
step(int begun, int held, int takes)
{
    for (unsigned i = 0; i < fake_session_count; i++) {
        struct fake_session *f = &fake_sessions[i];

        if (!f->alive || !f->ready)
            continue;
        if (trips[i].batch && clock_mono() >= trips[i].ends) {
            trips[i].batch = NULL;
            fake_delivered(i);
        }
        if (!trips[i].batch && f->count)
            set_out(&trips[i], f->lent[0], begun, held, takes);
    }
    world_advance(1);
}

static int
earlier(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static size_t
most_in_a_second(void)
{
    size_t first = 0, most = 0;

    qsort(arrived, arrivals, sizeof(*arrived), earlier);
    for (size_t i = 0; i < arrivals; i++) {
        while (arrived[first] <= arrived[i] - 1000)
            first++;
        most = MAX_OF(most, i - first + 1);
    }
    return most;
}

static void
test_windows(void **state)
{
    static const struct {
        int begun, held, takes;
    } rows[] = {{0, 0, 1}, {3, 6, 5}, {3, 6, 60}, {0, 6, 1}, {12, 0, 30}};
    char conf[200];

    (void)state;
    srand(7);
    (void)snprintf(conf, sizeof(conf),
        "outbound_throttle_messages = \"%d\"\n"
        "max_outbound_connections = %d\n",
        RATE, SESSIONS);
    for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
        size_t n = 0;
        int64_t from;

        world_begin(conf);
        memset(trips, 0, sizeof(trips));
        arrivals = 0;
        for (int i = 0; i < MESSAGES; i++)
            (void)world_accept("s@from.test", "to@a.test");
        for (unsigned i = 0; i < fake_session_count; i++)
            fake_ready(i, 1);
        from = clock_mono();
        while (clock_mono() < from + SPAN_MS)
            step(rows[r].begun, rows[r].held, rows[r].takes);
        assert_in_range(most_in_a_second(), RATE * 97 / 100, RATE);
        while (n < arrivals && arrived[n] < from + SPAN_MS)
            n++;
        print_message("row %zu: %zu in %d s\n", r, n, SPAN_MS / 1000);
        assert_in_range(
            n, RATE * (SPAN_MS / 1000) * 98 / 100, RATE * (SPAN_MS / 1000));
        world_end();
    }
}

UNIT_MAIN(cmocka_unit_test(test_windows))

/* SPDX-License-Identifier: Apache-2.0
 *
 * ecstream_program.c - what somebody else's program looks like: it is compiled
 * by a scenario against the installed library, knows nothing of the rest, and
 * sends COUNT messages: with poll() of its own, or with what the library has.
 *
 *     ecstream_program HOST PORT COUNT [loop]
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <impel/ecstream.h>

static const char body[] = "Subject: from a program\r\n\r\nHello\r\n";
static unsigned long accepted;

static void
answered(void *arg, const struct ecstream_answer *a)
{
    (void)arg;
    for (size_t i = 0; i < a->count; i++) {
        if (a->results[i].code == 250)
            accepted++;
        else
            printf("%u %s\n", a->results[i].code, a->results[i].text);
    }
}

static struct ecstream_message
message(const struct ecstream_recipient to[2])
{
    struct ecstream_message m = {.size = sizeof(m),
        .sender = "program@origin.test",
        .recipients = to,
        .recipient_count = 2,
        .body = body,
        .body_size = sizeof(body) - 1};

    return m;
}

static int
by_waiting(struct ecstream *s, const struct ecstream_message *m, long count)
{
    int rc = 0;

    while (rc == 0 && count-- > 0)
        rc = ecstream_send_wait(s, m, 10000);
    return rc < 0 ? rc : ecstream_finish(s, 10000);
}

static int
by_loop(struct ecstream *s, const struct ecstream_message *m, long count)
{
    int rc;

    do {
        struct pollfd one = {.fd = ecstream_fd(s)};

        while (count > 0 && ecstream_has_room(s)) {
            if (ecstream_send(s, m) < 0)
                return -1;
            if (--count == 0)
                ecstream_close(s);
        }
        one.events = (short)ecstream_events(s);
        (void)poll(&one, 1, ecstream_timeout(s));
        rc = ecstream_run(s);
    } while (rc == 0);
    return rc == ECSTREAM_E_CLOSED ? 0 : rc;
}

int
main(int argc, char **argv)
{
    const struct ecstream_recipient to[2] = {
        {.address = "a@dest.test"}, {.address = "b@dest.test"}};
    struct ecstream_options o = {.size = sizeof(o), .answered = answered};
    struct ecstream_message m = message(to);
    struct ecstream *s;
    char why[ECSTREAM_ERROR_SIZE];
    int rc;

    if (argc < 4)
        return 2;
    o.host = argv[1];
    o.port = (uint16_t)strtoul(argv[2], NULL, 10);
    if (ecstream_open(&o, &s, why) < 0) {
        puts(why);
        return 1;
    }
    rc = argc > 4 ? by_loop(s, &m, atol(argv[3]))
                  : by_waiting(s, &m, atol(argv[3]));
    if (rc < 0)
        puts(ecstream_error(s));
    ecstream_free(&s);
    printf("%lu accepted\n", accepted);
    return rc < 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * What libimpel-ecstream does not believe of a server, and how it reads it.
 */
#include "ecstream_peer.h"

#include <sys/socket.h>
#include <unistd.h>

/* Nothing of that is believed: the connection is given up, the message stays
 * and is answered by the next. */
static void
wrong(const void *octets, size_t n)
{
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    assert_int_equal(write(w.fd, octets, n), n);
    for (int i = 0; i < TURNS && w.dials == 1; i++)
        (void)peer_turn(&w);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    assert_int_equal(w.answers, 0);
    peer_end(&w);
    assert_int_equal(w.answers, 1);
}
#define WRONG(octets) wrong(octets, sizeof(octets) - 1)

static void
test_wrong_frames(void **state)
{
    (void)state;
    WRONG("HTTP/1.0 400");
    WRONG("\0\0\0\0\x82");
    WRONG("\x7f\xff\xff\xff\x82");
    WRONG("\0\0\0\1\x20");                           /* an unknown type */
    WRONG("\0\0\0\1\x82");                           /* RESULTS, too short */
    WRONG("\0\0\0\3\x82\0\0");                       /* no answers */
    WRONG("\0\0\0\x09\x82\0\1\0\0\0\1\0\0");         /* no groups */
    WRONG("\0\0\0\x0d\x83\0\0\0\0\0\0\0\0\0\0\0\1"); /* no window */
    WRONG("\0\0\0\2\x85\0");                         /* PONG */
    WRONG("\0\0\0\2\x86\0");                         /* BYE has no payload */
    WRONG("\0\0\0\x3\x84\0\0");                      /* GOAWAY */
    /* a recipient that there is not; twice the same; code 150; no 2nd tag */
    WRONG("\0\0\0\x1a\x82\0\1\0\0\0\1\0\1\0\xfa\2\0\0\0\0\0\1\0\0\0\1\0\0\0\1");
    WRONG("\0\0\0\x1a\x82\0\1\0\0\0\1\0\1\0\xfa\2\0\0\0\0\0\1\0\0\0\0\0\0\0\2");
    WRONG("\0\0\0\x22\x82\0\1\0\0\0\1\0\1\0\xfa\2\0\0\0\0\0\2\0\0\0\0\0\0\0\1"
          "\0\0\0\0\0\0\0\1");
    WRONG("\0\0\0\x1a\x82\0\1\0\0\0\1\0\1\0\x96\2\0\0\0\0\0\1\0\0\0\0\0\0\0\1");
    WRONG("\0\0\0\x1a\x82\0\1\0\0\0\2\0\1\0\xfa\2\0\0\0\0\0\1\0\0\0\0\0\0\0\1");
}

/* What may be skipped is, and octets may come one by one. */
static void
test_piecemeal(void **state)
{
    static const char octets[] =
        "\0\0\0\3\xc0zz"
        "\0\0\0\x1b\x82\0\1\0\0\0\1\0\1\0\xfa\2\0\0\0\1x\0\1\0\0\0\0\0\0\0\1";
    struct peer w;
    struct ecstream_options o = peer_options(&w);

    (void)state;
    peer_begin(&w, &o);
    peer_post(&w, "k1", 1);
    peer_welcome(&w, 10, 65536);
    peer_expect_whole(&w, 1, "k1");
    for (size_t i = 0; i < sizeof(octets) - 1; i++) {
        assert_int_equal(w.answers, 0);
        assert_int_equal(write(w.fd, octets + i, 1), 1);
        assert_int_equal(peer_turn(&w), 0);
    }
    assert_int_equal(w.answers, 1);
    assert_string_equal(w.seen[0].text[0], "x");
    peer_end(&w);
}

UNIT_MAIN(cmocka_unit_test(test_wrong_frames), cmocka_unit_test(test_piecemeal))

/* SPDX-License-Identifier: Apache-2.0
 *
 * apns PORT PEM STREAMS DELAY COUNT - a stand-in for Apple's push service that
 * is faster than what is measured: takes all, each notification after DELAY ms,
 * on one connection after the other, until there were COUNT of them.
 *
 * Prints "ready" when it listens; at the end, as JSON: how many came, how many
 * devices, on how many connections, how many streams were open at once, the
 * seconds between the first and the last answer, and its own CPU time.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <nghttp2/nghttp2.h>

#include "bench.h"

enum { DEVICES = 1 << 22 };
struct due {
    int32_t stream;
    int64_t at;
};
static gnutls_session_t tls;
static struct due *due; /* a ring of `open_most` */
static size_t first, waiting, room;
static int64_t delay_us;
static long count, taken, devices, connections;
static size_t open_now, open_most;
static int64_t began, ended;
static unsigned char seen[DEVICES / 8];

static void
must(int rc)
{
    if (rc < 0)
        bench_die("apns: %s", gnutls_strerror(rc));
}

/* Paths end in a number, hexadecimal. */
static int
on_header(nghttp2_session *ng, const nghttp2_frame *f, const uint8_t *name,
    size_t name_n, const uint8_t *value, size_t value_n, uint8_t flags,
    void *arg)
{
    char last[9];
    unsigned long n;

    (void)ng, (void)f, (void)flags, (void)arg;
    if (name_n != 5 || memcmp(name, ":path", 5) != 0 || value_n < 8)
        return 0;
    memcpy(last, value + value_n - 8, 8);
    last[8] = '\0';
    n = strtoul(last, NULL, 16) % DEVICES;
    devices += !(seen[n / 8] >> (n % 8) & 1);
    seen[n / 8] |= (unsigned char)(1u << (n % 8));
    return 0;
}

static int
on_begin(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    (void)ng, (void)arg;
    if (f->hd.type == NGHTTP2_HEADERS && ++open_now > open_most)
        open_most = open_now;
    return 0;
}

static int
on_frame(nghttp2_session *ng, const nghttp2_frame *f, void *arg)
{
    (void)ng, (void)arg;
    if ((f->hd.type != NGHTTP2_DATA && f->hd.type != NGHTTP2_HEADERS) ||
        !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        return 0;
    if (waiting == room)
        bench_die("apns: more streams than were allowed");
    due[(first + waiting++) % room] =
        (struct due){f->hd.stream_id, bench_now_us() + delay_us};
    return 0;
}

static void
answer_due(nghttp2_session *ng)
{
    int64_t now = bench_now_us();
    nghttp2_nv nv[] = {{(uint8_t *)(uintptr_t) ":status",
                           (uint8_t *)(uintptr_t) "200", 7, 3, 0},
        {(uint8_t *)(uintptr_t) "apns-id",
            (uint8_t *)(uintptr_t) "EC1BF194-B3B2-424A-89A9-5A918A6E6B5D", 7,
            36, NGHTTP2_NV_FLAG_NO_INDEX}};

    while (waiting && due[first].at <= now && taken < count) {
        if (!began)
            began = now;
        if (nghttp2_submit_response(ng, due[first].stream, nv, 2, NULL) != 0)
            bench_die("apns: no answer");
        first = (first + 1) % room;
        waiting--;
        open_now--;
        taken++;
        ended = now;
    }
}

static void
flush(nghttp2_session *ng)
{
    static char out[1 << 20];
    const uint8_t *p;
    ssize_t n;
    size_t have = 0, at = 0;

    while ((n = nghttp2_session_mem_send(ng, &p)) > 0) {
        if ((size_t)n > sizeof(out) - have)
            bench_die("apns: too much to say");
        memcpy(out + have, p, (size_t)n);
        have += (size_t)n;
    }
    while (at < have) {
        n = gnutls_record_send(tls, out + at, have - at);
        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
            continue;
        if (n < 0)
            return;
        at += (size_t)n;
    }
}

/* Until the next answer is due, or something came; false: nothing came. */
static bool
wait_input(int fd)
{
    struct pollfd p = {fd, POLLIN, 0};
    int64_t us = waiting ? due[first].at - bench_now_us() : 1000000;
    struct timespec t = {
        us > 0 ? us / 1000000 : 0, us > 0 ? us % 1000000 * 1000 : 0};

    return gnutls_record_check_pending(tls) || ppoll(&p, 1, &t, NULL) > 0;
}

static void
serve(int fd, nghttp2_session *ng)
{
    static uint8_t in[65536];
    ssize_t n;

    while (taken < count) {
        if (wait_input(fd)) {
            n = gnutls_record_recv(tls, in, sizeof(in));
            if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
                continue;
            if (n <= 0 || nghttp2_session_mem_recv(ng, in, (size_t)n) < 0)
                return;
        }
        answer_due(ng);
        flush(ng);
    }
    flush(ng);
}

static nghttp2_session *
session_new(uint32_t streams)
{
    nghttp2_session_callbacks *c;
    nghttp2_session *ng;
    nghttp2_settings_entry e = {
        NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams};

    if (nghttp2_session_callbacks_new(&c) != 0)
        bench_die("no memory");
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    if (nghttp2_session_server_new(&ng, c, NULL) != 0 ||
        nghttp2_submit_settings(ng, 0, &e, 1) != 0)
        bench_die("no memory");
    nghttp2_session_callbacks_del(c);
    return ng;
}

static void
connection(int fd, gnutls_certificate_credentials_t pair, uint32_t streams)
{
    gnutls_datum_t h2 = {(unsigned char *)(uintptr_t) "h2", 2};
    nghttp2_session *ng = session_new(streams);
    int rc;

    must(gnutls_init(&tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL));
    must(gnutls_set_default_priority(tls));
    must(gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, pair));
    must(gnutls_alpn_set_protocols(tls, &h2, 1, 0));
    gnutls_transport_set_int(tls, fd);
    do {
        rc = gnutls_handshake(tls);
    } while (rc < 0 && !gnutls_error_is_fatal(rc));
    if (rc == 0) {
        connections++;
        first = waiting = open_now = 0;
        flush(ng);
        serve(fd, ng);
    }
    nghttp2_session_del(ng);
    gnutls_deinit(tls);
    close(fd);
}

int
main(int argc, char **argv)
{
    gnutls_certificate_credentials_t pair;
    struct peer_address a = {"127.0.0.1", 0};
    uint32_t streams;
    int listener, fd;

    if (argc != 6)
        bench_die("usage: apns PORT PEM STREAMS DELAY COUNT");
    a.port = atoi(argv[1]);
    must(gnutls_certificate_allocate_credentials(&pair));
    must(gnutls_certificate_set_x509_key_file(
        pair, argv[2], argv[2], GNUTLS_X509_FMT_PEM));
    streams = (uint32_t)atoi(argv[3]);
    delay_us = (int64_t)atoi(argv[4]) * 1000;
    count = atol(argv[5]);
    room = streams + 1;
    due = calloc(room, sizeof(*due));
    listener = bench_listen(&a);
    printf("ready\n");
    fflush(stdout);
    while (taken < count) {
        struct pollfd p = {listener, POLLIN, 0};

        (void)poll(&p, 1, -1);
        fd = accept(listener, NULL, NULL);
        if (fd >= 0)
            connection(fd, pair, streams);
    }
    printf("{\"taken\": %ld, \"devices\": %ld, \"connections\": %ld, "
           "\"open\": %zu, \"seconds\": %.3f, \"cpu\": %.3f}\n",
        taken, devices, connections, open_most, (double)(ended - began) / 1e6,
        bench_cpu_seconds());
    free(due);
    gnutls_certificate_free_credentials(pair);
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.h - what the source and the sink agree on.
 *
 * Message n has recipients r<k>.<n>@d<j>.bench.test, a field X-Impel-Seq: <n>
 * and a field X-Impel-Sum: the XXH3 hash of its body (after the blank line,
 * dots unstuffed, CRLF lines), so the sink needs nothing else to tell whether
 * every message came once and intact.  X-Impel-At: <us> is when the source
 * began with it, by the clock that all processes of a machine share: what
 * passed until the sink had all of it is the time end to end.
 */
#ifndef IMPEL_BENCH_H
#define IMPEL_BENCH_H

#include <stddef.h>
#include <stdint.h>

struct peer_address {
    const char *host; /* "127.0.0.1" or "::1" */
    int port;
};
int64_t bench_now_us(void);
double bench_cpu_seconds(void);                  /* of this process */
int bench_connect(const struct peer_address *a); /* non-blocking; or exits */
int bench_listen(const struct peer_address *a);
int bench_bind_udp(const struct peer_address *a); /* blocking; or exits */
void bench_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2), noreturn));
void bench_quickack(int fd); /* a delayed ACK must not be what is measured */
/* Sorts them; the q-th (0 to 1) of n times in us, as ms. */
void bench_sort(int64_t *us, long n);
double bench_quantile_ms(const int64_t *sorted_us, long n, double q);

#endif

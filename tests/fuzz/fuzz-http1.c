/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-http1.c - any octets as requests and as responses: whole, octet by octet
 * and in threes must come out alike, within the limits.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http1.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 300 };

/* What was read of a connection, as one number. */
static uint64_t
mix(uint64_t sum, const void *at, size_t n)
{
    const unsigned char *p = at;

    for (size_t i = 0; i < n; i++)
        sum = (sum ^ p[i]) * 1099511628211u;
    return (sum ^ n) * 1099511628211u;
}

static uint64_t
mix_message(uint64_t sum, const struct http1_message *m)
{
    if (m->body.n > MOST || m->target.n > HTTP1_TARGET_MOST ||
        m->field_count > HTTP1_FIELDS_MOST)
        abort();
    sum = mix(sum, m->method.p, m->method.n);
    sum = mix(sum, m->target.p, m->target.n);
    sum = mix(sum, &m->status, sizeof(m->status));
    sum = mix(sum, m->reason.p, m->reason.n);
    for (size_t i = 0; i < m->field_count; i++) {
        sum = mix(sum, m->field[i].key.p, m->field[i].key.n);
        sum = mix(sum, m->field[i].value.p, m->field[i].value.n);
    }
    sum = mix(sum, m->body.p, m->body.n);
    return mix(sum, m->keep ? "k" : "c", 1);
}

static uint64_t
judge(enum http1_kind kind, const char *p, size_t n, size_t step)
{
    struct http1 *h = http1_new(kind, MOST);
    enum http1_step at = HTTP1_MORE;
    uint64_t sum = 1469598103934665603u;
    size_t i = 0, used;
    int status = 0;

    if (!h)
        abort();
    while (i < n && at != HTTP1_BAD) {
        used = http1_feed(h, p + i, n - i < step ? n - i : step, &at);
        if (used == 0)
            abort();
        i += used;
        if (at == HTTP1_WHOLE) {
            sum = mix_message(sum, http1_read(h));
            http1_next(h);
        }
    }
    if (at != HTTP1_BAD && (at = http1_end(h)) == HTTP1_WHOLE)
        sum = mix_message(sum, http1_read(h));
    if (at == HTTP1_BAD) {
        const char *why = http1_fault(h, &status);

        if (!why || status < 400 || status > 599)
            abort();
        sum = mix(sum, why, strlen(why));
    }
    http1_free(h);
    return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const enum http1_kind kinds[] = {HTTP1_REQUEST, HTTP1_RESPONSE};

    for (int k = 0; k < 2; k++) {
        uint64_t whole = judge(kinds[k], (const char *)data, n, n + 1);

        if (judge(kinds[k], (const char *)data, n, 1) != whole ||
            judge(kinds[k], (const char *)data, n, 3) != whole)
            abort();
    }
    return 0;
}

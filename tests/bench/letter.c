/* SPDX-License-Identifier: Apache-2.0 */
#include "letter.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "bench.h"

/* Lines of 76 octets that look random, the same in each run; no dots at their
 * beginnings. */
static void
make_random(struct letter *l, size_t want, bool octets)
{
    static const char base64[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (uint64_t i = 0; l->n < want; i++) {
        int c = (int)(XXH3_64bits(&i, sizeof(i)) & 255);
        if (i % 77 == 76) {
            memcpy(l->p + l->n, "\r\n", 2);
            l->n += 2;
        } else if (!octets) {
            l->p[l->n++] = base64[c & 63];
        } else {
            l->p[l->n++] =
                (char)(c == 0 || c == '\r' || c == '\n' || c == '.' ? 'x' : c);
        }
    }
    memcpy(l->p + l->n, "\r\n", 2);
    l->n += 2;
}

static void
make_text(struct letter *l, size_t want)
{
    static const char line[] =
        "The quick brown fox jumps over the lazy dog, and then once more.\r\n";

    while (l->n < want) {
        if (l->n % 1340 == 0 && l->n) { /* dots at line starts too */
            memcpy(l->p + l->n, "..dots\r\n", 8);
            l->n += 8;
        }
        memcpy(l->p + l->n, line, sizeof(line) - 1);
        l->n += sizeof(line) - 1;
    }
}

/* What the sink sees: "..dots" without the stuffed dot. */
static void
sum_up(struct letter *l)
{
    XXH3_state_t *sum = XXH3_createState();

    if (!sum || XXH3_64bits_reset(sum) != XXH_OK)
        bench_die("no memory");
    for (size_t i = 0; i < l->n; i++) {
        if (l->p[i] == '.' && (i == 0 || l->p[i - 1] == '\n'))
            continue;
        (void)XXH3_64bits_update(sum, l->p + i, 1);
        l->unstuffed++;
    }
    l->sum = XXH3_64bits_digest(sum);
    (void)XXH3_freeState(sum);
}

void
letter_make(struct letter *l, int size, const char *kind)
{
    size_t want = size > 300 ? (size_t)size - 300 : 64;

    *l = (struct letter){.p = malloc(want + 128)};
    if (!l->p)
        bench_die("no memory");
    if (strcmp(kind, "text") == 0)
        make_text(l, want);
    else
        make_random(l, want, kind[0] == '8');
    sum_up(l);
}

size_t
letter_head(const struct letter *l, char *to, size_t size, long n, int domains,
    int64_t begun_us)
{
    return (size_t)snprintf(to, size,
        "From: <source@bench.test>\r\nTo: <r0.%ld@d%ld.bench.test>\r\n"
        "Subject: message %ld\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
        "Message-ID: <%ld@source.bench.test>\r\nX-Impel-Seq: %ld\r\n"
        "X-Impel-Sum: %016llx\r\nX-Impel-At: %lld\r\n\r\n",
        n, n % domains, n, n, n, (unsigned long long)l->sum,
        (long long)begun_us);
}

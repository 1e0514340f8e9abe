/* SPDX-License-Identifier: Apache-2.0 */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>
#include "bench.h"

void
tally_took(struct tally *t, int64_t us)
{
    if (t->took_n == t->took_size) {
        t->took_size = t->took_size ? 2 * t->took_size : 65536;
        t->took_us =
            realloc(t->took_us, (size_t)t->took_size * sizeof(*t->took_us));
        if (!t->took_us)
            bench_die("no memory");
    }
    t->took_us[t->took_n++] = us;
}

void
tally_print(struct tally *t)
{
    double s = t->last > t->first ? (double)(t->last - t->first) / 1e6 : 0;
    bench_sort(t->took_us, t->took_n);
    printf("{\"served\": %ld, \"messages\": %ld, \"twice\": %ld, "
           "\"changed\": %ld, \"unnamed\": %ld, \"tempfails\": %ld, "
           "\"connections\": %ld, \"bytes\": %lld, \"seconds\": %.3f, "
           "\"rate\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
           "\"p999_ms\": %.3f, \"gap_ms\": %.3f, \"cpu\": %.3f}\n",
        t->served, t->messages, t->twice, t->changed, t->unnamed, t->tempfails,
        t->connections, t->bytes, s, s > 0 ? (double)t->messages / s : 0,
        bench_quantile_ms(t->took_us, t->took_n, 0.5),
        bench_quantile_ms(t->took_us, t->took_n, 0.99),
        bench_quantile_ms(t->took_us, t->took_n, 0.999),
        t->gaps ? (double)t->gaps_us / 1000 / (double)t->gaps : 0,
        bench_cpu_seconds());
    free(t->took_us);
    t->took_us = NULL;
    t->took_n = t->took_size = 0;
}

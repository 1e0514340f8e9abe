/* SPDX-License-Identifier: Apache-2.0 */
#include "once.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "bench.h"

static char **table;
static size_t table_n, table_size;

static bool
insert(char **to, size_t size, char *s)
{
    size_t i = XXH3_64bits(s, strlen(s)) & (size - 1);
    while (to[i]) {
        if (strcmp(to[i], s) == 0)
            return false;
        i = (i + 1) & (size - 1);
    }
    to[i] = s;
    return true;
}

bool
once_remember(char *s)
{
    if (2 * (table_n + 1) > table_size) {
        size_t size = table_size ? 2 * table_size : 65536;
        char **bigger = calloc(size, sizeof(*bigger));
        if (!bigger)
            bench_die("no memory");
        for (size_t i = 0; i < table_size; i++)
            if (table[i])
                (void)insert(bigger, size, table[i]);
        free(table);
        table = bigger;
        table_size = size;
    }
    bool fresh = insert(table, table_size, s);
    if (fresh)
        table_n++;
    return fresh;
}

void
once_forget(void)
{
    for (size_t i = 0; i < table_size; i++)
        free(table[i]);
    free(table);
    table = NULL;
    table_n = table_size = 0;
}

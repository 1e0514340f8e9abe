/* SPDX-License-Identifier: Apache-2.0 */
#include "known.h"

#include <stdlib.h>

void
known_recall(
    const struct ecstream *m, struct impel_str key, struct frame_out *to)
{
    struct impel_str is = m->host->state_get(m->instance, key);

    to->n = 0;
    frame_put(to, is.p, is.n - is.n % 4);
}

static int
number_cmp(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

bool
known_has(uint32_t number, const uint32_t *numbers, size_t count)
{
    return numbers &&
        bsearch(&number, numbers, count, sizeof(*numbers), number_cmp);
}

uint32_t *
known_numbers(struct frame_out *list, size_t *count)
{
    struct frame_in in = {list->p, list->n, false};
    uint32_t *numbers = list->n ? malloc(list->n) : NULL;

    *count = 0;
    if (!numbers) {
        list->failed |= list->n > 0;
        return NULL;
    }
    while (in.n >= 4)
        numbers[(*count)++] = frame_u32(&in);
    qsort(numbers, *count, sizeof(*numbers), number_cmp);
    return numbers;
}

static bool
is_among(uint32_t number, const uint32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (numbers[i] == number)
            return true;
    return false;
}

void
known_forget(const struct ecstream *m, struct impel_str key,
    const uint32_t *numbers, size_t count, int64_t until)
{
    struct impel_str is = m->host->state_get(m->instance, key);
    struct frame_in in = {(const uint8_t *)is.p, is.n, false};
    struct frame_out rest = {0};

    while (in.n >= 4) {
        uint32_t number = frame_u32(&in);

        if (!is_among(number, numbers, count))
            frame_put_u32(&rest, number);
    }
    if (!rest.failed)
        (void)m->host->state_put(m->instance, key,
            (struct impel_str){(const char *)rest.p, rest.n},
            rest.n ? until : -1); /* forgotten */
    frame_out_fini(&rest);
}

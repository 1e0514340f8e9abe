/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "base/chains.h"
#include "base/macros.h"

enum { MANY = 30000 };

struct thing {
    struct chain chain;
    uint64_t key;
    bool in;
};
static struct thing things[MANY];

static uint64_t
thing_hash(const struct chain *c)
{
    return chains_mix(CONTAINER_OF(c, const struct thing, chain)->key, 0);
}

static struct thing *
thing_find(const struct chains *t, uint64_t key, size_t *looks)
{
    struct chain *c = chains_find(t, chains_mix(key, 0));

    for (; c; c = c->next, (*looks)++)
        if (CONTAINER_OF(c, struct thing, chain)->key == key)
            return CONTAINER_OF(c, struct thing, chain);
    return NULL;
}

/* What is in there is found, what is not is not, in few looks. */
static void
check_all(const struct chains *t)
{
    size_t looks = 0, count = 0;

    for (size_t i = 0; i < MANY; i++) {
        struct thing *found = thing_find(t, things[i].key, &looks);

        count += things[i].in;
        assert_ptr_equal(found, things[i].in ? &things[i] : NULL);
    }
    assert_int_equal(t->count, count);
    assert_true(looks < MANY * (t->load + 1));
}

/* As many chains as it needs, also when there are less objects again. */
static void
check_size(const struct chains *t)
{
    assert_true(chains_memory(t) <=
        sizeof(void *) * MAX_OF(t->count * 8 / t->load + 16, (size_t)128));
    assert_true((chains_memory(t) / sizeof(void *) + 1) * t->load >= t->count);
}

static void
run(size_t load, uint64_t step)
{
    struct chains t;

    chains_init(&t, load, thing_hash);
    memset(things, 0, sizeof(things));
    for (size_t i = 0; i < MANY; i++) {
        things[i].key = i * step;
        things[i].in = true;
        chains_add(&t, &things[i].chain);
        if (i % 10000 == 0)
            check_size(&t);
    }
    check_all(&t);
    for (size_t i = 0; i < MANY; i++) {
        struct thing *one = &things[(i * 7919) % MANY];

        chains_remove(&t, &one->chain);
        assert_null(one->chain.next);
        one->in = false;
        if (i % 4 == 0) { /* some come back */
            one->in = true;
            chains_add(&t, &one->chain);
        }
        if (i % 7000 == 0)
            check_all(&t);
    }
    check_all(&t);
    for (size_t i = 0; i < MANY; i++)
        if (things[i].in) {
            chains_remove(&t, &things[i].chain);
            things[i].in = false;
            check_size(&t);
        }
    check_all(&t);
    chains_fini(&t);
}

static void
test_grow_and_shrink(void **state)
{
    static const uint64_t steps[] = {1, 8, 256, 80, UINT64_C(1) << 40};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        run(1 + i % 4, steps[i]);
}

/* Objects with one key are all found, whatever grows between them. */
static void
test_equal_keys(void **state)
{
    struct chains t;
    size_t found = 0;

    (void)state;
    chains_init(&t, 2, thing_hash);
    memset(things, 0, sizeof(things));
    for (size_t i = 0; i < MANY; i++) {
        things[i].key = i % 1000 ? i : 7000000;
        chains_add(&t, &things[i].chain);
    }
    for (struct chain *c = chains_find(&t, chains_mix(7000000, 0)); c;
         c = c->next)
        found += CONTAINER_OF(c, struct thing, chain)->key == 7000000;
    assert_int_equal(found, MANY / 1000);
    chains_fini(&t);
}

UNIT_MAIN(
    cmocka_unit_test(test_grow_and_shrink), cmocka_unit_test(test_equal_keys))

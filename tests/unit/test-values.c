/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

#include "queue/values.h"

static const struct queue_values *
values_of(const char *domain)
{
    return world_queue(domain)->opt;
}

static void
test_shared_by_scope(void **state)
{
    (void)state;
    world_begin("max_outbound_connections = 7\n"
                "domain \"own.test\" { max_outbound_connections = 3 }\n");
    fake_pick = HOP_WAIT;
    (void)world_accept("s@from.test", "a@x.test b@y.test c@own.test");
    assert_ptr_equal(values_of("x.test"), values_of("y.test"));
    assert_ptr_not_equal(values_of("x.test"), values_of("own.test"));
    assert_int_equal(values_of("y.test")->max_connections, 7);
    assert_int_equal(values_of("own.test")->max_connections, 3);
    assert_int_equal(world_queue("x.test")->s->values.count, 2);
    world_end();
}

static void
test_of_a_newer_generation(void **state)
{
    struct map *all;

    (void)state;
    world_begin("max_outbound_connections = 7\n");
    fake_pick = HOP_WAIT;
    (void)world_accept("s@from.test", "a@x.test b@y.test");
    all = &world_queue("x.test")->s->values;
    world_configure("max_outbound_connections = 8\n");
    world_run();
    assert_int_equal(values_of("x.test")->max_connections, 8);
    assert_ptr_equal(values_of("x.test"), values_of("y.test"));
    assert_int_equal(all->count, 1); /* nobody has the older ones */
    world_end();
}

UNIT_MAIN(cmocka_unit_test(test_shared_by_scope),
    cmocka_unit_test(test_of_a_newer_generation))

/* SPDX-License-Identifier: Apache-2.0 */
#include "queue_world.h"

#include "conf_support.h"
#include "loop/loop.h"

struct world world;
static uint64_t last_id;

static void
world_remake(void *arg)
{
    struct generation *g;
    struct err e;

    (void)arg;
    world.remakes++;
    assert_int_equal(generation_again(world.generation, &g, &e), 0);
    generation_unref(&world.generation);
    world.generation = g;
    scheduler_adopt(world.s, g);
}

static void
world_make(const char *conf)
{
    struct scheduler_config c = {.io_count = 1, .remake = world_remake};
    struct err e;

    world.loop = loop_new("test", &e);
    assert_non_null(world.loop);
    world.generation = conf_support_load(conf, false);
    c.loop = world.loop;
    c.io = &world.loop;
    c.generation = world.generation;
    world.s = scheduler_new(&c);
    world_run();
}

void
world_begin(const char *conf)
{
    clock_fake(1000000, (int64_t)WORLD_WALL * 1000);
    conf_support_options();
    fake_store_reset();
    fake_route_reset();
    fake_session_reset();
    last_id = 0x1000000;
    world_make(conf);
}

static void
world_stop(void)
{
    scheduler_drain(world.s, 0, NULL, NULL);
    for (int i = 0; i < 100; i++)
        world_run();
    assert_int_equal(fake_session_alive(), 0);
    scheduler_free(&world.s);
    generation_unref(&world.generation);
    loop_free(&world.loop);
}

void
world_restart(const char *conf)
{
    world_stop();
    fake_session_reset();
    world_make(conf);
}

void
world_end(void)
{
    world_stop();
    fake_store_reset();
    option_reset();
    clock_real();
}

void
world_configure(const char *conf)
{
    generation_unref(&world.generation);
    world.generation = conf_support_load(conf, false);
    scheduler_adopt(world.s, world.generation);
    world_run();
}

void
world_run(void)
{
    for (int i = 0; i < 20; i++)
        loop_turn(world.loop, 0);
    while (fake_session_settle())
        for (int i = 0; i < 12; i++)
            loop_turn(world.loop, 0);
}

void
world_advance(int64_t ms)
{
    clock_advance(ms);
    world_run();
}

struct message *
world_message(const char *binding, const char *sender, const char *rcpts)
{
    struct message *m = message_new(last_id += 0x100);
    struct str left = message_str(m, str_of(rcpts));
    size_t most = 1;
    struct rcpt *r;

    for (size_t i = 0; i < left.n; i++)
        most += left.p[i] == ' ';
    r = arena_alloc(m->arena, most * sizeof(*r));
    m->env.sender = message_str(m, str_of(sender));
    m->env.binding = message_str(m, str_of(binding));
    m->env.protocol = STR("esmtp");
    m->env.peer_addr = STR("198.51.100.7");
    m->env.received = clock_wall();
    m->env.rcpt = r;
    while (left.n) {
        struct str address = str_cut(&left, ' ');
        size_t at = str_rchr(address, '@');

        assert_true(m->env.rcpt_count < most);
        r[m->env.rcpt_count++] = (struct rcpt){
            .address = address, .domain = str_from(address, at + 1)};
    }
    m->place = (struct spool_place){1, (uint32_t)m->id};
    m->content = fake_store_content("Subject: test\r\nFrom: a\r\n\r\nbody\r\n");
    return m;
}

void
world_give(struct message *m)
{
    const struct spool_events *ev = scheduler_spool_events(world.s);

    fake_store_keep(m);
    ev->accepted(ev->arg, m);
    world_run();
}

uint64_t
world_accept_for(const char *binding, const char *sender, const char *rcpts)
{
    struct message *m = world_message(binding, sender, rcpts);
    uint64_t id = m->id;

    world_give(m);
    return id;
}

uint64_t
world_accept(const char *sender, const char *rcpts)
{
    return world_accept_for("default", sender, rcpts);
}

struct queue *
world_queue(const char *domain)
{
    return queue_get(
        world.s, STR("default"), str_of(domain), MESSAGE_TLS_USUAL);
}

struct parcel *
world_parcel(uint64_t id)
{
    return parcel_find(&world.s->parcels, id);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * test-spool.c - accept, results, loads and restarts through the public face.
 */
#include "spool/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <cmocka.h>
#include <impel/module.h>
#include "base/clock.h"
#include "base/xmem.h"
#include "spool/content.h"
#include "spool/content_int.h"
#include "spool/keeper.h"
#include "spool/spool_int.h"
#include "spool_kit.h"

enum { SEGMENT = 256 * 1024 };
static const char *const one[] = {"a@example.com", NULL};
static const char *const three[] = {
    "a@example.com", "b@example.net", "c@example.com", NULL};

static void
open_well(struct kit *k)
{
    struct err e;
    int r = kit_open(k, &e);
    if (r)
        fail_msg("open: %d %s", r, e.text);
    kit_wait_recovered(k);
}

static void
on_placed(void *arg, uint64_t token, struct spool_place place)
{
    struct kit *k = arg;
    assert_int_equal(token, 77);
    k->place = place;
    k->placed++;
}

static void
attempt(struct kit *k, uint64_t id, struct spool_place accept,
    struct spool_place before, const char *domain, const uint32_t *rcpt,
    size_t count, uint32_t retries)
{
    struct rcpt_state state[8] = {{0}};
    struct attempt a = {.id = id,
        .accept = accept,
        .before = before,
        .retries = retries,
        .next_attempt = 1000 + retries,
        .domain = str_of(domain),
        .rcpt_count = count,
        .rcpt = state};
    unsigned want = k->placed + 1;
    for (size_t i = 0; i < count; i++) {
        state[i].rcpt = rcpt[i];
        state[i].code = 451;
        state[i].status[0] = 4;
        state[i].status[1] = 4;
        state[i].status[2] = 1;
        state[i].stage = 5;
        state[i].text = STR("try again later");
    }
    spool_attempt(k->spool, &a, on_placed, k, 77);
    while (k->placed < want)
        kit_turn(k, 100);
}

static void
test_accept_and_restart(void **arg)
{
    struct kit k;
    struct message *m;
    struct spool_load l = {0};
    struct content_facts f;
    struct str body;
    uint64_t id;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    m = kit_message(&k, three, 5000, 1);
    id = m->id;
    assert_int_equal(kit_store(&k, m), 0);
    while (!k.accepted_count)
        kit_turn(&k, 10);
    assert_ptr_equal(k.accepted[0], m);
    assert_int_not_equal(m->place.segment, 0);
    body = buf_get(&m->content->body);
    kit_close(&k);

    open_well(&k);
    assert_int_equal(k.found_count, 1);
    assert_int_equal(k.found[0].id, id);
    assert_int_equal(k.found[0].parcel_count, 2);
    assert_string_equal(k.found[0].parcel[0].domain, "example.com");
    assert_int_equal(k.found[0].parcel[0].rcpt_count, 2);
    assert_int_equal(k.found[0].parcel[0].rcpt[1], 2);
    assert_int_equal(k.found[0].parcel[1].rcpt[0], 1);
    assert_string_equal(k.found[0].binding, "default");
    l.accept = k.found[0].accept;
    l.id = id;
    l.want_content = true;
    assert_int_equal(kit_load(&k, &l), 0);
    assert_int_equal(l.message->env.rcpt_count, 3);
    assert_true(str_eq(l.message->env.rcpt[2].address, str_of(three[2])));
    assert_int_equal(l.message->env.rcpt[2].notify, 2);
    assert_true(str_eq(l.message->env.sender, STR("sender@example.org")));
    assert_null(l.message->env.envid.p);
    assert_true(str_eq(l.message->env.helo, STR("client.example")));
    assert_null(l.message->env.login.p);
    assert_int_equal(l.message->env.peer_port, 65535);
    content_get_facts(l.message->content, &f);
    assert_int_equal(f.body_size, body.n);
    assert_true(str_eq(buf_get(&l.message->content->body), body));
    assert_true(f.ends_crlf);
    message_unref(&l.message);
    l.id = id + 1;
    assert_int_equal(kit_load(&k, &l), ERR_NOTFOUND);
    message_unref(&m);
    kit_fini(&k);
}

static void
test_results_survive(void **arg)
{
    struct kit k;
    struct message *m, *gone;
    struct spool_load l = {0};
    const struct spool_place nowhere = {0, 0};
    const uint32_t com[] = {0, 2}, net[] = {1}, first[] = {0};
    uint64_t id;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    m = kit_message(&k, three, 500, 1);
    gone = kit_message(&k, one, 500, 2);
    id = m->id;
    assert_int_equal(kit_store(&k, m), 0);
    assert_int_equal(kit_store(&k, gone), 0);
    attempt(&k, id, m->place, nowhere, "example.com", com, 2, 1);
    attempt(&k, id, m->place, k.place, "example.com", com, 2, 2);
    kit_finish(&k, id, m->place, nowhere, net, 1);
    kit_finish(&k, id, m->place, nowhere, first, 1);
    kit_finish(&k, gone->id, gone->place, nowhere, NULL, 0);
    while (k.durable < 3)
        kit_turn(&k, 100);
    message_unref(&m);
    message_unref(&gone);
    for (int round = 0; round < 3; round++) {
        struct kit_parcel *p;
        kit_close(&k);
        open_well(&k);
        assert_int_equal(k.found_count, 1);
        assert_int_equal(k.found[0].id, id);
        assert_int_equal(k.found[0].parcel_count, 1);
        p = &k.found[0].parcel[0];
        assert_int_equal(p->rcpt_count, 1);
        assert_int_equal(p->rcpt[0], 2);
        assert_int_equal(p->retries, 2);
        assert_int_equal(p->next_attempt, 1002);
    }
    l.accept = k.found[0].accept;
    l.attempt = k.found[0].parcel[0].attempt;
    l.id = id;
    assert_int_equal(kit_load(&k, &l), 0);
    assert_null(l.message->content);
    assert_int_equal(l.rcpt_count, 2);
    assert_int_equal(l.rcpt[1].rcpt, 2);
    assert_int_equal(l.rcpt[1].code, 451);
    assert_true(str_eq(l.rcpt[1].text, STR("try again later")));
    free(l.rcpt);
    message_unref(&l.message);
    kit_fini(&k);
}

/* What the parcels of a message to one domain come back as. */
static void
assert_parcels(struct kit *k, uint64_t id, const char *want)
{
    struct kit_found *f = kit_find(k, id);
    struct buf b = BUF_INIT;

    assert_non_null(f);
    for (uint32_t r = 0; r < 4; r++) {
        for (size_t i = 0; i < f->parcel_count; i++) {
            struct kit_parcel *p = &f->parcel[i];
            if (!p->rcpt_count || p->retries != r)
                continue;
            assert_int_equal(p->next_attempt, r ? 1000 + r : 0);
            buf_printf(&b, "%u:", r);
            for (size_t n = 0; n < p->rcpt_count; n++)
                buf_printf(&b, "%u", p->rcpt[n]);
            buf_char(&b, ' ');
        }
    }
    buf_char(&b, 0);
    assert_string_equal(b.p, want);
    buf_fini(&b);
}

/* Parts of a message that were tried at different times are parcels of their
 * own again, over restarts and compactions. */
static void
test_parts_of_one_domain(void **arg)
{
    static const char *const five[] = {
        "a@x.test", "b@x.test", "c@x.test", "d@x.test", "e@x.test", NULL};
    const uint32_t first[] = {0, 3}, second[] = {2}, last[] = {4};
    const uint32_t all[] = {0, 1, 2, 3, 4};
    const struct spool_place nowhere = {0, 0};
    struct spool_load l = {0};
    struct kit k;
    struct err e;
    struct message *m, *n;
    uint64_t id, other;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    m = kit_message(&k, five, 500, 1);
    n = kit_message(&k, five, 500, 2);
    id = m->id;
    other = n->id;
    assert_int_equal(kit_store(&k, m), 0);
    assert_int_equal(kit_store(&k, n), 0);
    attempt(&k, id, m->place, nowhere, "x.test", first, 2, 1);
    attempt(&k, id, m->place, nowhere, "x.test", second, 1, 2);
    kit_finish(&k, id, m->place, nowhere, last, 1);
    attempt(&k, other, n->place, nowhere, "x.test", all, 5, 1);
    attempt(&k, other, n->place, k.place, "x.test", first, 2, 3);
    while (k.durable < 1)
        kit_turn(&k, 100);
    message_unref(&m);
    message_unref(&n);
    for (int round = 0; round < 5; round++) {
        kit_close(&k);
        if (round > 1 && spool_compact(k.dir, NULL, NULL, NULL, &e))
            fail_msg("compact: %s", e.text);
        open_well(&k);
        assert_parcels(&k, id, "0:1 1:03 2:2 ");
        assert_parcels(&k, other, "1:124 3:03 ");
    }
    l.accept = kit_find(&k, other)->accept;
    l.attempt = l.accept;
    l.id = other;
    assert_int_equal(kit_load(&k, &l), 0);
    assert_int_equal(l.rcpt_count, 7); /* the newest states come first */
    assert_int_equal(l.rcpt[0].rcpt, 0);
    assert_int_equal(l.rcpt[1].rcpt, 3);
    free(l.rcpt);
    message_unref(&l.message);
    kit_fini(&k);
}

static void
test_ids_never_repeat(void **arg)
{
    struct kit k;
    uint64_t a, b;
    char text[MESSAGE_ID_SIZE];
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    a = spool_next_ids(k.spool, 1);
    kit_close(&k);
    open_well(&k);
    b = spool_next_ids(k.spool, 1);
    assert_true(b > a);
    message_id_print(b, text);
    assert_string_equal(text, "00/00-00002-00000001");
    assert_int_equal(message_id_parse(str_of(text), &a), 0);
    assert_int_equal(a, b);
    message_id_print(UINT64_C(0xf12345a9876543bc), text);
    assert_string_equal(text, "0F/A9-12345-876543BC");
    assert_int_equal(message_id_parse(str_of(text), &a), 0);
    assert_true(a == UINT64_C(0xf12345a9876543bc));
    kit_fini(&k);
}

static void
test_segments_go(void **arg)
{
    struct kit k;
    struct spool_stats st;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (unsigned i = 0; i < 400; i++) {
        const struct spool_place nowhere = {0, 0};
        struct message *m = kit_message(&k, one, 5000, i);
        assert_int_equal(kit_store(&k, m), 0);
        kit_finish(&k, m->id, m->place, nowhere, NULL, 0);
        message_unref(&m);
    }
    while (k.durable < 400)
        kit_turn(&k, 100);
    for (int i = 0; i < 300; i++) {
        spool_get_stats(k.spool, &st);
        if (st.segments <= 3)
            break;
        kit_turn(&k, 10);
    }
    assert_true(st.segments <= 3);
    assert_true(st.spare_segments <= 2);
    assert_int_equal(st.finished, 400);
    kit_close(&k);
    open_well(&k);
    assert_int_equal(k.found_count, 0);
    kit_fini(&k);
}

static void
test_large_body(void **arg)
{
    struct kit k;
    struct message *m;
    struct spool_place place;
    const struct spool_place nowhere = {0, 0};
    uint64_t id;
    char *path;
    struct stat st;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    m = kit_message(&k, one, 700000, 1);
    assert_true(content_resident(m->content) < 4096);
    assert_int_equal(kit_store(&k, m), 0);
    id = m->id;
    path = spooldir_large_path(k.spool->dir, id);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 700000);
    message_unref(&m);
    m = kit_message(&k, one, 100000, 1); /* never accepted */
    message_unref(&m);
    kit_close(&k);
    open_well(&k);
    assert_int_equal(k.found_count, 1);
    place = k.found[0].accept;
    assert_int_equal(stat(path, &st), 0);
    kit_finish(&k, id, place, nowhere, NULL, 0);
    kit_close(&k);
    assert_int_equal(stat(path, &st), -1);
    free(path);
    kit_fini(&k);
}

static void
note_state(void *arg, struct str key, struct str value)
{
    buf_printf(arg, "%.*s=%.*s ", STR_ARG(key), STR_ARG(value));
}

static void
test_state(void **arg)
{
    struct kit k;
    struct buf b = BUF_INIT;
    struct err e;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (int i = 0; i < 3; i++) {
        char text[2] = {(char)('0' + i), 0};
        assert_int_equal(spool_state_put(k.spool, STR("core"), STR("key"),
                             str_of(text), 0, &e),
            0);
        assert_int_equal(spool_state_put(k.spool, STR("core"), STR("gone"),
                             i < 2 ? STR("x") : STR_NONE, 0, &e),
            0);
        assert_int_equal(spool_state_put(k.spool, STR("core"), STR("old"),
                             STR("x"), clock_wall() - 1, &e),
            0);
        kit_close(&k);
        open_well(&k);
    }
    assert_int_equal(spool_state_get(k.spool, STR("core"), STR("key"), &b), 0);
    assert_true(str_eq(buf_get(&b), STR("2")));
    assert_int_equal(
        spool_state_get(k.spool, STR("core"), STR("gone"), &b), ERR_NOTFOUND);
    assert_int_equal(
        spool_state_get(k.spool, STR("core"), STR("old"), &b), ERR_NOTFOUND);
    assert_int_equal(
        spool_state_put(k.spool, STR("core2"), STR("k"), STR("x"), 0, &e), 0);
    buf_cut(&b, 0);
    spool_state_each(k.spool, STR("core"), note_state, &b);
    assert_true(str_eq(buf_get(&b), STR("key=2 ")));
    buf_fini(&b);
    kit_fini(&k);
}

/* The value of a message is there with it, whatever becomes of it. */
static void
test_value_of_a_message(void **arg)
{
    const struct spool_place nowhere = {0, 0};
    struct err e;
    struct kit k;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (int i = 0; i < 20; i++) { /* several segments */
        char key[2] = {(char)('a' + i), 0};
        struct message *m = kit_message(&k, one, 6000, (unsigned)i);
        unsigned durable = k.durable;

        assert_false(kit_has_value(&k, key));
        assert_int_equal(kit_store_with(&k, m, key), 0);
        assert_true(kit_has_value(&k, key));
        if (i % 2) {
            kit_finish(&k, m->id, m->place, nowhere, NULL, 0);
            while (k.durable == durable)
                kit_turn(&k, 10);
        }
        message_unref(&m);
    }
    assert_int_equal(
        spool_state_put(k.spool, STR("kit"), STR("a"), STR_NONE, 0, &e), 0);
    kit_close(&k);
    open_well(&k);
    assert_false(kit_has_value(&k, "a"));
    for (char c = 'b'; c < 'a' + 20; c++) {
        char key[2] = {c, 0};

        assert_true(kit_has_value(&k, key));
    }
    kit_fini(&k);
}

static void
test_one_at_a_time(void **arg)
{
    struct kit k;
    struct spool *other;
    struct err e;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    assert_int_equal(spool_open(&k.config, &other, &e), ERR_BUSY);
    assert_null(other);
    kit_fini(&k);
}

static void
count_line(void *arg, struct str line)
{
    unsigned *n = arg;
    if (line.n)
        ++*n;
}

static void
count_progress(void *arg, uint64_t done, uint64_t total)
{
    (void)arg;
    assert_true(done <= total);
}

/* Change a byte of a file. */
static void
flip(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c;
    assert_non_null(f);
    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x55, f);
    fclose(f);
}

static void
test_damage_in_the_middle(void **arg)
{
    struct kit k;
    struct spool_place place[4];
    uint64_t id[4];
    struct err e;
    char *path, *index;
    unsigned lines = 0;
    struct spool_load l = {0};
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (unsigned i = 0; i < 4; i++) {
        struct message *m = kit_message(&k, one, 3000, i);
        assert_int_equal(kit_store(&k, m), 0);
        id[i] = m->id;
        place[i] = m->place;
        message_unref(&m);
    }
    path = spooldir_segment_path(k.spool->dir, place[1].segment);
    index = spooldir_index_path(k.spool->dir, place[1].segment);
    kit_close(&k);
    assert_int_equal(
        spool_check(k.dir, count_line, count_progress, &lines, &e), 0);
    flip(path, (long)place[1].offset + 500); /* a payload */
    assert_int_equal(
        spool_check(k.dir, count_line, NULL, &lines, &e), ERR_DAMAGED);
    /* With its index the message is known; its bytes are told to be bad. */
    open_well(&k);
    assert_int_equal(k.found_count, 4);
    l.accept = place[1];
    l.id = id[1];
    l.want_content = true;
    assert_int_equal(kit_load(&k, &l), ERR_DAMAGED);
    kit_close(&k);
    /* Without an index the segment is read: the rest is served. */
    flip(index, 200);
    open_well(&k);
    assert_int_equal(k.found_count, 3);
    assert_null(kit_find(&k, id[1]));
    assert_non_null(kit_find(&k, id[3]));
    kit_close(&k);
    /* A frame's head in the middle is damage, too. */
    flip(path, (long)(place[2].offset - SEGMENT_FRAME));
    flip(index, 200);
    open_well(&k);
    assert_int_equal(k.found_count, 2);
    free(path);
    free(index);
    kit_fini(&k);
}

/* What a message says of TLS is known to whoever finds it again: from the tail
 * of a segment, from an index, and when it was copied; with a large body too.
 */
static void
test_tls(void **arg)
{
    static const uint32_t needs[] = {IMPEL_NEED_TLS, MESSAGE_ANY_TLS,
        IMPEL_NEED_8BIT, IMPEL_NEED_TLS | IMPEL_NEED_UTF8};
    static const enum message_tls tls[] = {MESSAGE_TLS_REQUIRED,
        MESSAGE_TLS_ANY, MESSAGE_TLS_USUAL, MESSAGE_TLS_REQUIRED};
    struct kit k;
    struct err e;
    uint64_t id[4];

    (void)arg;
    kit_init(&k, SEGMENT);
    open_well(&k);
    for (size_t i = 0; i < 4; i++) {
        struct message *m =
            kit_message(&k, one, i == 3 ? 40000 : 5000, (unsigned)i);

        id[i] = m->id;
        m->env.needs = needs[i];
        assert_int_equal(kit_store(&k, m), 0);
        message_unref(&m);
    }
    for (int round = 0; round < 3; round++) {
        kit_close(&k);
        if (round == 1 && spool_compact(k.dir, NULL, NULL, NULL, &e))
            fail_msg("compact: %s", e.text);
        open_well(&k);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(kit_find(&k, id[i])->tls, tls[i]);
    }
    kit_close(&k);
    kit_fini(&k);
}

static void
test_offline_compact(void **arg)
{
    struct kit k;
    struct spool_place place = {0, 0};
    const struct spool_place nowhere = {0, 0};
    const uint32_t com[] = {0, 2};
    uint64_t id = 0;
    struct err e;
    unsigned lines = 0;
    struct spool_load l = {0};
    struct stat st;
    uint32_t *list;
    size_t count;
    char *path;
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (unsigned i = 0; i < 200; i++) {
        struct message *m = kit_message(&k, three, 4000, i);
        assert_int_equal(kit_store(&k, m), 0);
        if (i == 50) {
            id = m->id;
            place = m->place;
            attempt(&k, id, place, nowhere, "example.com", com, 2, 3);
            attempt(&k, id, place, k.place, "example.com", com, 2, 4);
        } else {
            kit_finish(&k, m->id, m->place, nowhere, NULL, 0);
        }
        message_unref(&m);
    }
    kit_close(&k);
    assert_int_equal(
        spool_compact(k.dir, count_line, count_progress, &lines, &e), 0);
    assert_true(lines > 0);
    lines = 0;
    assert_int_equal(spool_dump(k.dir, true, count_line, NULL, &lines, &e), 0);
    assert_int_equal(lines, 1);
    open_well(&k);
    assert_int_equal(
        spooldir_list(k.spool->dir, SPOOLDIR_INDEX, &list, &count, &e), 0);
    assert_int_equal(count, 1);
    path = spooldir_segment_path(k.spool->dir, list[0]);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size <= 4 * SEGMENT_BLOCK);
    free(path);
    free(list);
    assert_int_equal(k.found_count, 1);
    assert_int_equal(k.found[0].id, id);
    assert_int_equal(k.found[0].parcel[0].retries, 4);
    l.accept = k.found[0].accept;
    l.attempt = k.found[0].parcel[0].attempt;
    l.id = id;
    l.want_content = true;
    assert_int_equal(kit_load(&k, &l), 0);
    assert_int_equal(l.rcpt_count, 2);
    assert_int_equal(l.rcpt[0].code, 451);
    free(l.rcpt);
    message_unref(&l.message);
    kit_fini(&k);
}

/* All that was handed over before is durable; nothing is left behind but the
 * newest, on disk. */
static void
barrier_passed(void *arg)
{
    struct kit *k = arg;

    assert_int_equal(spool_unwritten(k->spool), 0);
    k->placed++;
}

static void
test_barrier(void **arg)
{
    struct kit k;
    struct message *m;
    struct buf b = BUF_INIT;
    const struct spool_place nowhere = {0, 0};
    (void)arg;

    kit_init(&k, SEGMENT);
    open_well(&k);
    for (unsigned i = 0; i < 20; i++) {
        m = kit_message(&k, one, 500, i);
        assert_int_equal(kit_store(&k, m), 0);
        kit_finish(&k, m->id, m->place, nowhere, NULL, 0);
        spool_barrier(k.spool, barrier_passed, &k);
        message_unref(&m);
        while (k.placed <= i)
            kit_turn(&k, 100);
        assert_int_equal(k.durable, i + 1);
    }
    assert_int_equal(spool_state_get(k.spool, STR("core"), STR("barrier"), &b),
        ERR_NOTFOUND);
    kit_close(&k);
    open_well(&k);
    assert_int_equal(k.found_count, 0);
    kit_fini(&k);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept_and_restart),
        cmocka_unit_test(test_results_survive),
        cmocka_unit_test(test_parts_of_one_domain),
        cmocka_unit_test(test_ids_never_repeat),
        cmocka_unit_test(test_segments_go),
        cmocka_unit_test(test_large_body),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_value_of_a_message),
        cmocka_unit_test(test_barrier),
        cmocka_unit_test(test_one_at_a_time),
        cmocka_unit_test(test_damage_in_the_middle),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_offline_compact),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}

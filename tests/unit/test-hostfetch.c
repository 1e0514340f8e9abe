/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "fake_fetch.h"
#include "xport/hostfetch.h"
#include "xport/instance.h"

static struct module module = {.name = "toy"};
static struct impel_instance instance = {.module = &module};
static struct loop *loop;
static struct {
    int calls, status;
    bool has_body, has_error;
    char body[64];
} got;

static void
fetched(void *arg, const struct impel_fetched *a)
{
    assert_ptr_equal(arg, &got);
    got.calls++;
    got.status = a->status;
    got.has_body = a->body.p != NULL;
    got.has_error = a->error.p != NULL;
    (void)str_copy(got.body, sizeof(got.body), str_make(a->body.p, a->body.n));
}

static struct impel_fetch
request(void)
{
    static const struct impel_pair header[] = {
        {{"Content-Type", 12}, {"text/x", 6}}};

    return (struct impel_fetch){.size = sizeof(struct impel_fetch),
        .timeout = 1000,
        .method = "POST",
        .url = "https://token.example/t",
        .body = {"a=b", 3},
        .header_count = 1,
        .header = header};
}

static int
setup(void **state)
{
    struct err e;

    (void)state;
    loop = loop_new("test", &e);
    loop_turn(loop, 0); /* this thread is the loop's */
    hostfetch_set((struct fetcher *)(void *)&got);
    fake_fetch_reset();
    memset(&got, 0, sizeof(got));
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fake_fetch_reset();
    atomic_store(&instance.fetches, 0);
    loop_free(&loop);
    return 0;
}

static void
test_answer(void **state)
{
    struct impel_fetch f = request();
    const struct fetch_request *r;

    (void)state;
    assert_int_equal(hostfetch_begin(&instance, &f, fetched, &got), 0);
    r = fake_fetch_get(0);
    assert_string_equal(r->method, "POST");
    assert_string_equal(r->url, f.url);
    assert_true(str_eq(r->body, STR("a=b")));
    assert_int_equal(r->header_count, 1);
    assert_true(str_eq(r->header[0].name, STR("Content-Type")));
    assert_int_equal(r->timeout_ms, 1000);
    assert_int_equal(r->redirects, 0);
    assert_int_equal(r->most, HOSTFETCH_BODY_MAX);
    fake_fetch_answer(0, FETCH_ANSWERED, 403, "text/plain", "no");
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.status, 403);
    assert_string_equal(got.body, "no");
    assert_false(got.has_error);
    assert_int_equal(hostfetch_begin(&instance, &f, fetched, &got), 0);
    fake_fetch_answer(0, FETCH_CERTIFICATE, 0, NULL, "half");
    assert_int_equal(got.calls, 2);
    assert_int_equal(got.status, 0);
    assert_false(got.has_body);
    assert_true(got.has_error);
}

static void
test_quota(void **state)
{
    struct impel_fetch f = request();
    struct impel_instance other = {.module = &module};

    (void)state;
    for (int i = 0; i < HOSTFETCH_OPEN_MAX; i++)
        assert_int_equal(hostfetch_begin(&instance, &f, fetched, &got), 0);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_FULL);
    assert_int_equal(hostfetch_begin(&other, &f, fetched, &got), 0);
    fake_fetch_answer(0, FETCH_TIMEOUT, 0, NULL, NULL);
    assert_int_equal(hostfetch_begin(&instance, &f, fetched, &got), 0);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_FULL);
    while (fake_fetch_open())
        fake_fetch_answer(0, FETCH_STOPPED, 0, NULL, NULL);
    assert_int_equal(got.calls, HOSTFETCH_OPEN_MAX + 2);
    assert_int_equal(atomic_load(&instance.fetches), 0);
}

static void
test_refused(void **state)
{
    struct impel_fetch f = request();

    (void)state;
    fake_fetch_refuse(ERR_INVAL);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_INVAL);
    fake_fetch_refuse(ERR_FULL);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_FULL);
    fake_fetch_refuse(ERR_CLOSED);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_CLOSED);
    fake_fetch_refuse(0);
    assert_int_equal(atomic_load(&instance.fetches), 0);
    f.size = offsetof(struct impel_fetch, header);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_INVAL);
    f = request();
    f.header_count = FETCH_HEADERS_MAX + 1;
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_INVAL);
    assert_int_equal(hostfetch_begin(&instance, &f, NULL, &got), IMPEL_E_INVAL);
    hostfetch_set(NULL);
    assert_int_equal(
        hostfetch_begin(&instance, &f, fetched, &got), IMPEL_E_UNSUP);
    assert_int_equal(got.calls, 0);
    assert_int_equal(fake_fetch_asked(), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

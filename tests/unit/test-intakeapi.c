/* SPDX-License-Identifier: Apache-2.0
 *
 * test-intakeapi.c - the table that modules see: greeting, login, and whom a
 * session speaks for.  The sessions are played by the test.
 */
#include "unit.h"

#include <impel/module.h>
#include "conf_support.h"
#include "intake/intakeapi.h"
#include "intake/listener.h"

static struct intake in;
static struct intake_loop il = {.intake = &in};

struct impel_session {
    struct intake_session is;
    struct netaddr peer, local;
    unsigned count, ends;
    int verdict, stage, code;
};

void
session_verdict(struct impel_session *s, uint64_t tag, size_t rcpt,
    const struct impel_result *r)
{
    assert_int_equal(tag, 0);
    assert_true(rcpt == SIZE_MAX);
    s->count++;
    s->verdict = r->verdict;
    s->stage = r->stage;
    s->code = r->code;
}

void
session_credit(struct impel_session *s)
{
    (void)s;
}

void
session_end(struct impel_session *s, bool now)
{
    (void)now;
    s->ends++;
}

void *
session_arg(const struct impel_session *s)
{
    return (void *)(uintptr_t)&s->is;
}

const char *
session_module_name(const struct impel_session *s)
{
    (void)s;
    return "toy";
}

const struct netaddr *
session_peer(const struct impel_session *s)
{
    return &s->peer;
}

const struct netaddr *
session_local(const struct impel_session *s)
{
    return &s->local;
}

void
session_set_local(struct impel_session *s, const struct netaddr *local)
{
    s->local = *local;
}

static bool trusted_still, has_place;
static unsigned renames;

bool
listener_session_rename(struct intake_session *is, const struct netaddr *peer)
{
    if (!trusted_still)
        return false;
    is->session->peer = *peer;
    is->over_limit = !has_place;
    renames++;
    return true;
}

static struct impel_session *
session(void)
{
    static struct impel_session s;
    memset(&s, 0, sizeof(s));
    s.is.il = &il;
    list_init(&s.is.incoming);
    s.peer.ip.family = s.local.ip.family = 4;
    s.peer.port = 40000;
    trusted_still = has_place = true;
    renames = 0;
    return &s;
}

static struct impel_str
text(const char *s)
{
    return (struct impel_str){s, strlen(s)};
}

static void
told(const struct impel_session *s, unsigned n, int stage, int code)
{
    assert_int_equal(s->count, n + 1);
    assert_int_equal(s->stage, stage);
    assert_int_equal(s->code, code);
}

static void
greeting(void **state)
{
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    (void)state;
    assert_int_equal(t->greet(s, text("client.test")), 0);
    told(s, 0, IMPEL_AT_CONNECT, 250);
    assert_string_equal(s->is.helo, "client.test");
    assert_int_equal(t->greet(s, text("a\rb")), 0);
    told(s, 1, IMPEL_AT_CONNECT, 501);
    assert_string_equal(s->is.helo, "client.test");
    assert_int_equal(t->set_peer(s, NULL), IMPEL_E_UNSUP);
    assert_int_equal(t->set_peer(s, NULL), IMPEL_E_UNSUP);
    assert_int_equal(s->ends, 0);
    s->is.over_limit = true;
    assert_int_equal(t->greet(s, text("client.test")), 0);
    told(s, 2, IMPEL_AT_CONNECT, 421);
    assert_int_equal(s->ends, 1);
}

static struct impel_peer
named(const char *addr, uint16_t port)
{
    return (struct impel_peer){
        .size = sizeof(struct impel_peer), .addr = text(addr), .port = port};
}

static void
a_trusted_peer_names_another(void **state)
{
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    struct impel_peer p = named("192.0.2.7", 7);
    (void)state;
    s->is.may_name = true;
    assert_int_equal(t->set_peer(s, NULL), 0);
    assert_int_equal(renames, 0);
    p.helo = text("c.test");
    p.login = text("who ever");
    p.local = text("2001:db8::25");
    p.local_port = 25;
    assert_int_equal(t->set_peer(s, &p), 0);
    assert_int_equal(renames, 1);
    assert_int_equal(s->peer.ip.family, 4);
    assert_int_equal(s->peer.port, 7);
    assert_int_equal(s->local.ip.family, 6);
    assert_int_equal(s->local.port, 25);
    assert_string_equal(s->is.login, "who ever");
    /* what the proxy calls itself then is not the client's name */
    assert_int_equal(t->greet(s, text("proxy.test")), 0);
    assert_string_equal(s->is.helo, "c.test");
    p = named("", 0);
    p.login = text("");
    assert_int_equal(t->set_peer(s, &p), 0);
    assert_int_equal(s->peer.ip.family, 0);
    assert_string_equal(s->peer.path, "unknown");
    assert_string_equal(s->is.helo, "c.test"); /* nothing new was said */
    assert_string_equal(s->is.login, "");
    assert_int_equal(s->local.ip.family, 6);
}

static void
what_cannot_be_changes_nothing(void **state)
{
    static const char *const bad[] = {
        "192.0.2.x", "192.0.2.0/24", "[192.0.2.7]", "x", "::1%lo"};
    static char longest[NAME_SHOWN_MAX + 2];
    const char *const words[] = {"a\rb", "a\nb", "a b", "\x7f", longest};
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    struct impel_peer p = named("192.0.2.7", 7);
    struct list open;
    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    assert_int_equal(t->set_peer(s, NULL), IMPEL_E_UNSUP);
    assert_int_equal(t->set_peer(s, &p), IMPEL_E_UNSUP);
    s->is.may_name = true;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        p = named(bad[i], 7);
        p.helo = text("c.test");
        assert_int_equal(t->set_peer(s, &p), IMPEL_E_INVAL);
        p.local = p.addr;
        p.addr = text("192.0.2.7");
        assert_int_equal(t->set_peer(s, &p), IMPEL_E_INVAL);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        p = named("192.0.2.7", 7);
        p.helo = text(words[i]);
        assert_int_equal(t->set_peer(s, &p), IMPEL_E_INVAL);
        if (strcmp(words[i], "a b") != 0) {
            p.login = p.helo;
            p.helo = text("c.test");
            assert_int_equal(t->set_peer(s, &p), IMPEL_E_INVAL);
        }
    }
    p = named("192.0.2.7", 7);
    p.helo = text("c.test");
    list_push(&s->is.incoming, &open);
    assert_int_equal(t->set_peer(s, &p), IMPEL_E_CLOSED);
    list_remove(&open);
    trusted_still = false;
    assert_int_equal(t->set_peer(s, &p), IMPEL_E_UNSUP);
    assert_int_equal(s->peer.port, 40000);
    assert_string_equal(s->is.helo, "");
    assert_int_equal(renames, 0);
}

/* A proxy's own name, and one it gave for the client before. */
static void
names_do_not_cling(void **state)
{
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    struct impel_peer p = named("192.0.2.7", 7);
    (void)state;
    s->is.may_name = true;
    assert_int_equal(t->greet(s, text("proxy.test")), 0);
    (void)str_copy(s->is.login, sizeof(s->is.login), STR("proxy"));
    assert_int_equal(t->set_peer(s, &p), 0);
    assert_string_equal(s->is.helo, "");
    assert_string_equal(s->is.login, "");
    assert_int_equal(t->greet(s, text("client.test")), 0);
    assert_string_equal(s->is.helo, "client.test");
    p.helo = text(""); /* [UNAVAILABLE] */
    assert_int_equal(t->set_peer(s, &p), 0);
    assert_int_equal(t->greet(s, text("proxy.test")), 0);
    assert_string_equal(s->is.helo, "");
}

/* A module of ABI 1.1 knows neither the words nor the local address. */
static void
an_older_peer(void **state)
{
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    struct impel_peer p = named("192.0.2.7", 7);
    (void)state;
    s->is.may_name = true;
    p.size = offsetof(struct impel_peer, helo);
    p.helo = p.login = p.local = text("x");
    assert_int_equal(t->set_peer(s, &p), 0);
    assert_int_equal(s->peer.port, 7);
    assert_string_equal(s->is.helo, "");
    assert_int_equal(s->local.ip.family, 4);
}

static void
no_place_for_the_client(void **state)
{
    const struct impel_intake *t = intakeapi_table();
    struct impel_session *s = session();
    struct impel_peer p = named("192.0.2.7", 7);
    (void)state;
    s->is.may_name = true;
    has_place = false;
    assert_int_equal(t->set_peer(s, &p), IMPEL_E_AGAIN);
    assert_int_equal(t->set_peer(s, NULL), IMPEL_E_UNSUP);
    assert_int_equal(t->set_peer(s, &p), IMPEL_E_UNSUP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(greeting),
        cmocka_unit_test(a_trusted_peer_names_another),
        cmocka_unit_test(what_cannot_be_changes_nothing),
        cmocka_unit_test(names_do_not_cling), cmocka_unit_test(an_older_peer),
        cmocka_unit_test(no_place_for_the_client)};
    conf_support_options();
    return cmocka_run_group_tests(tests, NULL, NULL);
}

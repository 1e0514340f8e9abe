/* SPDX-License-Identifier: Apache-2.0
 *
 * test-sasl.c - mechanisms against the examples of their RFCs, and both ends
 * against each other.
 */
#include "unit.h"

#include "base/base64.h"
#include "base/secret.h"
#include "net/sasl.h"

static uint8_t tls_binding[32] = "0123456789abcdef0123456789abcde";

/* --- a user --- */

struct user {
    const char *name, *password;
    uint32_t rounds;
    char salt[16];
    int asked;
};

static void
user_keys(void *arg, struct str name, struct sasl_keys *to)
{
    struct user *u = arg;
    struct err e = {0};

    u->asked++;
    *to = (struct sasl_keys){
        .iterations = u->rounds, .salt = str_make(u->salt, sizeof(u->salt))};
    if (str_eq(name, str_of(u->name)))
        assert_int_equal(sasl_make_keys(str_of(u->password), to, &e), 0);
}

static struct user
user_make(const char *name, const char *password)
{
    struct user u = {.name = name, .password = password, .rounds = 4096};

    memcpy(u.salt, "0123456789abcde", sizeof(u.salt));
    return u;
}

/* --- SCRAM: the example of RFC 7677 3 --- */

static void
example_of_rfc_7677(void **state)
{
    /* salt W22ZaJ0SNY7soEsUEjb6gQ==, 4096 rounds, password "pencil" */
    struct sasl_keys k = {.iterations = 4096};
    struct buf salt = BUF_INIT, stored = BUF_INIT, server = BUF_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(base64_decode(&salt, STR("W22ZaJ0SNY7soEsUEjb6gQ==")), 0);
    k.salt = buf_get(&salt);
    assert_int_equal(sasl_make_keys(STR("pencil"), &k, &e), 0);
    base64_encode(&stored, str_make(k.stored, sizeof(k.stored)));
    base64_encode(&server, str_make(k.server, sizeof(k.server)));
    assert_str(
        buf_get(&stored), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
    assert_str(
        buf_get(&server), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    buf_fini(&salt);
    buf_fini(&stored);
    buf_fini(&server);
}

/* The answer of a server to another client: that of RFC 7677 3. */
static void
answer_to_another(void **state)
{
    static const struct str server_first =
        STR("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
            "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    struct sasl_client how = {.user = STR("user"), .secret = STR("pencil")};
    struct sasl *s = sasl_client(SASL_SCRAM_SHA_256, &how);
    struct buf out = BUF_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(sasl_step(s, STR_NONE, &out, &e), SASL_SEND);
    assert_true(str_starts(buf_get(&out), STR("n,,n=user,r=")));
    assert_true(sasl_is_slow(s));
    /* another nonce than ours: it is not our server's answer */
    assert_int_equal(sasl_step(s, server_first, &out, &e), ERR_DENIED);
    assert_false(sasl_may_end(s));
    sasl_free(&s);
    buf_fini(&out);
}

/* --- both ends --- */

struct pair {
    struct sasl *client, *server;
    struct user user;
    int failed; /* the code of who gave up, or 0 */
    bool by_server;
};

static void
pair_new(struct pair *p, int mechanism, const char *as, const char *password,
    bool client_binds, bool server_binds)
{
    struct str binding = str_make(tls_binding, sizeof(tls_binding));
    struct sasl_server server = {.binding = server_binds ? binding : STR_NONE,
        .plus = server_binds,
        .keys = user_keys,
        .arg = &p->user};
    struct sasl_client client = {.user = str_of(as),
        .secret = str_of(password),
        .host = STR("mx.example.net"),
        .port = 587,
        .binding = client_binds ? binding : STR_NONE};

    memset(p, 0, sizeof(*p));
    p->user = user_make("alice", "secret word");
    p->server = sasl_server(mechanism, &server);
    p->client = sasl_client(mechanism, &client);
}

static void
pair_free(struct pair *p)
{
    sasl_free(&p->client);
    sasl_free(&p->server);
}

/* Until the server has a claim, or one of them has had enough.  initial: the
 * client speaks with the mechanism's name, if it has something to say then. */
static bool
pair_run(struct pair *p, bool initial)
{
    struct buf up = BUF_INIT, down = BUF_INIT;
    struct err e = {0};
    bool holds;
    int rc = sasl_step(p->client, STR_NONE, &up, &e);

    holds = !initial && up.n;
    for (int i = 0; i < 10 && rc == SASL_SEND; i++) {
        bool says = i > 0 || (up.n && !holds);

        rc = sasl_step(p->server, says ? buf_get(&up) : STR_NONE, &down, &e);
        p->by_server = rc < 0;
        if (rc != SASL_SEND)
            break;
        if (i > 0 || !holds)
            rc = sasl_step(p->client, buf_get(&down), &up, &e);
    }
    p->failed = rc < 0 ? rc : 0;
    if (rc < 0)
        print_message("%s: %s\n", p->by_server ? "server" : "client", e.text);
    buf_fini(&up);
    buf_fini(&down);
    return rc == SASL_CLAIM;
}

static void
scram(void **state)
{
    struct sasl_claim c;
    struct pair p;

    (void)state;
    for (int plus = 0; plus < 2; plus++) {
        int m = plus ? SASL_SCRAM_SHA_256_PLUS : SASL_SCRAM_SHA_256;

        pair_new(&p, m, "alice", "secret word", plus, plus);
        assert_true(pair_run(&p, true));
        assert_true(sasl_may_end(p.client));
        sasl_get_claim(p.server, &c);
        assert_str(c.user, "alice");
        assert_true(c.proven);
        assert_int_equal(p.user.asked, 1);
        pair_free(&p);
        /* without an initial response: one turn more */
        pair_new(&p, m, "alice", "secret word", plus, plus);
        assert_true(pair_run(&p, false));
        pair_free(&p);
        pair_new(&p, m, "alice", "secret worD", plus, plus);
        assert_false(pair_run(&p, true));
        assert_true(p.by_server);
        assert_int_equal(p.failed, ERR_DENIED);
        assert_false(sasl_may_end(p.client));
        pair_free(&p);
        pair_new(&p, m, "mallory", "secret word", plus, plus);
        assert_false(pair_run(&p, true));
        assert_true(p.by_server);
        assert_int_equal(p.failed, ERR_DENIED);
        pair_free(&p);
    }
}

/* A binding of another connection, as somebody between would have it. */
static void
scram_binding(void **state)
{
    struct pair p;
    struct buf out = BUF_INIT;
    struct err e = {0};

    (void)state;
    pair_new(&p, SASL_SCRAM_SHA_256_PLUS, "alice", "secret word", true, true);
    sasl_free(&p.client);
    p.client = sasl_client(SASL_SCRAM_SHA_256_PLUS,
        &(struct sasl_client){.user = STR("alice"),
            .secret = STR("secret word"),
            .binding = STR("fedcba9876543210fedcba9876543210")});
    assert_false(pair_run(&p, true));
    assert_true(p.by_server);
    pair_free(&p);
    /* without one there is no -PLUS */
    pair_new(&p, SASL_SCRAM_SHA_256_PLUS, "alice", "secret word", false, true);
    assert_true(sasl_step(p.client, STR_NONE, &out, &e) < 0);
    pair_free(&p);
    /* the client could, and was told that the server cannot: it can */
    pair_new(&p, SASL_SCRAM_SHA_256, "alice", "secret word", true, true);
    assert_int_equal(
        sasl_step(p.server, STR("y,,n=alice,r=abcdef"), &out, &e), ERR_DENIED);
    pair_free(&p);
    pair_new(&p, SASL_SCRAM_SHA_256, "alice", "secret word", true, false);
    assert_int_equal(
        sasl_step(p.server, STR("y,,n=alice,r=abcdef"), &out, &e), SASL_SEND);
    pair_free(&p);
    /* it can not */
    pair_new(&p, SASL_SCRAM_SHA_256, "alice", "secret word", true, false);
    assert_true(pair_run(&p, true));
    pair_free(&p);
    buf_fini(&out);
}

/* A server that knows nothing says yes, or proves nothing. */
static void
scram_server_must_prove(void **state)
{
    struct pair p;
    struct buf out = BUF_INIT, down = BUF_INIT;
    struct err e = {0};

    (void)state;
    pair_new(&p, SASL_SCRAM_SHA_256, "alice", "secret word", false, false);
    assert_int_equal(sasl_step(p.client, STR_NONE, &out, &e), SASL_SEND);
    assert_int_equal(sasl_step(p.server, buf_get(&out), &down, &e), SASL_SEND);
    assert_false(sasl_may_end(p.client));
    assert_int_equal(sasl_step(p.client, buf_get(&down), &out, &e), SASL_SEND);
    assert_false(sasl_may_end(p.client));
    assert_true(sasl_step(p.client,
                    STR("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), &out,
                    &e) < 0);
    assert_false(sasl_may_end(p.client));
    pair_free(&p);
    buf_fini(&out);
    buf_fini(&down);
}

static void
scram_rounds(void **state)
{
    static const char *const bad[] = {"r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==",
        "r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0",
        "r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-1",
        "r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000001",
        "r=%s,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999999999999999", "i=4096", ""};
    struct sasl_client how = {.user = STR("user"), .secret = STR("pencil")};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct sasl *s = sasl_client(SASL_SCRAM_SHA_256, &how);
        struct buf out = BUF_INIT, in = BUF_INIT;
        const char *sign = strchr(bad[i], '%');
        struct err e = {0};

        assert_int_equal(sasl_step(s, STR_NONE, &out, &e), SASL_SEND);
        if (sign) {
            buf_add(&in, bad[i], (size_t)(sign - bad[i]));
            buf_str(&in, str_from(buf_get(&out), strlen("n,,n=user,r=")));
            buf_cstr(&in, "more");
            buf_cstr(&in, sign + 2);
        } else {
            buf_cstr(&in, bad[i]);
        }
        assert_true(sasl_step(s, buf_get(&in), &out, &e) < 0);
        sasl_free(&s);
        buf_fini(&in);
        buf_fini(&out);
    }
}

/* --- PLAIN, LOGIN --- */

static void
check_password(int mechanism, bool initial)
{
    struct sasl_claim c;
    struct pair p;

    pair_new(&p, mechanism, "alice", "secret word", false, false);
    assert_true(pair_run(&p, initial));
    assert_true(sasl_may_end(p.client));
    sasl_get_claim(p.server, &c);
    assert_str(c.user, "alice");
    assert_str(c.secret, "secret word");
    assert_true(!c.as.n || str_eq(c.as, c.user));
    assert_false(c.proven);
    assert_int_equal(p.user.asked, 0);
    pair_free(&p);
}

static void
passwords(void **state)
{
    (void)state;
    check_password(SASL_PLAIN, true);
    check_password(SASL_PLAIN, false);
    check_password(SASL_LOGIN, false);
}

/* RFC 4616 4 */
static void
plain_examples(void **state)
{
    static const struct {
        struct str in;
        const char *as, *user, *secret; /* user NULL: refused */
    } rows[] = {
        {STR("\0tim\0tanstaaftanstaaf"), "tim", "tim", "tanstaaftanstaaf"},
        {STR("Ursel\0Kurt\0xipj3plmq"), "Ursel", "Kurt", "xipj3plmq"},
        {STR(""), NULL, NULL, NULL}, {STR("tim\0pass"), NULL, NULL, NULL},
        {STR("\0\0pass"), NULL, NULL, NULL}, {STR("x"), NULL, NULL, NULL},
        {STR("\0a\0b\0c"), NULL, NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sasl *s = sasl_server(SASL_PLAIN, &(struct sasl_server){0});
        struct buf out = BUF_INIT;
        struct sasl_claim c = {0};
        struct err e = {0};
        int rc = sasl_step(s, rows[i].in, &out, &e);

        if (rc == SASL_CLAIM)
            sasl_get_claim(s, &c);
        if (rows[i].user) {
            assert_int_equal(rc, SASL_CLAIM);
            assert_str(c.user, rows[i].user);
            assert_str(c.as, rows[i].as);
            assert_str(c.secret, rows[i].secret);
        } else {
            assert_true(rc < 0);
        }
        sasl_free(&s);
        buf_fini(&out);
    }
}

/* Many clients send the name with AUTH LOGIN. */
static void
login_with_a_name(void **state)
{
    struct sasl *s = sasl_server(SASL_LOGIN, &(struct sasl_server){0});
    struct buf out = BUF_INIT;
    struct sasl_claim c;
    struct err e = {0};

    (void)state;
    assert_int_equal(sasl_step(s, STR("alice"), &out, &e), SASL_SEND);
    assert_str(buf_get(&out), "Password:");
    assert_int_equal(sasl_step(s, STR("word"), &out, &e), SASL_CLAIM);
    sasl_get_claim(s, &c);
    assert_str(c.user, "alice");
    assert_str(c.secret, "word");
    sasl_free(&s);
    s = sasl_server(SASL_LOGIN, &(struct sasl_server){0});
    assert_int_equal(sasl_step(s, STR_NONE, &out, &e), SASL_SEND);
    assert_str(buf_get(&out), "Username:");
    assert_int_equal(sasl_step(s, STR(""), &out, &e), ERR_PROTO);
    sasl_free(&s);
    buf_fini(&out);
}

/* --- tokens --- */

/* RFC 7628 4.1 */
static void
bearer_examples(void **state)
{
    static const struct {
        struct str in;
        const char *user, *token; /* NULL: refused */
    } rows[] = {
        {STR("n,a=user@example.com,\1host=server.example.com\1"
             "port=587\1auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEu"
             "Y29tCg==\1\1"),
            "user@example.com", "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="},
        {STR("n,,\1auth=bearer abc\1\1"), "", "abc"},
        {STR("y,a=a=2Cb=3Dc,\1auth=Bearer abc\1\1"), "a,b=c", "abc"},
        {STR("n,a=a=2Db,\1auth=Bearer abc\1\1"), NULL, NULL},
        {STR("p=tls-exporter,,\1auth=Bearer abc\1\1"), NULL, NULL},
        {STR("n,a=u,\1host=x\1\1"), NULL, NULL},
        {STR("n,a=u,\1auth=Basic abc\1\1"), NULL, NULL},
        {STR("n,a=u,\1auth=Bearer a\0b\1\1"), NULL, NULL},
        {STR("n,u,\1auth=Bearer abc\1\1"), NULL, NULL},
        {STR("auth=Bearer abc"), NULL, NULL}, {STR("\1"), NULL, NULL},
        {STR("n"), NULL, NULL}, {STR(""), NULL, NULL}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct sasl *s =
            sasl_server(SASL_OAUTHBEARER, &(struct sasl_server){0});
        struct buf out = BUF_INIT;
        struct sasl_claim c;
        struct err e = {0};
        int rc = sasl_step(s, rows[i].in, &out, &e);

        if (rows[i].user) {
            assert_int_equal(rc, SASL_CLAIM);
            sasl_get_claim(s, &c);
            assert_str(c.user, rows[i].user);
            assert_str(c.secret, rows[i].token);
        } else {
            assert_int_equal(rc, ERR_PROTO);
        }
        sasl_free(&s);
        buf_fini(&out);
    }
}

static void
tokens(void **state)
{
    static const int both[] = {SASL_OAUTHBEARER, SASL_XOAUTH2};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        struct buf out = BUF_INIT;
        struct err e = {0};
        struct sasl_claim c;
        struct pair p;

        pair_new(&p, both[i], "a,b=c@example.net", "t0ken", false, false);
        assert_true(pair_run(&p, true));
        sasl_get_claim(p.server, &c);
        assert_str(c.user, "a,b=c@example.net");
        assert_str(c.secret, "t0ken");
        assert_true(sasl_may_end(p.client));
        /* the server says why not, and is told that this was read */
        assert_int_equal(
            sasl_step(p.client, STR("{\"status\":\"400\"}"), &out, &e),
            SASL_SEND);
        assert_str(buf_get(&out), i ? "" : "\1");
        assert_false(sasl_may_end(p.client));
        assert_true(sasl_step(p.client, STR("{}"), &out, &e) < 0);
        pair_free(&p);
        buf_fini(&out);
    }
}

/* Google's example, for XOAUTH2 */
static void
xoauth2_words(void **state)
{
    struct sasl_client how = {
        .user = STR("someuser@example.com"), .secret = STR("ya29.vF9dft4")};
    struct sasl *s = sasl_client(SASL_XOAUTH2, &how);
    struct buf out = BUF_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(sasl_step(s, STR_NONE, &out, &e), SASL_SEND);
    assert_str(buf_get(&out),
        "user=someuser@example.com\1auth=Bearer ya29.vF9dft4\1\1");
    sasl_free(&s);
    buf_fini(&out);
}

static void
names_and_limits(void **state)
{
    struct sasl *s = sasl_server(SASL_PLAIN, &(struct sasl_server){0});
    struct buf big = BUF_INIT, out = BUF_INIT;
    struct err e = {0};

    (void)state;
    assert_int_equal(sasl_find(STR("plain")), SASL_PLAIN);
    assert_int_equal(
        sasl_find(STR("SCRAM-SHA-256-PLUS")), SASL_SCRAM_SHA_256_PLUS);
    assert_int_equal(sasl_find(STR("CRAM-MD5")), -1);
    assert_int_equal(sasl_find(STR("")), -1);
    for (size_t i = 0; i <= SASL_IN_MAX; i++)
        buf_char(&big, 'x');
    assert_int_equal(sasl_step(s, buf_get(&big), &out, &e), ERR_LIMIT);
    sasl_free(&s);
    buf_fini(&big);
    buf_fini(&out);
}

static void
prepared(void **state)
{
    struct buf b = BUF_INIT;

    (void)state;
    assert_true(sasl_prepare(STR("I\xc2\xadX"), &b)); /* RFC 4013 3 */
    assert_str(buf_get(&b), "IX");
    buf_cut(&b, 0);
    assert_false(sasl_prepare(STR("a\7"), &b));
    assert_str(buf_get(&b), "a\7");
    buf_cut(&b, 0);
    assert_true(sasl_prepare(STR("plain ASCII"), &b));
    assert_str(buf_get(&b), "plain ASCII");
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(example_of_rfc_7677),
        cmocka_unit_test(answer_to_another), cmocka_unit_test(scram),
        cmocka_unit_test(scram_binding),
        cmocka_unit_test(scram_server_must_prove),
        cmocka_unit_test(scram_rounds), cmocka_unit_test(passwords),
        cmocka_unit_test(plain_examples), cmocka_unit_test(login_with_a_name),
        cmocka_unit_test(bearer_examples), cmocka_unit_test(tokens),
        cmocka_unit_test(xoauth2_words), cmocka_unit_test(names_and_limits),
        cmocka_unit_test(prepared)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "receive_support.h"

#include "base/clock.h"
#include "base/xmem.h"
#include "conf_support.h"
#include "fake_builder.h"
#include "queue/maillog.h"

struct intake in;
struct intake_loop il;
static struct generation *g;
char chunk[CHUNK];

/* --- the sessions layer --- */

void
session_verdict(struct impel_session *s, uint64_t tag, size_t rcpt,
    const struct impel_result *r)
{
    assert_true(s->count < VERDICTS);
    s->told[s->count].tag = tag;
    s->told[s->count].rcpt = rcpt;
    s->told[s->count].verdict = r->verdict;
    s->told[s->count].stage = r->stage;
    s->told[s->count].code = r->code;
    snprintf(s->told[s->count].text, sizeof(s->told[0].text), "%.*s",
        (int)r->text.n, r->text.p);
    s->count++;
}

void
session_credit(struct impel_session *s)
{
    s->credits++;
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

/* --- the spool layer --- */

struct spool_accept *with_spool[8];
size_t with_spool_count;

uint64_t
spool_next_ids(struct spool *s, uint64_t count)
{
    static uint64_t id = 0x1000;
    (void)s;
    id += count;
    return id - count;
}

int
spool_accepting(const struct spool *s, struct err *e)
{
    (void)s, (void)e;
    return 0;
}

void
spool_accept(struct spool *s, struct spool_accept *a)
{
    (void)s;
    assert_true(with_spool_count < ARRAY_SIZE(with_spool));
    assert_true(a->message->env.rcpt_count > 0);
    with_spool[with_spool_count++] = a;
}

/* The oldest commit ends. */
void
spool_answers(int result)
{
    struct spool_accept *a = with_spool[0];
    struct err e = {.code = result};
    assert_true(with_spool_count > 0);
    memmove(with_spool, with_spool + 1, --with_spool_count * sizeof(a));
    a->done(a, result, &e);
}

unsigned rejections;
void
maillog_reception(const struct message *m, struct generation *conf)
{
    (void)m;
    (void)conf;
}

void
maillog_rejection(const struct maillog_rejection *r)
{
    assert_true(r->text.n > 10); /* "550 5.7.1 ..." */
    assert_true(r->text.p[0] == '4' || r->text.p[0] == '5');
    rejections++;
}

void
maillog_reported(const struct maillog_report *r)
{
    (void)r;
    fail_msg("no bounce is received here");
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
    static const struct netaddr nowhere;
    (void)s;
    return &nowhere;
}

const struct netaddr *
session_local(const struct impel_session *s)
{
    return session_peer(s);
}

/* --- a world, and what a module does in it --- */

int
set_up(void **state)
{
    struct err e;
    (void)state;
    clock_fake(1000, 1700000000000);
    g = conf_support_load("Reception_Memory = 1M\n"
                          "ESMTP_Listener { Listen \"127.0.0.1:25\" {\n"
                          "  Max_Message_Size = 4M\n"
                          "  Relay_Domains = ( here.test ) } }\n",
        false);
    generation_publish(g);
    memset(&in, 0, sizeof(in));
    memset(&il, 0, sizeof(il));
    budget_init(&in.credits, LIMIT);
    il.intake = &in;
    il.loop = loop_new("test", &e);
    receive_loop_init(&il);
    generation_publish(g); /* asked when a session is gone */
    fake_builder_result = 0;
    fake_builder_large = false;
    rejections = 0;
    memset(chunk, 'x', sizeof(chunk));
    return 0;
}

int
tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake_builders, 0);
    assert_int_equal(il.committing, 0);
    assert_true(list_empty(&il.waiting));
    assert_null(il.overdraft);
    assert_false(timer_armed(&il.retry));
    receive_loop_fini(&il);
    assert_int_equal(budget_used(&in.credits), 0);
    loop_free(&il.loop);
    generation_publish(NULL);
    generation_unref(&g);
    clock_real();
    return 0;
}

struct impel_session *
session(void)
{
    struct impel_session *s = xnew(struct impel_session);
    const struct stanza *l =
        generation_stanza(g, IMPEL_SCOPE_LISTENER, NULL, NULL);
    s->is.session = s;
    s->is.il = &il;
    s->is.generation = g;
    s->is.generation = g;
    s->is.scope =
        stanza_scope(generation_stanza(g, IMPEL_SCOPE_LISTEN, l, NULL));
    strcpy(s->is.peer, "192.0.2.1");
    list_init(&s->is.incoming);
    return s;
}

void
session_goes(struct impel_session *s)
{
    s->is.session = NULL;
    receive_session_gone(&s->is);
    assert_true(list_empty(&s->is.incoming));
    free(s);
}

struct impel_str
text(const char *z)
{
    return (struct impel_str){z, strlen(z)};
}

int
sender(struct impel_incoming *m, const char *address)
{
    struct impel_sender f = {.size = sizeof(f), .address = text(address)};
    return receive_sender(m, &f);
}

int
rcpt(struct impel_incoming *m, const char *address)
{
    struct impel_rcpt r = {.size = sizeof(r), .address = text(address)};
    return receive_recipient(m, &r);
}

const struct impel_str no_key = {NULL, 0};

struct impel_incoming *
begun(struct impel_session *s, uint64_t tag)
{
    struct impel_incoming *m = receive_begin(&s->is, tag);
    assert_int_equal(sender(m, "a@b.test"), 0);
    assert_int_equal(rcpt(m, "x@here.test"), 0);
    return m;
}

int
give(struct impel_incoming *m, int n)
{
    for (int i = 0; i < n; i++) {
        int rc = receive_body(m, chunk, CHUNK);
        if (rc == IMPEL_E_AGAIN)
            return i;
        assert_int_equal(rc, 0);
    }
    return n;
}

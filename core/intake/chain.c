/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/chain.h"

#include <stdlib.h>
#include <string.h>
#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "intake/policy.h"
#include "intake/reject.h"
#include "loop/defer.h"
#include "route/binding.h"
#include "spool/message.h"
#include "base/banned.h"

enum { SAID_TEXT_MOST = 512 };

struct said {     /* an answer, kept */
    int answer;   /* 0: none */
    bool refuses; /* as the result says */
    struct impel_result result;
    char text[SAID_TEXT_MOST];
};
struct link {
    struct chain *chain;
    const struct module *module;
    uint32_t index;
    char *name;
    struct filtering *f;     /* NULL: not open, or lost */
    bool connected, greeted; /* what it has been told of the client */
    bool told;               /* of a message that has not ended */
    bool passed, passed_client;
    struct said rule;   /* for the rest of the message, since it was lost */
    struct said refuse; /* each message, since CONNECT; or HANG_UP */
};
struct chain {
    uint32_t magic;
    bool of_session; /* is->chain; else of one message */
    bool lent;       /* a message has it */
    struct intake_session *is;
    struct loop *loop;
    struct list queue;         /* struct chain_request */
    struct chain_request *now; /* is being answered */
    size_t at;                 /* by that one */
    int asked;                 /* the step that it was told, 0: none */
    struct said said;          /* its answer */
    struct defer run;
    struct impel_peer client;
    chain_change_f *change;
    void *change_arg;
    struct chain_request connect, greet;
    size_t count;
    struct link *link;
};

static void chain_run(void *arg);

static void
said_set(struct said *to, int answer, const struct impel_result *r)
{
    size_t n = r && r->text.p ? MIN_OF(r->text.n, sizeof(to->text)) : 0;

    memset(&to->result, 0, sizeof(to->result));
    to->answer = answer;
    to->refuses = answer == IMPEL_REFUSE || answer == IMPEL_HANG_UP ||
        (answer == IMPEL_ABSENT && r);
    if (!r)
        return;
    memcpy(&to->result, r, MIN_OF((size_t)r->size, sizeof(to->result)));
    to->result.size = sizeof(to->result);
    to->result.info_count = 0;
    to->result.info = NULL;
    if (n)
        memcpy(to->text, r->text.p, n);
    to->result.text = (struct impel_str){to->text, n};
}

/* No word of a filter that is gone: as if its module had failed. */
static void
said_lost(struct said *to)
{
    struct impel_result r;

    policy_say(&r, IMPEL_RETRY, IMPEL_AT_FINAL, 451, "4.3.0",
        "A filter is out of order, try again");
    said_set(to, IMPEL_ABSENT, &r);
}

static void
said_keep(struct said *to, const struct said *from)
{
    said_set(to, from->answer, from->refuses ? &from->result : NULL);
}

/* Refusals without a result have one, and their verdict is no yes. */
static void
said_check(struct said *s)
{
    if (!s->refuses)
        return;
    if (s->result.verdict != IMPEL_RETRY && s->result.verdict != IMPEL_FAILED)
        s->result.verdict =
            s->result.code / 100 == 5 ? IMPEL_FAILED : IMPEL_RETRY;
}

/* --- what a filter's session tells --- */

static bool
is_asked(const struct link *k)
{
    return k->chain->now && k->chain->asked &&
        k == &k->chain->link[k->chain->at];
}

static void
link_said(void *arg, int answer, const struct impel_result *r)
{
    struct link *k = arg;
    struct chain *c = k->chain;

    if (is_asked(k) && !c->said.answer) {
        said_set(&c->said, answer, r);
        defer_post(c->loop, &c->run, chain_run, c, "filters");
    } else if (answer == IMPEL_ABSENT) { /* for the rest of the message */
        said_set(&k->rule, answer, r);
    }
}

static int
link_change(void *arg, const struct filtering_change *ch)
{
    struct link *k = arg;
    struct chain *c = k->chain;

    if (!is_asked(k) || c->said.answer || !c->change)
        return IMPEL_E_INVAL;
    return c->change(c->change_arg, ch);
}

static void
link_gone(void *arg)
{
    struct link *k = arg;
    struct chain *c = k->chain;

    k->f = NULL;
    k->connected = k->greeted = false;
    if (k->told && !k->rule.answer)
        said_lost(&k->rule);
    if (!is_asked(k) || c->said.answer)
        return;
    said_lost(&c->said);
    defer_post(c->loop, &c->run, chain_run, c, "filters");
}

static const struct filtering_events events = {
    .answer = link_said, .change = link_change, .gone = link_gone};

/* --- one step after the other --- */

static struct impel_str
text_of(const char *z)
{
    return z[0] ? (struct impel_str){z, strlen(z)}
                : (struct impel_str){NULL, 0};
}

static void
fill_client(struct chain *c)
{
    const struct intake_session *is = c->is;
    const struct netaddr *peer = session_peer(is->session);

    c->client = (struct impel_peer){.size = sizeof(c->client),
        .port = peer->port,
        .addr = text_of(is->peer),
        .helo = text_of(is->helo),
        .login = text_of(is->login)};
    c->client.local = session_told(is->session, IMPEL_INFO_LOCAL_ADDR);
    c->client.local_port = session_local(is->session)->port;
}

static void
fill_step(struct chain *c, struct impel_step *to, int step)
{
    struct impel_session *s = c->is->session;
    const struct tls_facts *tls = session_tls(s);

    fill_client(c);
    *to = c->now->step;
    to->step = step;
    to->client = &c->client;
    to->tls_version = session_told(s, IMPEL_INFO_TLS_VERSION);
    to->tls_cipher = session_told(s, IMPEL_INFO_TLS_CIPHER);
    to->tls_peer = session_told(s, IMPEL_INFO_TLS_PEER);
    to->tls_issuer = text_of(tls ? tls->issuer : "");
    if (c->is->logged_in)
        to->mechanism = text_of(c->is->mechanism);
}

/* What is to be told now: the client first, where that was not done. */
static int
step_due(const struct link *k, int step, const struct intake_session *is)
{
    if (!k->connected)
        return IMPEL_STEP_CONNECT;
    if (!k->greeted && is->helo[0] && step > IMPEL_STEP_GREET)
        return IMPEL_STEP_GREET;
    return step;
}

/* Nothing to ask of this one; *kept: what it has said before, if that is no. */
static bool
link_is_spared(struct link *k, int step, const struct said **kept)
{
    *kept = NULL;
    if (step == IMPEL_STEP_CONNECT)
        return k->connected;
    if (step == IMPEL_STEP_SENDER && k->refuse.answer)
        *kept = &k->refuse;
    else if (k->told && k->rule.answer)
        *kept = &k->rule;
    if (*kept)
        return !(*kept)->refuses;
    if (step == IMPEL_STEP_GREET && k->refuse.answer)
        return true;
    return k->passed_client || k->passed;
}

static void
chain_log(
    const struct chain *c, const struct link *k, int step, const struct said *s)
{
    static const char *const steps[] = {"", "connect", "greet", "sender",
        "recipient", "header", "body", "end", "", ""};
    static const char *const answers[] = {"", "go on", "enough", "pass",
        "absent", "refuse", "hang up", "discard"};
    struct str text = str_make(s->result.text.p, s->result.text.n);
    bool lost = s->answer == IMPEL_ABSENT || !k->f;

    if (s->answer == IMPEL_GO_ON || s->answer == IMPEL_ENOUGH)
        return;
    if (!lost && !log_enabled(LOG_LEVEL_INFO, LOG_NET))
        return;
    log_always(lost ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "filter-answer",
        "session=%llu filter=\"%s\" step=%s answer=\"%s\" code=%u "
        "text=\"%.*s\"",
        (unsigned long long)c->is->id, k->name, steps[step], answers[s->answer],
        s->result.code, (int)text.n, text.n ? text.p : "");
}

static void
chain_finish(struct chain *c, const struct said *s, const struct link *k)
{
    struct chain_request *q = c->now;
    struct chain_answer a = {.answer = s ? s->answer : IMPEL_GO_ON};

    if (s && s->refuses)
        a.answer = IMPEL_REFUSE;
    if (s) {
        a.result = &s->result;
        a.filter = k->name;
    }
    c->now = NULL;
    c->asked = 0;
    q->under_way = false;
    defer_post(c->loop, &c->run, chain_run, c, "filters");
    q->done(q->arg, &a); /* may end the chain */
}

/* CONNECT: who is told no is told so with each message; if the session is to
 * end also at once, but some time may pass until it has. */
static void
took_connect(struct chain *c, struct link *k)
{
    struct said *s = &c->said;
    struct impel_result r;

    k->connected = k->f != NULL;
    if (s->answer == IMPEL_PASS)
        k->passed_client = true;
    if (s->answer == IMPEL_REFUSE || s->answer == IMPEL_HANG_UP)
        said_keep(&k->refuse, s);
    if (s->answer != IMPEL_HANG_UP || !c->is->session)
        return;
    r = s->result;
    r.stage = IMPEL_AT_CONNECT;
    reject_note(c->is, STR(""), STR(""), &r);
    r.stage = IMPEL_AT_BANNER; /* CONNECT would be greet()'s answer */
    session_verdict(c->is->session, 0, SIZE_MAX, &r);
}

/* The answer of the one that was asked.  true: the next is to be told. */
static bool
chain_take(struct chain *c)
{
    struct link *k = &c->link[c->at];
    struct said *s = &c->said;
    int step = c->asked, wanted = c->now->step.step;

    c->asked = 0;
    said_check(s);
    chain_log(c, k, step, s);
    if (step == IMPEL_STEP_CONNECT)
        took_connect(c, k);
    else if (step == IMPEL_STEP_GREET)
        k->greeted = k->f != NULL;
    if (step == IMPEL_STEP_SENDER)
        k->told = true;
    if (step == IMPEL_STEP_SENDER && !k->f && !k->rule.answer)
        said_lost(&k->rule); /* since it has said yes */
    if (step == IMPEL_STEP_END)
        k->told = false;
    if (s->answer == IMPEL_ABSENT ||
        (s->answer == IMPEL_PASS && step != IMPEL_STEP_CONNECT))
        k->passed = true;
    if (s->answer == IMPEL_PASS && step == IMPEL_STEP_GREET)
        k->passed_client = true;
    if (step == IMPEL_STEP_CONNECT && wanted == step) {
        c->at++;
        return true;
    }
    if (s->answer == IMPEL_ABSENT) {
        k->connected = k->greeted = false;
        filtering_close(&k->f, false);
        if (wanted <= IMPEL_STEP_GREET) { /* tried again with a message */
            k->passed = true;
            c->at++;
            return true;
        }
        said_keep(&k->rule, s);
        k->told = true; /* for the rest of the message the rule holds */
    }
    if (s->refuses || s->answer == IMPEL_DISCARD) {
        chain_finish(c, s, k);
        return false;
    }
    if (step == wanted && c->now->only != SIZE_MAX) {
        chain_finish(c, s, k);
        return false;
    }
    if (step == wanted || k->passed || k->passed_client)
        c->at++;
    return true;
}

static void
link_open(struct link *k)
{
    struct intake_session *is = k->chain->is;

    k->connected = k->greeted = false;
    k->f = filtering_open(k->chain->loop, k->module, is->scope, k->index,
        binding_hostname(is->scope).p, &events, k);
}

/* Tell the next one.  false: nobody is left, or somebody has said no before. */
static bool
chain_ask(struct chain *c)
{
    int step = c->now->step.step;

    for (; c->at < c->count; c->at++) {
        struct link *k = &c->link[c->at];
        const struct said *kept;
        struct impel_step told;

        if (c->now->only != SIZE_MAX && c->at != c->now->only)
            continue;
        if (link_is_spared(k, step, &kept))
            continue;
        if (kept) {
            chain_finish(c, kept, k);
            return false;
        }
        if (!k->f)
            link_open(k);
        c->asked = step_due(k, step, c->is);
        c->said.answer = 0;
        fill_step(c, &told, c->asked);
        filtering_step(k->f, &told);
        return true;
    }
    chain_finish(c, NULL, NULL);
    return false;
}

static void
chain_start(struct chain *c)
{
    struct list *n = list_take(&c->queue);

    if (!n)
        return;
    c->now = LIST_ENTRY(n, struct chain_request, node);
    c->at = 0;
    (void)chain_ask(c);
}

static void
chain_run(void *arg)
{
    struct chain *c = arg;

    CHECK(c, CHAIN_MAGIC);
    if (!c->now)
        chain_start(c);
    else if (c->said.answer && chain_take(c))
        (void)chain_ask(c);
}

static void
chain_put(struct chain *c, struct chain_request *q, int step, size_t only,
    chain_done_f *done, void *arg)
{
    BUG_ON(q->under_way);
    q->step.step = step;
    q->only = only;
    q->done = done;
    q->arg = arg;
    q->under_way = true;
    list_push(&c->queue, &q->node);
    if (!c->now)
        defer_post(c->loop, &c->run, chain_run, c, "filters");
}

/* Whoever asked is not there any more.  What a filter would answer now could
 * be taken for another answer: so its connection goes. */
static void
chain_forget(struct chain *c, struct chain_request *q)
{
    struct link *k = &c->link[c->at];

    if (!q->under_way)
        return;
    q->under_way = false;
    if (c->now != q) {
        list_remove(&q->node);
        return;
    }
    if (c->asked && !c->said.answer) {
        filtering_close(&k->f, false);
        k->connected = k->greeted = k->told = false;
    } else if (c->asked == IMPEL_STEP_SENDER) {
        k->told = true; /* its answer is there, and was not looked at yet */
    }
    c->now = NULL;
    c->asked = 0;
    defer_post(c->loop, &c->run, chain_run, c, "filters");
}

/* --- chains --- */

/* All that a scope asks for; NULL: none. */
static struct link *
links_of(const struct intake_session *is, size_t *count)
{
    struct link *link = NULL;
    struct module *m = NULL;
    struct str name;
    size_t n = 0;

    while ((m = registry_next_filter(is->generation, m)) != NULL) {
        for (uint32_t i = 0; (name = filtering_name(m, is->scope, i)).p; i++) {
            if ((n & (n - 1)) == 0)
                link = xgrow(link, n ? 2 * n : 1, sizeof(*link));
            link[n++] = (struct link){
                .module = m, .index = i, .name = xdupn(name.p, name.n)};
        }
    }
    *count = n;
    return link;
}

static struct chain *
chain_new(struct intake_session *is)
{
    size_t n;
    struct link *link = links_of(is, &n);
    struct chain *c;

    if (!link)
        return NULL;
    c = xnew(struct chain);
    c->magic = CHAIN_MAGIC;
    c->is = is;
    c->loop = is->il->loop;
    c->count = n;
    c->link = link;
    list_init(&c->queue);
    for (size_t i = 0; i < n; i++)
        link[i].chain = c;
    return c;
}

static void
chain_free(struct chain **to)
{
    struct chain *c = *to;

    *to = NULL;
    if (!c)
        return;
    CHECK(c, CHAIN_MAGIC);
    defer_cancel(&c->run);
    for (size_t i = 0; i < c->count; i++) {
        filtering_close(&c->link[i].f, true);
        free(c->link[i].name);
    }
    free(c->link);
    c->magic = 0;
    free(c);
}

static void
connect_done(void *arg, const struct chain_answer *a)
{
    (void)arg, (void)a; /* those who said no were heard */
}

void
chain_connect(struct intake_session *is)
{
    struct chain *c;

    chain_leave(is);
    if (is->over_limit)
        return;
    c = is->chain = chain_new(is);
    if (!c)
        return;
    c->of_session = true;
    chain_put(c, &c->connect, IMPEL_STEP_CONNECT, SIZE_MAX, connect_done, NULL);
}

static void
greet_done(void *arg, const struct chain_answer *a)
{
    struct intake_session *is = arg;
    struct impel_result r;

    if (a->answer == IMPEL_REFUSE) {
        r = *a->result;
        r.stage = IMPEL_AT_CONNECT;
        reject_note(is, STR(""), STR(""), &r);
    } else {
        policy_say(&r, IMPEL_DELIVERED, IMPEL_AT_CONNECT, 250, "", "OK");
    }
    if (is->session)
        session_verdict(is->session, 0, SIZE_MAX, &r);
}

/* CONNECT may still be under way: this comes behind it. */
bool
chain_greet(struct intake_session *is)
{
    struct chain *c = is->chain;

    if (!c)
        return false;
    chain_forget(c, &c->greet);
    for (size_t i = 0; i < c->count; i++)
        c->link[i].greeted = false;
    chain_put(c, &c->greet, IMPEL_STEP_GREET, SIZE_MAX, greet_done, is);
    return true;
}

void
chain_leave(struct intake_session *is)
{
    if (!is->chain)
        return;
    chain_forget(is->chain, &is->chain->connect);
    chain_forget(is->chain, &is->chain->greet);
    chain_free(&is->chain);
}

/* --- messages --- */

struct chain *
chain_of_message(struct intake_session *is)
{
    struct chain *c = is->chain;

    if (!c)
        return NULL;
    if (c->lent)
        c = chain_new(is); /* the scope is the same: there are some */
    BUG_ON(!c);
    c->lent = true;
    for (size_t i = 0; i < c->count; i++) {
        struct link *k = &c->link[i];

        k->passed = k->told = false;
        k->rule.answer = 0;
    }
    return c;
}

static struct impel_str
abi_str(struct str s)
{
    return (struct impel_str){s.p, s.n};
}

static void
fill_message(struct chain_request *q, const struct message *m)
{
    const struct envelope *env = &m->env;

    q->sender = (struct impel_sender){.size = sizeof(q->sender),
        .needs = env->needs,
        .ret = env->ret,
        .address = abi_str(env->sender),
        .envid = abi_str(env->envid),
        .auth = abi_str(env->auth),
        .declared_size = q->sender.declared_size};
    q->step.sender = &q->sender;
    q->step.proto = abi_str(env->protocol);
    if (!m->id)
        return;
    message_id_print(m->id, q->id);
    q->step.id = abi_str(str_of(q->id));
}

void
chain_sender(struct chain *c, struct chain_request *q, const struct message *m,
    chain_done_f *done, void *arg)
{
    memset(&q->step, 0, sizeof(q->step));
    fill_message(q, m);
    chain_put(c, q, IMPEL_STEP_SENDER, SIZE_MAX, done, arg);
}

void
chain_rcpt(struct chain *c, struct chain_request *q, const struct message *m,
    const struct rcpt *to, chain_done_f *done, void *arg)
{
    memset(&q->step, 0, sizeof(q->step));
    fill_message(q, m);
    q->rcpt = (struct impel_rcpt){.size = sizeof(q->rcpt),
        .notify = to->notify,
        .address = abi_str(to->address),
        .original = abi_str(to->original)};
    q->step.rcpt = &q->rcpt;
    chain_put(c, q, IMPEL_STEP_RCPT, SIZE_MAX, done, arg);
}

void
chain_one(struct chain *c, struct chain_request *q, const struct message *m,
    size_t which, chain_done_f *done, void *arg)
{
    fill_message(q, m);
    chain_put(c, q, q->step.step, which, done, arg);
}

void
chain_message_over(struct chain **to, struct chain_request *q)
{
    struct chain *c = *to;
    struct impel_step over = {.step = IMPEL_STEP_ABANDON};

    *to = NULL;
    if (!c)
        return;
    CHECK(c, CHAIN_MAGIC);
    chain_forget(c, q);
    c->change = NULL;
    c->lent = false;
    for (size_t i = 0; i < c->count; i++) {
        struct link *k = &c->link[i];

        if (k->told && k->f && !k->rule.answer)
            filtering_step(k->f, &over);
        k->told = k->passed = false;
        k->rule.answer = 0;
    }
    if (!c->of_session)
        chain_free(&c);
}

size_t
chain_count(const struct chain *c)
{
    return c->count;
}

const char *
chain_name(const struct chain *c, size_t which)
{
    return c->link[which].name;
}

bool
chain_has_passed(const struct chain *c, size_t which)
{
    return c->link[which].passed || c->link[which].passed_client;
}

void
chain_on_change(struct chain *c, chain_change_f *fn, void *arg)
{
    c->change = fn;
    c->change_arg = arg;
}

void
chain_credit(struct chain *c, size_t which)
{
    if (c->link[which].f)
        filtering_credit(c->link[which].f);
}

void
chain_print(
    const struct generation *g, const struct scope *scope, struct buf *to)
{
    struct module *m = NULL;
    struct str name;
    const char *before = "";

    while ((m = registry_next_filter(g, m)) != NULL) {
        for (uint32_t i = 0; (name = filtering_name(m, scope, i)).p; i++) {
            buf_printf(to, "%s%.*s", before, STR_ARG(name));
            before = ", ";
        }
    }
}

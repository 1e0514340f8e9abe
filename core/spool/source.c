/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/source.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/cidr.h"
#include "base/clock.h"
#include "base/idna.h"
#include "base/xmem.h"
#include "spool/content_int.h"
#include "spool/export.h"
#include "spool/large.h"
#include "spool/reader.h"
#include "spool/recover.h"
#include "spool/spool_int.h"

#include "base/banned.h"

struct source {
    struct spool *spool;
    const _Atomic bool *stop;
    struct arena *arena;
    struct source_message *list;
    size_t count, size;
};
struct source_text {
    uint64_t at;
    struct large_pass *pass;
};

/* --- what there is --- */

static bool
source_found(void *arg, const struct found *f)
{
    struct source *s = arg;
    struct source_parcel *parcel = arena_alloc(
        s->arena, MAX_OF(f->parcel_count, (size_t)1) * sizeof(*parcel));
    struct source_message m = {
        .id = f->id, .size = f->size, .accept = f->accept};

    for (size_t i = 0; i < f->parcel_count; i++) {
        const struct found_parcel *p = &f->parcel[i];
        uint32_t *rcpt;

        if (!p->rcpt_count)
            continue;
        rcpt = arena_alloc(s->arena, p->rcpt_count * sizeof(*rcpt));
        memcpy(rcpt, p->rcpt, p->rcpt_count * sizeof(*rcpt));
        parcel[m.parcel_count++] = (struct source_parcel){.rcpt = rcpt,
            .rcpt_count = (uint32_t)p->rcpt_count,
            .retries = p->retries,
            .attempt = p->attempt,
            .next_attempt = p->next_attempt};
        m.rcpt_count += (uint32_t)p->rcpt_count;
    }
    m.parcel = parcel;
    if (s->count == s->size) {
        s->size = s->size ? s->size + s->size / 2 : 256;
        s->list = xgrow(s->list, s->size, sizeof(*s->list));
    }
    if (m.rcpt_count)
        s->list[s->count++] = m;
    return !atomic_load(s->stop);
}

static int
source_order(const void *a, const void *b)
{
    const struct source_message *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

/* One id is one message: a second one of it would be a forgery. */
static void
source_sort(struct source *s)
{
    size_t kept = 0;

    if (s->count)
        qsort(s->list, s->count, sizeof(*s->list), source_order);
    for (size_t i = 0; i < s->count; i++)
        if (!kept || s->list[kept - 1].id != s->list[i].id)
            s->list[kept++] = s->list[i];
    s->count = kept;
}

int
source_open(const char *dir, const _Atomic bool *stop, struct source **to,
    struct err *e)
{
    struct source *s = xnew(struct source);
    int r;

    s->stop = stop;
    s->arena = arena_new(64 * 1024);
    *to = NULL;
    r = export_verify(dir, stop, e);
    if (!r)
        r = spool_open_source(dir, &s->spool, e);
    if (r == ERR_NOTFOUND)
        r = err_set(e, r,
            "%s: no spool of Impel (those of other servers, Momentum's "
            "included, cannot be read)",
            dir);
    if (!r && !spool_identity(s->spool))
        r = err_set(e, ERR_VERSION,
            "%s/version has no line \"id\": an older version has written it; "
            "start impeld on it once",
            dir);
    if (!r) {
        recover_list(s->spool, source_found, s);
        source_sort(s);
        if (atomic_load(stop))
            r = err_set(e, ERR_CLOSED, "it was stopped");
    }
    if (r)
        source_close(&s);
    *to = s;
    return r;
}

void
source_close(struct source **to)
{
    struct source *s = *to;

    *to = NULL;
    if (!s)
        return;
    spool_close(&s->spool);
    arena_free(&s->arena);
    free(s->list);
    free(s);
}

uint64_t
source_identity(const struct source *s)
{
    return spool_identity(s->spool);
}

uint64_t
source_damaged(const struct source *s)
{
    return atomic_load(&s->spool->damaged);
}

size_t
source_count(const struct source *s)
{
    return s->count;
}

const struct source_message *
source_get(const struct source *s, size_t i)
{
    return &s->list[i];
}

/* --- could it have come in? --- */

/* One line of text, as it stands in commands and logs. */
static bool
is_line(struct str s, size_t most)
{
    if (s.n > most)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 32 || s.p[i] == 127)
            return false;
    return true;
}

/* A parameter of MAIL or RCPT: no blank, nothing above ASCII. */
static bool
is_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 32 || (unsigned char)s.p[i] >= 127)
            return false;
    return s.n <= SOURCE_TEXT_MOST;
}

/* ORCPT is a type, a semicolon and more. */
static bool
is_original(struct str s)
{
    return !s.p || (is_word(s) && str_chr(s, ';', 0) != SIZE_MAX);
}

/* The domain is what queues go by: it is not taken from there. */
static int
check_rcpt(struct message *m, struct rcpt *r, struct err *e)
{
    struct buf name = BUF_INIT;
    struct address a;
    int rc = r->address.n > ADDRESS_MAX || !is_line(r->address, ADDRESS_MAX)
        ? ERR_INVAL
        : address_parse(r->address, ADDRESS_UTF8, &a, e);

    if (rc || !a.domain.p || !is_original(r->original) ||
        r->notify > 2 * NOTIFY_DELAY - 1)
        return err_set(e, ERR_INVAL, "a recipient is not valid");
    r->address = str_make(a.local.p,
        (size_t)(a.domain.p + a.domain.n - a.local.p)); /* without a route */
    (void)idna_fold(a.domain, &name);                   /* no name: as it is */
    r->domain = message_str(m, buf_get(&name));
    buf_fini(&name);
    return 0;
}

static int
check_sender(struct envelope *env, struct err *e)
{
    struct address a;

    if (!is_line(env->sender, ADDRESS_MAX) ||
        (env->sender.n && address_parse(env->sender, ADDRESS_UTF8, &a, e)))
        return err_set(e, ERR_INVAL, "its sender is not valid");
    if (!is_word(env->envid) || !is_word(env->auth) || env->ret < RET_UNSET ||
        env->ret > RET_FULL)
        return err_set(e, ERR_INVAL, "a parameter of its sender is not valid");
    return 0;
}

static int
check_texts(const struct envelope *env, struct err *e)
{
    const struct str text[] = {
        env->binding, env->protocol, env->helo, env->login};
    struct cidr c;

    for (size_t i = 0; i < ARRAY_SIZE(text); i++)
        if (!is_line(text[i], 255))
            return err_set(e, ERR_INVAL, "a text of its envelope is not valid");
    if (env->peer_addr.n && cidr_parse_host(env->peer_addr, &c, NULL))
        return err_set(e, ERR_INVAL, "the address it came from is none");
    if (env->peer_port > UINT16_MAX || env->meta_count > SOURCE_META_MOST)
        return err_set(e, ERR_INVAL, "its envelope is not valid");
    for (size_t i = 0; i < env->meta_count; i++)
        if (!env->meta[i].key.n || !is_line(env->meta[i].key, 255) ||
            !is_line(env->meta[i].value, SOURCE_TEXT_MOST))
            return err_set(e, ERR_INVAL, "its context is not valid");
    return 0;
}

static int64_t
past(int64_t wall, int64_t now)
{
    return wall < 0 || wall > now ? now : wall;
}

static int
check_message(struct message *m, const struct source_message *of, struct err *e)
{
    struct envelope *env = &m->env;
    struct rcpt *rcpt = (struct rcpt *)(uintptr_t)env->rcpt;
    int64_t now = clock_wall();
    int r = check_sender(env, e);

    if (!r)
        r = check_texts(env, e);
    for (size_t i = 0; i < of->parcel_count && !r; i++) {
        const struct source_parcel *p = &of->parcel[i];

        for (size_t k = 0; k < p->rcpt_count && !r; k++)
            r = p->rcpt[k] < env->rcpt_count
                ? check_rcpt(m, &rcpt[p->rcpt[k]], e)
                : err_set(e, ERR_DAMAGED, "its recipients are not there");
        for (size_t k = 1; k < p->rcpt_count && !r; k++)
            if (!str_eq(rcpt[p->rcpt[k]].domain, rcpt[p->rcpt[0]].domain))
                r = err_set(e, ERR_DAMAGED, "its recipients are others");
    }
    env->received = past(env->received, now);
    env->deadline = MAX_OF(env->deadline, 0);
    env->hold_until = MAX_OF(env->hold_until, 0);
    return r;
}

/* What its head says else of them is not believed, but counted anew. */
static int
check_facts(const struct content *c, struct err *e)
{
    uint64_t bytes = c->large ? large_size(c->large) : c->body.n;

    if (c->facts.body_size != bytes)
        return err_set(e, ERR_DAMAGED, "it has not its bytes");
    return 0;
}

/* --- one message --- */

static int
state_order(const void *a, const void *b)
{
    const struct rcpt_state *x = a, *y = b;

    return x->rcpt < y->rcpt ? -1 : x->rcpt > y->rcpt;
}

/* The last results of parcel k, which are worth less than the mail: none, if
 * they cannot be read. */
static void
load_states(struct source *s, const struct source_message *of, uint32_t k,
    struct source_states *to)
{
    struct spool_load l = {
        .id = of->id, .accept = of->accept, .attempt = of->parcel[k].attempt};

    if (!l.attempt.segment || reader_load(s->spool, &l))
        return;
    to->rcpt = l.rcpt;
    to->count = l.rcpt_count;
    if (to->count)
        qsort(to->rcpt, to->count, sizeof(*to->rcpt), state_order);
    for (size_t i = 0; i < to->count; i++)
        if (!is_line(to->rcpt[i].text, SOURCE_TEXT_MOST))
            to->rcpt[i].text = STR("");
    message_unref(&l.message);
}

int
source_load(struct source *s, size_t i, struct source_loaded *to, struct err *e)
{
    const struct source_message *of = &s->list[i];
    struct spool_load l = {
        .id = of->id, .accept = of->accept, .want_content = true};
    int r = reader_load(s->spool, &l);

    memset(to, 0, sizeof(*to));
    if (r)
        return err_set(e, r, "%s", l.error.text);
    to->of = of;
    to->message = l.message;
    to->text = xnew(struct source_text);
    r = check_message(l.message, of, e);
    if (!r)
        r = check_facts(l.message->content, e);
    if (r) {
        source_loaded_fini(to);
        return r;
    }
    to->size = l.message->content->facts.size;
    to->parcel_count = of->parcel_count;
    to->states = xcalloc(of->parcel_count, sizeof(*to->states));
    for (uint32_t k = 0; k < of->parcel_count; k++)
        load_states(s, of, k, &to->states[k]);
    return 0;
}

void
source_loaded_fini(struct source_loaded *l)
{
    if (l->text && l->text->pass)
        large_pass_free(&l->text->pass);
    for (uint32_t k = 0; k < l->parcel_count; k++)
        free(l->states[k].rcpt);
    xfree(&l->states);
    xfree(&l->text);
    l->parcel_count = 0;
    if (l->message)
        message_unref(&l->message);
}

struct rcpt_state
source_state(const struct source_loaded *l, uint32_t parcel, uint32_t rcpt)
{
    const struct source_states *s = &l->states[parcel];

    const struct rcpt_state wanted = {.rcpt = rcpt}, *found = NULL;

    if (s->count)
        found =
            bsearch(&wanted, s->rcpt, s->count, sizeof(*s->rcpt), state_order);
    return found ? *found : (struct rcpt_state){.text = STR("")};
}

static int64_t
read_buf(const struct buf *b, uint64_t at, void *to, size_t n)
{
    n = (size_t)MIN_OF((uint64_t)n, b->n - at);
    memcpy(to, b->p + at, n);
    return (int64_t)n;
}

int64_t
source_read(struct source_loaded *l, void *to, size_t n, struct err *e)
{
    const struct content *c = l->message->content;
    struct source_text *t = l->text;
    int64_t got = 0;

    if (t->at < c->prefix.n) {
        got = read_buf(&c->prefix, t->at, to, n);
    } else if (c->large) {
        if (!t->pass)
            t->pass = large_pass_new(c->large);
        got = large_pass_read(t->pass, t->at - c->prefix.n, to, n, e);
    } else if (t->at - c->prefix.n < c->body.n) {
        got = read_buf(&c->body, t->at - c->prefix.n, to, n);
    }
    if (got > 0)
        t->at += (uint64_t)got;
    return got;
}

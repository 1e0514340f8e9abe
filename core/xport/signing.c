/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/signing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/idna.h"
#include "base/log.h"
#include "base/map.h"
#include "base/xmem.h"
#include "conf/report_int.h"
#include "loop/pool.h"
#include "spool/content.h"
#include "spool/render.h"
#include "xport/dkim.h"
#include "xport/dkim_options.h"
#include "xport/prepare.h"
#include "base/banned.h"

#define ROW(row) OPT(dkim_options, row)

enum { HEADER_MOST = 1 << 20, HOUR_S = 3600 };

struct signer { /* an opendkim stanza */
    const struct scope *scope;
    struct map domains; /* names of dkim_domain: their scopes */
    struct str *sign, *over, *skip;
};
struct signers {
    _Atomic uint32_t refs;
    struct generation *generation;
    struct signer *list;
    size_t count;
    unsigned forms;
};
static struct {
    pthread_mutex_t lock;
    struct signers *now;
    struct pool *pool;
    atomic_bool wanted;
    _Atomic uint64_t signatures, unsigned_, waited;
} signing = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- the stanzas --- */

static struct str *
signer_names(const struct scope *s, int row)
{
    size_t n = scope_count(s, ROW(row));
    struct str *list = xcalloc(n + 1, sizeof(*list));

    for (size_t i = 0; i < n; i++)
        list[i] = scope_item(s, ROW(row), i);
    return list;
}

static unsigned
scope_form(const struct scope *s)
{
    return 1u << scope_int(s, ROW(DKIM_BODY_FORM));
}

/* A key stays under the name of its stanza for the generation's life. */
static void
signer_init(struct signers *all, struct signer *s, const struct stanza *st)
{
    const struct stanza *d = NULL;

    s->scope = stanza_scope(st);
    s->sign = signer_names(s->scope, DKIM_HEADERLIST);
    s->over = signer_names(s->scope, DKIM_OVERSIGN);
    s->skip = signer_names(s->scope, DKIM_SKIP);
    all->forms |= scope_form(s->scope);
    map_init(&s->domains, true);
    while ((d = generation_stanza(all->generation, SCOPE_DKIM_DOMAIN, st, d)) !=
        NULL) {
        const struct scope *own = stanza_scope(d);

        all->forms |= scope_form(own);
        (void)map_put(&s->domains, stanza_name(d), (void *)(uintptr_t)own);
    }
}

static struct signers *
signers_new(struct generation *g)
{
    struct signers *all = xnew(struct signers);
    const struct stanza *st = NULL;

    atomic_init(&all->refs, 1);
    all->generation = generation_ref(g);
    while ((st = generation_stanza(g, SCOPE_OPENDKIM, NULL, st)) != NULL) {
        all->list = xgrow(all->list, all->count + 1, sizeof(*all->list));
        all->list[all->count] = (struct signer){.scope = NULL};
        signer_init(all, &all->list[all->count++], st);
    }
    return all;
}

static void
signers_unref(struct signers **to)
{
    struct signers *all = *to;

    *to = NULL;
    if (!all || atomic_fetch_sub(&all->refs, 1) > 1)
        return;
    for (size_t i = 0; i < all->count; i++) {
        map_fini(&all->list[i].domains);
        free(all->list[i].sign);
        free(all->list[i].over);
        free(all->list[i].skip);
    }
    generation_unref(&all->generation);
    free(all->list);
    free(all);
}

static struct signers *
signers_get(void)
{
    struct signers *all;

    pthread_mutex_lock(&signing.lock);
    all = signing.now;
    if (all)
        atomic_fetch_add(&all->refs, 1);
    pthread_mutex_unlock(&signing.lock);
    return all;
}

void
signing_adopt(struct generation *g)
{
    struct signers *now = signers_new(g), *was;

    if (now->count)
        dkimkey_set_most(
            (size_t)scope_int(now->list[0].scope, ROW(DKIM_KEYS_MOST)));
    pthread_mutex_lock(&signing.lock);
    was = signing.now;
    signing.now = now;
    atomic_store(&signing.wanted, now->count > 0);
    pthread_mutex_unlock(&signing.lock);
    content_sum_bodies(now->forms);
    dkimkey_forget_all(); /* what was missing may be there now */
    signers_unref(&was);
}

/* --- a message --- */

struct signed_content { /* what is gathered of it */
    uint64_t header_size;
    struct buf header;
    uint64_t seen;
    struct bodyhash *hash[BODYHASH_FORMS];
    uint8_t sum[BODYHASH_FORMS][BODYHASH_SIZE];
    bool need_body;
};

static bool
gather_piece(void *arg, struct str piece)
{
    struct signed_content *c = arg;

    if (c->seen < c->header_size) {
        size_t n = (size_t)MIN_OF((uint64_t)piece.n, c->header_size - c->seen);
        buf_add(&c->header, piece.p, n);
        c->seen += n;
        piece = str_from(piece, n);
    }
    c->seen += piece.n;
    for (int i = 0; i < BODYHASH_FORMS; i++)
        if (c->hash[i])
            bodyhash_add(c->hash[i], piece);
    return c->need_body || c->seen < c->header_size;
}

/* Sums that were made while the message came in are used for the body as it
 * came in. */
static void
gather_sums(
    struct signed_content *c, const struct message *m, int form, unsigned forms)
{
    for (int i = 0; i < BODYHASH_FORMS; i++) {
        struct str known = m->env.body_sum[i];

        if (!(forms & 1u << i))
            continue;
        if (form == IMPEL_BODY_RAW && known.n == BODYHASH_SIZE) {
            memcpy(c->sum[i], known.p, BODYHASH_SIZE);
        } else {
            c->hash[i] = bodyhash_new(i);
            c->need_body = true;
        }
    }
}

/* Where the header of a form ends: re-encoding changes its fields. */
static uint64_t
gather_header_size(struct message *m, struct render *r, int form)
{
    struct content_facts f;
    struct str piece[2], all;
    size_t end;

    content_get_facts(m->content, &f);
    if (form == IMPEL_BODY_RAW)
        return f.size - f.body_size + f.header_size;
    if (!render_pieces(r, piece))
        return 0;
    all = piece[0];
    end = str_find(all, STR("\r\n\r\n"), 0);
    return end == SIZE_MAX ? all.n : end + 4;
}

static int
gather(struct signed_content *c, struct message *m, int form, unsigned forms,
    struct err *e)
{
    struct render *r = render_new(m, form, STR(""), e);
    int rc;

    if (!r)
        return e->code;
    c->header_size = gather_header_size(m, r, form);
    if (c->header_size > HEADER_MOST) {
        render_free(&r);
        return err_set(
            e, ERR_LIMIT, "a header of more than %d octets", HEADER_MOST);
    }
    gather_sums(c, m, form, forms);
    rc = render_each(r, gather_piece, c, e);
    for (int i = 0; i < BODYHASH_FORMS; i++)
        if (c->hash[i])
            bodyhash_end(&c->hash[i], c->sum[i]);
    render_free(&r);
    return rc;
}

/* --- a signature --- */

/* "/keys/%{d}/%{s}.key" */
static char *
key_path(struct str pattern, struct str domain, struct str selector)
{
    struct buf b = BUF_INIT;

    while (pattern.n) {
        if (str_starts(pattern, STR("%{d}")))
            buf_str(&b, domain);
        else if (str_starts(pattern, STR("%{s}")))
            buf_str(&b, selector);
        else
            buf_char(&b, pattern.p[0]);
        pattern = str_from(pattern,
            str_starts(pattern, STR("%{d}")) || str_starts(pattern, STR("%{s}"))
                ? 4
                : 1);
    }
    return buf_detach(&b, NULL);
}

static struct dkim_key *
scope_key_of(const struct scope *s, struct str domain, struct err *e)
{
    struct dkimkey_times times = {.found = scope_int(s, ROW(DKIM_KEY_FOUND)),
        .missing = scope_int(s, ROW(DKIM_KEY_MISSING))};
    char *path = key_path(
        scope_str(s, ROW(DKIM_KEY)), domain, scope_str(s, ROW(DKIM_SELECTOR)));
    struct dkim_key *k =
        dkimkey_get(path, (int)scope_int(s, ROW(DKIM_DIGEST)), &times, e);

    free(path);
    return k;
}

static bool
scope_signs(const struct scope *s)
{
    return scope_str(s, ROW(DKIM_SELECTOR)).n && scope_str(s, ROW(DKIM_KEY)).n;
}

static bool
condition_holds(const struct scope *s, const struct message *m)
{
    struct str wanted = scope_str(s, ROW(DKIM_CONDITION));

    if (!wanted.n || str_eq(wanted, STR("can_relay")))
        return true;
    if (str_eq(wanted, STR("auth_user")))
        return m->env.login.n > 0;
    for (size_t i = 0; i < m->env.meta_count; i++)
        if (str_eq(m->env.meta[i].key, wanted))
            return true;
    return false;
}

/* One stanza's signature.  0: it is there, or the stanza has none for this
 * message; else the message has to wait. */
static int
signer_sign(const struct signer *s, const struct message *m,
    const struct signed_content *c, struct str domain, struct buf *to,
    struct err *e)
{
    const struct scope *own = map_find(&s->domains, domain);
    const struct scope *at = own ? own : s->scope;
    struct str base = scope_str(at, ROW(DKIM_BASE_DOMAIN));
    struct dkim_how how = {
        .header_form = (int)scope_int(at, ROW(DKIM_HEADER_FORM)),
        .body_form = (int)scope_int(at, ROW(DKIM_BODY_FORM)),
        .domain = own && base.n ? base : domain,
        .selector = scope_str(at, ROW(DKIM_SELECTOR)),
        .lifetime = scope_int(at, ROW(DKIM_LIFETIME)) * HOUR_S,
        .sign = s->sign,
        .over = s->over,
        .skip = s->skip,
        .sign_count = scope_count(s->scope, ROW(DKIM_HEADERLIST)),
        .over_count = scope_count(s->scope, ROW(DKIM_OVERSIGN)),
        .skip_count = scope_count(s->scope, ROW(DKIM_SKIP))};
    struct dkim_key *key;
    int rc;

    if (!scope_signs(at) || !condition_holds(at, m))
        return 0;
    key = scope_key_of(at, how.domain, e);
    if (!key)
        return !own && e->code == ERR_NOTFOUND ? 0 : e->code;
    rc = dkim_sign(&how, key, buf_get(&c->header), c->sum[how.body_form],
        clock_wall() / 1000, to, e);
    dkimkey_unref(&key);
    if (rc == 0)
        atomic_fetch_add(&signing.signatures, 1);
    return rc;
}

/* What cannot be signed, whoever has the key, goes as it is; what is damaged
 * fails where it is read to be sent. */
static bool
goes_unsigned(const struct message *m, const struct err *e)
{
    char id[MESSAGE_ID_SIZE];

    if (e->code != ERR_INVAL && e->code != ERR_LIMIT && e->code != ERR_DAMAGED)
        return false;
    atomic_fetch_add(&signing.unsigned_, 1);
    message_id_print(m->id, id);
    log_notice(LOG_MOD, "unsigned", "message=%s reason=\"%s\"", id, e->text);
    return true;
}

static int
sign_as(const struct signers *by, struct message *m, int form, struct buf *to,
    struct err *e)
{
    struct signed_content c = {.need_body = false};
    struct buf name = BUF_INIT;
    struct str domain;
    int rc = gather(&c, m, form, by->forms, e);

    if (rc == 0) {
        domain = dkim_from_domain(buf_get(&c.header));
        (void)idna_fold(domain.p ? domain : STR(""), &name);
    }
    for (size_t i = 0; rc == 0 && name.n && i < by->count; i++)
        rc = signer_sign(&by->list[i], m, &c, buf_get(&name), to, e);
    if (rc < 0 && goes_unsigned(m, e))
        rc = 0;
    for (int i = 0; i < BODYHASH_FORMS; i++)
        bodyhash_free(&c.hash[i]);
    buf_fini(&c.header);
    buf_fini(&name);
    return rc;
}

/* --- batches --- */

struct signing_job {
    struct pool_job job;
    struct preparing of; /* its loop's */
    batch_prepared_f *done;
    struct message *message;
    struct signers *by;
    struct buf fields;
    struct err error;
};

static void
job_work(struct pool_job *j)
{
    struct signing_job *s = CONTAINER_OF(j, struct signing_job, job);

    if (sign_as(s->by, s->message, IMPEL_BODY_RAW, &s->fields, &s->error) == 0)
        s->error.code = 0;
}

static void
job_tell(struct signing_job *s, struct batch *b)
{
    char *text;

    if (!s->error.code) {
        b->prefix = s->fields.n ? buf_detach(&s->fields, NULL) : NULL;
        s->done(b, NULL);
        return;
    }
    atomic_fetch_add(&signing.waited, 1);
    log_error(LOG_MOD, "not-signed", "reason=\"%s\"", s->error.text);
    text = xprintf("[internal] cannot sign: %s", s->error.text);
    s->done(b, text);
    free(text);
}

static void
job_done(struct pool_job *j)
{
    struct signing_job *s = CONTAINER_OF(j, struct signing_job, job);
    struct batch *b = preparing_end(&s->of);

    if (b)
        job_tell(s, b);
    message_unref(&s->message);
    signers_unref(&s->by);
    buf_fini(&s->fields);
    free(s);
}

static bool
signing_begin(struct batch *b, struct mailbox *home, batch_prepared_f *done)
{
    struct signing_job *s;

    if (!atomic_load(&signing.wanted) || !scope_int(b->scope, ROW(DKIM_SIGN)))
        return false;
    s = xnew(struct signing_job);
    s->done = done;
    s->message = message_ref(b->sent);
    s->by = signers_get();
    preparing_set(&s->of, b);
    pool_submit(signing.pool, &s->job, home, job_work, job_done);
    return true;
}

/* Rare enough to be done here: 8-bit content for a host without 8BITMIME. */
static char *
signing_prefix(struct batch *b, int form)
{
    struct content_facts f;
    struct signers *by;
    struct buf fields = BUF_INIT;
    struct err e = {0, ""};

    content_get_facts(b->sent->content, &f);
    if (!b->prefix || (!f.eight_bit && !message_is_binary(b->sent)))
        return b->prefix ? xdup(b->prefix) : NULL;
    by = signers_get();
    if (sign_as(by, b->sent, form & ~IMPEL_BODY_DOTTED, &fields, &e) < 0)
        log_error(LOG_MOD, "not-signed", "reason=\"%s\"", e.text);
    signers_unref(&by);
    return fields.n ? buf_detach(&fields, NULL) : NULL;
}

int
signing_start(unsigned threads, struct err *e)
{
    static const struct batch_preparer preparer = {
        signing_begin, signing_prefix};

    signing.pool = pool_new("signing", threads, e);
    if (!signing.pool)
        return e->code;
    batch_preparer = &preparer;
    return 0;
}

void
signing_stop(void)
{
    batch_preparer = NULL;
    if (signing.pool)
        pool_free(&signing.pool);
    atomic_store(&signing.wanted, false);
    signers_unref(&signing.now);
    dkimkey_forget_all();
}

void
signing_get_stats(struct signing_stats *to)
{
    *to = (struct signing_stats){.signatures = atomic_load(&signing.signatures),
        .unsigned_ = atomic_load(&signing.unsigned_),
        .waited = atomic_load(&signing.waited)};
}

/* --- at load --- */

static void
check_scope(const struct stanza *st, bool named, struct conf_report *r)
{
    const struct scope *s = stanza_scope(st);
    struct report_at at = {stanza_file(st), stanza_line(st), 1};
    struct str base = scope_str(s, ROW(DKIM_BASE_DOMAIN));
    struct err e = {0, ""};
    struct dkim_key *k;

    if (named && !scope_signs(s)) {
        conf_report_add(r, REPORT_ERROR, at,
            "dkim_domain \"%.*s\" needs a selector and a key, its own or "
            "opendkim's",
            STR_ARG(stanza_name(st)));
        return;
    }
    if (!named)
        return;
    k = scope_key_of(s, base.n ? base : stanza_name(st), &e);
    if (!k)
        conf_report_add(r, REPORT_WARNING, at, "%s; mail from %.*s would wait",
            e.text, STR_ARG(stanza_name(st)));
    dkimkey_unref(&k);
}

int
signing_check(void *arg, struct generation *g, struct conf_report *r)
{
    const struct stanza *st = NULL, *d;

    (void)arg;
    while ((st = generation_stanza(g, SCOPE_OPENDKIM, NULL, st)) != NULL) {
        d = NULL;
        while ((d = generation_stanza(g, SCOPE_DKIM_DOMAIN, st, d)) != NULL)
            check_scope(d, true, r);
    }
    return conf_report_err(r, NULL);
}

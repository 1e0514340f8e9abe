/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_kit.c - helps the spool's unit tests.
 */
#include "spool_kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/xmem.h"
#include "spool/content.h"

void
kit_remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;

    while (d && (e = readdir(d)) != NULL) {
        char *sub;
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        sub = xprintf("%s/%s", path, e->d_name);
        if (unlink(sub) < 0)
            kit_remove_tree(sub);
        free(sub);
    }
    if (d)
        closedir(d);
    (void)rmdir(path);
}

static void
on_accepted(void *arg, struct message *m)
{
    struct kit *k = arg;
    k->accepted =
        xgrow(k->accepted, k->accepted_count + 1, sizeof(struct message *));
    k->accepted[k->accepted_count++] = m;
}

static void
on_found(void *arg, const struct found *f)
{
    struct kit *k = arg;
    struct kit_found *to;

    k->found = xgrow(k->found, k->found_count + 1, sizeof(*k->found));
    to = &k->found[k->found_count++];
    memset(to, 0, sizeof(*to));
    to->id = f->id;
    to->accept = f->accept;
    to->rcpt_total = f->rcpt_total;
    to->tls = f->tls;
    str_copy(to->binding, sizeof(to->binding), f->binding);
    for (size_t i = 0; i < f->parcel_count && i < 8; i++) {
        const struct found_parcel *p = &f->parcel[i];
        struct kit_parcel *tp = &to->parcel[to->parcel_count++];
        str_copy(tp->domain, sizeof(tp->domain), p->domain);
        for (size_t r = 0; r < p->rcpt_count && r < 16; r++)
            tp->rcpt[tp->rcpt_count++] = p->rcpt[r];
        tp->attempt = p->attempt;
        tp->next_attempt = p->next_attempt;
        tp->retries = p->retries;
        str_copy(tp->moved, sizeof(tp->moved), p->moved);
    }
}

static void
on_recovered(void *arg, uint64_t messages, uint64_t damaged)
{
    struct kit *k = arg;
    (void)damaged;
    k->recovered = true;
    k->recovered_count = messages;
}

static void
on_alarm(void *arg, const char *why, bool pause)
{
    struct kit *k = arg;
    k->paused = pause;
    if (why)
        k->alarms++;
    else
        k->wells++;
}

void
kit_init(struct kit *k, uint64_t segment_bytes)
{
    const char *tmp = getenv("TMPDIR");
    memset(k, 0, sizeof(*k));
    snprintf(k->dir, sizeof(k->dir), "%s/impel-spool-XXXXXX",
        tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(k->dir))
        abort();
    k->config.dir = k->dir;
    k->config.mode = 0640;
    k->config.segment_bytes = segment_bytes;
    k->config.large_threshold = 16 * 1024;
    k->config.readers = k->config.body_writers = 1;
}

int
kit_open(struct kit *k, struct err *e)
{
    int r;
    k->mailbox = mailbox_new();
    k->recovered = false;
    k->found_count = 0;
    k->events = (struct spool_events){.scheduler = k->mailbox,
        .arg = k,
        .accepted = on_accepted,
        .found = on_found,
        .recovered = on_recovered,
        .alarm = on_alarm};
    r = spool_open(&k->config, &k->spool, e);
    if (!r)
        r = spool_start(k->spool, &k->events, e);
    return r;
}

void
kit_turn(struct kit *k, int ms)
{
    struct mail *m = mailbox_take(k->mailbox, ms), *next;
    for (; m; m = next) {
        next = m->next;
        m->deliver(m);
    }
}

void
kit_wait(struct kit *k, const bool *flag)
{
    for (int i = 0; !*flag && i < 2000; i++)
        kit_turn(k, 10);
    if (!*flag)
        abort();
}

void
kit_wait_recovered(struct kit *k)
{
    kit_wait(k, &k->recovered);
}

void
kit_close(struct kit *k)
{
    if (!k->mailbox)
        return;
    spool_close(&k->spool);
    kit_turn(k, 0);
    mailbox_free(&k->mailbox);
    for (size_t i = 0; i < k->accepted_count; i++)
        message_unref(&k->accepted[i]);
    k->accepted_count = 0;
}

void
kit_fini(struct kit *k)
{
    kit_close(k);
    free(k->found);
    free(k->accepted);
    kit_remove_tree(k->dir);
}

static void
fill_body(struct content_builder *b, size_t size, unsigned seed)
{
    char line[80];
    struct err e;
    static const char header[] = "Subject: test\r\nFrom: <a@b>\r\n\r\n";
    content_builder_add(b, header, sizeof(header) - 1, &e);
    for (size_t i = 0, n = 0; n < size; i++) {
        int len = snprintf(line, sizeof(line),
            "%u line %zu of a body that says nothing much\r\n", seed, i);
        content_builder_add(b, line, (size_t)len, &e);
        n += (size_t)len;
    }
}

struct message *
kit_message(struct kit *k, const char *const *rcpt, size_t body, unsigned seed)
{
    struct message *m = message_new(spool_next_ids(k->spool, 1));
    struct content_builder *b =
        content_builder_new(k->spool, m->id, k->mailbox, NULL, NULL);
    struct rcpt *list;
    size_t n = 0;

    while (rcpt[n])
        n++;
    list = arena_alloc(m->arena, (n + 1) * sizeof(*list));
    for (size_t i = 0; i < n; i++) {
        struct str a = str_of(rcpt[i]);
        list[i].address = message_str(m, a);
        list[i].domain = message_str(m, str_from(a, str_rchr(a, '@') + 1));
        list[i].notify = (uint32_t)i;
    }
    m->env.rcpt = list;
    m->env.rcpt_count = n;
    m->env.sender = message_str(m, STR("sender@example.org"));
    m->env.binding = message_str(m, STR("default"));
    m->env.helo = message_str(m, STR("client.example"));
    m->env.peer_port = 65535;
    m->env.protocol = message_str(m, STR("esmtp"));
    m->env.received = clock_wall();
    fill_body(b, body, seed);
    content_builder_finish(&b, m);
    content_prepend(m->content, STR("Received: from here\r\n"));
    return m;
}

static void
accept_done(struct spool_accept *a, int result, const struct err *e)
{
    struct kit_accept *k = CONTAINER_OF(a, struct kit_accept, a);
    (void)result;
    (void)e;
    k->answered = true;
}

void
kit_start_accept(struct kit *k, struct kit_accept *a, struct message *m)
{
    memset(a, 0, sizeof(*a));
    a->a.message = m;
    a->a.home = k->mailbox;
    a->a.done = accept_done;
    spool_accept(k->spool, &a->a);
}

int
kit_store(struct kit *k, struct message *m)
{
    struct kit_accept a;
    kit_start_accept(k, &a, m);
    kit_wait(k, &a.answered);
    return a.a.result;
}

int
kit_store_with(struct kit *k, struct message *m, const char *key)
{
    struct spool_value v = {STR("kit"), str_of(key), STR("is"), 0};
    struct kit_accept a = {
        .a = {
            .message = m, .home = k->mailbox, .done = accept_done, .with = &v}};

    spool_accept(k->spool, &a.a);
    kit_wait(k, &a.answered);
    return a.a.result;
}

bool
kit_has_value(struct kit *k, const char *key)
{
    struct buf b = BUF_INIT;
    bool has = spool_state_get(k->spool, STR("kit"), str_of(key), &b) == 0;

    buf_fini(&b);
    return has;
}

static void
on_durable(void *arg)
{
    struct kit *k = arg;
    k->durable++;
}

void
kit_finish(struct kit *k, uint64_t id, struct spool_place accept,
    struct spool_place attempt, const uint32_t *rcpt, size_t count)
{
    struct finish f = {id, accept, attempt, count, rcpt};
    spool_finish(k->spool, &f, on_durable, k);
}

struct kit_found *
kit_find(struct kit *k, uint64_t id)
{
    for (size_t i = 0; i < k->found_count; i++) {
        if (k->found[i].id == id)
            return &k->found[i];
    }
    return NULL;
}

struct loading {
    struct spool_load l;
    bool done;
};

static void
load_done(struct spool_load *l, int result, const struct err *e)
{
    (void)result;
    (void)e;
    CONTAINER_OF(l, struct loading, l)->done = true;
}

int
kit_load(struct kit *k, struct spool_load *l)
{
    struct loading w = {.l = *l};
    w.l.home = k->mailbox;
    w.l.done = load_done;
    spool_load(k->spool, &w.l);
    kit_wait(k, &w.done);
    *l = w.l;
    return l->result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/importbatch.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/xmem.h"
#include "base/banned.h"

struct import_batch *
importbatch_new(struct scheduler *s)
{
    struct import_batch *b = xnew(struct import_batch);

    b->s = s;
    b->item = xcalloc(BATCH_ITEMS, sizeof(*b->item));
    return b;
}

static void
item_fini(struct import_item *it)
{
    source_loaded_fini(&it->loaded);
    buf_fini(&it->bytes);
    if (it->builder)
        content_builder_abandon(&it->builder);
    if (it->message)
        message_unref(&it->message);
}

void
importbatch_free(struct import_batch **to)
{
    struct import_batch *b = *to;

    *to = NULL;
    if (!b)
        return;
    for (size_t i = 0; i < b->count; i++)
        item_fini(&b->item[i]);
    free(b->item);
    free(b);
}

/* It stays where it is. */
static int
item_refuse(struct import_item *it, int code, const char *why)
{
    it->result = code;
    (void)str_copy(it->why, sizeof(it->why), str_of(why));
    if (it->builder)
        content_builder_abandon(&it->builder);
    if (it->message)
        message_unref(&it->message);
    return code;
}

/* --- reading --- */

/* What is left of it, up to a chunk. */
static void
item_read(struct import_item *it)
{
    struct err e = {0};
    int64_t n = 1;

    buf_cut(&it->bytes, 0);
    buf_reserve(
        &it->bytes, (size_t)MIN_OF(it->loaded.size, (uint64_t)BATCH_CHUNK));
    while (it->bytes.n < BATCH_CHUNK && n > 0) {
        size_t want =
            MIN_OF((size_t)BATCH_CHUNK - it->bytes.n, (size_t)1 << 18);

        buf_reserve(&it->bytes, want);
        n = source_read(&it->loaded, it->bytes.p + it->bytes.n, want, &e);
        if (n > 0)
            it->bytes.n += (size_t)n;
    }
    it->whole = n == 0;
    if (n < 0)
        (void)item_refuse(it, (int)n, e.text);
}

void
importbatch_read_more(struct import_item *it)
{
    item_read(it);
}

void
importbatch_read(struct import_batch *b, struct source *src, const size_t *todo,
    size_t todo_count, size_t *next, const _Atomic bool *stop)
{
    uint64_t bytes = 0;

    while (b->count < BATCH_ITEMS && *next < todo_count && !atomic_load(stop)) {
        struct import_item *it = &b->item[b->count];
        const struct source_message *of = source_get(src, todo[*next]);
        struct err e;

        it->batch = b;
        it->old = of->id;
        it->rcpt_count = of->rcpt_count;
        if (source_load(src, todo[*next], &it->loaded, &e)) {
            (void)item_refuse(it, e.code, e.text);
        } else if (b->count && bytes + it->loaded.size > BATCH_BYTES) {
            source_loaded_fini(&it->loaded); /* begins the next one */
            return;
        } else {
            bytes += it->loaded.size;
            item_read(it);
        }
        b->count++;
        (*next)++;
    }
}

/* --- building --- */

static void
copy_metas(struct message *m, const struct envelope *from)
{
    struct meta *list;

    if (!from->meta_count)
        return;
    list = arena_alloc(m->arena, from->meta_count * sizeof(*list));
    for (size_t i = 0; i < from->meta_count; i++) {
        list[i].key = message_str(m, from->meta[i].key);
        list[i].value = message_str(m, from->meta[i].value);
    }
    m->env.meta = list;
}

static void
copy_texts(struct message *m, const struct envelope *from)
{
    struct envelope *env = &m->env;

    *env = *from;
    env->sender = message_str(m, from->sender);
    env->envid = message_str(m, from->envid);
    env->auth = message_str(m, from->auth);
    env->binding = message_str(m, from->binding);
    env->peer_addr = message_str(m, from->peer_addr);
    env->protocol = message_str(m, from->protocol);
    env->helo = message_str(m, from->helo);
    env->login = message_str(m, from->login);
    env->connection = 0; /* one of another daemon */
    copy_metas(m, from);
}

/* Which recipient becomes which: those that are served are not taken along.
 * UINT32_MAX: not this one. */
static uint32_t *
number_rcpts(const struct source_message *of, size_t all)
{
    uint32_t *number = xcalloc(all, sizeof(*number)), count = 0;

    for (uint32_t k = 0; k < of->parcel_count; k++)
        for (uint32_t i = 0; i < of->parcel[k].rcpt_count; i++)
            number[of->parcel[k].rcpt[i]] = 1;
    for (size_t i = 0; i < all; i++)
        number[i] = number[i] ? count++ : UINT32_MAX;
    return number;
}

static void
copy_rcpts(struct import_item *it, const struct source_message *of)
{
    const struct envelope *from = &it->loaded.message->env;
    struct message *m = it->message;
    uint32_t *number = number_rcpts(of, from->rcpt_count);
    struct rcpt *list = arena_alloc(m->arena, of->rcpt_count * sizeof(*list));

    for (size_t i = 0; i < from->rcpt_count; i++) {
        const struct rcpt *r = &from->rcpt[i];

        if (number[i] != UINT32_MAX)
            list[number[i]] =
                (struct rcpt){.address = message_str(m, r->address),
                    .domain = message_str(m, r->domain),
                    .original = message_str(m, r->original),
                    .notify = r->notify};
    }
    m->env.rcpt = list;
    m->env.rcpt_count = of->rcpt_count;
    it->parcel = arena_alloc(m->arena, of->parcel_count * sizeof(*it->parcel));
    for (uint32_t k = 0; k < of->parcel_count; k++) {
        const struct source_parcel *p = &of->parcel[k];
        uint32_t *rcpt = arena_alloc(m->arena, p->rcpt_count * sizeof(*rcpt));

        for (uint32_t i = 0; i < p->rcpt_count; i++)
            rcpt[i] = number[p->rcpt[i]];
        it->parcel[k] = (struct found_parcel){.domain = list[rcpt[0]].domain,
            .rcpt = rcpt,
            .rcpt_count = p->rcpt_count,
            .next_attempt = p->next_attempt,
            .retries = p->retries,
            .moved = STR("")};
    }
    free(number);
}

static void
item_room(void *arg, int result)
{
    struct import_item *it = arg;

    it->batch->room = true;
    if (result < 0)
        (void)item_refuse(it, result, "it could not be written");
}

int
importbatch_add(struct import_item *it)
{
    struct err e = {0};
    int r = content_builder_add(it->builder, it->bytes.p, it->bytes.n, &e);

    it->batch->room = r != ERR_AGAIN;
    buf_cut(&it->bytes, 0);
    if (r < 0 && r != ERR_AGAIN)
        return item_refuse(it, r, e.text);
    return 0;
}

int
importbatch_build(struct import_item *it, uint64_t id)
{
    struct scheduler *s = it->batch->s;

    it->message = message_new(id);
    copy_texts(it->message, &it->loaded.message->env);
    copy_rcpts(it, it->loaded.of);
    it->builder =
        content_builder_new(s->spool, id, loop_mailbox(s->loop), item_room, it);
    return importbatch_add(it);
}

/* --- storing --- */

static void
item_accepted(struct spool_accept *a, int result, const struct err *e)
{
    struct import_item *it = CONTAINER_OF(a, struct import_item, accept);
    struct import_batch *b = it->batch;

    b->accepting--;
    it->stored = result == 0;
    if (result == ERR_LIMIT) /* what is wrong with it, not with the disk */
        (void)item_refuse(it, result, e->text);
    if (result == 0 || result == ERR_LIMIT || b->result)
        return;
    b->result = result;
    (void)err_set(&b->error, result, "%s", e ? e->text : "it was not stored");
}

void
importbatch_store(struct import_item *it)
{
    struct scheduler *s = it->batch->s;
    struct content_facts f;

    content_builder_facts(it->builder, &f);
    if (f.bare_cr || f.bare_lf) {
        (void)item_refuse(it, ERR_INVAL, "bare CR or LF in it");
        return;
    }
    content_builder_finish(&it->builder, it->message);
    it->accept = (struct spool_accept){.message = it->message,
        .home = loop_mailbox(s->loop),
        .done = item_accepted};
    it->batch->accepting++;
    spool_accept(s->spool, &it->accept);
}

static void
attempt_placed(void *arg, uint64_t token, struct spool_place place)
{
    struct found_parcel *p = (struct found_parcel *)(uintptr_t)token;

    (void)arg;
    p->attempt = place;
}

void
importbatch_attempts(struct import_item *it)
{
    const struct source_message *of = it->loaded.of;

    for (uint32_t k = 0; k < of->parcel_count; k++) {
        struct found_parcel *p = &it->parcel[k];
        struct rcpt_state *state;

        if (!p->next_attempt)
            continue;
        state = xcalloc(p->rcpt_count, sizeof(*state));
        for (uint32_t i = 0; i < p->rcpt_count; i++) {
            state[i] = source_state(&it->loaded, k, of->parcel[k].rcpt[i]);
            state[i].rcpt = p->rcpt[i];
        }
        spool_attempt(it->batch->s->spool,
            &(struct attempt){.id = it->message->id,
                .accept = it->message->place,
                .retries = p->retries,
                .next_attempt = p->next_attempt,
                .domain = p->domain,
                .rcpt_count = p->rcpt_count,
                .rcpt = state},
            attempt_placed, NULL, (uint64_t)(uintptr_t)p);
        free(state);
    }
}

void
importbatch_release(struct import_item *it)
{
    const struct message *m = it->message;
    struct content_facts f;

    content_get_facts(m->content, &f);
    log_info(LOG_QUEUE, "message-imported", "from=%016llx to=%016llx",
        (unsigned long long)it->old, (unsigned long long)m->id);
    scheduler_take(it->batch->s,
        &(struct found){.id = m->id,
            .accept = m->place,
            .received = m->env.received,
            .deadline = m->env.deadline,
            .only_told = (m->env.by & BY_NOTIFY) != 0,
            .hold_until = m->env.hold_until,
            .size = f.size,
            .binding = m->env.binding,
            .tls = message_tls(m),
            .rcpt_total = (uint32_t)m->env.rcpt_count,
            .parcel_count = it->loaded.parcel_count,
            .parcel = it->parcel});
}

void
importbatch_take_back(struct import_item *it)
{
    if (it->stored)
        spool_finish(it->batch->s->spool,
            &(struct finish){
                .id = it->message->id, .accept = it->message->place},
            NULL, NULL);
}

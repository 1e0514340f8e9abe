/* SPDX-License-Identifier: Apache-2.0
 *
 * queue_fake_source.c - another spool, in memory, for tests of its import.
 */
#include "queue_world.h"

#include "spool/source.h"

struct fake_source fake_source;

struct source {
    struct source_message list[FAKE_SOURCE_MOST];
    struct source_parcel parcel[FAKE_SOURCE_MOST];
};
struct source_text {
    size_t at;
};
static const uint32_t second[] = {1};

void
fake_source_reset(void)
{
    for (size_t i = 0; i < fake_source.count; i++)
        message_unref(&fake_source.message[i]);
    memset(&fake_source, 0, sizeof(fake_source));
    fake_source.identity = 0xabc;
}

/* Of two recipients each, of which the second is still to be served. */
int
source_open(const char *dir, const _Atomic bool *stop, struct source **to,
    struct err *e)
{
    struct source *s;

    (void)stop;
    *to = NULL;
    if (strcmp(dir, "/old") != 0)
        return err_set(e, ERR_NOTFOUND, "%s: no spool", dir);
    s = xnew(struct source);
    for (size_t i = 0; i < fake_source.count; i++) {
        s->parcel[i] = (struct source_parcel){.rcpt = second,
            .rcpt_count = 1,
            .retries = fake_source.retries,
            .next_attempt = fake_source.next_attempt};
        s->list[i] = (struct source_message){.id = fake_source.message[i]->id,
            .rcpt_count = 1,
            .parcel_count = 1,
            .parcel = &s->parcel[i]};
    }
    *to = s;
    return 0;
}

void
source_close(struct source **s)
{
    xfree(s);
}

uint64_t
source_identity(const struct source *s)
{
    (void)s;
    return fake_source.identity;
}

uint64_t
source_damaged(const struct source *s)
{
    (void)s;
    return 0;
}

size_t
source_count(const struct source *s)
{
    (void)s;
    return fake_source.count;
}

const struct source_message *
source_get(const struct source *s, size_t i)
{
    return &s->list[i];
}

int
source_load(struct source *s, size_t i, struct source_loaded *to, struct err *e)
{
    memset(to, 0, sizeof(*to));
    if (fake_source.unread == s->list[i].id)
        return err_set(e, ERR_DAMAGED, "the test said so");
    to->of = &s->list[i];
    to->parcel_count = 1;
    to->message = message_ref(fake_source.message[i]);
    to->text = xnew(struct source_text);
    to->size = strlen(fake_source.text);
    return 0;
}

void
source_loaded_fini(struct source_loaded *l)
{
    if (l->message)
        message_unref(&l->message);
    xfree(&l->text);
}

struct rcpt_state
source_state(const struct source_loaded *l, uint32_t parcel, uint32_t rcpt)
{
    (void)l, (void)parcel;
    assert_int_equal(rcpt, 1);
    return (struct rcpt_state){.code = 451, .text = STR("451 later")};
}

int64_t
source_read(struct source_loaded *l, void *to, size_t n, struct err *e)
{
    size_t left = strlen(fake_source.text) - l->text->at;

    (void)e;
    n = MIN_OF(n, left);
    memcpy(to, fake_source.text + l->text->at, n);
    l->text->at += n;
    return (int64_t)n;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/xmem.h"
#include "spool/message.h"

struct content {
    int unused;
};
int fake_builders, fake_builder_result;
bool fake_builder_large;
struct content_builder *fake_builder_last;

struct content_builder *
content_builder_new(struct spool *s, uint64_t id, struct mailbox *home,
    content_room_f *room, void *arg)
{
    struct content_builder *b = xnew(struct content_builder);
    (void)s, (void)id, (void)home;
    b->room = room;
    b->arg = arg;
    fake_builders++;
    return fake_builder_last = b;
}

void
content_builder_expect(struct content_builder *b, uint64_t octets)
{
    (void)b, (void)octets;
}

int
content_builder_add(
    struct content_builder *b, const void *p, size_t n, struct err *e)
{
    (void)p;
    if (fake_builder_result != 0 && fake_builder_result != ERR_AGAIN)
        return err_set(e, fake_builder_result, "as told");
    b->bytes += n;
    return fake_builder_result;
}

void
content_builder_facts(const struct content_builder *b, struct content_facts *f)
{
    memset(f, 0, sizeof(*f));
    f->size = f->body_size = b->bytes;
    f->large = fake_builder_large;
}

struct str
content_builder_header(const struct content_builder *b)
{
    (void)b;
    return STR("Subject: x\r\n\r\n");
}

void
content_prepend(struct content *c, struct str fields)
{
    (void)c;
    assert_true(fields.n > 0);
}

void
content_get_facts(const struct content *c, struct content_facts *f)
{
    (void)c;
    memset(f, 0, sizeof(*f));
}

void
content_builder_finish(struct content_builder **b, struct message *m)
{
    m->content = xnew(struct content);
    content_builder_abandon(b);
}

void
content_builder_abandon(struct content_builder **b)
{
    free(*b);
    *b = NULL;
    fake_builders--;
}

void
content_free(struct content **c)
{
    xfree(c);
}

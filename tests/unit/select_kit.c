/* SPDX-License-Identifier: Apache-2.0 */
#include "select_kit.h"

char select_answer[8192];

static void
replied(void *arg, struct str text, const struct err *e)
{
    (void)arg;
    assert_true(str_copy(select_answer, sizeof(select_answer),
        e->code < 0 ? str_of(e->text) : text));
}

static const struct scheduler_ask ask = {.reply = replied};

void
select_start(enum scheduler_work work, const char *binding, const char *domain,
    const char *to, bool dry_run)
{
    struct scheduler_filter f = {.binding = STR_NONE,
        .group = STR_NONE,
        .domain = STR_NONE,
        .sender = STR_NONE,
        .header = STR_NONE,
        .pattern = STR_NONE};
    struct scheduler_order o = {
        .work = work, .dry_run = dry_run, .text = STR_NONE, .to = STR_NONE};

    if (binding)
        f.binding = str_of(binding);
    if (domain)
        f.domain = str_of(domain);
    if (to)
        o.to = str_of(to);
    select_answer[0] = '\0';
    scheduler_select(world.s, &f, &o, &ask);
}

const char *
select_run(enum scheduler_work work, const char *binding, const char *domain,
    const char *to)
{
    select_start(work, binding, domain, to, false);
    for (int i = 0; i < 500 && !select_answer[0]; i++)
        world_advance(10);
    return select_answer;
}

struct queue *
select_queue(const char *binding, const char *domain)
{
    return queue_get(
        world.s, str_of(binding), str_of(domain), MESSAGE_TLS_USUAL);
}

uint64_t
select_held(const char *binding, const char *domain)
{
    return queue_parcels(select_queue(binding, domain));
}

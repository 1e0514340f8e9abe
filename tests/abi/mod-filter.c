/* SPDX-License-Identifier: Apache-2.0
 *
 * mod-filter.c - a filter that breaks another rule at each step, and never
 * says what it thinks of a body.
 */
#include <stdlib.h>
#include <string.h>

#include <impel/module.h>

static const struct impel_host *host;

static struct impel_str
flaw_name(void *ctx, const struct impel_scope *scope, uint32_t index)
{
    (void)ctx, (void)scope;
    return index ? (struct impel_str){NULL, 0} : (struct impel_str){"flaw", 4};
}

static int
flaw_open(void *ctx, struct impel_session *session,
    const struct impel_scope *scope, uint32_t index, void **s,
    struct impel_error *e)
{
    (void)ctx, (void)scope, (void)index, (void)e;
    *s = session;
    return 0;
}

static void
flaw_event(void *s, struct impel_batch *batch, int event, int64_t arg)
{
    (void)s, (void)batch, (void)event, (void)arg;
}

static void
flaw_step(void *s, const struct impel_step *step)
{
    const struct impel_filtering *f = host->filtering;
    struct impel_str word = {"word", 4};

    switch (step->step) {
    case IMPEL_STEP_CONNECT:
        f->answer(s, IMPEL_ENOUGH, NULL);
        break;
    case IMPEL_STEP_GREET:
        f->answer(s, IMPEL_REFUSE, NULL);
        break;
    case IMPEL_STEP_SENDER:
        f->add_field(s, IMPEL_LAST_FIELD, word, word);
        f->answer(s, IMPEL_GO_ON, NULL);
        break;
    case IMPEL_STEP_RCPT:
        f->answer(s, IMPEL_GO_ON, NULL);
        f->answer(s, IMPEL_GO_ON, NULL);
        break;
    case IMPEL_STEP_HEADER:
        host->ready(s, 1);
        f->answer(s, IMPEL_GO_ON, NULL);
        break;
    default:
        break;
    }
}

static void
flaw_close(void *s, int now)
{
    (void)now;
    host->closed(s, NULL);
}

static void
flaw_release(void *s)
{
    (void)s;
}

static int
flaw_load(const struct impel_host *h, struct impel_instance *instance,
    void **ctx, struct impel_error *e)
{
    (void)instance, (void)ctx, (void)e;
    host = h;
    return 0;
}

static const struct impel_filter flaw = {
    .size = sizeof(flaw),
    .name = flaw_name,
    .open = flaw_open,
    .event = flaw_event,
    .step = flaw_step,
    .close = flaw_close,
    .release = flaw_release,
};

IMPEL_MODULE(mod_filter) = {
    IMPEL_MODULE_STAMP,
    .name = "mod_filter",
    .version = "1",
    .brief = "A filter with flaws, for tests",
    .load = flaw_load,
    .filter = &flaw,
};

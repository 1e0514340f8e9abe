/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <string.h>

#include "fake_filtering.h"
#include "intake/policy.h"
#include "intake/reject.h"
#include "loop/defer.h"
#include "route/binding.h"

/* --- the turn of a loop --- */

struct list fake_deferred;

void
defer_post(
    struct loop *l, struct defer *d, defer_f *fn, void *arg, const char *what)
{
    (void)l, (void)what;
    d->fn = fn;
    d->arg = arg;
    if (!list_linked(&d->node))
        list_push(&fake_deferred, &d->node);
}

void
defer_cancel(struct defer *d)
{
    if (list_linked(&d->node))
        list_remove(&d->node);
}

void
fake_turn(void)
{
    struct list *n;

    while ((n = list_take(&fake_deferred)) != NULL) {
        struct defer *d = LIST_ENTRY(n, struct defer, node);

        d->fn(d->arg);
    }
}

/* --- filters: of two modules, the names are "a", "b" and "c" --- */

const char *const fake_filter_names[FAKE_FILTERS] = {"a", "b", "c"};
struct filtering fake_filters[FAKE_SESSIONS];
int fake_opened, fake_filter_count;
static char modules[2];

struct module *
registry_next_filter(const struct generation *g, struct module *prev)
{
    (void)g;
    if (!prev)
        return (struct module *)&modules[0];
    return prev == (struct module *)&modules[0] ? (struct module *)&modules[1]
                                                : NULL;
}

/* The first module has one filter, the other the rest. */
struct str
filtering_name(
    const struct module *m, const struct scope *scope, uint32_t index)
{
    int which = m == (struct module *)&modules[0] ? (int)index : (int)index + 1;

    (void)scope;
    if ((which && m == (struct module *)&modules[0]) ||
        which >= fake_filter_count)
        return STR_NONE;
    return str_of(fake_filter_names[which]);
}

struct filtering *
filtering_open(struct loop *l, const struct module *m,
    const struct scope *scope, uint32_t index, const char *name,
    const struct filtering_events *ev, void *arg)
{
    struct filtering *f = &fake_filters[fake_opened++];

    (void)l, (void)scope;
    assert_string_equal(name, "mx.test");
    assert_true(fake_opened <= FAKE_SESSIONS);
    *f = (struct filtering){.ev = ev, .arg = arg, .open = true};
    f->which = m == (struct module *)&modules[0] ? 0 : (int)index + 1;
    return f;
}

void
filtering_step(struct filtering *f, const struct impel_step *step)
{
    static const char letters[] = "?CGSRHBEAL";
    size_t n = strlen(f->told);

    assert_true(f->open);
    f->step = *step;
    f->told[n] = letters[step->step];
    f->told[n + 1] = '\0';
}

void
filtering_close(struct filtering **f, bool polite)
{
    if (!*f)
        return;
    assert_true((*f)->open);
    (*f)->open = false;
    (*f)->polite = polite;
    *f = NULL;
}

int fake_credits;

void
filtering_credit(struct filtering *f)
{
    assert_true(f->open);
    fake_credits++;
}

/* --- the client's session --- */

static struct netaddr client_address = {.port = 99};
int fake_verdicts, fake_verdict_code;

struct impel_str
session_told(struct impel_session *s, int what)
{
    (void)s;
    return what == IMPEL_INFO_TLS_VERSION ? (struct impel_str){"TLS1.3", 6}
                                          : (struct impel_str){NULL, 0};
}

const struct tls_facts *
session_tls(const struct impel_session *s)
{
    (void)s;
    return NULL;
}

const struct netaddr *
session_peer(const struct impel_session *s)
{
    (void)s;
    return &client_address;
}

const struct netaddr *
session_local(const struct impel_session *s)
{
    (void)s;
    return &client_address;
}

void
session_verdict(struct impel_session *s, uint64_t tag, size_t rcpt,
    const struct impel_result *r)
{
    (void)s;
    assert_int_equal(tag, 0);
    assert_true(rcpt == SIZE_MAX);
    fake_verdicts++;
    fake_verdict_code = r->code;
}

void
reject_note(const struct intake_session *is, struct str sender, struct str rcpt,
    const struct impel_result *r)
{
    (void)is, (void)sender, (void)rcpt, (void)r;
}

struct str
binding_hostname(const struct scope *s)
{
    (void)s;
    return STR("mx.test");
}

void
policy_say(struct impel_result *r, int verdict, int stage, int code,
    const char *status, const char *text)
{
    (void)status;
    *r = (struct impel_result){.size = sizeof(*r),
        .verdict = verdict,
        .stage = stage,
        .code = (uint16_t)code,
        .text = {text, strlen(text)}};
}

void
message_id_print(uint64_t id, char to[MESSAGE_ID_SIZE])
{
    snprintf(to, MESSAGE_ID_SIZE, "id-%d", (int)id);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_suspend.c - suspend, resume, override: values that hold until they
 * are taken back, or for a while.
 */
#include "ctl/commands_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/xmem.h"
#include "queue/overriding.h"
#include "queue/queue_options.h"
#include "base/banned.h"

enum { VALUE_WORDS_MAX = OVERRIDE_ITEMS_MAX };
#define LONGEST_MS ((int64_t)3650 * 86400000)

/* What stands behind the words of a command. */
struct request {
    struct command_call *c;
    struct override v;
    size_t at, end; /* the words that are left */
    struct buf why, text, domain;
    struct str items[VALUE_WORDS_MAX];
};

static struct override_place
place_none(void)
{
    return (struct override_place){STR_NONE, STR_NONE, STR_NONE};
}

static void
request_begin(struct request *r, struct command_call *c, size_t at)
{
    *r = (struct request){.c = c, .at = at, .end = c->word_count};
    r->v.place = place_none();
    r->v.set_at = clock_wall();
    r->v.who = str_of(c->who);
}

static void
request_end(struct request *r)
{
    buf_fini(&r->why);
    buf_fini(&r->text);
    buf_fini(&r->domain);
}

static bool
is_word(const struct request *r, const char *word)
{
    return r->at < r->end && commands_is(r->c, r->at, word);
}

/* "domain x.test" into *to. */
static bool
take_name(struct request *r, const char *word, struct str *to)
{
    if (to->p || !is_word(r, word) || r->at + 1 >= r->end)
        return false;
    *to = r->c->words[r->at + 1];
    r->at += 2;
    return true;
}

static bool
group_is_configured(const struct generation *g, struct str name)
{
    const struct stanza *s = NULL;

    while ((s = generation_stanza(g, IMPEL_SCOPE_GROUP, NULL, s)) != NULL)
        if (str_eq(stanza_name(s), name))
            return true;
    return str_eq(name, STR("default"));
}

/* A name that nothing has would be a slip of the hand. */
static bool
place_is_there(struct request *r)
{
    const struct generation *g = r->c->on->generation;
    const struct override_place *p = &r->v.place;
    struct err e;

    if (override_place_check(&r->v.place, &r->domain, &r->v.place, &e) < 0) {
        commands_fail(r->c, "%s", e.text);
        return false;
    }
    if (p->binding.p && !generation_binding_group(g, p->binding).p) {
        commands_fail(
            r->c, "no binding %.*s is configured", STR_ARG(p->binding));
        return false;
    }
    if (p->group.p && !group_is_configured(g, p->group)) {
        commands_fail(
            r->c, "no binding_group %.*s is configured", STR_ARG(p->group));
        return false;
    }
    return true;
}

/* "all", or one to two names; nothing: false, and nothing was said. */
static bool
take_place(struct request *r)
{
    struct override_place *p = &r->v.place;
    size_t from = r->at;

    if (is_word(r, "all")) {
        r->at++;
        return true;
    }
    if (!take_name(r, "binding", &p->binding) &&
        !take_name(r, "binding_group", &p->group))
        (void)take_name(r, "group", &p->group);
    (void)take_name(r, "domain", &p->domain);
    return r->at > from;
}

/* "because of this and that", at the end. */
static void
take_why(struct request *r)
{
    for (size_t i = r->at; i < r->end; i++) {
        if (!commands_is(r->c, i, "because"))
            continue;
        commands_join(r->c, i + 1, &r->why);
        r->v.why = buf_get(&r->why);
        r->end = i;
    }
}

/* "for 2h" or "until 2026-11-21T10:00Z", the last two words; false: said. */
static bool
take_end(struct request *r)
{
    struct str value;
    int64_t ms;

    if (r->end < r->at + 2)
        return true;
    value = r->c->words[r->end - 1];
    if (commands_is(r->c, r->end - 2, "for")) {
        if (num_duration(value, &ms) < 0 || ms <= 0 || ms > LONGEST_MS) {
            commands_fail(r->c,
                "\"%.*s\" is no duration; one looks like 90, 15m, 1h30m, 2d",
                STR_ARG(value));
            return false;
        }
        r->v.expires = clock_wall() + ms;
    } else if (commands_is(r->c, r->end - 2, "until")) {
        if (clock_parse_iso(value, &r->v.expires) < 0) {
            commands_fail(r->c,
                "\"%.*s\" is no time; one looks like 2026-11-21T10:00Z",
                STR_ARG(value));
            return false;
        }
    } else {
        return true;
    }
    r->end -= 2;
    return true;
}

static bool
is_list(uint32_t option)
{
    int type = option_get(option)->type;

    return type == IMPEL_OPT_LIST || type == OPTION_CIDRS;
}

/* A list may stand in brackets, as in a file. */
static bool
take_value(struct request *r)
{
    if (is_word(r, "="))
        r->at++;
    for (; r->at < r->end; r->at++) {
        struct str word = r->c->words[r->at];

        if (is_list(r->v.option)) {
            if (str_eq(word, STR("(")) || str_eq(word, STR(")")))
                continue;
            if (r->v.value.item_count == VALUE_WORDS_MAX)
                return false;
            r->items[r->v.value.item_count++] = word;
            continue;
        }
        if (r->text.n)
            buf_char(&r->text, ' ');
        buf_str(&r->text, word);
    }
    r->v.value.text = buf_get(&r->text);
    if (r->v.value.item_count)
        r->v.value.items = r->items;
    return r->text.n || r->v.value.item_count;
}

static bool
take_option(struct request *r)
{
    char near[200];
    struct str name;

    if (r->at >= r->end) {
        commands_usage(r->c, 0);
        return false;
    }
    name = r->c->words[r->at++];
    r->v.option = option_find(name);
    if (r->v.option != UINT32_MAX)
        return true;
    option_near(name, near, sizeof(near));
    commands_fail(r->c, "unknown option '%.*s'%s%s%s",
        STR_ARG(str_sub(name, 0, 80)), near[0] ? "; did you mean " : "", near,
        near[0] ? "?" : "");
    return false;
}

/* An answer that waits until a crash changes nothing. */
struct later {
    struct overriding_wait wait;
    struct command_call *c;
    struct buf text;
};

static void
later_say(struct overriding_wait *w, bool stored)
{
    struct later *l = CONTAINER_OF(w, struct later, wait);

    commands_say(l->c, "%.*s%s", STR_ARG(buf_get(&l->text)),
        stored ? "" : "; it holds, but it is not on disk yet");
    buf_fini(&l->text);
    free(l);
}

static void say_later(struct command_call *c, const char *fmt, ...)
    ATTR_PRINTF(2, 3);
static void
say_later(struct command_call *c, const char *fmt, ...)
{
    struct later *l = xnew(struct later);
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&l->text, fmt, ap);
    va_end(ap);
    l->c = c;
    l->wait.done = later_say;
    overriding_wait(c->on->scheduler, &l->wait);
}

static void
say_place(const struct override *v, struct buf *to)
{
    override_print_place(&v->place, to);
    if (v->expires) {
        buf_cstr(to, " until ");
        clock_print_iso(to, v->expires);
    }
}

static void
set(struct request *r, const char *verb)
{
    struct buf out = BUF_INIT;
    struct err e;

    if (overriding_set(r->c->on->scheduler, &r->v, &e) < 0) {
        commands_fail(r->c, "%s", e.text);
        return;
    }
    say_place(&r->v, &out);
    say_later(r->c, "%s %.*s", verb, STR_ARG(buf_get(&out)));
    buf_fini(&out);
}

/* --- suspend, resume --- */

void
command_suspend(struct command_call *c, size_t at)
{
    struct request r;

    request_begin(&r, c, at);
    if (!take_place(&r)) {
        commands_usage(c, at);
        return;
    }
    take_why(&r);
    r.v.option = OPT(queue_options, QUEUE_SUSPEND_DELIVERY);
    r.v.value.text = STR("true");
    if (take_end(&r)) {
        if (r.at != r.end)
            commands_usage(c, at);
        else if (place_is_there(&r))
            set(&r, "suspended");
    }
    request_end(&r);
}

/* What is in force at the place of which it is said, or NULL. */
static const struct scope *
scope_of(const struct request *r)
{
    const struct override_place *p = &r->v.place;

    if (p->group.p)
        return NULL;
    if (!p->binding.p && !p->domain.p)
        return generation_global(r->c->on->generation);
    return generation_scope(r->c->on->generation, p->binding, p->domain);
}

static void
say_resumed(struct request *r, bool cleared)
{
    const struct scope *s = scope_of(r);
    struct buf place = BUF_INIT, by = BUF_INIT;

    override_print_place(&r->v.place, &place);
    if (s && scope_int(s, r->v.option))
        scope_print_origin(s, r->v.option, &by);
    if (by.n && cleared)
        say_later(
            r->c, "resumed %s, but it is still suspended: %s", place.p, by.p);
    else if (cleared)
        say_later(r->c, "resumed %s", place.p);
    else if (by.n)
        commands_fail(r->c,
            "nobody said `suspend %s`; it is suspended by another: %s", place.p,
            by.p);
    else
        commands_fail(r->c, "%s is not suspended", place.p);
    buf_fini(&place);
    buf_fini(&by);
}

void
command_resume(struct command_call *c, size_t at)
{
    struct request r;

    request_begin(&r, c, at);
    if (!take_place(&r) || r.at != r.end) {
        commands_usage(c, at);
        return;
    }
    r.v.option = OPT(queue_options, QUEUE_SUSPEND_DELIVERY);
    say_resumed(&r,
        overriding_clear(
            c->on->scheduler, &r.v.place, OVERRIDE_OPERATOR, r.v.option));
}

/* --- override --- */

void
command_override_set(struct command_call *c, size_t at)
{
    struct request r;

    request_begin(&r, c, at);
    (void)take_place(&r);
    take_why(&r);
    if (take_end(&r) && take_option(&r)) {
        if (!take_value(&r))
            commands_usage(c, at);
        else if (place_is_there(&r))
            set(&r, "overridden:");
    }
    request_end(&r);
}

void
command_override_clear(struct command_call *c, size_t at)
{
    struct scheduler *s = c->on->scheduler;
    enum override_source source = OVERRIDE_OPERATOR;
    struct request r;
    size_t n;

    request_begin(&r, c, at);
    if (is_word(&r, "adaptive")) {
        source = OVERRIDE_ADAPTIVE;
        r.at++;
    }
    if (!take_place(&r)) {
        commands_usage(c, at);
        return;
    }
    if (r.at + 1 != r.end) {
        commands_usage(c, at);
    } else if (is_word(&r, "all")) {
        n = overriding_clear_place(s, &r.v.place, source);
        say_later(c, "%zu override%s cleared", n, n == 1 ? "" : "s");
    } else if (take_option(&r)) {
        if (overriding_clear(s, &r.v.place, source, r.v.option))
            say_later(c, "1 override cleared");
        else
            commands_fail(c, "there is no such override");
    }
}

void
command_override_list(struct command_call *c, size_t at)
{
    struct buf out = BUF_INIT, room = BUF_INIT;
    struct override_place place;
    struct request r;
    struct err e;
    bool one;

    request_begin(&r, c, at);
    one = take_place(&r);
    if (r.at != r.end) {
        commands_usage(c, at);
    } else if (one && override_place_check(&r.v.place, &room, &place, &e)) {
        commands_fail(c, "%s", e.text);
    } else {
        overriding_print(c->on->scheduler, one ? &place : NULL, c->json, &out);
        commands_take(c, &out);
    }
    buf_fini(&out);
    buf_fini(&room);
}

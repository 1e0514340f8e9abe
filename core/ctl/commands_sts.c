/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_sts.c - mta_sts: which policies are in force, and what is known of
 * a domain's.
 */
#include "ctl/commands_int.h"

#include "base/clock.h"
#include "ctl/jsontext.h"
#include "route/sts.h"
#include "base/banned.h"

enum { LIST_MOST = 100000, LIST_USUAL = 100 };

static json_t *
json_time(int64_t wall)
{
    struct buf b = BUF_INIT;
    json_t *j;

    if (!wall)
        return json_null();
    clock_print_iso(&b, wall);
    j = jsontext_value(buf_get(&b));
    buf_fini(&b);
    return j;
}

static json_t *
json_policy(const struct sts_facts *f)
{
    json_t *mx = json_array();

    if (!f->policy) {
        json_decref(mx);
        return json_null();
    }
    for (size_t i = 0; i < f->policy->mx_count; i++)
        json_array_append_new(mx, jsontext_value(str_of(f->policy->mx[i])));
    return json_pack("{s:s,s:s,s:I,s:o,s:o,s:o}", "mode",
        stspolicy_mode_name(f->policy->mode), "id", f->id, "max_age",
        (json_int_t)f->policy->max_age, "fetched", json_time(f->fetched),
        "expires", json_time(f->expires), "mx", mx);
}

static json_t *
json_facts(const struct sts_facts *f)
{
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:I,s:b,s:b}", "domain",
        jsontext_value(f->domain), "policy", json_policy(f), "record",
        jsontext_value(str_of(f->record)), "checked", json_time(f->checked),
        "trouble", jsontext_value(str_of(f->trouble)), "failures",
        (json_int_t)f->failures, "asking", (int)f->asking, "used",
        (int)f->used);
}

struct listing {
    json_t *rows;
    struct buf out;
    uint64_t left;
};

static bool
list_one(void *arg, const struct sts_facts *f)
{
    struct listing *l = arg;

    if (l->rows) {
        json_array_append_new(l->rows, json_facts(f));
    } else {
        buf_printf(&l->out, "%.*s: ", STR_ARG(f->domain));
        sts_print(f, &l->out);
        buf_char(&l->out, '\n');
    }
    return --l->left > 0;
}

void
command_mta_sts_list(struct command_call *c, size_t at)
{
    struct listing l = {.rows = c->json ? json_array() : NULL};
    uint64_t most = LIST_USUAL;

    if (!commands_args(c, at, 0, 1) ||
        (at < c->word_count && !commands_number(c, c->words[at], &most))) {
        json_decref(l.rows);
        return;
    }
    l.left = MIN_OF(most, (uint64_t)LIST_MOST);
    if (l.left)
        sts_each(c->on->sts, list_one, &l);
    if (l.rows)
        jsontext_take(&l.out, json_pack("{s:o}", "domains", l.rows));
    if (!l.rows && !l.out.n)
        commands_say(c, "no domain is known; use_mta_sts asks for policies");
    else
        commands_take(c, &l.out);
    buf_fini(&l.out);
}

static void
print_time(struct buf *to, const char *what, int64_t wall)
{
    if (!wall)
        return;
    buf_printf(to, "%s ", what);
    clock_print_iso(to, wall);
    buf_char(to, '\n');
}

static void
show_text(const struct sts_facts *f, struct buf *to)
{
    buf_printf(to, "%.*s: ", STR_ARG(f->domain));
    sts_print(f, to);
    buf_char(to, '\n');
    if (f->policy) {
        stspolicy_print(f->policy, to);
        print_time(to, "fetched", f->fetched);
        print_time(to, "in force until", f->expires);
    }
    if (f->record[0])
        buf_printf(to, "record: %s\n", f->record);
    print_time(to, "record looked at", f->checked);
    print_time(to, "looked at again", f->next);
    if (f->failures)
        buf_printf(to, "%llu requests failed in a row\n",
            (unsigned long long)f->failures);
    if (f->asking)
        buf_cstr(to, "it is being asked for now\n");
}

void
command_mta_sts_show(struct command_call *c, size_t at)
{
    struct sts_facts f;
    struct buf out = BUF_INIT;

    if (!commands_args(c, at, 1, 1))
        return;
    if (sts_find(c->on->sts, c->words[at], &f) < 0) {
        commands_fail(c, "nothing is known of %.*s", STR_ARG(c->words[at]));
        return;
    }
    if (c->json)
        jsontext_take(&out, json_facts(&f));
    else
        show_text(&f, &out);
    commands_take(c, &out);
    buf_fini(&out);
}

void
command_mta_sts_refresh(struct command_call *c, size_t at)
{
    struct err e = {0};

    if (!commands_args(c, at, 1, 1))
        return;
    if (sts_refresh(c->on->sts, c->words[at], &e) < 0)
        commands_fail(c, "%.*s: %s", STR_ARG(c->words[at]), e.text);
    else
        commands_say(c,
            "%.*s is being asked for; mta_sts show says what came "
            "of it",
            STR_ARG(c->words[at]));
}

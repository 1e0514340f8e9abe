/* SPDX-License-Identifier: Apache-2.0
 *
 * tlsshow.c - reports of TLS as the console tells of them.
 */
#include "queue/tlsrpt_int.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/idna.h"
#include "base/banned.h"

static const char *
wants_name(const struct subject *d)
{
    switch (d->wants) {
    case SUBJECT_YES:
        return "wanted";
    case SUBJECT_NO:
        return "not wanted";
    default:
        return "not known yet";
    }
}

static void
set_time(json_t *to, const char *key, int64_t wall)
{
    struct buf b = BUF_INIT;

    clock_print_iso(&b, wall);
    (void)json_object_set_new(to, key, json_stringn(b.p, b.n));
    buf_fini(&b);
}

static json_t *
line_of(const struct tlstally *t, const char *state)
{
    json_t *to = json_object();

    (void)json_object_set_new(to, "domain", json_string(t->domain));
    (void)json_object_set_new(to, "state", json_string(state));
    set_time(to, "from", t->from);
    (void)json_object_set_new(
        to, "successful", json_integer((json_int_t)t->good));
    (void)json_object_set_new(to, "failed", json_integer((json_int_t)t->bad));
    return to;
}

static json_t *
list_json(const struct tlsrpt *t)
{
    json_t *list = json_array();
    const struct list *n;

    LIST_FOREACH (n, &t->all) {
        const struct subject *d = LIST_ENTRY(n, const struct subject, node);

        if (d->tally)
            (void)json_array_append_new(list, line_of(d->tally, wants_name(d)));
    }
    LIST_FOREACH (n, &t->all_errands) {
        const struct errand *x = LIST_ENTRY(n, const struct errand, node);
        json_t *line =
            line_of(x->tally, x->sending ? "being sent" : "waits to be sent");

        if (!x->sending)
            set_time(line, "due", x->due.when);
        (void)json_object_set_new(line, "tries", json_integer(x->tries));
        (void)json_array_append_new(list, line);
    }
    return list;
}

static void
print_line(const json_t *j, struct buf *to)
{
    const char *due = json_string_value(json_object_get(j, "due"));

    buf_printf(to, "%s: %lld as they should be, %lld not so, since %s; %s",
        json_string_value(json_object_get(j, "domain")),
        (long long)json_integer_value(json_object_get(j, "successful")),
        (long long)json_integer_value(json_object_get(j, "failed")),
        json_string_value(json_object_get(j, "from")),
        json_string_value(json_object_get(j, "state")));
    if (due)
        buf_printf(to, ", at %s", due);
    buf_char(to, '\n');
}

void
tlsrpt_print_list(const struct tlsrpt *t, bool json, struct buf *to)
{
    json_t *list = list_json(t), *v;
    size_t i;

    if (json) {
        char *text = json_dumps(list, JSON_COMPACT | JSON_ENSURE_ASCII);

        buf_cstr(to, text ? text : "[]");
        free(text);
    } else {
        json_array_foreach(list, i, v) print_line(v, to);
        if (!json_array_size(list))
            buf_cstr(to, "nothing was counted\n");
    }
    json_decref(list);
}

/* --- of one domain --- */

static struct subject *
subject_of(const struct tlsrpt *t, struct str domain, struct buf *name)
{
    if (!idna_fold(domain, name))
        return NULL;
    return map_find(&t->subjects, buf_get(name));
}

int
tlsrpt_print(
    const struct tlsrpt *t, struct str domain, struct buf *to, struct err *e)
{
    struct buf name = BUF_INIT;
    const struct subject *d = subject_of(t, domain, &name);
    size_t at = to->n;
    const struct list *n;

    buf_char(to, '[');
    LIST_FOREACH (n, &t->all_errands) {
        const struct errand *x = LIST_ENTRY(n, const struct errand, node);

        if (!str_eq(str_of(x->tally->domain), buf_get(&name)))
            continue;
        if (to->n > at + 1)
            buf_char(to, ',');
        tlssend_print(t, x->tally, x->id, to);
    }
    if (d && d->tally) {
        if (to->n > at + 1)
            buf_char(to, ',');
        tlssend_print(t, d->tally, 0, to);
    }
    buf_cstr(to, "]\n");
    if (to->n == at + 3) {
        buf_cut(to, at);
        (void)err_set(e, ERR_NOTFOUND, "nothing was counted for %s",
            d && d->wants == SUBJECT_NO ? "it: it wants no reports"
                                        : buf_get(&name).p);
        buf_fini(&name);
        return ERR_NOTFOUND;
    }
    buf_fini(&name);
    return 0;
}

int
tlsrpt_send(struct tlsrpt *t, struct str domain, struct err *e)
{
    struct buf name = BUF_INIT;
    struct subject *d = subject_of(t, domain, &name);
    int64_t now = clock_wall();
    struct list *n;
    int count = 0;

    if (d && d->tally)
        (void)tlsrpt_close(d, MAX_OF(now, d->tally->from + 1000), now);
    LIST_FOREACH (n, &t->all_errands) {
        struct errand *x = LIST_ENTRY(n, struct errand, node);

        if (!str_eq(str_of(x->tally->domain), buf_get(&name)))
            continue;
        count++;
        if (!x->sending)
            heap_set(&t->errands, &x->due, now);
    }
    if (!count)
        (void)err_set(
            e, ERR_NOTFOUND, "nothing was counted for %.*s", STR_ARG(domain));
    tlsrpt_wake(t, 0);
    buf_fini(&name);
    return count ? count : ERR_NOTFOUND;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * commands_trace.c - trace smtp: what is said on chosen connections, in files.
 */
#include "ctl/commands_int.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "conf/override.h"
#include "ctl/jsontext.h"
#include "xport/tracer.h"
#include "xport/xport_options.h"
#include "base/banned.h"

static bool
is_any(struct str word)
{
    return str_eq(word, STR("*"));
}

/* Names in the form the queues have them; a binding that nothing has would be
 * a slip of the hand. */
static bool
choose(struct command_call *c, size_t at, struct tracer_request *r,
    struct buf *domain)
{
    struct override_place p = {STR_NONE, STR_NONE, STR_NONE};
    struct str what = c->words[at + 1];
    struct err e;

    if (!is_any(c->words[at]))
        p.binding = c->words[at];
    if (!is_any(what) &&
        cidr_parse(what, CIDR_PREFIX | CIDR_BRACKETS, &r->net, NULL) < 0)
        p.domain = what;
    if (override_place_check(&p, domain, &p, &e) < 0) {
        commands_fail(c, "%s", e.text);
        return false;
    }
    if (p.binding.p &&
        !generation_binding_group(c->on->generation, p.binding).p) {
        commands_fail(c, "no binding %.*s is configured", STR_ARG(p.binding));
        return false;
    }
    r->binding = p.binding;
    r->what = p.domain;
    return true;
}

void
command_trace_smtp_add(struct command_call *c, size_t at)
{
    const struct scope *s = generation_global(c->on->generation);
    struct tracer_request r = {
        .mode = (int)scope_int(s, OPT(xport_options, XPORT_TRACE_SMTP_MODE))};
    struct buf domain = BUF_INIT;
    struct err e;
    uint64_t id = 0;
    char *path;

    if (!commands_args(c, at, 3, 3))
        return;
    if (choose(c, at, &r, &domain)) {
        path = xdupn(c->words[at + 2].p, c->words[at + 2].n);
        r.path = path;
        r.most =
            (uint64_t)scope_int(s, OPT(xport_options, XPORT_TRACE_SMTP_SIZE));
        id = tracer_add(&r, &e);
        if (id)
            commands_say(c, "Registered smtp tracer #%" PRIu64, id);
        else
            commands_fail(c, "%s", e.text);
        free(path);
    }
    buf_fini(&domain);
}

struct listing {
    json_t *rows; /* or NULL */
    struct buf out;
};

static void
list_one(void *arg, const struct tracer_view *v)
{
    struct listing *l = arg;
    struct buf what = BUF_INIT;

    if (v->net.family)
        cidr_print(&v->net, &what);
    else
        buf_cstr(&what, v->what ? v->what : "*");
    if (l->rows)
        json_array_append_new(l->rows,
            json_pack("{s:I,s:s,s:o,s:o,s:I,s:I,s:I,s:b}", "tracer",
                (json_int_t)v->id, "binding", v->binding ? v->binding : "*",
                "what", jsontext_value(buf_get(&what)), "file",
                jsontext_value(str_of(v->path)), "octets",
                (json_int_t)v->octets, "most", (json_int_t)v->most, "sessions",
                (json_int_t)v->sessions, "full", (int)v->full));
    else
        buf_printf(&l->out,
            "#%-4" PRIu64 " %s %s %s: %" PRIu64 " of %" PRIu64
            " octets, %u session%s%s\n",
            v->id, v->binding ? v->binding : "*", buf_get(&what).p, v->path,
            v->octets, v->most, v->sessions, v->sessions == 1 ? "" : "s",
            v->full ? ", full" : "");
    buf_fini(&what);
}

void
command_trace_smtp_list(struct command_call *c, size_t at)
{
    struct listing l = {.rows = c->json ? json_array() : NULL};

    if (!commands_args(c, at, 0, 0)) {
        json_decref(l.rows);
        return;
    }
    tracer_each(list_one, &l);
    if (l.rows)
        jsontext_take(&l.out, json_pack("{s:o}", "tracers", l.rows));
    else if (!l.out.n)
        buf_cstr(&l.out, "no smtp tracers\n");
    commands_take(c, &l.out);
}

void
command_trace_smtp_remove(struct command_call *c, size_t at)
{
    struct str word;
    uint64_t id;

    if (!commands_args(c, at, 1, 1))
        return;
    word = c->words[at];
    if (str_starts(word, STR("#")))
        word = str_from(word, 1);
    if (!commands_number(c, word, &id))
        return;
    if (tracer_remove(id))
        commands_say(c, "Removed smtp tracer #%" PRIu64, id);
    else
        commands_fail(c, "there is no smtp tracer #%" PRIu64, id);
}

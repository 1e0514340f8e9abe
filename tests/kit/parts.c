/* SPDX-License-Identifier: Apache-2.0 */
#include "world_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/xmem.h"
#include "base/banned.h"

static struct impel_str
part_str(const char *z)
{
    return (struct impel_str){z, z ? strlen(z) : 0};
}

/* The values of the scope: initial ones, then the script's. */
static void
part_options(struct world *w)
{
    const struct impel_module *m = &w->module->m;
    struct err e = {0};

    w->scope.m = m;
    if (value_table(m->options, m->option_count, &w->scope.value, &e)) {
        world_fault(w, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < w->script->option_count; i++) {
        struct script_option *o = &w->script->option[i];
        uint32_t row = 0;
        while (row < m->option_count && strcmp(m->options[row].name, o->name))
            row++;
        if (row == m->option_count)
            world_fault(
                w, "line %d: the module has no option %s", o->line, o->name);
        else if (value_parse(w->scope.value[row].row, o->value,
                     &w->scope.value[row], &e))
            world_fault(w, "line %d: %s", o->line, e.text);
    }
}

static void
part_check(struct world *w)
{
    struct impel_error e = {0};
    int rc;

    if (!w->module->m.check || w->fault_count)
        return;
    rc = w->module->m.check(w->module->ctx, &w->scope, &e);
    e.text[sizeof(e.text) - 1] = '\0';
    if (rc)
        world_fault(w, "check() refuses the options: %s", e.text);
}

struct world *
world_new(struct kit_module *m, struct script *s, const struct world_plan *plan)
{
    static uint64_t worlds;
    struct world *w = xnew(struct world), *before = world_current;

    w->module = m;
    w->script = s;
    w->plan = *plan;
    w->instance.module = m;
    w->serial = ++worlds;
    w->now = 1000000;
    w->last = &w->first;
    world_current = w;
    part_options(w);
    values_begin(w);
    part_check(w);
    if (s->listener     ? !m->has_listener
            : s->filter ? !m->has_filter
                        : !m->has_transport)
        world_fault(w, "the module has no %s",
            s->listener     ? "listener"
                : s->filter ? "filter"
                            : "transport");
    world_current = before;
    return w;
}

struct impel_session *
world_session_new(struct world *w, const struct script_session *t)
{
    struct impel_session *s = xnew(struct impel_session);
    const struct script *script = w->script;
    const char *const *first =
        script->listener ? w->module->m.listeners : w->module->m.methods;

    s->world = w;
    s->script = t;
    s->number = (int)w->session_count;
    s->address = (struct impel_peer){.size = sizeof(s->address),
        .port = (uint16_t)script->port,
        .method = part_str(script->method ? script->method
                : first                   ? first[0]
                                          : "NONE"),
        .uri = part_str(script->uri),
        .host = part_str(script->host),
        .addr = part_str(script->addr)};
    w->session = xgrow(w->session, w->session_count + 1, sizeof(w->session[0]));
    w->session[w->session_count++] = s;
    return s;
}

static void
part_forms(struct impel_batch *b, const struct buf *raw)
{
    struct buf *dotted = &b->form[IMPEL_BODY_DOTTED];

    buf_add(&b->form[IMPEL_BODY_RAW], raw->p, raw->n);
    for (size_t i = 0; i < raw->n; i++) {
        if (raw->p[i] == '.' && (!i || raw->p[i - 1] == '\n'))
            buf_char(dotted, '.');
        buf_char(dotted, raw->p[i]);
    }
    buf_cstr(dotted, ".\r\n");
    for (int f = 0; f < 2; f++) { /* a crude seven-bit form will do here */
        struct buf *to = &b->form[f | IMPEL_BODY_SEVENBIT];
        buf_add(to, b->form[f].p, b->form[f].n);
        for (size_t i = 0; i < to->n; i++)
            to->p[i] &= 0x7f;
    }
}

struct impel_batch *
world_batch_new(struct impel_session *s, const struct script_message *m)
{
    struct world *w = s->world;
    struct impel_batch *b = xnew(struct impel_batch);

    b->world = w;
    b->session = s;
    b->message = m;
    b->left = m->rcpt_count;
    b->report = xcalloc(m->rcpt_count + 1, sizeof(*b->report));
    b->rcpt = xcalloc(m->rcpt_count + 1, sizeof(*b->rcpt));
    for (size_t i = 0; i < m->rcpt_count; i++)
        b->rcpt[i] = &m->rcpt[i].rcpt;
    b->envelope = (struct impel_envelope){.size = sizeof(b->envelope),
        .needs = m->needs,
        .id = part_str(m->name),
        .sender = m->sender,
        .envid = m->envid,
        .received = 1700000000000,
        .ret = m->ret,
        .rcpt_count = m->rcpt_count,
        .rcpt = b->rcpt,
        .client_addr = m->client_addr,
        .client_helo = m->client_helo,
        .client_login = m->client_login,
        .client_proto = m->client_proto,
        .client_port = m->client_port};
    part_forms(b, &m->body);
    w->batch = xgrow(w->batch, w->batch_count + 1, sizeof(w->batch[0]));
    w->batch[w->batch_count++] = b;
    return b;
}

struct impel_incoming *
world_incoming_find(struct impel_session *s, uint64_t tag)
{
    struct world *w = s->world;

    for (size_t i = 0; i < w->incoming_count; i++)
        if (w->incoming[i]->session == s && w->incoming[i]->tag == tag &&
            !w->incoming[i]->done)
            return w->incoming[i];
    return NULL;
}

static void
part_free_client(struct client *c)
{
    buf_fini(&c->addr);
    buf_fini(&c->helo);
    buf_fini(&c->login);
    buf_fini(&c->proto);
}

static void
part_free_session(struct impel_session *s)
{
    buf_fini(&s->in);
    buf_fini(&s->out);
    buf_fini(&s->rest);
    buf_fini(&s->peer.from);
    buf_fini(&s->peer.to);
    buf_fini(&s->why_text);
    part_free_client(&s->client);
    filter_free(s);
    free(s);
}

static void
part_free_batch(struct impel_batch *b)
{
    for (size_t i = 0; i < b->message->rcpt_count; i++)
        buf_fini(&b->report[i].text);
    for (size_t i = 0; i < ARRAY_SIZE(b->form); i++)
        buf_fini(&b->form[i]);
    free(b->report);
    free(b->rcpt);
    free(b);
}

static void
part_free_incoming(struct impel_incoming *m)
{
    for (size_t i = 0; i < m->rcpt_count; i++)
        buf_fini(&m->rcpt[i]);
    free(m->rcpt);
    free(m->refused);
    buf_fini(&m->sender);
    buf_fini(&m->body);
    buf_fini(&m->key);
    buf_fini(&m->keep);
    part_free_client(&m->client);
    free(m);
}

void
world_free(struct world **to)
{
    struct world *w = *to;

    for (struct event *e = w->first, *next; e; e = next) {
        next = e->next;
        free(e);
    }
    for (size_t i = 0; i < w->session_count; i++)
        part_free_session(w->session[i]);
    for (size_t i = 0; i < w->batch_count; i++)
        part_free_batch(w->batch[i]);
    for (size_t i = 0; i < w->incoming_count; i++)
        part_free_incoming(w->incoming[i]);
    free(w->session);
    free(w->batch);
    free(w->incoming);
    values_free(w);
    value_table_free(&w->scope.value, w->scope.m->option_count);
    buf_fini(&w->faults);
    buf_fini(&w->transcript);
    buf_fini(&w->slow);
    xfree(to);
}

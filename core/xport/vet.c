/* SPDX-License-Identifier: Apache-2.0
 *
 * vet.c - is what a module says of itself fit to be shown, registered, called?
 */
#include "xport/vet.h"

#include <stdlib.h>

#include "base/macros.h"
#include "base/xmem.h"
#include "xport/loader.h"
#include "base/banned.h"

enum { VET_NAME_MAX = 63, VET_BRIEF_MAX = 200, VET_TEXT_MAX = 65536 };

/* [a-z][a-z0-9_]* */
static bool
vet_is_name(const char *z)
{
    size_t n = z ? strnlen(z, VET_NAME_MAX + 1) : 0;

    if (!n || n > VET_NAME_MAX || z[0] < 'a' || z[0] > 'z')
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!(z[i] >= 'a' && z[i] <= 'z') && !(z[i] >= '0' && z[i] <= '9') &&
            z[i] != '_')
            return false;
    }
    return true;
}

/* Methods, schemes and stanzas: letters in any case, digits, "_", "-", "+". */
static bool
vet_is_word(const char *z)
{
    size_t n = strnlen(z, VET_NAME_MAX + 1);

    if (!n || n > VET_NAME_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)z[i] | 0x20;

        if (!(c >= 'a' && c <= 'z') && !(z[i] >= '0' && z[i] <= '9') &&
            z[i] != '_' && z[i] != '-' && z[i] != '+')
            return false;
    }
    return true;
}

/* NULL, or what is wrong with a one-line text. */
static const char *
vet_brief(const char *z)
{
    size_t n = z ? strnlen(z, VET_BRIEF_MAX + 1) : 0;

    if (!n)
        return "has no brief";
    if (n > VET_BRIEF_MAX)
        return "has a brief longer than 200 bytes";
    if (z[n - 1] == '.')
        return "has a brief that ends in a full stop";
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)z[i] < 0x20)
            return "has a brief of more than one line";
    }
    return NULL;
}

static int
vet_list(const struct module *m, const char *what, const char *const *names,
    struct err *e)
{
    for (size_t i = 0; names && names[i]; i++) {
        if (i >= LOADER_NAMES_MAX)
            return err_set(e, ERR_PROTO, "%s: serves more than %d %ss", m->file,
                LOADER_NAMES_MAX, what);
        if (!vet_is_word(names[i]))
            return err_set(e, ERR_PROTO, "%s: %s %zu has no valid name",
                m->file, what, i + 1);
    }
    return 0;
}

int
vet_names(const struct module *m, const char *stem, struct err *e)
{
    const struct impel_module *d = &m->desc;
    const char *bad;
    int rc;

    if (!vet_is_name(d->name))
        return err_set(e, ERR_PROTO,
            "%s: the module's name is not one of [a-z][a-z0-9_]*", m->file);
    if (strcmp(d->name, stem))
        return err_set(e, ERR_PROTO,
            "%s: the module calls itself %s, so its file should be %s.so",
            m->file, d->name, d->name);
    if (!d->version || !d->version[0] ||
        strnlen(d->version, VET_NAME_MAX + 1) > VET_NAME_MAX)
        return err_set(e, ERR_PROTO, "%s: the module has no version", m->file);
    bad = vet_brief(d->brief);
    if (bad)
        return err_set(e, ERR_PROTO, "%s: the module %s", m->file, bad);
    rc = vet_list(m, "method", d->methods, e);
    if (rc == 0)
        rc = vet_list(m, "scheme", d->schemes, e);
    if (rc == 0)
        rc = vet_list(m, "listener", d->listeners, e);
    return rc;
}

/* The name of the first callback that is missing, or NULL. */
static const char *
vet_missing(const struct module *m)
{
    const struct impel_transport *t = &m->transport;
    const struct impel_listener *l = &m->listener;
    const struct impel_filter *f = &m->filter;
    const struct {
        bool missing;
        const char *name;
    } rows[] = {
        {!m->desc.load, "load()"},
        {m->has_transport && !t->open, "transport open()"},
        {m->has_transport && !t->event, "transport event()"},
        {m->has_transport && !t->deliver, "transport deliver()"},
        {m->has_transport && !t->cancel, "transport cancel()"},
        {m->has_transport && !t->probe, "transport probe()"},
        {m->has_transport && !t->close, "transport close()"},
        {m->has_transport && !t->release, "transport release()"},
        {m->has_listener && !l->accepted, "listener accepted()"},
        {m->has_listener && !l->event, "listener event()"},
        {m->has_listener && !l->verdict, "listener verdict()"},
        {m->has_listener && !l->close, "listener close()"},
        {m->has_listener && !l->release, "listener release()"},
        {m->has_filter && !f->name, "filter name()"},
        {m->has_filter && !f->open, "filter open()"},
        {m->has_filter && !f->event, "filter event()"},
        {m->has_filter && !f->step, "filter step()"},
        {m->has_filter && !f->close, "filter close()"},
        {m->has_filter && !f->release, "filter release()"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].missing)
            return rows[i].name;
    }
    return NULL;
}

int
vet_parts(const struct module *m, struct err *e)
{
    const struct impel_module *d = &m->desc;
    const char *missing = vet_missing(m);
    bool methods = d->methods && d->methods[0];
    bool listeners = d->listeners && d->listeners[0];

    if (missing)
        return err_set(
            e, ERR_PROTO, "%s: the module has no %s", m->file, missing);
    if (!m->has_transport && !m->has_listener && !m->has_filter)
        return err_set(e, ERR_PROTO,
            "%s: the module is neither transport, listener nor filter",
            m->file);
    if (m->has_transport != methods)
        return err_set(e, ERR_PROTO, "%s: the module has %s", m->file,
            methods ? "methods, but no transport"
                    : "a transport, but no method that it serves");
    if (m->has_listener != listeners)
        return err_set(e, ERR_PROTO, "%s: the module has %s", m->file,
            listeners ? "listener stanzas, but no listener"
                      : "a listener, but no stanza that it serves");
    return 0;
}

/* NULL, or what is wrong with a row of the module's own. */
static const char *
vet_row(const struct module *m, const struct impel_option *o)
{
    size_t n = strlen(m->name);
    const char *bad;

    /* or its plural: those that the module speaks with */
    if (strncmp(o->name, m->name, n) ||
        (o->name[n] && o->name[n] != '_' && strcmp(o->name + n, "s") != 0))
        return "does not begin with the module's name";
    if (!o->scopes || (o->scopes & ~(uint32_t)0xff))
        return "names no scope, or one that this core does not have";
    if ((o->min || o->max) && o->min > o->max)
        return "has a least value above its greatest";
    if (o->type == IMPEL_OPT_CHOICE && (!o->choices || !o->choices[0]))
        return "has no choices";
    bad = vet_brief(o->brief);
    if (bad)
        return bad;
    if (!o->since || !o->since[0])
        return "does not say since when it exists";
    if (o->manual && strnlen(o->manual, VET_TEXT_MAX) >= VET_TEXT_MAX)
        return "has a manual longer than 64 KiB";
    return NULL;
}

static void
vet_copy_row(struct option *to, const struct impel_option *o)
{
    *to = (struct option){.name = o->name,
        .type = o->type,
        .scopes = o->scopes,
        .initial = o->initial,
        .min = o->min,
        .max = o->max,
        .choices = o->choices,
        .brief = o->brief,
        .manual = o->manual,
        .since = o->since};
}

/* The initial value goes through the same judge as the operator's. */
static int
vet_initial(const struct module *m, const struct option *o, struct err *e)
{
    struct option_value v = {.text = str_of(o->initial)};
    struct err why = {0};

    if (!o->initial || o->type == IMPEL_OPT_LIST || o->type == IMPEL_OPT_DICT)
        return 0;
    if (option_judge(o, &v, &why) < 0)
        return err_set(e, ERR_PROTO,
            "%s: option %s: its initial value is refused: %.300s", m->file,
            o->name, why.text);
    return 0;
}

static int
vet_option(struct module *m, uint32_t i, struct option *row, struct err *e)
{
    const struct impel_option *o = &m->desc.options[i];
    const char *bad;

    if (!vet_is_name(o->name))
        return err_set(
            e, ERR_PROTO, "%s: option %u has no valid name", m->file, i + 1);
    for (uint32_t k = 0; k < i; k++) {
        if (!strcmp(o->name, m->desc.options[k].name))
            return err_set(
                e, ERR_PROTO, "%s: option %s is there twice", m->file, o->name);
    }
    m->option_ids[i] = UINT32_MAX;
    if (o->type < IMPEL_OPT_BOOL || o->type > IMPEL_OPT_IMPORT)
        return err_set(e, ERR_PROTO,
            "%s: option %s has type %d, which this core does not know", m->file,
            o->name, o->type);
    if (o->type == IMPEL_OPT_IMPORT)
        return 0;
    bad = vet_row(m, o);
    if (bad)
        return err_set(e, ERR_PROTO, "%s: option %s %s", m->file, o->name, bad);
    vet_copy_row(row, o);
    return vet_initial(m, row, e);
}

int
vet_options(struct module *m, struct err *e)
{
    uint32_t count = m->desc.option_count, own = 0;
    struct option *rows = xcalloc(count ? count : 1, sizeof(*rows));

    m->option_ids = xcalloc(count ? count : 1, sizeof(*m->option_ids));
    m->options = (struct option_set){
        .layer = m->name, .rows = rows, .first = UINT32_MAX};
    for (uint32_t i = 0; i < count; i++) {
        int rc = vet_option(m, i, &rows[own], e);

        if (rc < 0)
            return rc;
        if (rows[own].name)
            own++;
    }
    m->options.count = own;
    return 0;
}

int
vet_counters(const struct module *m, struct err *e)
{
    for (uint32_t i = 0; i < m->desc.counter_count; i++) {
        const struct impel_counter *c = &m->desc.counters[i];
        const char *bad;

        if (!vet_is_name(c->name))
            return err_set(e, ERR_PROTO, "%s: counter %u has no valid name",
                m->file, i + 1);
        bad = vet_brief(c->brief);
        if (bad)
            return err_set(
                e, ERR_PROTO, "%s: counter %s %s", m->file, c->name, bad);
        for (uint32_t k = 0; k < i; k++) {
            if (!strcmp(c->name, m->desc.counters[k].name))
                return err_set(e, ERR_PROTO, "%s: counter %s is there twice",
                    m->file, c->name);
        }
    }
    return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/idna.h"
#include "base/xmem.h"
#include "queue/print.h"
#include "base/banned.h"

enum { PATTERN_MOST = 512 };

struct filter { /* NULL: any */
    char *binding, *group, *domain;
    char *sender;           /* glob */
    char *header, *pattern; /* name; glob of its value */
    char *meta, *value;     /* likewise */
    int64_t older, newer;   /* ms; 0: any */
};

static char *
filter_name(struct str s)
{
    return s.p && !print_is_all(s) ? xdupn(s.p, s.n) : NULL;
}

/* Queues go by A-labels. */
static char *
filter_zone(struct str s)
{
    struct buf name = BUF_INIT;
    char *to;

    if (!s.p || print_is_all(s))
        return NULL;
    (void)idna_fold(s, &name); /* no name: as it is */
    to = xdupn(name.n ? name.p : "", name.n);
    buf_fini(&name);
    return to;
}

static char *
filter_pattern(struct str s)
{
    return s.p ? xdupn(s.p, s.n) : NULL;
}

int
filter_new(
    const struct scheduler_filter *asked, struct filter **to, struct err *e)
{
    struct filter *f;

    if (asked->sender.n > PATTERN_MOST || asked->pattern.n > PATTERN_MOST ||
        asked->value.n > PATTERN_MOST)
        return err_set(e, ERR_CONF, "a pattern has at most %d characters",
            (int)PATTERN_MOST);
    if (asked->header.p && !asked->header.n)
        return err_set(e, ERR_CONF, "a header field has a name");
    if (asked->meta.p && !asked->meta.n)
        return err_set(e, ERR_CONF, "what is in the context has a name");
    f = xnew(struct filter);
    f->binding = filter_name(asked->binding);
    f->group = filter_name(asked->group);
    f->domain = filter_zone(asked->domain);
    f->sender = filter_pattern(asked->sender);
    f->header = filter_pattern(asked->header);
    f->pattern = filter_pattern(asked->pattern);
    f->meta = filter_pattern(asked->meta);
    f->value = filter_pattern(asked->value);
    f->older = asked->older;
    f->newer = asked->newer;
    *to = f;
    return 0;
}

void
filter_free(struct filter **pf)
{
    struct filter *f = *pf;

    *pf = NULL;
    if (!f)
        return;
    free(f->binding);
    free(f->group);
    free(f->domain);
    free(f->sender);
    free(f->header);
    free(f->pattern);
    free(f->meta);
    free(f->value);
    free(f);
}

bool
filter_queue(const struct filter *f, const struct queue *q)
{
    return (!f->binding || strcmp(f->binding, q->binding->name) == 0) &&
        (!f->group || strcmp(f->group, q->binding->group->name) == 0) &&
        (!f->domain || str_ieq(str_of(f->domain), str_of(q->zone->name)));
}

bool
filter_parcel(const struct filter *f, const struct parcel *p, int64_t now)
{
    int64_t age = now - parcel_received(p);

    return (!f->older || age >= f->older) && (!f->newer || age < f->newer);
}

const char *
filter_domain(const struct filter *f)
{
    return f->domain;
}

bool
filter_reads_envelope(const struct filter *f)
{
    return f->sender || f->header || f->meta;
}

bool
filter_reads_header(const struct filter *f)
{
    return f->header != NULL;
}

static bool
filter_glob(const char *pattern, struct str text)
{
    char *s = xdupn(text.p ? text.p : "", text.n);
    bool found = fnmatch(pattern, s, FNM_CASEFOLD) == 0;

    free(s);
    return found;
}

static bool
filter_sender(const struct filter *f, struct str sender)
{
    if (!f->sender)
        return true;
    if (!sender.n && strcmp(f->sender, "<>") == 0)
        return true;
    return filter_glob(f->sender, sender);
}

/* The first of that name counts, as for modules. */
static bool
filter_meta(const struct filter *f, const struct envelope *env)
{
    if (!f->meta)
        return true;
    for (size_t i = 0; i < env->meta_count; i++)
        if (str_eq(env->meta[i].key, str_of(f->meta)))
            return !f->value || filter_glob(f->value, env->meta[i].value);
    return false;
}

bool
filter_envelope(const struct filter *f, const struct envelope *env)
{
    return filter_sender(f, env->sender) && filter_meta(f, env);
}

/* The next field, unfolded into *line; false: there is none. */
static bool
filter_field(struct str *rest, struct buf *line)
{
    buf_cut(line, 0);
    while (rest->n) {
        struct str one = str_cut(rest, '\n');

        if (one.n && one.p[one.n - 1] == '\r')
            one.n--;
        if (!one.n)
            return line->n > 0;
        buf_str(line, one);
        if (!rest->n || (rest->p[0] != ' ' && rest->p[0] != '\t'))
            return true;
    }
    return line->n > 0;
}

bool
filter_header(const struct filter *f, struct str header)
{
    struct buf line = BUF_INIT;
    bool found = false;

    if (!f->header)
        return true;
    while (!found && filter_field(&header, &line)) {
        struct str value = buf_get(&line);
        struct str name = str_trim(str_cut(&value, ':'));

        found = str_ieq(name, str_of(f->header)) &&
            (!f->pattern || filter_glob(f->pattern, str_trim(value)));
    }
    buf_fini(&line);
    return found;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/agree.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/num.h"
#include "base/xmem.h"
#include "conf/report_int.h"
#include "ctl/ctl_options.h"
#include "intake/intake_options.h"
#include "intake/login.h"
#include "route/fit.h"
#include "route/way.h"
#include "xport/registry.h"
#include "xport/signing.h"
#include "xport/tlsin.h"
#include "xport/tlspolicy.h"
#include "base/banned.h"

struct agree {
    struct generation *g;
    struct conf_report *report;
    bool failed;
};

static struct report_at
place(const struct stanza *s, uint32_t id)
{
    struct report_at at = {"", 0, 0};
    (void)stanza_value_at(s, id, &at.file, &at.line, &at.column);
    return at;
}

/* true: it is one; and the names of all, for the sentence */
static bool
find_loop(const struct generation *g, struct str name, struct buf *all)
{
    const struct stanza *s = NULL;
    bool found = false;
    while ((s = generation_stanza(g, SCOPE_EVENTLOOP, NULL, s)) != NULL) {
        struct str n = stanza_name(s).n ? stanza_name(s) : STR("default");
        found = found || str_eq(n, name);
        buf_printf(all, "%s%.*s", all->n ? ", " : "; there are: ", STR_ARG(n));
    }
    return found;
}

static void
check_loop(struct agree *a, const struct stanza *s, uint32_t id)
{
    struct option_value v;
    struct buf all = BUF_INIT;
    if (!s || !stanza_value(s, id, &v) || v.text.n == 0)
        return;
    if (!find_loop(a->g, v.text, &all)) {
        a->failed = true;
        conf_report_add(a->report, REPORT_ERROR, place(s, id),
            "%s: expected the name of an eventloop stanza, but none is called "
            "\"%.*s\"%s",
            option_get(id)->name, STR_ARG(v.text), all.n ? all.p : "");
    }
    buf_fini(&all);
}

static void
check_loops(struct agree *a)
{
    static const int rows[] = {CTL_DELIVERY_POOL, CTL_MAINTAINER_POOL};
    const struct scope *global = generation_global(a->g);
    uint32_t event_loop = OPT(intake_options, INTAKE_EVENT_LOOP);
    const struct stanza *s = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint32_t id = OPT(ctl_options, rows[i]);
        check_loop(a, scope_origin(global, id), id);
    }
    while ((s = generation_stanza(a->g, IMPEL_SCOPE_LISTENER, NULL, s))) {
        const struct stanza *l = NULL;
        check_loop(a, s, event_loop);
        while ((l = generation_stanza(a->g, IMPEL_SCOPE_LISTEN, s, l)))
            check_loop(a, l, event_loop);
    }
}

static bool
is_user(const char *name)
{
    return getpwnam(name) != NULL;
}

static bool
is_group(const char *name)
{
    uint64_t number;
    return getgrnam(name) != NULL ||
        (num_u64(str_of(name), &number) == 0 && number < UINT32_MAX);
}

static void
check_account(struct agree *a, const struct stanza *s, int row,
    bool (*exists)(const char *name), const char *kind)
{
    uint32_t id = OPT(ctl_options, row);
    struct option_value v;
    if (!stanza_value(s, id, &v))
        return;
    size_t n = v.items ? v.item_count : v.text.n > 0;
    for (size_t i = 0; i < n; i++) {
        struct str one = v.items ? v.items[i] : v.text;
        char *z = xdupn(one.p, one.n);
        if (!exists(z)) {
            a->failed = true;
            conf_report_add(a->report, REPORT_ERROR, place(s, id),
                "%s: expected a %s of this system, which \"%s\" is not",
                option_get(id)->name, kind, z);
        }
        free(z);
    }
}

/* Who is confined to a folder sees no accounts any more in a reload. */
static void
check_security(struct agree *a)
{
    const struct stanza *s =
        generation_stanza(a->g, SCOPE_SECURITY, NULL, NULL);
    struct option_value v;
    if (!s || stanza_value(s, OPT(ctl_options, CTL_CHROOT), &v))
        return;
    check_account(a, s, CTL_USER, is_user, "user");
    check_account(a, s, CTL_GROUP, is_group, "group");
    check_account(a, s, CTL_SUPPLEMENTAL_GROUPS, is_group, "group");
}

int
agree_outside(void *arg, struct generation *g, struct conf_report *r)
{
    struct agree a = {.g = g, .report = r};
    (void)arg;
    check_loops(&a);
    check_security(&a);
    a.failed |= signing_check(NULL, g, r) < 0;
    a.failed |= tlspolicy_check(NULL, g, r) < 0;
    a.failed |= tlsin_check(NULL, g, r) < 0;
    a.failed |= way_check(NULL, g, r) < 0;
    a.failed |= login_check(NULL, g, r) < 0;
    return a.failed ? ERR_CONF : 0;
}

int
agree_check(void *arg, struct generation *g, struct conf_report *r)
{
    int names = agree_outside(arg, g, r);
    int modules = registry_check(arg, g, r);
    (void)fit_check(arg, g, r); /* it only warns */
    return names < 0 ? names : modules;
}

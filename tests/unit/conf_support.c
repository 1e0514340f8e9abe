/* SPDX-License-Identifier: Apache-2.0 */
#include "conf_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/xmem.h"
#include "ctl/ctl_options.h"
#include "intake/auth_options.h"
#include "intake/intake_options.h"
#include "queue/adaptive_options.h"
#include "queue/maillog_options.h"
#include "queue/queue_options.h"
#include "queue/tlsrpt_options.h"
#include "route/route_options.h"
#include "route/sts_options.h"
#include "spool/spool_options.h"
#include "xport/dkim_options.h"
#include "xport/tlsin_options.h"
#include "xport/outlogin_options.h"
#include "xport/xport_options.h"

void
conf_support_options(void)
{
    struct option_set *sets[] = {&spool_options, &route_options, &sts_options,
        &xport_options, &tlsin_options, &dkim_options, &outlogin_options,
        &queue_options, &adaptive_options, &maillog_options, &tlsrpt_options,
        &intake_options, &auth_options, &ctl_options};
    struct err e;

    option_reset();
    for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
        if (option_add(sets[i], &e))
            fail_msg("%s", e.text);
    assert_int_equal(option_add_listener("ESMTP_Listener", "esmtp", &e), 0);
    assert_int_equal(option_add_module_stanza("esmtp", &e), 0);
    assert_int_equal(option_add_method("ESMTP", "esmtp", &e), 0);
    assert_int_equal(option_add_method("SMTP", "esmtp", &e), 0);
    assert_int_equal(option_add_scheme("smtp", "esmtp", &e), 0);
}

static char *
printed(struct conf_report *r)
{
    struct buf b = BUF_INIT;

    conf_report_print(r, &b);
    if (!b.p)
        buf_cstr(&b, "");
    return buf_detach(&b, NULL);
}

struct generation *
conf_support_load(const char *text, bool yaml)
{
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct err e;

    if (generation_parse(
            str_of(text), yaml, yaml ? "t.yaml" : "t.conf", &g, r, &e)) {
        char *lines = printed(r);
        fail_msg("%s", lines);
    }
    conf_report_free(&r);
    return g;
}

static const char *
data_path(const char *name)
{
    static char path[4096];
    const char *dir = getenv("srcdir");

    (void)snprintf(
        path, sizeof(path), "%s/tests/data/%s", dir ? dir : "..", name);
    if (access(path, R_OK))
        (void)snprintf(path, sizeof(path), "tests/data/%s", name);
    return path;
}

struct generation *
conf_support_file(const char *name)
{
    struct generation_load how = {.path = data_path(name)};
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct err e;

    if (generation_load(&how, &g, r, &e)) {
        char *lines = printed(r);
        fail_msg("%s", lines);
    }
    conf_report_free(&r);
    return g;
}

char *
conf_support_refused(const char *text, bool yaml)
{
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct err e;
    char *lines;

    if (generation_parse(
            str_of(text), yaml, yaml ? "t.yaml" : "t.conf", &g, r, &e) == 0)
        fail_msg("was accepted: %s", text);
    assert_true(e.text[0] != 0);
    lines = printed(r);
    conf_report_free(&r);
    return lines;
}

char *
conf_support_warned(const char *text, bool yaml, bool strict)
{
    char path[] = "/tmp/impel-test-XXXXXX.conf";
    int fd;
    struct generation_load how = {.path = path, .strict = strict};
    struct conf_report *r = conf_report_new();
    struct generation *g;
    struct err e;
    char *lines;

    (void)yaml;
    fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
    if (generation_load(&how, &g, r, &e) == 0)
        generation_unref(&g);
    else if (!strict)
        fail_msg("%s", e.text);
    unlink(path);
    lines = printed(r);
    conf_report_free(&r);
    return lines;
}

void
conf_support_says(const char *text, bool yaml, const char *want)
{
    char *lines = conf_support_refused(text, yaml);

    if (!strstr(lines, want))
        fail_msg("wanted \"%s\" of:\n%s\nin:\n%s", want, text, lines);
    free(lines);
}

int64_t
conf_support_int(struct generation *g, const char *binding, const char *domain,
    const char *option)
{
    const struct scope *s =
        generation_scope(g, str_of(binding), str_of(domain));

    return scope_int(s, option_find(str_of(option)));
}

char *
conf_support_text(const struct scope *s, const char *option)
{
    uint32_t id = option_find(str_of(option));
    struct buf b = BUF_INIT;

    buf_str(&b, scope_str(s, id).p ? scope_str(s, id) : STR(""));
    for (size_t i = 0; i < scope_count(s, id); i++) {
        if (i)
            buf_char(&b, ' ');
        if (scope_key(s, id, i).p) {
            buf_str(&b, scope_key(s, id, i));
            buf_char(&b, '=');
        }
        buf_str(&b, scope_item(s, id, i));
    }
    if (!b.p)
        buf_cstr(&b, "");
    return buf_detach(&b, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_offline.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "base/xmem.h"
#include "conf/query.h"
#include "ctl/agree.h"
#include "ctl/command_list.h"
#include "ctl/jsontext.h"
#include "prog/declare.h"
#include "prog/impel_bar.h"
#include "prog/impel_inject.h"
#include "prog/impel_module.h"
#include "prog/impel_password.h"
#include "prog/impel_spool.h"
#include "xport/recall.h"
#include "base/banned.h"

const char *
impel_offline_help(void)
{
    return "Without a daemon:\n"
           "  config check [--strict] [FILE]     check a file (default:\n"
           "                                     " IMPEL_CONFIG ")\n"
           "  config convert FILE [yaml|conf]    print it in the other "
           "notation\n"
           "  config describe [OPTION]           what an option means\n"
           "  inject [OPTION...] FILE...         send mail to a server; "
           "inject --help\n"
           "  module new NAME [--dir DIR] [--plain|--autotools]\n"
           "                                     a transport of your own, to "
           "begin with\n"
           "  password NAME                      a line for "
           "auth_password_file;\n"
           "                                     the password is asked for\n"
           "  spool check DIR                    verify every record; the\n"
           "                                     daemon must not run\n"
           "  spool dump [bodies] DIR            print every record\n"
           "  spool compact DIR                  give space back now\n"
           "  spool export DIR TO [--keep]       a copy of DIR, for spool "
           "import on\n"
           "                                     another machine\n"
           "  help [--man] [COMMAND...]          this list\n";
}

static int
complain(const struct impel_run *r, const struct err *e)
{
    struct buf out = BUF_INIT;
    if (r->json) {
        jsontext_take(
            &out, json_pack("{so}", "error", jsontext_value(str_of(e->text))));
        puts(out.p);
    } else
        fprintf(stderr, "impel: %s\n", e->text);
    buf_fini(&out);
    return e->code == ERR_INVAL ? EXIT_USAGE : EXIT_FAILED;
}

static int
usage(const struct impel_run *r, const char *text)
{
    struct err e;
    err_set(&e, ERR_INVAL, "usage: impel %s", text);
    return complain(r, &e);
}

/* Text for people as a document. */
static void
wrap_text(struct buf *out)
{
    json_t *doc = json_pack("{so}", "text", jsontext_value(buf_get(out)));
    buf_cut(out, 0);
    jsontext_take(out, doc);
}

static bool
is(const struct str *words, size_t count, size_t at, const char *word)
{
    return at < count && str_ieq(words[at], str_of(word));
}

/* --- config --- */

static int
declare(const struct impel_run *r, struct err *e)
{
    static bool done;
    if (done)
        return 0;
    log_set_mask(LOG_LEVEL_NOTICE, 0); /* those are the daemon's */
    int rc = declare_options(r->modules, e);
    done = rc == 0;
    return rc;
}

static json_t *
note_to_json(const struct conf_note *n)
{
    return json_pack("{ss,so,si,si,so}", "level",
        n->error ? "error" : "warning", "file",
        jsontext_value(str_of(n->file ? n->file : "")), "line", n->line,
        "column", n->column, "text", jsontext_value(str_of(n->text)));
}

static void
print_report(const struct impel_run *r, const struct conf_report *report,
    int rc, const struct err *e)
{
    struct buf out = BUF_INIT;
    if (!r->json) {
        conf_report_print(report, &out);
        if (rc == 0)
            buf_cstr(&out, "Configuration valid\n");
        else if (conf_report_count(report, true) == 0)
            buf_printf(&out, "impel: %s\n", e->text);
        impel_print(&out);
        return;
    }
    json_t *notes = json_array();
    for (size_t i = 0; i < conf_report_count(report, false); i++)
        json_array_append_new(notes, note_to_json(conf_report_note(report, i)));
    json_t *doc = json_pack("{sb,so}", "valid", rc == 0, "notes", notes);
    if (rc < 0)
        json_object_set_new(doc, "error", jsontext_value(str_of(e->text)));
    jsontext_take(&out, doc);
    impel_print(&out);
}

static int
config_check(const struct impel_run *r, const struct str *words, size_t count)
{
    bool strict = count > 2 && str_eq(words[2], STR("--strict"));
    struct generation *g = NULL;
    struct err e;
    size_t file = 2 + (size_t)strict;
    if (count > file + 1)
        return usage(r, "config check [--strict] [FILE]");
    if (declare(r, &e) < 0)
        return complain(r, &e);
    char *path =
        count > file ? xdupn(words[file].p, words[file].n) : xdup(IMPEL_CONFIG);
    struct generation_load how = {
        .path = path, .strict = strict, .check = agree_check};
    struct conf_report *report = conf_report_new();
    int rc = recall_load(&how, &g, &report, &e);
    print_report(r, report, rc, &e);
    conf_report_free(&report);
    if (rc == 0)
        generation_unref(&g);
    free(path);
    return rc == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int
config_query(const struct impel_run *r, const struct str *words, size_t count)
{
    struct buf out = BUF_INIT;
    struct query q = {.words = words + 1,
        .word_count = count - 1,
        .json = r->json,
        .out = &out};
    struct err e;
    int rc = declare(r, &e);
    if (rc == 0)
        rc = query_run(&q, &e);
    if (rc == 0 && r->json && is(words, count, 1, "convert"))
        wrap_text(&out);
    impel_print(&out);
    return rc < 0 ? complain(r, &e) : EXIT_DONE;
}

/* --- spool --- */

static int
spool(const struct impel_run *r, const struct str *words, size_t count)
{
    struct err e;
    int rc = impel_spool(r, words, count, &e);
    return rc < 0 ? complain(r, &e) : rc > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* --- help --- */

/* Of the whole list, the part for the manual page. */
static void
print_man(struct buf *to)
{
    size_t count;
    const struct command_words *list = command_list(&count);
    for (size_t i = 0; i < count; i++) {
        buf_printf(to, ".TP\n.B %s\n", list[i].words);
        if (list[i].args[0]) {
            buf_cut(to, to->n - 1);
            buf_cstr(to, " \\fR");
            for (const char *p = list[i].args; *p; p++)
                buf_printf(to, *p == '-' ? "\\-" : "%c", *p);
            buf_char(to, '\n');
        }
        buf_printf(to, "%c%s.\n", list[i].brief[0] & ~0x20, list[i].brief + 1);
    }
}

static int
help(const struct impel_run *r, const struct str *words, size_t count)
{
    struct buf out = BUF_INIT, prefix = BUF_INIT;
    bool man = count == 2 && str_eq(words[1], STR("--man"));
    size_t found = 1;
    for (size_t i = 1; i < count; i++) {
        if (i > 1)
            buf_char(&prefix, ' ');
        buf_str(&prefix, words[i]);
    }
    if (man)
        print_man(&out);
    else if (r->json)
        found = command_list_json(buf_get(&prefix), &out);
    else {
        found = command_list_print(buf_get(&prefix), &out);
        if (count == 1)
            buf_cstr(&out, impel_offline_help());
    }
    if (found)
        impel_print(&out);
    buf_fini(&out);
    buf_fini(&prefix);
    if (found)
        return EXIT_DONE;
    struct err e;
    err_set(&e, ERR_NOTFOUND, "no such command; see \"impel help\"");
    return complain(r, &e);
}

/* --- password --- */

static int
password(const struct impel_run *r, const struct str *words, size_t count)
{
    struct buf out = BUF_INIT;
    struct err e;
    if (count != 2)
        return usage(r, "password NAME");
    int rc = impel_password(words[1], &out, &e);
    if (rc == 0)
        impel_print(&out);
    buf_fini(&out);
    return rc == 0 ? EXIT_DONE : complain(r, &e);
}

/* --- module new --- */

static int
module_new(const struct impel_run *r, const struct str *words, size_t count)
{
    struct buf out = BUF_INIT;
    struct impel_module_new n;
    struct err e;
    int rc = impel_module_read(words + 2, count - 2, &n, &e);
    if (rc < 0)
        return complain(r, &e);
    rc = declare(r, &e);
    if (rc == 0)
        rc = impel_module_write(&n, &out, &e);
    if (rc == 0 && r->json)
        wrap_text(&out);
    impel_print(&out);
    buf_fini(&out);
    impel_module_fini(&n);
    return rc == 0 ? EXIT_DONE : complain(r, &e);
}

/* --- inject --- */

static int
inject(const struct impel_run *r, const struct str *words, size_t count)
{
    char *argv[IMPEL_WORDS_MAX + 1];
    for (size_t i = 0; i < count; i++)
        argv[i] = xdupn(words[i].p, words[i].n);
    argv[count] = NULL;
    char *own[IMPEL_WORDS_MAX + 1];
    memcpy(own, argv, sizeof(own)); /* getopt_long() changes their order */
    int status = impel_inject(r, (int)count, argv);
    for (size_t i = 0; i < count; i++)
        free(own[i]);
    return status;
}

/* --- which --- */

int
impel_offline_run(
    const struct impel_run *r, const struct str *words, size_t count)
{
    if (is(words, count, 0, "help") && count == 2 &&
        is(words, count, 1, "inject"))
        return inject(r, (struct str[]){STR("inject"), STR("--help")}, 2);
    if (is(words, count, 0, "help"))
        return help(r, words, count);
    if (is(words, count, 0, "password"))
        return password(r, words, count);
    if (is(words, count, 0, "inject"))
        return inject(r, words, count);
    if (is(words, count, 0, "module") && is(words, count, 1, "new"))
        return module_new(r, words, count);
    if (is(words, count, 0, "spool") && !is(words, count, 1, "import"))
        return spool(r, words, count);
    if (!is(words, count, 0, "config") || count < 2)
        return -1;
    if (is(words, count, 1, "check"))
        return config_check(r, words, count);
    if (is(words, count, 1, "convert"))
        return config_query(r, words, count);
    return -1;
}

int
impel_offline_instead(
    const struct impel_run *r, const struct str *words, size_t count)
{
    if (is(words, count, 0, "config") && is(words, count, 1, "describe"))
        return config_query(r, words, count);
    return -1;
}

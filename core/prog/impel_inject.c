/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_inject.h"

#include <stdio.h>

#include "ctl/jsontext.h"
#include "prog/inject_report.h"
#include "prog/inject_run.h"
#include "base/banned.h"

static const char usage[] =
    "usage: impel inject [OPTION...] FILE|MAILDIR|MBOX|- ...\n"
    "       impel inject [OPTION...] --list FILE [FILE]\n";

static void
print(struct buf *out)
{
    (void)fwrite(out->p ? out->p : "", 1, out->n, stdout);
    buf_fini(out);
}

static int
print_help(bool man)
{
    struct buf out = BUF_INIT;
    if (!man)
        buf_cstr(&out, usage);
    inject_args_print(man, &out);
    print(&out);
    return EXIT_DONE;
}

static void
print_sums(const struct inject_sums *s)
{
    uint64_t rcpts = s->accepted + s->temporary + s->permanent + s->unanswered;
    printf("%llu messages, %llu recipients: %llu accepted, %llu temporary and "
           "%llu permanent failures",
        (unsigned long long)s->messages, (unsigned long long)rcpts,
        (unsigned long long)s->accepted, (unsigned long long)s->temporary,
        (unsigned long long)s->permanent);
    if (s->unanswered)
        printf(", %llu without an answer", (unsigned long long)s->unanswered);
    if (s->unreadable)
        printf("; %llu not sent", (unsigned long long)s->unreadable);
    if (s->before)
        printf("; %llu answered before", (unsigned long long)s->before);
    printf("; %.1f s", s->seconds);
    if (s->seconds > 0)
        printf(", %.0f messages/s", (double)s->messages / s->seconds);
    printf("%s\n", s->interrupted ? " (interrupted)" : "");
}

static void
print_json(const struct inject_sums *s, int rc, const struct err *e)
{
    struct buf out = BUF_INIT;
    json_t *doc = json_pack("{sI,sI,sI,sI,sI,sI,sI,sf,sb}", "messages",
        (json_int_t)s->messages, "accepted", (json_int_t)s->accepted,
        "temporary", (json_int_t)s->temporary, "permanent",
        (json_int_t)s->permanent, "unanswered", (json_int_t)s->unanswered,
        "not_sent", (json_int_t)s->unreadable, "before", (json_int_t)s->before,
        "seconds", s->seconds, "interrupted", (int)s->interrupted);
    if (rc < 0)
        json_object_set_new(doc, "error", jsontext_value(str_of(e->text)));
    jsontext_take(&out, doc);
    buf_char(&out, '\n');
    print(&out);
}

static int
status_of(const struct inject_sums *s, int rc)
{
    if (rc == ERR_CLOSED)
        return EXIT_NO_DAEMON;
    if (rc < 0 || s->temporary || s->permanent || s->unanswered ||
        s->unreadable || s->interrupted)
        return EXIT_FAILED;
    return EXIT_DONE;
}

int
impel_inject(const struct impel_run *r, int argc, char **argv)
{
    struct inject_args o;
    struct inject_sums sums;
    struct err e;
    if (argc == 2 && str_eq(str_of(argv[1]), STR("--man")))
        return print_help(true); /* for the build of the manual page */
    int rc = inject_args_parse(argc, argv, &o, &e);
    if (rc < 0) {
        fprintf(stderr, "impel: inject: %s\n%s", e.text, usage);
        inject_args_fini(&o);
        return EXIT_USAGE;
    }
    if (o.help) {
        inject_args_fini(&o);
        return print_help(false);
    }
    o.json = o.json || r->json;
    rc = inject_run(&o, &sums, &e);
    if (rc < 0 && !o.json) {
        struct inject_report report = {0};
        inject_report_say(&report, e.text);
    }
    if (o.json)
        print_json(&sums, rc, &e);
    else if (!o.quiet)
        print_sums(&sums);
    inject_args_fini(&o);
    return status_of(&sums, rc);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_report.h"

#include <errno.h>

#include "base/utf8.h"
#include "base/banned.h"

void
inject_report_clean(struct str text, struct buf *to)
{
    while (text.n) {
        size_t n = utf8_printable(text);
        if (n)
            buf_add(to, text.p, n);
        else
            buf_char(to, '?');
        text = str_from(text, n ? n : 1);
    }
}

int
inject_report_open(struct inject_report *r, const char *path, struct err *e)
{
    r->path = path;
    r->failures = path ? fopen(path, "ae") : NULL;
    return path && !r->failures ? err_errno(e, ERR_IO, errno, "%s", path) : 0;
}

int
inject_report_close(struct inject_report *r, struct err *e)
{
    impel_bar_clear(&r->bar);
    if (!r->failures)
        return 0;
    bool failed = ferror(r->failures) != 0;
    failed = fclose(r->failures) != 0 || failed;
    r->failures = NULL;
    return failed ? err_set(e, ERR_IO, "%s was not written whole", r->path) : 0;
}

void
inject_report_say(struct inject_report *r, const char *text)
{
    struct buf line = BUF_INIT;
    inject_report_clean(str_of(text), &line);
    impel_bar_clear(&r->bar);
    fprintf(stderr, "impel: %.*s\n", STR_ARG(buf_get(&line)));
    buf_fini(&line);
}

static void
say_failure(struct inject_report *r, const char *name, const char *rcpt,
    const struct ecstream_result *is)
{
    struct buf line = BUF_INIT;
    if (r->said++ == INJECT_REPORT_MOST)
        inject_report_say(r,
            r->failures ? "more of these are in the file of failures"
                        : "more of these; --failures FILE has them all");
    if (r->said > INJECT_REPORT_MOST)
        return;
    if (is->code)
        buf_printf(&line, "%s: %s: %u %u.%u.%u ", name, rcpt, is->code,
            is->status[0], is->status[1], is->status[2]);
    buf_cstr(&line, is->text);
    inject_report_say(r, line.p);
    buf_fini(&line);
}

void
inject_report_failure(struct inject_report *r, const char *name,
    const char *rcpt, const struct ecstream_result *is)
{
    struct buf line = BUF_INIT;
    if (is->code || !rcpt[0]) /* without an answer: the stream has said why */
        say_failure(r, name, rcpt, is);
    if (!r->failures)
        return;
    inject_report_clean(str_of(name), &line);
    buf_char(&line, '\t');
    inject_report_clean(str_of(rcpt), &line);
    buf_printf(&line, "\t%u\t%u.%u.%u\t", is->code, is->status[0],
        is->status[1], is->status[2]);
    inject_report_clean(str_of(is->text), &line);
    buf_char(&line, '\n');
    (void)fwrite(line.p, 1, line.n, r->failures); /* close() looks */
    buf_fini(&line);
}

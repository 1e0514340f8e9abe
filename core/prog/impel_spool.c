/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/impel_spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "prog/impel_bar.h"
#include "spool/spool.h"
#include "base/banned.h"

struct spool_run {
    bool json;
    uint64_t lines; /* said so far */
    struct impel_bar bar;
};

static void
spool_say(void *arg, struct str line)
{
    struct spool_run *s = arg;
    struct buf out = BUF_INIT;
    impel_bar_clear(&s->bar);
    if (s->json) {
        /* one document, however long: it is written as it comes */
        buf_cstr(&out, s->lines ? "," : "{\"lines\": [");
        jsontext_str(&out, str_trim(line));
    } else
        buf_str(&out, line);
    s->lines++;
    impel_print(&out);
}

/* The end of that document. */
static void
spool_end(const struct spool_run *s, int rc, const struct err *e)
{
    struct buf out = BUF_INIT;
    if (!s->lines)
        buf_cstr(&out, "{\"lines\": [");
    buf_cstr(&out, "]");
    if (rc < 0) {
        buf_cstr(&out, ", \"error\": ");
        jsontext_str(&out, str_of(e->text));
    }
    buf_cstr(&out, "}");
    impel_print(&out);
}

static void
spool_progress(void *arg, uint64_t done, uint64_t total)
{
    struct spool_run *s = arg;
    impel_bar_move(&s->bar, done, total);
    impel_bar_draw(&s->bar);
}

/* --- as whom --- */

/* Root becomes the owner of the directory; false: it cannot. */
static int
owner_borrow(const char *dir, struct err *e)
{
    struct stat st;

    if (geteuid() != 0 || stat(dir, &st) < 0 || st.st_uid == 0)
        return 0; /* that there is none is found out by others */
    if (setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0)
        return err_errno(
            e, ERR_DENIED, errno, "acting as the owner of %s", dir);
    return 0;
}

static void
owner_return(void)
{
    if (getuid() == 0 && (seteuid(0) < 0 || setegid(0) < 0))
        abort(); /* root may */
}

/* --- the verbs --- */

static int
compact(const char *dir, struct spool_run *s, struct err *e)
{
    int rc = owner_borrow(dir, e);
    if (rc == 0)
        rc = spool_compact(dir, spool_say, spool_progress, s, e);
    owner_return();
    return rc;
}

/* First without what is finished.  What compaction cannot do for lack of room
 * is no reason to keep the mail there, nor is that it was exported before. */
static int export(const char *dir, const char *to, bool keep,
    struct spool_run *s, struct err *e)
{
    int rc = compact(dir, s, e);
    if (rc == ERR_FULL || rc == ERR_IO) {
        struct buf line = BUF_INIT;
        buf_printf(&line, "not compacted before: %s", e->text);
        spool_say(s, buf_get(&line));
        buf_fini(&line);
        rc = 0;
    }
    if (rc == 0 || rc == ERR_DENIED)
        rc = spool_export(dir, to, keep, spool_say, spool_progress, s, e);
    return rc;
}

struct spool_words {
    struct str verb;
    bool bodies, keep;
    const struct str *dir, *to;
};

/* Which words are which; ERR_INVAL. */
static int
read_words(
    const struct str *words, size_t count, struct spool_words *w, struct err *e)
{
    bool dump, exports, known, wrong = false;
    *w = (struct spool_words){.verb = count > 1 ? words[1] : STR("")};
    dump = str_ieq(w->verb, STR("dump"));
    exports = str_ieq(w->verb, STR("export"));
    known = dump || exports || str_ieq(w->verb, STR("check")) ||
        str_ieq(w->verb, STR("compact"));
    for (size_t i = 2; i < count; i++) {
        if (dump && i == 2 && count == 4 &&
            (str_ieq(words[i], STR("bodies")) ||
                str_ieq(words[i], STR("--bodies"))))
            w->bodies = true;
        else if (exports && !w->keep && str_eq(words[i], STR("--keep")))
            w->keep = true;
        else if (!w->dir)
            w->dir = &words[i];
        else if (exports && !w->to)
            w->to = &words[i];
        else
            wrong = true;
    }
    if (known && !wrong && w->dir && (w->to || !exports))
        return 0;
    return err_set(e, ERR_INVAL,
        "usage: impel spool check|dump [bodies]|compact DIR, or spool export "
        "DIR TO [--keep]");
}

static int
spool_run(const struct spool_words *w, struct spool_run *s, struct err *e)
{
    char *dir = xdupn(w->dir->p, w->dir->n);
    char *to = w->to ? xdupn(w->to->p, w->to->n) : NULL;
    int rc = str_ieq(w->verb, STR("check"))
        ? spool_check(dir, spool_say, spool_progress, s, e)
        : str_ieq(w->verb, STR("dump"))
        ? spool_dump(dir, w->bodies, spool_say, spool_progress, s, e)
        : to ? export(dir, to, w->keep, s, e)
             : compact(dir, s, e);
    free(dir);
    free(to);
    return rc;
}

int
impel_spool(const struct impel_run *r, const struct str *words, size_t count,
    struct err *e)
{
    struct spool_run s = {.json = r->json};
    struct spool_words w;
    int rc = read_words(words, count, &w, e);

    if (rc < 0)
        return rc;
    log_set_mask(LOG_LEVEL_NOTICE, 0); /* those are the daemon's */
    impel_bar_start(&s.bar, true);
    rc = spool_run(&w, &s, e);
    impel_bar_clear(&s.bar);
    if (!r->json)
        return rc;
    spool_end(&s, rc, e);
    return rc < 0;
}

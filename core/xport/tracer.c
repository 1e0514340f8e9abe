/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/logfile.h"
#include "xport/dialogue.h"
#include "xport/session_int.h"
#include "base/banned.h"

#define TRACE_HEAD "# impel trace"

struct tracer { /* all of it under all.lock */
    uint64_t id;
    char *binding, *what; /* NULL: any */
    struct cidr net;
    char *path;
    struct logfile *file; /* NULL: ended */
    uint64_t octets, most;
    unsigned sessions; /* that point here */
    bool full;
};

struct trace { /* of a session, on its loop */
    struct impel_session *session;
    struct dialogue dialogue;
    struct tracer *to[TRACERS_MOST];
    size_t count;
};

static struct {
    pthread_mutex_t lock;
    struct tracer *tracer[TRACERS_MOST]; /* in order of their numbers */
    size_t count;
    uint64_t last;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

_Atomic unsigned tracer_epoch;
static _Atomic unsigned by_name; /* how many ask for a domain */

static void
tracer_lock(void)
{
    BUG_ON(pthread_mutex_lock(&all.lock) != 0);
}

static void
tracer_unlock(void)
{
    BUG_ON(pthread_mutex_unlock(&all.lock) != 0);
}

/* --- tracers; under the lock --- */

static bool
tracer_listed(const struct tracer *t)
{
    for (size_t i = 0; i < all.count; i++)
        if (all.tracer[i] == t)
            return true;
    return false;
}

/* It goes when it is out of the list and no session points to it. */
static void
tracer_let_go(struct tracer *t)
{
    if (t->sessions || tracer_listed(t))
        return;
    free(t->binding);
    free(t->what);
    free(t->path);
    free(t);
}

static void
tracer_close(struct tracer *t)
{
    if (!t->file)
        return;
    if (t->what)
        atomic_fetch_sub(&by_name, 1);
    logfile_close(&t->file);
    atomic_fetch_add(&tracer_epoch, 1); /* its sessions leave it */
}

static void
tracer_write(struct tracer *t, struct str line)
{
    static const struct str last = STR(TRACE_HEAD ": the file is full");

    if (!t->file)
        return;
    if (t->octets + line.n + 1 + last.n + 1 <= t->most) {
        t->octets += line.n + 1;
        logfile_line(t->file, line);
        return;
    }
    logfile_line(t->file, last);
    t->octets += last.n + 1;
    t->full = true;
    tracer_close(t);
    log_notice(
        LOG_NET, "trace-full", "tracer=%" PRIu64 " file=%s", t->id, t->path);
}

/* Is it a file that a tracer may write to?  *octets: what it holds. */
static int
tracer_file_check(const char *path, uint64_t *octets, struct err *e)
{
    char head[sizeof(TRACE_HEAD) - 1];
    struct stat st;
    ssize_t n;
    int fd;

    *octets = 0;
    if (path[0] != '/')
        return err_set(e, ERR_INVAL, "%s: a path begins with /", path);
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : err_errno(e, ERR_IO, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_INVAL, "%s is no file", path);
    *octets = (uint64_t)st.st_size;
    if (!st.st_size)
        return 0;
    fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return err_errno(e, ERR_IO, errno, "%s", path);
    n = read(fd, head, sizeof(head));
    (void)close(fd); /* it was only read */
    if (n != (ssize_t)sizeof(head) || memcmp(head, TRACE_HEAD, sizeof(head)))
        return err_set(e, ERR_INVAL, "%s is there, and is no trace", path);
    return 0;
}

static int
tracer_room_check(const char *path, struct err *e)
{
    if (all.count == TRACERS_MOST)
        return err_set(
            e, ERR_LIMIT, "there are %d tracers already", TRACERS_MOST);
    for (size_t i = 0; i < all.count; i++)
        if (strcmp(all.tracer[i]->path, path) == 0)
            return err_set(e, ERR_INVAL, "%s is written by tracer #%" PRIu64,
                path, all.tracer[i]->id);
    return 0;
}

static void
print_choice(const struct tracer_request *r, struct buf *to)
{
    buf_cstr(to, "binding ");
    buf_str(to, r->binding.p ? r->binding : STR("*"));
    buf_char(to, ' ');
    if (r->net.family)
        cidr_print(&r->net, to);
    else
        buf_str(to, r->what.p ? r->what : STR("*"));
}

static uint64_t
tracer_begin(
    const struct tracer_request *r, struct logfile *file, uint64_t octets)
{
    struct tracer *t = xnew(struct tracer);
    struct buf head = BUF_INIT;

    t->id = ++all.last;
    t->binding = r->binding.p ? xdupn(r->binding.p, r->binding.n) : NULL;
    t->what = r->what.p ? xdupn(r->what.p, r->what.n) : NULL;
    t->net = r->net;
    t->path = xdup(r->path);
    t->file = file;
    t->octets = octets;
    t->most = r->most;
    if (t->what)
        atomic_fetch_add(&by_name, 1);
    all.tracer[all.count++] = t;
    atomic_fetch_add(&tracer_epoch, 1);
    buf_cstr(&head, TRACE_HEAD " ");
    clock_print_iso(&head, clock_wall());
    buf_printf(&head, " #%" PRIu64 ": ", t->id);
    print_choice(r, &head);
    tracer_write(t, buf_get(&head));
    buf_fini(&head);
    return t->id;
}

uint64_t
tracer_add(const struct tracer_request *r, struct err *e)
{
    struct logfile *file;
    uint64_t octets, id;
    int rc;

    if (tracer_file_check(r->path, &octets, e) < 0)
        return 0;
    if (octets + DIALOGUE_LINE_MOST > r->most) {
        (void)err_set(e, ERR_LIMIT, "%s is full: trace_smtp_size", r->path);
        return 0;
    }
    tracer_lock();
    rc = tracer_room_check(r->path, e);
    tracer_unlock();
    if (rc < 0 || !(file = logfile_open(r->path, r->mode, e)))
        return 0;
    tracer_lock();
    id = tracer_begin(r, file, octets);
    tracer_unlock();
    return id;
}

static void
tracer_take_out(size_t i)
{
    struct tracer *t = all.tracer[i];

    all.count--;
    for (; i < all.count; i++)
        all.tracer[i] = all.tracer[i + 1];
    tracer_close(t);
    tracer_let_go(t);
}

bool
tracer_remove(uint64_t id)
{
    bool found = false;

    tracer_lock();
    for (size_t i = 0; i < all.count && !found; i++) {
        found = all.tracer[i]->id == id;
        if (found)
            tracer_take_out(i);
    }
    tracer_unlock();
    return found;
}

void
tracer_remove_all(void)
{
    tracer_lock();
    while (all.count)
        tracer_take_out(all.count - 1);
    tracer_unlock();
}

void
tracer_each(tracer_each_f *fn, void *arg)
{
    tracer_lock();
    for (size_t i = 0; i < all.count; i++) {
        const struct tracer *t = all.tracer[i];
        struct tracer_view v = {.id = t->id,
            .octets = t->octets,
            .most = t->most,
            .sessions = t->sessions,
            .full = t->full,
            .binding = t->binding,
            .what = t->what,
            .path = t->path,
            .net = t->net};

        fn(arg, &v);
    }
    tracer_unlock();
}

/* --- a session's --- */

/* One line to all that see the session. */
static void
trace_put(struct trace *t, char mark, struct str text)
{
    struct buf line = BUF_INIT;

    clock_print_iso(&line, clock_wall());
    buf_printf(&line, " %016" PRIx64 " %c ", t->session->id, mark);
    buf_str(&line, text);
    tracer_lock();
    for (size_t i = 0; i < t->count; i++)
        tracer_write(t->to[i], buf_get(&line));
    tracer_unlock();
    buf_fini(&line);
}

static void
trace_line(void *arg, enum dialogue_side from, struct str line)
{
    trace_put(arg, from == DIALOGUE_CLIENT ? '>' : '<', line);
}

static void
trace_free(struct impel_session *s)
{
    struct trace *t = s->trace;

    s->trace = NULL;
    dialogue_fini(&t->dialogue);
    tracer_lock();
    for (size_t i = 0; i < t->count; i++) {
        t->to[i]->sessions--;
        tracer_let_go(t->to[i]);
    }
    tracer_unlock();
    free(t);
}

static bool
trace_has(const struct trace *t, const struct tracer *one)
{
    for (size_t i = 0; t && i < t->count; i++)
        if (t->to[i] == one)
            return true;
    return false;
}

static bool
same_word(const char *want, const char *is)
{
    return !want || (is && str_ieq(str_of(want), str_of(is)));
}

static bool
names_recipient(const char *want, const struct batch *b)
{
    for (uint32_t i = 0; b && i < b->rcpt_count; i++) {
        struct str a = b->message->env.rcpt[b->rcpt[i]].address;
        size_t at = str_rchr(a, '@');

        if (at != SIZE_MAX && str_ieq(str_from(a, at + 1), str_of(want)))
            return true;
    }
    return false;
}

static bool
tracer_wants(const struct tracer *t, const struct impel_session *s,
    const struct session_place *p, const struct batch *b)
{
    if (!t->file || !same_word(t->binding, p->binding))
        return false;
    if (t->net.family)
        return s->to.ip.family && cidr_contains(&t->net, &s->to.ip);
    return same_word(t->what, p->domain) || same_word(t->what, p->host) ||
        names_recipient(t->what, b);
}

/* Leave those that have ended, join those that want it.  Under the lock; true:
 * somebody is new. */
static bool
trace_choose(struct impel_session *s, const struct session_place *p,
    const struct batch *b)
{
    struct trace *t = s->trace;
    size_t kept = 0;
    bool joined = false;

    for (size_t i = 0; t && i < t->count; i++) {
        struct tracer *one = t->to[i];

        if (one->file) {
            t->to[kept++] = one;
            continue;
        }
        one->sessions--;
        tracer_let_go(one);
    }
    if (t)
        t->count = kept;
    for (size_t i = 0; i < all.count; i++) {
        struct tracer *one = all.tracer[i];

        if (trace_has(t, one) || !tracer_wants(one, s, p, b))
            continue;
        if (!t) {
            t = s->trace = xnew(struct trace);
            t->session = s;
            dialogue_init(&t->dialogue, trace_line, t);
        }
        one->sessions++;
        t->to[t->count++] = one;
        joined = true;
    }
    return joined;
}

static void
trace_describe(struct impel_session *s, const struct session_place *p)
{
    struct buf text = BUF_INIT;

    buf_printf(&text, "%s to %s", p->method, p->host[0] ? p->host : "-");
    buf_char(&text, ' ');
    netaddr_print(&s->to, &text);
    buf_printf(&text, ", binding %s, domain %s%s", p->binding, p->domain,
        s->up ? ", connected before" : "");
    trace_put(s->trace, '=', buf_get(&text));
    buf_fini(&text);
}

static void
tracer_look_with(struct impel_session *s, const struct batch *b)
{
    struct session_place p = {NULL, NULL, NULL, NULL};
    bool joined;

    if (s->up && !s->was_ready)
        return; /* amid a login, maybe */
    s->trace_epoch = atomic_load(&tracer_epoch);
    if (!s->kind->place)
        return;
    s->kind->place(s, &p);
    tracer_lock();
    joined = trace_choose(s, &p, b);
    tracer_unlock();
    if (joined)
        trace_describe(s, &p);
    if (s->trace && !s->trace->count)
        trace_free(s);
}

void
tracer_look(struct impel_session *s)
{
    tracer_look_with(s, NULL);
}

void
tracer_lent(struct impel_session *s, const struct batch *b)
{
    if (atomic_load_explicit(&by_name, memory_order_relaxed))
        tracer_look_with(s, b);
    if (tracer_sees(s))
        tracer_note(s, "%s is lent", s->trace ? b->lent->id : "");
}

void
tracer_crossed(struct impel_session *s, bool out, const void *p, size_t n)
{
    dialogue_take(
        &s->trace->dialogue, out ? DIALOGUE_CLIENT : DIALOGUE_SERVER, p, n);
}

void
tracer_note(struct impel_session *s, const char *fmt, ...)
{
    struct buf text = BUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    dialogue_flush(&s->trace->dialogue);
    trace_put(s->trace, '=', buf_get(&text));
    buf_fini(&text);
}

void
tracer_end(struct impel_session *s)
{
    if (!s->trace)
        return;
    dialogue_flush(&s->trace->dialogue);
    trace_put(s->trace, '=', STR("closed"));
    trace_free(s);
}

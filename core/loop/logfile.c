/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/bug.h"
#include "base/clock.h"
#include "base/libc.h"
#include "base/list.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "base/banned.h"

enum {
    LOGFILE_MAX_BUFFER = 4 << 20,
    LOGFILE_GATHER_MS = 10,  /* lines that come together go together */
    LOGFILE_SOON = 64 << 10, /* so much in a buffer does not wait */
    LOGFILE_RETRY_MS = 1000  /* after a failed write */
};

/* Lock order: all.lock, then a file's lock.  Neither is held while the disk is
 * touched, nor while something is logged: a log line may come back here. */
struct logfile {
    uint32_t magic;
    struct list node; /* all.files; guarded by all.lock */
    unsigned refs;    /* guarded by all.lock; 0: goes when it is written */
    char *path;
    int mode;
    _Atomic bool reopen;
    _Atomic uint64_t dropped; /* lines, since the start */

    pthread_mutex_t lock; /* guards the next two */
    struct buf lines;
    size_t held; /* bytes in lines and in writing */

    /* The writer's, under all.pass. */
    int fd;
    struct buf writing;
    size_t at;         /* how much of writing is in the file */
    uint64_t reported; /* of dropped */
    bool failing;      /* the last write */
    bool lost; /* the last reopening failed: the former file is in use */
    int64_t retry_at;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work;  /* for the writer */
    pthread_cond_t done;  /* for logfile_sync_all() */
    pthread_mutex_t pass; /* held by who writes; before lock */
    struct list files;
    pthread_t thread;
    bool running, stop;
    bool waiting;             /* lines wait that the writer has not seen */
    bool urgent;              /* a buffer is large, or somebody waits */
    uint64_t wanted, reached; /* passes */
    _Atomic size_t max;
} all = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .work = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
    .pass = PTHREAD_MUTEX_INITIALIZER,
    .files = {&all.files, &all.files},
    .max = LOGFILE_MAX_BUFFER,
};

static void
logfile_lock(pthread_mutex_t *m)
{
    BUG_ON(pthread_mutex_lock(m) != 0);
}

static void
logfile_unlock(pthread_mutex_t *m)
{
    BUG_ON(pthread_mutex_unlock(m) != 0);
}

/* A new file gets exactly mode, whatever the umask says. */
static int
logfile_open_fd(const char *path, int mode)
{
    const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags);

    if (fd >= 0 || errno != ENOENT)
        return fd;
    fd = open(path, flags | O_CREAT, (mode_t)mode & 0777);
    if (fd >= 0)
        (void)fchmod(fd, (mode_t)mode & 0777); /* the umask's mode will do */
    return fd;
}

/* It is out of the list; all.pass is held. */
static void
logfile_destroy(struct logfile *f)
{
    (void)close(f->fd); /* written already, and nobody to tell */
    (void)pthread_mutex_destroy(&f->lock); /* nobody holds it */
    buf_fini(&f->lines);
    buf_fini(&f->writing);
    free(f->path);
    f->magic = 0;
    free(f);
}

static struct logfile *
logfile_find(const char *path)
{
    struct list *it;

    LIST_FOREACH (it, &all.files) {
        struct logfile *f = LIST_ENTRY(it, struct logfile, node);
        if (strcmp(f->path, path) == 0)
            return f;
    }
    return NULL;
}

struct logfile *
logfile_open(const char *path, int mode, struct err *e)
{
    int fd = logfile_open_fd(path, mode);
    struct logfile *f;

    if (fd < 0) {
        (void)err_errno(e, ERR_IO, errno, "cannot open %s", path);
        return NULL;
    }
    logfile_lock(&all.lock);
    f = logfile_find(path);
    if (f) {
        f->refs++;
        logfile_unlock(&all.lock);
        (void)close(fd); /* it was only tried */
        return f;
    }
    f = xnew(struct logfile);
    f->magic = LOGFILE_MAGIC;
    f->refs = 1;
    f->path = xdup(path);
    f->mode = mode;
    f->fd = fd;
    BUG_ON(pthread_mutex_init(&f->lock, NULL) != 0);
    list_push(&all.files, &f->node);
    logfile_unlock(&all.lock);
    return f;
}

/* Under all.lock. */
static void
logfile_call_writer(bool urgent)
{
    bool news = !all.waiting || (urgent && !all.urgent);

    all.waiting = true;
    all.urgent = all.urgent || urgent;
    if (news)
        (void)pthread_cond_signal(&all.work); /* fails only by a bug */
}

void
logfile_line(struct logfile *f, struct str line)
{
    size_t max = atomic_load_explicit(&all.max, memory_order_relaxed);
    size_t was;

    CHECK(f, LOGFILE_MAGIC);
    logfile_lock(&f->lock);
    if (line.n >= max || f->held > max - line.n - 1) {
        atomic_fetch_add(&f->dropped, 1);
        logfile_unlock(&f->lock);
        return;
    }
    was = f->lines.n;
    buf_str(&f->lines, line);
    buf_char(&f->lines, '\n');
    f->held += line.n + 1;
    /* The writer is called for the first line and for a full buffer only. */
    if (was && (was >= LOGFILE_SOON || f->lines.n < LOGFILE_SOON)) {
        logfile_unlock(&f->lock);
        return;
    }
    was = f->lines.n;
    logfile_unlock(&f->lock);
    logfile_lock(&all.lock);
    logfile_call_writer(was >= LOGFILE_SOON);
    logfile_unlock(&all.lock);
}

/* Take the lines that came. */
static void
logfile_swap(struct logfile *f)
{
    struct buf empty = f->writing;

    logfile_lock(&f->lock);
    f->writing = f->lines;
    buf_cut(&empty, 0);
    f->lines = empty;
    f->held = f->writing.n;
    f->at = 0;
    logfile_unlock(&f->lock);
}

static void
logfile_say_dropped(struct logfile *f)
{
    uint64_t dropped = logfile_dropped(f);

    if (dropped == f->reported || f->failing)
        return;
    buf_printf(&f->writing,
        "%" PRIu64 " lines are missing here: the log could not be written\n",
        dropped - f->reported);
    f->reported = dropped;
}

/* Said once, until it works again: the line itself may go to this file. */
static void
logfile_failed(struct logfile *f, bool *which, int errnum)
{
    if (!*which)
        log_error(LOG_LOG1,
            which == &f->lost ? "logfile-reopen-failed"
                              : "logfile-write-failed",
            "file=%s reason=\"%s\"", f->path, libc_error_text(errnum));
    *which = true;
    f->retry_at = clock_mono_true() + LOGFILE_RETRY_MS;
}

/* What was half written when the file was changed is written whole. */
static void
logfile_reopen(struct logfile *f)
{
    int fd = logfile_open_fd(f->path, f->mode);

    if (fd < 0) {
        logfile_failed(f, &f->lost, errno);
        return;
    }
    (void)close(f->fd); /* what it took is in the file */
    f->fd = fd;
    f->lost = false;
    while (f->at && f->writing.p[f->at - 1] != '\n')
        f->at--;
}

/* Write what is in f->writing; false: some is left. */
static bool
logfile_write(struct logfile *f)
{
    while (f->at < f->writing.n) {
        ssize_t n = write(f->fd, f->writing.p + f->at, f->writing.n - f->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            logfile_failed(f, &f->failing, errno);
            return false;
        }
        f->at += (size_t)n;
    }
    if (f->failing)
        log_notice(LOG_LOG1, "logfile-write-works", "file=%s", f->path);
    f->failing = false;
    return true;
}

/* Free the space of a burst. */
static void
logfile_shrink(struct logfile *f)
{
    if (f->writing.size > 2 * LOGFILE_SOON)
        buf_fini(&f->writing);
}

/* Write out one file; false: again later.  force: even if it failed a moment
 * ago. */
static bool
logfile_work(struct logfile *f, bool force)
{
    bool reopen = atomic_exchange(&f->reopen, false);

    if (!reopen && !force && (f->failing || f->lost) &&
        clock_mono_true() < f->retry_at)
        return false;
    if (reopen || f->lost)
        logfile_reopen(f);
    if (!logfile_write(f))
        return false;
    logfile_swap(f);
    logfile_say_dropped(f);
    if (!logfile_write(f))
        return false;
    logfile_lock(&f->lock);
    f->held = f->lines.n;
    logfile_unlock(&f->lock);
    logfile_shrink(f);
    f->at = 0;
    buf_cut(&f->writing, 0);
    return !f->lost;
}

/* The file behind f; f goes if nobody has it open, and it is written or will
 * never be.  Files leave the list only here, under all.pass. */
static struct logfile *
logfile_after(struct logfile *f, bool written)
{
    struct list *next;
    bool gone;

    logfile_lock(&all.lock);
    next = f->node.next;
    gone = f->refs == 0 && (written || all.stop || !all.running);
    if (gone)
        list_remove(&f->node);
    logfile_unlock(&all.lock);
    if (gone)
        logfile_destroy(f);
    return next == &all.files ? NULL : LIST_ENTRY(next, struct logfile, node);
}

/* Every file once; false: one of them needs another pass. */
static bool
logfile_pass(bool force)
{
    struct list *first;
    struct logfile *f;
    bool whole = true;

    logfile_lock(&all.pass);
    logfile_lock(&all.lock);
    first = list_first(&all.files);
    logfile_unlock(&all.lock);
    f = first ? LIST_ENTRY(first, struct logfile, node) : NULL;
    while (f) {
        bool written = logfile_work(f, force);
        whole = whole && written;
        f = logfile_after(f, written);
    }
    logfile_unlock(&all.pass);
    return whole;
}

/* Under all.lock: wait for work, at most ms (< 0: no limit). */
static void
logfile_wait(int64_t ms)
{
    int64_t end = clock_mono_true() + ms;
    struct timespec t = {
        .tv_sec = end / 1000, .tv_nsec = (long)(end % 1000) * 1000000};

    if (ms < 0)
        (void)pthread_cond_wait(&all.work, &all.lock);
    else
        (void)libc_cond_wait(&all.work, &all.lock, &t); /* or time is up */
}

static void *
logfile_thread(void *arg)
{
    bool whole = true, stop = false;

    (void)arg;
    logfile_lock(&all.lock);
    while (!stop) {
        uint64_t wanted;
        bool force;
        /* Awake for nothing: a pass finds nothing to do. */
        if (!all.waiting && !all.stop)
            logfile_wait(whole ? -1 : LOGFILE_RETRY_MS);
        if (!all.urgent && !all.stop)
            logfile_wait(LOGFILE_GATHER_MS);
        stop = all.stop;
        wanted = all.wanted;
        force = stop || wanted != all.reached;
        all.waiting = all.urgent = false;
        logfile_unlock(&all.lock);
        whole = logfile_pass(force);
        logfile_lock(&all.lock);
        all.reached = wanted;
        (void)pthread_cond_broadcast(&all.done); /* fails only by a bug */
    }
    logfile_unlock(&all.lock);
    return NULL;
}

int
logfile_start(struct err *e)
{
    int errnum;

    BUG_ON(all.running);
    all.stop = false;
    all.running = true; /* before the thread looks */
    errnum = thread_start(&all.thread, "log writer", logfile_thread, NULL);
    if (errnum) {
        all.running = false;
        return err_errno(e, ERR_LIMIT, errnum, "thread of the log writer");
    }
    return 0;
}

void
logfile_stop(void)
{
    logfile_lock(&all.lock);
    if (!all.running) {
        logfile_unlock(&all.lock);
        return;
    }
    all.stop = true;
    logfile_call_writer(true);
    logfile_unlock(&all.lock);
    BUG_ON(pthread_join(all.thread, NULL) != 0);
    logfile_lock(&all.lock);
    all.running = false;
    (void)pthread_cond_broadcast(&all.done); /* fails only by a bug */
    logfile_unlock(&all.lock);
}

void
logfile_close(struct logfile **pf)
{
    struct logfile *f = *pf;
    bool running;

    if (!f)
        return;
    CHECK(f, LOGFILE_MAGIC);
    *pf = NULL;
    logfile_lock(&all.lock);
    BUG_ON(!f->refs);
    f->refs--;
    running = all.running;
    if (running)
        logfile_call_writer(false);
    logfile_unlock(&all.lock);
    if (!running)
        (void)logfile_pass(true); /* what cannot be written now is lost */
}

void
logfile_reopen_all(void)
{
    struct list *it;

    logfile_lock(&all.lock);
    LIST_FOREACH (it, &all.files)
        atomic_store(&LIST_ENTRY(it, struct logfile, node)->reopen, true);
    logfile_call_writer(true);
    logfile_unlock(&all.lock);
}

void
logfile_sync_all(void)
{
    uint64_t mine;

    logfile_lock(&all.lock);
    if (!all.running) {
        logfile_unlock(&all.lock);
        (void)logfile_pass(true); /* nobody else tries */
        return;
    }
    mine = ++all.wanted;
    logfile_call_writer(true);
    while (all.reached < mine && all.running)
        (void)pthread_cond_wait(&all.done, &all.lock);
    logfile_unlock(&all.lock);
}

void
logfile_set_max_buffer(size_t bytes)
{
    atomic_store(&all.max, bytes);
}

const char *
logfile_path(const struct logfile *f)
{
    CHECK(f, LOGFILE_MAGIC);
    return f->path;
}

uint64_t
logfile_dropped(const struct logfile *f)
{
    CHECK(f, LOGFILE_MAGIC);
    return atomic_load(&f->dropped);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * large.c - bodies in files of their own.
 */
#include "spool/large.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>
#include "base/bug.h"
#include "base/log.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/pool.h"
#include "spool/keeper.h"
#include "spool/spool_int.h"
#include "spool/sysio.h"

#include "base/banned.h"

struct large {
    uint32_t magic;
    int fd;
    struct spool *spool; /* not to be touched once the gate is closed */
    struct spool_gate *gate;
    char *path;
    uint64_t id;
    uint64_t size, sum;
    bool made; /* the file, by this */
    bool under_way, abandoned, waiting, handed_over, on_disk;
    /* a step: */
    struct buf next, step; /* step belongs to the thread while under_way */
    bool last_step;
    char *new_path; /* to be taken with the last step, or NULL */
    uint64_t new_id;
    uint64_t step_at;
    int failed;
    struct err error;
    XXH3_state_t *hash;
    struct pool_job job;
    struct mailbox *home;
    large_room_f *room;
    void *room_arg;
    large_synced_f *synced;
    void *synced_arg;
    pthread_mutex_t open_lock; /* of fd, for readers */
};

static void large_submit(struct large *l);

struct large *
large_new(struct spool *s, uint64_t id, struct mailbox *home)
{
    struct large *l = xnew(struct large);
    l->magic = LARGE_MAGIC;
    l->fd = -1;
    l->spool = s;
    l->gate = s->gate;
    atomic_fetch_add(&l->gate->refs, 1);
    l->path = spooldir_large_path(s->dir, id);
    l->id = id;
    l->home = home;
    l->hash = XXH3_createState();
    BUG_ON(!l->hash);
    XXH3_64bits_reset(l->hash);
    pthread_mutex_init(&l->open_lock, NULL);
    return l;
}

struct large *
large_of_file(struct spool *s, uint64_t id, uint64_t size, uint64_t sum)
{
    struct large *l = large_new(s, id, NULL);
    l->size = size;
    l->sum = sum;
    l->on_disk = l->handed_over = true;
    return l;
}

void
large_on_room(struct large *l, large_room_f *fn, void *arg)
{
    l->room = fn;
    l->room_arg = arg;
}

/* On a body thread.  The first step makes the file. */
static int
step_open(struct large *l)
{
    int flags = O_RDWR | O_CREAT | O_EXCL;
    l->fd = sysio_get()->open(l->path, flags, (mode_t)l->spool->mode);
    if (l->fd < 0 && errno == ENOENT) {
        if (spooldir_make_large_dir(l->spool->dir, l->path, &l->error))
            return -1;
        l->fd = sysio_get()->open(l->path, flags, (mode_t)l->spool->mode);
    }
    l->made = l->fd >= 0;
    if (l->made)
        return 0;
    err_errno(&l->error, sysio_code(errno), errno, "%s", l->path);
    return -1;
}

/* Its bytes, its name, and once in the life of a daemon the name of the folder
 * that holds it: another thread, or a daemon that was killed, may have made
 * that without syncing it yet. */
static int
step_sync_names(struct large *l)
{
    unsigned dir = (uint8_t)l->id; /* NN of its path */
    _Atomic uint64_t *dirs = &l->spool->large_dirs[dir / 64];
    uint64_t bit = UINT64_C(1) << (dir % 64);

    if (sysio_sync_parent(l->path) < 0)
        return -1;
    if (atomic_load(dirs) & bit)
        return 0;
    if (sysio_sync_dir(l->spool->dir->large) < 0)
        return -1;
    atomic_fetch_or(dirs, bit);
    return 0;
}

/* The name it is to have in the end. */
static int
step_rename(struct large *l)
{
    const struct sysio *io = sysio_get();
    int rc = io->rename(l->path, l->new_path);

    if (rc && errno == ENOENT) {
        if (spooldir_make_large_dir(l->spool->dir, l->new_path, &l->error))
            return -1;
        rc = io->rename(l->path, l->new_path);
    }
    if (rc) {
        err_errno(&l->error, sysio_code(errno), errno, "naming %s", l->path);
        return -1;
    }
    free(l->path);
    l->path = l->new_path;
    l->id = l->new_id;
    l->new_path = NULL;
    return 0;
}

/* A long queue of large messages has not as many open files. */
static void
step_close(struct large *l)
{
    if (l->fd >= 0)
        (void)sysio_get()->close(l->fd); /* it was synced */
    l->fd = -1;
}

static int
step_last(struct large *l)
{
    bool sync = l->spool->sync == SPOOL_SYNC_COMMIT;

    if (sync && !l->on_disk && sysio_sync(l->fd) < 0) {
        err_errno(&l->error, sysio_code(errno), errno, "syncing %s", l->path);
        return -1;
    }
    if (l->new_path && step_rename(l))
        return -1;
    if (sync && step_sync_names(l) < 0) {
        err_errno(&l->error, sysio_code(errno), errno, "syncing %s", l->path);
        return -1;
    }
    step_close(l);
    return 0;
}

static void
step_work(struct pool_job *j)
{
    struct large *l = CONTAINER_OF(j, struct large, job);
    struct iovec iov = {l->step.p, l->step.n};

    if (!l->on_disk) {
        if (l->failed || (l->fd < 0 && step_open(l)))
            goto out;
        if (l->step.n && sysio_write_all(l->fd, &iov, 1, (off_t)l->step_at)) {
            err_errno(
                &l->error, sysio_code(errno), errno, "writing %s", l->path);
            goto out;
        }
        (void)sysio_get()->write_out(
            l->fd, (off_t)l->step_at, (off_t)l->step.n);
        XXH3_64bits_update(l->hash, l->step.p ? l->step.p : "", l->step.n);
        l->step_at += l->step.n;
    }
    if (!l->last_step)
        return;
    if (step_last(l))
        goto out;
    if (!l->on_disk)
        l->sum = XXH3_64bits_digest(l->hash);
    trouble_set(l->spool, SPOOL_TROUBLE_BODY, NULL);
    return;
out:
    if (l->failed)
        return;
    l->failed = l->error.code;
    trouble_set(l->spool, SPOOL_TROUBLE_BODY, &l->error);
}

static bool
large_is_closed(struct large *l)
{
    if (!atomic_load(&l->gate->closed))
        return false;
    if (!l->failed)
        l->failed = err_set(&l->error, ERR_CLOSED, "the spool is closed");
    return true;
}

static void
large_end_commit(struct large *l)
{
    large_synced_f *fn = l->synced;

    (void)large_is_closed(l); /* it says so in failed */
    l->synced = NULL;
    l->on_disk = !l->failed;
    buf_fini(&l->next);
    buf_fini(&l->step);
    fn(l->synced_arg, l->failed, &l->error);
}

static void
step_done(struct pool_job *j)
{
    struct large *l = CONTAINER_OF(j, struct large, job);
    bool was_last = l->last_step;

    l->under_way = false;
    buf_cut(&l->step, 0);
    if (l->abandoned) {
        large_free(&l);
        return;
    }
    if (was_last) {
        large_end_commit(l);
        return;
    }
    if (l->synced || (l->next.n >= LARGE_STEP && !l->failed))
        large_submit(l);
    if (l->waiting && l->room) {
        l->waiting = false;
        l->room(l->room_arg, l->failed);
    }
}

static void
large_submit(struct large *l)
{
    struct buf t = l->step;

    if (large_is_closed(l)) {
        if (l->synced)
            large_end_commit(l);
        return;
    }
    l->step = l->next;
    l->next = t;
    l->under_way = true;
    l->last_step = l->synced != NULL;
    pool_submit(l->spool->bodies, &l->job, l->home, step_work, step_done);
}

int
large_add(struct large *l, struct buf *from, struct err *e)
{
    CHECK(l, LARGE_MAGIC);
    if (!l->under_way && l->failed)
        return err_set(e, l->failed, "%s", l->error.text);
    l->size += from->n;
    buf_add(&l->next, from->p, from->n);
    buf_cut(from, 0);
    if (l->next.n < LARGE_STEP)
        return 0;
    if (!l->under_way)
        large_submit(l);
    if (l->next.n < LARGE_STEP)
        return 0;
    l->waiting = true;
    return ERR_AGAIN;
}

void
large_commit(struct large *l, large_synced_f *done, void *arg)
{
    CHECK(l, LARGE_MAGIC);
    l->synced = done;
    l->synced_arg = arg;
    if (l->on_disk && !l->new_path) {
        large_end_commit(l);
        return;
    }
    l->waiting = false;
    if (!l->under_way)
        large_submit(l);
}

void
large_rename(struct large *l, uint64_t id)
{
    CHECK(l, LARGE_MAGIC);
    free(l->new_path);
    l->new_path = spooldir_large_path(l->spool->dir, id);
    l->new_id = id;
}

struct spool *
large_spool(const struct large *l)
{
    return l->spool;
}

uint64_t
large_size(const struct large *l)
{
    return l->size;
}

uint64_t
large_sum(const struct large *l)
{
    return l->sum;
}

void
large_hand_over(struct large *l)
{
    l->handed_over = true;
}

/* Once the spool is closed the next start finds what is left. */
static void
large_remove(struct large *l)
{
    if (sysio_get()->unlink(l->path) < 0 && errno != ENOENT &&
        !atomic_load(&l->gate->closed))
        keeper_large_left(l->spool->keeper, l->id);
}

void
large_free(struct large **to)
{
    struct large *l = *to;
    *to = NULL;
    if (!l)
        return;
    CHECK(l, LARGE_MAGIC);
    if (l->under_way) {
        l->abandoned = true;
        return;
    }
    if (l->fd >= 0)
        (void)sysio_get()->close(l->fd); /* synced before, or unwanted */
    if (!l->handed_over && l->made)
        large_remove(l);
    buf_fini(&l->next);
    buf_fini(&l->step);
    XXH3_freeState(l->hash);
    pthread_mutex_destroy(&l->open_lock);
    spool_gate_unref(l->gate);
    free(l->path);
    free(l->new_path);
    l->magic = 0;
    free(l);
}

int64_t
large_read(struct large *l, uint64_t at, void *to, size_t n, struct err *e)
{
    ssize_t got;
    int fd;

    pthread_mutex_lock(&l->open_lock);
    if (l->fd < 0)
        l->fd = sysio_get()->open(l->path, O_RDONLY | O_NONBLOCK, 0);
    fd = l->fd;
    pthread_mutex_unlock(&l->open_lock);
    if (fd < 0)
        return err_errno(
            e, errno == ENOENT ? ERR_NOTFOUND : ERR_IO, errno, "%s", l->path);
    got = sysio_read_all(fd, to, n, (off_t)at);
    if (got < 0)
        return err_errno(e, ERR_IO, errno, "reading %s", l->path);
    return got;
}

int
large_verify(const char *path, uint64_t size, uint64_t sum, struct err *e)
{
    XXH3_state_t *h;
    uint64_t at = 0;
    ssize_t got = 0;
    char *p;
    int fd = sysio_get()->open(path, O_RDONLY | O_NONBLOCK, 0);

    if (fd < 0)
        return err_errno(
            e, errno == ENOENT ? ERR_DAMAGED : ERR_IO, errno, "%s", path);
    p = xmalloc(LARGE_STEP);
    h = XXH3_createState();
    BUG_ON(!h);
    XXH3_64bits_reset(h);
    while ((got = sysio_read_all(fd, p, LARGE_STEP, (off_t)at)) > 0) {
        XXH3_64bits_update(h, p, (size_t)got);
        at += (uint64_t)got;
    }
    if (got < 0)
        err_errno(e, ERR_IO, errno, "reading %s", path);
    else if (at != size || XXH3_64bits_digest(h) != sum)
        got = err_set(e, ERR_DAMAGED, "%s: size or checksum differ", path);
    (void)sysio_get()->close(fd); /* only read */
    XXH3_freeState(h);
    free(p);
    return got < 0 ? (got == -1 ? ERR_IO : (int)got) : 0;
}

/* --- a reading that is summed --- */

struct large_pass {
    struct large *large;
    XXH3_state_t *hash;
    uint64_t summed; /* octets, from the first on */
};

struct large_pass *
large_pass_new(struct large *l)
{
    struct large_pass *p = xnew(struct large_pass);

    p->large = l;
    p->hash = XXH3_createState();
    BUG_ON(!p->hash);
    XXH3_64bits_reset(p->hash);
    return p;
}

void
large_pass_free(struct large_pass **to)
{
    if (!*to)
        return;
    XXH3_freeState((*to)->hash);
    xfree(to);
}

static void
pass_restart(struct large_pass *p)
{
    XXH3_64bits_reset(p->hash);
    p->summed = 0;
}

/* Told once for each reading that met it. */
static int
pass_damaged(struct large_pass *p, struct err *e)
{
    struct spool *s = p->large->spool;

    log_error(LOG_SPOOL, "spool-damaged", "reason=\"%s\"", e->text);
    atomic_fetch_add(&s->damaged, 1);
    return ERR_DAMAGED;
}

/* Exactly n bytes: less means that the file was cut. */
static int
pass_get(struct large_pass *p, uint64_t at, void *to, size_t n, struct err *e)
{
    int64_t got = large_read(p->large, at, to, n, e);

    if (got == (int64_t)n)
        return 0;
    if (got >= 0)
        err_set(e, ERR_DAMAGED, "%s is cut off", p->large->path);
    else if (got == ERR_NOTFOUND)
        err_set(e, ERR_DAMAGED, "%s is missing", p->large->path);
    else
        return ERR_IO;
    return pass_damaged(p, e);
}

/* Sum what stands before `upto` and was not given out in order. */
static int
pass_catch_up(struct large_pass *p, uint64_t upto, struct err *e)
{
    char *part = xmalloc(LARGE_STEP);
    int r = 0;

    while (!r && p->summed < upto) {
        size_t n = (size_t)MIN_OF(upto - p->summed, (uint64_t)LARGE_STEP);
        r = pass_get(p, p->summed, part, n, e);
        if (r)
            break;
        XXH3_64bits_update(p->hash, part, n);
        p->summed += n;
    }
    free(part);
    return r;
}

/* Another sum than that of what was stored.  What was read wrongly once may be
 * right now; then it is sent at another time. */
static int
pass_differs(struct large_pass *p, struct err *e)
{
    struct large *l = p->large;
    int r = large_verify(l->path, l->size, l->sum, e);

    pass_restart(p);
    if (r == ERR_DAMAGED)
        return pass_damaged(p, e);
    if (!r)
        err_set(e, ERR_IO, "%s was not read as it is", l->path);
    return ERR_IO;
}

int64_t
large_pass_read(
    struct large_pass *p, uint64_t at, void *to, size_t n, struct err *e)
{
    struct large *l = p->large;
    bool last;
    int r = 0;

    if (at >= l->size)
        return 0;
    n = (size_t)MIN_OF(l->size - at, (uint64_t)n);
    last = at + n == l->size;
    if (at == 0 || (last && p->summed > at))
        pass_restart(p);
    if (last && p->summed < at)
        r = pass_catch_up(p, at, e);
    if (!r)
        r = pass_get(p, at, to, n, e);
    if (r)
        return r;
    if (p->summed == at) {
        XXH3_64bits_update(p->hash, to, n);
        p->summed += n;
    }
    if (last && XXH3_64bits_digest(p->hash) != l->sum)
        return pass_differs(p, e);
    return (int64_t)n;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * keeper.c - segments made ahead, sealed, recycled; large bodies; floors.
 */
#include "spool/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/bug.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/xmem.h"
#include "loop/thread.h"
#include "spool/idset.h"
#include "spool/spool_int.h"
#include "spool/state.h"
#include "spool/sysio.h"

#include "base/banned.h"

enum {
    FLOOR_MS = 1000,
    SWEEP_MS = 1000,
    SWEEPS = 8,      /* at a time, with the locks free between them */
    AGAIN_MS = 1000, /* a removal that failed */
    PROBE_MS = 3000, /* whether a large body could be stored again */
    RECLAIM_BATCH = 16
};

struct keeper {
    struct spool *spool;
    pthread_t thread;
    bool threaded, stop, work, making;
    pthread_mutex_t lock; /* of what stands here */
    pthread_cond_t wake, ready;
    struct live_segment *next; /* for the writer */
    bool wanted;               /* make one */
    unsigned trials;
    struct err failed; /* the newest of them; code 0: it worked */
    uint32_t *spares;
    size_t spare_count;
    uint32_t spare_number;
    struct idset large; /* ids of live messages with a file */
    uint64_t *unlink;   /* files to remove */
    size_t unlink_count, unlink_size;
    int64_t floor_at, sweep_at, reclaim_at, unlink_at, probe_at;
    struct live_segment *gone[RECLAIM_BATCH]; /* not known to be durably so */
    size_t gone_count;
    /* why segments and bodies could not be removed, code 0: they could */
    struct err segments_stay, bodies_stay;
};

/* --- making segments --- */

static int
io_err(struct err *e, const char *doing, const char *path)
{
    return err_errno(e, sysio_code(errno), errno, "%s %s", doing, path);
}

/* Synced in steps: a commit waits for one of them at most. */
static int
write_zeros(int fd, uint64_t bytes)
{
    static const char zeros[64 * 1024];
    struct iovec iov[16];

    for (uint64_t at = 0; at < bytes;) {
        uint64_t left = bytes - at, n = 0;
        int count = 0;
        while (count < 16 && n < left) {
            size_t one = (size_t)MIN_OF((uint64_t)sizeof(zeros), left - n);
            iov[count++] = (struct iovec){(void *)(uintptr_t)zeros, one};
            n += one;
        }
        if (sysio_write_all(fd, iov, count, (off_t)at) < 0 ||
            sysio_sync(fd) < 0)
            return -1;
        at += n;
    }
    return 0;
}

/* A file of the right size, its blocks written and synced. */
static int
spare_make(struct keeper *k, const char *path, struct err *e)
{
    struct spool *s = k->spool;
    const struct sysio *io = sysio_get();
    int fd = io->open(path, O_RDWR | O_CREAT | O_TRUNC, (mode_t)s->mode);

    if (fd < 0)
        return io_err(e, "making", path);
    if (io->fallocate(fd, (off_t)s->segment_bytes) == 0 &&
        write_zeros(fd, s->segment_bytes) == 0)
        return fd;
    (void)io_err(e, "making", path);
    (void)io->close(fd); /* goes away */
    (void)io->unlink(path);
    return e->code;
}

static int
spare_reuse(struct keeper *k, const char *path)
{
    struct stat st;
    int fd = sysio_get()->open(path, O_RDWR, 0);

    if (fd >= 0 && fstat(fd, &st) == 0 &&
        (uint64_t)st.st_size == k->spool->segment_bytes)
        return fd;
    if (fd >= 0)
        (void)sysio_get()->close(fd); /* of another size: goes away */
    (void)sysio_get()->unlink(path);
    return -1;
}

/* An open spare, and its path. */
static int
spare_get(struct keeper *k, char **path, struct err *e)
{
    uint32_t number;
    int fd;

    for (;;) {
        pthread_mutex_lock(&k->lock);
        if (!k->spare_count)
            break;
        number = k->spares[--k->spare_count];
        pthread_mutex_unlock(&k->lock);
        *path = spooldir_spare_path(k->spool->dir, number);
        fd = spare_reuse(k, *path);
        if (fd >= 0)
            return fd;
        free(*path);
    }
    number = ++k->spare_number;
    pthread_mutex_unlock(&k->lock);
    *path = spooldir_spare_path(k->spool->dir, number);
    return spare_make(k, *path, e);
}

static void
spare_put(struct keeper *k, uint32_t number)
{
    pthread_mutex_lock(&k->lock);
    k->spares = xgrow(k->spares, k->spare_count + 1, sizeof(*k->spares));
    k->spares[k->spare_count++] = number;
    pthread_mutex_unlock(&k->lock);
}

/* Head, sync, rename, sync of the directory: then it may be used. */
static int
segment_begin(struct keeper *k, int fd, const char *spare,
    const struct segment_head *h, struct err *e)
{
    const struct sysio *io = sysio_get();
    uint8_t head[SEGMENT_BLOCK];
    struct iovec iov = {head, sizeof(head)};
    char *path = spooldir_segment_path(k->spool->dir, h->number);
    int r = 0;

    segment_head_encode(h, head);
    if (sysio_write_all(fd, &iov, 1, 0) < 0 || sysio_sync(fd) < 0)
        r = io_err(e, "writing", spare);
    else if (io->rename(spare, path) < 0)
        r = io_err(e, "making", path);
    else
        r = spooldir_sync_segments(k->spool->dir, e);
    free(path);
    return r;
}

int
keeper_make(struct keeper *k, int kind, struct live_segment **to, struct err *e)
{
    struct spool *s = k->spool;
    struct segment_head h = {.kind = (uint32_t)kind,
        .bytes = s->segment_bytes,
        .created = clock_wall()};
    struct err own;
    char *spare = NULL;
    int fd;

    e = e ? e : &own;
    fd = spare_get(k, &spare, e);
    if (fd < 0) {
        free(spare);
        return fd;
    }
    h.number = atomic_fetch_add(&s->next_segment, 1);
    if (getrandom(&h.id, sizeof(h.id), 0) != sizeof(h.id))
        h.id =
            (uint64_t)clock_mono_us() * UINT64_C(0x9e3779b97f4a7c15) + h.number;
    if (segment_begin(k, fd, spare, &h, e)) {
        (void)sysio_get()->close(fd); /* never used; found empty later */
        (void)sysio_get()->unlink(spare);
        free(spare);
        return e->code;
    }
    free(spare);
    *to = liveness_segment_new(&h, fd);
    liveness_lock(&s->live);
    liveness_add(&s->live, *to);
    liveness_unlock(&s->live);
    return 0;
}

int
keeper_take(struct keeper *k, struct live_segment **to, struct err *e)
{
    struct live_segment *s;
    unsigned trial;

    pthread_mutex_lock(&k->lock);
    trial = k->trials;
    k->work = k->wanted = true;
    pthread_cond_signal(&k->wake);
    while (!k->next && k->trials == trial && !k->stop)
        pthread_cond_wait(&k->ready, &k->lock);
    s = k->next;
    k->next = NULL;
    k->work = k->wanted = true; /* the one after it */
    pthread_cond_signal(&k->wake);
    if (!s && e)
        *e = k->failed.code ? k->failed
                            : (struct err){ERR_CLOSED, "the spool is closed"};
    pthread_mutex_unlock(&k->lock);
    *to = s;
    return s ? 0 : e ? e->code : ERR_IO;
}

static void
keeper_prepare(struct keeper *k)
{
    struct live_segment *s = NULL;
    struct err e = {0, ""};
    bool wanted;

    pthread_mutex_lock(&k->lock);
    wanted = !k->next && k->wanted;
    k->wanted = false; /* after a failure: when somebody asks again */
    pthread_mutex_unlock(&k->lock);
    if (!wanted)
        return;
    (void)keeper_make(k, SEGMENT_HOT, &s, &e); /* e goes to who waits */
    pthread_mutex_lock(&k->lock);
    k->next = s;
    k->failed = e;
    k->trials++;
    pthread_cond_broadcast(&k->ready);
    pthread_mutex_unlock(&k->lock);
    if (s)
        return;
    log_error(LOG_SPOOL, "spool-segment-failed", "reason=\"%s\"", e.text);
    /* at once: what is left of the present one is for results */
    trouble_set(k->spool, SPOOL_TROUBLE_SPACE, &e);
}

/* --- sealing --- */

void
keeper_seal(struct keeper *k, struct live_segment *s)
{
    liveness_lock(&k->spool->live);
    s->state = LIVE_SEALING;
    liveness_unlock(&k->spool->live);
    keeper_wake(k);
}

void
keeper_save_index(
    struct spool *s, const struct live_segment *seg, const struct index *ix)
{
    char *path = spooldir_index_path(s->dir, seg->number);
    struct index_head h = {.number = seg->number,
        .kind = seg->kind,
        .end = seg->end,
        .last = seg->last,
        .segment_id = seg->id,
        .commit = seg->commit,
        .max_lsn = seg->max_lsn,
        .damaged = seg->damaged};
    struct err e;

    if (index_save(ix, &h, path, s->mode, &e)) {
        log_warn(LOG_SPOOL, "spool-index-failed", "segment=%08x reason=\"%s\"",
            seg->number, e.text);
        trouble_set(s, SPOOL_TROUBLE_INDEX, &e);
    } else {
        trouble_set(s, SPOOL_TROUBLE_INDEX, NULL);
    }
    free(path);
}

void
keeper_write_index(struct spool *s, struct live_segment *seg)
{
    /* Nobody adds to it any more, so it is read without the lock. */
    keeper_save_index(s, seg, &seg->index);
    liveness_lock(&s->live);
    seg->records = seg->index.entry_count;
    index_fini(&seg->index);
    seg->state = LIVE_SEALED;
    liveness_unlock(&s->live);
}

void
keeper_seal_all(struct keeper *k)
{
    struct spool *s = k->spool;
    struct live_segment *found;

    do {
        found = NULL;
        liveness_lock(&s->live);
        for (size_t i = 0; i < s->live.count && !found; i++) {
            if (s->live.list[i]->state == LIVE_SEALING)
                found = s->live.list[i];
        }
        liveness_unlock(&s->live);
        if (found)
            keeper_write_index(s, found);
    } while (found);
}

void
keeper_trim(struct spool *s, struct live_segment *seg)
{
    if (sysio_get()->ftruncate(seg->fd, (off_t)seg->end) < 0)
        log_warn(LOG_SPOOL, "spool-trim-failed", "segment=%08x", seg->number);
    else
        seg->bytes = seg->end;
    (void)s;
}

/* --- recycling --- */

/* Said once, until it works again. */
static void
keeper_stays(struct keeper *k, struct err *which, const struct err *why)
{
    const struct err *one;

    *which = *why;
    one = k->segments_stay.code ? &k->segments_stay : &k->bodies_stay;
    trouble_set(k->spool, SPOOL_TROUBLE_REMOVAL, one);
}

static int
reclaim_one(struct keeper *k, struct live_segment *seg, struct err *e)
{
    struct spool *s = k->spool;
    char *path = spooldir_segment_path(s->dir, seg->number);
    char *index = spooldir_index_path(s->dir, seg->number);
    char *spare = NULL;
    uint32_t number = 0;
    bool keep = seg->bytes == s->segment_bytes && !seg->failed &&
        keeper_spares(k) < KEEPER_SPARES;
    int r;

    (void)sysio_get()->unlink(index); /* of no use without its segment */
    if (keep) {
        pthread_mutex_lock(&k->lock);
        number = ++k->spare_number;
        pthread_mutex_unlock(&k->lock);
        spare = spooldir_spare_path(s->dir, number);
        r = sysio_get()->rename(path, spare);
        if (!r)
            spare_put(k, number);
    } else {
        r = sysio_get()->unlink(path);
    }
    if (r < 0)
        r = err_errno(e, ERR_IO, errno, "removing %s", path);
    free(path);
    free(index);
    free(spare);
    return r;
}

static struct live_segment *
reclaim_pick(struct liveness *l)
{
    struct live_segment *found;

    liveness_lock(l);
    found = liveness_take_free(l);
    liveness_unlock(l);
    return found;
}

static void
reclaim_put_back(struct keeper *k, struct live_segment *seg)
{
    liveness_lock(&k->spool->live);
    seg->going = false;
    liveness_unlock(&k->spool->live);
}

/* Fill gone[].  0, or what could not be removed. */
static int
reclaim_fill(struct keeper *k, struct err *e)
{
    struct live_segment *seg;

    while (k->gone_count < RECLAIM_BATCH &&
        (seg = reclaim_pick(&k->spool->live)) != NULL) {
        if (reclaim_one(k, seg, e)) {
            reclaim_put_back(k, seg);
            return e->code;
        }
        k->gone[k->gone_count++] = seg;
    }
    return 0;
}

/* Others hold what refers to them until it is durable that they are gone. */
static int
reclaim_forget(struct keeper *k, struct err *e)
{
    struct spool *s = k->spool;
    int r = k->gone_count ? spooldir_sync_segments(s->dir, e) : 0;

    if (r)
        return r;
    liveness_lock(&s->live);
    for (size_t i = 0; i < k->gone_count; i++)
        liveness_forget(&s->live, k->gone[i]);
    liveness_unlock(&s->live);
    k->gone_count = 0;
    return 0;
}

size_t
keeper_reclaim(struct keeper *k)
{
    struct err e = {0, ""}, late = {0, ""};
    size_t count, total = 0;

    if (atomic_load(&k->spool->recovering) || clock_mono() < k->reclaim_at)
        return 0;
    do {
        (void)reclaim_fill(k, &e); /* it stands in e */
        count = k->gone_count;
        if (reclaim_forget(k, &late) && !e.code)
            e = late;
        total += count - k->gone_count;
    } while (count && !e.code);
    if (e.code)
        k->reclaim_at = clock_mono() + AGAIN_MS;
    if (e.code || total)
        keeper_stays(k, &k->segments_stay, &e);
    return total;
}

size_t
keeper_spares(struct keeper *k)
{
    size_t n;
    pthread_mutex_lock(&k->lock);
    n = k->spare_count;
    pthread_mutex_unlock(&k->lock);
    return n;
}

void
keeper_drop_spares(struct keeper *k)
{
    while (k->spare_count) {
        char *path =
            spooldir_spare_path(k->spool->dir, k->spares[--k->spare_count]);
        (void)sysio_get()->unlink(path); /* holds nothing */
        free(path);
    }
}

/* --- large bodies --- */

void
keeper_large_stored(struct keeper *k, uint64_t id)
{
    pthread_mutex_lock(&k->lock);
    idset_add(&k->large, id);
    pthread_mutex_unlock(&k->lock);
}

bool
keeper_large_known(struct keeper *k, uint64_t id)
{
    bool has;
    pthread_mutex_lock(&k->lock);
    has = idset_has(&k->large, id);
    pthread_mutex_unlock(&k->lock);
    return has;
}

static void
unlink_push(struct keeper *k, uint64_t id)
{
    if (k->unlink_count == k->unlink_size) {
        k->unlink_size = k->unlink_size ? 2 * k->unlink_size : 64;
        k->unlink = xgrow(k->unlink, k->unlink_size, sizeof(*k->unlink));
    }
    k->unlink[k->unlink_count++] = id;
}

void
keeper_large_finished(struct keeper *k, uint64_t id)
{
    pthread_mutex_lock(&k->lock);
    if (idset_remove(&k->large, id)) {
        unlink_push(k, id);
        k->work = true;
        pthread_cond_signal(&k->wake);
    }
    pthread_mutex_unlock(&k->lock);
}

void
keeper_large_left(struct keeper *k, uint64_t id)
{
    pthread_mutex_lock(&k->lock);
    unlink_push(k, id);
    pthread_mutex_unlock(&k->lock);
}

static bool
unlink_next(struct keeper *k, uint64_t *id)
{
    bool some;
    pthread_mutex_lock(&k->lock);
    some = k->unlink_count > 0;
    if (some)
        *id = k->unlink[--k->unlink_count];
    pthread_mutex_unlock(&k->lock);
    return some;
}

static void
keeper_unlink_all(struct keeper *k)
{
    struct err e = {0, ""};
    uint64_t id;
    bool some = false;

    if (clock_mono() < k->unlink_at)
        return;
    while (!e.code && unlink_next(k, &id)) {
        char *path = spooldir_large_path(k->spool->dir, id);
        if (sysio_get()->unlink(path) < 0 && errno != ENOENT) {
            err_errno(&e, ERR_IO, errno, "removing %s", path);
            keeper_large_left(k, id);
            k->unlink_at = clock_mono() + AGAIN_MS;
        }
        some = true;
        free(path);
    }
    if (some)
        keeper_stays(k, &k->bodies_stay, &e);
}

/* A large body could not be stored: could one now? */
static void
keeper_probe(struct keeper *k)
{
    static char block[SEGMENT_BLOCK];
    const struct sysio *io = sysio_get();
    struct iovec iov = {block, sizeof(block)};
    char *path;
    int fd;

    if (!trouble_is_set(k->spool, SPOOL_TROUBLE_BODY) ||
        clock_mono() < k->probe_at)
        return;
    k->probe_at = clock_mono() + PROBE_MS;
    path = xprintf("%s/probe", k->spool->dir->large);
    fd = io->open(path, O_WRONLY | O_CREAT | O_TRUNC, (mode_t)k->spool->mode);
    if (fd >= 0 && sysio_write_all(fd, &iov, 1, 0) == 0 && sysio_sync(fd) == 0)
        trouble_set(k->spool, SPOOL_TROUBLE_BODY, NULL);
    if (fd >= 0) {
        (void)io->close(fd); /* nothing is in it */
        (void)io->unlink(path);
    }
    free(path);
}

/* --- floors --- */

static void
keeper_floors(struct keeper *k)
{
    struct spool *s = k->spool;
    uint64_t bytes, inodes;
    struct err e = {0, ""};

    if (clock_mono() < k->floor_at)
        return;
    k->floor_at = clock_mono() + FLOOR_MS;
    if (spooldir_free_space(s->dir, &bytes, &inodes, &e) == 0) {
        if (bytes < s->min_free_bytes)
            err_set(&e, ERR_FULL,
                "%" PRIu64 " bytes free, the floor is %" PRIu64, bytes,
                s->min_free_bytes);
        else if (inodes < s->min_free_inodes)
            err_set(&e, ERR_FULL,
                "%" PRIu64 " inodes free, the floor is %" PRIu64, inodes,
                s->min_free_inodes);
    }
    pthread_mutex_lock(&k->lock);
    if (k->failed.code && !e.code)
        e = k->failed;
    k->wanted = true; /* try again, if it failed */
    pthread_mutex_unlock(&k->lock);
    trouble_set(s, SPOOL_TROUBLE_SPACE, &e);
}

/* --- the thread --- */

static void
keeper_sweep(struct keeper *k)
{
    if (clock_mono() < k->sweep_at)
        return;
    k->sweep_at = clock_mono() + SWEEP_MS;
    for (int i = 0; i < SWEEPS; i++)
        (void)state_sweep(k->spool);
}

static void
keeper_sleep(struct keeper *k)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FLOOR_MS / 1000;
    pthread_mutex_lock(&k->lock);
    if (!k->work && !k->stop)
        pthread_cond_timedwait(&k->wake, &k->lock, &until);
    k->work = false;
    pthread_mutex_unlock(&k->lock);
}

static void *
keeper_main(void *arg)
{
    struct keeper *k = arg;
    bool stop;

    bug_doing("spool keeper", 0);
    do {
        keeper_prepare(k);
        keeper_seal_all(k);
        keeper_unlink_all(k);
        keeper_sweep(k);
        (void)keeper_reclaim(k); /* the count is for offline use */
        keeper_floors(k);
        keeper_probe(k);
        keeper_sleep(k);
        pthread_mutex_lock(&k->lock);
        stop = k->stop;
        pthread_mutex_unlock(&k->lock);
    } while (!stop);
    keeper_seal_all(k);
    k->unlink_at = k->reclaim_at = 0; /* a last trial */
    keeper_unlink_all(k);
    (void)keeper_reclaim(k);
    return NULL;
}

void
keeper_wake(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    k->work = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
}

static int
keeper_init(struct keeper *k, struct err *e)
{
    pthread_condattr_t attr;
    int r = spooldir_list(
        k->spool->dir, SPOOLDIR_SPARE, &k->spares, &k->spare_count, e);

    k->wanted = true;
    if (k->spare_count)
        k->spare_number = k->spares[k->spare_count - 1];
    pthread_mutex_init(&k->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&k->wake, &attr);
    pthread_cond_init(&k->ready, &attr);
    pthread_condattr_destroy(&attr);
    return r;
}

static void
keeper_free(struct keeper **to)
{
    struct keeper *k = *to;
    *to = NULL;
    pthread_mutex_destroy(&k->lock);
    pthread_cond_destroy(&k->wake);
    pthread_cond_destroy(&k->ready);
    idset_fini(&k->large);
    free(k->spares);
    free(k->unlink);
    free(k);
}

int
keeper_new(struct spool *s, struct keeper **to, struct err *e)
{
    struct keeper *k = xnew(struct keeper);
    int r;

    k->spool = s;
    r = keeper_init(k, e);
    if (r)
        keeper_free(&k);
    *to = k;
    return r;
}

int
keeper_start(struct keeper *k, struct err *e)
{
    int r;

    keeper_floors(k); /* nothing is taken before they are known */
    r = thread_start(&k->thread, "spool keeper", keeper_main, k);
    k->threaded = r == 0;
    return r ? err_errno(e, ERR_LIMIT, r, "starting the spool's keeper") : 0;
}

/* The segment that was ready and never used goes back. */
static void
keeper_return_next(struct keeper *k)
{
    struct spool *s = k->spool;
    if (!k->next)
        return;
    liveness_lock(&s->live);
    k->next->state = LIVE_SEALED;
    liveness_unlock(&s->live);
    k->next = NULL;
    (void)keeper_reclaim(k); /* else recovery finds it empty */
}

void
keeper_stop(struct keeper **to)
{
    struct keeper *k = *to;
    if (!k)
        return;
    if (k->threaded) {
        pthread_mutex_lock(&k->lock);
        k->stop = true;
        pthread_cond_broadcast(&k->wake);
        pthread_cond_broadcast(&k->ready);
        pthread_mutex_unlock(&k->lock);
        pthread_join(k->thread, NULL);
    }
    keeper_return_next(k);
    keeper_free(to);
}

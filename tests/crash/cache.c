/* SPDX-License-Identifier: Apache-2.0
 *
 * cache - a disk with a volatile cache, for a loop device to stand on.
 *
 *     cache IMAGE MOUNTPOINT [GRAIN]
 *
 * A FUSE file system of one file, MOUNTPOINT/disk, as long as IMAGE and with
 * its bytes.  What is written goes to the cache; an fsync (which is what a
 * loop device makes of a flush) brings all of it to IMAGE.  Reads see the
 * cache.  A line on standard input, "SEED KEEP", is the loss of power: each
 * GRAIN octets (512) of each write that was not flushed reach IMAGE with a
 * chance of KEEP in 100, in order; all later requests fail with EIO; and a
 * line on standard output tells how many writes were at stake and how many
 * grains of them were lost.  The file system is there when "ready" was
 * written, and ends when it is unmounted.  Needs root.  One thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { REQUEST_MAX = 1 << 20, WRITE_MAX = 1 << 17, DISK = 2 };

struct write {
    uint64_t at;
    uint32_t n;
    char *bytes;
};

static struct {
    int dev;
    uint64_t size, grain;
    char *image, *seen; /* what is certain; what readers see */
    struct write *list; /* not flushed, in order */
    size_t count, room;
    bool off;
} disk = {.grain = 512};

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

/* --- the disk --- */

static int
disk_write(uint64_t at, const char *bytes, uint32_t n)
{
    struct write *w;
    if (disk.off)
        return -EIO;
    if (at > disk.size || n > disk.size - at)
        return -ENOSPC;
    if (disk.count == disk.room) {
        disk.room = disk.room ? 2 * disk.room : 1024;
        disk.list = realloc(disk.list, disk.room * sizeof(*disk.list));
        if (!disk.list)
            die("no memory");
    }
    w = &disk.list[disk.count++];
    *w = (struct write){at, n, malloc(n + 1)};
    if (!w->bytes)
        die("no memory");
    memcpy(w->bytes, bytes, n);
    memcpy(disk.seen + at, bytes, n);
    return 0;
}

static int
disk_flush(void)
{
    if (disk.off)
        return -EIO;
    for (size_t i = 0; i < disk.count; i++) {
        struct write *w = &disk.list[i];
        memcpy(disk.image + w->at, w->bytes, w->n);
        free(w->bytes);
    }
    disk.count = 0;
    return 0;
}

static bool
dice(uint64_t *x, unsigned percent)
{
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return (*x >> 20) % 100 < percent;
}

static void
disk_lose(uint64_t seed, unsigned keep)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1, lost = 0;
    disk.off = true;
    for (size_t i = 0; i < disk.count; i++) {
        struct write *w = &disk.list[i];
        for (uint64_t at = 0, n; at < w->n; at += n) {
            n = disk.grain - (w->at + at) % disk.grain;
            n = n < w->n - at ? n : w->n - at;
            if (dice(&x, keep))
                memcpy(disk.image + w->at + at, w->bytes + at, n);
            else
                lost++;
        }
    }
    printf("%zu %llu\n", disk.count, (unsigned long long)lost);
    fflush(stdout);
}

/* --- requests of the kernel --- */

static void
answer(const struct fuse_in_header *in, int error, const void *p, size_t n)
{
    struct fuse_out_header out = {.len = (uint32_t)(sizeof(out) + n),
        .error = error,
        .unique = in->unique};
    struct iovec iov[2] = {{&out, sizeof(out)}, {(void *)(uintptr_t)p, n}};
    if (error) {
        out.len = sizeof(out);
        iov[1].iov_len = 0;
    }
    /* ENOENT: the request was interrupted meanwhile */
    if (writev(disk.dev, iov, 2) < 0 && errno != ENOENT)
        die("answer");
}

static struct fuse_attr
attributes(uint64_t node)
{
    bool is_disk = node == DISK;
    return (struct fuse_attr){.ino = node,
        .size = is_disk ? disk.size : 0,
        .blocks = is_disk ? disk.size / 512 : 0,
        .mode = is_disk ? S_IFREG | 0600 : S_IFDIR | 0700,
        .nlink = 1,
        .blksize = 4096};
}

static void
do_init(const struct fuse_in_header *in, const struct fuse_init_in *asked)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = asked->max_readahead,
        .flags = asked->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES),
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = WRITE_MAX,
        .time_gran = 1,
        .max_pages = WRITE_MAX / 4096};
    answer(in, 0, &out, sizeof(out));
    printf("ready\n");
    fflush(stdout);
}

static void
do_lookup(const struct fuse_in_header *in, const char *name)
{
    struct fuse_entry_out out = {.nodeid = DISK,
        .generation = 1,
        .entry_valid = 3600,
        .attr_valid = 3600,
        .attr = attributes(DISK)};
    answer(in, strcmp(name, "disk") ? -ENOENT : 0, &out, sizeof(out));
}

static void
do_attributes(const struct fuse_in_header *in)
{
    struct fuse_attr_out out = {
        .attr_valid = 3600, .attr = attributes(in->nodeid)};
    answer(in, 0, &out, sizeof(out));
}

static void
do_read(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
    uint64_t left = r->offset < disk.size ? disk.size - r->offset : 0;
    answer(in, disk.off ? -EIO : 0, disk.seen + r->offset,
        r->size < left ? r->size : left);
}

static void
do_write(const struct fuse_in_header *in, const struct fuse_write_in *w)
{
    struct fuse_write_out out = {.size = w->size};
    answer(in, disk_write(w->offset, (const char *)(w + 1), w->size), &out,
        sizeof(out));
}

static void
do_open(const struct fuse_in_header *in)
{
    struct fuse_open_out out = {.open_flags = FOPEN_DIRECT_IO};
    answer(in, 0, &out, sizeof(out));
}

static void
request(char *p)
{
    struct fuse_in_header *in = (struct fuse_in_header *)(void *)p;
    void *body = in + 1;
    switch (in->opcode) {
    case FUSE_INIT:
        do_init(in, body);
        break;
    case FUSE_LOOKUP:
        do_lookup(in, body);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR: /* its times are nobody's concern */
        do_attributes(in);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        do_open(in);
        break;
    case FUSE_READ:
        do_read(in, body);
        break;
    case FUSE_WRITE:
        do_write(in, body);
        break;
    case FUSE_FSYNC:
        answer(in, disk_flush(), NULL, 0);
        break;
    case FUSE_FLUSH:
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_DESTROY:
        answer(in, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(in, -ENOSYS, NULL, 0);
    }
}

/* --- begin, end --- */

static void
image_open(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        die(path);
    disk.size = (uint64_t)st.st_size;
    disk.image =
        mmap(NULL, disk.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    /* a private view would show what the other one changes, too */
    disk.seen = mmap(NULL, disk.size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (disk.image == MAP_FAILED || disk.seen == MAP_FAILED)
        die("mmap");
    for (off_t at = 0, end; at < st.st_size; at = end) {
        at = lseek(fd, at, SEEK_DATA);
        if (at < 0)
            break; /* nothing but a hole is left */
        end = lseek(fd, at, SEEK_HOLE);
        memcpy(disk.seen + at, disk.image + at, (size_t)(end - at));
    }
    close(fd);
}

static void
mount_at(const char *dir)
{
    char options[128];
    disk.dev = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (disk.dev < 0)
        die("/dev/fuse");
    snprintf(options, sizeof(options),
        "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", disk.dev);
    if (mount("cache", dir, "fuse", MS_NOSUID | MS_NODEV, options) < 0)
        die(dir);
}

/* false: nobody will say anything any more. */
static bool
told(void)
{
    char line[80];
    unsigned long long seed;
    unsigned keep;
    if (!fgets(line, sizeof(line), stdin))
        return false;
    if (sscanf(line, "%llu %u", &seed, &keep) == 2)
        disk_lose(seed, keep);
    return true;
}

static void
serve(void)
{
    static _Alignas(8) char p[REQUEST_MAX];
    struct pollfd fds[2] = {{.fd = disk.dev, .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0)
            die("poll");
        if (fds[1].revents && !told())
            fds[1].fd = -1;
        if (!fds[0].revents)
            continue;
        ssize_t n = read(disk.dev, p, sizeof(p));
        if (n < 0 && errno == ENODEV)
            return; /* unmounted */
        if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
            die("read");
        if (n > 0)
            request(p);
    }
}

int
main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "cache IMAGE MOUNTPOINT [GRAIN]\n");
        return 2;
    }
    if (argc == 4)
        disk.grain = strtoull(argv[3], NULL, 10);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() must know of each line */
    image_open(argv[1]);
    mount_at(argv[2]);
    serve();
    return 0;
}

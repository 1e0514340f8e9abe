/* SPDX-License-Identifier: Apache-2.0
 *
 * libc.h - what the GNU C library has and others (musl) have not, each with
 * what does in its place: nothing here may be missed for mail.
 */
#ifndef IMPEL_LIBC_H
#define IMPEL_LIBC_H

#include <pthread.h>
#include <stddef.h>
#include <string.h> /* and features.h, which says whose library it is */
#include <time.h>

#ifdef __GLIBC__

#include <execinfo.h>
#include <malloc.h>

/* The words of an errno; any thread. */
#define libc_error_text(errnum) strerrordesc_np(errnum)
/* The same for numbers that nobody knows, too: in room, or a constant. */
#define libc_error_print(errnum, room, size) strerror_r(errnum, room, size)

/* The calling thread's stack, one line for each frame; in signal handlers as
 * well, once it was called outside of one. */
static inline void
libc_print_stack(int fd)
{
    void *frames[64];

    backtrace_symbols_fd(frames, backtrace(frames, 64), fd);
}

static inline void
libc_prepare_stack(void)
{
    void *warm[1];

    (void)backtrace(warm, 1); /* loads libgcc now, not in a handler */
}

/* Give more of the heap back: keep at most so much at the end of an arena, map
 * what is larger. */
static inline void
libc_tune_heap(int keep, int map)
{
    (void)mallopt(M_TRIM_THRESHOLD, keep);
    (void)mallopt(M_MMAP_THRESHOLD, map);
    /* Small pieces that wait to be joined keep the rest from the end, until
     * malloc_trim() joins them, which gives no end back. */
    (void)mallopt(M_MXFAST, 0);
}

/* Octets of the heap that are free and not given back. */
static inline size_t
libc_heap_free(void)
{
    return mallinfo2().fordblks;
}

static inline void
libc_trim_heap(void)
{
    (void)malloc_trim(0);
}

/* Wait until then by CLOCK_MONOTONIC at the latest; an errno. */
static inline int
libc_cond_wait(
    pthread_cond_t *c, pthread_mutex_t *held, const struct timespec *end)
{
    return pthread_cond_clockwait(c, held, CLOCK_MONOTONIC, end);
}

#else

/* constant in musl */
#define libc_error_text(errnum) strerror(errnum)
#define libc_error_print(errnum, room, size) ((void)(room), strerror(errnum))

static inline void
libc_print_stack(int fd)
{
    (void)fd;
}

static inline void
libc_prepare_stack(void)
{
}

static inline void
libc_tune_heap(int keep, int map)
{
    (void)keep, (void)map;
}

static inline size_t
libc_heap_free(void)
{
    return 0; /* it gives back by itself */
}

static inline void
libc_trim_heap(void)
{
}

/* A clock that is set meanwhile makes this one wait shorter or longer. */
static inline int
libc_cond_wait(
    pthread_cond_t *c, pthread_mutex_t *held, const struct timespec *end)
{
    struct timespec mono, at;

    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_sec += end->tv_sec - mono.tv_sec;
    at.tv_nsec += end->tv_nsec - mono.tv_nsec;
    if (at.tv_nsec < 0)
        at.tv_sec--, at.tv_nsec += 1000000000;
    if (at.tv_nsec >= 1000000000)
        at.tv_sec++, at.tv_nsec -= 1000000000;
    return pthread_cond_timedwait(c, held, &at);
}

#endif

#endif

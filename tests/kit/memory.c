/* SPDX-License-Identifier: Apache-2.0 */
#include "memory.h"

#if !defined(__has_feature)
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || \
    __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer) || \
    defined(__SANITIZE_THREAD__)
#define MEMORY_OURS 0
#else
#include <features.h>
#ifdef __GLIBC__
#define MEMORY_OURS 1
#else
#define MEMORY_OURS 0
#endif
#endif

bool
memory_is_ours(void)
{
    return MEMORY_OURS;
}

#if !MEMORY_OURS

void
memory_watch(uint32_t first, uint32_t fail_at)
{
    (void)first, (void)fail_at;
}

uint32_t
memory_unwatch(bool *failed)
{
    *failed = false;
    return 0;
}

void
memory_keep(void)
{
}

bool
memory_kept(size_t *blocks, size_t *bytes)
{
    *blocks = *bytes = 0;
    return false;
}

#else

#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { MEMORY_SLOTS = 1 << 16, MEMORY_MOST = MEMORY_SLOTS / 2 };

/* glibc's own, under the names that never are replaced. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
extern char __executable_start, etext;

static __thread struct {
    bool on, failed;
    uint32_t count, fail_at;
} watch;

static struct {
    atomic_flag busy;
    atomic_bool on;
    bool full;
    size_t count;
    void *block[MEMORY_SLOTS];
    size_t size[MEMORY_SLOTS];
} kept = {.busy = ATOMIC_FLAG_INIT};
static char gone; /* a slot whose block was given back */

/* The dynamic linker dies if it gets none. */
static uintptr_t linker_start, linker_end;

static int
memory_find_linker(struct dl_phdr_info *i, size_t n, void *arg)
{
    (void)n, (void)arg;
    if (i->dlpi_addr != getauxval(AT_BASE))
        return 0;
    linker_start = i->dlpi_addr;
    for (int k = 0; k < i->dlpi_phnum; k++) {
        uintptr_t end =
            i->dlpi_addr + i->dlpi_phdr[k].p_vaddr + i->dlpi_phdr[k].p_memsz;

        if (i->dlpi_phdr[k].p_type == PT_LOAD && end > linker_end)
            linker_end = end;
    }
    return 1;
}

static bool
memory_is_foreign(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;

    return (at < (uintptr_t)&__executable_start || at >= (uintptr_t)&etext) &&
        (at < linker_start || at >= linker_end);
}

static bool
memory_fails(const void *caller)
{
    if (!watch.on || !memory_is_foreign(caller))
        return false;
    if (watch.count++ != watch.fail_at)
        return false;
    watch.failed = true;
    errno = ENOMEM;
    return true;
}

static size_t
memory_slot(const void *block)
{
    return ((uintptr_t)block >> 4) * 2654435761u % MEMORY_SLOTS;
}

static void
memory_lock(void)
{
    while (atomic_flag_test_and_set_explicit(&kept.busy, memory_order_acquire))
        ;
}

static void
memory_unlock(void)
{
    atomic_flag_clear_explicit(&kept.busy, memory_order_release);
}

static void
memory_add(void *block, size_t size)
{
    size_t at = memory_slot(block);

    memory_lock();
    if (kept.count >= MEMORY_MOST) {
        kept.full = true;
    } else {
        while (kept.block[at] && kept.block[at] != (void *)&gone)
            at = (at + 1) % MEMORY_SLOTS;
        kept.count += kept.block[at] == NULL;
        kept.block[at] = block;
        kept.size[at] = size;
    }
    memory_unlock();
}

static void
memory_remove(const void *block)
{
    size_t at = memory_slot(block);

    memory_lock();
    while (kept.block[at] && kept.block[at] != block)
        at = (at + 1) % MEMORY_SLOTS;
    if (kept.block[at]) {
        kept.block[at] = &gone;
        kept.size[at] = 0;
    }
    memory_unlock();
}

static void *
memory_given(void *block, size_t size, const void *caller)
{
    if (block && atomic_load(&kept.on) && memory_is_foreign(caller))
        memory_add(block, size);
    return block;
}

void *
malloc(size_t size)
{
    const void *caller = __builtin_return_address(0);

    if (memory_fails(caller))
        return NULL;
    return memory_given(__libc_malloc(size), size, caller);
}

void *
calloc(size_t count, size_t size)
{
    const void *caller = __builtin_return_address(0);

    if (memory_fails(caller))
        return NULL;
    return memory_given(__libc_calloc(count, size), count * size, caller);
}

static void *
memory_resize(void *block, size_t size, const void *caller)
{
    void *to;

    if (memory_fails(caller))
        return NULL;
    to = __libc_realloc(block, size);
    if (block && (to || !size) && atomic_load(&kept.on))
        memory_remove(block);
    return memory_given(to, size, caller);
}

void *
realloc(void *block, size_t size)
{
    return memory_resize(block, size, __builtin_return_address(0));
}

void *
reallocarray(void *block, size_t count, size_t size)
{
    size_t all;

    if (__builtin_mul_overflow(count, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return memory_resize(block, all, __builtin_return_address(0));
}

void
free(void *block)
{
    if (block && atomic_load(&kept.on))
        memory_remove(block);
    __libc_free(block);
}

void
memory_watch(uint32_t first, uint32_t fail_at)
{
    if (!linker_end)
        (void)dl_iterate_phdr(memory_find_linker, NULL);
    watch.count = first;
    watch.fail_at = fail_at;
    watch.failed = false;
    watch.on = true;
}

uint32_t
memory_unwatch(bool *failed)
{
    watch.on = false;
    *failed = watch.failed;
    return watch.count;
}

void
memory_keep(void)
{
    memset(kept.block, 0, sizeof(kept.block));
    kept.count = 0;
    kept.full = false;
    atomic_store(&kept.on, true);
}

bool
memory_kept(size_t *blocks, size_t *bytes)
{
    atomic_store(&kept.on, false);
    *blocks = *bytes = 0;
    for (size_t i = 0; i < MEMORY_SLOTS; i++) {
        if (!kept.block[i] || kept.block[i] == (void *)&gone)
            continue;
        ++*blocks;
        *bytes += kept.size[i];
    }
    return !kept.full;
}

#endif

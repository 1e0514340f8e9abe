/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bug.h"
#include "base/clock.h"
#include "base/magic.h"
#include "base/xmem.h"
#include "loop/loop_int.h"
#include "base/banned.h"

/* Producers push whole chains on a stack, newest first; the consumer takes all
 * of it and turns it round.
 *
 * No wake-up is lost: the consumer stores `sleeping` and then looks at the
 * stack; a producer changes the stack and then looks at `sleeping`.  All four
 * are sequentially consistent, so at least one of the two sees the other.
 * Whoever clears `sleeping` writes to the descriptor: one write per sleep. */
struct mailbox {
    uint32_t magic;
    int fd;
    _Atomic(struct mail *) newest;
    _Atomic bool sleeping;
    _Atomic bool woken; /* by mailbox_wake() */
};

/* What the thread has gathered for one mailbox. */
struct mailbox_chain {
    struct mailbox *to;
    struct mail *newest, *oldest;
};

/* As many mailboxes as a thread can gather for; what goes to more of them is
 * handed over at once.  Loops, writers and readers together are fewer. */
enum { MAILBOX_CHAINS = 16 };

static _Thread_local struct {
    bool gather;
    size_t count;
    struct mailbox_chain chains[MAILBOX_CHAINS];
} mailbox_out;

struct mailbox *
mailbox_new(void)
{
    struct mailbox *m = xnew(struct mailbox);

    m->magic = MAILBOX_MAGIC;
    m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->fd < 0)
        bug_panic(__FILE__, __LINE__, __func__, "no descriptor for eventfd");
    return m;
}

void
mailbox_free(struct mailbox **pm)
{
    struct mailbox *m = *pm;

    if (!m)
        return;
    CHECK(m, MAILBOX_MAGIC);
    *pm = NULL;
    m->magic = 0;
    (void)close(m->fd); /* an eventfd has nothing to lose */
    free(m);
}

int
mailbox_fd(const struct mailbox *m)
{
    return m->fd;
}

static void
mailbox_rouse(struct mailbox *m)
{
    const uint64_t one = 1;

    if (!atomic_load(&m->sleeping) || !atomic_exchange(&m->sleeping, false))
        return;
    while (write(m->fd, &one, sizeof(one)) < 0 && errno == EINTR)
        continue; /* EAGAIN: 2^64-2 wake-ups wait already */
}

static void
mailbox_push(struct mailbox *m, struct mail *newest, struct mail *oldest)
{
    struct mail *was = atomic_load_explicit(&m->newest, memory_order_relaxed);

    do {
        oldest->next = was;
    } while (!atomic_compare_exchange_weak(&m->newest, &was, newest));
    mailbox_rouse(m);
}

static struct mailbox_chain *
mailbox_chain_of(struct mailbox *to)
{
    for (size_t i = 0; i < mailbox_out.count; i++)
        if (mailbox_out.chains[i].to == to)
            return &mailbox_out.chains[i];
    if (mailbox_out.count == MAILBOX_CHAINS)
        return NULL;
    return memset(&mailbox_out.chains[mailbox_out.count++], 0,
        sizeof(struct mailbox_chain));
}

void
mailbox_post(struct mailbox *to, struct mail *m, mail_f *deliver)
{
    struct mailbox_chain *c;

    CHECK(to, MAILBOX_MAGIC);
    m->deliver = deliver;
    c = mailbox_out.gather ? mailbox_chain_of(to) : NULL;
    if (!c) {
        mailbox_push(to, m, m);
        return;
    }
    c->to = to;
    m->next = c->newest;
    if (!c->oldest)
        c->oldest = m;
    c->newest = m;
}

void
mailbox_flush(void)
{
    for (size_t i = 0; i < mailbox_out.count; i++) {
        struct mailbox_chain *c = &mailbox_out.chains[i];
        mailbox_push(c->to, c->newest, c->oldest);
    }
    mailbox_out.count = 0;
}

bool
mailbox_gather(bool on)
{
    bool was = mailbox_out.gather;

    mailbox_out.gather = on;
    if (!on)
        mailbox_flush();
    return was;
}

void
mailbox_wake(struct mailbox *m)
{
    CHECK(m, MAILBOX_MAGIC);
    atomic_store(&m->woken, true);
    mailbox_rouse(m);
}

bool
mailbox_sleep(struct mailbox *m)
{
    atomic_store(&m->sleeping, true);
    if (!atomic_load(&m->newest) && !atomic_load(&m->woken))
        return true;
    atomic_store(&m->sleeping, false);
    return false;
}

void
mailbox_awake(struct mailbox *m)
{
    atomic_store(&m->sleeping, false);
    atomic_store(&m->woken, false);
}

void
mailbox_drain(struct mailbox *m)
{
    uint64_t count;

    while (read(m->fd, &count, sizeof(count)) < 0 && errno == EINTR)
        continue; /* EAGAIN: nothing there */
}

struct mail *
mailbox_take_now(struct mailbox *m)
{
    struct mail *newest, *chain = NULL;

    if (!atomic_load_explicit(&m->newest, memory_order_relaxed))
        return NULL;
    newest = atomic_exchange(&m->newest, NULL);
    while (newest) {
        struct mail *next = newest->next;
        newest->next = chain;
        chain = newest;
        newest = next;
    }
    return chain;
}

/* Block until the descriptor is written, or for wait_ms (-1: no limit, but
 * the caller looks again now and then). */
static void
mailbox_block(struct mailbox *m, int64_t wait_ms)
{
    struct pollfd p = {.fd = m->fd, .events = POLLIN};
    int ms = wait_ms < 0 || wait_ms > 60000 ? 60000 : (int)wait_ms;

    if (poll(&p, 1, ms) > 0)
        mailbox_drain(m);
}

struct mail *
mailbox_take(struct mailbox *m, int64_t wait_ms)
{
    struct mail *chain;
    int64_t begun, passed = 0;

    CHECK(m, MAILBOX_MAGIC);
    mailbox_flush();
    chain = mailbox_take_now(m);
    if (chain || !wait_ms)
        return chain;
    begun = clock_mono_true();
    while (!chain && !atomic_exchange(&m->woken, false)) {
        if (wait_ms > 0 && passed >= wait_ms)
            break;
        if (mailbox_sleep(m)) {
            mailbox_block(m, wait_ms < 0 ? -1 : wait_ms - passed);
            atomic_store(&m->sleeping, false);
        }
        chain = mailbox_take_now(m);
        passed = clock_mono_true() - begun;
    }
    return chain;
}

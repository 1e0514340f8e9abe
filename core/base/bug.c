/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bug.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/libc.h"
#include "base/banned.h"

enum { BUG_NOTES = 16, BUG_STACK = 65536 };

static struct {
    bug_note_f *fn;
    void *arg;
} bug_notes[BUG_NOTES];
static size_t bug_note_count;
static int bug_fd = -1;
static _Thread_local const char *bug_what;
static _Thread_local uint64_t bug_id;
static _Thread_local bool bug_mine; /* this thread writes the report */
static atomic_flag bug_begun = ATOMIC_FLAG_INIT;

static void
bug_report_to(int fd, const char *headline)
{
    dprintf(fd, "impel: %s\n", headline);
    if (bug_what)
        dprintf(fd, "doing: %s %016" PRIx64 "\n", bug_what, bug_id);
    for (size_t i = 0; i < bug_note_count; i++)
        bug_notes[i].fn(fd, bug_notes[i].arg);
    libc_print_stack(fd);
}

/* The first thread to come here reports; the others wait for the end that it
 * brings.  A note that fails in its turn comes here again: no more reports. */
static void
bug_report(const char *headline)
{
    if (bug_mine)
        return;
    while (atomic_flag_test_and_set(&bug_begun))
        pause();
    bug_mine = true;
    bug_report_to(STDERR_FILENO, headline);
    if (bug_fd >= 0)
        bug_report_to(bug_fd, headline);
}

void
bug_panic(const char *file, int line, const char *func, const char *what)
{
    char headline[512];

    (void)snprintf(headline, sizeof(headline), "panic at %s:%d %s(): %s", file,
        line, func, what); /* cut is fine */
    bug_report(headline);
    abort();
}

void
bug_note_add(bug_note_f *fn, void *arg)
{
    BUG_ON(bug_note_count == BUG_NOTES);
    bug_notes[bug_note_count].fn = fn;
    bug_notes[bug_note_count].arg = arg;
    bug_note_count++;
}

void
bug_doing(const char *text, uint64_t id)
{
    bug_what = text;
    bug_id = id;
}

static const char *
bug_signal_name(int sig)
{
    switch (sig) {
    case SIGSEGV:
        return "SIGSEGV";
    case SIGBUS:
        return "SIGBUS";
    case SIGILL:
        return "SIGILL";
    case SIGFPE:
        return "SIGFPE";
    default:
        return "SIGABRT";
    }
}

static void
bug_on_signal(int sig, siginfo_t *at, void *context)
{
    char headline[128];

    (void)context;
    (void)snprintf(headline, sizeof(headline), "%s at address %p",
        bug_signal_name(sig), sig == SIGABRT ? NULL : at->si_addr);
    bug_report(headline);
    (void)signal(sig, SIG_DFL); /* cannot fail for these */
    (void)raise(sig);           /* taken when the handler returns */
}

void
bug_thread_stack(void)
{
    static _Thread_local char stack[BUG_STACK];
    stack_t now, set = {.ss_sp = stack, .ss_size = sizeof(stack)};

    /* A sanitizer's own stack stays: it frees what it finds at the end. */
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE))
        (void)sigaltstack(&set, NULL); /* without it: the usual stack */
}

void
bug_catch_signals(int fd)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};

    bug_fd = fd;
    bug_thread_stack();
    libc_prepare_stack();
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        struct sigaction sa = {.sa_sigaction = bug_on_signal}, was;
        sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
        (void)sigemptyset(&sa.sa_mask); /* cannot fail */
        /* A sanitizer's handler says more than ours. */
        if (sigaction(signals[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
            (void)sigaction(signals[i], &sa, NULL); /* a known signal */
    }
}

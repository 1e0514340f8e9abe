/* SPDX-License-Identifier: Apache-2.0 */
#include "crash.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "world.h"
#include "base/banned.h"

enum { CRASH_STACK = 65536 };

static const char *crash_module;

/* Only calls that a signal handler may make. */
static void
crash_write(const char *z)
{
    if (write(STDOUT_FILENO, z, strlen(z)) < 0)
        _exit(2);
}

static void
crash_where(const char *what)
{
    const struct world *w = world_current;

    crash_write("Bail out! ");
    crash_write(w && w->doing ? w->doing : "the kit, between two calls");
    crash_write(" of ");
    crash_write(crash_module ? crash_module : "a module");
    crash_write(what);
    if (w && w->script) {
        crash_write(": ");
        crash_write(w->script->title);
        if (w->script->path) {
            crash_write(" (");
            crash_write(w->script->path);
            crash_write(")");
        }
    }
    crash_write("\n");
}

/* A callback that does not return would hang the run. */
static void
crash_late(int number)
{
    (void)number;
    crash_where(" does not return");
    _exit(2);
}

static void
crash_dies(int number)
{
    const char *name = sigabbrev_np(number);

    crash_where(" crashes");
    crash_write("# SIG");
    crash_write(name ? name : "?");
    crash_write("\n");
    _exit(2);
}

void
crash_catch(const char *module)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
    static char stack[CRASH_STACK]; /* the module's may be used up */
    struct sigaction a = {.sa_handler = crash_late};
    stack_t on = {.ss_sp = stack, .ss_size = sizeof(stack)};

    crash_module = module;
    (void)sigaltstack(&on, NULL);
    (void)sigaction(SIGALRM, &a, NULL);
    if (!memory_is_ours())
        return; /* a sanitizer tells more */
    a.sa_handler = crash_dies;
    a.sa_flags = SA_ONSTACK | (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        (void)sigaction(numbers[i], &a, NULL);
}

void
crash_alarm(unsigned seconds)
{
    (void)alarm(seconds);
}

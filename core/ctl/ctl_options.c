/* SPDX-License-Identifier: Apache-2.0
 *
 * ctl_options.c - the rows of the process and its control.
 */
#include "ctl/ctl_options.h"
#include "conf/checks.h"
#include "base/log.h"
#include "base/banned.h"

#define GLOBAL IMPEL_SCOPE_GLOBAL

static const char *const automatic[] = {"auto", NULL};

/* Names of subsystems that a Debug_Flags list may hold. */
static int
check_areas(const struct option_value *v, struct err *e)
{
    static const char *const old[] = {
        "ALL", "LIC", "DANE", "MTA_STS", "NONE", NULL};
    for (size_t i = 0; i < v->item_count; i++) {
        bool known = log_area_find(v->items[i]) >= 0;
        for (size_t k = 0; !known && old[k]; k++)
            known = str_ieq(v->items[i], str_of(old[k]));
        if (!known)
            return err_set(e, ERR_CONF,
                "%.*s is no subsystem; expected ALL, NONE, or some of TIME FD "
                "SMTP LOG1 DNS DNSDS NET SIG MEM DB SSL MOD START CONF SPOOL "
                "QUEUE",
                STR_ARG(v->items[i]));
    }
    return 0;
}

static const struct option rows[] = {
    [CTL_PIDFILE] = {.name = "pidfile",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "file that holds the process id; unset: none",
        .since = "0.1",
        .flags = OPTION_RESTART,
        .check = check_path},
    [CTL_DELIVERY_POOL] = {.name = "delivery_pool",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "eventloop whose loops deliver; unset: all",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_MAINTAINER_POOL] = {.name = "maintainer_pool",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "eventloop of the queues; given, they have a thread of "
                 "their own",
        .manual = "One thread whatever its concurrency.  The eventloop may "
                  "serve delivery_pool and listeners too.",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_CONCURRENCY] = {.name = "concurrency",
        .type = IMPEL_OPT_INT,
        .scopes = SCOPE_EVENTLOOP,
        .initial = "auto",
        .min = 1,
        .max = 256,
        .choices = automatic,
        .brief = "threads; auto: by the number of processors",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_LOCAL_CHANGES_FILE] = {.name = "local_changes_file",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .brief = "file of changes, loaded after all else; `config set` does "
                 "not write it",
        .since = "0.1",
        .check = check_path},
    [CTL_SHUTDOWN_TIME] = {.name = "shutdown_time",
        .type = IMPEL_OPT_DURATION,
        .scopes = GLOBAL,
        .initial = "30",
        .min = 0,
        .max = OPTION_SECONDS(3600),
        .brief = "how long sessions may take to end when the daemon stops",
        .since = "0.1"},
    [CTL_USER] = {.name = "user",
        .type = IMPEL_OPT_STRING,
        .scopes = SCOPE_SECURITY,
        .brief = "user to run as once the ports are bound; unset: who "
                 "started it",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_GROUP] = {.name = "group",
        .type = IMPEL_OPT_STRING,
        .scopes = SCOPE_SECURITY,
        .brief = "group to run as; unset: that of the user",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_CHROOT] = {.name = "chroot",
        .type = IMPEL_OPT_STRING,
        .scopes = SCOPE_SECURITY,
        .brief = "folder to confine the daemon to",
        .manual = "Entered at start, before anything is opened: every path of "
                  "the configuration, and of the file itself for a reload, is "
                  "one inside it.",
        .since = "0.1",
        .flags = OPTION_RESTART,
        .check = check_path},
    [CTL_SUPPLEMENTAL_GROUPS] = {.name = "supplemental_groups",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_SECURITY,
        .brief = "further groups of the daemon",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [CTL_DEBUG] = {.name = "debug",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .brief = "subsystems that write debug lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_INFO] = {.name = "info",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .brief = "subsystems that write info lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_NOTICE] = {.name = "notice",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .initial = "ALL",
        .brief = "subsystems that write notice lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_WARNING] = {.name = "warning",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .initial = "ALL",
        .brief = "subsystems that write warning lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_ERROR] = {.name = "error",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .initial = "ALL",
        .brief = "subsystems that write error lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_CRITICAL] = {.name = "critical",
        .type = IMPEL_OPT_LIST,
        .scopes = SCOPE_DEBUG_FLAGS,
        .initial = "ALL",
        .brief = "subsystems that write critical lines to the paniclog",
        .since = "0.1",
        .flags = OPTION_UPPER,
        .check = check_areas},
    [CTL_TIMEOUT] = {.name = "timeout",
        .type = IMPEL_OPT_DURATION,
        .scopes = SCOPE_CONTROL | SCOPE_CONTROL_LISTEN,
        .initial = "60",
        .min = OPTION_SECONDS(1),
        .max = OPTION_SECONDS(86400),
        .brief = "how long a control client may say nothing",
        .since = "0.1"},
};
struct option_set ctl_options = OPTION_SET("ctl", rows);

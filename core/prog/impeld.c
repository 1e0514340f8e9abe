/* SPDX-License-Identifier: Apache-2.0
 *
 * impeld - the daemon: options, and nothing else.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bug.h"
#include "base/manager.h"
#include "prog/daemon.h"
#include "base/banned.h"

static const char usage[] =
    "usage: impeld [-c FILE] [-d] [--check] [--strict] [-M DIRS]\n"
    "  -c, --config FILE   configuration (default " IMPEL_CONFIG ")\n"
    "  -d, --foreground    stay in the foreground\n"
    "      --check         load and check the configuration, then exit:\n"
    "                      0 valid, 1 not\n"
    "      --strict        modules that are not installed and options that\n"
    "                      Impel does not have are errors\n"
    "  -M, --modules DIRS  folders of modules, colon-separated\n"
    "                      (default " IMPEL_MODULE_DIR ")\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "Signals: TERM, INT stop (a second one at once), HUP reload, USR1 reopen "
    "logs.\n";

enum { OPT_CHECK = 256, OPT_STRICT };
static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"foreground", no_argument, NULL, 'd'},
    {"check", no_argument, NULL, OPT_CHECK},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"modules", required_argument, NULL, 'M'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

struct arguments {
    struct daemon_config daemon;
    bool check;
};

/* 0: go on; else exit with *status. */
static int
parse(int argc, char **argv, struct arguments *a, int *status)
{
    int c;
    while ((c = getopt_long(argc, argv, "c:dM:Vh", long_options, NULL)) != -1)
        switch (c) {
        case 'c':
            a->daemon.path = optarg;
            break;
        case 'd':
            a->daemon.foreground = true;
            break;
        case 'M':
            a->daemon.modules = optarg;
            break;
        case OPT_CHECK:
            a->check = true;
            break;
        case OPT_STRICT:
            a->daemon.strict = true;
            break;
        case 'V':
            puts("impeld " PACKAGE_VERSION);
            *status = 0;
            return 1;
        case 'h':
            fputs(usage, stdout);
            *status = 0;
            return 1;
        default:
            fputs(usage, stderr);
            *status = 2;
            return 1;
        }
    if (optind < argc) {
        fprintf(stderr, "impeld: what is \"%s\"?\n%s", argv[optind], usage);
        *status = 2;
        return 1;
    }
    return 0;
}

static int
run(struct arguments *a)
{
    struct generation *g;
    struct err e;
    if (daemon_declare(&a->daemon, &e) < 0) {
        fprintf(stderr, "impeld: %s\n", e.text);
        return 1;
    }
    if (daemon_load(&a->daemon, &g) < 0)
        return 1;
    int status = 0;
    if (a->check)
        puts("Configuration valid");
    else
        status = daemon_run(&a->daemon, g);
    daemon_unload(&g);
    return status;
}

int
main(int argc, char **argv)
{
    struct arguments a = {
        .daemon = {.path = IMPEL_CONFIG, .modules = IMPEL_MODULE_DIR}};
    int status;
    manager_open();
    const char *dirs = getenv("IMPEL_MODULES");
    if (dirs && secure_getenv("IMPEL_MODULES"))
        a.daemon.modules = dirs;
    if (parse(argc, argv, &a, &status) != 0)
        return status;
    char *path = realpath(a.daemon.path, NULL); /* we will leave this folder */
    if (path)
        a.daemon.path = path;
    bug_catch_signals(-1);
    status = run(&a);
    free(path);
    return status;
}

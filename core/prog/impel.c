/* SPDX-License-Identifier: Apache-2.0
 *
 * impel - the console program: options, and one command or many.
 */
#include "prog/impel.h"

#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/num.h"
#include "ctl/command_list.h"
#include "prog/impel_client.h"
#include "prog/impel_inject.h"
#include "prog/impel_offline.h"
#include "prog/impel_words.h"
#include "base/banned.h"

enum { TIMEOUT_MS = 300000 };

static const char usage[] =
    "usage: impel [-s PATH] [-j] [-t TIME] [-M DIRS] [COMMAND...]\n"
    "  -s, --socket PATH   control socket of the daemon (default: "
    "$IMPEL_SOCKET,\n"
    "                      else %s)\n"
    "  -j, --json          answer with one JSON document\n"
    "  -t, --timeout TIME  how long the daemon may say nothing (default 5m; "
    "0: ever)\n"
    "  -M, --modules DIRS  folders of modules for config check, "
    "colon-separated\n"
    "                      (default: $IMPEL_MODULES, else %s)\n"
    "  -V, --version       print the version\n"
    "  -h, --help          print this\n"
    "Without a command: a console, or one command per line from stdin.\n"
    "Exit: 0 done, 1 the command failed, 2 it was used wrongly, 3 no daemon\n"
    "answers; health: 0 well, 1 degraded, 2 ill.\n";

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"modules", required_argument, NULL, 'M'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void
print_usage(FILE *to)
{
    fprintf(to, usage, impel_client_default_path(), IMPEL_MODULE_DIR);
}

static void
print_help(void)
{
    struct buf list = BUF_INIT;
    print_usage(stdout);
    (void)command_list_print(STR(""), &list);
    printf("Commands:\n%s%s", list.p, impel_offline_help());
    buf_fini(&list);
}

/* -1: go on; else the exit code. */
static int
parse(int argc, char **argv, struct impel_run *r)
{
    int c;
    /* +: what follows the command's first word is the command's */
    while (
        (c = getopt_long(argc, argv, "+s:jt:M:Vh", long_options, NULL)) != -1)
        switch (c) {
        case 's':
            r->socket = optarg;
            break;
        case 'j':
            r->json = true;
            break;
        case 't':
            if (num_duration(str_of(optarg), &r->timeout_ms) < 0) {
                fprintf(stderr, "impel: \"%s\" is no time\n", optarg);
                return EXIT_USAGE;
            }
            break;
        case 'M':
            r->modules = optarg;
            break;
        case 'V':
            puts("impel " PACKAGE_VERSION);
            return EXIT_DONE;
        case 'h':
            print_help();
            return EXIT_DONE;
        default:
            print_usage(stderr);
            return EXIT_USAGE;
        }
    return -1;
}

/* For the completion of shells: see impel_words.h. */
static int
complete(const struct impel_run *r, char **argv, int count)
{
    struct str words[IMPEL_WORDS_MAX] = {STR("")};
    struct impel_switch options[ARRAY_SIZE(long_options)] = {{0}};
    struct buf list = BUF_INIT;
    for (size_t i = 0; long_options[i].name; i++)
        options[i] = (struct impel_switch){long_options[i].name,
            long_options[i].val, long_options[i].has_arg != no_argument};
    if (count > 0 && str_eq(str_of(argv[0]), STR("--"))) {
        argv++;
        count--;
    }
    if (count > IMPEL_WORDS_MAX)
        return EXIT_USAGE;
    for (int i = 0; i < count; i++)
        words[i] = str_of(argv[i]);
    (void)impel_words(
        options, r->modules, words, count ? (size_t)count : 1, &list);
    fputs(list.p ? list.p : "", stdout);
    buf_fini(&list);
    return EXIT_DONE;
}

static int
run_words(struct impel_run *r, char **argv, int count)
{
    struct str words[IMPEL_WORDS_MAX];
    if (str_eq(str_of(argv[0]), STR("inject"))) /* any number of files */
        return impel_inject(r, count, argv);
    if (str_eq(str_of(argv[0]), STR("complete")))
        return complete(r, argv + 1, count - 1);
    if (count > IMPEL_WORDS_MAX) {
        fputs("impel: too many words\n", stderr);
        return EXIT_USAGE;
    }
    for (int i = 0; i < count; i++)
        words[i] = str_of(argv[i]);
    return impel_command(r, words, (size_t)count);
}

int
main(int argc, char **argv)
{
    const char *path = secure_getenv("IMPEL_SOCKET");
    const char *dirs = secure_getenv("IMPEL_MODULES");
    struct impel_run r = {
        .socket = path && path[0] ? path : impel_client_default_path(),
        .modules = dirs && dirs[0] ? dirs : IMPEL_MODULE_DIR,
        .timeout_ms = TIMEOUT_MS};
    (void)setlocale(LC_CTYPE, ""); /* for the line editor */
    (void)signal(SIGPIPE, SIG_DFL);
    int status = parse(argc, argv, &r);
    if (status >= 0)
        return status;
    if (optind < argc)
        status = run_words(&r, argv + optind, argc - optind);
    else
        status = impel_console(&r);
    impel_client_close(&r.client);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("impel: stdout");
        return EXIT_FAILED;
    }
    return status;
}

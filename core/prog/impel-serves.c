/* SPDX-License-Identifier: Apache-2.0
 *
 * impel-serves.c - impel-serves FILE.so: print what goes into NAME.serves
 * beside an installed module.  Used by the build.
 */
#include <stdio.h>
#include <unistd.h>

#include "xport/loader.h"
#include "base/banned.h"

int
main(int argc, char **argv)
{
    struct buf text = BUF_INIT;
    struct module *m = NULL;
    struct err e = {0};
    bool written;

    if (argc != 2) {
        fprintf(stderr, "usage: impel-serves FILE.so\n");
        return 2;
    }
    if (loader_open(argv[1], &m, &e) < 0) {
        fprintf(stderr, "impel-serves: %s\n", e.text);
        return 1;
    }
    loader_print_serves(m, &text);
    loader_free(&m);
    written = write(STDOUT_FILENO, text.p, text.n) == (ssize_t)text.n;
    buf_fini(&text);
    return written ? 0 : 1;
}

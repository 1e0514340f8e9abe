/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-inject.c - files that `impel inject` is given.  An mbox: its messages
 * lie in it, in order; each becomes lines that end in CRLF, the same however it
 * is read.  Addresses: each is one that is taken.  A line of CSV: its fields
 * lie in it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/address.h"
#include "prog/inject_address.h"
#include "prog/inject_list.h"
#include "prog/inject_mbox.h"
#include "prog/inject_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MOST = 400000 };

static void
must(bool it)
{
    if (!it)
        abort();
}

static void
try_text(int fd, uint64_t at, uint64_t length, enum inject_quoting quoting)
{
    struct inject_text *t;
    struct inject_reader *r;
    struct buf all = BUF_INIT;
    struct err e;
    char piece[61];
    int64_t n;

    if (inject_text_open(fd, at, length, quoting, &t, &e) < 0)
        return;
    inject_text_drop(t, STR("Bcc"));
    must(inject_text_finish(t, &e) == 0);
    r = inject_reader_new(t);
    while (all.n < t->size &&
        (n = inject_reader_read(r, all.n, piece, sizeof(piece))) > 0)
        buf_add(&all, piece, (size_t)n);
    must(all.n == t->size);
    must(!all.n || (all.n > 1 && memcmp(all.p + all.n - 2, "\r\n", 2) == 0));
    for (size_t i = 0; i < all.n; i++)
        must(all.p[i] != '\n' || (i && all.p[i - 1] == '\r'));
    buf_fini(&all);
    inject_reader_free(&r);
    inject_text_unref(&t);
}

static void
try_mbox(int fd, size_t n)
{
    static struct inject_mbox m;
    uint64_t at, length, last = 0;
    struct err e;

    inject_mbox_init(&m, fd);
    while (inject_mbox_next(&m, &at, &length, &e) > 0) {
        must(at > last && at <= n && length <= n - at);
        last = at + length;
        try_text(fd, at, length, INJECT_QUOTING_MBOXRD);
    }
}

static void
try_addresses(struct str head)
{
    struct inject_addresses a = {0};
    struct buf value = BUF_INIT;
    struct address is;
    struct err e;
    size_t at = 0;

    while (inject_address_field(head, STR("To"), &at, &value)) {
        must(memchr(value.p ? value.p : "", '\n', value.n) == NULL);
        (void)inject_address_parse(buf_get(&value), &a, &e);
    }
    for (size_t i = 0; i < a.count; i++)
        must(address_parse(str_of(a.is[i]), ADDRESS_UTF8, &is, &e) == 0);
    inject_address_fini(&a);
    buf_fini(&value);
}

static void
try_line(const uint8_t *data, size_t n)
{
    char *fields[INJECT_LIST_COLUMNS], *line = malloc(n + 1);
    int count;

    memcpy(line, data, n);
    line[n] = '\0';
    count = inject_list_split(line, fields);
    for (int i = 0; i < count; i++)
        must(fields[i] >= line && fields[i] + strlen(fields[i]) <= line + n);
    free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    if (n > MOST)
        n = MOST;
    must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
    try_mbox(fd, n);
    try_text(fd, 0, n, INJECT_QUOTING_MBOXO);
    try_addresses(str_make(data, n));
    try_line(data, n);
    (void)close(fd);
    return 0;
}

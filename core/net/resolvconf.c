/* SPDX-License-Identifier: Apache-2.0 */
#include "net/resolvconf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/num.h"
#include "net/netaddr.h"
#include "base/banned.h"

enum {
    RESOLVCONF_SIZE_MAX = 16384,
    RESOLVCONF_SERVERS_MAX = 8,
    RESOLVCONF_TIMEOUT_S = 5,
    RESOLVCONF_ATTEMPTS = 2
};

static struct str
next_word(struct str *line)
{
    struct str word;

    *line = str_trim(*line);
    for (size_t i = 0; i < line->n; i++) {
        if (line->p[i] == ' ' || line->p[i] == '\t') {
            word = str_sub(*line, 0, i);
            *line = str_from(*line, i);
            return word;
        }
    }
    word = *line;
    *line = str_from(*line, line->n);
    return word;
}

/* "10.0.0.1", "::1", "10.0.0.1:5300", "[::1]:5300". */
static bool
server_add(struct str s, struct buf *to)
{
    struct netaddr at;
    struct cidr bare;

    if (cidr_parse(s, 0, &bare, NULL) == 0)
        netaddr_from_ip(&at, &bare, 53);
    else if (netaddr_parse(s, true, &at, NULL) < 0 || !at.ip.family)
        return false;
    if (!at.port)
        at.port = 53;
    if (to->n)
        buf_char(to, ',');
    netaddr_print(&at, to);
    return true;
}

/* "timeout:3", bounded. */
static void
option_number(struct str word, struct str name, int most, int *to)
{
    uint64_t n;

    if (!str_starts(word, name) || num_u64(str_from(word, name.n), &n) < 0)
        return;
    *to = (int)MIN_OF(MAX_OF(n, UINT64_C(1)), (uint64_t)most);
}

static void
read_options(struct str line, struct resolvconf *to, int *timeout_s)
{
    for (struct str word = next_word(&line); word.n; word = next_word(&line)) {
        option_number(word, STR("timeout:"), 30, timeout_s);
        option_number(word, STR("retrans:"), 30, timeout_s);
        option_number(word, STR("attempts:"), 5, &to->attempts);
        option_number(word, STR("retry:"), 5, &to->attempts);
        if (str_eq(word, STR("use-vc")))
            to->tcp = true;
    }
}

void
resolvconf_parse(struct str text, struct resolvconf *to)
{
    int timeout_s = RESOLVCONF_TIMEOUT_S, servers = 0;

    memset(to, 0, sizeof(*to));
    to->attempts = RESOLVCONF_ATTEMPTS;
    while (text.p) {
        struct str line = str_cut(&text, '\n'), word;
        line = str_sub(
            line, 0, MIN_OF(str_chr(line, '#', 0), str_chr(line, ';', 0)));
        word = next_word(&line);
        if (str_eq(word, STR("options")))
            read_options(line, to, &timeout_s);
        if (!str_eq(word, STR("nameserver")) ||
            servers == RESOLVCONF_SERVERS_MAX)
            continue;
        word = next_word(&line);
        if (server_add(word, &to->servers))
            servers++;
        else
            log_warn(LOG_DNS, "resolv-conf-bad-server",
                "text=\"%.*s\" reason=\"no address\"", STR_ARG(word));
    }
    to->timeout_ms = timeout_s * 1000;
    to->named = servers > 0;
    if (!servers)
        buf_cstr(&to->servers, "127.0.0.1:53");
}

static void
file_note(const struct stat *st, struct resolvconf *to)
{
    to->file.device = st->st_dev;
    to->file.inode = st->st_ino;
    to->file.size = st->st_size;
    to->file.changed = st->st_mtim;
}

void
resolvconf_read(const char *path, struct resolvconf *to)
{
    char text[RESOLVCONF_SIZE_MAX];
    struct stat st = {0};
    size_t n = 0;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd >= 0) {
        (void)fstat(fd, &st); /* zeroed: read again at the next look */
        while (n < sizeof(text) &&
            (got = read(fd, text + n, sizeof(text) - n)) > 0)
            n += (size_t)got;
        (void)close(fd); /* was only read */
    } else {
        log_warn(LOG_DNS, "resolv-conf-unreadable", "file=%s", path);
    }
    resolvconf_parse(str_make(text, n), to);
    file_note(&st, to);
}

bool
resolvconf_changed(const char *path, const struct resolvconf *last)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return false; /* what was known serves on */
    return st.st_dev != last->file.device || st.st_ino != last->file.inode ||
        st.st_size != last->file.size ||
        st.st_mtim.tv_sec != last->file.changed.tv_sec ||
        st.st_mtim.tv_nsec != last->file.changed.tv_nsec;
}

void
resolvconf_fini(struct resolvconf *r)
{
    buf_fini(&r->servers);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * target.c - items of `milters`: "inet:127.0.0.1:8891, default_action=accept".
 */
#include "milter.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static struct impel_str
trim(struct impel_str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t'))
        s = (struct impel_str){s.p + 1, s.n - 1};
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* Up to the next comma; what is behind it stays in *rest. */
static struct impel_str
cut(struct impel_str *rest)
{
    const char *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
    struct impel_str s = {rest->p, comma ? (size_t)(comma - rest->p) : rest->n};

    *rest = comma ? (struct impel_str){comma + 1, rest->n - s.n - 1}
                  : (struct impel_str){rest->p + rest->n, 0};
    return trim(s);
}

static bool
starts(struct impel_str *s, const char *word)
{
    size_t n = strlen(word);

    if (s->n < n || strncmp(s->p, word, n) != 0)
        return false;
    *s = (struct impel_str){s->p + n, s->n - n};
    return true;
}

struct impel_str
target_name(struct impel_str item)
{
    return cut(&item);
}

bool
target_is_none(struct impel_str item)
{
    return item.n == 4 && memcmp(item.p, "none", 4) == 0;
}

static bool
parse_port(struct impel_str s, uint16_t *to)
{
    uint32_t port = 0;

    if (!s.n || s.n > 5)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        port = port * 10 + (uint32_t)(s.p[i] - '0');
    }
    *to = (uint16_t)port;
    return port > 0 && port <= 65535;
}

static bool
parse_host(struct impel_str s, struct target *to)
{
    struct in6_addr any;

    if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
        s = (struct impel_str){s.p + 1, s.n - 2};
    if (s.n == 9 && memcmp(s.p, "localhost", 9) == 0)
        s = (struct impel_str){"127.0.0.1", 9};
    if (!s.n || s.n >= INET6_ADDRSTRLEN)
        return false;
    memcpy(to->addr, s.p, s.n);
    to->addr[s.n] = '\0';
    return inet_pton(AF_INET, to->addr, &any) == 1 ||
        inet_pton(AF_INET6, to->addr, &any) == 1;
}

/* "host:port" as Postfix writes it, or "port@host" as Sendmail does. */
static bool
parse_inet(struct impel_str s, struct target *to)
{
    const char *at = memchr(s.p, '@', s.n), *colon = memrchr(s.p, ':', s.n);
    size_t n;

    if (at) {
        n = (size_t)(at - s.p);
        return parse_port((struct impel_str){s.p, n}, &to->port) &&
            parse_host((struct impel_str){at + 1, s.n - n - 1}, to);
    }
    if (!colon)
        return false;
    n = (size_t)(colon - s.p);
    return parse_host((struct impel_str){s.p, n}, to) &&
        parse_port((struct impel_str){colon + 1, s.n - n - 1}, &to->port);
}

static const char *
parse_place(struct impel_str s, struct target *to)
{
    if (starts(&s, "unix:") || starts(&s, "local:")) {
        if (!s.n || s.p[0] != '/' || s.n >= sizeof(to->addr) ||
            memchr(s.p, '\0', s.n))
            return "a Unix socket is unix:/path, of 107 octets at most";
        memcpy(to->addr, s.p, s.n);
        to->addr[s.n] = '\0';
        return NULL;
    }
    if (!starts(&s, "inet6:") && !starts(&s, "inet:"))
        return "expected inet:ADDRESS:PORT or unix:/PATH";
    if (!s.n || !parse_inet(s, to))
        return "expected inet:ADDRESS:PORT with an IP address (names are not "
               "resolved, but for localhost)";
    return NULL;
}

/* Seconds, or with s, m or h behind. */
static bool
parse_time(struct impel_str s, int64_t *to)
{
    int64_t unit = 1000, v = 0;

    if (!s.n)
        return false;
    if (s.p[s.n - 1] == 's' || s.p[s.n - 1] == 'm' || s.p[s.n - 1] == 'h') {
        unit = s.p[s.n - 1] == 's' ? 1000
            : s.p[s.n - 1] == 'm'  ? 60000
                                   : 3600000;
        s.n--;
    }
    if (!s.n || s.n > 6)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = v * 10 + (s.p[i] - '0');
    }
    *to = v * unit;
    return v > 0 && *to <= 86400000;
}

static bool
parse_action(struct impel_str s, int *to)
{
    static const char *const words[] = {"tempfail", "accept", "reject"};

    for (int i = 0; i < 3; i++) {
        if (s.n == strlen(words[i]) && memcmp(s.p, words[i], s.n) == 0) {
            *to = i;
            return true;
        }
    }
    return false;
}

static bool
parse_setting(struct impel_str s, struct target *to)
{
    if (starts(&s, "connect_timeout="))
        return parse_time(trim(s), &to->connect_ms);
    if (starts(&s, "command_timeout="))
        return parse_time(trim(s), &to->command_ms);
    if (starts(&s, "content_timeout="))
        return parse_time(trim(s), &to->content_ms);
    if (starts(&s, "default_action="))
        return parse_action(trim(s), &to->action);
    return false;
}

bool
target_parse(const struct impel_host *host, const struct impel_scope *scope,
    struct impel_str item, struct target *to, char error[200])
{
    struct impel_str rest = item, s = cut(&rest);
    const char *bad;

    *to =
        (struct target){.action = (int)host->opt_int(scope, ROW_DEFAULT_ACTION),
            .connect_ms = host->opt_int(scope, ROW_CONNECT_TIMEOUT),
            .command_ms = host->opt_int(scope, ROW_COMMAND_TIMEOUT),
            .content_ms = host->opt_int(scope, ROW_CONTENT_TIMEOUT)};
    bad = parse_place(s, to);
    if (bad) {
        snprintf(error, 200, "%.*s: %s", (int)(s.n < 60 ? s.n : 60),
            s.n ? s.p : "", bad);
        return false;
    }
    while (rest.n) {
        s = cut(&rest);
        if (parse_setting(s, to))
            continue;
        snprintf(error, 200,
            "%.*s: expected connect_timeout=, command_timeout=, "
            "content_timeout= or default_action= with a value",
            (int)(s.n < 60 ? s.n : 60), s.n ? s.p : "");
        return false;
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * fetchurl.c - which URLs are asked for, and where that is.
 */
#include <curl/curl.h>
#include <stdlib.h>

#include "base/xmem.h"
#include "net/fetch.h"
#include "base/banned.h"

static int
url_part(CURLU *u, CURLUPart part, unsigned flags, char **to)
{
    char *got = NULL;

    if (curl_url_get(u, part, &got, flags) != CURLUE_OK)
        return ERR_INVAL;
    *to = xdup(got);
    curl_free(got);
    return 0;
}

/* [::1] as ::1. */
static int
url_host(CURLU *u, char **to)
{
    char *host;
    size_t n;

    if (url_part(u, CURLUPART_HOST, 0, &host) < 0)
        return ERR_INVAL;
    n = strlen(host);
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        n -= 2;
        host[n] = '\0';
    }
    if (n == 0 || n > 253) {
        free(host);
        return ERR_INVAL;
    }
    *to = host;
    return 0;
}

static int
url_take(CURLU *u, char **host, uint16_t *port)
{
    char *digits;

    if (url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &digits) < 0)
        return ERR_INVAL;
    *port = (uint16_t)strtoul(digits, NULL, 10); /* curl has checked it */
    free(digits);
    return *port ? url_host(u, host) : ERR_INVAL;
}

/* What is escaped in a name, and the zone of an address: of no use here. */
static bool
url_is_plain(struct str s)
{
    size_t end = str_chr(s, '/', sizeof("https://") - 1);

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#' ||
            (s.p[i] == '%' && i < end))
            return false;
    }
    return true;
}

int
fetch_url_parse(const char *url, char **host, uint16_t *port, struct err *e)
{
    struct str s = str_of(url);
    char *name = NULL;
    uint16_t at = 0;
    CURLU *u;
    int rc = ERR_INVAL;

    if (!str_istarts(s, STR("https://")) || s.n > FETCH_URL_MAX)
        return err_set(e, ERR_INVAL, "it is no URL of https");
    if (!url_is_plain(s))
        return err_set(e, ERR_INVAL, "a URL with an odd character");
    u = curl_url();
    if (u &&
        curl_url_set(u, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK)
        rc = url_take(u, &name, &at);
    curl_url_cleanup(u);
    if (rc < 0)
        return err_set(e, ERR_INVAL, "the URL cannot be used");
    if (host)
        *host = name;
    else
        free(name);
    if (port)
        *port = at;
    return 0;
}

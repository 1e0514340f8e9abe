/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlswords.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { CIPHERS_MAX = 2048 };
static const struct {
    const char *word, *gnutls; /* NULL: not in GnuTLS, or not to be used */
} versions[] = {{"TLSv1.0", "+VERS-TLS1.0"}, {"TLSv1.1", "+VERS-TLS1.1"},
    {"TLSv1.2", "+VERS-TLS1.2"}, {"TLSv1.3", "+VERS-TLS1.3"},
    {"TLSv1", "+VERS-TLS1.0"}, {"SSLv3", NULL}, {"SSLv2", NULL}};
enum { VERSION_COUNT = 4, VERSION_ALL = 15 };

/* Bits of what a word names, or -1. */
static int
word_bits(struct str word)
{
    if (str_ieq(word, STR("ALL")))
        return VERSION_ALL;
    for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
        if (!str_ieq(word, str_of(versions[i].word)))
            continue;
        for (int k = 0; versions[i].gnutls && k < VERSION_COUNT; k++)
            if (strcmp(versions[k].gnutls, versions[i].gnutls) == 0)
                return 1 << k;
        return 0;
    }
    return -1;
}

static int
words_read(struct str words, int *set, struct err *e)
{
    *set = 0;
    while (words.p) {
        struct str word = str_trim(str_cut(&words, ':'));
        bool minus = word.n && (word.p[0] == '-' || word.p[0] == '!');
        int bits;

        if (!word.n)
            continue;
        if (minus || word.p[0] == '+')
            word = str_from(word, 1);
        bits = word_bits(word);
        if (bits < 0)
            return err_set(e, ERR_CONF,
                "'%.*s' is none of ALL, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3",
                (int)MIN_OF(word.n, (size_t)40), word.p);
        *set = minus ? *set & ~bits : *set | bits;
    }
    if (!*set)
        return err_set(e, ERR_CONF, "no version of TLS is left");
    return 0;
}

int
tlswords_print(
    struct str ciphers, struct str protocols, struct buf *to, struct err *e)
{
    int set = VERSION_ALL;

    if (ciphers.n > CIPHERS_MAX)
        return err_set(e, ERR_CONF, "the list is too long");
    if (protocols.n && words_read(protocols, &set, e) < 0)
        return ERR_CONF;
    if (!ciphers.n || str_ieq(ciphers, STR("DEFAULT")))
        ciphers = STR("NORMAL");
    buf_str(to, ciphers);
    if (!protocols.n)
        return 0;
    buf_cstr(to, ":-VERS-ALL");
    for (int i = 0; i < VERSION_COUNT; i++)
        if (set & (1 << i))
            buf_printf(to, ":%s", versions[i].gnutls);
    return 0;
}

/* --- priorities: few, each parsed once --- */

struct words {
    char *text;
    gnutls_priority_t priority;
};
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map known;

static struct words *
words_new(const char *text, struct err *e)
{
    struct words *w = xnew(struct words);
    const char *at = NULL;
    int rc = gnutls_priority_init(&w->priority, text, &at);

    if (rc < 0) {
        err_set(e, ERR_CONF,
            "GnuTLS does not understand it from '%.40s' on: %s", at ? at : "",
            gnutls_strerror(rc));
        free(w);
        return NULL;
    }
    w->text = xdup(text);
    (void)map_put(&known, str_of(w->text), w);
    return w;
}

gnutls_priority_t
tlswords_priority(const char *text, struct err *e)
{
    struct words *w;

    pthread_mutex_lock(&lock);
    w = map_find(&known, str_of(text));
    if (!w)
        w = words_new(text, e);
    pthread_mutex_unlock(&lock);
    return w ? w->priority : NULL;
}

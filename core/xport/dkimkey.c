/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/dkimkey.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/map.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { KEY_FILE_MOST = 64 * 1024, KEY_BITS_LEAST = 1024, KEYS_DEFAULT = 2048 };

struct dkim_key {
    _Atomic uint32_t refs;
    int kind;
    gnutls_privkey_t key;
};

/* --- a key --- */

static int
key_check(struct dkim_key *k, struct err *e)
{
    unsigned bits = 0;
    int algorithm = gnutls_privkey_get_pk_algorithm(k->key, &bits);

    if (k->kind == DKIMKEY_ED25519)
        return algorithm == GNUTLS_PK_EDDSA_ED25519
            ? 0
            : err_set(e, ERR_CONF, "it is no Ed25519 key");
    if (algorithm != GNUTLS_PK_RSA)
        return err_set(e, ERR_CONF, "it is no RSA key");
    if (bits < KEY_BITS_LEAST)
        return err_set(e, ERR_CONF,
            "an RSA key of %u bits is too short, %d is the least", bits,
            KEY_BITS_LEAST);
    return 0;
}

struct dkim_key *
dkimkey_parse(struct str pem, int kind, struct err *e)
{
    struct dkim_key *k = xnew(struct dkim_key);
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem.p, (unsigned)pem.n};
    int rc;

    atomic_init(&k->refs, 1);
    k->kind = kind;
    rc = gnutls_privkey_init(&k->key);
    if (rc == 0)
        rc = gnutls_privkey_import_x509_raw(
            k->key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc < 0)
        (void)err_set(e, ERR_CONF, "%s", gnutls_strerror(rc));
    else
        rc = key_check(k, e);
    if (rc < 0)
        dkimkey_unref(&k);
    return k;
}

void
dkimkey_unref(struct dkim_key **to)
{
    struct dkim_key *k = *to;

    *to = NULL;
    if (!k || atomic_fetch_sub(&k->refs, 1) > 1)
        return;
    gnutls_privkey_deinit(k->key);
    free(k);
}

static struct dkim_key *
key_ref(struct dkim_key *k)
{
    if (k)
        atomic_fetch_add(&k->refs, 1);
    return k;
}

const char *
dkimkey_algorithm(const struct dkim_key *k)
{
    return k->kind == DKIMKEY_RSA ? "rsa-sha256" : "ed25519-sha256";
}

int
dkimkey_sign(struct dkim_key *k, struct str data, struct buf *to, struct err *e)
{
    gnutls_datum_t in = {(unsigned char *)(uintptr_t)data.p, (unsigned)data.n};
    gnutls_datum_t out = {NULL, 0};
    unsigned char sum[32];
    int rc;

    if (data.n > UINT32_MAX)
        return err_set(e, ERR_LIMIT, "too much to be signed");
    if (k->kind == DKIMKEY_RSA) {
        rc = gnutls_privkey_sign_data2(
            k->key, GNUTLS_SIGN_RSA_SHA256, 0, &in, &out);
    } else {
        rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, in.data, in.size, sum);
        in = (gnutls_datum_t){sum, sizeof(sum)};
        if (rc == 0)
            rc = gnutls_privkey_sign_data2(
                k->key, GNUTLS_SIGN_EDDSA_ED25519, 0, &in, &out);
    }
    if (rc < 0)
        return err_set(e, ERR_CONF, "%s", gnutls_strerror(rc));
    buf_add(to, out.data, out.size);
    gnutls_free(out.data);
    return 0;
}

/* --- files --- */

/* What is known of a file; key NULL: why it is none stands in error. */
struct known {
    struct list node; /* in order of use */
    char *name;       /* kind and path */
    struct dkim_key *key;
    struct err error;
    int64_t until; /* monotonic ms */
    struct stat is;
};

static struct {
    pthread_mutex_t lock;
    struct map by_name;
    struct list used; /* least recently used first */
    size_t most;
} keys = {.lock = PTHREAD_MUTEX_INITIALIZER,
    .used = {&keys.used, &keys.used},
    .most = KEYS_DEFAULT};

static struct dkim_key *
key_load(const char *path, int kind, struct stat *is, struct err *e)
{
    struct dkim_key *k = NULL;
    struct buf text = BUF_INIT;

    if (file_read(path, KEY_FILE_MOST, is, &text, e) == 0)
        k = dkimkey_parse(buf_get(&text), kind, e);
    if (!k)
        (void)err_prefix(e, "%s", path);
    buf_wipe(&text);
    return k;
}

static bool
file_is_same(const char *path, const struct stat *is)
{
    struct stat now;

    return stat(path, &now) == 0 && now.st_ino == is->st_ino &&
        now.st_dev == is->st_dev && now.st_size == is->st_size &&
        now.st_mtim.tv_sec == is->st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == is->st_mtim.tv_nsec;
}

static void
known_drop(struct known *k)
{
    (void)map_remove(&keys.by_name, str_of(k->name));
    list_remove(&k->node);
    dkimkey_unref(&k->key);
    free(k->name);
    free(k);
}

static struct known *
known_find(const char *name)
{
    struct known *k = map_find(&keys.by_name, str_of(name));

    if (k) {
        list_remove(&k->node);
        list_push(&keys.used, &k->node);
    }
    return k;
}

/* Name becomes the cache's. */
static struct known *
known_add(char *name)
{
    struct known *k = xnew(struct known);

    while (keys.by_name.count && keys.by_name.count >= keys.most)
        known_drop(LIST_ENTRY(keys.used.next, struct known, node));
    k->name = name;
    list_push(&keys.used, &k->node);
    (void)map_put(&keys.by_name, str_of(k->name), k);
    return k;
}

/* Under the lock: two that want one file read it once. */
static void
known_renew(struct known *k, const char *path, int kind,
    const struct dkimkey_times *times)
{
    int64_t now = clock_mono();

    if (now < k->until)
        return;
    if (!k->key || !file_is_same(path, &k->is)) {
        dkimkey_unref(&k->key);
        k->error = (struct err){0, ""};
        k->key = key_load(path, kind, &k->is, &k->error);
    }
    k->until = now + (k->key ? times->found : times->missing);
}

struct dkim_key *
dkimkey_get(const char *path, int kind, const struct dkimkey_times *times,
    struct err *e)
{
    char *name = xprintf("%d %s", kind, path);
    struct dkim_key *key;
    struct known *k;

    pthread_mutex_lock(&keys.lock);
    k = known_find(name);
    if (k)
        free(name);
    else
        k = known_add(name);
    known_renew(k, path, kind, times);
    key = key_ref(k->key);
    if (!key)
        (void)err_set(e, k->error.code, "%s", k->error.text);
    pthread_mutex_unlock(&keys.lock);
    return key;
}

void
dkimkey_set_most(size_t count)
{
    pthread_mutex_lock(&keys.lock);
    keys.most = MAX_OF(count, (size_t)1);
    pthread_mutex_unlock(&keys.lock);
}

void
dkimkey_forget_all(void)
{
    pthread_mutex_lock(&keys.lock);
    while (!list_empty(&keys.used))
        known_drop(LIST_ENTRY(keys.used.next, struct known, node));
    map_fini(&keys.by_name);
    pthread_mutex_unlock(&keys.lock);
}

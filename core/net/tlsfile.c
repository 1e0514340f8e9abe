/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tlsfile.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/bug.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/map.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "base/banned.h"

struct file { /* what was read of one path */
    char *path;
    struct secret bytes;
    uint64_t number; /* another one for other bytes */
};
struct tls_ca {
    _Atomic unsigned refs;
    char *path;
    uint64_t number;
    uint64_t tried; /* of a file in its place that is of no use */
    gnutls_x509_trust_list_t list;
};
struct tls_pair {
    _Atomic unsigned refs;
    char *id; /* both paths */
    uint64_t certificate_number, key_number;
    /* Of files that were tried in their place, and do not fit. */
    uint64_t tried_certificate, tried_key;
    gnutls_certificate_credentials_t credentials;
    gnutls_x509_crt_t leaf; /* NULL: none */
    char *made_of;          /* of several: the numbers of each, a line each */
};

/* The lock is held while a file is read or parsed: that is rare. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map files, authorities, pairs, joined;
static uint64_t last_number;

/* --- files --- */

static void
file_free(struct file *f)
{
    secret_fini(&f->bytes);
    free(f->path);
    free(f);
}

static int
file_load(const char *path, struct secret *to, struct err *e)
{
    struct buf text = BUF_INIT;

    if (file_read(path, TLSFILE_SIZE_MAX, NULL, &text, e) < 0) {
        (void)err_prefix(e, "cannot read %s", path);
        buf_wipe(&text);
        return ERR_CONF;
    }
    to->p = buf_detach(&text, &to->n);
    return 0;
}

/* The file in memory; again: as it is on disk now. */
static struct file *
file_get(struct str path, bool again, struct err *e)
{
    struct file *f = map_find(&files, path);
    struct secret bytes = {NULL, 0};
    char *name;

    if (f && !again)
        return f;
    name = xdupn(path.p, path.n);
    if (file_load(name, &bytes, e) < 0) {
        free(name);
        return NULL;
    }
    if (!f) {
        f = xnew(struct file);
        f->path = name;
        (void)map_put(&files, str_of(f->path), f);
        name = NULL;
    }
    free(name);
    if (f->number && secret_eq(&f->bytes, secret_get(&bytes))) {
        secret_fini(&bytes);
        return f;
    }
    secret_fini(&f->bytes);
    f->bytes = bytes;
    f->number = ++last_number;
    return f;
}

static gnutls_datum_t
file_datum(const struct file *f)
{
    return (gnutls_datum_t){(unsigned char *)f->bytes.p, (unsigned)f->bytes.n};
}

/* --- authorities --- */

static void
ca_free(struct tls_ca *ca)
{
    gnutls_x509_trust_list_deinit(ca->list, 1);
    free(ca->path);
    free(ca);
}

void
tls_ca_put(struct tls_ca **pca)
{
    struct tls_ca *ca = *pca;

    *pca = NULL;
    if (ca && atomic_fetch_sub(&ca->refs, 1) == 1)
        ca_free(ca);
}

static struct tls_ca *
ca_parse(const struct file *f, struct err *e)
{
    struct tls_ca *ca = xnew(struct tls_ca);
    gnutls_datum_t d = file_datum(f);
    int n;

    ca->refs = 1;
    ca->path = xdup(f->path);
    ca->number = f->number;
    BUG_ON(gnutls_x509_trust_list_init(&ca->list, 0) < 0); /* memory only */
    n = gnutls_x509_trust_list_add_trust_mem(
        ca->list, &d, NULL, GNUTLS_X509_FMT_PEM, 0, 0);
    if (n > 0)
        return ca;
    err_set(e, ERR_CONF, "%s holds no certificate in PEM form%s%s", f->path,
        n < 0 ? ": " : "", n < 0 ? gnutls_strerror(n) : "");
    ca_free(ca);
    return NULL;
}

/* Those of the system, once. */
static struct tls_ca *
ca_of_system(struct err *e)
{
    struct tls_ca *ca = map_find(&authorities, STR(""));

    if (ca)
        return ca;
    ca = xnew(struct tls_ca);
    ca->refs = 1;
    ca->path = xdup("");
    BUG_ON(gnutls_x509_trust_list_init(&ca->list, 0) < 0);
    if (gnutls_x509_trust_list_add_system_trust(ca->list, 0, 0) <= 0) {
        err_set(e, ERR_CONF, "the system has no list of authorities");
        ca_free(ca);
        return NULL;
    }
    (void)map_put(&authorities, str_of(ca->path), ca);
    return ca;
}

/* In the map, current; one that was taken before stays its takers'.  again: as
 * the file is now, or none; else the last that could be used. */
static struct tls_ca *
ca_find(struct str path, bool again, struct err *e)
{
    struct file *f = file_get(path, again, e);
    struct tls_ca *ca = f ? map_find(&authorities, path) : NULL, *fresh;

    if (!f || (ca && ca->number == f->number))
        return ca;
    if (ca && !again && ca->tried == f->number)
        return ca;
    fresh = ca_parse(f, e);
    if (!fresh && ca)
        ca->tried = f->number;
    if (!fresh)
        return again ? NULL : ca;
    if (ca) {
        (void)map_remove(&authorities, path);
        tls_ca_put(&ca);
    }
    (void)map_put(&authorities, str_of(fresh->path), fresh);
    return fresh;
}

int
tls_ca_get(struct str path, struct tls_ca **to, struct err *e)
{
    pthread_mutex_lock(&lock);
    *to = path.n ? ca_find(path, false, e) : ca_of_system(e);
    if (*to)
        atomic_fetch_add(&(*to)->refs, 1);
    pthread_mutex_unlock(&lock);
    return *to ? 0 : ERR_CONF;
}

gnutls_x509_trust_list_t
tls_ca_list(const struct tls_ca *ca)
{
    return ca->list;
}

uint64_t
tls_ca_number(const struct tls_ca *ca)
{
    return ca->number;
}

int
tlsfile_read_ca(struct str path, struct err *e)
{
    const struct tls_ca *ca;

    pthread_mutex_lock(&lock);
    ca = ca_find(path, true, e);
    pthread_mutex_unlock(&lock);
    return ca ? 0 : ERR_CONF;
}

/* --- certificates and keys --- */

int
tlsfile_read_certificate(struct str path, struct err *e)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned n = 0;
    struct file *f;
    int rc = ERR_CONF;

    pthread_mutex_lock(&lock);
    f = file_get(path, true, e);
    if (f) {
        gnutls_datum_t d = file_datum(f);

        rc =
            gnutls_x509_crt_list_import2(&list, &n, &d, GNUTLS_X509_FMT_PEM, 0);
        if (rc < 0)
            rc = err_set(e, ERR_CONF, "%s holds no certificate in PEM form: %s",
                f->path, gnutls_strerror(rc));
    }
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return rc < 0 ? rc : 0;
}

int
tlsfile_read_key(struct str path, struct err *e)
{
    gnutls_x509_privkey_t key;
    struct file *f;
    int rc = ERR_CONF;

    BUG_ON(gnutls_x509_privkey_init(&key) < 0); /* memory only */
    pthread_mutex_lock(&lock);
    f = file_get(path, true, e);
    if (f) {
        gnutls_datum_t d = file_datum(f);

        rc = gnutls_x509_privkey_import2(
            key, &d, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
        if (rc < 0)
            rc = err_set(e, ERR_CONF, "%s holds no key in PEM form: %s",
                f->path, gnutls_strerror(rc));
    }
    pthread_mutex_unlock(&lock);
    gnutls_x509_privkey_deinit(key);
    return rc < 0 ? rc : 0;
}

static void
pair_free(struct tls_pair *p)
{
    if (p->leaf)
        gnutls_x509_crt_deinit(p->leaf);
    gnutls_certificate_free_credentials(p->credentials);
    free(p->id);
    free(p->made_of);
    free(p);
}

void
tls_pair_put(struct tls_pair **pp)
{
    struct tls_pair *p = *pp;

    *pp = NULL;
    if (p && atomic_fetch_sub(&p->refs, 1) == 1)
        pair_free(p);
}

static int
pair_fill(struct tls_pair *p, const struct file *c, const struct file *k,
    struct err *e)
{
    gnutls_datum_t cert = file_datum(c), key = file_datum(k);
    gnutls_x509_crt_t *list = NULL;
    unsigned n = 0;
    int rc = gnutls_certificate_set_x509_key_mem2(p->credentials, &cert, &key,
        GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);

    if (rc >= 0)
        rc = gnutls_certificate_get_x509_crt(
            p->credentials, (unsigned)rc, &list, &n);
    if (rc < 0)
        return err_set(e, ERR_CONF,
            "the certificate in %s and the key in %s make no pair: %s", c->path,
            k->path, gnutls_strerror(rc));
    p->leaf = list[0];
    for (unsigned i = 1; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    return 0;
}

static struct tls_pair *
pair_new(
    const char *id, const struct file *c, const struct file *k, struct err *e)
{
    struct tls_pair *p = xnew(struct tls_pair);

    p->refs = 1;
    p->id = xdup(id);
    BUG_ON(gnutls_certificate_allocate_credentials(&p->credentials) <
        0); /* memory only */
    if (!c)
        return p;
    p->certificate_number = c->number;
    p->key_number = k->number;
    if (pair_fill(p, c, k, e) == 0)
        return p;
    pair_free(p);
    return NULL;
}

/* Of the files as they are in memory; strict: or none, else the last that
 * could be used. */
static struct tls_pair *
pair_find(const char *id, struct str certificate, struct str key, bool strict,
    struct err *e)
{
    struct file *c = NULL, *k = NULL;
    struct tls_pair *p = map_find(&pairs, str_of(id)), *fresh;

    if (certificate.n) {
        c = file_get(certificate, false, e);
        k = c ? file_get(key, false, e) : NULL;
        if (!k)
            return NULL;
    }
    if (p &&
        (!c ||
            (p->certificate_number == c->number && p->key_number == k->number)))
        return p;
    if (p && !strict && p->tried_certificate == c->number &&
        p->tried_key == k->number)
        return p;
    fresh = pair_new(id, c, k, e);
    if (!fresh && p) {
        p->tried_certificate = c->number;
        p->tried_key = k->number;
    }
    if (!fresh)
        return strict ? NULL : p;
    if (p) {
        (void)map_remove(&pairs, str_of(id));
        tls_pair_put(&p);
    }
    (void)map_put(&pairs, str_of(fresh->id), fresh);
    return fresh;
}

static int
pair_get(struct str certificate, struct str key, bool strict,
    struct tls_pair **to, struct err *e)
{
    struct buf id = BUF_INIT;

    if (!key.n)
        key = certificate;
    buf_printf(&id, "%.*s\n%.*s", STR_ARG(certificate), STR_ARG(key));
    pthread_mutex_lock(&lock);
    *to = pair_find(id.p, certificate, key, strict, e);
    if (*to)
        atomic_fetch_add(&(*to)->refs, 1);
    pthread_mutex_unlock(&lock);
    buf_fini(&id);
    return *to ? 0 : ERR_CONF;
}

int
tls_pair_get(
    struct str certificate, struct str key, struct tls_pair **to, struct err *e)
{
    return pair_get(certificate, key, false, to, e);
}

int
tlsfile_check_pair(struct str certificate, struct str key, struct err *e)
{
    struct tls_pair *pair;
    int rc = pair_get(certificate, key, true, &pair, e);

    tls_pair_put(&pair);
    return rc;
}

gnutls_certificate_credentials_t
tls_pair_credentials(const struct tls_pair *p)
{
    return p->credentials;
}

uint64_t
tls_pair_number(const struct tls_pair *p)
{
    return MAX_OF(p->certificate_number, p->key_number);
}

bool
tls_pair_names(const struct tls_pair *p, const char *host)
{
    return p->leaf && gnutls_x509_crt_check_hostname(p->leaf, host);
}

/* Certificate and key of one credentials, into another. */
static int
join_add(
    gnutls_certificate_credentials_t to, gnutls_certificate_credentials_t from)
{
    gnutls_x509_crt_t *list = NULL;
    gnutls_x509_privkey_t key;
    unsigned n = 0;
    int rc = gnutls_certificate_get_x509_key(from, 0, &key);

    if (rc < 0)
        return rc;
    rc = gnutls_certificate_get_x509_crt(from, 0, &list, &n);
    if (rc >= 0)
        rc = gnutls_certificate_set_x509_key(to, list, (int)n, key);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(list[i]);
    gnutls_free(list);
    gnutls_x509_privkey_deinit(key);
    return rc;
}

static struct tls_pair *
join_new(
    const char *id, const char *made_of, struct tls_pair *const *pair, size_t n)
{
    struct err e;
    struct tls_pair *p = pair_new(id, NULL, NULL, &e);

    p->made_of = xdup(made_of);
    for (size_t i = 0; i < n; i++)
        if (join_add(p->credentials, pair[i]->credentials) < 0) {
            pair_free(p);
            return NULL;
        }
    return p;
}

/* Under the lock.  Of the same paths there is one; made anew when any of them
 * is another one by now. */
static struct tls_pair *
join_find(
    const char *id, const char *made_of, struct tls_pair *const *pair, size_t n)
{
    struct tls_pair *p = map_find(&joined, str_of(id)), *fresh;

    if (p && strcmp(p->made_of, made_of) == 0)
        return p;
    fresh = join_new(id, made_of, pair, n);
    if (!fresh) /* cannot be: each of them was loaded */
        return pair[0];
    if (p) {
        (void)map_remove(&joined, str_of(id));
        tls_pair_put(&p);
    }
    (void)map_put(&joined, str_of(fresh->id), fresh);
    return fresh;
}

struct tls_pair *
tls_pair_join(struct tls_pair *const *pair, size_t n)
{
    struct buf id = BUF_INIT, made_of = BUF_INIT;
    struct tls_pair *p = pair[0];

    if (n == 1) {
        atomic_fetch_add(&p->refs, 1); /* who asks holds it */
        return p;
    }
    for (size_t i = 0; i < n; i++) {
        buf_printf(&id, "%s\n", pair[i]->id);
        buf_printf(&made_of, "%llu %llu\n",
            (unsigned long long)pair[i]->certificate_number,
            (unsigned long long)pair[i]->key_number);
    }
    pthread_mutex_lock(&lock);
    p = join_find(id.p, made_of.p, pair, n);
    atomic_fetch_add(&p->refs, 1);
    pthread_mutex_unlock(&lock);
    buf_fini(&id);
    buf_fini(&made_of);
    return p;
}

int64_t
tls_pair_ends(const struct tls_pair *p)
{
    return p->leaf ? (int64_t)gnutls_x509_crt_get_expiration_time(p->leaf) : 0;
}

bool
tls_pair_same_name(const struct tls_pair *p, const struct tls_pair *of)
{
    char name[256] = "";
    size_t n = sizeof(name) - 1;

    if (!of->leaf)
        return false;
    if (gnutls_x509_crt_get_subject_alt_name(of->leaf, 0, name, &n, NULL) !=
        GNUTLS_SAN_DNSNAME) {
        n = sizeof(name) - 1;
        if (gnutls_x509_crt_get_dn_by_oid(
                of->leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &n) < 0)
            return false;
    }
    return tls_pair_names(p, name);
}

void
tlsfile_drop(void)
{
    struct tls_pair *p;
    struct tls_ca *ca;
    struct file *f;
    size_t at;

    pthread_mutex_lock(&lock);
    MAP_FOREACH (p, &pairs, at)
        tls_pair_put(&p);
    MAP_FOREACH (p, &joined, at)
        tls_pair_put(&p);
    MAP_FOREACH (ca, &authorities, at)
        tls_ca_put(&ca);
    MAP_FOREACH (f, &files, at)
        file_free(f);
    map_fini(&pairs);
    map_fini(&joined);
    map_fini(&authorities);
    map_fini(&files);
    pairs = joined = authorities = files = (struct map){0};
    pthread_mutex_unlock(&lock);
}

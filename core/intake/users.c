/* SPDX-License-Identifier: Apache-2.0 */
#include "intake/users.h"

#include <crypt.h>
#include <gnutls/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/bug.h"
#include "base/map.h"
#include "base/num.h"
#include "base/secret.h"
#include "base/xmem.h"
#include "conf/option.h"
#include "intake/filecache.h"
#include "base/banned.h"

enum { ROUNDS = 10000, SALT_SIZE = 16, SALT_MAX = 64, KEY_SIZE = 32 };
enum { HASH_LEAST = 45 /* of SHA-256, whose are the shortest */ };
#define SCRAM_PREFIX "SCRAM-SHA-256$"

struct user {
    char *name;
    char *hash; /* of crypt(3), or NULL */
    bool scram;
    uint32_t rounds;
    uint8_t salt_size, salt[SALT_MAX], stored[KEY_SIZE], server[KEY_SIZE];
};
struct users {
    _Atomic uint32_t refs;
    struct map by_name;
    struct user **all; /* in the order of the file */
    size_t count, room, scram_count;
    struct user **scram;   /* those with keys */
    uint8_t key[KEY_SIZE]; /* of what is made up */
};

static void
user_free(struct user *u)
{
    if (!u)
        return;
    if (u->hash)
        secret_wipe(u->hash, strlen(u->hash));
    free(u->hash);
    free(u->name);
    secret_wipe(u, sizeof(*u));
    free(u);
}

void
users_put(struct users **to)
{
    struct users *u = *to;

    *to = NULL;
    if (!u || atomic_fetch_sub(&u->refs, 1) != 1)
        return;
    for (size_t i = 0; i < u->count; i++)
        user_free(u->all[i]);
    map_fini(&u->by_name);
    free(u->all);
    free(u->scram);
    secret_wipe(u->key, sizeof(u->key));
    free(u);
}

/* --- a line --- */

static int
parse_key(struct str text, uint8_t *to, struct err *e)
{
    struct buf b = BUF_INIT;
    int rc = base64_decode(&b, text);

    if (rc == 0 && b.n == KEY_SIZE)
        memcpy(to, b.p, KEY_SIZE);
    else
        rc = err_set(e, ERR_CONF, "a key of SCRAM is 32 octets in base64");
    buf_wipe(&b);
    return rc;
}

/* "4096:SALT$STORED:SERVER" */
static int
parse_scram(struct user *u, struct str text, struct err *e)
{
    struct str rounds = str_cut(&text, ':'), salt = str_cut(&text, '$');
    struct str stored = str_cut(&text, ':');
    struct buf b = BUF_INIT;
    uint64_t n = 0;

    if (!text.p || num_u64(rounds, &n) < 0 || n == 0 ||
        n > SASL_SCRAM_ITERATIONS_MAX)
        return err_set(e, ERR_CONF,
            "expected SCRAM-SHA-256$ROUNDS:SALT$STOREDKEY:SERVERKEY, and at "
            "most %d rounds",
            SASL_SCRAM_ITERATIONS_MAX);
    if (base64_decode(&b, salt) < 0 || b.n == 0 || b.n > SALT_MAX) {
        buf_fini(&b);
        return err_set(e, ERR_CONF,
            "the salt of SCRAM is 1 to %d octets in base64", SALT_MAX);
    }
    u->scram = true;
    u->rounds = (uint32_t)n;
    u->salt_size = (uint8_t)b.n;
    memcpy(u->salt, b.p, b.n);
    buf_fini(&b);
    if (parse_key(stored, u->stored, e) < 0)
        return ERR_CONF;
    return parse_key(text, u->server, e);
}

/* What is left out is broken by now: DES, MD5, SHA-1, NT. */
static int
parse_hash(struct user *u, struct str text, struct err *e)
{
    static const char *const good[] = {
        "$y$", "$gy$", "$7$", "$2a$", "$2b$", "$2y$", "$6$", "$5$"};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        if (!str_starts(text, str_of(good[i])))
            continue;
        u->hash = xdupn(text.p, text.n);
        if (text.n >= HASH_LEAST &&
            crypt_checksalt(u->hash) != CRYPT_SALT_INVALID &&
            !strchr(u->hash, ':') && !strchr(u->hash, '*'))
            return 0;
        return err_set(e, ERR_CONF, "crypt(3) does not know such a hash");
    }
    return err_set(e, ERR_CONF,
        "expected a hash that begins with $y$, $7$, $2b$, $2y$, $6$ or $5$, or "
        "keys that begin with " SCRAM_PREFIX);
}

static bool
is_name(struct str name)
{
    if (!name.n || name.n > USERS_NAME_MAX || name.p[0] == '#')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];

        if (c <= ' ' || c == 127 || c == ':')
            return false;
    }
    return true;
}

static int
parse_secrets(struct user *u, struct str text, struct err *e)
{
    int rc = 0;

    while (rc == 0 && text.p) {
        struct str word = str_cut(&text, ' ');

        if (!word.n)
            continue;
        if (str_starts(word, STR(SCRAM_PREFIX)) && !u->scram)
            rc = parse_scram(u, str_from(word, strlen(SCRAM_PREFIX)), e);
        else if (!u->hash)
            rc = parse_hash(u, word, e);
        else
            rc = err_set(e, ERR_CONF, "more than one hash");
    }
    if (rc == 0 && !u->hash && !u->scram)
        rc = err_set(e, ERR_CONF, "a name and no hash");
    return rc;
}

static int
users_add(struct users *u, struct str line, struct err *e)
{
    struct str name = str_cut(&line, ':');
    struct user *one;
    int rc;

    if (!line.p || !is_name(name))
        return err_set(e, ERR_CONF, "expected NAME:HASH");
    if (map_find(&u->by_name, name))
        return err_set(e, ERR_CONF, "the name stands above already");
    if (u->count == USERS_MAX)
        return err_set(e, ERR_CONF, "more than %d users", USERS_MAX);
    one = xnew(struct user);
    rc = parse_secrets(one, line, e);
    if (rc < 0) {
        user_free(one);
        return rc;
    }
    one->name = xdupn(name.p, name.n);
    if (u->count == u->room) {
        u->room = u->room ? 2 * u->room : 16;
        u->all = xgrow(u->all, u->room, sizeof(*u->all));
        u->scram = xgrow(u->scram, u->room, sizeof(*u->scram));
    }
    u->all[u->count++] = one;
    if (one->scram)
        u->scram[u->scram_count++] = one;
    (void)map_put(&u->by_name, str_of(one->name), one);
    return 0;
}

struct users *
users_parse(struct str text, struct err *e)
{
    struct users *u = xnew(struct users);
    int line_number = 0;

    atomic_init(&u->refs, 1);
    map_init(&u->by_name, false);
    sasl_random(u->key, sizeof(u->key));
    while (text.p && text.n) {
        struct str line = str_trim(str_cut(&text, '\n'));

        line_number++;
        if (!line.n || line.p[0] == '#')
            continue;
        if (line.n > USERS_LINE_MAX)
            (void)err_set(e, ERR_CONF, "the line is too long");
        else if (users_add(u, line, e) == 0) {
            if (u->count == 1)
                BUG_ON(gnutls_hash_fast(
                           GNUTLS_DIG_SHA256, line.p, line.n, u->key) < 0);
            continue;
        }
        (void)err_prefix(e, "line %d", line_number);
        users_put(&u);
        return NULL;
    }
    return u;
}

/* --- files --- */

static int
file_parse(struct str text, const struct stat *st, void **to, struct err *e)
{
    *to = users_parse(text, e);
    if (!*to)
        return ERR_CONF;
    if (!(st->st_mode & S_IROTH))
        return 0;
    (void)err_set(e, ERR_CONF, "everybody may read it: chmod o-r");
    return OPTION_WARN;
}

static void
file_ref(void *object)
{
    struct users *u = object;

    atomic_fetch_add(&u->refs, 1);
}

static void
file_unref(void *object)
{
    struct users *u = object;

    users_put(&u);
}

static const struct filecache_kind files_kind = {
    .most = USERS_SIZE_MAX,
    .parse = file_parse,
    .ref = file_ref,
    .unref = file_unref,
};
static struct filecache files = FILECACHE(&files_kind);

int
users_read(struct str path, struct err *e)
{
    return filecache_read(&files, path, e);
}

struct users *
users_get(struct str path, struct err *e)
{
    return filecache_get(&files, path, e);
}

void
users_drop(void)
{
    filecache_drop(&files);
}

size_t
users_count(const struct users *u)
{
    return u->count;
}

bool
users_know_scram(const struct users *u)
{
    return u->scram_count > 0;
}

bool
users_has(const struct users *u, struct str name)
{
    return map_find(&u->by_name, name) != NULL;
}

/* --- checking --- */

/* What stands for a name that is not there: by a key, so that nobody can tell
 * which names share a stand-in. */
static void
made_up(const struct users *u, char kind, struct str name, uint8_t *to)
{
    struct buf b = BUF_INIT;

    buf_char(&b, kind);
    buf_str(&b, name);
    BUG_ON(gnutls_hmac_fast(
               GNUTLS_MAC_SHA256, u->key, sizeof(u->key), b.p, b.n, to) < 0);
    buf_fini(&b);
}

static struct user *
stand_in(const struct users *u, struct user **of, size_t count, struct str name)
{
    uint8_t sum[KEY_SIZE];
    uint64_t n;

    if (!count)
        return NULL;
    made_up(u, 'u', name, sum);
    memcpy(&n, sum, sizeof(n));
    return of[n % count];
}

static bool
check_hash(const char *hash, const char *password)
{
    struct crypt_data *d = xnew(struct crypt_data);
    const char *got = crypt_rn(password, hash, d, (int)sizeof(*d));
    struct secret want = {.p = (char *)(uintptr_t)hash, .n = strlen(hash)};
    bool same = got && secret_eq(&want, str_of(got));

    secret_wipe(d, sizeof(*d));
    free(d);
    return same;
}

static bool
check_keys(const struct user *one, const char *password)
{
    struct sasl_keys k = {
        .iterations = one->rounds, .salt = str_make(one->salt, one->salt_size)};
    struct secret want = {.p = (char *)(uintptr_t)one->stored, .n = KEY_SIZE};
    bool same = sasl_make_keys(str_of(password), &k, NULL) == 0 &&
        secret_eq(&want, str_make(k.stored, KEY_SIZE));

    secret_wipe(&k, sizeof(k));
    return same;
}

static bool
check_one(const struct user *one, struct str password)
{
    struct buf prepared = BUF_INIT;
    char *raw = xdupn(password.p, password.n);
    bool same;

    (void)sasl_prepare(password, &prepared);
    if (one->hash) {
        same = check_hash(one->hash, buf_get(&prepared).p);
        /* made elsewhere, of octets that nobody has prepared */
        if (!str_eq(buf_get(&prepared), password))
            same |= check_hash(one->hash, raw);
    } else {
        same = check_keys(one, raw);
    }
    secret_wipe(raw, password.n);
    buf_wipe(&prepared);
    free(raw);
    return same;
}

bool
users_check(const struct users *u, struct str name, struct str password)
{
    const struct user *real = map_find(&u->by_name, name);
    const struct user *one = stand_in(u, u->all, u->count, name);
    bool same;

    if (real)
        one = real;
    if (!one || !password.n || password.n > USERS_PASSWORD_MAX ||
        memchr(password.p, 0, password.n))
        return false;
    same = check_one(one, password);
    return same && real;
}

void
users_keys(const struct users *u, struct str name, struct sasl_keys *to)
{
    static _Thread_local uint8_t salt[SALT_MAX];
    const struct user *real = map_find(&u->by_name, name);
    const struct user *one = stand_in(u, u->scram, u->scram_count, name);

    if (real && real->scram) {
        to->iterations = real->rounds;
        to->salt = str_make(real->salt, real->salt_size);
        memcpy(to->stored, real->stored, KEY_SIZE);
        memcpy(to->server, real->server, KEY_SIZE);
        return;
    }
    made_up(u, 's', name, salt);
    made_up(u, 't', name, salt + KEY_SIZE);
    to->iterations = one ? one->rounds : ROUNDS;
    to->salt = str_make(salt, one ? one->salt_size : SALT_SIZE);
    made_up(u, 'a', name, to->stored);
    made_up(u, 'b', name, to->server);
}

/* --- making a line --- */

static int
make_hash(struct str password, struct buf *to, struct err *e)
{
    struct crypt_data *d = xnew(struct crypt_data);
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    struct buf prepared = BUF_INIT;
    const char *hash = NULL;

    (void)sasl_prepare(password, &prepared);
    if (crypt_gensalt_rn("$y$", 0, NULL, 0, setting, (int)sizeof(setting)))
        hash = crypt_rn(buf_get(&prepared).p, setting, d, (int)sizeof(*d));
    if (hash)
        buf_cstr(to, hash);
    secret_wipe(d, sizeof(*d));
    buf_wipe(&prepared);
    free(d);
    return hash ? 0
                : err_set(e, ERR_LIMIT, "crypt(3) has made no yescrypt hash");
}

static int
make_keys(struct str password, struct buf *to, struct err *e)
{
    uint8_t salt[SALT_SIZE];
    struct sasl_keys k = {
        .iterations = ROUNDS, .salt = str_make(salt, sizeof(salt))};

    sasl_random(salt, sizeof(salt));
    if (sasl_make_keys(password, &k, e) < 0)
        return ERR_LIMIT;
    buf_printf(to, " " SCRAM_PREFIX "%d:", ROUNDS);
    base64_encode(to, k.salt);
    buf_char(to, '$');
    base64_encode(to, str_make(k.stored, KEY_SIZE));
    buf_char(to, ':');
    base64_encode(to, str_make(k.server, KEY_SIZE));
    secret_wipe(&k, sizeof(k));
    return 0;
}

int
users_make_line(
    struct str name, struct str password, struct buf *to, struct err *e)
{
    if (!is_name(name))
        return err_set(e, ERR_INVAL,
            "a name has 1 to %d characters, no blank and no colon",
            USERS_NAME_MAX);
    if (!password.n || password.n > USERS_PASSWORD_MAX ||
        memchr(password.p, 0, password.n))
        return err_set(
            e, ERR_INVAL, "a password has 1 to %d octets", USERS_PASSWORD_MAX);
    buf_str(to, name);
    buf_char(to, ':');
    if (make_hash(password, to, e) < 0)
        return ERR_LIMIT;
    return make_keys(password, to, e);
}

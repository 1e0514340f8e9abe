/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-sasl.c - a login by each mechanism against any words, as server and as
 * client; lines of a password file; keys of tokens.
 *
 * The first octet says which; what follows are the words, by lines.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "intake/jwt.h"
#include "intake/users.h"
#include "net/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
give_keys(void *arg, struct str user, struct sasl_keys *to)
{
    (void)arg, (void)user;
    *to = (struct sasl_keys){.iterations = 1, .salt = STR("salt")};
}

static void
exchange(struct sasl *s, struct str words, bool client)
{
    struct buf out = BUF_INIT;
    struct sasl_claim c;
    struct err e;
    int rc = client ? sasl_step(s, STR_NONE, &out, &e) : SASL_SEND;

    while (rc == SASL_SEND && words.p)
        rc = sasl_step(s, str_cut(&words, '\n'), &out, &e);
    if (rc == SASL_CLAIM)
        sasl_get_claim(s, &c);
    sasl_free(&s);
    buf_fini(&out);
}

static void
token(struct str text)
{
    struct jwt_want want = {.issuer = STR("i"),
        .audience = STR("a"),
        .claim = STR("email"),
        .now = 1};
    struct str first = str_cut(&text, '\n');
    struct buf name = BUF_INIT;
    struct err e;
    struct jwt_keys *k = jwt_parse(first, &e);

    if (k)
        (void)jwt_check(k, text.p ? text : STR(""), &want, &name, &e);
    jwt_put(&k);
    buf_fini(&name);
}

/* A count of rounds that takes long is no finding: it is bounded elsewhere. */
static bool
asks_for_work(struct str words)
{
    size_t at = str_find(words, STR("i="), 0);

    return at != SIZE_MAX && words.n - at > 5;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str words = str_make((const char *)data + 1, size ? size - 1 : 0);
    struct str binding = STR("0123456789abcdef0123456789abcdef");
    int kind = size ? data[0] % 16 : 0;
    struct users *u;
    struct err e;

    if (!size)
        return 0;
    if (kind < SASL_MECHANISMS)
        exchange(sasl_server(kind,
                     &(struct sasl_server){
                         .binding = binding, .plus = true, .keys = give_keys}),
            words, false);
    else if (kind < 2 * SASL_MECHANISMS && !asks_for_work(words))
        exchange(sasl_client(kind - SASL_MECHANISMS,
                     &(struct sasl_client){.user = STR("user"),
                         .secret = STR("pencil"),
                         .host = STR("h.test"),
                         .binding = binding}),
            words, true);
    else if (kind == 12 && (u = users_parse(words, &e)))
        users_put(&u);
    else if (kind == 13)
        token(words);
    return 0;
}

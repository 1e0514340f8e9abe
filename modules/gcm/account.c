/* SPDX-License-Identifier: Apache-2.0 */
#include "account.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "jws.h"
#include "pushwords.h"

static const char account_scope[] =
    "https://www.googleapis.com/auth/firebase.messaging";

bool
account_is_project(struct impel_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') ||
                (s.p[i] >= 'A' && s.p[i] <= 'Z') ||
                (s.p[i] >= 'a' && s.p[i] <= 'z') || s.p[i] == '-' ||
                s.p[i] == ':' || s.p[i] == '.' || s.p[i] == '_'))
            return false;
    return s.n > 0 && s.n <= 128;
}

static bool
take(const json_t *root, const char *name, char *to, size_t most)
{
    const json_t *v = json_object_get(root, name);
    size_t n = json_string_length(v);

    if (!json_is_string(v) ||
        !pushwords_is_word((struct impel_str){json_string_value(v), n}, most))
        return false;
    memcpy(to, json_string_value(v), n + 1);
    return true;
}

static bool
take_project(const json_t *root, char to[ACCOUNT_WORD_MOST + 1])
{
    return take(root, "project_id", to, ACCOUNT_WORD_MOST) &&
        account_is_project((struct impel_str){to, strlen(to)});
}

static const char *
take_words(const json_t *root, struct account *to)
{
    const char *type = json_string_value(json_object_get(root, "type"));

    if (!type || strcmp(type, "service_account") != 0)
        return "gcm_service_account is not of the type service_account";
    if (!take(root, "client_email", to->email, ACCOUNT_WORD_MOST))
        return "gcm_service_account has no client_email";
    if (!take(root, "private_key_id", to->key_id, ACCOUNT_WORD_MOST))
        return "gcm_service_account has no private_key_id";
    if (!take_project(root, to->project))
        return "gcm_service_account has no project_id";
    if (!take(root, "token_uri", to->token_uri, ACCOUNT_URI_MOST) ||
        strncmp(to->token_uri, "https://", 8) != 0)
        return "gcm_service_account has no token_uri that begins with https://";
    return NULL;
}

static const char *
take_key(const json_t *root, struct account *to)
{
    const json_t *v = json_object_get(root, "private_key");
    struct impel_str pem = {json_string_value(v), json_string_length(v)};
    const char *wrong = NULL;
    int rc = IMPEL_E_INVAL;

    if (json_is_string(v))
        rc = jws_key(pem, JWS_RS256, &to->key);
    if (rc < 0) {
        to->key = NULL;
        wrong = rc == IMPEL_E_UNSUP
            ? "private_key in gcm_service_account is no RSA key of 2048 bits "
              "or more"
            : "private_key in gcm_service_account is no private key in PEM "
              "form";
    }
    return wrong;
}

static void
forget(json_t *root)
{
    const json_t *v = json_object_get(root, "private_key");

    if (json_is_string(v))
        explicit_bzero(
            (char *)(uintptr_t)json_string_value(v), json_string_length(v));
    json_decref(root);
}

const char *
account_read(struct impel_str json, struct account *to)
{
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong;

    memset(to, 0, sizeof(*to));
    if (!json_is_object(root)) {
        json_decref(root);
        return "gcm_service_account is no JSON object: it is the content of "
               "the key file, or file:/path";
    }
    wrong = take_words(root, to);
    if (!wrong)
        wrong = take_key(root, to);
    forget(root);
    return wrong;
}

bool
account_project(struct impel_str json, char to[ACCOUNT_WORD_MOST + 1])
{
    json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, NULL);
    bool has = take_project(root, to);

    forget(root);
    return has;
}

void
account_fini(struct account *a)
{
    if (a->key)
        gnutls_privkey_deinit(a->key);
    a->key = NULL;
}

static char *
text_of(json_t *root)
{
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    return text;
}

bool
account_form(const struct account *a, int64_t wall, char to[ACCOUNT_FORM_MOST])
{
    static const char grant[] =
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
        "&assertion=";
    json_int_t now = wall / 1000;
    char *header = text_of(json_pack(
        "{s:s,s:s,s:s}", "alg", "RS256", "typ", "JWT", "kid", a->key_id));
    char *claims = text_of(json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss", a->email,
        "scope", account_scope, "aud", a->token_uri, "iat", now, "exp",
        now + ACCOUNT_LIFE_S));
    bool fine = header && claims;

    memcpy(to, grant, sizeof(grant));
    fine = fine &&
        jws_sign(a->key, JWS_RS256, header, claims, to, ACCOUNT_FORM_MOST);
    free(header);
    free(claims);
    return fine;
}

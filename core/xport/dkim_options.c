/* SPDX-License-Identifier: Apache-2.0 */
#include "xport/dkim_options.h"

#include "base/address.h"
#include "conf/checks.h"
#include "base/banned.h"

#define SIGNER SCOPE_OPENDKIM
#define BOTH (SCOPE_OPENDKIM | SCOPE_DKIM_DOMAIN)

static const char *const digests[] = {
    "rsa-sha256|rsa-sha1", "ed25519-sha256", NULL};
static const char *const forms[] = {"simple", "relaxed", NULL};

static int
check_digest(const struct option_value *v, struct err *e)
{
    if (!str_ieq(v->text, STR("rsa-sha1")))
        return 0;
    (void)err_set(e, ERR_CONF,
        "nobody believes rsa-sha1 any more (RFC 8301): rsa-sha256 is used");
    return OPTION_WARN;
}

/* Characters of a field's name: RFC 5322 2.2. */
static int
check_field_names(const struct option_value *v, struct err *e)
{
    for (size_t i = 0; i < v->item_count; i++) {
        struct str name = v->items[i];

        for (size_t k = 0; k < name.n; k++)
            if (name.p[k] <= ' ' || name.p[k] > '~' || name.p[k] == ':')
                return err_set(e, ERR_CONF,
                    "'%.*s' is no name of a header field", STR_ARG(name));
    }
    return 0;
}

static int
check_selector(const struct option_value *v, struct err *e)
{
    if (address_is_domain(v->text, false))
        return 0;
    return err_set(e, ERR_CONF,
        "a selector is a name as in DNS, such as s2048, not '%.*s'",
        STR_ARG(v->text));
}

static const struct option rows[] = {
    [DKIM_SIGN] = {.name = "opendkim_sign",
        .type = IMPEL_OPT_BOOL,
        .scopes = IMPEL_SCOPE_OUTBOUND,
        .initial = "true",
        .brief = "whether mail is signed with DKIM where an opendkim stanza "
                 "has a key for it",
        .manual = "Each opendkim stanza adds a signature, if it has a key "
                  "for the domain of the From field. Without such a stanza "
                  "nothing is signed.",
        .since = "0.1"},
    [DKIM_BASE_DOMAIN] = {.name = "base_domain",
        .type = IMPEL_OPT_STRING,
        .scopes = SCOPE_DKIM_DOMAIN,
        .brief = "domain that signs instead: a parent of the stanza's own",
        .since = "0.1",
        .flags = OPTION_NO_CASE,
        .check = check_hostname},
    [DKIM_SELECTOR] = {.name = "selector",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "name under which DNS has the public key: "
                 "SELECTOR._domainkey.DOMAIN",
        .manual = "Set at the top of the stanza it holds for every domain "
                  "whose key file is there; else only those with a "
                  "dkim_domain stanza are signed.",
        .since = "0.1",
        .check = check_selector},
    [DKIM_KEY] = {.name = "key",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "file of the private key, in PEM: %{d} is the domain that "
                 "signs, %{s} the selector",
        .manual = "It is read when it is first needed and again when it "
                  "has changed. Mail of a domain with a dkim_domain stanza "
                  "waits while its key cannot be read, and the log says so; "
                  "of other domains it goes unsigned where there is no such "
                  "file.",
        .since = "0.1",
        .check = check_path},
    [DKIM_DIGEST] = {.name = "digest",
        .type = IMPEL_OPT_CHOICE,
        .scopes = BOTH,
        .initial = "rsa-sha256",
        .choices = digests,
        .brief = "how is signed: rsa-sha256, ed25519-sha256",
        .manual = "Not all verifiers know ed25519-sha256 (RFC 8463) yet: "
                  "with two stanzas a message carries a signature of each.",
        .since = "0.1",
        .check = check_digest},
    [DKIM_HEADER_FORM] = {.name = "header_canon",
        .type = IMPEL_OPT_CHOICE,
        .scopes = BOTH,
        .initial = "simple",
        .choices = forms,
        .brief = "canonical form of the header: simple, relaxed",
        .manual = "simple does not survive a host on the way that folds "
                  "header lines anew; relaxed is what most use.",
        .since = "0.1"},
    [DKIM_BODY_FORM] = {.name = "body_canon",
        .type = IMPEL_OPT_CHOICE,
        .scopes = BOTH,
        .initial = "simple",
        .choices = forms,
        .brief = "canonical form of the body: simple, relaxed",
        .since = "0.1"},
    [DKIM_HEADERLIST] = {.name = "headerlist",
        .type = IMPEL_OPT_LIST,
        .scopes = SIGNER,
        .initial = "from sender reply-to subject date message-id to cc "
                   "mime-version content-type content-transfer-encoding "
                   "in-reply-to references list-id list-unsubscribe "
                   "list-unsubscribe-post",
        .brief = "header fields that are signed, as far as a message has them",
        .manual = "Every field of these names; From always is.",
        .since = "0.1",
        .check = check_field_names},
    [DKIM_OVERSIGN] = {.name = "oversign_headerlist",
        .type = IMPEL_OPT_LIST,
        .scopes = SIGNER,
        .initial = "from",
        .brief = "header fields that are signed once more than they occur",
        .manual = "So none can be added on the way without breaking the "
                  "signature.",
        .since = "0.1",
        .check = check_field_names},
    [DKIM_SKIP] = {.name = "skip_headerlist",
        .type = IMPEL_OPT_LIST,
        .scopes = SIGNER,
        .brief = "header fields that are not signed, though they are listed",
        .since = "0.1",
        .check = check_field_names},
    [DKIM_LIFETIME] = {.name = "lifetime",
        .type = IMPEL_OPT_INT,
        .scopes = BOTH,
        .initial = "0",
        .min = 0,
        .max = 87600,
        .brief = "hours for which a signature holds; 0: no end is given",
        .since = "0.1"},
    [DKIM_CONDITION] = {.name = "sign_condition",
        .type = IMPEL_OPT_STRING,
        .scopes = BOTH,
        .brief = "sign only what has this: auth_user, can_relay, or a key of "
                 "its context",
        .manual = "auth_user: the peer had logged in. can_relay holds for "
                  "all mail. Another word is a key that a peer or a "
                  "listener's context has set.",
        .since = "0.1"},
    [DKIM_KEYS_MOST] = {.name = "keycache_size",
        .type = IMPEL_OPT_INT,
        .scopes = SIGNER,
        .initial = "2048",
        .min = 1,
        .max = 1000000,
        .brief = "keys kept in memory at most",
        .since = "0.1"},
    [DKIM_KEY_FOUND] = {.name = "pos_keycache_ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = BOTH,
        .initial = "300",
        .min = 0,
        .max = OPTION_SECONDS(86400),
        .brief = "how long a key is used before its file is looked at again",
        .since = "0.1"},
    [DKIM_KEY_MISSING] = {.name = "neg_keycache_ttl",
        .type = IMPEL_OPT_DURATION,
        .scopes = BOTH,
        .initial = "3600",
        .min = 0,
        .max = OPTION_SECONDS(86400),
        .brief = "how long a key file that was not there is not looked for",
        .manual = "A reload looks again at once.",
        .since = "0.1"},
};
struct option_set dkim_options = OPTION_SET("dkim", rows);

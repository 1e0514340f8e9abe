/* SPDX-License-Identifier: Apache-2.0
 *
 * saslname.c - what mechanisms are called, for those who run none too.
 */
#include "net/sasl.h"

#include "base/banned.h"

static const char *const names[] = {
    [SASL_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
    [SASL_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [SASL_OAUTHBEARER] = "OAUTHBEARER",
    [SASL_XOAUTH2] = "XOAUTH2",
    [SASL_PLAIN] = "PLAIN",
    [SASL_LOGIN] = "LOGIN"};

const char *
sasl_name(int mechanism)
{
    return names[mechanism];
}

int
sasl_find(struct str name)
{
    for (int i = 0; i < SASL_MECHANISMS; i++)
        if (str_ieq(name, str_of(names[i])))
            return i;
    return -1;
}

bool
sasl_is_scram(int mechanism)
{
    return mechanism <= SASL_SCRAM_SHA_256;
}

bool
sasl_takes_token(int mechanism)
{
    return mechanism == SASL_OAUTHBEARER || mechanism == SASL_XOAUTH2;
}

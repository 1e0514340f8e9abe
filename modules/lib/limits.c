/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.c - what a host takes on one connection and in one transaction.
 */
#include "limits.h"

#include "capability.h"

/* FNV-1a of the domain, in any case of letters: two names with one sum would be
 * taken for one, which is as likely as it is harmless. */
static uint64_t
domain_sum(struct impel_str a)
{
    uint64_t sum = 0xcbf29ce484222325u;
    size_t i = a.n;

    while (i > 0 && a.p[i - 1] != '@')
        i--;
    for (; i < a.n; i++) {
        unsigned char c = (unsigned char)a.p[i];

        if (c >= 'A' && c <= 'Z')
            c = (unsigned char)(c + 32);
        sum = (sum ^ c) * 0x100000001b3u;
    }
    return sum;
}

bool
limits_begin(struct limits *l, const struct capability *c)
{
    if (c->mail_max > 0 && l->mails >= c->mail_max)
        return false;
    l->rcpts = 0;
    return true;
}

/* Is it one of those the session has to do with, or may it become one? */
static bool
take_domain(struct limits *l, const struct capability *c, uint64_t sum)
{
    uint32_t most = c->rcpt_domain_max < LIMITS_DOMAINS ? c->rcpt_domain_max
                                                        : LIMITS_DOMAINS;
    uint32_t i;

    for (i = 0; i < l->domains; i++)
        if (l->domain[i] == sum)
            return true;
    if (l->domains >= most) {
        l->full = true;
        return false;
    }
    l->domain[l->domains++] = sum;
    return true;
}

bool
limits_take(
    struct limits *l, const struct capability *c, struct impel_str address)
{
    if (c->rcpt_max > 0 && l->rcpts >= c->rcpt_max)
        return false;
    if (c->rcpt_domain_max > 0 && !take_domain(l, c, domain_sum(address)))
        return false;
    l->rcpts++;
    return true;
}

bool
limits_spent(const struct limits *l, const struct capability *c)
{
    return l->full || (c->mail_max > 0 && l->mails >= c->mail_max);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/doom.h"

#include <stdlib.h>

#include "base/num.h"
#include "base/xmem.h"
#include "queue/outcome.h"
#include "queue/outlet.h"
#include "base/banned.h"

/* "5.7.0" at the beginning of text. */
static size_t
doom_status(struct str text)
{
    unsigned part = 0;
    size_t i;

    for (i = 0; i < text.n && i < 11; i++) {
        if (text.p[i] == '.' && i && text.p[i - 1] != '.')
            part++;
        else if (text.p[i] < '0' || text.p[i] > '9')
            break;
    }
    if (part != 2 || text.p[0] != '5' || text.p[i - 1] == '.' ||
        (i < text.n && text.p[i] != ' '))
        return 0;
    return i;
}

static void
doom_set(struct doom *d, struct str text, const char *otherwise)
{
    uint64_t code = 0;
    size_t n;

    d->code = 554;
    (void)str_copy(d->status, sizeof(d->status), STR("5.7.0"));
    text = str_trim(text);
    if (text.n >= 3 && (text.n == 3 || text.p[3] == ' ') &&
        num_u64(str_sub(text, 0, 3), &code) == 0 && code >= 500 && code < 600) {
        d->code = (int)code;
        text = str_trim(str_from(text, 3));
    }
    n = doom_status(text);
    if (n) {
        (void)str_copy(d->status, sizeof(d->status), str_sub(text, 0, n));
        text = str_trim(str_from(text, n));
    }
    (void)str_copy(d->text, sizeof(d->text), text.n ? text : str_of(otherwise));
}

struct doom *
doom_new(struct str text, const char *otherwise, bool quiet)
{
    struct doom *d = xnew(struct doom);

    d->refs = 1;
    d->quiet = quiet;
    doom_set(d, text, otherwise);
    return d;
}

struct doom *
doom_delay(int64_t until)
{
    struct doom *d = xnew(struct doom);

    d->refs = 1;
    d->until = until;
    return d;
}

struct doom *
doom_ref(struct doom *d)
{
    d->refs++;
    return d;
}

void
doom_unref(struct doom **dp)
{
    struct doom *d = *dp;

    *dp = NULL;
    if (d && !--d->refs)
        free(d);
}

static bool
doom_lent(struct parcel *p, struct doom *d)
{
    struct active *a = p->in.active;
    bool news = !a->doom || (a->doom->until && !d->until);

    if (d->until && a->doom && !a->doom->until)
        return false;
    doom_unref(&a->doom);
    a->doom = doom_ref(d);
    if (d->quiet)
        p->flags |= PARCEL_QUIET;
    if (p->state == PARCEL_LENT) {
        parcel_enter(p, PARCEL_RECALLING);
        session_recall(a->outlet->session, a->batch, false);
    }
    return news;
}

bool
doom_parcel(struct parcel *p, struct doom *d)
{
    switch (p->state) {
    case PARCEL_DELAYED:
    case PARCEL_READY:
    case PARCEL_LOADING:
        if (d->until)
            outcome_put_off(p, d);
        else
            outcome_doom(p, d);
        return true;
    case PARCEL_LENT:
    case PARCEL_RECALLING:
        return doom_lent(p, d);
    default:
        return false;
    }
}

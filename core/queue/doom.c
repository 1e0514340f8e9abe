/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/doom.h"

#include <stdio.h>

#include "base/num.h"
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

void
doom_set(struct doom *d, struct str text, const char *otherwise)
{
    uint64_t code = 0;
    size_t n;

    *d = (struct doom){.code = 554, .status = "5.7.0"};
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

void
doom_parcel(struct parcel *p, const struct doom *d, bool quiet)
{
    switch (p->state) {
    case PARCEL_DELAYED:
    case PARCEL_READY:
    case PARCEL_LOADING:
        outcome_fail(p, d->code, d->status, d->text, quiet);
        break;
    case PARCEL_LENT:
    case PARCEL_RECALLING:
        p->flags |= PARCEL_DOOMED;
        if (quiet)
            p->flags |= PARCEL_QUIET;
        if (p->state == PARCEL_LENT) {
            parcel_enter(p, PARCEL_RECALLING);
            session_recall(
                p->in.active->outlet->session, p->in.active->batch, false);
        }
        break;
    default:
        break;
    }
}

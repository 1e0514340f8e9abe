/* SPDX-License-Identifier: Apache-2.0 */
#include "base/idna.h"

#include <idn2.h>

#include "base/banned.h"

enum { IDNA_MOST = 511 };

bool
idna_is_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] & 0x80)
            return false;
    return true;
}

static void
idna_lower(struct str name, struct buf *to)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        buf_char(to, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
}

/* Mapping makes a blank or a slash of some characters: none of them is let
 * into a name by this way. */
static bool
idna_is_name(const char *s)
{
    for (; *s; s++)
        if (!(*s >= 'a' && *s <= 'z') && !(*s >= '0' && *s <= '9') &&
            *s != '-' && *s != '.' && *s != '_')
            return false;
    return true;
}

bool
idna_fold(struct str name, struct buf *to)
{
    char utf8[IDNA_MOST + 1], *ascii = NULL;
    bool ok;

    if (idna_is_plain(name)) {
        idna_lower(name, to);
        return true;
    }
    ok = str_copy(utf8, sizeof(utf8), name) && strlen(utf8) == name.n &&
        idn2_to_ascii_8z(utf8, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) ==
            IDN2_OK &&
        ascii[0] && idna_is_name(ascii);
    if (ok)
        buf_cstr(to, ascii);
    else
        idna_lower(name, to);
    idn2_free(ascii);
    return ok;
}

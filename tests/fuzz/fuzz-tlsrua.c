/* SPDX-License-Identifier: Apache-2.0
 *
 * fuzz-tlsrua.c - TXT records of _smtp._tls, one a line
 * (core/queue/tlsrua.c).
 */
#include <stdlib.h>

#include "base/macros.h"
#include "queue/tlsrua.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct str txt[8], rest = str_make(p, n);
    struct tlsrua rua;
    struct err e = {0};
    size_t count = 0;
    int rc;

    while (rest.n && count < ARRAY_SIZE(txt))
        txt[count++] = str_cut(&rest, '\n');
    rc = tlsrua_parse(txt, count, &rua, &e);
    if ((rc == 0) != (rua.count > 0) && rc != ERR_PROTO)
        abort();
    for (size_t i = 0; i < rua.count; i++) {
        struct str to = str_of(rua.place[i].to);

        for (size_t k = 0; k < to.n; k++)
            if (to.p[k] <= ' ' || to.p[k] > '~')
                abort();
        if (rua.place[i].https ? !str_istarts(to, STR("https://"))
                               : str_chr(to, '@', 0) == SIZE_MAX)
            abort();
    }
    tlsrua_fini(&rua);
    return 0;
}

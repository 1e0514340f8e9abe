/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/secretref.h"

#include <limits.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/banned.h"

enum { SECRETREF_MAX = 65536 };

static int
secretref_file(struct str name, struct buf *to, struct err *e)
{
    char path[PATH_MAX];
    size_t was = to->n;

    if (!str_copy(path, sizeof(path), name) || path[0] != '/')
        return err_set(
            e, ERR_CONF, "file: takes an absolute path, as file:/etc/secret");
    if (file_read(path, SECRETREF_MAX, NULL, to, e) < 0) {
        (void)err_prefix(e, "secret file %s", path);
        return ERR_CONF;
    }
    if (to->n > was && to->p[to->n - 1] == '\n')
        buf_cut(to, to->n - 1);
    return 0;
}

static int
secretref_env(struct str name, struct buf *to, struct err *e)
{
    char z[256];
    const char *v;

    if (!name.n || !str_copy(z, sizeof(z), name))
        return err_set(e, ERR_CONF, "env: takes a name, as env:SMTP_PASSWORD");
    v = getenv(z);
    if (!v)
        return err_set(e, ERR_CONF, "env:%s is not in the environment", z);
    buf_cstr(to, v);
    return 0;
}

int
secretref_read(struct str ref, struct buf *to, struct err *e)
{
    if (str_starts(ref, STR("file:")))
        return secretref_file(str_from(ref, 5), to, e);
    if (str_starts(ref, STR("env:")))
        return secretref_env(str_from(ref, 4), to, e);
    buf_str(to, ref);
    return 0;
}

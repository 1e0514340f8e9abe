/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/request.h"

#include <stdlib.h>
#include "base/xmem.h"
#include "base/banned.h"

static int
take_words(struct request *r, const json_t *words, struct err *e)
{
    size_t n = json_array_size(words); /* 0 for anything but an array */
    if (n == 0 || n > REQUEST_WORDS_MAX)
        return err_set(e, ERR_INVAL,
            "a request needs \"words\": an array of 1 to %d strings",
            REQUEST_WORDS_MAX);
    r->words = xcalloc(n, sizeof(*r->words));
    for (size_t i = 0; i < n; i++) {
        const json_t *w = json_array_get(words, i);
        if (!json_is_string(w))
            return err_set(e, ERR_INVAL, "word %zu is no string", i + 1);
        r->words[i] = str_make(json_string_value(w), json_string_length(w));
    }
    r->word_count = n;
    return 0;
}

int
request_parse(struct str line, struct request *to, struct err *e)
{
    json_error_t why;
    *to = (struct request){0};
    to->root = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &why);
    if (!to->root)
        return err_set(
            e, ERR_INVAL, "a request is one line of JSON: %s", why.text);
    int rc = json_is_object(to->root)
        ? take_words(to, json_object_get(to->root, "words"), e)
        : err_set(e, ERR_INVAL, "a request is an object");
    const json_t *json = json_object_get(to->root, "json");
    if (rc == 0 && json && !json_is_boolean(json))
        rc = err_set(e, ERR_INVAL, "\"json\" is true or false");
    to->json = json_is_true(json);
    if (rc < 0)
        request_fini(to);
    return rc;
}

void
request_fini(struct request *r)
{
    xfree(&r->words);
    r->word_count = 0;
    json_decref(r->root);
    r->root = NULL;
}

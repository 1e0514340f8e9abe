/* SPDX-License-Identifier: Apache-2.0
 *
 * impel_command.c - one command, here or at the daemon.
 */
#include "prog/impel.h"

#include <stdio.h>
#include <stdlib.h>
#include "base/xmem.h"
#include "ctl/jsontext.h"
#include "prog/impel_client.h"
#include "prog/impel_offline.h"
#include "base/banned.h"

void
impel_print(struct buf *out)
{
    if (out->n && out->p[out->n - 1] != '\n')
        buf_char(out, '\n');
    (void)fwrite(buf_get(out).p, 1, out->n, stdout);
    buf_fini(out);
}

static void
complain(bool json, struct str why)
{
    struct buf out = BUF_INIT;
    if (json) {
        jsontext_take(&out, json_pack("{so}", "error", jsontext_value(why)));
        puts(out.p);
    } else
        fprintf(stderr, "impel: %.*s\n", STR_ARG(why));
    buf_fini(&out);
}

static void
print_piece(void *arg, struct str piece)
{
    (void)arg;
    (void)fwrite(piece.p, 1, piece.n, stdout); /* main() looks at ferror() */
}

/* The daemon has another folder than we: `config reload FILE`. */
static char *
make_absolute(struct str words[], size_t count)
{
    bool reload = count == 3 && str_ieq(words[0], STR("config")) &&
        str_ieq(words[1], STR("reload"));
    if (!reload)
        return NULL;
    char *given = xdupn(words[2].p, words[2].n);
    char *path = realpath(given, NULL);
    free(given);
    if (path)
        words[2] = str_of(path);
    return path;
}

static int
connect_to(struct impel_run *r, struct err *e)
{
    if (r->client && impel_client_is_gone(r->client))
        impel_client_close(&r->client);
    return r->client ? 0 : impel_client_open(r->socket, &r->client, e);
}

static int
ask(struct impel_run *r, const struct str *words, size_t count, bool json)
{
    struct impel_ask a = {.words = words,
        .count = count,
        .json = json,
        .bar = true,
        .timeout_ms = r->timeout_ms,
        .text = print_piece};
    struct impel_answer answer;
    struct err e;
    int status;
    if (impel_client_ask(r->client, &a, &answer, &e) < 0) {
        complain(json, str_of(e.text));
        impel_client_close(&r->client);
        status = e.code == ERR_LIMIT ? EXIT_USAGE : EXIT_NO_DAEMON;
    } else if (answer.ok)
        status = answer.status;
    else {
        struct str why = buf_get(&answer.error);
        complain(json, why);
        status = str_starts(why, STR("usage: ")) ? EXIT_USAGE : EXIT_FAILED;
    }
    buf_fini(&answer.error);
    return status;
}

static int
run(struct impel_run *r, struct str *words, size_t count)
{
    struct err e;
    int status = impel_offline_run(r, words, count);
    if (status >= 0)
        return status;
    if (connect_to(r, &e) < 0) {
        status = impel_offline_instead(r, words, count);
        if (status < 0) {
            complain(r->json, str_of(e.text));
            status = EXIT_NO_DAEMON;
        }
        return status;
    }
    char *path = make_absolute(words, count);
    status = ask(r, words, count, r->json);
    free(path);
    return status;
}

int
impel_command(struct impel_run *r, const struct str *given, size_t count)
{
    struct str words[IMPEL_WORDS_MAX];
    bool json = r->json;
    size_t skip = count > 1 && str_ieq(given[0], STR("json")) ? 1 : 0;
    for (size_t i = skip; i < count; i++)
        words[i - skip] = given[i];
    r->json = json || skip;
    int status = run(r, words, count - skip);
    r->json = json; /* the word json holds for one command */
    return status;
}

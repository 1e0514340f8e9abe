/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/inject_letter.h"

#include <stdlib.h>

#include <gnutls/crypto.h>

#include "base/address.h"
#include "base/xmem.h"
#include "base/banned.h"

enum { RCPTS_MOST = 10000 };

void
inject_letter_free(struct inject_letter **lp)
{
    struct inject_letter *l = *lp;
    *lp = NULL;
    if (!l)
        return;
    inject_reader_free(&l->reader);
    inject_text_unref(&l->text);
    inject_address_fini(&l->rcpts);
    for (size_t i = 0; i < l->pair_count; i++) {
        free((char *)(uintptr_t)l->pairs[i].key);
        free((char *)(uintptr_t)l->pairs[i].value);
    }
    free(l->pairs);
    free(l->numbers);
    free(l->sender);
    free(l->name);
    free(l);
}

/* --- who --- */

/* Addresses of all fields of that name; a field that makes no sense is an
 * error: somebody would not get the message, and nobody would know. */
static int
addresses_of(struct str head, struct str name, struct inject_addresses *to,
    struct err *e)
{
    struct buf value = BUF_INIT;
    size_t at = 0;
    int rc = 0;
    while (rc == 0 && inject_address_field(head, name, &at, &value))
        rc = inject_address_parse(buf_get(&value), to, e);
    if (rc < 0)
        err_prefix(e, "%.*s", STR_ARG(name));
    buf_fini(&value);
    if (rc == 0 && to->count > RCPTS_MOST)
        rc = err_set(e, ERR_LIMIT, "more than %d recipients", RCPTS_MOST);
    return rc;
}

static int
take_rcpts(const struct inject_args *o, struct inject_letter *l, struct err *e)
{
    struct str head = inject_text_head(l->text);
    if (!o->read_recipients) {
        for (size_t i = 0; i < o->recipients.count; i++)
            inject_address_add(&l->rcpts, str_of(o->recipients.is[i]));
        return 0;
    }
    if (addresses_of(head, STR("To"), &l->rcpts, e) < 0 ||
        addresses_of(head, STR("Cc"), &l->rcpts, e) < 0 ||
        addresses_of(head, STR("Bcc"), &l->rcpts, e) < 0)
        return e->code;
    if (!l->rcpts.count)
        return err_set(e, ERR_INVAL, "no recipient in To, Cc and Bcc");
    inject_text_drop(l->text, STR("Bcc"));
    return 0;
}

/* That of the options, else Sender, else the first of From. */
static int
take_sender(const struct inject_args *o, struct inject_letter *l, struct err *e)
{
    struct inject_addresses found = {0};
    struct str head = inject_text_head(l->text);
    if (o->sender) {
        l->sender = xdup(o->sender);
        return 0;
    }
    int rc = addresses_of(head, STR("Sender"), &found, e);
    if (rc == 0 && !found.count)
        rc = addresses_of(head, STR("From"), &found, e);
    if (rc == 0 && !found.count)
        rc = err_set(e, ERR_INVAL,
            "no address in Sender and From, and no "
            "--sender");
    if (rc == 0)
        l->sender = xdup(found.is[0]);
    inject_address_fini(&found);
    return rc;
}

static void
add_pairs(
    struct inject_letter *l, const struct ecstream_pair *pairs, size_t count)
{
    l->pairs = xgrow(l->pairs, l->pair_count + count + 1, sizeof(*l->pairs));
    for (size_t i = 0; i < count; i++)
        l->pairs[l->pair_count++] =
            (struct ecstream_pair){xdup(pairs[i].key), xdup(pairs[i].value)};
}

/* --- what is known of it --- */

static void
hash_text(gnutls_hash_hd_t hash, const char *text)
{
    (void)gnutls_hash(hash, text, strlen(text) + 1);
}

/* Of everything that is sent, so that what has changed is another message. */
static int
hash_of(const struct inject_letter *l, unsigned char hash[32], struct err *e)
{
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
        return err_set(e, ERR_LIMIT, "no SHA-256");
    (void)gnutls_hash(h, l->text->hash, sizeof(l->text->hash));
    hash_text(h, l->sender);
    for (size_t i = 0; i < l->rcpts.count; i++)
        hash_text(h, l->rcpts.is[i]);
    hash_text(h, "");
    for (size_t i = 0; i < l->pair_count; i++) {
        hash_text(h, l->pairs[i].key);
        hash_text(h, l->pairs[i].value);
    }
    gnutls_hash_deinit(h, hash);
    return 0;
}

/* Only those that the journal has left. */
static void
keep_left(struct inject_letter *l, struct inject_journal *j)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->rcpts.count; i++) {
        if (!inject_journal_is_left(j, l->key, l->numbers[i])) {
            free(l->rcpts.is[i]);
            continue;
        }
        l->numbers[kept] = l->numbers[i];
        l->rcpts.is[kept++] = l->rcpts.is[i];
    }
    l->rcpts.count = kept;
}

static int
take_key(struct inject_letter *l, struct inject_journal *j, bool *done,
    struct err *e)
{
    unsigned char hash[32];
    *done = false;
    l->numbers = xcalloc(l->rcpts.count + 1, sizeof(*l->numbers));
    for (size_t i = 0; i < l->rcpts.count; i++)
        l->numbers[i] = (uint32_t)i;
    if (!j)
        return 0;
    if (hash_of(l, hash, e) < 0)
        return e->code;
    enum inject_known known = inject_journal_name(j, hash, l->key);
    if (known == INJECT_LEFT)
        keep_left(l, j);
    *done = known == INJECT_DONE || !l->rcpts.count;
    return 0;
}

/* --- making one --- */

static int
check_text(const struct inject_text *t, struct err *e)
{
    return t->size ? 0 : err_set(e, ERR_INVAL, "the message is empty");
}

int
inject_letter_new(const struct inject_args *o, struct inject_text *t,
    struct inject_journal *j, struct inject_letter **to, bool *done,
    struct err *e)
{
    struct inject_letter *l = xnew(struct inject_letter);
    l->text = t;
    add_pairs(l, o->pairs, o->pair_count);
    int rc = take_sender(o, l, e);
    if (rc == 0)
        rc = take_rcpts(o, l, e);
    if (rc == 0)
        rc = inject_text_finish(t, e);
    if (rc == 0)
        rc = check_text(t, e);
    if (rc == 0)
        rc = take_key(l, j, done, e);
    if (rc < 0)
        inject_letter_free(&l);
    *to = l;
    return rc;
}

int
inject_letter_of_row(const struct inject_args *o, struct inject_text *t,
    const struct inject_row *row, struct inject_journal *j,
    struct inject_letter **to, bool *done, struct err *e)
{
    struct inject_letter *l = xnew(struct inject_letter);
    struct address a;
    l->text = inject_text_ref(t);
    add_pairs(l, o->pairs, o->pair_count);
    add_pairs(l, row->pairs, row->pair_count);
    int rc = row->recipient && row->recipient[0]
        ? address_parse(str_of(row->recipient), ADDRESS_UTF8, &a, e)
        : err_set(e, ERR_INVAL, "there is no recipient");
    if (rc == 0)
        inject_address_add(&l->rcpts, str_of(row->recipient));
    if (rc == 0 && row->sender) {
        rc = address_parse(str_of(row->sender), ADDRESS_UTF8, &a, e);
        l->sender = xdup(row->sender);
    } else if (rc == 0) {
        rc = take_sender(o, l, e);
    }
    if (rc == 0)
        rc = check_text(t, e);
    if (rc == 0)
        rc = take_key(l, j, done, e);
    if (rc < 0)
        inject_letter_free(&l);
    *to = l;
    return rc;
}

/* --- for the library --- */

static int64_t
letter_read(void *arg, uint64_t at, void *to, size_t n)
{
    struct inject_letter *l = arg;
    if (!l->reader)
        l->reader = inject_reader_new(l->text);
    int64_t got = inject_reader_read(l->reader, at, to, n);
    if (got > 0 && at + (uint64_t)got == l->text->size)
        inject_reader_free(&l->reader); /* unless it is sent again */
    return got;
}

static bool
has_utf8(const char *text)
{
    while (*text && (unsigned char)*text < 128)
        text++;
    return *text != '\0';
}

static bool
needs_utf8(const struct inject_letter *l)
{
    bool needs = has_utf8(l->sender);
    for (size_t i = 0; i < l->rcpts.count; i++)
        needs = needs || has_utf8(l->rcpts.is[i]);
    return needs;
}

void
inject_letter_message(struct inject_letter *l, bool utf8,
    struct inject_scratch *scratch, struct ecstream_message *m)
{
    if (scratch->size < l->rcpts.count) {
        scratch->size = l->rcpts.count;
        scratch->rcpts =
            xgrow(scratch->rcpts, scratch->size, sizeof(*scratch->rcpts));
    }
    for (size_t i = 0; i < l->rcpts.count; i++)
        scratch->rcpts[i] = (struct ecstream_recipient){
            .address = l->rcpts.is[i], .number = l->numbers[i]};
    *m = (struct ecstream_message){.size = sizeof(*m),
        .sender = l->sender,
        .recipients = scratch->rcpts,
        .recipient_count = l->rcpts.count,
        .pairs = l->pairs,
        .pair_count = l->pair_count,
        .flags = ECSTREAM_NUMBERED | (l->text->eight_bit ? ECSTREAM_8BIT : 0u) |
            (utf8 || needs_utf8(l) ? ECSTREAM_UTF8 : 0u),
        .body_size = l->text->size,
        .arg = l};
    if (l->key[0]) {
        m->key = l->key;
        m->key_size = INJECT_KEY;
    }
    if (l->text->fd < 0)
        m->body = l->text->memory.p;
    else
        m->read = letter_read;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_kit.h - a spool in a directory of its own, with this thread as both
 * the scheduler and the I/O loop.
 */
#ifndef IMPEL_SPOOL_KIT_H
#define IMPEL_SPOOL_KIT_H

#include "spool/spool.h"

struct kit_found { /* a copy of what recovery told */
    uint64_t id;
    struct spool_place accept;
    uint32_t rcpt_total;
    char binding[64];
    enum message_tls tls;
    size_t parcel_count;
    struct kit_parcel {
        char domain[64];
        uint32_t rcpt[16];
        size_t rcpt_count;
        struct spool_place attempt;
        int64_t next_attempt;
        uint32_t retries;
        char moved[32];
    } parcel[8];
};
struct kit {
    char dir[128];
    struct spool_config config;
    struct spool_events events;
    struct mailbox *mailbox;
    struct spool *spool;
    struct kit_found *found;
    size_t found_count;
    struct message **accepted;
    size_t accepted_count;
    unsigned durable, placed, alarms, wells;
    bool paused;
    struct spool_place place; /* the newest one placed */
    bool recovered;
    uint64_t recovered_count;
};
struct kit_accept {
    struct spool_accept a;
    bool answered;
};

/* A fresh directory under $TMPDIR. */
void kit_init(struct kit *k, uint64_t segment_bytes);
void kit_fini(struct kit *k); /* closes, removes the directory */
int kit_open(struct kit *k, struct err *e);
void kit_close(struct kit *k); /* delivers what is left in the mailbox */
/* Deliver mail for up to ms, or until *flag. */
void kit_turn(struct kit *k, int ms);
void kit_wait(struct kit *k, const bool *flag);
void kit_wait_recovered(struct kit *k);
/* A message for the recipients given, NULL-ended; body of the size. */
struct message *kit_message(
    struct kit *k, const char *const *rcpt, size_t body, unsigned seed);
/* Store it and wait; the result. */
int kit_store(struct kit *k, struct message *m);
/* With the value "is" of that key, in the namespace "kit". */
int kit_store_with(struct kit *k, struct message *m, const char *key);
bool kit_has_value(struct kit *k, const char *key);
void kit_start_accept(struct kit *k, struct kit_accept *a, struct message *m);
void kit_finish(struct kit *k, uint64_t id, struct spool_place accept,
    struct spool_place attempt, const uint32_t *rcpt, size_t count);
struct kit_found *kit_find(struct kit *k, uint64_t id);
/* Load and wait; the asker owns what is in it. */
int kit_load(struct kit *k, struct spool_load *l);
void kit_remove_tree(const char *path);

#endif

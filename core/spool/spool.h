/* SPDX-License-Identifier: Apache-2.0
 *
 * spool.h - messages on disk: the one entry for all other layers.
 *
 * Architecture section 4 is the design.  A message is acknowledged after the
 * group commit that holds its ACCEPT has returned from fdatasync.  A commit
 * takes whatever is there; nobody waits for a timer.
 *
 * Threads: one writer thread per spool appends and syncs; readers serve cold
 * loads; a recovery thread enumerates at start; a compactor; body writers.
 * Everything below may be called from the scheduler or an I/O loop unless it
 * says otherwise; answers arrive as mail on the asker's mailbox.
 */
#ifndef IMPEL_SPOOL_H
#define IMPEL_SPOOL_H

#include "spool/message.h"
#include "base/err.h"

struct spool;

enum { SPOOL_SYNC_COMMIT, SPOOL_SYNC_NONE };
struct spool_config {
    const char *dir;
    int mode; /* of files: 0640 */
    int sync;
    uint64_t segment_bytes; /* 64 MiB; tests use less */
    uint64_t large_threshold;
    uint64_t min_free_bytes; /* floors below which mail is refused */
    uint64_t min_free_inodes;
    unsigned readers, body_writers; /* threads */
    unsigned compact_at;            /* percentage of dead records; 0: 50 */
    uint64_t compact_rate; /* bytes per second; 0: not in the background */
};

/* What recovery found of one message, merged from all its records.  A parcel is
 * what shares a domain and its newest ATTEMPT, or has none: there may be
 * several of one domain. */
struct found_parcel {
    struct str domain;    /* of the recipients, lower case */
    const uint32_t *rcpt; /* indexes of those still to be served */
    size_t rcpt_count;
    struct spool_place attempt; /* newest ATTEMPT, or nowhere */
    int64_t next_attempt;       /* wall ms; 0: never tried */
    uint32_t retries;
    struct str moved; /* of that ATTEMPT, or empty */
};
struct found {
    uint64_t id;
    struct spool_place accept;
    int64_t received, deadline, hold_until; /* wall ms */
    bool only_told; /* nothing fails at the deadline: BY_NOTIFY */
    uint64_t size;
    struct str binding;
    enum message_tls tls;
    uint32_t rcpt_total; /* of the message */
    size_t parcel_count;
    const struct found_parcel *parcel;
};

/* How the spool speaks to the scheduler; each call runs there. */
struct spool_events {
    struct mailbox *scheduler;
    void *arg;
    /* Stored and durable: a reference is handed over. */
    void (*accepted)(void *arg, struct message *m);
    /* Recovery, newest segment first; lent for the call.  Such a message may
     * be delivered at once. */
    void (*found)(void *arg, const struct found *f);
    /* Recovery is over. damaged: records that were quarantined by name. */
    void (*recovered)(void *arg, uint64_t messages, uint64_t damaged);
    /* Accepting stopped (why: a sentence) or goes on (why NULL).  pause: nor
     * can results be written; they are kept in memory until they can, so
     * nothing is to be delivered meanwhile. */
    void (*alarm)(void *arg, const char *why, bool pause);
};

/* Make or open the directory, take its lock, read its version.  ERR_BUSY,
 * ERR_VERSION, ERR_IO with the name of what failed. */
int spool_open(const struct spool_config *c, struct spool **to, struct err *e);
/* Start the threads, recovery included. */
int spool_start(struct spool *s, const struct spool_events *ev, struct err *e);
/* Commits what it was given, stops the threads, closes.  No mail is posted
 * after it returns. */
void spool_close(struct spool **s);

/* count new ids in a row, unlike any before them, over restarts too; the first
 * is returned.  A message takes one for each recipient: its own, and those
 * under which logs name the others. */
uint64_t spool_next_ids(struct spool *s, uint64_t count);
/* A number of the spool's own, which stays when its directory is moved. */
uint64_t spool_identity(const struct spool *s);
/* May mail be accepted now?  0, or ERR_FULL, ERR_IO with the reason. */
int spool_accepting(const struct spool *s, struct err *e);

/* --- accept --- */
/* A small durable value, as of spool_state_put(). */
struct spool_value {
    struct str ns, key, value; /* value absent: remove */
    int64_t expiry;            /* wall ms; 0: none */
};
struct spool_accept { /* embedded in the asker's object */
    struct mail mail;
    struct message *message; /* the asker's reference stays the asker's */
    /* NULL, or what is on disk with the message or not at all, and known by
     * spool_state_get() from done() on; lent for spool_accept().  Nobody else
     * puts that key until then. */
    const struct spool_value *with;
    struct mailbox *home;
    /* On home: 0: on disk.  Otherwise nothing was stored; e says why. */
    void (*done)(struct spool_accept *a, int result, const struct err *e);
    struct err error; /* the spool's, until done() */
    struct buf value; /* as well: the record of `with` */
    int result;
};
void spool_accept(struct spool *s, struct spool_accept *a);

/* --- results: scheduler only.  Encoded at once, so arguments may go. --- */
struct rcpt_state {           /* last result of one recipient */
    uint32_t rcpt;            /* index in the message */
    uint16_t code, status[3]; /* 451, 4.4.1; 0: none */
    uint8_t stage, reserved;
    struct str text; /* cut at 512 bytes */
};
struct attempt { /* the complete state of one parcel's open recipients */
    uint64_t id;
    struct spool_place accept;
    struct spool_place before; /* its former ATTEMPT, or nowhere */
    uint32_t retries;
    int64_t next_attempt; /* wall ms */
    struct str domain;    /* as in found_parcel */
    struct str moved;     /* where it was moved to by hand, in words of the
                             scheduler's (queue/move.h); empty or absent: it
                             was not */
    size_t rcpt_count;
    const struct rcpt_state *rcpt;
};
/* placed() (or NULL): the ATTEMPT's place, when it is durable; result < 0: the
 * write failed and will be tried again by the spool itself. */
typedef void spool_placed_f(
    void *arg, uint64_t token, struct spool_place place);
void spool_attempt(struct spool *s, const struct attempt *a,
    spool_placed_f *placed, void *arg, uint64_t token);
/* Recipients that need nothing more.  count 0: the whole message is finished
 * and everything of it may go.  attempt: the parcel's newest one, if any.
 * durable() (or NULL) follows after the commit. */
struct finish {
    uint64_t id;
    struct spool_place accept, attempt;
    size_t rcpt_count;
    const uint32_t *rcpt;
};
void spool_finish(struct spool *s, const struct finish *f,
    void (*durable)(void *arg), void *arg);
/* durable() is called on the scheduler once all that was handed over before is
 * durable; not at all if the spool is closed first. */
void spool_barrier(struct spool *s, void (*durable)(void *arg), void *arg);
/* Results that were handed over and are not durable yet. */
uint64_t spool_unwritten(const struct spool *s);

/* --- load: cold messages --- */
struct spool_load { /* embedded in the asker's object */
    struct mail mail;
    struct spool_place accept, attempt;
    uint64_t id;       /* must match what is found there */
    bool want_content; /* else the envelope alone */
    struct mailbox *home;
    void (*done)(struct spool_load *l, int result, const struct err *e);
    /* out; the asker takes the reference. */
    struct message *message;
    struct rcpt_state *rcpt; /* of the attempt; free() with its one block */
    size_t rcpt_count;
    struct err error;
    int result;
};
/* ERR_DAMAGED, ERR_NOTFOUND, ERR_IO.  Compaction may have moved it: the spool
 * follows, and reports the new places through accept and attempt. */
void spool_load(struct spool *s, struct spool_load *l);

/* --- small durable values, any thread.  ns: a module's name or "core". --- */
int spool_state_put(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, struct err *e); /* absent: remove */
/* As that, for values of modules: ERR_FULL if the key is new, and the values of
 * its namespace take more memory than they may. */
int spool_state_put_limited(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, struct err *e);
void spool_set_state_limit(struct spool *s, uint64_t bytes); /* 0: none */
/* As spool_state_put(); durable() is called on the scheduler after the
 * commit. */
int spool_state_put_told(struct spool *s, struct str ns, struct str key,
    struct str value, int64_t expiry_wall, void (*durable)(void *arg),
    void *arg, struct err *e);
/* Appends to `to`; ERR_NOTFOUND. */
int spool_state_get(
    struct spool *s, struct str ns, struct str key, struct buf *to);

/* Remove it in memory, and let its records go.  After a restart it may be there
 * again, until it expires: for values that do no harm then. */
void spool_state_forget(struct spool *s, struct str ns, struct str key);

/* Every one of a namespace that is not expired, in no order; fn calls none of
 * these four. */
typedef void spool_state_f(void *arg, struct str key, struct str value);
void spool_state_each(
    struct spool *s, struct str ns, spool_state_f *fn, void *arg);

/* --- counters for summary, health, metrics; any thread --- */
enum {
    SPOOL_ALARMS = 8,
    SPOOL_REFUSES = 1,
    SPOOL_PAUSES = 2,
    SPOOL_REFUSES_LARGE = 4
};
struct spool_alarm {  /* one kind of trouble with the disk */
    const char *what; /* a word; NULL: no more kinds */
    unsigned effects; /* SPOOL_REFUSES... */
    bool on;
    int64_t since, until; /* wall ms, of the newest; 0: never, lasts */
    uint64_t count;       /* times that it was raised */
    char text[200];       /* of the newest */
};
struct spool_stats {
    uint64_t accepted, finished, attempts, commits, commit_us, bytes_written;
    uint64_t segments, spare_segments, live_bytes, disk_bytes;
    uint64_t damaged, failed_commits, resident_loads;
    uint64_t recovered; /* messages found by recovery so far */
    int recovering;     /* 1 while it runs */
    uint64_t unwritten; /* results that are not durable yet */
    int64_t stuck_ms;   /* the commit under way takes that long */
    char alarm[200];    /* why no mail is taken; empty: it is */
    struct spool_alarm alarms[SPOOL_ALARMS];
};
void spool_get_stats(const struct spool *s, struct spool_stats *st);

/* --- without the daemon: `impel spool check|dump|compact|export` --- */
typedef void spool_say_f(void *arg, struct str line);
typedef void spool_progress_f(void *arg, uint64_t done, uint64_t total);
int spool_check(const char *dir, spool_say_f *say, spool_progress_f *progress,
    void *arg, struct err *e); /* ERR_DAMAGED if something is wrong */
int spool_dump(const char *dir, bool bodies, spool_say_f *say,
    spool_progress_f *progress, void *arg, struct err *e);
int spool_compact(const char *dir, spool_say_f *say, spool_progress_f *progress,
    void *arg, struct err *e);
/* All of it as a directory `to` that is not there yet (export.h).  keep: dir
 * stays a spool that may be used; else it is marked.  Cut off, it is begun anew
 * by the next call. */
int spool_export(const char *dir, const char *to, bool keep, spool_say_f *say,
    spool_progress_f *progress, void *arg, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_int.h - struct spool, for the files of this folder.
 */
#ifndef IMPEL_SPOOL_INT_H
#define IMPEL_SPOOL_INT_H

#include <pthread.h>
#include <stdatomic.h>
#include "loop/pool.h"
#include "spool/liveness.h"
#include "spool/spool.h"
#include "spool/spooldir.h"

struct writer;
struct keeper;
struct recover;
struct compactor;
struct state;

enum spool_trouble {     /* why mail is refused; the first that is set counts */
    SPOOL_TROUBLE_WRITE, /* latched until the ABORT is durable */
    SPOOL_TROUBLE_SPACE, /* a floor, or no new segment */
    SPOOL_TROUBLES
};

/* Large bodies may have answers on their way to a loop when the spool is
 * closed; this outlives it. */
struct spool_gate {
    _Atomic int refs;
    _Atomic bool closed;
};

struct spool {
    uint32_t magic;
    struct spool_gate *gate;
    struct spooldir *dir;
    int mode, sync;
    uint64_t segment_bytes, large_threshold;
    uint64_t min_free_bytes, min_free_inodes, compact_rate;
    unsigned compact_at;
    unsigned reader_count, body_writer_count;
    bool started;
    struct spool_events events;
    struct pool *bodies, *readers;
    struct liveness live;
    struct state *state;
    struct writer *writer;
    struct keeper *keeper;
    struct recover *recover;
    struct compactor *compactor;
    struct spool_place last_hot; /* newest frame found at start */
    uint32_t first_new_segment;  /* those below were there at start */
    _Atomic uint64_t last_commit;
    _Atomic uint64_t next_id, lsn;
    _Atomic uint32_t next_segment;
    _Atomic bool recovering, stopping;
    _Atomic uint32_t troubled;       /* bits of enum spool_trouble */
    _Atomic uint64_t slow_commit_us; /* the newest commit took that long */
    pthread_mutex_t trouble_lock;
    struct err trouble[SPOOL_TROUBLES];
    /* counters */
    _Atomic uint64_t accepted, finished, attempts, commits, commit_us;
    _Atomic uint64_t bytes_written, damaged, failed_commits, loads, recovered;
    _Atomic uint64_t large_dirs[4]; /* bits of those known to be durable */
};

void spool_gate_unref(struct spool_gate *g);

/* Set (code not 0) or clear a reason to refuse mail; tells the scheduler when
 * the sum changes.  Any thread. */
void spool_set_trouble(
    struct spool *s, enum spool_trouble which, const struct err *why);

#endif

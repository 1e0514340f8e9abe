/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_int.h - struct spool, for the files of this folder.
 */
#ifndef IMPEL_SPOOL_INT_H
#define IMPEL_SPOOL_INT_H

#include <stdatomic.h>
#include "loop/pool.h"
#include "spool/liveness.h"
#include "spool/spool.h"
#include "spool/spooldir.h"
#include "spool/trouble.h"

struct writer;
struct keeper;
struct recover;
struct compactor;
struct state;

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
    bool read_only; /* another's, which is looked at (source.h) */
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
    _Atomic uint64_t slow_commit_us; /* the newest commit took that long */
    struct trouble trouble;
    _Atomic uint64_t unwritten;   /* results that are not durable */
    _Atomic int64_t commit_begun; /* monotonic ms; 0: none under way */
    /* counters */
    _Atomic uint64_t accepted, finished, attempts, commits, commit_us;
    _Atomic uint64_t bytes_written, damaged, failed_commits, loads, recovered;
    _Atomic uint64_t large_dirs[4]; /* bits of those known to be durable */
};

void spool_gate_unref(struct spool_gate *g);
/* Opened without changing anything; for spool_close() as it is. */
int spool_open_source(const char *dir, struct spool **to, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * append.h - write frames at the end of a segment, and sync them.
 *
 * One for the writer, one for the compactor; each belongs to its thread.
 */
#ifndef IMPEL_APPEND_H
#define IMPEL_APPEND_H

#include <stdatomic.h>
#include <sys/uio.h>
#include "spool/liveness.h"

enum { APPEND_PARTS = 3, APPEND_FRAME_MAX = 8 << 20, APPEND_RECORDS = 2048 };

struct append_record {
    uint8_t type, flags;
    uint64_t id, payload_sum;
    uint64_t lsn; /* 0: the next one is taken and stands here then */
    struct iovec part[APPEND_PARTS]; /* the payload */
    size_t parts, payload_n;
    /* out: */
    struct spool_place place;
    uint32_t length;
    uint8_t head[RECORD_HEAD];
};
struct appender {
    struct live_segment *segment; /* NULL: none yet */
    uint32_t at;                  /* where the next frame goes */
    struct spool_place before;    /* the frame written last */
    struct spool_place synced;    /* the one that was synced last */
    uint32_t start;               /* first frame of the open commit */
    uint64_t commit;              /* its number */
    bool dirty;                   /* written and not synced */
    bool no_sync;                 /* SPOOL_SYNC_NONE */
    bool urgent;                  /* somebody waits for its syncs */
    struct iovec *iov;
    size_t iov_size;
};

void appender_fini(struct appender *a); /* the segment is not closed */
/* Begin in a fresh segment; the former one is synced or failed. */
void appender_use(struct appender *a, struct live_segment *s);
/* Bytes a record takes in a frame. */
uint64_t appender_record_size(uint64_t payload_n);
/* Would a frame with this many bytes of records fit? */
bool appender_fits(const struct appender *a, uint64_t record_bytes);
/* One frame.  ERR_IO, ERR_FULL: nothing of the open commit counts any more,
 * and the segment may not be written again. */
int appender_write(struct appender *a, struct append_record *const *record,
    size_t count, _Atomic uint64_t *lsn, struct err *e);
/* Ends the commit; the same on failure. */
int appender_sync(struct appender *a, struct err *e);

#endif

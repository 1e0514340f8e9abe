/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.h - one file of checked frames: its head, its frames, reading it
 * from end to end.
 *
 * A segment begins with a head of 4 KiB that holds a random id; the id is the
 * seed of every checksum in it, so bytes left by an earlier use never
 * validate.  A frame is what one write of the appender (append.h) adds: a head
 * and whole records, padded to 4 KiB.  One or several frames make a commit:
 * all that is written between two syncs, with the commit's number and its
 * first frame named in each of them.  A frame of commit N+1 is written only
 * after commit N was synced.  Hence: bad bytes before the first frame of the
 * newest commit are damage; behind it they are a torn tail.
 */
#ifndef IMPEL_SEGMENT_H
#define IMPEL_SEGMENT_H

#include "spool/record.h"
#include "spool/spooldir.h"

enum { SEGMENT_HOT, SEGMENT_COLD }; /* cold: written by compaction */
enum {
    SEGMENT_BLOCK = 4096, /* alignment of frames; size of the head */
    SEGMENT_FRAME = 64,   /* a frame's head */
    SEGMENT_FORMAT = 1
};

struct segment_head {
    uint32_t number, kind;
    uint64_t id, bytes;
    int64_t created;
};
void segment_head_encode(
    const struct segment_head *h, uint8_t to[SEGMENT_BLOCK]);
/* ERR_DAMAGED, ERR_VERSION. */
int segment_head_decode(
    const uint8_t *p, size_t n, struct segment_head *h, struct err *e);

struct frame_head {
    uint32_t length; /* head and records, without padding */
    uint32_t count;  /* records */
    uint64_t commit;
    struct spool_place before; /* frame written before, or nowhere */
    uint32_t start;            /* first frame of this commit */
    uint64_t first_lsn;
    uint64_t body_sum; /* over the sums of the records' heads */
};
void frame_encode(
    const struct frame_head *h, uint64_t segment_id, uint8_t to[SEGMENT_FRAME]);
/* p: the place `at` in a segment of n bytes. */
bool frame_decode(const uint8_t *image, size_t n, uint32_t at,
    uint64_t segment_id, struct frame_head *h);
/* One step of the sum over records: start with the frame's LSN. */
uint64_t frame_sum_add(uint64_t sum, uint64_t record_head_sum);

static inline uint64_t
segment_round(uint64_t n, uint32_t to)
{
    return (n + to - 1) & ~(uint64_t)(to - 1);
}

/* --- reading a whole segment --- */
struct segment_record {
    struct record_head head;
    uint32_t offset;
    const uint8_t *payload; /* unpacked */
    size_t payload_n;
};
struct segment_scan {
    /* in: */
    uint8_t *image; /* written to by segment_repair() only */
    size_t n;
    uint32_t stop;  /* frames from here on do not count; 0: all do */
    uint32_t known; /* what lies before was synced; 0: not known */
    void *arg;
    void (*record)(void *arg, const struct segment_record *r);
    /* Bytes that are neither; torn: an unfinished commit, else damage. */
    void (*bad)(void *arg, uint32_t offset, uint32_t n, bool torn);
    /* out: */
    struct segment_head head;
    uint32_t end;  /* behind the last frame, padded */
    uint32_t last; /* that frame; 0: none */
    uint64_t commit, max_lsn;
    uint64_t records, damaged, torn;
    struct segment_frame *frames;
    size_t frame_count;
};
struct segment_frame {
    uint32_t at, length; /* padded; a gap has no head */
    bool gap, whole, torn;
    struct frame_head head;
};
/* ERR_DAMAGED or ERR_VERSION if the head is not one; else 0, whatever was
 * met.  Release what it made with segment_scan_fini(). */
int segment_scan(struct segment_scan *s, struct err *e);
void segment_scan_fini(struct segment_scan *s);
/* Take torn records and gaps out, on disk too, so that the segment is whole
 * for every later reader.  After segment_scan(). */
int segment_repair(
    struct segment_scan *s, int fd, const char *path, struct err *e);

/* Read a file of at most max bytes; *image is freed by the caller. */
int segment_load(
    const char *path, size_t max, uint8_t **image, size_t *n, struct err *e);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * logfile.h - the log writer: a thread that appends lines to files.
 *
 * Any thread adds whole lines; they are gathered per file and written by one
 * thread, so a slow or full log disk stops no mail: above logfile_max_buffer
 * bytes lines are dropped, counted, and said so in the file when it works
 * again.  Reopening (SIGUSR1, `reopen logs`) and rotation happen there too.
 */
#ifndef IMPEL_LOGFILE_H
#define IMPEL_LOGFILE_H

#include "base/err.h"
#include "base/str.h"

struct logfile;

int logfile_start(struct err *e); /* the thread; once per process */
void logfile_stop(void);          /* writes what it holds, joins */

/* path is created with mode (octal bits) if missing; the same path opened
 * twice gives the same file, counted.  Fails if it cannot be opened now. */
struct logfile *logfile_open(const char *path, int mode, struct err *e);
/* What it holds is still written. */
void logfile_close(struct logfile **f);
/* One line, without LF.  Never blocks on the disk. */
void logfile_line(struct logfile *f, struct str line);
/* Close and open again by path, before the next write.  Any thread. */
void logfile_reopen_all(void);
/* logfile_max_buffer: what each file may hold in memory; default 4 MiB. */
void logfile_set_max_buffer(size_t bytes);
const char *logfile_path(const struct logfile *f);
uint64_t logfile_dropped(const struct logfile *f);
void logfile_sync_all(void); /* wait until all so far is written (tests) */

#endif

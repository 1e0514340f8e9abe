/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.h - what the shim shall do to which calls: the control file.
 *
 * One rule a line; CALLS are names of enum shim_call with commas between, or
 * "any"; PATTERN, the rest of the line, is one of fnmatch() for the path of
 * the file:
 *   count CALLS PATTERN
 *   slow CALLS MILLISECONDS PATTERN          the call takes at least that long
 *   fail CALLS FIRST TIMES ERROR PATTERN     from the FIRSTth call on (1 is the
 *                                            next), TIMES calls; 0: all
 *   short CALLS FIRST TIMES BYTES PATTERN    at most so many bytes are written
 *   kill CALLS FIRST PATTERN                 SIGKILL instead of that call
 * Each rule counts the calls that it matches, from the moment the file was
 * read.  The file is looked at before each call, so whoever replaces it (by
 * rename) knows that the next call obeys.
 */
#ifndef IMPEL_SHIM_RULES_H
#define IMPEL_SHIM_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define SHIM_CALLS(X) \
    X(WRITE, "write") X(SYNC, "sync") X(RENAME, "rename") \
    X(ALLOCATE, "allocate") X(TRUNCATE, "truncate") X(CREATE, "create") \
    X(OPEN, "open") X(UNLINK, "unlink") X(MKDIR, "mkdir") X(LOCK, "lock") \
    X(READ, "read") X(STATVFS, "statvfs")
/* clang-format on */
enum shim_call {
#define X(name, word) SHIM_##name,
    SHIM_CALLS(X)
#undef X
        SHIM_CALL_COUNT
};

struct shim_verdict {
    int error;     /* errno to fail with; 0: do it */
    bool is_short; /* write at most `bytes` */
    bool die;
    size_t bytes;
    int64_t slow_us;
};

/* Reads the control file again if it changed. */
void rules_look(void);
/* Does any rule speak of this call?  Else its path need not be found. */
bool rules_concern(enum shim_call call);
struct shim_verdict rules_judge(enum shim_call call, const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * spool_options.c - the rows of the spool layer.
 */
#include "spool/spool_options.h"
#include "conf/checks.h"
#include "base/banned.h"

#define GLOBAL IMPEL_SCOPE_GLOBAL

static const char *const syncs[] = {"commit", "none", NULL};

static const struct option rows[] = {
    [SPOOL_SPOOLBASE] = {.name = "spoolbase",
        .type = IMPEL_OPT_STRING,
        .scopes = GLOBAL,
        .initial = "/var/spool/impel",
        .brief = "folder of the spool; one daemon each",
        .since = "0.1",
        .flags = OPTION_RESTART,
        .check = check_path},
    [SPOOL_SPOOL_MODE] = {.name = "spool_mode",
        .type = OPTION_PERMS,
        .scopes = GLOBAL,
        .initial = "0640",
        .brief = "mode of files in the spool",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_SYNC] = {.name = "spool_sync",
        .type = IMPEL_OPT_CHOICE,
        .scopes = GLOBAL,
        .initial = "commit",
        .choices = syncs,
        .brief = "when a message is acknowledged: commit (when on disk), "
                 "none",
        .manual = "none: as soon as it is written; what the system holds "
                  "back is lost if it stops.",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_LARGE_MESSAGE_THRESHOLD] = {.name = "large_message_threshold",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "131072",
        .min = 4096,
        .max = 33554432,
        .brief = "size above which a message is kept in a file of its own",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_SEGMENT_SIZE] = {.name = "spool_segment_size",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "64M",
        .min = 1048576,
        .max = 1073741824,
        .brief = "size of a spool segment; a multiple of 4096",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_MIN_FREE] = {.name = "spool_min_free",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "256M",
        .min = 0,
        .max = 1099511627776,
        .brief = "free space below which mail is refused",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_MIN_FREE_FILES] = {.name = "spool_min_free_files",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "1000",
        .min = 0,
        .max = 1000000000,
        .brief = "free inodes below which mail is refused",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_COMPACT_AT] = {.name = "spool_compact_at",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "50",
        .min = 1,
        .max = 100,
        .brief = "percentage of a segment, of no use, at which it is compacted",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_SPOOL_COMPACT_RATE] = {.name = "spool_compact_rate",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "16M",
        .min = 65536,
        .max = 10737418240,
        .brief = "bytes a second that compaction may copy",
        .since = "0.1",
        .flags = OPTION_RESTART},
    [SPOOL_MAX_RESIDENT_BYTES] = {.name = "max_resident_bytes",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "256M",
        .min = 0,
        .max = 1099511627776,
        .brief = "bytes of content kept in memory; 0: none",
        .since = "0.1"},
    [SPOOL_MEMORY_GOAL] = {.name = "memory_goal",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "90",
        .min = 1,
        .max = 100,
        .brief = "percentage of memory above which content is dropped from "
                 "memory",
        .manual = "What the daemon has resident, of the limit of its control "
                  "group, or of the machine, or of memory_limit.",
        .since = "0.1"},
    [SPOOL_MEMORY_HWM] = {.name = "memory_hwm",
        .type = IMPEL_OPT_INT,
        .scopes = GLOBAL,
        .initial = "95",
        .min = 1,
        .max = 100,
        .brief = "percentage of memory above which new mail is refused for "
                 "now",
        .since = "0.1"},
    [SPOOL_MEMORY_LIMIT] = {.name = "memory_limit",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "0",
        .min = 0,
        .max = INT64_MAX / 2,
        .brief =
            "memory of which memory_goal and memory_hwm are shares; 0: all "
            "there is",
        .manual =
            "All there is: what the control group allows, or the machine "
            "has, but 2 GB where addresses have 32 bits.  A size above "
            "that counts as 0.  Nothing else takes notice of it: it is no "
            "limit that the system enforces.",
        .since = "0.1"},
    [SPOOL_MODULE_STATE_LIMIT] = {.name = "module_state_limit",
        .type = IMPEL_OPT_SIZE,
        .scopes = GLOBAL,
        .initial = "512M",
        .min = 0,
        .max = INT64_MAX / 2,
        .brief = "bytes of memory for the durable values of one module; 0: no "
                 "limit",
        .manual =
            "What modules remember over restarts is in memory, too, until it "
            "expires.  Reports that are awaited (mm7_report_time) are counted "
            "together, those of all modules: about 400 bytes each.  Above the "
            "limit there is a warning, state-full, and nothing new is "
            "remembered: mail goes out all the same, and a report of it, when "
            "it comes, is of a message that is not known.  By what a message "
            "that comes in is known again (ECSTREAM, MM7) counts, and is "
            "never refused.",
        .since = "0.1"},
};
struct option_set spool_options = OPTION_SET("spool", rows);

enum { READERS = 4, BODY_WRITERS = 4 };

void
spool_config_from(const struct scope *g, struct spool_config *c)
{
    *c = (struct spool_config){
        .dir = scope_str(g, OPT(spool_options, SPOOL_SPOOLBASE)).p,
        .mode = (int)scope_int(g, OPT(spool_options, SPOOL_SPOOL_MODE)),
        .sync = (int)scope_int(g, OPT(spool_options, SPOOL_SPOOL_SYNC)),
        .segment_bytes = (uint64_t)scope_int(
            g, OPT(spool_options, SPOOL_SPOOL_SEGMENT_SIZE)),
        .large_threshold = (uint64_t)scope_int(
            g, OPT(spool_options, SPOOL_LARGE_MESSAGE_THRESHOLD)),
        .min_free_bytes =
            (uint64_t)scope_int(g, OPT(spool_options, SPOOL_SPOOL_MIN_FREE)),
        .min_free_inodes = (uint64_t)scope_int(
            g, OPT(spool_options, SPOOL_SPOOL_MIN_FREE_FILES)),
        .readers = READERS,
        .body_writers = BODY_WRITERS,
        .compact_at =
            (unsigned)scope_int(g, OPT(spool_options, SPOOL_SPOOL_COMPACT_AT)),
        .compact_rate = (uint64_t)scope_int(
            g, OPT(spool_options, SPOOL_SPOOL_COMPACT_RATE)),
    };
}

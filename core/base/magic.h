/* SPDX-License-Identifier: Apache-2.0
 *
 * magic.h - the magic number of each kind of object, in one list, so that no
 * two are alike.  A new kind takes a line here.
 */
#ifndef IMPEL_MAGIC_H
#define IMPEL_MAGIC_H

#define ACCEPTOR_MAGIC 0x61636370u
#define ARENA_MAGIC 0x61726e61u
#define BATCH_MAGIC 0x62617463u
#define BUDGET_MAGIC 0x62756467u
#define BUF_MAGIC 0x62756666u
#define CONN_MAGIC 0x636f6e6eu
#define CONTENT_MAGIC 0x636f6e74u
#define CONTROL_MAGIC 0x6374726cu
#define DIAL_MAGIC 0x6469616cu
#define DNS_MAGIC 0x646e7371u
#define DOMAIN_MAGIC 0x646f6d61u
#define GENERATION_MAGIC 0x67656e65u
#define HOST_MAGIC 0x686f7374u
#define INCOMING_MAGIC 0x696e636fu
#define JOB_MAGIC 0x6a6f6221u
#define LISTENER_MAGIC 0x6c737472u
#define LOGFILE_MAGIC 0x6c6f6766u
#define LOOP_MAGIC 0x6c6f6f70u
#define MAILBOX_MAGIC 0x6d626f78u
#define MESSAGE_MAGIC 0x6d657373u
#define MODULE_MAGIC 0x6d6f6475u
#define PARCEL_MAGIC 0x70617263u
#define POOL_MAGIC 0x706f6f6cu
#define QUEUE_MAGIC 0x71756575u
#define SCHEDULER_MAGIC 0x73636864u
#define SCOPE_MAGIC 0x73636f70u
#define SEGMENT_MAGIC 0x7365676du
#define SESSION_MAGIC 0x73657373u
#define SPOOL_MAGIC 0x73706f6cu
#define TREE_MAGIC 0x74726565u
#define WATCH_MAGIC 0x77746368u
#define WRITER_MAGIC 0x77726974u

#endif

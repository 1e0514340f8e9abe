/* SPDX-License-Identifier: Apache-2.0
 *
 * receive_support.h - what tests of reception stand on: the sessions layer and
 * the spool played, and what a module does with a message.
 */
#ifndef IMPEL_RECEIVE_SUPPORT_H
#define IMPEL_RECEIVE_SUPPORT_H

#include "unit.h"

#include <impel/module.h>
#include "intake/receive.h"

enum { LIMIT = 1 << 20, CHUNK = 65536, VERDICTS = 64 };

/* The world: set up before each test, and looked at behind it. */
extern struct intake in;
extern struct intake_loop il;
extern char chunk[CHUNK];
extern unsigned rejections; /* written to the log */
int set_up(void **state);
int tear_down(void **state);
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

struct impel_session {
    struct intake_session is;
    struct {
        uint64_t tag;
        size_t rcpt;
        int verdict, stage, code;
        char text[100];
    } told[VERDICTS];
    size_t count;
    unsigned credits, ends;
};
struct impel_session *session(void);
void session_goes(struct impel_session *s);

/* Commits that have not ended; the oldest does. */
extern struct spool_accept *with_spool[8];
extern size_t with_spool_count;
void spool_answers(int result);

extern const struct impel_str no_key;
struct impel_str text(const char *z);
int sender(struct impel_incoming *m, const char *address);
int rcpt(struct impel_incoming *m, const char *address);
/* A message with a sender and a recipient. */
struct impel_incoming *begun(struct impel_session *s, uint64_t tag);
/* Give n chunks; how many were taken. */
int give(struct impel_incoming *m, int n);

#define TOLD(s, i, want_tag, want_rcpt, want_stage, want_code) \
    do { \
        assert_true((s)->count > (i)); \
        assert_int_equal((s)->told[i].tag, want_tag); \
        assert_int_equal((s)->told[i].rcpt, want_rcpt); \
        assert_int_equal((s)->told[i].stage, want_stage); \
        assert_int_equal((s)->told[i].code, want_code); \
    } while (0)

#endif

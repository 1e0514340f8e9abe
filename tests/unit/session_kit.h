/* SPDX-License-Identifier: Apache-2.0
 *
 * session_kit.h - who owns sessions in tests: counts what they tell.
 */
#ifndef IMPEL_SESSION_KIT_H
#define IMPEL_SESSION_KIT_H

#include "xport/session.h"

extern struct loop *loop; /* the test's */
extern int ready_count, back_count, closed_count;
extern int verdict;              /* of the first recipient that came back */
extern struct result closed_why; /* of the last that closed */
extern bool was_established;
extern const struct session_events kit_events; /* without tls */

/* Turn the loop until *what is n, for 5 seconds at most. */
void until(const int *what, int n);
/* A session of the toy module with its peer (toy_module.h), on `loop`; counts
 * begin anew. */
struct session *kit_open(
    struct module *m, uint16_t port, const struct session_events *events);
/* Of a group of tests: `loop`, the toy module and its peer. */
int kit_start(void **state);
int kit_stop(void **state);
extern struct module *kit_module;
/* A session of these, whose batch that comes back last stays: free kit_back. */
struct session *kit_open_keeping(void);
extern struct batch *kit_back;
/* A message of one recipient with that body. */
void kit_lend(struct session *s, const char *body, size_t n);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * fake_tls.h - sessions behind TLS, or not, where no session is real.
 */
#ifndef IMPEL_TEST_FAKE_TLS_H
#define IMPEL_TEST_FAKE_TLS_H

#include <stdbool.h>

extern bool fake_under_tls;

#endif

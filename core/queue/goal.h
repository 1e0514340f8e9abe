/* SPDX-License-Identifier: Apache-2.0
 *
 * goal.h - how many connections a queue should have (MC 4.5).
 *
 * goal = M * (1 - exp(-a * length / M)): about `a` connections for each waiting
 * message at first, at most M in the end.
 */
#ifndef IMPEL_GOAL_H
#define IMPEL_GOAL_H

#include <stdint.h>

#define GOAL_NORMAL 0.3
#define GOAL_HIGH 0.75

/* a of connection_allocation_aggressiveness: -1 and -2 are its words. */
double goal_growth(double option);
double goal_exact(double most, double length, double a);
/* Rounded; at least 1 for a queue that is not empty.  most < 0: no limit. */
uint64_t goal_connections(int64_t most, uint64_t length, double a);

#endif

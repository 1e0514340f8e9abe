/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/goal.h"

#include "base/banned.h"

enum { GOAL_STEPS = 24 };

/* exp(-x) for x >= 0 as (1 - x / 2^24)^(2^24): no libm, and exact enough. */
static double
goal_decay(double x)
{
    double y;

    if (x > 40)
        return 0;
    y = 1 - x / (double)(1 << GOAL_STEPS);
    for (int i = 0; i < GOAL_STEPS; i++)
        y *= y;
    return y;
}

double
goal_growth(double option)
{
    if (option < -1)
        return GOAL_HIGH;
    return option < 0 ? GOAL_NORMAL : option;
}

double
goal_exact(double most, double length, double a)
{
    return most <= 0 ? 0 : most * (1 - goal_decay(a * length / most));
}

uint64_t
goal_connections(int64_t most, uint64_t length, double a)
{
    double goal;

    if (!length || !most)
        return 0;
    if (most < 0)
        goal = a * (double)length;
    else
        goal = goal_exact((double)most, (double)length, a);
    return goal < 1 ? 1 : (uint64_t)(goal + 0.5);
}

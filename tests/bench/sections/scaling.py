# SPDX-License-Identifier: Apache-2.0
"""What share of a message's cost each thread has, and at how many loops which
of them is the limit.

Measured: CPU of each thread a message, with the scheduler on a thread of its
own and 1, 2 ... as many loops as there are processors (no more: then threads
would wait for processors and not for each other).  Computed: bounds, that is
the rate at which the scheduler, the writer, or the loops are busy all the
time.  Simulated: lib/pipeline.py, with those costs and more loops."""
import os

from lib import pipeline, traffic
from lib.impel import Impel
from lib.report import Report, median, number

HELP = "cost by thread, and the limit at 1 to 32 loops by simulation"
ORDER = 10

SIMULATED = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
NAMES = {"scheduler": ("impeld", "think"), "writer": ("spool writer",),
         "keeper": ("spool keeper",), "log": ("log writer",)}


def server(loops):
    """loops 0: as configured without a word, all on one thread."""
    return Impel("" if not loops else f"""
Eventloop "io" {{ Concurrency = {loops} }}
Eventloop "think" {{ Concurrency = 1 }}
Maintainer_Pool = "think"
Delivery_Pool = "io"
""")


def by_role(f):
    """us of CPU a message by role; what is of no role is a loop."""
    roles = {role: sum(f["threads_us"].get(n, 0) for n in names)
             for role, names in NAMES.items()}
    roles["loops"] = sum(us for n, us in f["threads_us"].items()
                         if n.startswith("io"))
    return roles


def measure(o, loops):
    n = o.messages or 40000
    runs = []
    for _ in range(o.runs or 3):
        f = traffic.relay(server(loops), n, o.size or 5120,
                          o.connections or 20)
        runs.append(dict(f, **by_role(f)))
    return runs


def writer_cost(o, runs):
    """(us a commit, us a message) of the writer's CPU: what a commit shares
    among its messages, told apart by loads with few and many in each."""
    points = [(f["messages_a_sync"], f["writer"]) for f in runs]
    for connections in (4, 60, 100):
        f = traffic.relay(server(1), o.messages or 40000, o.size or 5120,
                          connections)
        points.append((f["messages_a_sync"], by_role(f)["writer"]))
    # least squares of us a message = each + commit / messages a sync
    n, xs = len(points), [1 / m for m, _ in points]
    mx, my = sum(xs) / n, sum(us for _, us in points) / n
    commit = sum((x - mx) * (us - my) for x, (_, us) in zip(xs, points)) / \
        max(sum((x - mx) ** 2 for x in xs), 1e-9)
    commit = max(commit, 0)
    return commit, max(my - commit * mx, 0.1), points


def measured_table(r, found):
    rows = []
    for loops, runs in found.items():
        cost = {k: median(runs, k) for k in ("loops", *NAMES)}
        share = cost["scheduler"] / sum(cost.values())
        rows.append([number(loops) if loops else "1, the scheduler's too",
                     number(median(runs, "rate")),
                     *(number(cost[k], 1) for k in ("loops", *NAMES)),
                     f"{100 * share:.0f} %" if loops else "",
                     number(median(runs, "messages_a_sync"), 1)])
    r.table("Measured, CPU us a message",
            ["loops", "messages/s", "loops", "scheduler", "writer", "keeper",
             "log", "scheduler's share", "messages a sync"], rows)


def simulated_table(r, cost, sync_us):
    rows, limit = [], None
    bound = 1e6 / cost["scheduler"]
    for loops in SIMULATED:
        rate, busy = pipeline.simulate(
            loops=loops, connections=20 * loops, loop_us=cost["loops"],
            scheduler_us=cost["scheduler"], writer_us=cost["message"],
            commit_us=cost["commit"], sync_us=sync_us)
        by = max(busy, key=busy.get)
        if limit is None and by != "loops":
            limit = (loops, by)
        rows.append([loops, number(rate), *(f"{100 * busy[k]:.0f} %" for k in
                                            ("loops", "scheduler", "writer")),
                     by])
    r.table("Simulated, 20 connections a loop",
            ["loops", "messages/s", "loops busy", "scheduler busy",
             "writer busy", "the busiest"], rows)
    r.table("Bounds", ["figure", "messages/s"], [
        ["the scheduler busy all the time", number(bound)],
        ["the writer busy all the time, commits and syncs shared by ever more",
         number(1e6 / cost["message"])],
        ["one loop busy all the time", number(1e6 / cost["loops"])]])
    r.text("The limit is " + (
        f"the {limit[1]}, from {limit[0]} loops on." if limit else
        "the loops, at all numbers of them simulated."))
    return rows


def run(o):
    r = Report("scaling")
    most = os.cpu_count()
    found = {n: measure(o, n) for n in range(0, most + 1)}
    measured_table(r, found)
    alone = found[1]
    cost = {k: median(alone, k) for k in ("loops", *NAMES)}
    cost["commit"], cost["message"], points = writer_cost(o, alone)
    # a commit is CPU, and the wait for the disk
    sync_us = max(1000 * median(alone, "commit_ms") -
                  cost["writer"] * median(alone, "messages_a_sync"), 10)
    r.table("The writer, CPU us", ["figure", "us"], [
        ["a commit", number(cost["commit"], 1)],
        ["and each message in it", number(cost["message"], 1)],
        ["a commit waits for the disk", number(sync_us)]])
    rows = simulated_table(r, cost, sync_us)
    r.raw = {"measured": {str(k): v for k, v in found.items()},
             "sync_us": sync_us, "writer": points, "simulated": rows}
    return r

# SPDX-License-Identifier: Apache-2.0
"""The relay behind filters that say yes at once, beside none, in turn: what
asking costs.  What a filter does itself is its own affair."""
import contextlib

from lib import traffic
from lib.impel import Impel
from lib.report import Report, median, number, pair_ratio

HELP = "the relay behind filters by the milter protocol beside none"
ORDER = 2.5

# name: options of each filter (the head of milter.c); K: kept connections
FILTERS = {
    "none": [],
    "one": [{}],
    "one, not waited for": [{"q": True}],
    "one, envelope and end only": [{"s": True}],
    "one, adds a field": [{"h": True}],
    "one, gives the body anew": [{"b": True}],
    "three, each adds a field": [{"h": True}] * 3,
    "one, connections kept": [{"K": True}],
}


def through(filters, n, size, connections, k):
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(traffic.Filter(
            **{o: v for o, v in f.items() if o != "K"})) for f in filters]
        names = ", ".join(f'"{f.name}"' for f in started)
        options = f"milters = ( {names} )\n" if names else ""
        if any("K" in f for f in filters):
            options += "milter_reuse = true\n"
        server = Impel(options, connections=connections)
        run = traffic.relay(server, n, size, connections, k=k)
    seen = [f.seen for f in started]
    run["filter_cpu_ms"] = sum(1000 * s["cpu"] for s in seen) / n
    run["packets"] = sum(s["packets"] for s in seen) / n
    # the first one is wait_port()'s
    run["filter_connections"] = sum(s["connections"] - 1 for s in seen)
    if any(s["messages"] != n for s in seen):
        raise SystemExit(f"bench: a filter has not seen all: {seen}")
    return run


def row(name, runs, none):
    ratio = pair_ratio(runs, none, "rate")
    return [name, number(median(runs, "rate")), number(ratio, 2),
            number(median(runs, "cpu_ms"), 3),
            number(median(runs, "filter_cpu_ms"), 3),
            number(median(runs, "packets"), 1),
            number(median(runs, "filter_connections")),
            ", ".join(number(median(runs, f"accept_{q}"), 2)
                      for q in ("p50", "p99"))]


HEADS = ["filters", "messages/s", "of none", "CPU ms a message",
         "CPU ms of the filters", "packets a message", "connections",
         "accept ms: p50, p99"]


def run(o):
    r = Report("filter")
    n, size = o.messages or 10000, o.size or 5120
    connections = o.connections or 20
    for k, count, kinds in (
            (100, n, list(FILTERS)[:-1]),
            (1, n // 5, ["none", "one", "one, connections kept"])):
        runs = {name: [] for name in kinds}
        for _ in range(o.runs or 3):
            for name in kinds:
                runs[name].append(
                    through(FILTERS[name], count, size, connections, k))
        r.raw[f"{k} a connection"] = runs
        many = f"{k} messages" if k > 1 else "one message"
        r.table(f"{number(count)} messages of {number(size)} octets, "
                f"{connections} connections in and out, {many} a connection "
                "in", HEADS,
                [row(name, found, runs["none"])
                 for name, found in runs.items()])
    return r

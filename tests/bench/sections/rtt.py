# SPDX-License-Identifier: Apache-2.0
"""Round trips a message outbound, on warm connections to a sink whose replies
take long: the rate of a connection is 1 / (round trips * their time)."""
from lib import traffic
from lib.impel import Impel
from lib.report import Report, median, number

HELP = "outbound round trips a message, with a sink far away"
ORDER = 6

OFFERS = {"CHUNKING and PIPELINING": {},
          "PIPELINING": {"C": True},
          "CHUNKING": {"P": True},
          "neither": {"P": True, "C": True}}


def options(a):
    a.add_argument("--rtt-ms", type=int, default=50)


def one(o, messages, connections, offers):
    """From the end of a message to the end of the next on its connection: the
    banner, EHLO and the first message are not in it."""
    f = traffic.relay(Impel(connections=connections), messages,
                      o.size or 5120, connections,
                      sink={"w": o.rtt_ms, **offers})
    return dict(f, trips=f["gap_ms"] / o.rtt_ms,
                warm_rate=1000 * connections / f["gap_ms"])


def run(o):
    r = Report("rtt")
    n, connections = o.messages or 1000, o.connections or 20
    rows = []
    for offered, offers in OFFERS.items():
        runs = [one(o, n, connections, offers) for _ in range(o.runs or 3)]
        r.raw[offered] = runs
        trips = median(runs, "trips")
        rows.append([offered, number(trips, 2), number(median(runs, "warm_rate")),
                     number(median(runs, "warm_rate") / connections, 1),
                     number(median(runs, "connections"))])
        if not offers:
            r.goal("round trips a message, CHUNKING and PIPELINING offered",
                   "1", number(trips, 2), trips < 1.05)
    r.table(f"{number(n)} messages of {number(o.size or 5120)} octets over "
            f"{connections} warm connections, each reply {o.rtt_ms} ms later",
            ["the sink offers", "round trips a message", "messages/s",
             "messages/s of a connection", "connections"], rows)
    return r

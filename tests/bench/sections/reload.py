# SPDX-License-Identifier: Apache-2.0
"""A configuration of 10,000 domain stanzas, changed and reloaded again and
again while mail for all of these domains passes: nothing is lost, and how long
anybody waits meanwhile."""
import threading
import time

from lib import traffic
from lib.impel import Impel
from lib.probe import Probe
from lib.report import Report, median, number

HELP = "reloads of 10,000 stanzas under load: the longest stall"
ORDER = 9

GOAL_MS = 50
CONNECTIONS = 20
GAP = 0.2  # seconds between the end of a reload and the next
STANZA = 'Domain "d{j}.bench.test" {{ Retry_Interval = {retry} {more} }}\n'


def options(parser):
    parser.add_argument("--reload-stanzas", type=int, default=10000)


def text(stanzas, turn):
    """Each turn another one: values change, and every third stanza gains or
    loses a throttle that nothing meets."""
    throttle = 'Outbound_Throttle_Messages = "1000000/1"'
    return f"Server_Max_Outbound_Connections = {CONNECTIONS}\n" + "".join(
        STANZA.format(j=j, retry=600 + turn,
                      more=throttle if (j + turn) % 3 == 0 else "")
        for j in range(stanzas))


def reload_again(server, stanzas, end, took):
    while not end.is_set():
        server.options = text(stanzas, len(took) + 1)
        server.write()
        begun = time.monotonic()
        server.console("config", "reload")
        took.append(time.monotonic() - begun)
        end.wait(GAP)


def one(n, stanzas, reloads):
    s, end, took = Impel(text(stanzas, 0), CONNECTIONS), threading.Event(), []
    with traffic.Sink(n, i=60) as sink, \
            traffic.serving(s, sink.port) as port:
        slow = s.metrics()["slow_callbacks_total"]
        t = threading.Thread(target=reload_again,
                             args=(s, stanzas, end, took))
        with Probe(port) as p:
            begun = time.monotonic()
            if reloads:
                t.start()
            traffic.source(port, n=n, s=5120, c=CONNECTIONS, d=stanzas, k=100)
            sink.wait()
            seconds = time.monotonic() - begun
            end.set()
            if reloads:
                t.join()
        slow = s.metrics()["slow_callbacks_total"] - slow
    return dict(p.figures(), rate=n / seconds, slow=slow, reloads=len(took),
                reload_ms=1000 * median([{"s": x} for x in took], "s")
                if took else 0)


def run(o):
    r = Report("reload")
    n, runs = o.messages or 100000, o.runs or 3
    stanzas = o.reload_stanzas
    found = {what: [one(n, stanzas, what) for _ in range(runs)]
             for what in (False, True)}
    r.table(f"{number(n)} messages of 5,120 octets for {number(stanzas)} "
            f"domains with a stanza each, {CONNECTIONS} connections; the "
            "reply to NOOP on another one",
            ["reloads", "ms a reload", "messages/s", "p50 ms", "p99 ms",
             "most ms", "slow callbacks"],
            [[number(median(f, "reloads")), number(median(f, "reload_ms")),
              number(median(f, "rate")), number(median(f, "p50_ms"), 2),
              number(median(f, "p99_ms"), 2), number(median(f, "max_ms"), 1),
              number(median(f, "slow"))] for f in found.values()])
    most = median(found[True], "max_ms")
    r.goal(f"longest stall while {number(stanzas)} stanzas are reloaded",
           f"{GOAL_MS} ms", f"{most:.1f} ms", most <= GOAL_MS)
    r.raw = {str(k): v for k, v in found.items()}
    return r

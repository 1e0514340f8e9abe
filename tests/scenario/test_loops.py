# SPDX-License-Identifier: Apache-2.0
"""Several event loops, a pool of its own for deliveries, one for listeners and
a scheduler apart: everything that crosses threads, under load."""
import json
import signal
import time

import pytest

from daemon import free_port, wait_for
from peers import start_source

LOOPS = """
eventloop "deliver" { concurrency = 3 }
eventloop "accept" { concurrency = 2 }
eventloop "think" { concurrency = 1 }
maintainer_pool = "think"
delivery_pool = "deliver"
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { event_loop = "accept" }
  Relay_Hosts = ( "127.0.0.0/8" )
}
"""
SHARED = """
eventloop "p" { concurrency = 3 }
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Relay_Hosts = ( "127.0.0.0/8" )
}
"""
BOTH = pytest.mark.parametrize("loops", [LOOPS, SHARED], ids=["apart", "shared"])


def routes(port, more=""):
    return (f'Routes = ( "smtp://127.0.0.1?port={port}" )\n'
            "Retry_Interval = 1\nHost_Failure_Retry = 1\n"
            "Max_Outbound_Connections = 6\n" + more)


def test_each_loop_has_its_thread(impeld):
    d = impeld(LOOPS + routes(free_port()), listener=False)
    d.summary()  # the scheduler runs, and the others were started before
    names = d.threads()
    for name in ("deliver-0", "deliver-1", "deliver-2", "accept-0",
                 "accept-1"):
        assert names.count(name) == 1, names
    assert not any(n.startswith("think") for n in names), names


@BOTH
def test_nothing_is_lost_or_doubled_while_all_changes(impeld, sink, loops):
    """Two recipients each to 40 domains that share a host, so that sessions
    idle, are probed and go over to siblings, while the configuration is
    loaded again and again and deliveries are suspended and resumed, which
    recalls what is lent."""
    n = 3000
    s = sink("-d", 5)
    d = impeld(loops + routes(s.port, "Idle_Timeout = 1\n"), listener=False)
    load = start_source(d.port, "-n", n, "-r", 2, "-d", 40, "-s", 2000,
                        "-R", "-T", 120)
    held = False
    while load.poll() is None or len(s.served()) < 2 * n:
        held = not held
        d.ask("config", "set", "Suspend_Delivery", "=",
              "true" if held else "false")
        d.process.send_signal(signal.SIGHUP)
        d.ask("show", "outbound")
        d.ask("mailq")
        time.sleep(0.15)
        if len(s.served()) >= 2 * n:
            break
    d.ask("config", "set", "Suspend_Delivery", "=", "false")
    out, _ = load.communicate(timeout=120)
    assert json.loads(out)["acknowledged"] == n
    d.wait_empty(120)
    report = s.report()
    assert report["served"] == 2 * n
    assert report["twice"] == report["changed"] == 0
    assert len(d.wait_records("D", 2 * n)) == 2 * n


@BOTH
def test_failing_what_is_lent(impeld, sink, loops):
    """Each recipient comes to exactly one end, delivered or failed."""
    n = 400
    s = sink("-d", 50)
    d = impeld(loops + routes(s.port, "Generate_Bounces = false\n"),
               listener=False)
    load = start_source(d.port, "-n", n, "-d", 4, "-s", 2000)
    wait_for(lambda: len(s.served()) > 20, what="deliveries")
    for _ in range(20):
        d.ask("binding", "fail", "domain", "quiet", "default", "all")
        time.sleep(0.05)
    load.communicate(timeout=60)
    d.wait_empty()
    ends = wait_for(
        lambda: (r := d.records("D") + d.records("P", "bouncelog") +
                 d.records("P")) and len(r) >= n and r, 20, "all ends")
    assert len(ends) == n, len(ends)
    assert len({(r[1], r[2]) for r in ends}) == n
    assert len(d.records("D")) == s.report()["served"]


@BOTH
def test_stopping_under_load(impeld, sink, loops):
    """What was acknowledged before SIGTERM comes, now or after the start; and
    nothing comes twice, for all that was begun was ended."""
    s = sink()
    d = impeld(loops + routes(s.port), listener=False)
    n = 6000
    load = start_source(d.port, "-n", n, "-d", 20, "-s", 2000, "-R", "-T", 120)
    for _ in range(3):
        time.sleep(0.5)
        d.process.send_signal(signal.SIGHUP)
        d.terminate()
        d.start()
    out, _ = load.communicate(timeout=150)
    sent = json.loads(out)
    assert sent["acknowledged"] == n
    d.wait_empty(120)
    assert len(set(s.served())) == n
    report = s.report()
    assert report["changed"] == 0 and report["twice"] <= sent["unsure"]

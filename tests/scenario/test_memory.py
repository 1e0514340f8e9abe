# SPDX-License-Identifier: Apache-2.0
"""memory_goal and memory_hwm: mail that cannot be delivered fills memory up to
a mark and no further; what was taken is delivered in the end."""
import json
import re
import smtplib
import subprocess

import pytest

from daemon import BUILD, SANITIZED, free_port, wait_for

pytestmark = pytest.mark.skipif(
    bool(SANITIZED), reason="what a sanitizer takes is no measure")
MB = 1 << 20
LIMIT, GOAL, HWM = 40, 50, 60  # MB, percent, percent
SLACK = 8 * MB  # what comes in until the daemon looks again

CONF = """
Routes = ( "smtp://127.0.0.1?port=%d" )
Max_Outbound_Connections = 1
Server_Max_Outbound_Connections = 20
Host_Failure_Retry = 1
Retry_Interval = 10
Max_Retry_Interval = 10
Memory_Limit = %dM
Memory_Goal = %d
Memory_HWM = %d
ESMTP_Listener {
  Listen "127.0.0.1:@PORT@" { }
  Relay_Hosts = ( "127.0.0.0/8" )
  Max_Errors = 0  # who is refused comes at once again
}
"""


def resident(d):
    with open(f"/proc/{d.process.pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024


def refused(d):
    """What a sender is told; None: it is taken."""
    with smtplib.SMTP("127.0.0.1", d.port, timeout=30) as c:
        c.ehlo("x.test")
        code, text = c.mail("a@origin.test")
        return None if code == 250 else (code, text.decode())


def health(d):
    p = subprocess.run([str(BUILD / "core/prog/impel"), "-s", str(d.control),
                        "--json", "health"], capture_output=True, text=True)
    return json.loads(p.stdout)


def offer(d, first, count, size, domains):
    """The numbers of the messages that were acknowledged."""
    acked = d.dir / f"acked-{first}"
    subprocess.run(
        [str(BUILD / "tests/bench/source"), "-p", str(d.port), "-n",
         str(count), "-i", str(first), "-s", str(size), "-c", "10", "-d",
         str(domains), "-o", str(acked)], capture_output=True, timeout=120)
    return set(acked.read_text().split()) if acked.exists() else set()


def numbers(served):
    return {re.match(r"r0\.(\d+)", line)[1] for line in served}


def said_full(d, first):
    """Mail is refused and everything says why.  What was taken meanwhile: a
    little, when what is not in use was given back to the system."""
    said, told, line = refused(d), health(d), d.summary()["Memory"]
    taken = offer(d, first, 100, 1024, 1000000)
    if not taken:
        assert said[0] == 452 and "Not enough memory" in said[1]
        assert told["status"] == "ill"
        assert any("Not enough memory" in p["text"] for p in told["problems"])
        assert line == "full, new mail is refused"
    return taken


def test_memory_stops_at_the_mark_and_recovers(impeld, sink):
    port = free_port()  # nobody listens there yet
    d = impeld(CONF % (port, LIMIT, GOAL, HWM), listener=False)
    mark, taken, first = LIMIT * MB * HWM // 100, set(), 0
    while not refused(d):
        assert first < 200000, "memory is never full"
        taken |= offer(d, first, 2000, 1024, 1000000)
        first += 2000
    assert resident(d) < mark + SLACK
    for first in range(first, first + 5000, 100):
        more = said_full(d, first)
        taken |= more
        assert resident(d) < mark + SLACK
        if not more:
            break
    else:
        assert False, "memory is never full for long"
    assert d.queued() == len(taken)

    out = sink(port=port)
    wait_for(lambda: d.queued() == 0, 120, "all to be delivered")
    assert numbers(out.served()) == taken
    wait_for(lambda: not refused(d), 60, "mail to be taken again")
    wait_for(lambda: d.summary()["Memory"] == "fine", 60, "memory to be fine")
    assert health(d)["status"] == "ok"
    assert len(offer(d, first + 100, 100, 1024, 100)) == 100


def test_what_is_given_up_is_given_back(impeld, sink):
    """Messages that nobody answers for: their content is read ahead, given up
    at the goal, and does not stay with the daemon all the same."""
    limit, goal = 100, 40
    out = sink("-d", "600000")
    d = impeld((CONF % (out.port, limit, goal, 90)).replace(
        "Max_Outbound_Connections = 1\n", "Max_Outbound_Connections = 20\n"), listener=False)
    taken = offer(d, 0, 4000, 20480, 1)
    assert len(taken) == 4000  # twice the goal
    quiet = 0  # looks in a row, over more than two trims of a second each

    def stays_below():
        nonlocal quiet
        quiet = quiet + 1 if resident(d) < goal * limit * MB // 100 else 0
        return quiet >= 120

    wait_for(stays_below, 30, "memory to stay below the goal")
    assert d.queued() == 4000

# SPDX-License-Identifier: Apache-2.0
"""What the console has said is done is on disk: a kill right after the answer
undoes nothing, however slow the disk is."""
import time

import pytest

from daemon import wait_for
from peers import send

SLOW = "slow write,sync 400 */spool/segments/*.seg"


@pytest.fixture
def waiting(impeld, server, shim):
    """Four messages to each of two domains, which were tried once; and a disk
    that takes its time from here on."""
    s = server(answer=lambda stage, line: "451 4.2.1 later\r\n"
               if stage == "RCPT" else None)
    d = impeld(f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n'
               "Retry_Interval = 600\nMax_Outbound_Connections = 2\n",
               shim=shim)
    for i in range(4):
        send(d.port, [f"r{i}@x.test"])
        send(d.port, [f"r{i}@y.test"])
    d.wait_records("T", 8)
    shim.rules(SLOW)
    d.shim_rules = shim
    return d


def again(d):
    """The daemon is killed, and another has read what it left."""
    d.kill()
    d.shim_rules.clear()
    d.start()
    wait_for(lambda: not d.summary()["Recovering"], what="recovery")


def next_attempts(d, domain):
    found = d.ask_json("flush", "all", "--domain", domain, "--dry-run")
    return [d.ask_json("message", "details", r["id"])["next_attempt"]
            for r in found["rows"]]


def test_delay(waiting):
    """Twice: the second word comes while the first is being written."""
    d = waiting
    assert d.ask("delay", "1h", "--domain", "x.test") == \
        "4 messages delayed.\n"
    assert d.ask("delay", "3h", "--domain", "x.test") == \
        "4 messages delayed.\n"
    again(d)
    late = time.time() + 2.5 * 3600
    assert [t > late for t in next_attempts(d, "x.test")] == [True] * 4
    assert [t > late for t in next_attempts(d, "y.test")] == [False] * 4


@pytest.mark.parametrize("words", [
    ("fail", "all", "--domain", "x.test"),
    ("fail", "domain", "x.test"),
    ("fail", "domain", "quiet", "x.test")])
def test_fail(waiting, words):
    d = waiting
    d.ask(*words)
    again(d)
    assert d.queued() == (4 if "quiet" in words else 8)  # the bounces
    assert next_attempts(d, "x.test") == []


def test_fail_of_one(waiting):
    d = waiting
    one = d.ask_json("fail", "all", "--domain", "x.test", "--dry-run")
    d.ask("message", "fail", "quiet", one["rows"][0]["id"])
    again(d)
    assert len(next_attempts(d, "x.test")) == 3

# SPDX-License-Identifier: Apache-2.0
"""Deliveries are suspended and go on: in the configuration, and from the
console for a while, under load and over a crash."""
import threading
import time

from daemon import wait_for
from peers import send

ROUTES = ('Routes = ( "smtp://127.0.0.1?port=%d" )\n'
          "Retry_Interval = 1\nHost_Failure_Retry = 1\n")


class Gate:
    """Messages reach their end when the gate is open."""

    def __init__(self):
        self.open = threading.Event()
        self.open.set()
        self.waiting = 0

    def answer(self, stage, line):
        if stage == "BODY" and not self.open.is_set():
            self.waiting += 1
            self.open.wait(30)


def gated(impeld, server, conf="", count=8):
    """`count` messages are queued, one of them has been sent all but its last
    reply."""
    gate = Gate()
    s = server(answer=gate.answer)
    d = impeld(ROUTES % s.port + "Max_Outbound_Connections = 1\n" + conf)
    gate.open.clear()
    for i in range(count):
        send(d.port, f"r{i}@dest.test")
    wait_for(lambda: gate.waiting, what="a message under way")
    return d, s, gate


def stands_still(d, s, before):
    """Nothing more than what was begun arrives, and nobody connects."""
    wait_for(lambda: s.open == 0, what="the end of the sessions")
    time.sleep(0.3)
    assert len(s.messages) <= before + 1 and s.open == 0
    assert d.queued() == 8 - len(s.messages)


def test_suspend_delivery_recalls_what_is_not_begun(impeld, server):
    d, s, gate = gated(impeld, server)
    d.ask("config", "set", "suspend_delivery", "true")
    gate.open.set()
    stands_still(d, s, 0)
    assert "suspend" in d.ask("explain", "domain", "dest.test")
    d.ask("config", "unset", "suspend_delivery")
    d.wait_empty()
    assert len(s.messages) == 8

# SPDX-License-Identifier: Apache-2.0
"""Deliveries are suspended and go on: in the configuration, and from the
console for a while, under load and over a crash."""
import smtplib
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


def heard(d, domain="dest.test"):
    """Queues hear of it one after the other, when the answer may be there;
    and what was lent and not begun is on its way back for a moment."""
    def stands():
        doc = d.ask_json("domain", domain)
        return all(q["waits"] == "suspend_delivery" or
                   q["active"] + q["delayed"] == 0 for q in doc["queues"]) and \
            all(x["lent"] <= 1 for x in doc["sessions"])
    wait_for(stands, what=f"queues of {domain} that stand")


def test_suspend_delivery_recalls_what_is_not_begun(impeld, server):
    d, s, gate = gated(impeld, server)
    d.ask("config", "set", "suspend_delivery", "true")
    heard(d)
    gate.open.set()
    stands_still(d, s, 0)
    assert "suspend" in d.ask("explain", "domain", "dest.test")
    d.ask("config", "unset", "suspend_delivery")
    d.wait_empty()
    assert len(s.messages) == 8


def explained(d, *place):
    return d.ask("explain", "domain", "dest.test", *place)


def test_suspend_for_a_while(impeld, server):
    """From the console under load, and over by itself."""
    d, s, gate = gated(impeld, server)
    said = d.ask("suspend", "domain", "Dest.TEST", "for", "1h", "because",
                 "they", "asked")
    assert said.startswith("suspended domain dest.test until 20"), said
    heard(d)
    gate.open.set()
    stands_still(d, s, 0)
    why = explained(d)
    assert "override of domain dest.test by uid=" in why
    assert "(they asked)" in why and "next: 20" in why
    assert "because" not in d.ask("override", "list")
    assert d.summary()["Overrides"] == 1
    assert "impel_overrides 1" in d.ask("metrics")
    assert "they asked" in d.ask("override", "list")
    assert "override of domain dest.test" in d.ask(
        "config", "explain", "domain", "dest.test", "suspend_delivery")
    d.ask("suspend", "domain", "dest.test", "for", "300ms")
    assert d.summary()["Overrides"] <= 1  # in the place of the other
    d.wait_empty()
    assert len(s.messages) == 8
    assert d.ask("override", "list") == "no overrides\n"
    d.wait_log("override-set")
    d.wait_log("override-ended")


def test_a_suspension_survives(impeld, server):
    """A reload, kill -9 and a start; until somebody takes it back."""
    d, s, gate = gated(impeld, server, "Binding \"b\" { }\n")
    d.ask("suspend", "binding", "default", "for", "1d")
    d.ask("override", "set", "binding", "b", "retry_interval", "7m")
    heard(d)
    gate.open.set()
    stands_still(d, s, 0)
    came = len(s.messages)
    d.ask("config", "reload")
    send(d.port, "r8@dest.test")
    time.sleep(0.2)
    assert len(s.messages) == came
    d.ask("suspend", "domain", "late.test")  # said means written
    d.kill()
    d.start()
    wait_for(lambda: not d.summary()["Recovering"], what="recovery")
    send(d.port, "r9@dest.test")
    assert "override of binding default" in explained(d)
    assert "7m" in d.ask("config", "eval", "binding", "b", "retry_interval")
    assert len(s.messages) == came and s.open == 0
    d.ask("suspend", "all")
    assert "but it is still suspended: override of all by uid=" in d.ask(
        "resume", "binding", "default")
    assert "nobody said `suspend binding default`" in d.ask(
        "resume", "binding", "default", ok=False)
    assert d.ask("resume", "all") == "resumed all\n"
    d.wait_empty()
    assert {m.recipients[0] for m in s.messages} == {
        f"r{i}@dest.test" for i in range(10)}
    d.terminate()
    d.start()
    kept = d.ask_json("override", "list")["overrides"]
    assert [k["option"] for k in kept] == ["retry_interval",
                                           "suspend_delivery"]
    assert kept[1]["domain"] == "late.test" and "because" not in kept[1]
    assert d.ask("resume", "domain", "late.test") == \
        "resumed domain late.test\n"
    d.kill()
    d.start()
    assert len(d.ask_json("override", "list")["overrides"]) == 1
    assert d.ask("override", "clear", "binding", "b", "all") == \
        "1 override cleared\n"


def test_a_suspended_binding_leaves_the_other(impeld, server):
    s, t = server(), server()
    d = impeld(f"""
Domain "a.test" {{ Routes = ( "smtp://127.0.0.1?port={s.port}" ) }}
Domain "b.test" {{ Routes = ( "smtp://127.0.0.1?port={t.port}" ) }}
""")
    d.ask("suspend", "binding_group", "default", "domain", "a.test")
    send(d.port, "x@a.test")
    send(d.port, "x@b.test")
    t.wait(1)
    assert "suspend_delivery" in d.ask("explain", "domain", "a.test")
    assert "no binding nobody" in d.ask("suspend", "binding", "nobody",
                                        ok=False)
    assert not s.messages
    d.ask("resume", "binding_group", "default", "domain", "a.test")
    s.wait(1)


def test_a_throttle_from_the_console(impeld, server):
    """An option that a queue reads, and one that a module reads."""
    s = server()
    d = impeld(ROUTES % s.port)
    d.ask("override", "set", "outbound_throttle_messages", "2/3600", "for",
          "1h")
    for i in range(4):
        send(d.port, f"r{i}@dest.test")
    s.wait(2)
    time.sleep(0.2)
    assert len(s.messages) == 2
    assert "outbound_throttle_messages" in explained(d)
    d.ask("override", "clear", "all", "outbound_throttle_messages")
    d.wait_empty()
    assert len(s.messages) == 4


def test_a_timeout_of_a_module(impeld, server):
    """The peer says nothing to EHLO: it is waited for as long as said."""
    s = server(answer=lambda stage, line: b"" if stage in ("EHLO", "HELO")
               else None)
    d = impeld(ROUTES % s.port + "EHLO_Timeout = 300\nRetry_Interval = 60\n")
    d.ask("override", "set", "domain", "dest.test", "ehlo_timeout", "1")
    send(d.port, "x@dest.test")
    wait_for(lambda: d.records("T"), 10, "a transient failure")


def test_suspended_and_resumed_under_load(impeld, server):
    """What was begun on each connection ends, nothing more; and in the end
    each message has come once."""
    s = server(delay=0.004)
    d = impeld(ROUTES % s.port + "Max_Outbound_Connections = 8\n"
               'EventLoop "pool" { concurrency = 2 }\n')
    d.ask("suspend", "all")
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        for i in range(300):
            c.sendmail("a@origin.test", f"r{i}@d{i % 3}.test",
                       "Subject: x\r\n\r\nx\r\n")
    assert not s.messages
    d.ask("resume", "all")
    for _ in range(3):
        s.wait(min(len(s.messages) + 30, 300))
        d.ask("suspend", "all")
        for i in range(3):
            heard(d, f"d{i}.test")
        open_then = s.open  # first: what ends meanwhile is in both
        before = len(s.messages)
        wait_for(lambda: s.open == 0, what="the end of the sessions")
        assert len(s.messages) <= before + open_then
        d.ask("resume", "all")
    d.wait_empty()
    came = sorted(m.recipients[0] for m in s.messages)
    assert came == sorted(f"r{i}@d{i % 3}.test" for i in range(300))
    assert len(d.wait_records("D", 300)) == 300 and not d.records("T")


def test_fewer_connections_at_once(impeld, server):
    """A limit that is lowered ends what is too many, in the midst of work."""
    gate = Gate()
    gate.open.clear()
    s = server(delay=0.01, answer=gate.answer)
    d = impeld(ROUTES % s.port + "Max_Outbound_Connections = 8\n"
               "Suspend_Delivery = true\n")
    with smtplib.SMTP("127.0.0.1", d.port) as c:
        for i in range(250):
            c.sendmail("a@origin.test", f"r{i}@dest.test",
                       "Subject: x\r\n\r\nx\r\n")
    d.ask("config", "set", "suspend_delivery", "false")
    wait_for(lambda: gate.waiting == 8, what="all connections")
    d.ask("override", "set", "domain", "dest.test",
          "max_outbound_connections", "2", "because", "they asked")
    gate.open.set()
    wait_for(lambda: s.open <= 2, what="fewer connections")
    assert d.queued() > 50
    d.ask("override", "clear", "domain", "dest.test", "all")
    wait_for(lambda: s.open > 2, what="more connections")
    d.wait_empty()
    assert len(s.messages) == 250 and not d.records("T")
    assert len({m.recipients[0] for m in s.messages}) == 250

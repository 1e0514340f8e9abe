# SPDX-License-Identifier: Apache-2.0
"""Mail that moves: `rebind`, `reroute queue`, and a binding that is taken out of
the configuration; over kills right after the answer."""
import subprocess
import threading

import pytest

from daemon import IMPEL, wait_for
from peers import send, source

BINDINGS = """
binding "b1" { }
binding "b2" { }
binding_group "g" { binding "m1" { } binding "m2" { } }
"""
HELD = "suspend_delivery = true\n"


def routes(s, more=""):
    return f'Routes = ( "smtp://127.0.0.1?port={s.port}" )\n' \
           f"Retry_Interval = 600\n{more}"


def held(d, binding, domain):
    """How many messages wait there."""
    rows = d.ask_json("mailq", "-l", "1000")["queues"]
    return sum(r["active"] + r["delayed"] for r in rows
               if r["binding"] == binding and r["domain"] == domain)


def again(d, before=None):
    """It is killed, and another has read what it left."""
    d.kill()
    if before:
        before()
    d.start()
    wait_for(lambda: not d.summary()["Recovering"], what="recovery")


def set_free(d):
    d.write(d.conf.read_text().replace(HELD, ""))


def delivered(d, count):
    """(domain, binding) of what was delivered."""
    return sorted((r[5], r[8]) for r in d.wait_records("D", count))


# --- rebind ---

SLOW = "slow write,sync 300 */spool/segments/*.seg"


def test_what_was_rebound_is_on_disk(impeld, server, shim):
    """A kill right after the answer of a slow disk."""
    s = server()
    d = impeld(BINDINGS + routes(s, HELD), shim=shim)
    for i in range(6):
        send(d.port, [f"a{i}@x.test", f"b{i}@x.test", f"c{i}@y.test"])
    shim.rules(SLOW)
    assert d.ask("rebind", "default", "x.test", "to", "b2") == \
        "Rebound 6 messages.\n"
    d.kill()
    shim.clear()
    dump = subprocess.run([str(IMPEL), "spool", "dump", str(d.dir / "spool")],
                          capture_output=True, text=True, check=True).stdout
    assert dump.count('moved="binding b2"') == 6
    again(d)
    assert held(d, "b2", "x.test") == 6 and held(d, "default", "x.test") == 0
    assert held(d, "default", "y.test") == 6
    again(d, lambda: set_free(d))
    d.wait_empty()
    assert delivered(d, 18) == [("x.test", "b2")] * 12 + \
        [("y.test", "default")] * 6


def test_to_the_rest_of_a_group(impeld, server):
    """The one with trouble is suspended, and its mail goes by the other."""
    s = server()
    d = impeld(BINDINGS + routes(s, 'domain "x.test" '
                                    '{ assign_binding = "g" }\n'))
    for name in "m1", "m2":
        d.ask("suspend", "binding", name)
    for i in range(20):
        send(d.port, [f"r{i}@x.test"])
    m1 = held(d, "m1", "x.test")
    assert m1 and m1 + held(d, "m2", "x.test") == 20
    assert d.ask("rebind", "all") == "Rebound 0 messages.\n"
    d.ask("resume", "binding", "m2")
    d.wait_records("D", 20 - m1)
    assert d.ask("rebind", "m1", "x.test", "--dry-run").endswith(
        f"{m1} messages are meant; nothing was done.\n")
    assert d.ask("rebind", "m1") == f"Rebound {m1} messages.\n"
    d.wait_empty()
    assert delivered(d, 20) == [("x.test", "m2")] * 20


def test_the_words(impeld, server):
    s = server()
    d = impeld(BINDINGS + routes(s, HELD))
    send(d.port, ["a@x.test"], sender="news@origin.test")
    send(d.port, ["b@x.test"], sender="shop@origin.test")
    assert 'no binding or group "b9"' in d.ask(
        "rebind", "all", "to", "b9", ok=False)
    for words in ([], ["all", "to"], ["all", "x.test", "b1"], ["--dry-run"],
                  ["all", "x.test", "to", "b1", "b2"], ["all", "--quiet"]):
        d.ask("rebind", *words, ok=False)
    text = d.ask("rebind", "--dry-run", "all", "--sender", "news@*", "to", "g")
    assert "From: <news@origin.test> -> m" in text
    assert text.endswith("1 messages are meant; nothing was done.\n")
    found = d.ask_json("rebind", "all", "to", "b1", "--sender", "shop@*")
    assert found["messages"] == 1 and found["verb"] == "rebind"
    assert held(d, "b1", "x.test") == held(d, "default", "x.test") == 1
    row = d.ask_json("fail", "all", "--binding", "b1", "--dry-run")["rows"][0]
    assert "moved to binding b1 by hand (rebind)" in d.ask(
        "explain", "message", row["id"])


def move_under_load(impeld, sink, count):
    """Nothing is lost or served twice while mail moves to and fro."""
    s = sink("-i", 60)
    d = impeld(BINDINGS + routes(s, "Max_Outbound_Connections = 3\n"))
    stop = threading.Event()

    def mover():
        for k in range(1000):
            if stop.is_set():
                break
            d.ask("rebind", "all", "to", ("b1", "b2", "g", "default")[k % 4])
    t = threading.Thread(target=mover)
    t.start()
    try:
        sent = source(d.port, "-n", count, "-r", 2, "-d", 5)
        assert sent["acknowledged"] == count
    finally:
        stop.set()
        t.join()
    d.wait_empty()
    report = s.report()
    assert report["served"] == 2 * count
    assert report["twice"] == report["changed"] == 0
    assert len({r[8] for r in d.wait_records("D", 2 * count)}) > 1


def test_under_load(impeld, sink):
    move_under_load(impeld, sink, 6000)


def test_a_hundred_thousand_under_load(impeld, sink, long_run):
    move_under_load(impeld, sink, 100000)


# --- reroute queue ---

def test_a_gateway_that_changed(impeld, server):
    """It holds for new mail; what is queued goes there when it is told."""
    old = server(answer=lambda stage, line: "451 4.2.1 later\r\n"
                 if stage == "RCPT" else None)
    new = server()
    conf = 'domain "x.test" { gateway = "127.0.0.1:%d" }\nRetry_Interval = ' \
           "600\nMessage_Expiration = 86400\n"
    d = impeld(conf % old.port)
    for i in range(3):
        send(d.port, [f"r{i}@x.test"])
    d.wait_records("T", 3)
    d.write(d.conf.read_text().replace(str(old.port), str(new.port)))
    d.ask("config", "reload")
    send(d.port, ["new@x.test"])
    new.wait(1)
    assert d.queued() == 3
    assert d.ask("reroute", "queue", "127.0.0.1", "--dry-run").endswith(
        "3 messages are meant; nothing was done.\n")
    assert d.ask("reroute", "queue", "127.0.0.1") == \
        "Moved 3 messages from '127.0.0.1'.\n"
    assert d.ask("reroute", "queue", "all") == "Moved 0 messages from 'all'.\n"
    d.ask("flush", "domain", "all")
    new.wait(4)
    d.wait_empty()


@pytest.mark.parametrize("name", ["Relay.test", "#relay"])
def test_to_another_domains_queues(impeld, server, name):
    """By its routes and under its limits; a kill and a reload do not move it
    back, and a bounce is about the recipient that it was sent to."""
    full = server(answer=lambda stage, line: "451 4.2.1 later\r\n"
                  if stage == "RCPT" else None)
    relay, low = server(), name.lower()
    d = impeld(routes(full, f'domain "{low}" {{ routes = ( '
                            f'"smtp://127.0.0.1?port={relay.port}" ) }}\n'))
    for i in range(3):
        send(d.port, [f"r{i}@x.test"])
    send(d.port, ["other@y.test"])
    d.wait_records("T", 4)
    d.ask("suspend", "domain", name)
    assert d.ask("reroute", "queue", "x.test", "--newer", "1h", name) == \
        f"Moved 3 messages from 'x.test' to '{low}'.\n"
    again(d)
    d.ask("config", "reload")
    assert held(d, "default", low) == 3
    row = d.ask_json("fail", "all", "--domain", name,
                     "--dry-run")["rows"][0]
    text = d.ask("explain", "message", row["id"])
    assert f"moved to the queues of {low} by hand" in text
    assert "1 failed attempt" in text
    details = d.ask("message", "details", row["id"])
    assert "@x.test" in details and "451 4.2.1 later" in details
    d.ask("resume", "domain", name)
    d.ask("flush", "domain", name)
    relay.wait(3)
    assert all(r.endswith("@x.test") for m in relay.messages
               for r in m.recipients)
    assert d.queued() == 1


# --- a binding goes ---

def take_out(d, name, reload=True):
    d.write(d.conf.read_text().replace(f'binding "{name}" {{ }}\n', "", 1))
    if reload:
        d.ask("config", "reload")


@pytest.mark.parametrize("when", ["reload", "reload and kill", "down"])
def test_a_binding_goes(impeld, server, when):
    s = server()
    d = impeld(BINDINGS + routes(s, HELD + 'domain "x.test" '
                                           '{ assign_binding = "b1" }\n'))
    for i in range(5):
        send(d.port, [f"r{i}@x.test", f"r{i}@y.test"])
    assert d.ask("rebind", "all", "y.test", "to", "b1") == \
        "Rebound 5 messages.\n"
    assert held(d, "b1", "x.test") == held(d, "b1", "y.test") == 5
    take_out(d, "b1", reload=when != "down")
    if when != "down":
        wait_for(lambda: any("binding-emptied binding=b1 moved=10" in x
                             for x in d.log("paniclog")), what="the log")
        assert any("binding-gone binding=b1 parcels=10" in x
                   for x in d.log("paniclog"))
    if when != "reload":
        again(d)
    assert held(d, "default", "x.test") == held(d, "default", "y.test") == 5
    text = d.ask("explain", "domain", "x.test")
    assert "queue default/x.test" in text
    wait_for(lambda: "b1" not in d.ask("explain", "domain", "x.test"),
             what="the end of the empty queue")
    set_free(d)
    d.ask("config", "reload")
    d.wait_empty()
    assert {b for _, b in delivered(d, 10)} == {"default"}


def test_a_binding_goes_while_it_delivers(impeld, server):
    """What a session has begun ends there; if it has to be tried again, it is
    tried on another."""
    wait = threading.Event()
    begun = threading.Event()

    def answer(stage, line):
        if stage == "RCPT" and not wait.is_set():
            begun.set()
            wait.wait(30)
            return "451 4.2.1 later\r\n"
    s = server(answer=answer)
    d = impeld(BINDINGS + 'Routes = ( "smtp://127.0.0.1?port=%d" )\n' % s.port +
               "Retry_Interval = 1\nMax_Outbound_Connections = 1\n"
               'domain "x.test" { assign_binding = "b2" }\n')
    for i in range(4):
        send(d.port, [f"r{i}@x.test"])
    assert begun.wait(20)
    try:
        take_out(d, "b2")
        text = d.ask("explain", "domain", "x.test", "binding", "b2")
        assert "its binding is not in the configuration any more" in text
        assert "there is no binding b2" in text
        assert "b2 (not in the configuration)" in d.ask("binding", "summary")
    finally:
        wait.set()
    d.wait_empty()
    assert delivered(d, 4) == [("x.test", "default")] * 4
    assert [r[8] for r in d.records("T")].count("b2") == 1
    wait_for(lambda: "b2" not in d.ask("binding", "summary"),
             what="the end of its last session")


def test_a_binding_comes_and_goes_under_load(impeld, sink):
    s = sink("-i", 60)
    own = "".join(f'domain "d{i}.bench.test" {{ assign_binding = "b2" }}\n'
                  for i in range(3))
    d = impeld(BINDINGS + own + routes(s, "Max_Outbound_Connections = 3\n"))
    there, stop = d.conf.read_text(), threading.Event()
    gone = there.replace('binding "b2" { }\n', "", 1)

    def reloader():
        k = 0
        while not stop.is_set():
            k += 1
            d.write(gone if k % 2 else there)
            d.ask("config", "reload")
    t = threading.Thread(target=reloader)
    t.start()
    try:
        sent = source(d.port, "-n", 5000, "-r", 2, "-d", 5)
        assert sent["acknowledged"] == 5000
    finally:
        stop.set()
        t.join()
    d.wait_empty()
    report = s.report()
    assert report["served"] == 10000
    assert report["twice"] == report["changed"] == 0
    assert {r[8] for r in d.wait_records("D", 10000)} == {"b2", "default"}
    d.wait_log("binding-gone")

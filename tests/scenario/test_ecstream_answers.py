# SPDX-License-Identifier: Apache-2.0
"""ECSTREAM: what a node makes of a server that closes down, or answers what
makes no sense; and what its own answers are when there is much to say."""
import socket
import struct
import sys
import threading

import pytest

from daemon import BUILD, MODULES, SOURCE, free_port
from peers import send

sys.path.insert(0, str(SOURCE / "modules/ecstream"))
sys.dont_write_bytecode = True
import ecstream  # noqa: E402

ECSTREAM = MODULES + ":" + str(BUILD / "modules/ecstream/.libs")


def frame(kind, payload=b""):
    return struct.pack(">IB", len(payload) + 1, kind) + payload


def group(code, first, count, words="as told"):
    return (struct.pack(">H3B", code, code // 100, 0, 0) +
            ecstream.text(words) + struct.pack(">HII", 1, first, count))


def results(tag, *groups):
    return frame(ecstream.RESULTS, struct.pack(">HIH", 1, tag, len(groups)) +
                 b"".join(groups))


class Node:
    """A server: answers[i](tag, recipients) are the octets that it says to the
    END of its ith message; whatever comes later is taken."""

    def __init__(self, *answers):
        self.answers, self.connections, self.ended = list(answers), 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        octets, counts = c.makefile("rb"), {}
        try:
            while head := octets.read(5):
                length, kind = struct.unpack(">IB", head)
                self.frame(c, kind, octets.read(length - 1), counts)
        except OSError:
            pass
        c.close()

    def frame(self, c, kind, payload, counts):
        if kind == ecstream.HELLO:
            c.sendall(frame(ecstream.WELCOME, struct.pack(
                ">BIIQQIII", 1, 0, 100, 1 << 24, 0, 1000, 3600, 0) +
                ecstream.text("node.test")))
        elif kind == ecstream.MESSAGE:
            r = ecstream.Reader(payload)
            tag = r.take("I")
            r.text(), r.take("BBQ"), r.text(), r.text()
            for _ in range(2 * r.take("H")):
                r.text()
            counts[tag] = r.take("I")
        elif kind == ecstream.END:
            tag, = struct.unpack(">I", payload)
            self.ended += 1
            answer = self.answers.pop(0) if self.answers else taken
            c.sendall(answer(tag, counts[tag]))
        elif kind == ecstream.BYE:
            c.sendall(frame(ecstream.PARTED))

    def stop(self):
        self.listener.close()


def taken(tag, count):
    return results(tag, group(250, 0, count))


def goes_away(tag, count):
    return (frame(ecstream.GOAWAY, struct.pack(">H3B", 421, 4, 3, 2) +
                  ecstream.text("closing down")) +
            results(tag, group(421, 0, count)))


def covers_twice(tag, count):
    return results(tag, group(250, 0, count), group(250, 0, count))


def covers_half(tag, count):
    return results(tag, group(250, 0, count - 1))


@pytest.fixture
def node():
    made = []

    def make(*answers):
        made.append(Node(*answers))
        return made[-1]

    yield make
    for n in made:
        n.stop()


def sending(port, more=""):
    return f"""
Delivery_Method = "ECSTREAM"
Gateway = "127.0.0.1"
ECStream_Port = {port}
{more}
"""


def test_who_goes_away_costs_no_attempt(impeld, node):
    """What crosses GOAWAY on the wire is tried again at once."""
    n = node(goes_away)
    d = impeld(sending(n.port, "Retry_Interval = 3600"), modules=ECSTREAM)
    send(d.port, ["a@dest.test", "b@dest.test"])
    d.wait_empty()
    assert n.connections == 2 and n.ended == 2
    assert not d.records("T")


@pytest.mark.parametrize("answer, delivered", [
    (covers_twice, 2), (covers_half, 1)])
def test_an_answer_that_makes_no_sense(impeld, node, answer, delivered):
    """Who was told of was told of; the connection ends, and the module has not
    broken a rule of the core."""
    n = node(answer)
    d = impeld(sending(n.port, "Retry_Interval = 1\n"
                               "Host_Failure_Retry = 1\n"), modules=ECSTREAM)
    send(d.port, ["a@dest.test", "b@dest.test"])
    d.wait_empty()
    assert n.connections == 1 + (delivered < 2)
    d.wait_records("D", 2)
    assert "module-broken" not in d.log()


def test_an_answer_that_is_long(impeld):
    """Recipients whose answers differ, more than a frame has room for: their
    codes are said, without the words."""
    port = free_port()
    impeld(f"""
ECStream_Listener {{
  Listen "127.0.0.1:{port}" {{ }}
  Relay_Hosts = ( "127.0.0.0/8" )
  Max_Recipients_Per_Message = 10000
}}
Suspend_Delivery = true
""", modules=ECSTREAM)
    rcpts = [f"u{i}@dest.test" if i % 2 else "x" for i in range(9000)]
    with ecstream.Client("127.0.0.1", port) as c:
        c.send("a@origin.test", rcpts, b"Subject: one\r\n\r\nHello\r\n")
        codes = [r[0] for r in c.wait()[0].results]
        c.send("a@origin.test", rcpts[:10], b"Subject: one\r\n\r\nHello\r\n")
        assert all(r[2] for r in c.wait()[0].results)
    assert codes == [250 if i % 2 else 553 for i in range(9000)]
